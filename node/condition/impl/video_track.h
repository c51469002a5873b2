// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One rung of a creative: frames in, a CMAF track file out, one closed GOP in one fragment for each unit.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "node/condition/impl/output.h"
#include "node/timeline/grid.h"
#include "shared/media/video.h"
#include "shared/model/documents.h"

namespace dvpe::condition::impl {

// What one unit may weigh: playlists promise one and a half times maxrate and audio for every segment, and a segment
// may be put together of units from anywhere, so each unit has to keep it.
std::int64_t maxUnitBits(const model::Rung& rung, const timeline::Grid& grid);

class VideoTrack {
 public:
  // attempt: 0 encodes as the profile says; each further one is coarser, for sources that broke the promise.
  static base::Result<std::unique_ptr<VideoTrack>> create(const std::filesystem::path& path,
                                                          const model::Profile& profile, const model::Rung& rung,
                                                          int attempt);

  // picture: any size. fresh: not the picture of the call before.
  base::Result<void> add(const media::Frame& picture, bool fresh);
  // Whole units must have been added.
  base::Result<void> finish();
  // Every unit so far keeps the promise.
  bool keepsPromise() const { return heaviestUnit_ <= maxUnitBits(rung_, grid_); }
  const model::Rung& rung() const { return rung_; }

 private:
  VideoTrack(const std::filesystem::path& path, const model::Profile& profile, const model::Rung& rung, int attempt);
  base::Result<void> endUnit();

  model::Rung rung_;      // as the profile has it
  model::Rung encoding_;  // as it is encoded
  model::FrameRate fps_;
  timeline::Grid grid_;
  OutputFile file_;
  std::unique_ptr<media::Scaler> scaler_;
  media::Frame scaled_;
  std::unique_ptr<media::VideoEncoder> encoder_;  // of this unit
  std::vector<media::EncodedPicture> unit_;
  base::Bytes fragment_;
  std::int64_t units_ = 0;
  std::int64_t heaviestUnit_ = 0;
};

}  // namespace dvpe::condition::impl
