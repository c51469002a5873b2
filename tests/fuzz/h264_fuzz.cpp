// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Parameter sets, decoder configurations and access units. The first byte chooses the reader; views must stay inside.
#include <cstdlib>

#include "shared/media/h264.h"

namespace {

using dvpe::base::ByteView;
namespace media = dvpe::media;

void inside(const std::vector<ByteView>& parts, ByteView whole) {
  for (const auto part : parts) {
    if (part.empty() || part.data() < whole.data() || part.data() + part.size() > whole.data() + whole.size()) {
      std::abort();
    }
  }
}

void sps(ByteView nal) {
  const auto parsed = media::parseSps(nal);
  if (!parsed) return;
  const auto& s = parsed.value();
  if (s.width <= 0 || s.height <= 0 || s.width > s.codedWidth || s.height > s.codedHeight) std::abort();
  const std::uint8_t pps[] = {0x68, 0xCE};
  const auto avcc = media::makeAvcc(nal, pps);
  if (avcc.empty() || !media::parseAvcc(avcc) || media::codecString(avcc).size() != 11) std::abort();
}

void configuration(ByteView avcc) {
  const auto parsed = media::parseAvcc(avcc);
  if (!parsed) return;
  inside(parsed.value().sps, avcc);
  inside(parsed.value().pps, avcc);
  for (const auto nal : parsed.value().sps) sps(nal);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView payload{data + 1, size - 1};
  switch (data[0] % 4) {
    case 0:
      sps(payload);
      break;
    case 1:
      configuration(payload);
      break;
    case 2:
      inside(media::splitAnnexB(payload), payload);
      break;
    default:
      if (const auto units = media::splitLengthPrefixed(payload, data[0] / 4 % 4 + 1)) inside(units.value(), payload);
  }
  return 0;
}
