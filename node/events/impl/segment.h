// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A segment of the spool as bytes: a header, then blocks of events. Numbers are little-endian; checksums are CRC-32C.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "node/events/event.h"
#include "shared/base/bytes.h"

namespace dvpe::events {

// A segment's first bytes.
struct SegmentHeader {
  static constexpr std::uint32_t kMagic = 0x53455644;  // "DVES"
  static constexpr std::uint32_t kVersion = 1;

  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  Id spool{};
  std::uint64_t first = 0;  // the number of its first event; segments before it end there
  std::uint32_t zero = 0;
  std::uint32_t crc = 0;  // of what stands before it
};

// What stands before each block's events, as write() made them. It knows its own number and has a checksum of its own,
// so that damage in one block costs no other.
struct BlockHeader {
  static constexpr std::uint32_t kMagic = 0x42455644;  // "DVEB"

  std::uint32_t magic = kMagic;
  std::uint32_t length = 0;  // bytes of the events
  std::uint64_t from = 0;    // the number of the first
  std::uint32_t count = 0;
  std::uint32_t eventsCrc = 0;
  std::uint32_t zero = 0;
  std::uint32_t crc = 0;  // of what stands before it

  std::uint64_t to() const { return from + count; }
};

// Of a block's events, in bytes, at most.
inline constexpr std::size_t kMaxBlock = 16U << 20U;

// With its checksum.
SegmentHeader sealed(SegmentHeader header);
// With length and checksums.
BlockHeader sealed(BlockHeader header, base::ByteView events);
// Nothing: it is damaged, or not one.
std::optional<SegmentHeader> readSegmentHeader(base::ByteView bytes);

// How many bytes the first `count` events take, as their lengths say. Nothing: there are not so many.
std::optional<std::size_t> lengthOf(base::ByteView events, std::uint64_t count);

// Reads the whole blocks of a segment in their order and passes over what is damaged: a block whose events are, by the
// length in its header; where the header is, up to the next one that is whole. Needs an open file and one thread. Takes
// as much memory as the largest block.
class Blocks {
 public:
  // Bytes [at, end) of the file and events with numbers in [next, until). No `next`: the first block says.
  struct Range {
    std::uint64_t at = sizeof(SegmentHeader);
    std::uint64_t end = 0;
    std::optional<std::uint64_t> next = std::nullopt;
    std::uint64_t until = std::numeric_limits<std::uint64_t>::max();
  };
  Blocks(int file, Range range) : file_(file), range_(range), good_(range.at) {}

  // The next block that is whole; nothing: there are no more.
  std::optional<BlockHeader> next();
  // Of the block that next() gave, until it is called again.
  base::ByteView events() const { return events_; }
  // Where that block begins and ends in the file; before the first: where reading began.
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return good_; }
  // errno of the first reading that the system refused, or 0. What could not be read is passed over.
  int error() const { return error_; }

 private:
  base::ByteView view(std::size_t bytes);
  bool mayFollow(const BlockHeader& header) const;
  void seek();

  int file_;
  Range range_;         // at: where reading goes on; next: after the last whole block
  std::uint64_t good_;  // where the last whole block ends
  std::uint64_t begin_ = 0;
  base::Bytes window_;
  std::uint64_t windowAt_ = 0;
  base::ByteView events_;
  int error_ = 0;
};

}  // namespace dvpe::events
