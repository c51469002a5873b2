// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// libzmq's sockets with owners and Results. The only place, beside curve.cpp, that names its functions.
#pragma once

#include <zmq.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "shared/base/result.h"
#include "shared/protocol/sockets.h"

namespace dvpe::protocol {

struct Context::Impl {
  void* zmq = nullptr;
  Allow allow;
  std::thread zap;
  std::atomic<std::uint64_t> refused{0};

  // Allow's answer; nothing when it throws.
  std::optional<std::string> who(std::string_view publicKey) const;
};

namespace impl {

inline constexpr const char* kZapDomain = "dvpe";

// "what: why", by errno.
base::Error failure(std::string_view what);

// The time left until then, for zmq_poll; not negative.
long left(std::chrono::steady_clock::time_point until);

// One frame.
class Message {
 public:
  Message() { zmq_msg_init(&message_); }
  ~Message() { zmq_msg_close(&message_); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  zmq_msg_t* get() { return &message_; }
  std::string_view view() const {
    return {static_cast<const char*>(zmq_msg_data(const_cast<zmq_msg_t*>(&message_))), zmq_msg_size(&message_)};
  }
  bool more() const { return zmq_msg_more(&message_) != 0; }

 private:
  zmq_msg_t message_{};
};

// What arrived; a routing id before the rest when the socket is a ROUTER.
struct Arrived {
  Frames frames;
  std::string userId;     // of the ZAP answer
  bool tooLarge = false;  // then frames is empty
};

// Closed with linger 0.
class Socket {
 public:
  static base::Result<Socket> open(void* context, int type);

  void* get() const { return socket_.get(); }
  base::Result<void> set(int option, int value, const char* name);
  base::Result<void> set(int option, std::string_view value, const char* name);

  // What both sides set: limits, heartbeats.
  base::Result<void> limit(const SocketLimits& limits);
  base::Result<void> beClient(const std::string& serverKey, const CurveKeys& keys);

  // A whole message, if there is one. Does not wait. heads: how many parts before the frames (1 for a ROUTER: the
  // routing id).
  std::optional<Arrived> receive(std::size_t heads = 0);
  // All frames or none. Does not wait. kUnavailable, kLimitExceeded.
  base::Result<void> send(std::string_view peer, const Frames& frames);

 private:
  struct Close {
    void operator()(void* socket) const { zmq_close(socket); }
  };
  explicit Socket(void* socket) : socket_(socket) {}
  std::unique_ptr<void, Close> socket_;
};

// What happens to a socket's connections. Goes before the socket that it watches: libzmq's one network thread writes
// each event into a pair of sockets and waits, for ever and for everybody, when nobody holds the other end or it is
// full. So the watching is ended first, and this end has no limit: an event for each attempt to connect.
class Monitor {
 public:
  // Must be called before the socket connects.
  static base::Result<Monitor> open(void* context, const Socket& watched);
  ~Monitor();
  Monitor(Monitor&& other) noexcept
      : socket_(std::move(other.socket_)), watched_(std::exchange(other.watched_, nullptr)) {}
  Monitor& operator=(Monitor&&) = delete;
  void* get() const { return socket_.get(); }
  // The next event's number (ZMQ_EVENT_...), if there is one. Does not wait.
  std::optional<int> next();

 private:
  Monitor(Socket socket, void* watched) : socket_(std::move(socket)), watched_(watched) {}
  Socket socket_;
  void* watched_;
};

// A file descriptor that another thread makes readable.
class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  int fd() const { return fd_; }
  void wake();
  void clear();

 private:
  int fd_;
};

// "tcp://", an address or interface, ":" and a port or "*".
base::Result<void> checkEndpoint(const std::string& endpoint);

}  // namespace impl
}  // namespace dvpe::protocol
