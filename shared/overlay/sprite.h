// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Pixels of an overlay: what Painter makes and node/render blends. No Qt here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dvpe::overlay {

// The smallest rectangle, on even coordinates, that holds every pixel that is not wholly transparent. Coordinates are
// pixels of the rung, inside the picture. Each pixel is 0xAARRGGBB, premultiplied: no colour is above its alpha.
// Nothing to see: width and height are 0.
struct Sprite {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<std::uint32_t> argbPremultiplied;  // height rows of width pixels

  bool empty() const { return width == 0 || height == 0; }
  std::uint32_t at(int column, int row) const {
    return argbPremultiplied[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
                             static_cast<std::size_t>(column)];
  }
  bool operator==(const Sprite&) const = default;
};

}  // namespace dvpe::overlay
