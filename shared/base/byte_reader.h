// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Reads what this process or one like it has written: numbers as they are in memory, little-endian.
#pragma once

#include <bit>
#include <cstring>
#include <string>

#include "shared/base/bytes.h"

namespace dvpe::base {

static_assert(std::endian::native == std::endian::little, "numbers are written as they are in memory");

// Takes off the front. Beyond the end it reads nothing, and from then on good() is false.
class ByteReader {
 public:
  // bytes outlive it.
  explicit ByteReader(ByteView bytes) : left_(bytes) {}

  template <class T>
  T number() {
    T value{};
    raw(&value, sizeof value);
    return value;
  }
  void raw(void* to, std::size_t count) {
    const ByteView from = view(count);
    if (good_ && count != 0) std::memcpy(to, from.data(), count);
  }
  ByteView view(std::size_t count) {
    good_ = good_ && count <= left_.size();
    if (!good_) return {};
    const ByteView out = left_.first(count);
    left_ = left_.subspan(count);
    return out;
  }
  // More than `most` bytes are as bad as bytes that are missing.
  std::string text(std::size_t count, std::size_t most = static_cast<std::size_t>(-1)) {
    good_ = good_ && count <= most;
    const ByteView bytes = view(count);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  bool good() const { return good_; }
  // All was read, and there was enough.
  bool whole() const { return good_ && left_.empty(); }

 private:
  ByteView left_;
  bool good_ = true;
};

}  // namespace dvpe::base
