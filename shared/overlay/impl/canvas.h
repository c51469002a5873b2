// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Integer compositing. Colours are premultiplied 0xAARRGGBB; a mask is one coverage byte per pixel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shared/overlay/motion.h"
#include "shared/overlay/sprite.h"

namespace dvpe::overlay::impl {

// x / 255, rounded to nearest, for x up to 255 * 255.
constexpr std::uint32_t div255(std::uint32_t x) {
  const std::uint32_t t = x + 128;
  return (t + (t >> 8)) >> 8;
}

constexpr std::uint32_t alphaOf(std::uint32_t argb) { return argb >> 24; }

// Every channel of a pixel times a / 255.
std::uint32_t scaled(std::uint32_t argb, std::uint32_t a);
// A straight colour as a premultiplied one.
std::uint32_t premultiplied(std::uint32_t straightArgb);

// A rectangle of pixels of its own size.
struct Pixels {
  int width = 0, height = 0;
  std::vector<std::uint32_t> argb;
  Pixels() = default;
  Pixels(int w, int h) : width(w), height(h), argb(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  std::uint32_t* row(int y) { return argb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width); }
  const std::uint32_t* row(int y) const {
    return argb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
};

struct Mask {
  int width = 0, height = 0;
  std::vector<std::uint8_t> coverage;
  Mask() = default;
  Mask(int w, int h) : width(w), height(h), coverage(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  std::uint8_t* row(int y) { return coverage.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width); }
  const std::uint8_t* row(int y) const {
    return coverage.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
};

// A part of the picture, transparent at first, on which layers are put one over the other.
class Canvas {
 public:
  // where: even, inside the picture.
  explicit Canvas(Rectangle where) : where_(where), pixels_(where.width, where.height) {}

  // One colour through a mask whose top left pixel is at x, y of the picture. opacity 0..255.
  void over(const Mask& mask, int x, int y, std::uint32_t straightColour, std::uint32_t opacity);
  void over(const Pixels& image, int x, int y, std::uint32_t opacity);

  // The smallest even rectangle that is not transparent.
  Sprite crop() const;

 private:
  template <class Source, class Pixel>
  void blend(const Source& source, int x, int y, Pixel pixel);

  Rectangle where_;
  Pixels pixels_;
};

}  // namespace dvpe::overlay::impl
