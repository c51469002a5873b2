// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Reading files. For trusted folders and the sandboxed conditioner only: hostile files never reach the live process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/media/audio.h"
#include "shared/media/video.h"

namespace dvpe::media {

enum class StreamKind { kVideo, kAudio, kText };
struct StreamInfo {
  StreamKind kind = StreamKind::kVideo;
  std::string codec;     // libav's short name: "h264", "aac", "webvtt"
  std::string language;  // BCP 47 or "und"
  int width = 0, height = 0;
  int frameRateNum = 0, frameRateDen = 1;  // 0: unknown
  int sampleRate = 0, channels = 0;
  base::Bytes config;  // avcC, AudioSpecificConfig, or empty
};
struct DemuxedPacket {
  int stream = 0;
  base::Ticks pts{}, dts{}, duration{};
  bool key = false;
  base::Bytes data;
};

// One file, front to back. Demuxers and protocols come from an allow-list (mov/mp4, matroska/webm, flv, mpegts, wav,
// mp3, webvtt, image2-free; file protocol only): text that names other files is refused (reliability, row 17).
class Demuxer {
 public:
  virtual ~Demuxer() = default;
  virtual const std::vector<StreamInfo>& streams() const = 0;
  virtual base::Ticks duration() const = 0;                       // 0: unknown
  virtual base::Result<std::optional<DemuxedPacket>> read() = 0;  // nothing: the end
  virtual base::Result<void> rewind() = 0;
};
base::Result<std::unique_ptr<Demuxer>> openFile(const std::string& path);

// Decoders for what a Demuxer found in a file, from an allow-list of codecs (video_decoder.cpp and audio.cpp name
// them). H.264 and AAC come from makeH264Decoder and makeAacDecoder. Audio comes out as 48 kHz stereo.
base::Result<std::unique_ptr<VideoDecoder>> makeVideoDecoder(const StreamInfo& stream, VideoLimits limits = {});
base::Result<std::unique_ptr<AudioDecoder>> makeAudioDecoder(const StreamInfo& stream);

}  // namespace dvpe::media
