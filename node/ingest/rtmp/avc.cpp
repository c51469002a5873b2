// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/avc.h"

#include <algorithm>

#include "shared/media/h264.h"

namespace dvpe::ingest::rtmp {
namespace {

auto broken(const char* what) { return base::fail(base::ErrorCode::kInvalidInput, std::string("H.264: ") + what); }

}  // namespace

base::Result<AvcConfig> parseAvcc(base::ByteView avcc) {
  DVPE_TRY(const auto parts, media::parseAvcc(avcc));
  AvcConfig config;
  config.nalLengthSize = parts.lengthSize;
  for (const auto nal : parts.sps) {
    DVPE_TRY(const auto sps, media::parseSps(nal));
    config.profile = sps.profile;
    config.width = std::max(config.width, sps.width);
    config.height = std::max(config.height, sps.height);
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
