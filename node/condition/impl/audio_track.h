// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The sound of a creative (design, law 4).
#pragma once

#include <filesystem>

#include "node/condition/condition.h"
#include "node/timeline/grid.h"
#include "shared/media/audio.h"

namespace dvpe::condition::impl {

// Brings the sound to -23 LUFS as far as its peaks allow and fades both ends; fills in loudness and gain. samples: cut
// to the creative's length already.
void normalise(media::Samples& samples, ConditionReport& report);

// Writes audio.mp4: frame k covers samples [1024 k, 1024 (k + 1)); frames to the end of the last unit and one to spare.
// What samples lack is silence.
base::Result<void> writeAudioTrack(const std::filesystem::path& path, const model::Profile& profile, int units,
                                   const media::Samples& samples);

}  // namespace dvpe::condition::impl
