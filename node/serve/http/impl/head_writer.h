// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Writes response heads into one buffer that is used again and again. One per loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "node/serve/http/handler.h"
#include "shared/base/ticks.h"

namespace dvpe::serve {

// Bytes [begin, end) of a body of `of` bytes.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t of = 0;
};

// "bytes=a-b", "bytes=a-", "bytes=-n" (RFC 9110, 14.1.2). nullopt: not one range that we understand: send the whole.
// begin == end: not satisfiable, 416.
std::optional<ByteRange> readRange(std::string_view field, std::uint64_t size);

const char* reasonOf(int status);

class HeadWriter {
 public:
  enum class After { kKeepAlive, kKeepAlive10, kClose };

  // Renders the Date that heads carry from now on (RFC 9110, 5.6.7). Cheap when the second has not changed.
  void setDate(base::WallTime now);

  // The head, valid until the next call. length: of the body, as Content-Length; left out for 204 and 304.
  std::string_view write(const Response& response, int status, std::uint64_t length, After after,
                         const ByteRange* range);

 private:
  std::string buffer_;
  std::string okPrefix_;  // status line and the fields that every response has
  std::string common_;
  std::int64_t second_ = -1;
};

}  // namespace dvpe::serve
