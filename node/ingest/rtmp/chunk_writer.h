// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Messages -> RTMP chunks (RTMP 5.3). Every message starts with a type-0 header: a server's replies are few, and the
// fullest header is the one that nobody misreads. One thread at a time.
#pragma once

#include <cstdint>

#include "node/ingest/rtmp/chunk_reader.h"
#include "shared/base/bytes.h"

namespace dvpe::ingest::rtmp {

class ChunkWriter {
 public:
  // Appends the message's chunks to out. chunkStreamId 2..63.
  void write(std::uint32_t chunkStreamId, MessageType type, std::uint32_t streamId, std::uint32_t timestampMs,
             base::ByteView payload, base::Bytes& out);
  // Announces the size and uses it from then on.
  void setChunkSize(std::uint32_t size, base::Bytes& out);
  // Protocol control with one 32-bit value: Acknowledgement, WindowAckSize.
  void control(MessageType type, std::uint32_t value, base::Bytes& out);

 private:
  std::uint32_t chunkSize_ = 128;
};

// Big-endian integers, appended.
void putBig16(base::Bytes& out, std::uint32_t value);
void putBig24(base::Bytes& out, std::uint32_t value);
void putBig32(base::Bytes& out, std::uint32_t value);

}  // namespace dvpe::ingest::rtmp
