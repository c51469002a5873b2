// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Integrated loudness (ITU-R BS.1770-4, EBU R 128): K-weighting, blocks of 400 ms that overlap by three quarters, gates
// at -70 LUFS and 10 LU below the mean.
#pragma once

#include <optional>
#include <span>

namespace dvpe::condition {

// samples: interleaved stereo at 48 kHz. LUFS; nothing when no block is louder than -70.
std::optional<double> integratedLoudness(std::span<const float> samples);

}  // namespace dvpe::condition
