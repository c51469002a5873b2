// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Packets -> pictures on the frame grid and audio on its slots; slate while the source is lost (design, laws 1, 2, 4).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "node/decode/slots.h"
#include "node/timeline/stamped.h"
#include "shared/media/audio.h"
#include "shared/media/video.h"

namespace dvpe::decode {

using base::Ticks;

// The picture of one slot. Repeats and slate share the frame they repeat.
struct SlottedFrame {
  Ticks at{};
  media::FramePtr frame;
  bool slate = false;
  std::chrono::steady_clock::time_point arrived{};  // of the packet that let the decoder put it out; zero for repeats
};

// One AAC frame (AAC-LC, 48 kHz, stereo) of one slot.
struct SlottedAudio {
  int track = 0;
  std::int64_t slot = 0;
  base::SharedBytes data;
};

using Slotted = std::variant<SlottedFrame, SlottedAudio>;

// Written on the decoder's thread, read on any.
struct DecodeCounters {
  std::atomic<std::uint64_t> decoded{0}, repeated{0}, dropped{0}, corrupt{0}, slate{0};
  std::atomic<std::uint64_t> audioPassed{0}, audioEncoded{0}, audioDropped{0}, audioRepeated{0}, audioSilent{0};
};

// One channel's decoder. Deterministic: equal streams give equal slots. Slots are emitted without a gap from the first
// on. A gap in the video repeats the last picture; after SourceLost the last picture stands until the next cut, then
// slate; after SourceBack the programme returns at the next cut that finds a picture. Audio that does not come is
// silence, at the latest one unit after its time. One thread at a time.
class Decoder {
 public:
  Decoder(timeline::Grid grid, media::FramePtr slate, std::int64_t audioBitrate, int audioTracks);
  ~Decoder();

  // made: the cuts that this message made final (from the channel's Cutter).
  // Everything that became ready is appended to out, video and audio each in order of time.
  void process(const timeline::StampedMessage& message, const std::vector<timeline::Cut>& made,
               std::vector<Slotted>& out);

  const DecodeCounters& counters() const { return counters_; }

 private:
  class Track;

  void video(const timeline::VideoPacket& packet, std::vector<Slotted>& out);
  void format(const timeline::VideoFormat& format, std::vector<Slotted>& out);
  void drain(std::vector<Slotted>& out, std::chrono::steady_clock::time_point arrived);
  void picture(const media::DecodedFrame& decoded, std::chrono::steady_clock::time_point arrived,
               std::vector<Slotted>& out);
  void emit(media::FramePtr frame, std::chrono::steady_clock::time_point arrived, std::vector<Slotted>& out);
  void fillTo(std::int64_t slot, std::vector<Slotted>& out);
  void passTo(Ticks t, std::vector<Slotted>& out);
  Track& track(int number);

  const timeline::Grid grid_;
  const media::FramePtr slate_;
  const std::int64_t audioBitrate_;
  DecodeCounters counters_;

  std::unique_ptr<media::VideoDecoder> decoder_;
  base::SharedBytes avcc_;
  bool waitForKey_ = true;
  SlotWalk walk_;
  media::FramePtr last_;    // the newest picture of the source
  bool stale_ = false;      // it is from before the source was lost: no reason to end the slate
  std::deque<Ticks> cuts_;  // made, not yet reached by walk_
  bool lost_ = false;
  bool showSlate_ = false;  // changes at cuts only
  Ticks newest_{}, newestVideo_{};
  std::vector<std::unique_ptr<Track>> tracks_;
};

}  // namespace dvpe::decode
