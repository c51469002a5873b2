// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/shape_layer.h"

#include <algorithm>

namespace dvpe::overlay::impl {
namespace {

constexpr int kGrid = 8;  // samples across a pixel, each way

// Whether x, y, counted from the centre of an ellipse with semi-axes a, b, is inside of it. All whole numbers below
// 2^17, so that the products round alike on every machine.
bool inside(double x, double y, double a, double b) { return x * x * b * b + y * y * a * a <= a * a * b * b; }

// How much of the pixel at column x, row y of the top left corner lies in the corner's ellipse, 0..255. The semi-axes
// arrive doubled, so that those of odd sizes are whole; samples are counted in 1 / (2 * kGrid) pixel.
std::uint8_t cornerCoverage(int x, int y, int doubledA, int doubledB) {
  const double a = kGrid * doubledA, b = kGrid * doubledB;
  const auto hit = [&](int sx, int sy) { return inside(2 * kGrid * x + sx - a, 2 * kGrid * y + sy - b, a, b); };
  if (hit(0, 0)) return 255;         // the corner that is farthest from the centre
  if (!hit(2 * kGrid, 2 * kGrid)) {  // the nearest one; a pixel across the middle is sampled all the same
    if (2 * (x + 1) <= doubledA && 2 * (y + 1) <= doubledB) return 0;
  }
  int hits = 0;
  for (int sy = 0; sy < kGrid; ++sy) {
    for (int sx = 0; sx < kGrid; ++sx) hits += hit(2 * sx + 1, 2 * sy + 1);
  }
  return static_cast<std::uint8_t>((hits * 255 + kGrid * kGrid / 2) / (kGrid * kGrid));
}

}  // namespace

// Only the corners are sampled; the rest is full.
Mask shapeMask(model::ShapeKind shape, int width, int height, int radius) {
  Mask mask(width, height);
  std::fill(mask.coverage.begin(), mask.coverage.end(), std::uint8_t{255});
  if (shape == model::ShapeKind::kRectangle) return mask;
  const bool ellipse = shape == model::ShapeKind::kEllipse;
  const int doubledA = ellipse ? width : 2 * std::clamp(radius, 0, std::min(width, height) / 2);
  const int doubledB = ellipse ? height : doubledA;
  const int columns = (doubledA + 1) / 2, rows = (doubledB + 1) / 2;
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      const std::uint8_t coverage = cornerCoverage(x, y, doubledA, doubledB);
      mask.row(y)[x] = mask.row(y)[width - 1 - x] = coverage;
      mask.row(height - 1 - y)[x] = mask.row(height - 1 - y)[width - 1 - x] = coverage;
    }
  }
  return mask;
}

}  // namespace dvpe::overlay::impl
