// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Big-endian writing of nested boxes (ISO/IEC 14496-12, 4.2): a box's size is filled in when it closes.
#pragma once

#include <cstdint>
#include <string_view>

#include "shared/base/bytes.h"

namespace dvpe::package::impl {

inline void store32(std::uint8_t* at, std::uint32_t v) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}
inline void store64(std::uint8_t* at, std::uint64_t v) {
  store32(at, static_cast<std::uint32_t>(v >> 32));
  store32(at + 4, static_cast<std::uint32_t>(v));
}

class BoxWriter {
 public:
  explicit BoxWriter(base::Bytes& out) : out_(out) {}

  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) {
    u8(static_cast<std::uint8_t>(v >> 8));
    u8(static_cast<std::uint8_t>(v));
  }
  void u32(std::uint32_t v) {
    out_.resize(out_.size() + 4);
    store32(out_.data() + out_.size() - 4, v);
  }
  void u64(std::uint64_t v) {
    u32(static_cast<std::uint32_t>(v >> 32));
    u32(static_cast<std::uint32_t>(v));
  }
  void zeros(std::size_t n) { out_.resize(out_.size() + n); }
  void fourcc(std::string_view code) { out_.insert(out_.end(), code.begin(), code.end()); }
  void bytes(base::ByteView data) { out_.insert(out_.end(), data.begin(), data.end()); }

  // A box, open for as long as this lives.
  class Box {
   public:
    Box(BoxWriter& w, std::string_view type) : out_(w.out_), start_(w.out_.size()) {
      w.u32(0);
      w.fourcc(type);
    }
    // A FullBox.
    Box(BoxWriter& w, std::string_view type, std::uint8_t version, std::uint32_t flags) : Box(w, type) {
      w.u32(std::uint32_t{version} << 24 | flags);
    }
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;
    ~Box() { store32(out_.data() + start_, static_cast<std::uint32_t>(out_.size() - start_)); }

   private:
    base::Bytes& out_;
    std::size_t start_;
  };

 private:
  base::Bytes& out_;
};

}  // namespace dvpe::package::impl
