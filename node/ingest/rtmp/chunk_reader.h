// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// RTMP chunks -> messages, without any I/O (Adobe RTMP 1.0, section 5.3). Feed bytes in any pieces, take messages out.
// Everything is bounded: nothing is allocated by a declared size, and an error is final (close the connection).
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::ingest::rtmp {

// Message type ids (RTMP 5.4, 7.1).
enum class MessageType : std::uint8_t {
  kSetChunkSize = 1,
  kAbort = 2,
  kAcknowledgement = 3,
  kUserControl = 4,
  kWindowAckSize = 5,
  kSetPeerBandwidth = 6,
  kAudio = 8,
  kVideo = 9,
  kDataAmf3 = 15,
  kCommandAmf3 = 17,
  kDataAmf0 = 18,
  kCommandAmf0 = 20,
  kAggregate = 22,
};

struct Message {
  std::uint8_t type = 0;         // a MessageType, or something else that the receiver ignores
  std::uint32_t streamId = 0;    // message stream, 0 = control
  std::int64_t timestampMs = 0;  // unwrapped past 2^32, per message stream; the first is as sent
  base::Bytes payload;
};

struct ChunkLimits {
  std::size_t maxMessage = 64 * 1024;    // bytes of one message
  std::size_t maxPartials = 128 * 1024;  // bytes of all unfinished messages together
  std::size_t maxChunkStreams = 64;      // chunk stream ids in use
  std::size_t maxMessageStreams = 8;     // message stream ids in use
  std::uint32_t minChunkSize = 128;      // SetChunkSize below this is refused (amplification)
};
// What a publisher gets once it has been accepted.
inline constexpr ChunkLimits kPublishingLimits{4 * 1024 * 1024, 8 * 1024 * 1024, 64, 8, 128};

// Where encoders disagree:
// - A type-3 chunk after an extended timestamp may or may not repeat it: it is taken as repeated when the next four
//   bytes equal it.
// - A type-3 chunk that starts a message right after a type-0 one adds that timestamp again (5.3.1.2.4, FFmpeg) or
//   nothing (librtmp): it is added up to one second, the span in which it can be a frame's length.
// - librtmp opens chunk stream 2 with a type-1 header: allowed there, and nowhere else.
// SetChunkSize (clamped to the largest message, 0xFFFFFF) and Abort act here and are not given out. The chunk size
// moves the chunk borders only; buffers grow with the bytes that really arrive.
class ChunkReader {
 public:
  explicit ChunkReader(ChunkLimits limits = {}) : limits_(limits) {}

  // The caller drains next() after each feed: then no more than a header's bytes stay behind.
  void feed(base::ByteView bytes);
  // The next whole message, or nothing until more is fed.
  base::Result<std::optional<Message>> next();

  void setLimits(ChunkLimits limits) { limits_ = limits; }
  // Work is counted in chunks: bytes fed pay for it, and so does time, through this call.
  void grantWork(std::size_t chunks);
  std::uint32_t chunkSize() const { return chunkSize_; }

 private:
  struct ChunkStream {
    bool inMessage = false;
    bool extended = false;  // the last header carried an extended timestamp
    std::uint32_t extendedValue = 0;
    std::uint32_t timestamp = 0;  // of the message, modulo 2^32
    std::uint32_t delta = 0;      // what a type-3 chunk adds when it starts a message
    std::uint32_t length = 0;
    std::uint8_t type = 0;
    std::uint32_t streamId = 0;
    base::Bytes partial;
  };
  struct Header {
    int format = 0;
    std::uint32_t chunkStreamId = 0;
    std::uint32_t time = 0;  // timestamp or delta, extended if it was
    bool extended = false;
    std::uint32_t length = 0;
    std::uint8_t type = 0;
    std::uint32_t streamId = 0;
    std::size_t size = 0;  // bytes on the wire, with basic header and extended timestamp
  };

  std::size_t available() const { return buffer_.size() - position_; }
  const std::uint8_t* at(std::size_t offset) const { return buffer_.data() + position_ + offset; }
  bool parseBasic(Header& header) const;
  std::optional<Header> parseHeader() const;
  std::optional<std::size_t> repeatedTimestamp(const ChunkStream& stream, std::size_t offset) const;
  base::Result<bool> beginChunk();
  base::Result<void> beginMessage(ChunkStream& stream, const Header& header);
  base::Result<std::optional<Message>> finishMessage();
  base::Result<void> control(const Message& message);
  base::Result<std::int64_t> unwrap(std::uint32_t streamId, std::uint32_t timestamp);

  ChunkLimits limits_;
  base::Bytes buffer_;
  std::size_t position_ = 0;
  std::uint32_t chunkSize_ = 128;
  std::map<std::uint32_t, ChunkStream> streams_;
  std::map<std::uint32_t, std::int64_t> lastTime_;  // per message stream
  ChunkStream* current_ = nullptr;                  // the chunk being read
  std::size_t chunkLeft_ = 0;
  std::size_t partialBytes_ = 0;
  std::size_t work_ = 8192;
  std::size_t unpaidBytes_ = 0;
};

}  // namespace dvpe::ingest::rtmp
