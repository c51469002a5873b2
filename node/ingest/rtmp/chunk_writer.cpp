// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/chunk_writer.h"

#include <algorithm>

namespace dvpe::ingest::rtmp {
namespace {

constexpr std::uint32_t kControlStream = 2;
constexpr std::uint32_t kExtended = 0xFFFFFF;

}  // namespace

void putBig16(base::Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void putBig24(base::Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 16));
  putBig16(out, value);
}

void putBig32(base::Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 24));
  putBig24(out, value);
}

void ChunkWriter::write(std::uint32_t chunkStreamId, MessageType type, std::uint32_t streamId,
                        std::uint32_t timestampMs, base::ByteView payload, base::Bytes& out) {
  const bool extended = timestampMs >= kExtended;
  out.push_back(static_cast<std::uint8_t>(chunkStreamId & 63));
  putBig24(out, extended ? kExtended : timestampMs);
  putBig24(out, static_cast<std::uint32_t>(payload.size()));
  out.push_back(static_cast<std::uint8_t>(type));
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(streamId >> shift));
  }
  if (extended) {
    putBig32(out, timestampMs);
  }
  for (std::size_t done = 0; done < payload.size();) {
    if (done > 0) {
      out.push_back(static_cast<std::uint8_t>(0xC0 | (chunkStreamId & 63)));
      if (extended) {
        putBig32(out, timestampMs);
      }
    }
    const auto piece = payload.subspan(done, std::min<std::size_t>(chunkSize_, payload.size() - done));
    out.insert(out.end(), piece.begin(), piece.end());
    done += piece.size();
  }
}

void ChunkWriter::setChunkSize(std::uint32_t size, base::Bytes& out) {
  control(MessageType::kSetChunkSize, size, out);
  chunkSize_ = size;
}

void ChunkWriter::control(MessageType type, std::uint32_t value, base::Bytes& out) {
  base::Bytes payload;
  putBig32(payload, value);
  write(kControlStream, type, 0, 0, payload, out);
}

}  // namespace dvpe::ingest::rtmp
