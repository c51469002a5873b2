// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Video decoding over libavcodec, on the caller's thread. H.264 passes through our own parser first: it checks lengths
// and picture sizes before libavcodec sees a byte, keeps SEI out that nothing here reads, and decides the reorder
// depth.
#include <deque>
#include <utility>

#include "shared/media/demuxer.h"
#include "shared/media/ffmpeg/av.h"
#include "shared/media/ffmpeg/picture.h"
#include "shared/media/h264.h"
#include "shared/media/video.h"

namespace dvpe::media {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

Result<void> checkSize(int width, int height, const VideoLimits& limits) {
  if (width < 2 || height < 2) {
    return fail(ErrorCode::kInvalidInput, "video: picture too small");
  }
  if (width > limits.maxWidth || height > limits.maxHeight) {
    return fail(ErrorCode::kLimitExceeded, "video: " + std::to_string(width) + "x" + std::to_string(height) +
                                               " is over the limit of " + std::to_string(limits.maxWidth) + "x" +
                                               std::to_string(limits.maxHeight));
  }
  return base::success();
}

// What is left of an access unit for libavcodec, and what it holds.
struct AccessUnit {
  base::Bytes bytes;  // 4-byte lengths
  bool picture = false;
  bool idr = false;
};

// Keeps slices, parameter sets and recovery points; leaves out delimiters, filler and the SEI that nothing reads.
bool wanted(ByteView nal) {
  const int type = nal[0] & 31;
  if (type == 6) {
    return nal.size() > 1 && nal[1] == 6;
  }
  return (type >= 1 && type <= 5) || type == 7 || type == 8 || type == 13;
}

void appendNal(base::Bytes& out, ByteView nal) {
  const auto n = static_cast<std::uint32_t>(nal.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(n >> shift));
  }
  out.insert(out.end(), nal.begin(), nal.end());
}

class AvVideoDecoder final : public VideoDecoder {
 public:
  AvVideoDecoder(ffmpeg::CodecPtr context, VideoLimits limits, int nalLengthSize)
      : context_(std::move(context)),
        limits_(limits),
        nalLengthSize_(nalLengthSize),
        packet_(av_packet_alloc()),
        frame_(av_frame_alloc()) {}

  Result<void> decode(ByteView data, Ticks pts, Ticks dts, bool key) override {
    if (nalLengthSize_ == 0) {
      return feed(data, pts, dts, key);
    }
    auto unit = readAccessUnit(data);
    if (!unit) {
      resync(pts);
      return std::move(unit).as_failure();
    }
    AccessUnit& u = unit.value();
    if (!u.picture) {  // parameter sets on their own: they go with the next picture
      if (u.bytes.size() <= kMaxCarried) {
        carried_ = std::move(u.bytes);
      }
      return base::success();
    }
    if (!carried_.empty()) {
      carried_.insert(carried_.end(), u.bytes.begin(), u.bytes.end());
      u.bytes = std::exchange(carried_, {});
    }
    return feed(u.bytes, pts, dts, key || u.idr);
  }

  Result<std::optional<DecodedFrame>> receive() override {
    if (ready_.empty()) {
      return std::optional<DecodedFrame>();
    }
    std::optional<DecodedFrame> next(std::move(ready_.front()));
    ready_.pop_front();
    return next;
  }

  void flush() override {
    if (!flushed_ && avcodec_send_packet(context_.get(), nullptr) >= 0) {
      (void)drain({});
    }
    flushed_ = true;
  }

  void reset() override {
    avcodec_flush_buffers(context_.get());
    ready_.clear();
    carried_.clear();
    waitingForKey_ = true;
    flushed_ = false;
  }

 private:
  static constexpr std::size_t kMaxCarried = 65536;

  Result<AccessUnit> readAccessUnit(ByteView data) const {
    if (data.size() > ffmpeg::kMaxPacket) {
      return fail(ErrorCode::kLimitExceeded, "H.264 packet: over 64 MB");
    }
    DVPE_TRY(auto nals, splitLengthPrefixed(data, nalLengthSize_));
    AccessUnit unit;
    unit.bytes.reserve(data.size() + nals.size() * 4);
    for (const ByteView nal : nals) {
      const int type = nal[0] & 31;
      if (type == 7) {
        DVPE_TRY(const auto sps, parseSps(nal));
        DVPE_CHECK(checkSize(sps.codedWidth, sps.codedHeight, limits_));
      }
      unit.picture = unit.picture || (type >= 1 && type <= 5);
      unit.idr = unit.idr || type == 5;
      if (wanted(nal)) {
        appendNal(unit.bytes, nal);
      }
    }
    return unit;
  }

  Result<void> feed(ByteView data, Ticks pts, Ticks dts, bool key) {
    if (flushed_) {
      return fail(ErrorCode::kConflict, "video: a packet after the end of the stream");
    }
    if (waitingForKey_ && !key) {
      return base::success();
    }
    if (data.empty()) {
      return fail(ErrorCode::kInvalidInput, "video: an empty packet");
    }
    DVPE_CHECK(ffmpeg::fillPacket(*packet_, data.data(), data.size()));
    packet_->pts = pts.count();
    packet_->dts = dts.count();
    packet_->flags = key ? AV_PKT_FLAG_KEY : 0;
    const int sent = avcodec_send_packet(context_.get(), packet_.get());
    av_packet_unref(packet_.get());
    waitingForKey_ = false;
    Result<void> got = drain({});
    if (sent < 0 || !got) {
      resync(pts);
      return sent < 0
                 ? Result<void>(fail(ErrorCode::kInvalidInput, "video: corrupt packet (" + ffmpeg::words(sent) + ")"))
                 : std::move(got);
    }
    return base::success();
  }

  // Takes every picture that libavcodec will give; the one of time `except` is left out.
  Result<void> drain(std::optional<Ticks> except) {
    while (true) {
      const int error = avcodec_receive_frame(context_.get(), frame_.get());
      if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) {
        return base::success();
      }
      if (error < 0) {
        return fail(ErrorCode::kInvalidInput, "video: corrupt picture (" + ffmpeg::words(error) + ")");
      }
      const Ticks pts{frame_->pts == AV_NOPTS_VALUE ? frame_->best_effort_timestamp : frame_->pts};
      const bool damaged = frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0;
      if (except && pts == *except) {
        continue;
      }
      if (damaged) {
        return fail(ErrorCode::kInvalidInput, "video: damaged picture");
      }
      DVPE_CHECK(checkSize(frame_->width, frame_->height, limits_));
      DVPE_TRY(auto picture, converter_.convert(*frame_));
      ready_.push_back({pts, std::move(picture)});
    }
  }

  // After damage: gives what was decoded before it, forgets references, and waits for the next key frame.
  void resync(Ticks damaged) {
    if (avcodec_send_packet(context_.get(), nullptr) >= 0) {
      while (!drain(damaged)) {
      }
    }
    avcodec_flush_buffers(context_.get());
    waitingForKey_ = true;
    carried_.clear();
  }

  ffmpeg::CodecPtr context_;
  VideoLimits limits_;
  int nalLengthSize_;  // 0: not H.264
  ffmpeg::PacketPtr packet_;
  ffmpeg::AvFramePtr frame_;
  ffmpeg::PictureConverter converter_;
  std::deque<DecodedFrame> ready_;  // bounded by the reorder depth
  base::Bytes carried_;
  bool waitingForKey_ = true;
  bool flushed_ = false;
};

Result<std::unique_ptr<VideoDecoder>> open(ffmpeg::CodecPtr context, VideoLimits limits, int nalLengthSize) {
  context->max_pixels = static_cast<std::int64_t>(limits.maxWidth) * limits.maxHeight;
  context->err_recognition = AV_EF_EXPLODE;
  context->error_concealment = 0;
  if (const int error = avcodec_open2(context.get(), context->codec, nullptr); error < 0) {
    return fail(ErrorCode::kInvalidInput,
                "video: the decoder refuses the stream's parameters (" + ffmpeg::words(error) + ")");
  }
  return std::unique_ptr<VideoDecoder>(std::make_unique<AvVideoDecoder>(std::move(context), limits, nalLengthSize));
}

}  // namespace

Result<std::unique_ptr<VideoDecoder>> makeH264Decoder(ByteView avcc, VideoLimits limits) {
  DVPE_TRY(const auto config, parseAvcc(avcc));
  bool reorderUnknown = false;
  for (const ByteView nal : config.sps) {
    DVPE_TRY(const auto sps, parseSps(nal));
    DVPE_CHECK(checkSize(sps.codedWidth, sps.codedHeight, limits));
    reorderUnknown = reorderUnknown || (!sps.reorderDepth && !sps.neverReorders());
  }
  // libavcodec gets the record with 4-byte lengths, as readAccessUnit() writes them.
  base::Bytes record(avcc.begin(), avcc.end());
  record[4] |= 3;
  DVPE_TRY(auto context, ffmpeg::allocateDecoder("h264", record.data(), record.size()));
  // Without a depth in the SPS libavcodec guesses from 0 and drops pictures while it learns; in strict mode it takes
  // the most that the level allows: slower, but every picture comes, in order.
  context->strict_std_compliance = reorderUnknown ? FF_COMPLIANCE_STRICT : FF_COMPLIANCE_NORMAL;
  return open(std::move(context), limits, config.lengthSize);
}

Result<std::unique_ptr<VideoDecoder>> makeVideoDecoder(const StreamInfo& stream, VideoLimits limits) {
  constexpr std::pair<const char*, const char*> kAllowed[] = {{"hevc", "hevc"},     {"vp8", "vp8"},
                                                              {"vp9", "vp9"},       {"av1", "libdav1d"},
                                                              {"mpeg4", "mpeg4"},   {"mpeg2video", "mpeg2video"},
                                                              {"prores", "prores"}, {"mjpeg", "mjpeg"}};
  if (stream.codec == "h264") {
    return makeH264Decoder(stream.config, limits);
  }
  for (const auto& [codec, decoder] : kAllowed) {
    if (stream.codec == codec) {
      DVPE_CHECK(checkSize(stream.width, stream.height, limits));
      DVPE_TRY(auto context, ffmpeg::allocateDecoder(decoder, stream.config.data(), stream.config.size()));
      context->width = stream.width;
      context->height = stream.height;
      return open(std::move(context), limits, 0);
    }
  }
  return fail(ErrorCode::kUnsupported, "video codec '" + stream.codec + "' is not supported");
}

}  // namespace dvpe::media
