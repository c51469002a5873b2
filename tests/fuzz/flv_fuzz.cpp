// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// FLV payloads and what they hold. The first byte chooses the parser; views must stay inside the payload.
#include <cstdlib>

#include "node/ingest/rtmp/avc.h"
#include "node/ingest/rtmp/flv.h"

namespace {

using dvpe::base::ByteView;

void inside(ByteView part, ByteView whole) {
  if (!part.empty() && (part.data() < whole.data() || part.data() + part.size() > whole.data() + whole.size())) {
    std::abort();
  }
}

void video(ByteView payload) {
  using namespace dvpe::ingest::rtmp;
  const auto tag = parseVideoTag(payload);
  if (!tag) {
    return;
  }
  inside(tag.value().data, payload);
  if (tag.value().kind == VideoTag::Kind::kFormat) {
    (void)parseAvcc(tag.value().data);
  } else if (tag.value().kind == VideoTag::Kind::kFrame) {
    (void)checkNalUnits(tag.value().data, 4);
  }
}

void audio(ByteView payload) {
  if (const auto tags = dvpe::ingest::rtmp::parseAudioTag(payload)) {
    for (const auto& tag : tags.value()) {
      inside(tag.data, payload);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dvpe::ingest::rtmp;
  if (size == 0) {
    return 0;
  }
  const ByteView payload(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      video(payload);
      break;
    case 1:
      audio(payload);
      break;
    case 2:
      if (const auto tags = splitAggregate(payload)) {
        for (const auto& tag : tags.value()) {
          inside(tag.payload, payload);
        }
      }
      break;
    case 3:
      if (const auto config = parseAvcc(payload)) {
        if (config.value().width <= 0 || config.value().height <= 0 || config.value().nalLengthSize == 3) {
          std::abort();
        }
      }
      break;
    case 4:
      (void)checkNalUnits(payload, 4);
      break;
    default:
      (void)checkNalUnits(payload, size % 2 == 0 ? 1 : 2);
  }
  return 0;
}
