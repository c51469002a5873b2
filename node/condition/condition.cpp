// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/condition.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "node/condition/impl/audio_track.h"
#include "node/condition/impl/output.h"
#include "node/condition/impl/prepare.h"
#include "node/condition/impl/source.h"
#include "node/condition/impl/video_track.h"
#include "node/package/names.h"
#include "shared/media/demuxer.h"

namespace dvpe::condition {
namespace impl {

using base::ErrorCode;
using base::fail;
using base::Result;

Result<ConditionReport> startReport(const std::string& id, const model::Profile& profile,
                                    const std::string& outFolder) {
  if (!package::isName(id)) {
    return fail(ErrorCode::kInvalidInput, "id: expected 1 to 64 of A-Z a-z 0-9 _ -");
  }
  if (!package::isName(profile.id) || profile.rungs.empty() || profile.rungs.size() > 16) {
    return fail(ErrorCode::kInvalidInput, "profile: needs an id and 1 to 16 rungs");
  }
  ConditionReport report;
  for (const model::Rung& rung : profile.rungs) {
    if (!package::isName(rung.name) || !report.tracks.emplace(rung.name, rung.name + ".mp4").second ||
        rung.name == "audio") {
      return fail(ErrorCode::kInvalidInput, "profile: rung names must be names, differ, and not be \"audio\"");
    }
  }
  std::error_code error;
  if (!std::filesystem::is_directory(outFolder, error)) {
    return fail(ErrorCode::kNotFound, "output folder does not exist");
  }
  report.tracks["audio"] = "audio.mp4";
  report.id = id;
  report.profile = profile.id;
  report.profileRevision = profile.revision;
  return report;
}

}  // namespace impl

namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

// Where a rung keeps breaking the bandwidth promise, it is encoded again, coarser, this often.
constexpr int kAttempts = 4;

// The length law (law 2): up to an eighth of a unit over is trimmed, more is padded.
void applyLengthLaw(Ticks length, const timeline::Grid& grid, ConditionReport& report) {
  const Ticks unit = grid.unit();
  const Ticks over = length % unit;
  report.units = static_cast<int>(length / unit);
  const auto ms = [](Ticks t) {
    return static_cast<int>((t.count() + base::kTicksPerMillisecond / 2) / base::kTicksPerMillisecond);
  };
  if (over.count() > 0 && (over > unit / 8 || report.units == 0)) {
    ++report.units;
    report.paddedMs = ms(unit - over);
  } else {
    report.trimmedMs = ms(over);
  }
}

// Encodes these rungs in one pass over the pictures. Gives those that broke the promise.
Result<std::vector<model::Rung>> encodeRungs(media::Demuxer& file, impl::Scan& scan, const ConditionOptions& options,
                                             const impl::OutputFolder& folder, const std::vector<model::Rung>& rungs,
                                             int attempt, int units) {
  const timeline::Grid grid(options.profile.fps);
  std::vector<std::unique_ptr<impl::VideoTrack>> tracks;
  for (const model::Rung& rung : rungs) {
    const std::filesystem::path path = folder.file(rung.name + ".mp4");
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    DVPE_TRY(auto track, impl::VideoTrack::create(path, options.profile, rung, attempt));
    tracks.push_back(std::move(track));
  }
  const std::int64_t frames = std::int64_t{units} * grid.framesPerUnit();
  std::int64_t done = 0;
  DVPE_CHECK(impl::play(file, scan, grid.frame(), frames, [&](const media::Frame& picture, bool fresh) -> Result<void> {
    for (auto& track : tracks) {
      DVPE_CHECK(track->add(picture, fresh));
    }
    if (++done % grid.framesPerUnit() == 0 && options.progress) {
      options.progress(0.1 + 0.9 * static_cast<double>(done) / static_cast<double>(frames));
    }
    return base::success();
  }));
  std::vector<model::Rung> broken;
  for (auto& track : tracks) {
    DVPE_CHECK(track->finish());
    if (!track->keepsPromise()) {
      broken.push_back(track->rung());
    }
  }
  return broken;
}

Result<void> encodeVideo(media::Demuxer& file, impl::Scan& scan, const ConditionOptions& options,
                         const impl::OutputFolder& folder, ConditionReport& report) {
  std::vector<model::Rung> rungs = options.profile.rungs;
  const int damagedSound = scan.damaged;
  for (int attempt = 0; attempt < kAttempts && !rungs.empty(); ++attempt) {
    scan.damaged = damagedSound;
    DVPE_TRY(rungs, encodeRungs(file, scan, options, folder, rungs, attempt, report.units));
    for (const model::Rung& rung : rungs) {
      report.notes.push_back("Rung " + rung.name + " was over its bandwidth and is encoded again, coarser.");
    }
  }
  if (!rungs.empty()) {
    return fail(ErrorCode::kLimitExceeded, "source: rung " + rungs[0].name + " cannot be kept under its bandwidth");
  }
  return base::success();
}

Result<void> refuseDamaged(const impl::Scan& scan) {
  if (std::int64_t{scan.damaged} * 50 > scan.packets) {
    return fail(ErrorCode::kInvalidInput, "source: damaged (" + std::to_string(scan.damaged) + " of " +
                                              std::to_string(scan.packets) + " packets cannot be decoded)");
  }
  return base::success();
}

}  // namespace

Result<ConditionReport> impl::conditionInto(const ConditionOptions& options, OutputFolder& folder) {
  DVPE_TRY(auto report, impl::startReport(options.id, options.profile, options.outFolder));
  const auto progress = [&](double p) {
    if (options.progress) {
      options.progress(p);
    }
  };
  progress(0);
  DVPE_TRY(auto file, media::openFile(options.file));
  DVPE_TRY(auto scan, impl::scan(*file, [&](double p) { progress(0.1 * p); }));
  DVPE_CHECK(refuseDamaged(scan));

  const timeline::Grid grid(options.profile.fps);
  applyLengthLaw(scan.length, grid, report);
  report.source = std::filesystem::path(options.file).filename().string();
  report.hasAudio = !scan.audio.empty();
  if (!report.hasAudio) {
    report.notes.emplace_back("Has no sound: silence was put in.");
  }
  const auto wanted = static_cast<std::size_t>(grid.unit() * report.units / Ticks{base::kTicksPerSample}) * 2;
  if (scan.audio.size() > wanted) {
    scan.audio.resize(wanted);
  }
  impl::normalise(scan.audio, report);
  DVPE_CHECK(impl::writeAudioTrack(folder.file("audio.mp4"), options.profile, report.units, scan.audio));
  scan.audio = {};
  DVPE_CHECK(encodeVideo(*file, scan, options, folder, report));
  DVPE_CHECK(refuseDamaged(scan));
  report.damagedPackets = scan.damaged;
  DVPE_CHECK(folder.finish(report));
  progress(1);
  return report;
}

Result<ConditionReport> condition(const ConditionOptions& options) {
  DVPE_TRY(auto folder, impl::OutputFolder::create(options.outFolder));
  return impl::conditionInto(options, folder);
}

}  // namespace dvpe::condition
