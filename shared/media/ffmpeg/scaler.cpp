// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "shared/media/ffmpeg/av.h"
#include "shared/media/video.h"

namespace dvpe::media {
namespace {

struct Rectangle {
  int x = 0, y = 0, width = 0, height = 0;
};

// Where the picture lands: all of it when the aspects agree within 1 %, else centred, on even pixels.
Rectangle fit(const Frame& from, const Frame& to) {
  const std::int64_t a = static_cast<std::int64_t>(from.width()) * to.height();
  const std::int64_t b = static_cast<std::int64_t>(to.width()) * from.height();
  if (std::abs(a - b) * 100 <= std::max(a, b)) {
    return {0, 0, to.width(), to.height()};
  }
  Rectangle r{0, 0, to.width(), to.height()};
  if (a > b) {  // wider than the target
    r.height = static_cast<int>(static_cast<std::int64_t>(to.width()) * from.height() / from.width()) & ~1;
  } else {
    r.width = static_cast<int>(static_cast<std::int64_t>(to.height()) * from.width() / from.height()) & ~1;
  }
  r.width = std::max(r.width, 2);
  r.height = std::max(r.height, 2);
  r.x = ((to.width() - r.width) / 2) & ~1;
  r.y = ((to.height() - r.height) / 2) & ~1;
  return r;
}

void paint(Frame& f, int plane, int x, int y, int width, int height, int value) {
  for (int row = y; row < y + height && width > 0; ++row) {
    std::memset(f.plane(plane) + static_cast<std::ptrdiff_t>(row) * f.stride(plane) + x, value,
                static_cast<std::size_t>(width));
  }
}

// Black around the picture. After scaling, because vector code may write a few pixels past a row's end.
void paintBars(Frame& to, const Rectangle& r) {
  for (int i = 0; i < 3; ++i) {
    const int d = i == 0 ? 1 : 2;
    const int value = i == 0 ? 16 : 128;
    const int w = to.width() / d, h = to.height() / d;
    const int x = r.x / d, y = r.y / d, rw = r.width / d, rh = r.height / d;
    paint(to, i, 0, 0, w, y, value);
    paint(to, i, 0, y + rh, w, h - y - rh, value);
    paint(to, i, 0, y, x, rh, value);
    paint(to, i, x + rw, y, w - x - rw, rh, value);
  }
}

class SwsScaler final : public Scaler {
 public:
  base::Result<void> scale(const Frame& from, Frame& to) override {
    if (from.width() == to.width() && from.height() == to.height()) {
      to.copyFrom(from);
      return base::success();
    }
    const Rectangle r = fit(from, to);
    context_.reset(sws_getCachedContext(
        context_.release(), from.width(), from.height(), AV_PIX_FMT_YUV420P, r.width, r.height, AV_PIX_FMT_YUV420P,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INP, nullptr, nullptr, nullptr));
    if (!context_) {
      return base::fail(base::ErrorCode::kUnsupported, "swscale does not take this size");
    }
    const std::uint8_t* source[4] = {from.plane(0), from.plane(1), from.plane(2), nullptr};
    const int sourceStrides[4] = {from.stride(0), from.stride(1), from.stride(2), 0};
    std::uint8_t* target[4] = {};
    int targetStrides[4] = {};
    for (int i = 0; i < 3; ++i) {
      const int d = i == 0 ? 1 : 2;
      target[i] = to.plane(i) + static_cast<std::ptrdiff_t>(r.y / d) * to.stride(i) + r.x / d;
      targetStrides[i] = to.stride(i);
    }
    if (sws_scale(context_.get(), source, sourceStrides, 0, from.height(), target, targetStrides) != r.height) {
      return base::fail(base::ErrorCode::kInternal, "swscale did not scale a picture");
    }
    paintBars(to, r);
    return base::success();
  }

 private:
  ffmpeg::ScalePtr context_;
};

}  // namespace

std::unique_ptr<Scaler> makeScaler() { return std::make_unique<SwsScaler>(); }

}  // namespace dvpe::media
