// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The border between the HTTP server and what it serves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"

namespace dvpe::serve {

enum class Method { kGet, kHead, kPost, kOptions, kOther };

// Views into the connection's buffer: valid until the answer is given.
struct Request {
  Method method = Method::kGet;
  std::string_view path;   // percent-decoding is the handler's; at most 1,024 characters
  std::string_view query;  // without '?'
  std::string_view body;   // POST only, bounded by the server
  std::string_view contentType, authorization, origin, acceptEncoding, ifNoneMatch;
  std::string_view remoteAddress;  // never logged
  bool tls = false;
};

// Filled in place and reused by the connection: clear() keeps the memory.
struct Response {
  int status = 200;
  std::string_view contentType;  // must point to static storage
  std::string headers;           // further header lines, each ending in CR LF (Cache-Control, Location, ...)
  std::string body;              // used unless shared or file is set
  base::SharedBytes shared;      // an immutable body
  std::string file;              // a path to send; 404 when it is gone
  void clear() {
    status = 200;
    contentType = {};
    headers.clear();
    body.clear();
    shared.reset();
    file.clear();
  }
};

// One instance for all loops. loop: 0..loops-1, the calling loop's number, for per-loop state without locks.
class Handler {
 public:
  virtual ~Handler() = default;
  // The fast path: answers at once, without blocking, on the loop's thread. False: handleSlow is to be asked.
  virtual bool handle(int loop, const Request& request, Response& response) = 0;
  // The slow path (a new session, explain): may wait. The request's views stay valid while it runs.
  virtual boost::asio::awaitable<void> handleSlow(int loop, const Request& request, Response& response) = 0;
};

}  // namespace dvpe::serve
