// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Holding libav: owners for its handles and its errors as ours. Included by the .cpp files of this folder only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

#include "shared/base/result.h"
#include "shared/base/ticks.h"

namespace dvpe::media::ffmpeg {

struct CodecDeleter {
  void operator()(AVCodecContext* c) const { avcodec_free_context(&c); }
};
struct PacketDeleter {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
struct FrameDeleter {
  void operator()(AVFrame* f) const { av_frame_free(&f); }
};
struct FormatDeleter {
  void operator()(AVFormatContext* f) const { avformat_close_input(&f); }
};
struct ScaleDeleter {
  void operator()(SwsContext* s) const { sws_freeContext(s); }
};
struct ResampleDeleter {
  void operator()(SwrContext* s) const { swr_free(&s); }
};
using CodecPtr = std::unique_ptr<AVCodecContext, CodecDeleter>;
using PacketPtr = std::unique_ptr<AVPacket, PacketDeleter>;
using AvFramePtr = std::unique_ptr<AVFrame, FrameDeleter>;
using FormatPtr = std::unique_ptr<AVFormatContext, FormatDeleter>;
using ScalePtr = std::unique_ptr<SwsContext, ScaleDeleter>;
using ResamplePtr = std::unique_ptr<SwrContext, ResampleDeleter>;

inline constexpr AVRational kTickBase{1, static_cast<int>(base::kTicksPerSecond)};
// One packet or frame never weighs more; what does is hostile.
inline constexpr std::size_t kMaxPacket = std::size_t{64} << 20;

// libav writes to stderr what callers report better: turned off, once.
void quiet();

// libav's own words for one of its errors.
inline std::string words(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof text);
  return text;
}

// Copies bytes into a packet with the zeroed room behind them that libav's readers need.
base::Result<void> fillPacket(AVPacket& packet, const std::uint8_t* data, std::size_t size);

// A decoder of libav's with config as its extradata; not yet opened.
base::Result<CodecPtr> allocateDecoder(const char* name, const std::uint8_t* config, std::size_t size);

}  // namespace dvpe::media::ffmpeg
