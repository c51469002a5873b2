// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One channel of a node, wired: stamped stream -> cuts -> decode -> render -> package -> feed. The only place where the
// stages know of each other.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "node/decode/decoder.h"
#include "node/package/packager.h"
#include "node/render/budget.h"
#include "node/render/renderer.h"
#include "node/timeline/cutter.h"
#include "node/timeline/queue.h"
#include "node/timeline/recording.h"

namespace dvpe::node {

// Where a channel's way through the node is counted. Called on the encoders' threads.
struct ChannelMetrics {
  std::function<void(double seconds, bool segmentStart)> frame;  // last byte in -> packet out
  std::function<void(double seconds)> published;                 // last picture of a cell encoded -> listed
};

struct ChannelOptions {
  model::Channel channel;
  model::Profile profile;
  std::string assetsFolder;     // of overlays
  std::filesystem::path state;  // the node's state folder
  std::string recordFile;       // empty: the stamped stream is not recorded
  std::size_t queue = 2048;     // messages
  ChannelMetrics metrics;
};

// Threads: push() from ingest; one thread of its own for cuts and decoding, one for packaging, which waits for the
// disk; encoders on the pool.
class Channel final : public timeline::StampedSink {
 public:
  // Opens journal and window; kIo, kConflict (another profile's init segments) are start-up errors.
  static base::Result<std::unique_ptr<Channel>> create(ChannelOptions options, boost::asio::any_io_executor pool,
                                                       render::Budget& budget);
  ~Channel() override;

  // What the journal held: for the stamper, the director and the router.
  const timeline::JournalContent& journalled() const { return journalled_; }
  // Where to go on from: the state of the journal, if the channel was on air.
  const std::optional<timeline::CutState>& resume() const { return resume_; }
  timeline::Demand& demand() { return demand_; }
  package::Window& window() { return *window_; }
  package::Packager& packager() { return *packager_; }
  const package::Packager& packager() const { return *packager_; }

  void start(std::vector<timeline::FeedListener*> listeners);
  void stop();  // what was pushed is still processed

  void push(timeline::StampedMessage message) override { queue_.push(std::move(message)); }
  // The cell is in viewers' playlists: for the figures only. Any thread.
  void listed(std::int64_t msn);
  bool busy() const { return queue_.full(); }
  std::size_t queued() const { return queue_.size(); }
  const decode::DecodeCounters& decodeCounters() const { return decoder_->counters(); }
  int variantsOnAir() const { return variants_; }
  int variantsRefused() const { return refused_; }

 private:
  class Output;
  class Sink;

  Channel(ChannelOptions options, boost::asio::any_io_executor pool, render::Budget& budget);
  base::Result<void> open();
  base::Result<void> putInits();
  void run();
  void process(const timeline::StampedMessage& message);
  std::vector<timeline::Cut> cutsOf(const timeline::StampedMessage& message);
  void frame(const decode::SlottedFrame& slotted);
  void beginResumed();
  void beginCell(const timeline::Cut& cut, bool rendered);
  void encoded(std::int64_t msn, std::chrono::steady_clock::time_point when);

  const ChannelOptions options_;
  const timeline::Grid grid_;
  boost::asio::any_io_executor pool_;
  render::Budget& budget_;
  timeline::BlockingQueue<timeline::StampedMessage> queue_;
  timeline::Demand demand_;
  timeline::JournalContent journalled_;
  std::optional<timeline::CutState> resume_;
  std::unique_ptr<timeline::Journal> journal_;
  std::unique_ptr<package::Window> window_;
  std::unique_ptr<timeline::Recorder> recorder_;

  std::unique_ptr<boost::asio::thread_pool> packaging_;  // one thread

  timeline::Cutter cutter_;
  std::unique_ptr<decode::Decoder> decoder_;
  std::unique_ptr<package::Packager> packager_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<render::Renderer> renderer_;
  std::vector<decode::Slotted> slotted_;
  std::deque<timeline::Cut> pending_;  // made, their first picture still to come
  bool begun_ = false;                 // a cell is open
  std::vector<std::string> running_;   // variants of the open cell
  double decodeCost_ = 0;
  std::atomic<int> variants_{0}, refused_{0};
  std::mutex encodedMutex_;
  std::map<std::int64_t, std::chrono::steady_clock::time_point> encoded_;  // cell -> when its last picture was
  std::thread thread_;
};

}  // namespace dvpe::node
