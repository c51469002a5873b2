// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/blend.h"

#include <algorithm>
#include <cstring>

namespace dvpe::render {
namespace {

using Byte = std::uint8_t;

// Weights in 1/65536 of a limited-range step per full-range step: Kr = 0.2126, Kb = 0.0722; luma spans 219 steps,
// chroma 224. The rows sum to 219/255 and to 0.
constexpr std::int64_t kYr = 11966, kYg = 40254, kYb = 4064;
constexpr std::int64_t kUr = -6596, kUg = -22189, kUb = 28785;
constexpr std::int64_t kVr = 28785, kVg = -26145, kVb = -2640;
static_assert(kYr + kYg + kYb == 56284 && kUr + kUg + kUb == 0 && kVr + kVg + kVb == 0);

struct Colour {
  std::int64_t r = 0, g = 0, b = 0, a = 0;
};

Colour unpack(std::uint32_t argb) {
  const std::int64_t a = argb >> 24;
  const auto part = [&](unsigned shift) { return std::min<std::int64_t>(argb >> shift & 255, a); };
  return {part(16), part(8), part(0), a};
}

// value / 2^bits to nearest, kept between 0 and limit.
Byte rounded(std::int64_t value, unsigned bits, std::int64_t limit) {
  return static_cast<Byte>(std::clamp<std::int64_t>((value + (std::int64_t{1} << (bits - 1))) >> bits, 0, limit));
}

// round(65536 * level * alpha / 255): the share of black (16) or of grey (128) in a premultiplied sample.
std::int64_t offset(std::int64_t level, std::int64_t alpha) { return (65536 * level * alpha + 127) / 255; }

void convertBlock(const overlay::Sprite& in, int column, int row, YuvaSprite& out) {
  Colour sum;
  for (int dy = 0; dy < 2; ++dy) {
    for (int dx = 0; dx < 2; ++dx) {
      const Colour c = unpack(in.at(column + dx, row + dy));
      const auto at = static_cast<std::size_t>(row + dy) * static_cast<std::size_t>(in.width) +
                      static_cast<std::size_t>(column + dx);
      out.alpha[at] = static_cast<Byte>(c.a);
      out.luma[at] = rounded(kYr * c.r + kYg * c.g + kYb * c.b + offset(16, c.a), 16, c.a);
      sum.r += c.r, sum.g += c.g, sum.b += c.b, sum.a += c.a;
    }
  }
  const auto at =
      static_cast<std::size_t>(row / 2) * static_cast<std::size_t>(in.width / 2) + static_cast<std::size_t>(column / 2);
  const std::int64_t alpha = (sum.a + 2) / 4;
  out.chromaAlpha[at] = static_cast<Byte>(alpha);
  // Grey comes from the rounded alpha, so that grey over grey stays grey.
  out.u[at] = rounded(kUr * sum.r + kUg * sum.g + kUb * sum.b + 4 * offset(128, alpha), 18, alpha);
  out.v[at] = rounded(kVr * sum.r + kVg * sum.g + kVb * sum.b + 4 * offset(128, alpha), 18, alpha);
  if (sum.a != 0) {
    auto& span = out.spans[static_cast<std::size_t>(row / 2)];
    if (span.end == 0) span.first = column / 2;
    span.end = column / 2 + 1;
  }
}

// One row. 16-bit arithmetic without branches, which compilers turn into vectors of 8 or more; wholly opaque sprites
// skip a multiplication each.
void blendRow(Byte* __restrict out, const Byte* __restrict colour, const Byte* __restrict alpha, int n, int opacity) {
  const auto m = static_cast<std::uint16_t>(opacity);
  for (int i = 0; i < n; ++i) {
    const auto s = static_cast<std::uint16_t>(static_cast<std::uint16_t>(colour[i] * m + 128) >> 8);
    const auto a = static_cast<std::uint16_t>(static_cast<std::uint16_t>(alpha[i] * m + 128) >> 8);
    const auto t = static_cast<std::uint16_t>(out[i] * static_cast<std::uint16_t>(255 - a) + 128);
    out[i] = static_cast<Byte>(s + (static_cast<std::uint16_t>(t + (t >> 8)) >> 8));
  }
}

void blendRowOpaque(Byte* __restrict out, const Byte* __restrict colour, const Byte* __restrict alpha, int n) {
  for (int i = 0; i < n; ++i) {
    const auto t = static_cast<std::uint16_t>(out[i] * static_cast<std::uint16_t>(255 - alpha[i]) + 128);
    out[i] = static_cast<Byte>(colour[i] + (static_cast<std::uint16_t>(t + (t >> 8)) >> 8));
  }
}

struct Plane {
  const std::vector<Byte>& colour;
  const std::vector<Byte>& alpha;
};

}  // namespace

YuvaSprite toYuva(const overlay::Sprite& sprite) {
  YuvaSprite out;
  const std::size_t n =
      static_cast<std::size_t>(std::max(0, sprite.width)) * static_cast<std::size_t>(std::max(0, sprite.height));
  if (n == 0 || n != sprite.argbPremultiplied.size() || ((sprite.x | sprite.y | sprite.width | sprite.height) & 1)) {
    return out;
  }
  out.x = sprite.x, out.y = sprite.y, out.width = sprite.width, out.height = sprite.height;
  out.luma.resize(n), out.alpha.resize(n);
  out.u.resize(n / 4), out.v.resize(n / 4), out.chromaAlpha.resize(n / 4);
  out.spans.resize(static_cast<std::size_t>(sprite.height / 2));
  for (int row = 0; row < sprite.height; row += 2) {
    for (int column = 0; column < sprite.width; column += 2) convertBlock(sprite, column, row, out);
  }
  return out;
}

Bounds touched(const YuvaSprite& sprite, int dx, int dy, int frameWidth, int frameHeight) {
  const int x = sprite.x + (dx & ~1), y = sprite.y + (dy & ~1);
  const int x0 = std::max(0, x), x1 = std::min(frameWidth, x + sprite.width);
  const int y0 = std::max(0, y), y1 = std::min(frameHeight, y + sprite.height);
  if (x0 >= x1 || y0 >= y1) return {};
  return {x0, y0, x1 - x0, y1 - y0};
}

Bounds both(const Bounds& a, const Bounds& b) {
  if (a.width == 0 || a.height == 0) return b;
  if (b.width == 0 || b.height == 0) return a;
  const int x = std::min(a.x, b.x), y = std::min(a.y, b.y);
  return {x, y, std::max(a.x + a.width, b.x + b.width) - x, std::max(a.y + a.height, b.y + b.height) - y};
}

void restoreRows(media::Frame& target, const media::Frame& original, const Bounds& rows) {
  for (int p = 0; p < 3; ++p) {
    const int shift = p == 0 ? 0 : 1;
    const std::ptrdiff_t stride = target.stride(p);
    const std::ptrdiff_t from = stride * (rows.y >> shift);
    std::memcpy(target.plane(p) + from, original.plane(p) + from,
                static_cast<std::size_t>(stride * (rows.height >> shift)));
  }
}

void blend(media::Frame& target, const YuvaSprite& sprite, int dx, int dy, int opacity) {
  const Bounds where = touched(sprite, dx, dy, target.width(), target.height());
  opacity = std::clamp(opacity, 0, 256);
  if (where.width == 0 || opacity == 0) return;
  const int left = sprite.x + (dx & ~1), top = sprite.y + (dy & ~1);
  const Plane planes[3] = {{sprite.luma, sprite.alpha}, {sprite.u, sprite.chromaAlpha}, {sprite.v, sprite.chromaAlpha}};
  for (int p = 0; p < 3; ++p) {
    const int shift = p == 0 ? 0 : 1;  // the chroma planes are half as large
    const int width = sprite.width >> shift;
    for (int y = where.y >> shift; y < (where.y + where.height) >> shift; ++y) {
      const int row = y - top / (1 << shift);
      const auto& span = sprite.spans[static_cast<std::size_t>(shift ? row : row / 2)];
      // In columns of this plane, of the picture.
      const int offsetX = left / (1 << shift);
      const int first = std::max(where.x >> shift, offsetX + (shift ? span.first : 2 * span.first));
      const int end = std::min((where.x + where.width) >> shift, offsetX + (shift ? span.end : 2 * span.end));
      if (first >= end) continue;
      const auto at =
          static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(first - offsetX);
      Byte* out = target.plane(p) + static_cast<std::ptrdiff_t>(y) * target.stride(p) + first;
      const Byte* colour = planes[p].colour.data() + at;
      const Byte* alpha = planes[p].alpha.data() + at;
      if (opacity == 256) {
        blendRowOpaque(out, colour, alpha, end - first);
      } else {
        blendRow(out, colour, alpha, end - first, opacity);
      }
    }
  }
}

std::shared_ptr<media::Frame> expectedPicture(const media::Frame& programme, const YuvaSprite& sprite, int dx, int dy,
                                              int opacity) {
  auto picture = std::make_shared<media::Frame>(programme.width(), programme.height());
  picture->copyFrom(programme);
  blend(*picture, sprite, dx, dy, opacity);
  return picture;
}

Bounds difference(const media::Frame& a, const media::Frame& b) {
  int x0 = a.width(), x1 = -1, y0 = a.height(), y1 = -1;
  for (int y = 0; y < a.height(); ++y) {
    const Byte* p = a.plane(0) + static_cast<std::ptrdiff_t>(y) * a.stride(0);
    const Byte* q = b.plane(0) + static_cast<std::ptrdiff_t>(y) * b.stride(0);
    for (int x = 0; x < a.width(); ++x) {
      if (p[x] == q[x]) continue;
      x0 = std::min(x0, x), x1 = std::max(x1, x);
      y0 = std::min(y0, y), y1 = std::max(y1, y);
    }
  }
  if (x1 < 0) return {};
  return {x0, y0, x1 - x0 + 1, y1 - y0 + 1};
}

}  // namespace dvpe::render
