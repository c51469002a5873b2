// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// CMAF boxes, written and read by ourselves: init segments, fragments (one moof and one mdat) and whole track files
// (ISO/IEC 14496-12, 14496-14, 14496-15, 23000-19). What is written depends on the arguments alone: no creation
// times, no tool names, one order of boxes. Free functions without state: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::package {

using base::Bytes;
using base::ByteView;

enum class TrackKind { kVideo, kAudio };

inline constexpr std::uint32_t kVideoTimescale = 240000;  // ticks of channel time
inline constexpr std::uint32_t kAudioTimescale = 48000;   // samples

// What an init segment says. The track_ID is always 1: video and audio are in files of their own.
struct TrackConfig {
  TrackKind kind = TrackKind::kVideo;
  Bytes config;                 // AVCDecoderConfigurationRecord or AudioSpecificConfig
  int width = 0, height = 0;    // video: 1..65535
  std::uint32_t timescale = 0;  // 0: the kind's own (kVideoTimescale, kAudioTimescale)
  bool operator==(const TrackConfig&) const = default;
};

// ftyp and moov: H.264 with BT.709 limited range as nclx, or AAC in an esds. No edit list, no durations.
Bytes initSegment(const TrackConfig& track);

// One sample to be written. Samples are in decode order, which is presentation order (no B pictures: law 3).
struct Sample {
  ByteView data;
  std::uint32_t duration = 0;  // in the track's timescale
  bool key = false;
};

// The styp box that each of our segments starts with.
void appendSegmentType(Bytes& out);

// Appends one moof and its mdat. sequence: from time, by the caller (videoSequence, or the first slot of audio), so
// that a segment's bytes do not depend on what was written before it. baseTime: decode time of the first sample in the
// track's timescale. Requires 1 to 65536 samples of less than 1 GiB together; writes nothing otherwise.
void writeFragment(Bytes& out, TrackKind kind, std::uint32_t sequence, std::uint64_t baseTime,
                   std::span<const Sample> samples);

// ---- reading. Input is taken to be hostile: every length is checked, all allocations are bounded by the limits.

struct SampleInfo {
  std::uint64_t offset = 0;  // of the data, from the file's start
  std::uint32_t size = 0;
  std::uint32_t duration = 0;
  std::int32_t compositionOffset = 0;
  bool key = false;
};

// One moof with its mdat, which follows it at once.
struct FragmentInfo {
  std::uint64_t offset = 0, size = 0;  // moof and mdat, from the file's start
  std::uint32_t sequence = 0;
  std::uint64_t baseTime = 0;    // tfdt
  std::uint64_t sequenceAt = 0;  // where these two stand in the file, to be overwritten in a copy
  std::uint64_t baseTimeAt = 0;
  bool wideBaseTime = false;        // tfdt version 1: 64 bits
  std::vector<SampleInfo> samples;  // at least one
};

// What trex says of samples for which a fragment says nothing.
struct TrackDefaults {
  std::uint32_t trackId = 1;
  std::uint32_t duration = 0, size = 0, flags = 0;
};

struct TrackFile {
  TrackConfig config;
  TrackDefaults defaults;
  bool edited = false;         // an edit list that shifts or cuts the track
  std::uint64_t initSize = 0;  // bytes up to the end of moov
  std::vector<FragmentInfo> fragments;
};

struct ReadLimits {
  std::size_t fragments = 100'000;
  std::size_t samplesPerFragment = 65'536;
  std::size_t samples = 2'000'000;
};

// A file of one track: ftyp, moov, fragments. Boxes that are not needed are passed over. An init segment alone is a
// file without fragments. kInvalidInput: broken; kUnsupported: not one H.264 or AAC track addressed relative to its
// moof; kLimitExceeded.
base::Result<TrackFile> parseTrackFile(ByteView file, const ReadLimits& limits = {});

// The fragments of a media segment (no moov), with the defaults of its init segment.
base::Result<std::vector<FragmentInfo>> parseSegment(ByteView segment, const TrackDefaults& defaults = {},
                                                     const ReadLimits& limits = {});

}  // namespace dvpe::package
