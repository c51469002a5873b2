// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/impl/audio_track.h"

#include <algorithm>
#include <cmath>

#include "node/condition/impl/output.h"
#include "node/condition/loudness.h"
#include "node/package/cmaf.h"

namespace dvpe::condition::impl {
namespace {

using base::Result;

constexpr std::size_t kFadeSamples = 480;       // 10 ms
constexpr double kMaxGain = 30;                 // dB; beyond it only noise is raised
constexpr std::size_t kFramesPerFragment = 47;  // about a second
constexpr std::size_t kFrame = 1024;

// Priming dropped: the encoder's answer number p + k is frame k, p frames of priming.
Result<std::vector<base::Bytes>> encodeFrames(const media::Samples& samples, std::size_t count, std::int64_t bitrate) {
  DVPE_TRY(auto encoder, media::makeAacEncoder(bitrate));
  const auto priming = static_cast<std::size_t>(encoder->priming()) / kFrame;
  std::vector<base::Bytes> frames;
  media::Samples slot(2 * kFrame);
  for (std::size_t k = 0; k < count + priming; ++k) {
    const std::size_t from = std::min(samples.size(), k * 2 * kFrame);
    const std::size_t to = std::min(samples.size(), from + 2 * kFrame);
    std::fill(slot.begin(), slot.end(), 0.0F);
    std::copy(samples.begin() + static_cast<std::ptrdiff_t>(from), samples.begin() + static_cast<std::ptrdiff_t>(to),
              slot.begin());
    DVPE_TRY(auto got, encoder->encode(slot));
    std::move(got.begin(), got.end(), std::back_inserter(frames));
  }
  DVPE_TRY(auto rest, encoder->flush());
  std::move(rest.begin(), rest.end(), std::back_inserter(frames));
  if (frames.size() < count + priming) {
    return base::fail(base::ErrorCode::kInternal, "audio: the encoder gave too few frames");
  }
  frames.erase(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(priming));
  frames.resize(count);
  return frames;
}

}  // namespace

void normalise(media::Samples& samples, ConditionReport& report) {
  float peak = 0;
  for (float& s : samples) {
    s = std::isfinite(s) ? std::clamp(s, -8.0F, 8.0F) : 0.0F;
    peak = std::max(peak, std::abs(s));
  }
  report.loudness = integratedLoudness(samples);
  if (!report.loudness || peak <= 0) {
    report.loudness.reset();
    return;
  }
  const double wanted = std::min(kTargetLufs - *report.loudness, kMaxGain);
  report.gain = std::min(wanted, 20 * std::log10(kPeakCeiling / static_cast<double>(peak)));
  if (report.gain < wanted - 0.5) {
    report.notes.emplace_back("Quieter than -23 LUFS: its peaks leave no room.");
  }
  const auto factor = static_cast<float>(std::pow(10.0, report.gain / 20));
  const std::size_t pairs = samples.size() / 2;
  const std::size_t fade = std::min(kFadeSamples, pairs / 2);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t edge = std::min(i, pairs - 1 - i);
    const float f = edge < fade ? factor * static_cast<float>(edge) / static_cast<float>(fade) : factor;
    samples[2 * i] *= f;
    samples[2 * i + 1] *= f;
  }
}

Result<void> writeAudioTrack(const std::filesystem::path& path, const model::Profile& profile, int units,
                             const media::Samples& samples) {
  const timeline::Grid grid(profile.fps);
  const auto count =
      static_cast<std::size_t>((grid.unit() * units + timeline::kAudioSlot - base::Ticks{1}) / timeline::kAudioSlot) +
      1;
  DVPE_TRY(const auto frames, encodeFrames(samples, count, profile.audioBitrate));
  OutputFile file(path);
  package::TrackConfig config;
  config.kind = package::TrackKind::kAudio;
  config.config = media::aacLcStereoConfig();
  file.write(package::initSegment(config));
  base::Bytes fragment;
  for (std::size_t first = 0; first < frames.size(); first += kFramesPerFragment) {
    std::vector<package::Sample> part;
    for (std::size_t k = first; k < std::min(frames.size(), first + kFramesPerFragment); ++k) {
      part.push_back({frames[k], static_cast<std::uint32_t>(kFrame), true});
    }
    fragment.clear();
    package::writeFragment(fragment, package::TrackKind::kAudio, static_cast<std::uint32_t>(first + 1), first * kFrame,
                           part);
    if (fragment.empty()) {
      return base::fail(base::ErrorCode::kInternal, "audio: a fragment could not be written");
    }
    file.write(fragment);
  }
  return file.close();
}

}  // namespace dvpe::condition::impl
