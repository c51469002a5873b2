// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/media/ffmpeg/picture.h"

#include <atomic>
#include <cstring>

#include "shared/media/impl/cpu.h"
#include "shared/media/video.h"

namespace dvpe::media {
namespace {
std::atomic<bool> baseline{false};
}  // namespace

bool impl::baselineCpu() { return baseline.load(); }

void useBaselineCpu() {
  baseline.store(true);
  av_force_cpu_flags(0);
}

namespace ffmpeg {
namespace {

// Full range and BT.601 are converted; what says nothing is taken for BT.709 limited, as broadcast sources are.
bool isFullRange(const AVFrame& f) {
  return f.color_range == AVCOL_RANGE_JPEG || f.format == AV_PIX_FMT_YUVJ420P || f.format == AV_PIX_FMT_YUVJ422P ||
         f.format == AV_PIX_FMT_YUVJ444P;
}
int matrixOf(const AVFrame& f) {
  switch (f.colorspace) {
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_BT470BG:
      return SWS_CS_ITU601;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    default:
      return SWS_CS_ITU709;
  }
}

void copyPlanes(const AVFrame& from, Frame& to) {
  for (int i = 0; i < 3; ++i) {
    const int rows = i == 0 ? to.height() : to.height() / 2;
    const auto bytes = static_cast<std::size_t>(i == 0 ? to.width() : to.width() / 2);
    const std::uint8_t* s = from.data[i];
    std::uint8_t* d = to.plane(i);
    for (int y = 0; y < rows; ++y, s += from.linesize[i], d += to.stride(i)) {
      std::memcpy(d, s, bytes);
    }
  }
}

}  // namespace

void quiet() {
  static const bool done = [] {
    av_log_set_level(AV_LOG_QUIET);
    return true;
  }();
  (void)done;
}

base::Result<void> fillPacket(AVPacket& packet, const std::uint8_t* data, std::size_t size) {
  if (size > kMaxPacket) {
    return base::fail(base::ErrorCode::kLimitExceeded, "media packet: over 64 MB");
  }
  av_packet_unref(&packet);
  if (av_new_packet(&packet, static_cast<int>(size)) < 0) {
    return base::fail(base::ErrorCode::kUnavailable, "out of memory for a media packet");
  }
  if (size > 0) {
    std::memcpy(packet.data, data, size);
  }
  return base::success();
}

base::Result<CodecPtr> allocateDecoder(const char* name, const std::uint8_t* config, std::size_t size) {
  quiet();
  const AVCodec* codec = avcodec_find_decoder_by_name(name);
  CodecPtr context(codec != nullptr ? avcodec_alloc_context3(codec) : nullptr);
  if (!context) {
    return base::fail(base::ErrorCode::kUnsupported, std::string("no decoder for ") + name);
  }
  if (size > 0) {
    context->extradata = static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
    if (context->extradata == nullptr) {
      return base::fail(base::ErrorCode::kUnavailable, "out of memory for a decoder");
    }
    std::memcpy(context->extradata, config, size);
    context->extradata_size = static_cast<int>(size);
  }
  context->thread_count = 1;
  context->pkt_timebase = kTickBase;
  return context;
}

base::Result<FramePtr> PictureConverter::convert(const AVFrame& from) {
  const int width = from.width & ~1;
  const int height = from.height & ~1;
  if (width < 2 || height < 2) {
    return base::fail(base::ErrorCode::kInvalidInput, "picture too small");
  }
  if (!pool_ || width != width_ || height != height_) {
    pool_ = FramePool::create(width, height);
    width_ = width;
    height_ = height;
  }
  auto to = pool_->acquire();
  const bool full = isFullRange(from);
  const int matrix = matrixOf(from);
  if (from.format == AV_PIX_FMT_YUV420P && !full && matrix == SWS_CS_ITU709) {
    copyPlanes(from, *to);
    return FramePtr(std::move(to));
  }
  scale_.reset(sws_getCachedContext(
      scale_.release(), width, height, static_cast<AVPixelFormat>(from.format), width, height, AV_PIX_FMT_YUV420P,
      SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INP, nullptr, nullptr, nullptr));
  if (!scale_) {
    return base::fail(base::ErrorCode::kUnsupported, "pictures in a pixel format that cannot be converted");
  }
  sws_setColorspaceDetails(scale_.get(), sws_getCoefficients(matrix), full ? 1 : 0, sws_getCoefficients(SWS_CS_ITU709),
                           0, 0, 1 << 16, 1 << 16);
  std::uint8_t* planes[4] = {to->plane(0), to->plane(1), to->plane(2), nullptr};
  const int strides[4] = {to->stride(0), to->stride(1), to->stride(2), 0};
  if (sws_scale(scale_.get(), from.data, from.linesize, 0, height, planes, strides) != height) {
    return base::fail(base::ErrorCode::kInternal, "swscale did not convert a picture");
  }
  return FramePtr(std::move(to));
}

}  // namespace ffmpeg
}  // namespace dvpe::media
