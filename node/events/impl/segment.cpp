// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/impl/segment.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <type_traits>

namespace dvpe::events {

static_assert(std::endian::native == std::endian::little, "headers are written as they are in memory");
static_assert(std::has_unique_object_representations_v<SegmentHeader> && sizeof(SegmentHeader) == 40);
static_assert(std::has_unique_object_representations_v<BlockHeader> && sizeof(BlockHeader) == 32);

namespace {

using base::ByteView;

constexpr std::size_t kWindow = 256 << 10;
// An event's length in bytes, and the least that follows it.
constexpr std::size_t kLength = sizeof(std::uint32_t);
constexpr std::size_t kLeastEvent = kLength + 64;

std::uint32_t crcOf(ByteView bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;  // CRC-32C
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

// Both headers end with the checksum of what stands before it.
template <class Header>
std::uint32_t crcOf(const Header& header) {
  return crcOf(ByteView(reinterpret_cast<const std::uint8_t*>(&header), offsetof(Header, crc)));
}

template <class Header>
Header copied(ByteView bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

bool isWhole(const BlockHeader& header) {
  return header.magic == BlockHeader::kMagic && header.crc == crcOf(header) && header.count > 0 &&
         header.length <= kMaxBlock && header.count <= header.length / kLeastEvent && header.to() > header.from;
}

// Not only by its checksum: who reads events goes by their lengths.
bool isWhole(const BlockHeader& header, ByteView events) {
  return header.eventsCrc == crcOf(events) && lengthOf(events, header.count) == events.size();
}

// Reads until the buffer is full; the rest is zeros after an error, which is the answer.
int readAt(int file, std::uint64_t at, std::span<std::uint8_t> to) {
  while (!to.empty()) {
    const ssize_t n = ::pread(file, to.data(), to.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : EIO;
      std::fill(to.begin(), to.end(), std::uint8_t{0});
      return error;
    }
    to = to.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return 0;
}

}  // namespace

SegmentHeader sealed(SegmentHeader header) {
  header.crc = crcOf(header);
  return header;
}

BlockHeader sealed(BlockHeader header, ByteView events) {
  header.length = static_cast<std::uint32_t>(events.size());
  header.eventsCrc = crcOf(events);
  header.crc = crcOf(header);
  return header;
}

std::optional<SegmentHeader> readSegmentHeader(ByteView bytes) {
  if (bytes.size() < sizeof(SegmentHeader)) return std::nullopt;
  const auto header = copied<SegmentHeader>(bytes);
  const bool ours = header.magic == SegmentHeader::kMagic && header.version == SegmentHeader::kVersion;
  return ours && header.crc == crcOf(header) ? std::optional{header} : std::nullopt;
}

std::optional<std::size_t> lengthOf(ByteView events, std::uint64_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    if (events.size() - at < kLength) return std::nullopt;
    const auto length = copied<std::uint32_t>(events.subspan(at));
    if (length > kMaxEventBytes || events.size() - at - kLength < length) return std::nullopt;
    at += kLength + length;
  }
  return at;
}

// So many bytes from where reading goes on; nothing when the range ends before.
ByteView Blocks::view(std::size_t bytes) {
  if (range_.end - range_.at < bytes) return {};
  if (range_.at < windowAt_ || range_.at + bytes > windowAt_ + window_.size()) {
    window_.resize(std::min<std::uint64_t>(std::max(bytes, kWindow), range_.end - range_.at));
    windowAt_ = range_.at;
    const int error = readAt(file_, windowAt_, window_);
    if (error_ == 0) error_ = error;
  }
  return ByteView(window_).subspan(range_.at - windowAt_, bytes);
}

// Numbers go on where they were, but for as many events as what was passed over can have held.
bool Blocks::mayFollow(const BlockHeader& header) const {
  if (header.to() > range_.until) return false;
  if (!range_.next) return true;
  return header.from >= *range_.next && header.from - *range_.next <= (range_.at - good_) / kLeastEvent;
}

// To where the next header might begin.
void Blocks::seek() {
  static constexpr auto kMagic = std::bit_cast<std::array<std::uint8_t, 4>>(BlockHeader::kMagic);
  ++range_.at;  // within the window: it has the header that was not one
  while (range_.end - range_.at >= sizeof(BlockHeader)) {
    const std::uint64_t read = windowAt_ + window_.size() - range_.at;  // of it; what has been read is not read again
    const ByteView part =
        view(read >= sizeof(BlockHeader) ? read : std::min<std::uint64_t>(kWindow, range_.end - range_.at));
    const auto found = std::search(part.begin(), part.end(), kMagic.begin(), kMagic.end());
    if (found != part.end()) {
      range_.at += static_cast<std::uint64_t>(found - part.begin());
      return;
    }
    range_.at += part.size() - (kMagic.size() - 1);
  }
}

std::optional<BlockHeader> Blocks::next() {
  for (;;) {
    const ByteView head = view(sizeof(BlockHeader));
    if (head.empty()) return std::nullopt;
    const auto header = copied<BlockHeader>(head);
    if (!isWhole(header) || !mayFollow(header)) {
      seek();
      continue;
    }
    const std::size_t bytes = sizeof header + header.length;
    const ByteView all = view(bytes);
    if (all.empty()) return std::nullopt;  // torn: nothing was written behind it
    begin_ = range_.at;
    range_.at += bytes;
    events_ = all.subspan(sizeof header);
    if (!isWhole(header, events_)) continue;
    good_ = range_.at;
    range_.next = header.to();
    return header;
  }
}

}  // namespace dvpe::events
