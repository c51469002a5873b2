// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/impl/video_track.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "node/package/cmaf.h"

namespace dvpe::condition::impl {
namespace {

using base::Result;

// Coarser by six steps of quality (half the bits, about) each time. Neither changes the parameter sets.
model::Rung coarser(model::Rung rung, int attempt) {
  for (int i = 0; i < attempt; ++i) {
    rung.bitrate = rung.bitrate * 2 / 3;
  }
  if (attempt > 0 && rung.bitrate == 0) {
    const std::size_t said = rung.x264.rfind("crf=");
    const int crf = said == std::string::npos ? 23 : std::atoi(rung.x264.c_str() + said + 4);
    rung.x264 += ":crf=" + std::to_string(std::clamp(crf + 6 * attempt, 0, 51));
  }
  return rung;
}

}  // namespace

std::int64_t maxUnitBits(const model::Rung& rung, const timeline::Grid& grid) {
  return rung.maxrate * 3 / 2 * grid.unit().count() / base::kTicksPerSecond;
}

VideoTrack::VideoTrack(const std::filesystem::path& path, const model::Profile& profile, const model::Rung& rung,
                       int attempt)
    : rung_(rung),
      encoding_(coarser(rung, attempt)),
      fps_(profile.fps),
      grid_(profile.fps),
      file_(path),
      scaler_(media::makeScaler()),
      scaled_(rung.width, rung.height) {
  unit_.reserve(static_cast<std::size_t>(grid_.framesPerUnit()));
}

Result<std::unique_ptr<VideoTrack>> VideoTrack::create(const std::filesystem::path& path, const model::Profile& profile,
                                                       const model::Rung& rung, int attempt) {
  DVPE_TRY(auto parameters, media::h264Parameters(rung, profile.fps));
  std::unique_ptr<VideoTrack> track(new VideoTrack(path, profile, rung, attempt));
  package::TrackConfig config;
  config.kind = package::TrackKind::kVideo;
  config.config = std::move(parameters);
  config.width = rung.width;
  config.height = rung.height;
  track->file_.write(package::initSegment(config));
  return track;
}

Result<void> VideoTrack::add(const media::Frame& picture, bool fresh) {
  const bool fits = picture.width() == rung_.width && picture.height() == rung_.height;
  if (!fits && fresh) {
    DVPE_CHECK(scaler_->scale(picture, scaled_));
  }
  if (!encoder_) {
    DVPE_TRY(encoder_, media::makeH264Encoder(encoding_, fps_));
  }
  DVPE_TRY(auto encoded, encoder_->encode(fits ? picture : scaled_, false));
  unit_.push_back(std::move(encoded));
  if (static_cast<int>(unit_.size()) == grid_.framesPerUnit()) {
    DVPE_CHECK(endUnit());
  }
  return base::success();
}

Result<void> VideoTrack::endUnit() {
  std::vector<package::Sample> samples;
  samples.reserve(unit_.size());
  for (const media::EncodedPicture& p : unit_) {
    samples.push_back({p.data, static_cast<std::uint32_t>(grid_.frame().count()), p.key});
  }
  fragment_.clear();
  package::writeFragment(fragment_, package::TrackKind::kVideo, static_cast<std::uint32_t>(units_ + 1),
                         static_cast<std::uint64_t>(grid_.unit().count() * units_), samples);
  if (fragment_.empty()) {
    return base::fail(base::ErrorCode::kInternal, "rung " + rung_.name + ": a unit could not be written");
  }
  heaviestUnit_ = std::max(heaviestUnit_, static_cast<std::int64_t>(fragment_.size()) * 8);
  file_.write(fragment_);
  ++units_;
  unit_.clear();
  encoder_.reset();
  return base::success();
}

Result<void> VideoTrack::finish() {
  if (!unit_.empty() || units_ == 0) {
    return base::fail(base::ErrorCode::kInternal, "rung " + rung_.name + ": not whole units");
  }
  return file_.close();
}

}  // namespace dvpe::condition::impl
