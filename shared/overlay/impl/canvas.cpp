// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/canvas.h"

#include <algorithm>
#include <array>

namespace dvpe::overlay::impl {

std::uint32_t scaled(std::uint32_t argb, std::uint32_t a) {
  return div255((argb >> 24) * a) << 24 | div255((argb >> 16 & 255) * a) << 16 | div255((argb >> 8 & 255) * a) << 8 |
         div255((argb & 255) * a);
}

std::uint32_t premultiplied(std::uint32_t straightArgb) {
  const std::uint32_t a = alphaOf(straightArgb);
  return (scaled(straightArgb, a) & 0xffffffU) | a << 24;
}

// Puts pixel(source pixel) over what is there, where both rectangles meet.
template <class Source, class Pixel>
void Canvas::blend(const Source& source, int x, int y, Pixel pixel) {
  const int x0 = std::max(x, where_.x), x1 = std::min(x + source.width, where_.x + where_.width);
  const int y0 = std::max(y, where_.y), y1 = std::min(y + source.height, where_.y + where_.height);
  if (x0 >= x1) return;
  for (int row = y0; row < y1; ++row) {
    std::uint32_t* out = pixels_.row(row - where_.y) + (x0 - where_.x);
    const auto* in = source.row(row - y) + (x0 - x);
    for (int i = 0; i < x1 - x0; ++i) {
      const std::uint32_t top = pixel(in[i]);
      const std::uint32_t a = alphaOf(top);
      if (a == 255 || (out[i] == 0 && a != 0)) {
        out[i] = top;
      } else if (a != 0) {
        out[i] = top + scaled(out[i], 255 - a);
      }
    }
  }
}

void Canvas::over(const Mask& mask, int x, int y, std::uint32_t straightColour, std::uint32_t opacity) {
  const std::uint32_t opaque = straightColour | 0xff000000U;
  const std::uint32_t alpha = div255(alphaOf(straightColour) * opacity);
  std::array<std::uint32_t, 256> colours{};
  for (std::uint32_t coverage = 0; coverage < 256; ++coverage) {
    colours[coverage] = scaled(opaque, div255(coverage * alpha));
  }
  blend(mask, x, y, [&](std::uint8_t coverage) { return colours[coverage]; });
}

void Canvas::over(const Pixels& image, int x, int y, std::uint32_t opacity) {
  blend(image, x, y, [&](std::uint32_t argb) { return scaled(argb, opacity); });
}

Sprite Canvas::crop() const {
  int left = pixels_.width, right = -1, top = -1, bottom = -1;
  for (int y = 0; y < pixels_.height; ++y) {
    const std::uint32_t* row = pixels_.row(y);
    int first = 0;
    while (first < pixels_.width && alphaOf(row[first]) == 0) ++first;
    if (first == pixels_.width) continue;
    int last = pixels_.width - 1;
    while (alphaOf(row[last]) == 0) --last;
    left = std::min(left, first);
    right = std::max(right, last);
    if (top < 0) top = y;
    bottom = y;
  }
  Sprite sprite;
  if (right < 0) return sprite;
  // The canvas is even, so that rounding outwards stays inside of it.
  left &= ~1, top &= ~1, right |= 1, bottom |= 1;
  sprite.x = where_.x + left;
  sprite.y = where_.y + top;
  sprite.width = right - left + 1;
  sprite.height = bottom - top + 1;
  sprite.argbPremultiplied.reserve(static_cast<std::size_t>(sprite.width) * static_cast<std::size_t>(sprite.height));
  for (int y = top; y <= bottom; ++y) {
    const std::uint32_t* row = pixels_.row(y);
    sprite.argbPremultiplied.insert(sprite.argbPremultiplied.end(), row + left, row + right + 1);
  }
  return sprite;
}

}  // namespace dvpe::overlay::impl
