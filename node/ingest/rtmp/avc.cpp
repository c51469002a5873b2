// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/avc.h"

#include <algorithm>
#include <array>

namespace dvpe::ingest::rtmp {
namespace {

using base::ErrorCode;

constexpr std::size_t kMaxSps = 1024;
constexpr std::uint32_t kMaxMacroblocks = 4096;  // per side: 65,536 samples

auto broken(const char* what) { return base::fail(ErrorCode::kInvalidInput, std::string("H.264: ") + what); }

// Bits of a raw byte sequence, most significant first. Past the end it reads zeros and remembers.
class Bits {
 public:
  explicit Bits(base::ByteView bytes) : bytes_(bytes) {}

  std::uint32_t read(int count) {
    std::uint32_t n = 0;
    for (; count > 0; --count) {
      n = (n << 1) | bit();
    }
    return n;
  }
  // Exp-Golomb (9.1).
  std::uint32_t ue() {
    int zeros = 0;
    while (zeros < 32 && !over_ && bit() == 0) {
      ++zeros;
    }
    return zeros >= 32 ? (over_ = true, 0U) : ((1U << zeros) - 1) + read(zeros);
  }
  void skipSe() { ue(); }
  bool over() const { return over_; }

 private:
  std::uint32_t bit() {
    if (at_ >= bytes_.size() * 8) {
      over_ = true;
      return 0;
    }
    const std::uint32_t b = (bytes_[at_ / 8] >> (7 - at_ % 8)) & 1U;
    ++at_;
    return b;
  }
  base::ByteView bytes_;
  std::size_t at_ = 0;
  bool over_ = false;
};

// Removes emulation prevention bytes (7.4.1).
base::Bytes rawBytes(base::ByteView nal) {
  base::Bytes raw;
  raw.reserve(nal.size());
  int zeros = 0;
  for (const std::uint8_t b : nal) {
    if (zeros >= 2 && b == 3) {
      zeros = 0;
      continue;
    }
    zeros = b == 0 ? zeros + 1 : 0;
    raw.push_back(b);
  }
  return raw;
}

bool hasChromaFields(std::uint32_t profile) {
  static constexpr std::array<std::uint32_t, 13> kProfiles{100, 110, 122, 244, 44,  83, 86,
                                                           118, 128, 138, 139, 134, 135};
  return std::find(kProfiles.begin(), kProfiles.end(), profile) != kProfiles.end();
}

// One scaling list's values do not matter here, their length does (7.3.2.1.1.1).
void skipScalingList(Bits& bits, int size) {
  std::uint32_t last = 8;
  std::uint32_t next = 8;
  for (int i = 0; i < size && !bits.over(); ++i) {
    if (next != 0) {
      const std::uint32_t code = bits.ue();
      const std::int64_t delta = code % 2 == 1 ? (std::int64_t{code} + 1) / 2 : -(std::int64_t{code} / 2);
      next = static_cast<std::uint32_t>((std::int64_t{last} + delta + 256) & 255);
    }
    last = next == 0 ? last : next;
  }
}

// chroma_format_idc, with the fields that follow it in the high profiles.
std::uint32_t chromaFormat(Bits& bits) {
  const std::uint32_t format = bits.ue();
  if (format == 3) {
    bits.read(1);  // separate_colour_plane_flag
  }
  bits.ue();     // bit_depth_luma_minus8
  bits.ue();     // bit_depth_chroma_minus8
  bits.read(1);  // qpprime_y_zero_transform_bypass_flag
  if (bits.read(1) == 1) {
    const int lists = format == 3 ? 12 : 8;
    for (int i = 0; i < lists; ++i) {
      if (bits.read(1) == 1) {
        skipScalingList(bits, i < 6 ? 16 : 64);
      }
    }
  }
  return format;
}

void skipPictureOrder(Bits& bits) {
  const std::uint32_t type = bits.ue();
  if (type == 0) {
    bits.ue();
  } else if (type == 1) {
    bits.read(1);
    bits.skipSe();
    bits.skipSe();
    const std::uint32_t cycle = std::min(bits.ue(), 255U);
    for (std::uint32_t i = 0; i < cycle && !bits.over(); ++i) {
      bits.skipSe();
    }
  }
}

base::Result<void> parseSps(base::ByteView nal, AvcConfig& config) {
  if (nal.size() < 4 || nal.size() > kMaxSps || (nal[0] & 31) != 7) {
    return broken("sequence parameter set is malformed");
  }
  const base::Bytes raw = rawBytes(nal.subspan(1));
  Bits bits(raw);
  const std::uint32_t profile = bits.read(8);
  bits.read(16);  // constraints, level
  bits.ue();      // seq_parameter_set_id
  const std::uint32_t chroma = hasChromaFields(profile) ? chromaFormat(bits) : 1;
  bits.ue();  // log2_max_frame_num_minus4
  skipPictureOrder(bits);
  bits.ue();     // max_num_ref_frames
  bits.read(1);  // gaps_in_frame_num_value_allowed_flag
  const std::uint32_t across = bits.ue();
  const std::uint32_t down = bits.ue();
  const std::uint32_t framesOnly = bits.read(1);
  if (bits.over() || chroma > 3 || across >= kMaxMacroblocks || down >= kMaxMacroblocks) {
    return broken("sequence parameter set is malformed");
  }
  if (framesOnly == 0) {
    bits.read(1);  // mb_adaptive_frame_field_flag
  }
  bits.read(1);  // direct_8x8_inference_flag
  std::int64_t width = (std::int64_t{across} + 1) * 16;
  std::int64_t height = (std::int64_t{down} + 1) * 16 * (2 - framesOnly);
  if (bits.read(1) == 1) {
    const std::int64_t unitX = chroma == 1 || chroma == 2 ? 2 : 1;
    const std::int64_t unitY = (chroma == 1 ? 2 : 1) * (2 - std::int64_t{framesOnly});
    const std::int64_t left = bits.ue();
    const std::int64_t right = bits.ue();
    const std::int64_t top = bits.ue();
    const std::int64_t bottom = bits.ue();
    width -= (left + right) * unitX;
    height -= (top + bottom) * unitY;
  }
  if (bits.over() || width <= 0 || height <= 0) {
    return broken("sequence parameter set is malformed");
  }
  config.profile = static_cast<int>(profile);
  config.width = static_cast<int>(width);
  config.height = static_cast<int>(height);
  return base::success();
}

// One 16-bit length and that many bytes, taken off the front.
base::Result<base::ByteView> takeParameterSet(base::ByteView& rest) {
  if (rest.size() < 2) {
    return broken("decoder configuration is cut off");
  }
  const std::size_t length = std::size_t{rest[0]} * 256 + rest[1];
  if (length == 0 || length > rest.size() - 2) {
    return broken("decoder configuration is cut off");
  }
  const auto set = rest.subspan(2, length);
  rest = rest.subspan(2 + length);
  return set;
}

}  // namespace

base::Result<AvcConfig> parseAvcc(base::ByteView avcc) {
  if (avcc.size() < 7 || avcc[0] != 1) {
    return broken("decoder configuration is malformed");
  }
  AvcConfig config;
  config.nalLengthSize = (avcc[4] & 3) + 1;
  if (config.nalLengthSize == 3) {
    return broken("NAL lengths of three bytes");
  }
  const int spsCount = avcc[5] & 31;
  base::ByteView rest = avcc.subspan(6);
  for (int i = 0; i < spsCount; ++i) {
    DVPE_TRY(const auto sps, takeParameterSet(rest));
    AvcConfig one = config;
    DVPE_CHECK(parseSps(sps, one));
    config.profile = one.profile;
    config.width = std::max(config.width, one.width);
    config.height = std::max(config.height, one.height);
  }
  if (rest.empty()) {
    return broken("decoder configuration is cut off");
  }
  const int ppsCount = rest[0];
  rest = rest.subspan(1);
  for (int i = 0; i < ppsCount; ++i) {
    DVPE_TRY(const auto pps, takeParameterSet(rest));
    if ((pps[0] & 31) != 8) {
      return broken("picture parameter set is malformed");
    }
  }
  if (spsCount == 0 || ppsCount == 0) {
    return broken("decoder configuration without parameter sets");
  }
  return config;
}

base::Result<void> checkNalUnits(base::ByteView data, int nalLengthSize) {
  const auto prefix = static_cast<std::size_t>(nalLengthSize);
  if (data.empty()) {
    return broken("empty access unit");
  }
  while (!data.empty()) {
    if (data.size() < prefix) {
      return broken("NAL unit cut off");
    }
    std::size_t length = 0;
    for (const std::uint8_t b : data.first(prefix)) {
      length = length * 256 + b;
    }
    if (length == 0 || length > data.size() - prefix) {
      return broken("NAL unit longer than its tag");
    }
    data = data.subspan(prefix + length);
  }
  return base::success();
}

}  // namespace dvpe::ingest::rtmp
