// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Where an overlay stands, and how opaque it is, at each frame of its entrance and exit: integer functions of whole
// frames, the same on every machine (design, law 3).
#pragma once

#include <optional>

#include "shared/base/ticks.h"
#include "shared/model/documents.h"

namespace dvpe::overlay {

// A shift in pixels (even) and an opacity of 0 (nothing) to 256 (all).
struct Motion {
  int dx = 0, dy = 0;
  int alpha = 256;
  bool operator==(const Motion&) const = default;
};

// A rectangle in pixels of the picture.
struct Rectangle {
  int x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Rectangle&) const = default;
};

// The longest entrance or exit.
inline constexpr int kMaxAnimationMilliseconds = 10000;

// A slide is named after the direction in which the picture moves: kSlideLeft enters over the right edge and leaves
// over the left one. It begins and ends wholly outside the picture and eases by a cubic. Thread-safe: a value.
class Choreography {
 public:
  Choreography() = default;
  // where: the rectangle that the overlay's layers cover, inside a picture of width x height.
  Choreography(const model::Animation& in, const model::Animation& out, model::FrameRate fps, Rectangle where,
               int width, int height);

  // sinceStart: from the first frame's tick to this frame's. untilEnd: from this frame's tick to the first frame that
  // no longer shows the overlay; none while the end is unknown. Outside of its time the overlay has alpha 0.
  Motion at(base::Ticks sinceStart, std::optional<base::Ticks> untilEnd) const;

  // Lengths in frames.
  int inFrames() const { return in_.frames; }
  int outFrames() const { return out_.frames; }

 private:
  struct Half {
    int frames = 0;
    bool fade = false;
    int dx = 0, dy = 0;  // the shift where it is wholly outside
  };
  static void apply(const Half& half, std::int64_t shown, Motion& motion);

  base::Ticks frame_{1};
  Half in_, out_;
};

}  // namespace dvpe::overlay
