// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/impl/socket.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace dvpe::protocol::impl {

using base::ErrorCode;
using base::fail;

base::Error failure(std::string_view what) {
  const ErrorCode code = errno == EADDRINUSE ? ErrorCode::kConflict : ErrorCode::kIo;
  return {code, std::string(what) + ": " + zmq_strerror(errno)};
}

long left(std::chrono::steady_clock::time_point until) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
  return static_cast<long>(std::max<std::int64_t>(rest, 0));
}

base::Result<Socket> Socket::open(void* context, int type) {
  void* socket = zmq_socket(context, type);
  if (socket == nullptr) return failure("a ZeroMQ socket cannot be opened");
  Socket out(socket);
  DVPE_CHECK(out.set(ZMQ_LINGER, 0, "ZMQ_LINGER"));
  return out;
}

base::Result<void> Socket::set(int option, int value, const char* name) {
  if (zmq_setsockopt(get(), option, &value, sizeof value) != 0) return failure(name);
  return base::success();
}

base::Result<void> Socket::set(int option, std::string_view value, const char* name) {
  if (zmq_setsockopt(get(), option, value.data(), value.size()) != 0) return failure(name);
  return base::success();
}

base::Result<void> Socket::limit(const SocketLimits& limits) {
  const auto ms = [](std::chrono::milliseconds d) { return static_cast<int>(d.count()); };
  // Of one frame as it is sent, CURVE's head of 33 bytes included; libzmq has no limit for all frames of a message.
  const auto most = static_cast<std::int64_t>(kMaxMessageBytes + 64);
  if (zmq_setsockopt(get(), ZMQ_MAXMSGSIZE, &most, sizeof most) != 0) return failure("ZMQ_MAXMSGSIZE");
  DVPE_CHECK(set(ZMQ_SNDHWM, limits.queue, "ZMQ_SNDHWM"));
  DVPE_CHECK(set(ZMQ_RCVHWM, limits.queue, "ZMQ_RCVHWM"));
  DVPE_CHECK(set(ZMQ_HANDSHAKE_IVL, ms(limits.handshake), "ZMQ_HANDSHAKE_IVL"));
  DVPE_CHECK(set(ZMQ_HEARTBEAT_IVL, ms(limits.heartbeat), "ZMQ_HEARTBEAT_IVL"));
  DVPE_CHECK(set(ZMQ_HEARTBEAT_TIMEOUT, ms(limits.heartbeatTimeout), "ZMQ_HEARTBEAT_TIMEOUT"));
  DVPE_CHECK(set(ZMQ_HEARTBEAT_TTL, ms(limits.heartbeatTimeout), "ZMQ_HEARTBEAT_TTL"));
  return base::success();
}

base::Result<void> Socket::beClient(const std::string& serverKey, const CurveKeys& keys) {
  DVPE_CHECK(set(ZMQ_CURVE_SERVERKEY, std::string_view(serverKey), "ZMQ_CURVE_SERVERKEY"));
  DVPE_CHECK(set(ZMQ_CURVE_PUBLICKEY, std::string_view(keys.publicKey), "ZMQ_CURVE_PUBLICKEY"));
  DVPE_CHECK(set(ZMQ_CURVE_SECRETKEY, std::string_view(keys.secretKey), "ZMQ_CURVE_SECRETKEY"));
  return base::success();
}

std::optional<Arrived> Socket::receive(std::size_t heads) {
  Arrived out;
  std::size_t bytes = 0, parts = 0;
  for (bool more = true; more; ++parts) {
    Message part;
    // The parts of a message arrive together: none is waited for after the first.
    if (zmq_msg_recv(part.get(), get(), ZMQ_DONTWAIT) < 0) return std::nullopt;
    more = part.more();
    if (parts >= heads) bytes += part.view().size();
    out.tooLarge = bytes > kMaxMessageBytes || parts >= heads + kMaxFrames;
    if (out.tooLarge) {
      out.frames.clear();
      continue;
    }
    if (const char* user = zmq_msg_gets(part.get(), "User-Id"); user != nullptr) out.userId = user;
    out.frames.emplace_back(part.view());
  }
  return out;
}

base::Result<void> Socket::send(std::string_view peer, const Frames& frames) {
  std::size_t bytes = 0;
  for (const auto& frame : frames) bytes += frame.size();
  if (frames.empty() || frames.size() > kMaxFrames || bytes > kMaxMessageBytes) {
    return fail(ErrorCode::kLimitExceeded, "a message has 1 to " + std::to_string(kMaxFrames) + " frames and at most " +
                                               std::to_string(kMaxMessageBytes) + " bytes");
  }
  const auto part = [&](std::string_view text, int more) {
    // Only the first part can find the queue full or the peer gone: the rest goes where it went.
    return zmq_send(get(), text.data(), text.size(), ZMQ_DONTWAIT | more) >= 0;
  };
  bool sent = peer.empty() || part(peer, ZMQ_SNDMORE);
  for (std::size_t i = 0; sent && i < frames.size(); ++i) {
    sent = part(frames[i], i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
  }
  if (sent) return base::success();
  if (errno == EHOSTUNREACH) return fail(ErrorCode::kUnavailable, "the peer is gone");
  if (errno == EAGAIN) return fail(ErrorCode::kUnavailable, "the peer's queue is full, or it is not connected");
  return failure("a message cannot be sent");
}

base::Result<Monitor> Monitor::open(void* context, const Socket& watched) {
  static std::atomic<std::uint64_t> number{0};  // names are of the process
  const std::string name = "inproc://dvpe-monitor-" + std::to_string(++number);
  constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                          ZMQ_EVENT_DISCONNECTED;
  DVPE_TRY(auto socket, Socket::open(context, ZMQ_PAIR));
  DVPE_CHECK(socket.set(ZMQ_RCVHWM, 0, "ZMQ_RCVHWM"));
  if (zmq_socket_monitor(watched.get(), name.c_str(), kEvents) != 0) return failure("a socket cannot be watched");
  Monitor out(std::move(socket), watched.get());
  if (zmq_connect(out.get(), name.c_str()) != 0) return failure("a socket cannot be watched");
  return out;
}

Monitor::~Monitor() {
  if (watched_ != nullptr) zmq_socket_monitor(watched_, nullptr, 0);
}

std::optional<int> Monitor::next() {
  const auto arrived = socket_.receive();  // number (16 bits) and value (32 bits), then the endpoint
  if (!arrived || arrived->frames.empty() || arrived->frames[0].size() < 2) return std::nullopt;
  std::uint16_t event = 0;
  std::memcpy(&event, arrived->frames[0].data(), sizeof event);
  return event;
}

Waker::Waker() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) std::abort();  // out of file descriptors at start-up
}
Waker::~Waker() { close(fd_); }
void Waker::wake() { (void)eventfd_write(fd_, 1); }
void Waker::clear() {
  eventfd_t count = 0;
  (void)eventfd_read(fd_, &count);
}

base::Result<void> checkEndpoint(const std::string& endpoint) {
  // Others would go around CURVE: inproc has no handshake at all.
  const std::size_t colon = endpoint.rfind(':');
  if (endpoint.size() > 256 || !endpoint.starts_with("tcp://") || colon < 7 || colon + 1 >= endpoint.size() ||
      endpoint.find('\0') != std::string::npos) {
    return fail(ErrorCode::kInvalidInput, "expected an endpoint like tcp://127.0.0.1:7400");
  }
  return base::success();
}

}  // namespace dvpe::protocol::impl
