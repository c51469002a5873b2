// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The built-in slate: a ring around a bar on a dark ground, painted at each rung's size.
#include <algorithm>
#include <cmath>

#include "node/condition/impl/audio_track.h"
#include "node/condition/impl/output.h"
#include "node/condition/impl/prepare.h"
#include "node/condition/impl/video_track.h"

namespace dvpe::condition {
namespace {

using base::Result;

struct Colour {
  double y, u, v;
};
constexpr Colour kGround{30, 134, 124};  // a dark blue
constexpr Colour kMark{168, 122, 132};   // a warm grey

// How much of the pixel at this place (in picture heights, from the centre) the mark covers, 0 to 1; edge: a pixel.
double coverage(double x, double y, double edge) {
  const double ring = std::abs(std::hypot(x, y) - 0.16) - 0.014;
  const double bar = std::max(std::abs(x) - 0.075, std::abs(y) - 0.014);
  return std::clamp(0.5 - std::min(ring, bar) / edge, 0.0, 1.0);
}

void paintSlate(media::Frame& f) {
  const double height = f.height();
  for (int i = 0; i < 3; ++i) {
    const int d = i == 0 ? 1 : 2;
    const double ground = i == 0 ? kGround.y : i == 1 ? kGround.u : kGround.v;
    const double mark = i == 0 ? kMark.y : i == 1 ? kMark.u : kMark.v;
    for (int y = 0; y < f.height() / d; ++y) {
      for (int x = 0; x < f.width() / d; ++x) {
        const double c =
            coverage(((x + 0.5) * d - f.width() / 2.0) / height, ((y + 0.5) * d - height / 2.0) / height, d / height);
        f.plane(i)[static_cast<std::ptrdiff_t>(y) * f.stride(i) + x] =
            static_cast<std::uint8_t>(std::lround(ground + (mark - ground) * c));
      }
    }
  }
}

}  // namespace

Result<ConditionReport> conditionSlate(const model::Profile& profile, const std::string& id,
                                       const std::string& outFolder) {
  DVPE_TRY(auto report, impl::startReport(id, profile, outFolder));
  DVPE_TRY(auto folder, impl::OutputFolder::create(outFolder));
  report.units = kSlateUnits;
  report.source = "slate";
  const timeline::Grid grid(profile.fps);
  for (const model::Rung& rung : profile.rungs) {
    DVPE_TRY(auto track, impl::VideoTrack::create(folder.file(rung.name + ".mp4"), profile, rung, 0));
    media::Frame frame(rung.width, rung.height);
    paintSlate(frame);
    for (int i = 0; i < kSlateUnits * grid.framesPerUnit(); ++i) {
      DVPE_CHECK(track->add(frame, i == 0));
    }
    if (!track->keepsPromise()) {
      return base::fail(base::ErrorCode::kLimitExceeded,
                        "profile: rung " + rung.name + " has too little bandwidth for a slate");
    }
    DVPE_CHECK(track->finish());
  }
  DVPE_CHECK(impl::writeAudioTrack(folder.file("audio.mp4"), profile, report.units, {}));
  DVPE_CHECK(folder.finish(report));
  return report;
}

}  // namespace dvpe::condition
