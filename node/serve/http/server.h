// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The HTTP/1.1 server (RFC 9110, 9112): N loops, each a thread with its own sockets, over a Handler.
// Plain TCP and TLS listeners share the loops. Input is bounded before it is parsed (Limits).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "node/serve/http/handler.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::serve {

// Where to listen. With both files set the listener speaks TLS 1.2 or later, else plain TCP.
struct Listener {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;       // 0: any free one, see Server::port
  std::string certificateFile;  // PEM, with its chain
  std::string keyFile;          // PEM
};

// What a client may ask of us. Deadlines are kept to within 100 ms.
struct Limits {
  std::size_t headerBytes = 8192;             // request line and fields; more: 431
  int headers = 100;                          // more: 431
  std::size_t targetBytes = 1024;             // more: 414
  std::size_t bodyBytes = 64 * 1024;          // POST; more: 413
  int pipelined = 32;                         // requests that wait behind one another; then the connection is closed
  int connections = 18000;                    // over all loops; more: 503 and closed
  std::chrono::milliseconds header{5000};     // first byte to last byte of a request, the TLS handshake; then 408
  std::chrono::milliseconds answer{10000};    // handleSlow; then the connection is dropped
  std::chrono::milliseconds write{10000};     // per 16 KB of progress; then the connection is reset
  std::chrono::milliseconds idle{75000};      // between requests
  std::chrono::milliseconds linger{2000};     // for the peer to read our last answer before we close
  std::chrono::milliseconds drainIdle{1000};  // while draining, for an idle client's next request
};

struct ServerOptions {
  std::vector<Listener> listeners;
  int loops = 1;
  Limits limits;
};

// Written by one loop, read by anybody (relaxed). All but openConnections only grow.
struct alignas(64) LoopCounters {
  std::array<std::atomic<std::uint64_t>, 6> requests{};  // by status / 100; [0] is unused
  std::atomic<std::uint64_t> bytesSent{0};               // headers and bodies, before TLS
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refusedConnections{0};  // over Limits::connections
  std::atomic<std::uint64_t> deadlines{0};           // connections ended for slowness
  std::atomic<std::int64_t> openConnections{0};
};

class Server {
 public:
  // Binds, then serves at once. handler and clock (for Date) must outlive the server.
  // kInvalidInput: options; kIo: an address that is taken, a certificate that cannot be read.
  static base::Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler& handler,
                                                     const base::Clock& clock);
  ~Server();  // stop(0)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port in use by options.listeners[i].
  std::uint16_t port(std::size_t i = 0) const;
  int loops() const;
  const LoopCounters& counters(int loop) const;

  // Drains: accepts nothing more, answers what was asked with "Connection: close", waits for clients to go, at most
  // until the deadline, then ends the loops. Blocks; any thread but a loop's; a second call does nothing.
  void stop(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::serve
