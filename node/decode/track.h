// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One audio track on the unbroken run of AAC slots (design, law 4). Part of the decoder.
#pragma once

#include <memory>
#include <vector>

#include "node/decode/decoder.h"

namespace dvpe::decode {

// AAC-LC 48 kHz stereo passes through, snapped to the nearest slot; drift drops or repeats one frame. Anything else is
// decoded, resampled and encoded again by one encoder that is never closed.
class Decoder::Track {
 public:
  Track(int number, std::int64_t bitrate, DecodeCounters& counters)
      : number_(number), bitrate_(bitrate), counters_(counters) {}

  bool started() const { return walk_.started(); }
  void start(std::int64_t slot) { walk_.start(slot); }
  void format(const timeline::AudioFormat& format);
  // muted: slate is on the picture, so its sound is silence.
  void packet(const timeline::AudioPacket& packet, bool muted, std::vector<Slotted>& out);
  // Silence for every slot that ends at or before t.
  void silenceTo(Ticks t, std::vector<Slotted>& out);

 private:
  void pass(Ticks pts, base::SharedBytes data, std::vector<Slotted>& out);
  void encode(Ticks pts, base::ByteView data, std::vector<Slotted>& out);
  void place(std::int64_t slot, base::SharedBytes data, std::vector<Slotted>& out);

  const int number_;
  const std::int64_t bitrate_;
  DecodeCounters& counters_;
  SlotWalk walk_{timeline::kAudioSlot};
  bool muted_ = false;
  base::SharedBytes config_;
  bool passable_ = false;
  base::SharedBytes previous_;
  base::SharedBytes silence_ = std::make_shared<const base::Bytes>(media::silentAacFrame());
  std::unique_ptr<media::AudioDecoder> decoder_;
  std::unique_ptr<media::AudioEncoder> encoder_;
  media::Samples pending_;
  Ticks pendingAt_{};  // channel time of pending_'s first sample
  Ticks encodedAt_{};  // channel time of the next frame out of the encoder
};

}  // namespace dvpe::decode
