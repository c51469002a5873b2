// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// AAC without a codec: the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) and the constants of our one format.
#include "shared/media/audio.h"

namespace dvpe::media {
namespace {

class Bits {
 public:
  explicit Bits(base::ByteView bytes) : bytes_(bytes) {}
  unsigned take(int n) {
    unsigned v = 0;
    for (; n > 0; --n, ++at_) {
      const unsigned byte = at_ / 8 < bytes_.size() ? bytes_[at_ / 8] : 0U;
      short_ = short_ || at_ / 8 >= bytes_.size();
      v = v << 1 | ((byte >> (7 - at_ % 8)) & 1U);
    }
    return v;
  }
  bool cutShort() const { return short_; }

 private:
  base::ByteView bytes_;
  std::size_t at_ = 0;
  bool short_ = false;
};

}  // namespace

base::Result<AacFormat> parseAudioSpecificConfig(base::ByteView asc) {
  constexpr int kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
  constexpr int kChannels[] = {0, 1, 2, 3, 4, 5, 6, 8};
  if (asc.size() > 1024) {
    return base::fail(base::ErrorCode::kLimitExceeded, "AudioSpecificConfig: over 1024 bytes");
  }
  Bits bits(asc);
  AacFormat format;
  format.objectType = static_cast<int>(bits.take(5));
  if (format.objectType == 31) {
    format.objectType = 32 + static_cast<int>(bits.take(6));
  }
  const unsigned index = bits.take(4);
  if (index == 15) {
    format.sampleRate = static_cast<int>(bits.take(24));
  } else if (index < std::size(kRates)) {
    format.sampleRate = kRates[index];
  }
  const unsigned channels = bits.take(4);
  format.channels = channels < std::size(kChannels) ? kChannels[channels] : 0;
  if (bits.cutShort() || format.objectType == 0 || format.sampleRate < 7000 || format.sampleRate > 96000) {
    return base::fail(base::ErrorCode::kInvalidInput, "AudioSpecificConfig: not a valid AAC configuration");
  }
  // 960-sample frames do not fit our slots; decoders take them, pass-through does not.
  if (format.objectType == 2 && bits.take(1) == 1 && !bits.cutShort()) {
    return base::fail(base::ErrorCode::kUnsupported, "AAC with frames of 960 samples is not supported");
  }
  return format;
}

const base::Bytes& aacLcStereoConfig() {
  static const base::Bytes config{0x11, 0x90};
  return config;
}

const base::Bytes& silentAacFrame() {
  // A channel pair of two long windows without any spectral data, then the end element.
  static const base::Bytes frame{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80};
  return frame;
}

}  // namespace dvpe::media
