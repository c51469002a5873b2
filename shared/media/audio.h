// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Audio: AAC-LC in and out, 48 kHz stereo float inside.
#pragma once

#include <memory>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::media {

// Interleaved stereo float samples at 48 kHz.
using Samples = std::vector<float>;

struct AacFormat {
  int objectType = 0;  // 2 = AAC-LC
  int sampleRate = 0;
  int channels = 0;
  // Fit to be passed through untouched (law 4).
  bool passable() const { return objectType == 2 && sampleRate == 48000 && channels == 2; }
};
base::Result<AacFormat> parseAudioSpecificConfig(base::ByteView asc);

// AAC -> samples, resampled and mixed to 48 kHz stereo. One thread at a time.
class AudioDecoder {
 public:
  virtual ~AudioDecoder() = default;
  virtual base::Result<Samples> decode(base::ByteView frame) = 0;
};
base::Result<std::unique_ptr<AudioDecoder>> makeAacDecoder(base::ByteView asc);

// Samples -> AAC-LC frames of 1024 samples. Feed whole frames; the answer lags by priming() samples.
class AudioEncoder {
 public:
  virtual ~AudioEncoder() = default;
  // samples: exactly 1024 stereo pairs. Gives zero or one frame.
  virtual base::Result<std::vector<base::Bytes>> encode(const Samples& samples) = 0;
  virtual base::Result<std::vector<base::Bytes>> flush() = 0;
  virtual int priming() const = 0;  // samples of delay at the start, a multiple of 1024
};
base::Result<std::unique_ptr<AudioEncoder>> makeAacEncoder(std::int64_t bitrate);

// The AudioSpecificConfig of AAC-LC 48 kHz stereo (11 90), and one frame of digital silence in it.
const base::Bytes& aacLcStereoConfig();
const base::Bytes& silentAacFrame();

}  // namespace dvpe::media
