// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The frame grid of a channel: frames, units, cells and audio slots as exact ticks (design, laws 1, 2, 4).
#pragma once

#include <cstdint>

#include "shared/base/ticks.h"
#include "shared/model/documents.h"

namespace dvpe::timeline {

using base::Ticks;

// One AAC frame: 1024 samples. Slot s spans [s, s + 1) of these since the epoch.
inline constexpr Ticks kAudioSlot{1024 * base::kTicksPerSample};

// A value type; every answer is exact integer arithmetic. Channel time is never negative.
class Grid {
 public:
  explicit constexpr Grid(model::FrameRate fps)
      : frame_(base::kTicksPerSecond * fps.den / fps.num), framesPerUnit_((fps.num + fps.den / 2) / fps.den) {}

  constexpr Ticks frame() const { return frame_; }
  constexpr int framesPerUnit() const { return framesPerUnit_; }
  constexpr Ticks unit() const { return frame_ * framesPerUnit_; }
  constexpr Ticks cell() const { return unit() * 4; }

  constexpr std::int64_t frameIndex(Ticks t) const { return t / frame_; }
  constexpr Ticks floorFrame(Ticks t) const { return frame_ * (t / frame_); }
  constexpr Ticks ceilFrame(Ticks t) const { return frame_ * ((t + frame_ - Ticks{1}) / frame_); }
  constexpr Ticks nearestFrame(Ticks t) const { return frame_ * ((t + frame_ / 2) / frame_); }
  // The first grid cut strictly after t.
  constexpr Ticks nextGridCut(Ticks t) const { return cell() * (t / cell() + 1); }

  // Where the audio of a segment that starts at this video cut starts: the nearest slot, as a slot number.
  static constexpr std::int64_t audioSlot(Ticks cut) { return (cut + kAudioSlot / 2) / kAudioSlot; }

 private:
  Ticks frame_;
  int framesPerUnit_;
};

}  // namespace dvpe::timeline
