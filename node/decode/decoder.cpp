// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/decode/decoder.h"

#include <algorithm>

#include "node/decode/track.h"
#include "shared/base/log.h"

namespace dvpe::decode {

namespace {
constexpr int kMaxTracks = 16;
constexpr int kVideoLate = 3;  // units that video may be behind audio in the source's order
}  // namespace

Decoder::Decoder(timeline::Grid grid, media::FramePtr slate, std::int64_t audioBitrate, int audioTracks)
    : grid_(grid), slate_(std::move(slate)), audioBitrate_(audioBitrate), walk_(grid.frame()) {
  for (int i = 0; i < audioTracks; ++i) track(i);
}

Decoder::~Decoder() = default;

Decoder::Track& Decoder::track(int number) {
  while (static_cast<int>(tracks_.size()) <= number) {
    tracks_.push_back(std::make_unique<Track>(static_cast<int>(tracks_.size()), audioBitrate_, counters_));
    if (walk_.started()) tracks_.back()->start(timeline::Grid::audioSlot(grid_.frame() * walk_.next()));
  }
  return *tracks_[static_cast<std::size_t>(number)];
}

void Decoder::process(const timeline::StampedMessage& message, const std::vector<timeline::Cut>& made,
                      std::vector<Slotted>& out) {
  for (const auto& cut : made) cuts_.push_back(cut.at);
  if (const auto* packet = std::get_if<timeline::VideoPacket>(&message)) {
    newest_ = std::max(newest_, packet->pts);
    newestVideo_ = std::max(newestVideo_, packet->pts);
    video(*packet, out);
  } else if (const auto* config = std::get_if<timeline::VideoFormat>(&message)) {
    format(*config, out);
  } else if (const auto* audio = std::get_if<timeline::AudioPacket>(&message)) {
    newest_ = std::max(newest_, audio->pts);
    if (audio->track >= 0 && audio->track < static_cast<int>(tracks_.size()))
      track(audio->track).packet(*audio, showSlate_, out);
  } else if (const auto* audioConfig = std::get_if<timeline::AudioFormat>(&message)) {
    if (audioConfig->track >= 0 && audioConfig->track < kMaxTracks &&
        audioConfig->track < static_cast<int>(tracks_.size())) {
      track(audioConfig->track).format(*audioConfig);
    }
  } else if (const auto* lost = std::get_if<timeline::SourceLost>(&message)) {
    // The decoder stays as it is: a source that only stalled goes on in the middle of its group of pictures, and a new
    // publisher begins with a key frame.
    newest_ = std::max(newest_, lost->at);
    lost_ = true;
    stale_ = true;
  } else if (const auto* passes = std::get_if<timeline::TimePasses>(&message)) {
    newest_ = std::max(newest_, passes->at);
    passTo(passes->at, out);
  } else if (std::holds_alternative<timeline::SourceBack>(message)) {
    lost_ = false;
  }
  // A source that sends packets but no picture, or sound alone, must not stop the clock.
  if (walk_.started()) {
    fillTo(grid_.frameIndex(std::max(newestVideo_ - grid_.unit(), newest_ - grid_.unit() * kVideoLate)), out);
  }
  for (const auto& t : tracks_) t->silenceTo(newest_ - grid_.unit(), out);
}

void Decoder::format(const timeline::VideoFormat& format, std::vector<Slotted>& out) {
  if (avcc_ && format.avcc && decoder_ && *avcc_ == *format.avcc) return;
  if (decoder_) {
    decoder_->flush();
    drain(out, {});
    decoder_.reset();
  }
  avcc_ = format.avcc;
  waitForKey_ = true;
  if (!avcc_) return;
  auto made = media::makeH264Decoder(*avcc_);
  if (made) {
    decoder_ = std::move(made).value();
  } else {
    ++counters_.corrupt;
    spdlog::warn("the source's video cannot be decoded reason=\"{}\"", made.error().message);
  }
}

void Decoder::video(const timeline::VideoPacket& packet, std::vector<Slotted>& out) {
  if (decoder_ && packet.data && (packet.key || !waitForKey_)) {
    waitForKey_ = false;
    if (const auto decoded = decoder_->decode(*packet.data, packet.pts, packet.dts, packet.key); !decoded) {
      ++counters_.corrupt;
      waitForKey_ = true;  // what refers to the broken picture would be broken too
    }
    drain(out, packet.arrived);
  }
}

void Decoder::drain(std::vector<Slotted>& out, std::chrono::steady_clock::time_point arrived) {
  for (;;) {
    auto frame = decoder_->receive();
    if (!frame) {
      ++counters_.corrupt;
      return;
    }
    if (!frame.value()) return;
    picture(*frame.value(), arrived, out);
  }
}

void Decoder::picture(const media::DecodedFrame& decoded, std::chrono::steady_clock::time_point arrived,
                      std::vector<Slotted>& out) {
  if (!walk_.started()) {
    walk_.start((decoded.pts + grid_.frame() / 2) / grid_.frame());
    for (const auto& t : tracks_) t->start(timeline::Grid::audioSlot(grid_.frame() * walk_.next()));
  }
  ++counters_.decoded;
  // A cut begins anew: a node that joined there, and knows nothing of the pictures before, puts the same one first.
  const bool atCut = std::find(cuts_.begin(), cuts_.end(), grid_.frame() * walk_.next()) != cuts_.end();
  const auto slot = atCut ? walk_.takeNearest(decoded.pts) : walk_.take(decoded.pts);
  if (!slot) {
    ++counters_.dropped;
    last_ = decoded.frame;
    return;
  }
  fillTo(*slot, out);
  last_ = decoded.frame;
  stale_ = false;
  emit(decoded.frame, arrived, out);
}

void Decoder::fillTo(std::int64_t slot, std::vector<Slotted>& out) {
  while (walk_.next() < slot) {
    ++counters_.repeated;
    emit(last_, {}, out);
  }
}

void Decoder::passTo(Ticks t, std::vector<Slotted>& out) {
  if (!walk_.started()) {  // on air before this node was: slate from here
    showSlate_ = true;
    walk_.start(grid_.frameIndex(t));
    for (const auto& each : tracks_) each->start(timeline::Grid::audioSlot(grid_.frame() * walk_.next()));
  }
  fillTo(grid_.frameIndex(t) + 1, out);
  for (const auto& each : tracks_) each->silenceTo(t, out);
}

// Slate comes and goes at cuts only, so that a segment is one or the other.
void Decoder::emit(media::FramePtr frame, std::chrono::steady_clock::time_point arrived, std::vector<Slotted>& out) {
  const Ticks at = grid_.frame() * walk_.next();
  while (!cuts_.empty() && cuts_.front() <= at) {
    showSlate_ = lost_ || stale_ || !frame;
    cuts_.pop_front();
  }
  const bool slate = showSlate_ || !frame;
  if (slate) ++counters_.slate;
  out.emplace_back(SlottedFrame{at, slate ? slate_ : std::move(frame), slate,
                                slate ? std::chrono::steady_clock::time_point{} : arrived});
  walk_.advance();
}

}  // namespace dvpe::decode
