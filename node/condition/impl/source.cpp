// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/impl/source.h"

#include <algorithm>
#include <limits>

#include "node/condition/condition.h"

namespace dvpe::condition::impl {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

constexpr Ticks kMaxLength{kMaxSeconds * base::kTicksPerSecond};
// Sound further than this from where the packet before ended leaves a gap or overlaps; less is rounding.
constexpr std::int64_t kAudioSlack = 2400;
constexpr int kMinSide = 16;

auto tooLong() {
  return fail(ErrorCode::kLimitExceeded, "source: longer than " + std::to_string(kMaxSeconds / 60) + " minutes");
}

Result<void> chooseStreams(const media::Demuxer& file, Scan& scan) {
  const auto& streams = file.streams();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (streams[i].kind == media::StreamKind::kVideo && scan.videoStream < 0) {
      scan.videoStream = static_cast<int>(i);
    } else if (streams[i].kind == media::StreamKind::kAudio && scan.audioStream < 0) {
      scan.audioStream = static_cast<int>(i);
    }
  }
  if (scan.videoStream < 0) {
    return fail(ErrorCode::kUnsupported, "source: has no video");
  }
  const media::StreamInfo& video = streams[static_cast<std::size_t>(scan.videoStream)];
  if (video.width < kMinSide || video.height < kMinSide) {
    return fail(ErrorCode::kLimitExceeded, "source: its picture is smaller than 16x16");
  }
  return base::success();
}

// Collects decoded sound by its time stamps.
class SoundCollector {
 public:
  Result<void> add(Ticks pts, const media::Samples& samples) {
    const std::int64_t at = pts.count() / base::kTicksPerSample;
    if (!started_) {
      started_ = true;
      first_ = at;
    }
    const std::int64_t end = first_ + static_cast<std::int64_t>(samples_.size() / 2);
    if (at - end > kAudioSlack) {
      if (at - first_ > kMaxSeconds * std::int64_t{48000} + 48000) {
        return tooLong();
      }
      samples_.resize(static_cast<std::size_t>(at - first_) * 2);
    } else if (end - at > kAudioSlack) {
      return base::success();  // heard already
    }
    samples_.insert(samples_.end(), samples.begin(), samples.end());
    if (samples_.size() > std::size_t{2} * 48000 * (kMaxSeconds + 10)) {
      return tooLong();
    }
    return base::success();
  }

  // The sound from this time on.
  media::Samples from(Ticks start) {
    const std::int64_t shift = start.count() / base::kTicksPerSample - first_;
    if (!started_ || shift >= static_cast<std::int64_t>(samples_.size() / 2) ||
        shift < -std::int64_t{48000} * kMaxSeconds) {
      return {};
    }
    if (shift > 0) {
      samples_.erase(samples_.begin(), samples_.begin() + shift * 2);
    } else {
      samples_.insert(samples_.begin(), static_cast<std::size_t>(-shift) * 2, 0.0F);
    }
    return std::move(samples_);
  }

 private:
  media::Samples samples_;
  std::int64_t first_ = 0;
  bool started_ = false;
};

// The time that the pictures span.
struct VideoSpan {
  Ticks first{std::numeric_limits<std::int64_t>::max()}, last{std::numeric_limits<std::int64_t>::min()};
  Ticks lastDuration{};
  void add(const media::DemuxedPacket& p) {
    first = std::min(first, p.pts);
    if (p.pts > last) {
      last = p.pts;
      lastDuration = p.duration;
    }
  }
};

Ticks frameLength(const media::StreamInfo& s, Ticks said) {
  if (said.count() > 0 && said.count() <= base::kTicksPerSecond) {
    return said;
  }
  if (s.frameRateNum > 0 && s.frameRateDen > 0 && s.frameRateNum >= s.frameRateDen) {
    return Ticks{base::kTicksPerSecond * s.frameRateDen / s.frameRateNum};
  }
  return Ticks{base::kTicksPerSecond / 25};
}

}  // namespace

Result<Scan> scan(media::Demuxer& file, const std::function<void(double)>& progress) {
  Scan s;
  DVPE_CHECK(chooseStreams(file, s));
  if (file.duration() > kMaxLength + Ticks{base::kTicksPerSecond}) {
    return tooLong();
  }
  std::unique_ptr<media::AudioDecoder> decoder;
  if (s.audioStream >= 0) {
    DVPE_TRY(decoder, media::makeAudioDecoder(file.streams()[static_cast<std::size_t>(s.audioStream)]));
  }
  SoundCollector sound;
  VideoSpan span;
  while (true) {
    auto read = file.read();
    if (!read) {
      return std::move(read).as_failure();
    }
    if (!read.value()) {
      break;
    }
    const media::DemuxedPacket& p = *read.value();
    if (p.stream == s.videoStream) {
      span.add(p);
      if (span.last - span.first > kMaxLength) {
        return tooLong();
      }
    } else if (p.stream == s.audioStream) {
      auto samples = decoder->decode(p.data);
      if (samples) {
        DVPE_CHECK(sound.add(p.pts, samples.value()));
      } else {
        ++s.damaged;
      }
    } else {
      continue;
    }
    ++s.packets;
    if (progress && s.packets % 256 == 0 && file.duration().count() > 0) {
      progress(std::clamp(base::seconds(p.dts) / base::seconds(file.duration()), 0.0, 1.0));
    }
  }
  if (span.last < span.first) {
    return fail(ErrorCode::kInvalidInput, "source: its video has no pictures");
  }
  const media::StreamInfo& video = file.streams()[static_cast<std::size_t>(s.videoStream)];
  s.start = span.first;
  s.audio = sound.from(s.start);
  const Ticks pictures = span.last - span.first + frameLength(video, span.lastDuration);
  const Ticks heard{static_cast<std::int64_t>(s.audio.size() / 2) * base::kTicksPerSample};
  s.length = std::max(pictures, heard);
  return s.length > kMaxLength ? Result<Scan>(tooLong()) : Result<Scan>(std::move(s));
}

namespace {

// Puts pictures onto the grid: each grid time gets the one that is nearest to it.
class GridPlayer {
 public:
  GridPlayer(Ticks frame, std::int64_t frames, const Show& show) : frame_(frame), frames_(frames), show_(show) {}

  Result<void> add(media::DecodedFrame next) {
    if (held_.frame && next.pts <= held_.pts) {
      return base::success();  // time that runs backwards
    }
    while (held_.frame && !full() && frame_ * at_ - held_.pts <= next.pts - frame_ * at_) {
      DVPE_CHECK(emit());
    }
    held_ = std::move(next);
    fresh_ = true;
    return base::success();
  }
  Result<void> hold() {
    while (held_.frame && !full()) {
      DVPE_CHECK(emit());
    }
    return base::success();
  }
  bool full() const { return at_ >= frames_; }
  bool empty() const { return !held_.frame; }

 private:
  Result<void> emit() {
    ++at_;
    return show_(*held_.frame, std::exchange(fresh_, false));
  }
  Ticks frame_;
  std::int64_t frames_;
  const Show& show_;
  std::int64_t at_ = 0;
  media::DecodedFrame held_;
  bool fresh_ = false;
};

Result<void> drain(media::VideoDecoder& decoder, const Scan& scan, GridPlayer& player) {
  while (!player.full()) {
    DVPE_TRY(auto picture, decoder.receive());
    if (!picture) {
      break;
    }
    if (picture->frame->width() < kMinSide || picture->frame->height() < kMinSide) {
      return fail(ErrorCode::kLimitExceeded, "source: its picture is smaller than 16x16");
    }
    picture->pts -= scan.start;
    DVPE_CHECK(player.add(std::move(*picture)));
  }
  return base::success();
}

}  // namespace

Result<void> play(media::Demuxer& file, Scan& scan, Ticks frame, std::int64_t frames, const Show& show) {
  DVPE_CHECK(file.rewind());
  if (static_cast<std::size_t>(scan.videoStream) >= file.streams().size()) {
    return fail(ErrorCode::kConflict, "source: changed while it was read");
  }
  DVPE_TRY(auto decoder, media::makeVideoDecoder(file.streams()[static_cast<std::size_t>(scan.videoStream)]));
  GridPlayer player(frame, frames, show);
  std::optional<base::Error> lastError;
  while (!player.full()) {
    DVPE_TRY(auto packet, file.read());
    if (!packet) {
      break;
    }
    if (packet->stream != scan.videoStream) {
      continue;
    }
    if (auto decoded = decoder->decode(packet->data, packet->pts, packet->dts, packet->key); !decoded) {
      if (decoded.error().code == ErrorCode::kLimitExceeded) {
        return std::move(decoded).as_failure();
      }
      ++scan.damaged;
      lastError = decoded.error();
    }
    DVPE_CHECK(drain(*decoder, scan, player));
  }
  decoder->flush();
  DVPE_CHECK(drain(*decoder, scan, player));
  if (player.empty()) {
    return fail(ErrorCode::kInvalidInput,
                "source: none of its pictures can be decoded" + (lastError ? " (" + lastError->message + ")" : ""));
  }
  return player.hold();
}

}  // namespace dvpe::condition::impl
