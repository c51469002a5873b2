// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/media/h264.h"

#include <algorithm>
#include <cstdio>

namespace dvpe::media {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;

// Bits of an RBSP, most significant first. Reading past the end gives zeros and is remembered.
class BitReader {
 public:
  explicit BitReader(ByteView bytes) : bytes_(bytes) {}

  std::uint32_t bit() {
    if (at_ >= bytes_.size() * 8) {
      overrun_ = true;
      return 0;
    }
    const std::uint32_t b = (bytes_[at_ / 8] >> (7 - at_ % 8)) & 1U;
    ++at_;
    return b;
  }
  std::uint32_t bits(int n) {
    std::uint32_t v = 0;
    for (int i = 0; i < n; ++i) {
      v = v << 1 | bit();
    }
    return v;
  }
  std::uint32_t ue() {
    int zeros = 0;
    while (!overrun_ && bit() == 0) {
      if (++zeros > 31) {
        overrun_ = true;
        return 0;
      }
    }
    return overrun_ ? 0 : (1U << zeros) - 1 + bits(zeros);
  }
  std::int32_t se() {
    const std::uint32_t k = ue();
    return k % 2 == 1 ? static_cast<std::int32_t>(k / 2 + 1) : -static_cast<std::int32_t>(k / 2);
  }
  void skip(int n) { bits(n); }
  bool bad() const { return overrun_; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
  bool overrun_ = false;
};

// Takes out the emulation prevention bytes (7.4.1.1).
base::Bytes rbsp(ByteView nal) {
  base::Bytes out;
  out.reserve(nal.size());
  int zeros = 0;
  for (const std::uint8_t b : nal) {
    if (zeros >= 2 && b == 3) {
      zeros = 0;
      continue;
    }
    zeros = b == 0 ? zeros + 1 : 0;
    out.push_back(b);
  }
  return out;
}

void skipScalingList(BitReader& r, int size) {
  int last = 8;
  int next = 8;
  for (int i = 0; i < size && !r.bad(); ++i) {
    if (next != 0) {
      // Modulo 256 (7.3.2.1.1.1): in hostile streams the difference may be any int.
      next = static_cast<int>((static_cast<unsigned>(last) + static_cast<unsigned>(r.se())) & 255U);
    }
    last = next == 0 ? last : next;
  }
}

bool hasChromaInfo(int profile) {
  constexpr int kHigh[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
  return std::find(std::begin(kHigh), std::end(kHigh), profile) != std::end(kHigh);
}

void readChromaInfo(BitReader& r, H264Sps& s) {
  s.chromaFormat = static_cast<int>(r.ue());
  if (s.chromaFormat == 3) {
    r.skip(1);
  }
  s.bitDepth = 8 + static_cast<int>(std::min(r.ue(), 8U));
  r.ue();
  r.skip(1);
  if (r.bit() != 0) {
    const int lists = s.chromaFormat == 3 ? 12 : 8;
    for (int i = 0; i < lists && !r.bad(); ++i) {
      if (r.bit() != 0) {
        skipScalingList(r, i < 6 ? 16 : 64);
      }
    }
  }
}

void readPocType(BitReader& r, H264Sps& s) {
  s.pocType = static_cast<int>(std::min(r.ue(), 3U));
  if (s.pocType == 0) {
    r.ue();
  } else if (s.pocType == 1) {
    r.skip(1);
    r.se();
    r.se();
    const std::uint32_t n = std::min(r.ue(), 255U);
    for (std::uint32_t i = 0; i < n && !r.bad(); ++i) {
      r.se();
    }
  }
}

void skipHrd(BitReader& r) {
  const std::uint32_t n = std::min(r.ue(), 31U) + 1;
  r.skip(8);
  for (std::uint32_t i = 0; i < n && !r.bad(); ++i) {
    r.ue();
    r.ue();
    r.skip(1);
  }
  r.skip(20);
}

// Annex E.1.1.
void readVui(BitReader& r, H264Sps& s) {
  if (r.bit() != 0 && r.bits(8) == 255) {  // aspect ratio: Extended_SAR
    r.skip(32);
  }
  if (r.bit() != 0) {  // overscan
    r.skip(1);
  }
  if (r.bit() != 0) {  // video signal type
    r.skip(4);
    if (r.bit() != 0) {
      r.skip(24);
    }
  }
  if (r.bit() != 0) {  // chroma location
    r.ue();
    r.ue();
  }
  if (r.bit() != 0) {  // timing
    const std::uint32_t tick = r.bits(32);
    const std::uint32_t scale = r.bits(32);
    r.skip(1);
    if (tick > 0 && scale > 0 && tick < 1U << 29 && scale < 1U << 30) {
      s.frameRateNum = static_cast<int>(scale);
      s.frameRateDen = static_cast<int>(tick * 2);
    }
  }
  const bool nal = r.bit() != 0;
  if (nal) {
    skipHrd(r);
  }
  const bool vcl = r.bit() != 0;
  if (vcl) {
    skipHrd(r);
  }
  if (nal || vcl) {
    r.skip(1);
  }
  r.skip(1);           // pic_struct
  if (r.bit() != 0) {  // bitstream restriction
    r.skip(1);
    for (int i = 0; i < 4; ++i) {
      r.ue();
    }
    const std::uint32_t depth = r.ue();
    r.ue();
    if (!r.bad() && depth <= 16) {
      s.reorderDepth = static_cast<int>(depth);
    }
  }
}

// Size in macroblocks and the cropping (7.4.2.1.1).
base::Result<void> readSize(BitReader& r, H264Sps& s) {
  const std::uint32_t widthMbs = r.ue() + 1;
  const std::uint32_t heightUnits = r.ue() + 1;
  const bool framesOnly = r.bit() != 0;
  s.interlaced = !framesOnly;
  if (!framesOnly) {
    r.skip(1);
  }
  r.skip(1);
  std::uint32_t left = 0, right = 0, top = 0, bottom = 0;
  if (r.bit() != 0) {
    left = r.ue();
    right = r.ue();
    top = r.ue();
    bottom = r.ue();
  }
  if (r.bad() || widthMbs > 4096 || heightUnits > 4096) {
    return fail(ErrorCode::kInvalidInput, "H.264 parameters: impossible picture size");
  }
  const std::uint32_t fieldFactor = framesOnly ? 1 : 2;
  s.codedWidth = static_cast<int>(widthMbs * 16);
  s.codedHeight = static_cast<int>(heightUnits * 16 * fieldFactor);
  const std::uint64_t unitX = s.chromaFormat == 1 || s.chromaFormat == 2 ? 2 : 1;
  const std::uint64_t unitY = (s.chromaFormat == 1 ? 2U : 1U) * fieldFactor;
  const std::uint64_t cropX = (std::uint64_t{left} + right) * unitX;
  const std::uint64_t cropY = (std::uint64_t{top} + bottom) * unitY;
  if (cropX >= static_cast<std::uint64_t>(s.codedWidth) || cropY >= static_cast<std::uint64_t>(s.codedHeight)) {
    return fail(ErrorCode::kInvalidInput, "H.264 parameters: the cropping leaves no picture");
  }
  s.width = s.codedWidth - static_cast<int>(cropX);
  s.height = s.codedHeight - static_cast<int>(cropY);
  return base::success();
}

// A list of NAL units with 16-bit lengths in an avcC. at moves behind it.
base::Result<void> readSets(ByteView avcc, std::size_t& at, int count, std::vector<ByteView>& out) {
  for (int i = 0; i < count; ++i) {
    if (avcc.size() - at < 2) {
      return fail(ErrorCode::kInvalidInput, "avcC: cut short");
    }
    const std::size_t size = static_cast<std::size_t>(avcc[at]) << 8 | avcc[at + 1];
    at += 2;
    if (size == 0 || avcc.size() - at < size) {
      return fail(ErrorCode::kInvalidInput, "avcC: a parameter set leads outside");
    }
    out.push_back(avcc.subspan(at, size));
    at += size;
  }
  return base::success();
}

}  // namespace

base::Result<H264Sps> parseSps(ByteView nal) {
  if (nal.size() < 5 || nal.size() > 4096 || (nal[0] & 31) != 7) {
    return fail(ErrorCode::kInvalidInput, "H.264 parameters: not a sequence parameter set");
  }
  const base::Bytes bytes = rbsp(nal.subspan(1));
  BitReader r(bytes);
  H264Sps s;
  s.profile = static_cast<int>(r.bits(8));
  s.constraints = static_cast<int>(r.bits(8));
  s.level = static_cast<int>(r.bits(8));
  if (r.ue() > 31) {
    return fail(ErrorCode::kInvalidInput, "H.264 parameters: impossible id");
  }
  if (hasChromaInfo(s.profile)) {
    readChromaInfo(r, s);
  }
  if (s.chromaFormat > 3) {
    return fail(ErrorCode::kInvalidInput, "H.264 parameters: impossible chroma format");
  }
  r.ue();  // log2_max_frame_num_minus4
  readPocType(r, s);
  r.ue();  // max_num_ref_frames
  r.skip(1);
  DVPE_CHECK(readSize(r, s));
  if (r.bit() != 0) {
    readVui(r, s);
  }
  return s;
}

base::Result<AvcConfig> parseAvcc(ByteView avcc) {
  if (avcc.size() < 7 || avcc.size() > 65536 || avcc[0] != 1) {
    return fail(ErrorCode::kInvalidInput, "avcC: not a decoder configuration record");
  }
  AvcConfig config;
  config.lengthSize = (avcc[4] & 3) + 1;
  std::size_t at = 6;
  DVPE_CHECK(readSets(avcc, at, avcc[5] & 31, config.sps));
  if (at >= avcc.size()) {
    return fail(ErrorCode::kInvalidInput, "avcC: cut short");
  }
  const int pictureSets = avcc[at++];
  DVPE_CHECK(readSets(avcc, at, pictureSets, config.pps));
  if (config.sps.empty() || config.pps.empty()) return fail(ErrorCode::kInvalidInput, "avcC: no parameter sets");
  if (config.lengthSize == 3) return fail(ErrorCode::kInvalidInput, "avcC: NAL lengths of three bytes");
  const auto isPicture = [](ByteView nal) { return (nal[0] & 31) == 8; };
  if (!std::all_of(config.pps.begin(), config.pps.end(), isPicture)) {
    return fail(ErrorCode::kInvalidInput, "avcC: not a picture parameter set");
  }
  return config;
}

base::Bytes makeAvcc(ByteView sps, ByteView pps) {
  if (sps.size() < 4 || sps.size() > 65535 || pps.empty() || pps.size() > 65535) {
    return {};
  }
  base::Bytes out{1, sps[1], sps[2], sps[3], 0xFF, 0xE1};
  const auto put = [&out](ByteView set) {
    out.push_back(static_cast<std::uint8_t>(set.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(set.size() & 255));
    out.insert(out.end(), set.begin(), set.end());
  };
  put(sps);
  out.push_back(1);
  put(pps);
  if (const int profile = sps[1]; profile == 100 || profile == 110 || profile == 122 || profile == 144) {
    const auto parsed = parseSps(sps);
    const int chroma = parsed ? parsed.value().chromaFormat : 1;
    const int depth = parsed ? parsed.value().bitDepth - 8 : 0;
    out.push_back(static_cast<std::uint8_t>(0xFC | chroma));
    out.push_back(static_cast<std::uint8_t>(0xF8 | depth));
    out.push_back(static_cast<std::uint8_t>(0xF8 | depth));
    out.push_back(0);
  }
  return out;
}

base::Result<std::vector<ByteView>> splitLengthPrefixed(ByteView data, int lengthSize) {
  std::vector<ByteView> units;
  const auto prefix = static_cast<std::size_t>(lengthSize);
  while (!data.empty()) {
    if (data.size() < prefix) {
      return fail(ErrorCode::kInvalidInput, "H.264 packet: cut short");
    }
    std::size_t size = 0;
    for (std::size_t i = 0; i < prefix; ++i) {
      size = size << 8 | data[i];
    }
    data = data.subspan(prefix);
    if (size > data.size()) {
      return fail(ErrorCode::kInvalidInput, "H.264 packet: a NAL unit leads outside");
    }
    if (size > 0) {
      units.push_back(data.first(size));
    }
    data = data.subspan(size);
  }
  return units;
}

std::vector<ByteView> splitAnnexB(ByteView data) {
  std::vector<ByteView> units;
  std::optional<std::size_t> begin;
  const auto close = [&](std::size_t end) {
    while (begin && end > *begin && data[end - 1] == 0) {
      --end;  // trailing_zero_8bits
    }
    if (begin && end > *begin) {
      units.push_back(data.subspan(*begin, end - *begin));
    }
  };
  for (std::size_t i = 0; i + 3 <= data.size(); ++i) {
    if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) {
      close(i);
      begin = i + 3;
      i += 2;
    }
  }
  close(data.size());
  return units;
}

std::string codecString(ByteView avcc) {
  char text[12] = "avc1.640028";
  if (avcc.size() >= 4) {
    std::snprintf(text, sizeof text, "avc1.%02x%02x%02x", avcc[1], avcc[2], avcc[3]);
  }
  return text;
}

}  // namespace dvpe::media
