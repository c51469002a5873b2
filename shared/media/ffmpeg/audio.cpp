// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <cstring>
#include <utility>

#include "shared/media/audio.h"
#include "shared/media/demuxer.h"
#include "shared/media/ffmpeg/av.h"

namespace dvpe::media {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr int kRate = 48000;
constexpr int kFrame = 1024;
// Far above any codec's frame; what is larger is hostile.
constexpr std::size_t kMaxAudioPacket = std::size_t{4} << 20;

class AvAudioDecoder final : public AudioDecoder {
 public:
  explicit AvAudioDecoder(ffmpeg::CodecPtr context)
      : context_(std::move(context)), packet_(av_packet_alloc()), frame_(av_frame_alloc()) {}
  ~AvAudioDecoder() override { av_channel_layout_uninit(&layout_); }
  AvAudioDecoder(const AvAudioDecoder&) = delete;
  AvAudioDecoder& operator=(const AvAudioDecoder&) = delete;

  Result<Samples> decode(base::ByteView data) override {
    if (data.empty() || data.size() > kMaxAudioPacket) {
      return fail(ErrorCode::kInvalidInput, "audio: a packet of impossible size");
    }
    DVPE_CHECK(ffmpeg::fillPacket(*packet_, data.data(), data.size()));
    const int sent = avcodec_send_packet(context_.get(), packet_.get());
    av_packet_unref(packet_.get());
    if (sent < 0) {
      return fail(ErrorCode::kInvalidInput, "audio: corrupt packet (" + ffmpeg::words(sent) + ")");
    }
    Samples out;
    while (true) {
      const int error = avcodec_receive_frame(context_.get(), frame_.get());
      if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) {
        return out;
      }
      if (error < 0) {
        return fail(ErrorCode::kInvalidInput, "audio: corrupt packet (" + ffmpeg::words(error) + ")");
      }
      DVPE_CHECK(append(out));
    }
  }

 private:
  Result<void> append(Samples& out) {
    DVPE_CHECK(prepareResampler());
    const int room = swr_get_out_samples(resampler_.get(), frame_->nb_samples);
    if (room < 0 || room > kRate * 10) {
      return fail(ErrorCode::kLimitExceeded, "audio: a packet that holds over ten seconds");
    }
    const std::size_t had = out.size();
    out.resize(had + static_cast<std::size_t>(room) * 2);
    auto* target = reinterpret_cast<std::uint8_t*>(out.data() + had);
    const int got = swr_convert(resampler_.get(), &target, room,
                                const_cast<const std::uint8_t**>(frame_->extended_data), frame_->nb_samples);
    if (got < 0) {
      return fail(ErrorCode::kInternal, "audio: swresample refuses a frame (" + ffmpeg::words(got) + ")");
    }
    out.resize(had + static_cast<std::size_t>(got) * 2);
    return base::success();
  }

  // Formats may change from frame to frame (HE-AAC announces itself late): a new resampler then.
  Result<void> prepareResampler() {
    if (resampler_ && frame_->sample_rate == rate_ && frame_->format == format_ &&
        av_channel_layout_compare(&frame_->ch_layout, &layout_) == 0) {
      return base::success();
    }
    AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
    SwrContext* raw = nullptr;
    if (swr_alloc_set_opts2(&raw, &stereo, AV_SAMPLE_FMT_FLT, kRate, &frame_->ch_layout,
                            static_cast<AVSampleFormat>(frame_->format), frame_->sample_rate, 0, nullptr) < 0 ||
        swr_init(raw) < 0) {
      swr_free(&raw);
      return fail(ErrorCode::kUnsupported, "audio: this channel layout or rate cannot be converted to 48 kHz stereo");
    }
    resampler_.reset(raw);
    rate_ = frame_->sample_rate;
    format_ = frame_->format;
    if (av_channel_layout_copy(&layout_, &frame_->ch_layout) < 0) {
      return fail(ErrorCode::kUnavailable, "out of memory for audio");
    }
    return base::success();
  }

  ffmpeg::CodecPtr context_;
  ffmpeg::PacketPtr packet_;
  ffmpeg::AvFramePtr frame_;
  ffmpeg::ResamplePtr resampler_;
  int rate_ = 0, format_ = -1;
  AVChannelLayout layout_{};
};

Result<std::unique_ptr<AudioDecoder>> open(ffmpeg::CodecPtr context) {
  if (const int error = avcodec_open2(context.get(), context->codec, nullptr); error < 0) {
    return fail(ErrorCode::kInvalidInput,
                "audio: the decoder refuses the stream's parameters (" + ffmpeg::words(error) + ")");
  }
  return std::unique_ptr<AudioDecoder>(std::make_unique<AvAudioDecoder>(std::move(context)));
}

// libavcodec's own AAC-LC encoder.
class AvAacEncoder final : public AudioEncoder {
 public:
  explicit AvAacEncoder(ffmpeg::CodecPtr context)
      : context_(std::move(context)), packet_(av_packet_alloc()), frame_(av_frame_alloc()) {}

  Result<void> prepare() {
    frame_->nb_samples = kFrame;
    frame_->format = AV_SAMPLE_FMT_FLTP;
    frame_->sample_rate = kRate;
    if (av_channel_layout_copy(&frame_->ch_layout, &context_->ch_layout) < 0 ||
        av_frame_get_buffer(frame_.get(), 0) < 0) {
      return fail(ErrorCode::kUnavailable, "out of memory for audio");
    }
    return base::success();
  }

  Result<std::vector<base::Bytes>> encode(const Samples& samples) override {
    if (samples.size() != std::size_t{2} * kFrame) {
      return fail(ErrorCode::kInvalidInput, "AAC encoder: not a frame of 1024 stereo samples");
    }
    if (av_frame_make_writable(frame_.get()) < 0) {
      return fail(ErrorCode::kUnavailable, "out of memory for audio");
    }
    auto* left = reinterpret_cast<float*>(frame_->extended_data[0]);
    auto* right = reinterpret_cast<float*>(frame_->extended_data[1]);
    for (std::size_t i = 0; i < kFrame; ++i) {
      left[i] = samples[2 * i];
      right[i] = samples[2 * i + 1];
    }
    frame_->pts = fed_;
    fed_ += kFrame;
    return send(frame_.get());
  }

  Result<std::vector<base::Bytes>> flush() override { return send(nullptr); }
  int priming() const override { return context_->initial_padding; }

 private:
  Result<std::vector<base::Bytes>> send(const AVFrame* frame) {
    std::vector<base::Bytes> out;
    int error = avcodec_send_frame(context_.get(), frame);
    while (error >= 0) {
      error = avcodec_receive_packet(context_.get(), packet_.get());
      if (error >= 0) {
        out.emplace_back(packet_->data, packet_->data + packet_->size);
        av_packet_unref(packet_.get());
      }
    }
    if (error != AVERROR(EAGAIN) && error != AVERROR_EOF) {
      return fail(ErrorCode::kInvalidInput, "AAC encoder: refuses a frame (" + ffmpeg::words(error) + ")");
    }
    return out;
  }

  ffmpeg::CodecPtr context_;
  ffmpeg::PacketPtr packet_;
  ffmpeg::AvFramePtr frame_;
  std::int64_t fed_ = 0;
};

}  // namespace

Result<std::unique_ptr<AudioDecoder>> makeAacDecoder(base::ByteView asc) {
  DVPE_TRY(const auto format, parseAudioSpecificConfig(asc));
  DVPE_TRY(auto context, ffmpeg::allocateDecoder("aac", asc.data(), asc.size()));
  context->sample_rate = format.sampleRate;
  return open(std::move(context));
}

Result<std::unique_ptr<AudioDecoder>> makeAudioDecoder(const StreamInfo& stream) {
  constexpr const char* kAllowed[] = {"mp3",       "opus",      "vorbis",    "flac",   "alac",      "ac3",       "eac3",
                                      "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_u8", "pcm_f32le", "pcm_s16be", "mp2"};
  if (stream.codec == "aac") {
    return makeAacDecoder(stream.config);
  }
  if (std::none_of(std::begin(kAllowed), std::end(kAllowed), [&](const char* c) { return stream.codec == c; })) {
    return fail(ErrorCode::kUnsupported, "audio codec '" + stream.codec + "' is not supported");
  }
  if (stream.sampleRate < 4000 || stream.sampleRate > 384000 || stream.channels < 1 || stream.channels > 16) {
    return fail(ErrorCode::kUnsupported, "audio: sample rate or channel count out of range");
  }
  DVPE_TRY(auto context, ffmpeg::allocateDecoder(stream.codec.c_str(), stream.config.data(), stream.config.size()));
  context->sample_rate = stream.sampleRate;
  av_channel_layout_default(&context->ch_layout, stream.channels);
  return open(std::move(context));
}

Result<std::unique_ptr<AudioEncoder>> makeAacEncoder(std::int64_t bitrate) {
  ffmpeg::quiet();
  if (bitrate < 32000 || bitrate > 512000) {
    return fail(ErrorCode::kInvalidInput, "AAC encoder: the bitrate must be 32 to 512 kbit/s");
  }
  const AVCodec* codec = avcodec_find_encoder_by_name("aac");
  ffmpeg::CodecPtr context(codec != nullptr ? avcodec_alloc_context3(codec) : nullptr);
  if (!context) {
    return fail(ErrorCode::kUnsupported, "this libavcodec has no AAC encoder");
  }
  const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
  context->bit_rate = bitrate;
  context->sample_rate = kRate;
  context->sample_fmt = AV_SAMPLE_FMT_FLTP;
  context->profile = FF_PROFILE_AAC_LOW;
  context->time_base = {1, kRate};
  context->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
  context->thread_count = 1;
  if (av_channel_layout_copy(&context->ch_layout, &stereo) < 0 || avcodec_open2(context.get(), codec, nullptr) < 0 ||
      context->frame_size != kFrame) {
    return fail(ErrorCode::kInternal, "the AAC encoder did not open");
  }
  auto encoder = std::make_unique<AvAacEncoder>(std::move(context));
  DVPE_CHECK(encoder->prepare());
  return std::unique_ptr<AudioEncoder>(std::move(encoder));
}

}  // namespace dvpe::media
