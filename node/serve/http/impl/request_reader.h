// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Reads a request's head from a buffer that may hold less, or more, than one request (RFC 9112, 2 to 6).
#pragma once

#include <cstddef>
#include <string_view>

#include "node/serve/http/handler.h"
#include "node/serve/http/server.h"

namespace dvpe::serve {

// All views point into the buffer that was read.
struct Head {
  Request request;
  std::string_view range;  // the Range field, unless If-Range asks for what we do not give
  std::size_t headerBytes = 0;
  std::size_t bodyBytes = 0;
  bool keepAlive = true;
  bool http10 = false;
  bool expectContinue = false;
};

// 0: complete; kNeedMore: ask again with more bytes; else the status to refuse it with, after which the connection
// ends.
inline constexpr int kNeedMore = -1;
int readHead(std::string_view input, const Limits& limits, Head& head);

}  // namespace dvpe::serve
