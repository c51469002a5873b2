// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/scale.h"

#include <algorithm>
#include <array>

namespace dvpe::overlay::impl {
namespace {

constexpr std::int64_t kOne = 1 << 14;

struct Tap {
  int first = 0;
  std::vector<std::uint32_t> weights;  // sum: kOne
};

// For each output pixel: which input pixels, and how much of each. Positions in units of 1 / (2 * out) input pixel.
std::vector<Tap> taps(std::int64_t in, std::int64_t out) {
  std::vector<Tap> result(static_cast<std::size_t>(out));
  const std::int64_t reach = 2 * std::max(in, out);
  for (std::int64_t i = 0; i < out; ++i) {
    Tap& tap = result[static_cast<std::size_t>(i)];
    const std::int64_t centre = (2 * i + 1) * in;
    const std::int64_t first = std::max<std::int64_t>(0, (centre - reach) / (2 * out) - 1);
    const std::int64_t last = std::min(in - 1, (centre + reach) / (2 * out) + 1);
    std::vector<std::int64_t> raw;
    std::int64_t sum = 0;
    for (std::int64_t j = first; j <= last; ++j) {
      const std::int64_t distance = std::abs(centre - (2 * j + 1) * out);
      raw.push_back(std::max<std::int64_t>(0, reach - distance));
      sum += raw.back();
    }
    std::int64_t rest = kOne;
    std::size_t largest = 0;
    tap.first = static_cast<int>(first);
    for (std::size_t j = 0; j < raw.size(); ++j) {
      const std::int64_t weight = raw[j] * kOne / sum;
      tap.weights.push_back(static_cast<std::uint32_t>(weight));
      rest -= weight;
      if (raw[j] > raw[largest]) largest = j;
    }
    tap.weights[largest] += static_cast<std::uint32_t>(rest);
  }
  return result;
}

// The weighted sum of pixels that lie step apart.
std::uint32_t sum(const std::uint32_t* pixels, std::size_t step, const Tap& tap) {
  std::array<std::uint32_t, 4> total{};
  for (std::size_t j = 0; j < tap.weights.size(); ++j) {
    const std::uint32_t p = pixels[(static_cast<std::size_t>(tap.first) + j) * step];
    for (unsigned c = 0; c < 4; ++c) total[c] += (p >> (8 * c) & 255) * tap.weights[j];
  }
  std::uint32_t result = 0;
  for (unsigned c = 0; c < 4; ++c) result |= ((total[c] + kOne / 2) >> 14) << (8 * c);
  return result;
}

}  // namespace

Pixels scaledTo(const Pixels& source, int width, int height) {
  if (source.width == width && source.height == height) return source;
  const auto columns = taps(source.width, width);
  const auto rows = taps(source.height, height);
  Pixels narrow(width, source.height);
  for (int y = 0; y < source.height; ++y) {
    for (int x = 0; x < width; ++x) narrow.row(y)[x] = sum(source.row(y), 1, columns[static_cast<std::size_t>(x)]);
  }
  Pixels result(width, height);
  for (int y = 0; y < height; ++y) {
    const Tap& tap = rows[static_cast<std::size_t>(y)];
    for (int x = 0; x < width; ++x) {
      result.row(y)[x] = sum(narrow.argb.data() + x, static_cast<std::size_t>(width), tap);
    }
  }
  return result;
}

}  // namespace dvpe::overlay::impl
