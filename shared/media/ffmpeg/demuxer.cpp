// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Files through libavformat, under an allow-list of demuxers and of one protocol.
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "shared/media/demuxer.h"
#include "shared/media/ffmpeg/av.h"
#include "shared/media/h264.h"

namespace dvpe::media {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

constexpr const char* kFormats = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,mpegts,wav,mp3,webvtt";
// Decoders that probing may open.
constexpr const char* kCodecs =
    "h264,hevc,vp8,vp9,libdav1d,mpeg4,mpeg2video,prores,mjpeg,aac,mp3float,mp3,mp2float,mp2,opus,libopus,vorbis,flac,"
    "alac,"
    "ac3,eac3,pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_s16be,webvtt,mov_text,text";
constexpr const char* kMaxPixels = "16777216";
constexpr unsigned kMaxStreams = 32;
constexpr std::size_t kMaxConfig = std::size_t{1} << 20;
// Past this, about 130 years, a time stamp is damage.
constexpr std::int64_t kMaxTime = std::int64_t{1} << 50;

Result<void> refusePlaylists(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return fail(ErrorCode::kNotFound, "file: " + std::string(std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kRefused, "file: not a regular file");
  }
  if (info.st_size == 0) {
    return fail(ErrorCode::kInvalidInput, "file: empty");
  }
  char head[1024] = {};
  std::FILE* f = std::fopen(path.c_str(), "rb");
  if (f == nullptr) {
    return fail(ErrorCode::kIo, "file: " + std::string(std::strerror(errno)));
  }
  const std::size_t n = std::fread(head, 1, sizeof head, f);
  std::fclose(f);
  // libavformat's allow-list would refuse these too; here the operator learns why.
  const std::string_view text(head, n);
  for (const std::string_view mark : {"#EXTM3U", "ffconcat", "<MPD", "<SmoothStreamingMedia"}) {
    if (text.find(mark) != std::string_view::npos) {
      return fail(ErrorCode::kRefused, "file: a playlist that names other files, not media");
    }
  }
  return base::success();
}

// Probing decodes a little when headers say too little: on this thread, and never a huge picture.
int readStreamInfo(AVFormatContext& format) {
  std::vector<AVDictionary*> options(format.nb_streams, nullptr);
  for (AVDictionary*& o : options) {
    av_dict_set(&o, "max_pixels", kMaxPixels, 0);
    av_dict_set(&o, "threads", "1", 0);
  }
  const int found = avformat_find_stream_info(&format, options.empty() ? nullptr : options.data());
  for (AVDictionary*& o : options) {
    av_dict_free(&o);
  }
  return found;
}

base::Bytes copy(const std::uint8_t* data, int size) {
  return data != nullptr && size > 0 ? base::Bytes(data, data + size) : base::Bytes();
}

// Byte-stream parameter sets (MPEG-TS) as an avcC.
base::Bytes avccFromAnnexB(base::ByteView extradata) {
  base::ByteView sps, pps;
  for (const base::ByteView nal : splitAnnexB(extradata)) {
    const int type = nal[0] & 31;
    if (type == 7 && sps.empty()) {
      sps = nal;
    } else if (type == 8 && pps.empty()) {
      pps = nal;
    }
  }
  return makeAvcc(sps, pps);
}

// An AudioSpecificConfig for AAC in ADTS, which carries none.
base::Bytes configFromParameters(const AVCodecParameters& p) {
  constexpr int kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000};
  const bool doubled = p.profile == FF_PROFILE_AAC_HE || p.profile == FF_PROFILE_AAC_HE_V2;
  const int rate = doubled ? p.sample_rate / 2 : p.sample_rate;
  const int channels = p.profile == FF_PROFILE_AAC_HE_V2 ? 1 : p.ch_layout.nb_channels;
  for (unsigned i = 0; i < std::size(kRates); ++i) {
    if (kRates[i] == rate && channels >= 1 && channels <= 7) {
      const unsigned bits = 2U << 11 | i << 7 | static_cast<unsigned>(channels) << 3;
      return {static_cast<std::uint8_t>(bits >> 8), static_cast<std::uint8_t>(bits & 255)};
    }
  }
  return {};
}

// How the packets of a stream are brought into the form that the interface promises.
enum class Repack { kNone, kAnnexB, kAdts };

class AvDemuxer final : public Demuxer {
 public:
  explicit AvDemuxer(std::string path) : path_(std::move(path)), packet_(av_packet_alloc()) {}

  Result<void> open() {
    ffmpeg::quiet();
    AVFormatContext* raw = avformat_alloc_context();
    AVDictionary* options = nullptr;
    av_dict_set(&options, "format_whitelist", kFormats, 0);
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "codec_whitelist", kCodecs, 0);
    av_dict_set_int(&options, "max_streams", kMaxStreams, 0);
    av_dict_set_int(&options, "probesize", 5'000'000, 0);
    av_dict_set_int(&options, "analyzeduration", 5'000'000, 0);
    // The prefix keeps a name with a colon in it from being read as a protocol.
    const int error = avformat_open_input(&raw, ("file:" + path_).c_str(), nullptr, &options);
    av_dict_free(&options);
    if (error < 0) {
      return fail(ErrorCode::kUnsupported,
                  "file: not a media container that is allowed (" + ffmpeg::words(error) + ")");
    }
    format_.reset(raw);
    if (const int found = readStreamInfo(*raw); found < 0) {
      return fail(ErrorCode::kInvalidInput, "file: its streams cannot be read (" + ffmpeg::words(found) + ")");
    }
    if (raw->nb_streams > kMaxStreams) {
      return fail(ErrorCode::kLimitExceeded, "file: over 32 streams");
    }
    streams_.clear();
    map_.assign(raw->nb_streams, -1);
    repack_.clear();
    for (unsigned i = 0; i < raw->nb_streams; ++i) {
      describe(i);
    }
    return base::success();
  }

  const std::vector<StreamInfo>& streams() const override { return streams_; }

  Ticks duration() const override {
    const std::int64_t us = format_->duration;
    return us == AV_NOPTS_VALUE || us <= 0 ? Ticks{} : Ticks{av_rescale(us, base::kTicksPerSecond, AV_TIME_BASE)};
  }

  Result<std::optional<DemuxedPacket>> read() override {
    while (true) {
      av_packet_unref(packet_.get());
      const int error = av_read_frame(format_.get(), packet_.get());
      if (error == AVERROR_EOF) {
        return std::optional<DemuxedPacket>();
      }
      if (error < 0) {
        return fail(ErrorCode::kInvalidInput, "file: damaged (" + ffmpeg::words(error) + ")");
      }
      const auto index = static_cast<std::size_t>(packet_->stream_index);
      if (index < map_.size() && map_[index] >= 0 && packet_->size > 0) {
        DVPE_TRY(auto packet, take(map_[index]));
        return std::optional<DemuxedPacket>(std::move(packet));
      }
    }
  }

  Result<void> rewind() override {
    format_.reset();
    return open();
  }

 private:
  void describe(unsigned index) {
    const AVStream& s = *format_->streams[index];
    const AVCodecParameters& p = *s.codecpar;
    if ((s.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0 || p.extradata_size > static_cast<int>(kMaxConfig)) {
      return;
    }
    StreamInfo info;
    info.codec = avcodec_get_name(p.codec_id);
    const AVDictionaryEntry* language = av_dict_get(s.metadata, "language", nullptr, 0);
    info.language = language != nullptr && std::strlen(language->value) <= 35 ? language->value : "und";
    info.config = copy(p.extradata, p.extradata_size);
    Repack repack = Repack::kNone;
    if (p.codec_type == AVMEDIA_TYPE_VIDEO) {
      info.kind = StreamKind::kVideo;
      info.width = p.width;
      info.height = p.height;
      const AVRational rate = s.avg_frame_rate.num > 0 ? s.avg_frame_rate : s.r_frame_rate;
      if (rate.num > 0 && rate.den > 0) {
        info.frameRateNum = rate.num;
        info.frameRateDen = rate.den;
      }
      if (p.codec_id == AV_CODEC_ID_H264 && (info.config.empty() || info.config[0] == 0)) {
        repack = Repack::kAnnexB;
        info.config = avccFromAnnexB(info.config);
      }
    } else if (p.codec_type == AVMEDIA_TYPE_AUDIO) {
      info.kind = StreamKind::kAudio;
      info.sampleRate = p.sample_rate;
      info.channels = p.ch_layout.nb_channels;
      if (p.codec_id == AV_CODEC_ID_AAC && info.config.empty()) {
        repack = Repack::kAdts;
        info.config = configFromParameters(p);
      }
    } else if (p.codec_id == AV_CODEC_ID_WEBVTT || p.codec_id == AV_CODEC_ID_MOV_TEXT ||
               p.codec_id == AV_CODEC_ID_TEXT) {
      info.kind = StreamKind::kText;
    } else {
      return;
    }
    map_[index] = static_cast<int>(streams_.size());
    streams_.push_back(std::move(info));
    repack_.push_back(repack);
  }

  Result<DemuxedPacket> take(int stream) {
    const AVRational base = format_->streams[packet_->stream_index]->time_base;
    DemuxedPacket out;
    out.stream = stream;
    out.key = (packet_->flags & AV_PKT_FLAG_KEY) != 0;
    const std::int64_t pts = packet_->pts != AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    const std::int64_t dts = packet_->dts != AV_NOPTS_VALUE ? packet_->dts : pts;
    if (pts != AV_NOPTS_VALUE) {
      out.pts = Ticks{av_rescale_q(pts, base, ffmpeg::kTickBase)};
      out.dts = Ticks{av_rescale_q(dts, base, ffmpeg::kTickBase)};
    }
    out.duration = Ticks{av_rescale_q(packet_->duration, base, ffmpeg::kTickBase)};
    for (const Ticks t : {out.pts, out.dts, out.duration}) {
      if (t.count() > kMaxTime || t.count() < -kMaxTime) {
        return fail(ErrorCode::kInvalidInput, "file: an impossible time stamp");
      }
    }
    base::ByteView data{packet_->data, static_cast<std::size_t>(packet_->size)};
    const Repack repack = repack_[static_cast<std::size_t>(stream)];
    if (repack == Repack::kAnnexB) {
      out.data.reserve(data.size() + 16);
      for (const base::ByteView nal : splitAnnexB(data)) {
        for (int shift = 24; shift >= 0; shift -= 8) {
          out.data.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
        }
        out.data.insert(out.data.end(), nal.begin(), nal.end());
      }
      return out;
    }
    if (repack == Repack::kAdts && data.size() > 9 && data[0] == 0xFF && (data[1] & 0xF6) == 0xF0) {
      data = data.subspan((data[1] & 1) != 0 ? 7 : 9);  // the header, with a CRC or without
    }
    out.data.assign(data.begin(), data.end());
    return out;
  }

  std::string path_;
  ffmpeg::FormatPtr format_;
  ffmpeg::PacketPtr packet_;
  std::vector<StreamInfo> streams_;
  std::vector<int> map_;  // libav's stream number -> ours, -1: left out
  std::vector<Repack> repack_;
};

}  // namespace

Result<std::unique_ptr<Demuxer>> openFile(const std::string& path) {
  DVPE_CHECK(refusePlaylists(path));
  auto demuxer = std::make_unique<AvDemuxer>(path);
  DVPE_CHECK(demuxer->open());
  return std::unique_ptr<Demuxer>(std::move(demuxer));
}

}  // namespace dvpe::media
