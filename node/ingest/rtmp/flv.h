// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The payload of FLV and RTMP audio and video messages: classic AVC and AAC (Adobe FLV 10.1, annex E.4) and Enhanced
// RTMP v2 with avc1 and mp4a. Views point into the payload. Other codecs are refused by name. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::ingest::rtmp {

struct VideoTag {
  enum class Kind { kFormat, kFrame, kNothing };  // kNothing: end of sequence, metadata, info frames, other tracks
  Kind kind = Kind::kNothing;
  bool key = false;
  std::int32_t compositionMs = 0;  // pts - dts
  base::ByteView data;             // kFormat: avcC; kFrame: length-prefixed NAL units, not yet checked
};
base::Result<VideoTag> parseVideoTag(base::ByteView payload);

struct AudioTag {
  enum class Kind { kFormat, kFrame };
  Kind kind = Kind::kFrame;
  int track = 0;
  base::ByteView data;  // kFormat: AudioSpecificConfig; kFrame: one raw AAC frame
};
// A message may carry several tracks (Enhanced RTMP multitrack), or none that matters.
base::Result<std::vector<AudioTag>> parseAudioTag(base::ByteView payload);

// One FLV tag inside an aggregate message (RTMP 7.1.6).
struct AggregatedTag {
  std::uint8_t type = 0;
  std::uint32_t timestampMs = 0;  // as written; only differences count
  base::ByteView payload;
};
// At most 1,024 tags.
base::Result<std::vector<AggregatedTag>> splitAggregate(base::ByteView payload);

}  // namespace dvpe::ingest::rtmp
