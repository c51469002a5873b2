// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// ChunkReader: the first byte chooses the size of the pieces and the limits, the rest is what the peer sends.
#include <algorithm>
#include <cstdlib>

#include "node/ingest/rtmp/chunk_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dvpe::ingest::rtmp;
  if (size == 0) {
    return 0;
  }
  const ChunkLimits limits = (data[0] & 0x80) != 0 ? kPublishingLimits : ChunkLimits{};
  const std::size_t piece = (data[0] & 0x7F) == 0 ? size : (data[0] & 0x7F);
  dvpe::base::ByteView rest(data + 1, size - 1);
  ChunkReader reader(limits);
  while (!rest.empty()) {
    const auto part = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(part.size());
    reader.feed(part);
    for (;;) {
      const auto message = reader.next();
      if (!message) {
        return 0;  // an error is final
      }
      if (!message.value()) {
        break;
      }
      if (message.value()->payload.size() > limits.maxMessage || message.value()->payload.size() > size) {
        std::abort();
      }
    }
  }
  return 0;
}
