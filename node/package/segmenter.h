// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Segments of the programme from what encoders give: video, audio, captions. All are functions of their arguments.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "node/package/cmaf.h"
#include "node/timeline/grid.h"
#include "node/timeline/stamped.h"
#include "shared/base/result.h"

namespace dvpe::package {

// The mfhd sequence number of a video fragment that starts here: its frame number, modulo 2^32. It grows from fragment
// to fragment, whatever their length, and needs no memory of what came before.
constexpr std::uint32_t videoSequence(const timeline::Grid& grid, timeline::Ticks at) {
  return static_cast<std::uint32_t>(grid.frameIndex(at));
}

// One video segment, picture by picture: begin, add once per frame, finish. One fragment per unit, counted from the
// segment's start; the last one is what remains. One thread at a time; begin() starts afresh whatever came before.
class SegmentWriter {
 public:
  explicit SegmentWriter(timeline::Grid grid) : grid_(grid) {}

  void begin(timeline::Ticks cut);
  // at: the start of the frame, which must be the next one. data: length-prefixed NAL units. kInternal: a frame out of
  // its place, or a first one that is no key frame; kLimitExceeded: over 256 MiB. The segment is lost then.
  base::Result<void> add(timeline::Ticks at, Bytes data, bool key);
  // The whole segment. kInternal when frames are missing at the end.
  base::Result<Bytes> finish(timeline::Ticks end);

 private:
  struct Picture {
    Bytes data;
    bool key = false;
  };
  void flush();

  timeline::Grid grid_;
  timeline::Ticks cut_{};       // where the segment starts
  timeline::Ticks next_{};      // the frame that is to come
  timeline::Ticks fragment_{};  // where the open fragment starts
  bool open_ = false;
  std::size_t pending_ = 0;  // bytes in pictures_
  std::vector<Picture> pictures_;
  Bytes out_;
};

// One audio segment: AAC frames on the slots firstSlot, firstSlot + 1, ... in one fragment. kInvalidInput: no frames,
// an empty one, or a negative slot.
base::Result<Bytes> buildAudioSegment(std::int64_t firstSlot, std::span<const ByteView> frames);

// One WebVTT segment (RFC 8216, 3.5): all captions that are shown in [cellStart, cellEnd), those that began before it
// too. Captions are of one track. A caption has the same id and the same times in every segment, so that a player shows
// it once. Text is taken as cue text (WebVTT, 4.2.2), with what would end a cue or is not UTF-8 made harmless.
//
// X-TIMESTAMP-MAP: cue time 0 is the whole hour of channel time before the last one that is not after cellStart; MPEGTS
// is that in 90 kHz, modulo 2^33 as in MPEG-2. It is exact at every frame rate (a cell's own start is not, at 59.94).
// Players compare it with the video's tfdt / 240,000 s modulo 2^33 / 90,000 s: hls.js by normalising to the fragment's
// start.
std::string vttSegment(timeline::Ticks cellStart, timeline::Ticks cellEnd, std::span<const timeline::Caption> captions);

}  // namespace dvpe::package
