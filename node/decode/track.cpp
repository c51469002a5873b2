// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/decode/track.h"

namespace dvpe::decode {

namespace {
constexpr std::size_t kFrameSamples = 1024 * 2;  // stereo
constexpr std::int64_t kRepeatable = 1;  // a gap of this many slots repeats the frame before it; longer is silent
constexpr std::size_t kMaxFrame = 1536;  // 6144 bits a channel (ISO/IEC 14496-3, 4.5.3.1)
}  // namespace

void Decoder::Track::format(const timeline::AudioFormat& format) {
  if (config_ && format.asc && *config_ == *format.asc) return;
  config_ = format.asc;
  decoder_.reset();
  passable_ = false;
  if (!config_) return;
  const auto parsed = media::parseAudioSpecificConfig(*config_);
  if (!parsed) {
    ++counters_.corrupt;
    return;
  }
  passable_ = parsed.value().passable();
  if (passable_) return;
  if (auto decoder = media::makeAacDecoder(*config_)) decoder_ = std::move(decoder).value();
  pending_.clear();
  encodedAt_ = Ticks{-1};
}

void Decoder::Track::packet(const timeline::AudioPacket& packet, bool muted, std::vector<Slotted>& out) {
  muted_ = muted;
  if (!packet.data || packet.data->empty()) return;
  if (passable_) {
    pass(packet.pts, packet.data, out);
  } else if (decoder_) {
    encode(packet.pts, *packet.data, out);
  }
}

void Decoder::Track::pass(Ticks pts, base::SharedBytes data, std::vector<Slotted>& out) {
  if (!walk_.started()) return;
  if (data->size() > kMaxFrame) {  // it would cost the whole segment
    ++counters_.corrupt;
    return;
  }
  // The first one takes the nearest slot, whatever is expected: where the others follow is then a fact of the stream
  // and not of the moment at which this node joined it.
  const auto slot = previous_ ? walk_.take(pts) : walk_.takeNearest(pts);
  if (!slot) {
    ++counters_.audioDropped;
    return;
  }
  ++counters_.audioPassed;
  place(*slot, std::move(data), out);
}

void Decoder::Track::encode(Ticks pts, base::ByteView data, std::vector<Slotted>& out) {
  auto samples = decoder_->decode(data);
  if (!samples) {
    ++counters_.corrupt;
    return;
  }
  if (!encoder_) {
    auto made = media::makeAacEncoder(bitrate_);
    if (!made) return;
    encoder_ = std::move(made).value();
  }
  const auto length = [](std::size_t values) {
    return Ticks{static_cast<std::int64_t>(values / 2) * base::kTicksPerSample};
  };
  // The encoder runs on; a source that has moved by over half a slot starts a new place for what comes out.
  if (encodedAt_ < Ticks{0} ||
      std::chrono::abs(pts - (pendingAt_ + length(pending_.size()))) > timeline::kAudioSlot / 2) {
    pending_.clear();
    pendingAt_ = pts;
    encodedAt_ = pts - Ticks{encoder_->priming() * base::kTicksPerSample};
  }
  pending_.insert(pending_.end(), samples.value().begin(), samples.value().end());
  while (pending_.size() >= kFrameSamples) {
    const media::Samples block(pending_.begin(), pending_.begin() + kFrameSamples);
    pending_.erase(pending_.begin(), pending_.begin() + kFrameSamples);
    pendingAt_ += timeline::kAudioSlot;
    auto frames = encoder_->encode(block);
    if (!frames) {
      ++counters_.corrupt;
      continue;
    }
    for (auto& frame : frames.value()) {
      if (const auto slot = walk_.take(encodedAt_)) {
        ++counters_.audioEncoded;
        place(*slot, base::share(std::move(frame)), out);
      } else {
        ++counters_.audioDropped;
      }
      encodedAt_ += timeline::kAudioSlot;
    }
  }
}

void Decoder::Track::place(std::int64_t slot, base::SharedBytes data, std::vector<Slotted>& out) {
  if (!walk_.started()) return;
  const std::int64_t gap = slot - walk_.next();
  for (std::int64_t i = 0; i < gap; ++i) {
    const bool repeat = gap <= kRepeatable && previous_;
    ++(repeat ? counters_.audioRepeated : counters_.audioSilent);
    out.emplace_back(SlottedAudio{number_, walk_.next(), repeat ? previous_ : silence_});
    walk_.advance();
  }
  if (muted_) data = silence_;
  previous_ = data;
  out.emplace_back(SlottedAudio{number_, slot, std::move(data)});
  walk_.advance();
}

void Decoder::Track::silenceTo(Ticks t, std::vector<Slotted>& out) {
  if (!walk_.started()) return;
  while (timeline::kAudioSlot * (walk_.next() + 1) <= t) {
    ++counters_.audioSilent;
    out.emplace_back(SlottedAudio{number_, walk_.next(), silence_});
    walk_.advance();
    previous_.reset();
  }
}

}  // namespace dvpe::decode
