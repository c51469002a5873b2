// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The source file in two passes: first its length and all of its sound, then its pictures on the profile's grid.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "shared/base/ticks.h"
#include "shared/media/demuxer.h"

namespace dvpe::condition::impl {

struct Scan {
  int videoStream = -1, audioStream = -1;
  base::Ticks start{};   // of the first picture; time 0 of the creative
  base::Ticks length{};  // of what is longer, pictures or sound
  media::Samples audio;  // from time 0 on
  int packets = 0, damaged = 0;
};

// Pass one. progress: 0 to 1.
base::Result<Scan> scan(media::Demuxer& file, const std::function<void(double)>& progress);

// Pass two: calls `show` with the picture for each of `frames` grid times, in order, the nearest in time to each; the
// last is held. fresh: not the picture of the call before. Damaged packets are counted into scan.
using Show = std::function<base::Result<void>(const media::Frame& picture, bool fresh)>;
base::Result<void> play(media::Demuxer& file, Scan& scan, base::Ticks frame, std::int64_t frames, const Show& show);

}  // namespace dvpe::condition::impl
