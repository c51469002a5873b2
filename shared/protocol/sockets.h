// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Sockets between studio, command line, coordinator and nodes: ZeroMQ over TCP, always with CURVE (ZMTP 3.1, ZeroMQ RFC
// 23, 26), and a server lets in only the keys of a list (ZAP, ZeroMQ RFC 27). CURVE says who speaks and hides what is
// said; it does not say that an order may be given (command.h), nor that it is new.
//
// Order: a Context, then its Servers and Clients, which go before it does. A Server or Client belongs to one thread at
// a time; only wake() may be called from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/protocol/curve.h"

namespace dvpe::protocol {

// What is sent at once: at most kMaxFrames frames and kMaxMessageBytes bytes in all.
using Frames = std::vector<std::string>;
inline constexpr std::size_t kMaxFrames = 1024;
inline constexpr std::size_t kMaxMessageBytes = std::size_t{16} << 20;

// Who has this CURVE public key (Z85); nothing: refused. Called on the context's own thread at each handshake and on
// the server's thread at each message, so it must be thread-safe and quick. What it throws counts as nothing.
using Allow = std::function<std::optional<std::string>(std::string_view publicKey)>;

// libzmq's context and the thread that answers its questions about keys (ZAP), which runs before any socket exists.
class Context {
 public:
  // allow: empty for a program that has only clients: nobody is let in. kUnsupported: libzmq without CURVE; kIo.
  static base::Result<std::unique_ptr<Context>> create(Allow allow = {});
  // Waits for its sockets to be gone: destroy them first.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // How many handshakes were refused so far. Any thread.
  std::uint64_t refused() const;

  struct Impl;
  Impl& impl() { return *impl_; }  // for this module's own sockets

 private:
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a socket allows. The same for both sides.
struct SocketLimits {
  int queue = 32;      // messages, for each peer and direction
  int backlog = 1024;  // TCP connections that the kernel holds until they are accepted
  std::chrono::milliseconds handshake{5'000};
  std::chrono::milliseconds heartbeat{2'000}, heartbeatTimeout{6'000};  // of silence, after which a peer is gone
  std::chrono::milliseconds retry{5'000};                               // a client's pause after it was refused
};

// One message that a server got.
struct Received {
  std::string peer;       // names the connection; for send()
  std::string clientKey;  // CURVE public key in Z85, proved by the handshake
  std::string user;       // what Allow says of this key
  Frames frames;          // at least one
};

// Many clients (ROUTER). Closing it drops what is queued; libzmq closes its port and connections a moment later.
class Server {
 public:
  // endpoint: "tcp://ADDRESS:PORT", "*" for a free port. Before it listens there, it lets a client with a new key try
  // on a loopback port of its own: when that one gets in, kRefused, and no server. kInvalidInput: endpoint or keys;
  // kConflict: the port is in use; kUnavailable: the trial had no answer within 5 s; kIo.
  static base::Result<std::unique_ptr<Server>> bind(Context& context, const std::string& endpoint,
                                                    const CurveKeys& keys, const SocketLimits& limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens, with the port that it got.
  const std::string& endpoint() const;

  // The next message; nothing after the timeout, or when woken. What is larger than allowed, and what comes from a key
  // that Allow no longer knows, is dropped and counted: a connection outlives its key's place on the list, its messages
  // do not.
  std::optional<Received> receive(std::chrono::milliseconds timeout);

  // Queues a message and does not wait. kUnavailable: the peer is gone, or its queue is full; kLimitExceeded.
  base::Result<void> send(const std::string& peer, const Frames& frames);

  // Lets the current or the next receive() return at once. Any thread.
  void wake();

  // Messages that receive() dropped.
  std::uint64_t dropped() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One server's peer (DEALER). Connects by itself, again and again; what is queued when a connection breaks is lost.
class Client {
 public:
  enum class State { kConnecting, kConnected, kRefused };

  // Begins to connect. kInvalidInput: endpoint or keys; kIo.
  static base::Result<std::unique_ptr<Client>> connect(Context& context, const std::string& endpoint,
                                                       const std::string& serverKey, const CurveKeys& keys,
                                                       const SocketLimits& limits = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Waits until the connection stands. kRefused: the server does not know our key; kUnavailable: nobody there, or not
  // the server of that key, who stays silent.
  base::Result<void> ready(std::chrono::milliseconds timeout);

  // What is known since the last call of ready(), send() or receive().
  State state() const;

  // Queues a message and does not wait. kUnavailable: not connected, or the queue is full; kRefused: the server does
  // not know our key; kLimitExceeded.
  base::Result<void> send(const Frames& frames);

  // The next message; nothing after the timeout, or when woken.
  std::optional<Frames> receive(std::chrono::milliseconds timeout);

  // Lets the current or the next receive() return at once. Any thread.
  void wake();

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::protocol
