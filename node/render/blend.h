// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// An overlay's sprite onto a frame: 8-bit integer arithmetic, the same bits on every CPU (design, law 3).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "shared/media/frame.h"
#include "shared/overlay/sprite.h"

namespace dvpe::render {

// A sprite in the frame's own colours: BT.709, limited range, 4:2:0 (ITU-R BT.709-6, 3.5; H.273, MatrixCoefficients 1),
// premultiplied: no sample is above its alpha. All of x, y, width, height are even. Chroma planes are half as wide and
// high. Immutable once made, so that encoders of all rungs may share it.
struct YuvaSprite {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<std::uint8_t> luma, alpha;        // width * height
  std::vector<std::uint8_t> u, v, chromaAlpha;  // width / 2 * height / 2
  // Of each pair of rows, the first and one past the last pair of columns that is not wholly transparent.
  struct Span {
    int first = 0, end = 0;
  };
  std::vector<Span> spans;  // height / 2

  bool empty() const { return width == 0 || height == 0; }
};

// Deterministic, any thread. A sprite whose edges are odd or whose pixels are not as many as it says becomes empty.
YuvaSprite toYuva(const overlay::Sprite& sprite);

// Puts the sprite over the frame, shifted by dx, dy (rounded down to even) and with an opacity of 0 (nothing) to
// 256 (all); what falls outside of the frame is left out. For each sample, with a = alpha * opacity / 256 and
// s = colour * opacity / 256 rounded to nearest: s + target * (255 - a) / 255, rounded to nearest.
// Touches nothing but the sprite's rectangle. The caller owns target alone; sprite may be shared between threads.
void blend(media::Frame& target, const YuvaSprite& sprite, int dx, int dy, int opacity);

// For tests and previews: a new frame that is what blend makes of this one.
std::shared_ptr<media::Frame> expectedPicture(const media::Frame& programme, const YuvaSprite& sprite, int dx = 0,
                                              int dy = 0, int opacity = 256);

// A rectangle in pixels of the frame.
struct Bounds {
  int x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Bounds&) const = default;
};

// The smallest rectangle that holds both.
Bounds both(const Bounds& a, const Bounds& b);

// Makes these rows (whole rows: top and height count, both even) of target what they are in original again. Same size.
void restoreRows(media::Frame& target, const media::Frame& original, const Bounds& rows);

// The part of a frame of this size that blend may change: empty when the sprite is wholly outside.
Bounds touched(const YuvaSprite& sprite, int dx, int dy, int frameWidth, int frameHeight);

// The smallest rectangle that holds every luma sample in which two frames of one size differ.
Bounds difference(const media::Frame& a, const media::Frame& b);

}  // namespace dvpe::render
