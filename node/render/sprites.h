// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The overlays of one variant at one rung as YUV sprites, painted once and kept until their pixels change.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "node/render/blend.h"
#include "node/render/on_air.h"
#include "shared/base/result.h"
#include "shared/media/frame.h"
#include "shared/overlay/painter.h"

namespace dvpe::render {

// Painters by overlay and rung, made once. Thread-safe.
class PainterShop {
 public:
  PainterShop(std::string assetsFolder, model::FrameRate fps) : assets_(std::move(assetsFolder)), fps_(fps) {}
  base::Result<std::shared_ptr<const overlay::Painter>> get(const model::Overlay& overlay, int width, int height);

 private:
  std::mutex mutex_;
  const std::string assets_;
  const model::FrameRate fps_;
  std::map<std::string, std::shared_ptr<const overlay::Painter>> painters_;
};

// Blends a segment's overlays into frames: a function of (overlays, tick) alone. One thread at a time.
class Sprites {
 public:
  // epoch: of the channel, for {clock}. An overlay that cannot be painted is an error that names it.
  static base::Result<Sprites> create(PainterShop& shop, const std::vector<ActiveOverlay>& overlays,
                                      base::WallTime epoch, int width, int height);

  // The answer holds every sample that was changed.
  Bounds blendInto(media::Frame& frame, Ticks at);

 private:
  struct One {
    ActiveOverlay active;
    std::shared_ptr<const overlay::Painter> painter;
    YuvaSprite sprite;
    std::int64_t paintedClock = -1, paintedCountdown = -1;  // the seconds that are painted
  };
  void repaint(One& one, Ticks at) const;
  void keepTime(One& one, Ticks at) const;

  base::WallTime epoch_{};
  std::vector<One> all_;
};

}  // namespace dvpe::render
