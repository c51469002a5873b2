// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Bounded reading of boxes (ISO/IEC 14496-12, 4.2). Nothing is read outside the span that was given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::package::impl {

constexpr std::uint32_t fourcc(std::string_view code) {
  std::uint32_t v = 0;
  for (const char c : code) v = v << 8 | static_cast<std::uint8_t>(c);
  return v;
}

// A box type in words, for messages: bytes that are not printable become '?'.
inline std::string typeName(std::uint32_t type) {
  std::string s;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const char c = static_cast<char>(type >> shift & 0xff);
    s += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return s;
}

// Big-endian fields, front to back. Beyond the end it gives zeros and bad() stays true: read, then ask once.
class Cursor {
 public:
  Cursor(base::ByteView data, std::uint64_t fileOffset) : data_(data), fileOffset_(fileOffset) {}

  std::uint64_t number(std::size_t bytes) {
    if (bytes > left()) {
      bad_ = true;
      at_ = data_.size();
      return 0;
    }
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < bytes; ++i) v = v << 8 | data_[at_++];
    return v;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  base::ByteView bytes(std::size_t n) {
    if (n > left()) {
      bad_ = true;
      at_ = data_.size();
      return {};
    }
    at_ += n;
    return data_.subspan(at_ - n, n);
  }
  void skip(std::size_t n) { bytes(n); }

  bool bad() const { return bad_; }
  std::size_t left() const { return data_.size() - at_; }
  std::uint64_t fileOffset() const { return fileOffset_ + at_; }  // of the next byte

 private:
  base::ByteView data_;
  std::uint64_t fileOffset_;
  std::size_t at_ = 0;
  bool bad_ = false;
};

struct BoxView {
  std::uint32_t type = 0;
  std::uint64_t offset = 0;  // of the box, from the file's start
  std::uint64_t size = 0;    // with its header
  base::ByteView body;
  Cursor cursor() const { return {body, offset + size - body.size()}; }
};

// The boxes that lie side by side in a span.
class BoxList {
 public:
  BoxList(base::ByteView data, std::uint64_t fileOffset) : data_(data), fileOffset_(fileOffset) {}
  explicit BoxList(const BoxView& parent) : BoxList(parent.body, parent.offset + parent.size - parent.body.size()) {}
  // What a cursor has not read yet.
  static BoxList rest(Cursor& c) {
    const std::uint64_t from = c.fileOffset();
    return {c.bytes(c.left()), from};
  }

  // The next one, or nothing at the end. A size that leads outside, or back, is an error. "To the end of the file"
  // (size 0) is refused: no fragmented file that we take needs it.
  base::Result<std::optional<BoxView>> next() {
    if (at_ == data_.size()) return std::optional<BoxView>{};
    Cursor c(data_.subspan(at_), fileOffset_ + at_);
    BoxView box;
    box.offset = fileOffset_ + at_;
    box.size = c.u32();
    box.type = c.u32();
    std::size_t header = 8;
    if (box.size == 1) {
      box.size = c.u64();
      header = 16;
    }
    if (c.bad() || box.size < header || box.size > data_.size() - at_) {
      return base::fail(base::ErrorCode::kInvalidInput, "box '" + typeName(box.type) + "' at byte " +
                                                            std::to_string(box.offset) + " has an impossible size");
    }
    const auto size = static_cast<std::size_t>(box.size);
    box.body = data_.subspan(at_ + header, size - header);
    at_ += size;
    return std::optional<BoxView>{box};
  }

 private:
  base::ByteView data_;
  std::uint64_t fileOffset_;
  std::size_t at_ = 0;
};

}  // namespace dvpe::package::impl
