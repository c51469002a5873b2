// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Pictures on the grid -> encoded segments of the base and of every variant that is on air (design, laws 2 and 3).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "node/render/on_air.h"
#include "node/render/sprites.h"
#include "node/timeline/grid.h"
#include "shared/base/result.h"
#include "shared/media/video.h"

namespace dvpe::render {

// Where the pictures of one segment (of one variant, at one rung) go. Used by one thread at a time, in order; then
// destroyed. Exactly one of finish and fail is called, last.
class SegmentOutput {
 public:
  virtual ~SegmentOutput() = default;
  virtual base::Result<void> add(Ticks at, media::EncodedPicture picture) = 0;
  virtual void finish(Ticks end) = 0;
  virtual void fail(const base::Error& error) = 0;
};

// Told of what the encoders do, on their threads. Must be thread-safe and return soon.
class RenderListener {
 public:
  virtual ~RenderListener() = default;
  virtual std::unique_ptr<SegmentOutput> open(std::int64_t msn, Ticks start, const std::string& variant,
                                              std::size_t rung) = 0;
  // A frame was encoded: from the arrival of the packet that let it out. start: the first of its segment.
  virtual void frameDone(std::chrono::steady_clock::duration sinceArrival, bool start) = 0;
};

// One channel's encoders. For each segment, rung and variant a fresh encoder runs on a strand of the pool; the scaled
// picture of a rung is shared by all of them. At most kMaxWaiting pictures wait for each encoder: then frame() BLOCKS.
//
// begin() and frame() on the channel's thread. Segments are functions of their pictures, overlays and profile.
class Renderer {
 public:
  static constexpr int kMaxWaiting = 12;

  Renderer(const model::Profile& profile, base::WallTime epoch, std::string assetsFolder,
           boost::asio::any_io_executor pool, RenderListener& listener);
  ~Renderer();  // waits for the encoders

  // Ends the running segment at this cut and starts the next one with these variants besides the base. programme:
  // false leaves the base itself to somebody else.
  void begin(std::int64_t msn, Ticks at, const std::vector<Variant>& variants, bool programme = true);
  // The next picture. Frames before the first begin() are passed over.
  void frame(Ticks at, const media::FramePtr& picture, std::chrono::steady_clock::time_point arrived);
  // Waits until everything that was given has been encoded.
  void wait();

  // Smoothed CPU cost, in CPU seconds per second of programme: of the base ladder with its scaling, and of one variant.
  double programmeCost() const;
  double variantCost() const;

 private:
  class Task;
  struct RungState;

  void post(const std::shared_ptr<Task>& task, Ticks at, media::FramePtr picture,
            std::chrono::steady_clock::time_point arrived);
  void taken();
  void spent(bool base, std::size_t rung, double seconds);

  const model::Profile profile_;
  const timeline::Grid grid_;
  const base::WallTime epoch_;
  PainterShop shop_;
  boost::asio::any_io_executor pool_;
  RenderListener& listener_;
  std::vector<std::unique_ptr<RungState>> rungs_;
  std::map<std::string, boost::asio::any_io_executor> strands_;  // by variant and rung
  std::vector<std::shared_ptr<Task>> tasks_;
  Ticks started_{};
  bool running_ = false;

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::size_t waiting_ = 0;
  std::vector<double> baseCost_, variantCost_;  // per rung, CPU seconds per frame
  double scaleCost_ = 0;
};

}  // namespace dvpe::render
