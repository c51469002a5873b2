// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/chunk_reader.h"

#include <algorithm>
#include <array>
#include <string>

namespace dvpe::ingest::rtmp {
namespace {

using base::ErrorCode;

constexpr std::uint32_t kExtended = 0xFFFFFF;
constexpr std::uint32_t kLargestChunk = 0xFFFFFF;
constexpr std::uint32_t kLibrtmpControlStream = 2;
constexpr std::uint32_t kPlausibleFrameMs = 1000;
constexpr std::size_t kMaxWork = 65536;
constexpr std::size_t kBytesPerChunkOfWork = 32;

std::uint32_t big24(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 16) | (std::uint32_t{p[1]} << 8) | std::uint32_t{p[2]};
}
std::uint32_t big32(const std::uint8_t* p) { return (std::uint32_t{p[0]} << 24) | big24(p + 1); }
std::uint32_t little32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} | (std::uint32_t{p[1]} << 8) | (std::uint32_t{p[2]} << 16) | (std::uint32_t{p[3]} << 24);
}

}  // namespace

void ChunkReader::feed(base::ByteView bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(position_));
  position_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  unpaidBytes_ += bytes.size();
  grantWork(unpaidBytes_ / kBytesPerChunkOfWork);
  unpaidBytes_ %= kBytesPerChunkOfWork;
}

void ChunkReader::grantWork(std::size_t chunks) { work_ = std::min(kMaxWork, work_ + std::min(chunks, kMaxWork)); }

base::Result<std::optional<Message>> ChunkReader::next() {
  for (;;) {
    if (current_ == nullptr) {
      DVPE_TRY(const bool begun, beginChunk());
      if (!begun) {
        return std::optional<Message>{};
      }
    }
    const std::size_t n = std::min(available(), chunkLeft_);
    if (partialBytes_ + n > limits_.maxPartials) {
      return base::fail(ErrorCode::kLimitExceeded, "too many bytes in unfinished messages");
    }
    current_->partial.insert(current_->partial.end(), at(0), at(0) + n);
    partialBytes_ += n;
    position_ += n;
    chunkLeft_ -= n;
    if (chunkLeft_ > 0) {
      return std::optional<Message>{};
    }
    if (current_->partial.size() < current_->length) {
      current_ = nullptr;  // the chunk is done, the message is not
      continue;
    }
    DVPE_TRY(auto message, finishMessage());
    if (message) {
      return message;
    }
  }
}

// Basic header, 1 to 3 bytes (5.3.1.1). False: more bytes are needed.
bool ChunkReader::parseBasic(Header& header) const {
  if (available() < 1) {
    return false;
  }
  const std::uint8_t first = *at(0);
  header.format = first >> 6;
  header.chunkStreamId = first & 63;
  header.size = 1;
  if (header.chunkStreamId <= 1) {
    header.size = 2 + header.chunkStreamId;
    if (available() < header.size) {
      return false;
    }
    header.chunkStreamId = header.size == 2 ? std::uint32_t{*at(1)} + 64 : std::uint32_t{*at(1)} + *at(2) * 256U + 64;
  }
  return true;
}

// Basic and message header with the extended timestamp of types 0 to 2. Nothing: more bytes are needed.
std::optional<ChunkReader::Header> ChunkReader::parseHeader() const {
  static constexpr std::array<std::size_t, 4> kSizes{11, 7, 3, 0};
  Header h;
  if (!parseBasic(h) || available() < h.size + kSizes[static_cast<std::size_t>(h.format)]) {
    return std::nullopt;
  }
  const std::uint8_t* p = at(h.size);
  h.size += kSizes[static_cast<std::size_t>(h.format)];
  if (h.format <= 2) {
    h.time = big24(p);
    h.extended = h.time == kExtended;
  }
  if (h.format <= 1) {
    h.length = big24(p + 3);
    h.type = p[6];
  }
  if (h.format == 0) {
    h.streamId = little32(p + 7);
  }
  if (h.extended) {
    if (available() < h.size + 4) {
      return std::nullopt;
    }
    h.time = big32(at(h.size));
    h.size += 4;
  }
  return h;
}

// How many bytes (4 or 0) of extended timestamp a type-3 chunk repeats. Nothing: more bytes are needed to know.
std::optional<std::size_t> ChunkReader::repeatedTimestamp(const ChunkStream& stream, std::size_t offset) const {
  if (!stream.extended) {
    return 0;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (offset + i >= available()) {
      return std::nullopt;
    }
    if (*at(offset + i) != static_cast<std::uint8_t>(stream.extendedValue >> (24 - 8 * i))) {
      return 0;
    }
  }
  return 4;
}

// Reads a chunk's header and makes its stream current. False: more bytes are needed.
base::Result<bool> ChunkReader::beginChunk() {
  auto header = parseHeader();
  if (!header) {
    return false;
  }
  auto found = streams_.find(header->chunkStreamId);
  const bool fresh = found == streams_.end();
  if (fresh) {
    if (header->format > 1 || (header->format == 1 && header->chunkStreamId != kLibrtmpControlStream)) {
      return base::fail(ErrorCode::kInvalidInput, "chunk without a previous header");
    }
    if (streams_.size() >= limits_.maxChunkStreams) {
      return base::fail(ErrorCode::kLimitExceeded, "too many chunk streams");
    }
    found = streams_.emplace(header->chunkStreamId, ChunkStream{}).first;
  }
  ChunkStream& stream = found->second;
  if (header->format == 3) {
    const auto repeated = repeatedTimestamp(stream, header->size);
    if (!repeated) {
      return false;
    }
    header->size += *repeated;
  }
  if (work_ == 0) {
    return base::fail(ErrorCode::kLimitExceeded, "too many chunks for the bytes that they carry");
  }
  --work_;
  if (!stream.inMessage) {
    DVPE_CHECK(beginMessage(stream, *header));
  } else if ((header->format <= 1 && (header->length != stream.length || header->type != stream.type)) ||
             (header->format == 0 && header->streamId != stream.streamId)) {
    return base::fail(ErrorCode::kInvalidInput, "message changed its size or type between chunks");
  }
  position_ += header->size;
  current_ = &stream;
  chunkLeft_ = std::min<std::size_t>(chunkSize_, stream.length - stream.partial.size());
  return true;
}

base::Result<void> ChunkReader::beginMessage(ChunkStream& stream, const Header& header) {
  if (header.format <= 1) {
    stream.length = header.length;
    stream.type = header.type;
  }
  if (header.format == 0) {
    stream.streamId = header.streamId;
    stream.timestamp = header.time;
    stream.delta = header.time <= kPlausibleFrameMs ? header.time : 0;
  } else {
    if (header.format <= 2) {
      stream.delta = header.time;
    }
    stream.timestamp += stream.delta;
  }
  if (header.format <= 2) {
    stream.extended = header.extended;
    stream.extendedValue = header.time;
  }
  if (stream.length > limits_.maxMessage) {
    return base::fail(ErrorCode::kLimitExceeded, "message of " + std::to_string(stream.length) + " bytes is too large");
  }
  stream.inMessage = true;
  return base::success();
}

// The current message is whole: acts on it (nothing is returned) or gives it out.
base::Result<std::optional<Message>> ChunkReader::finishMessage() {
  Message message;
  message.type = current_->type;
  message.streamId = current_->streamId;
  message.payload.swap(current_->partial);
  partialBytes_ -= message.payload.size();
  current_->inMessage = false;
  const std::uint32_t timestamp = current_->timestamp;
  current_ = nullptr;
  if (message.type == static_cast<std::uint8_t>(MessageType::kSetChunkSize) ||
      message.type == static_cast<std::uint8_t>(MessageType::kAbort)) {
    DVPE_CHECK(control(message));
    return std::optional<Message>{};
  }
  DVPE_TRY(message.timestampMs, unwrap(message.streamId, timestamp));
  return std::optional<Message>{std::move(message)};
}

base::Result<void> ChunkReader::control(const Message& message) {
  if (message.payload.size() < 4) {
    return base::fail(ErrorCode::kInvalidInput, "protocol control message is too short");
  }
  const std::uint32_t value = big32(message.payload.data());
  if (message.type == static_cast<std::uint8_t>(MessageType::kSetChunkSize)) {
    if (value < limits_.minChunkSize || value > 0x7FFFFFFF) {
      return base::fail(ErrorCode::kInvalidInput, "chunk size " + std::to_string(value) + " is out of range");
    }
    chunkSize_ = std::min(value, kLargestChunk);
  } else if (const auto found = streams_.find(value); found != streams_.end() && found->second.inMessage) {
    partialBytes_ -= found->second.partial.size();
    base::Bytes{}.swap(found->second.partial);
    found->second.inMessage = false;
  }
  return base::success();
}

// The nearest 64-bit time to the last one of this message stream: audio and video interleave by far less than 2^31 ms.
base::Result<std::int64_t> ChunkReader::unwrap(std::uint32_t streamId, std::uint32_t timestamp) {
  const auto found = lastTime_.find(streamId);
  if (found == lastTime_.end()) {
    if (lastTime_.size() >= limits_.maxMessageStreams) {
      return base::fail(ErrorCode::kLimitExceeded, "too many message streams");
    }
    lastTime_.emplace(streamId, timestamp);
    return std::int64_t{timestamp};
  }
  const auto step = static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(found->second));
  found->second += step;
  return found->second;
}

}  // namespace dvpe::ingest::rtmp
