// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <array>

#include "shared/protocol/impl/socket.h"

namespace dvpe::protocol {

using base::ErrorCode;
using base::fail;
using Steady = std::chrono::steady_clock;

struct Client::Impl {
  Context::Impl& context;
  std::string endpoint, serverKey;
  CurveKeys keys;
  SocketLimits limits;
  impl::Waker waker;
  std::optional<impl::Socket> socket;
  std::optional<impl::Monitor> monitor;  // goes before its socket
  State state = State::kConnecting;
  Steady::time_point again{};  // when a refused client tries again

  base::Result<void> open() {
    monitor.reset();
    socket.reset();
    DVPE_TRY(auto opened, impl::Socket::open(context.zmq, ZMQ_DEALER));
    DVPE_CHECK(opened.limit(limits));
    DVPE_CHECK(opened.beClient(serverKey, keys));
    // Nothing is queued for a connection that does not stand: an order must not arrive minutes later.
    DVPE_CHECK(opened.set(ZMQ_IMMEDIATE, 1, "ZMQ_IMMEDIATE"));
    DVPE_CHECK(opened.set(ZMQ_IPV6, 1, "ZMQ_IPV6"));
    DVPE_CHECK(opened.set(ZMQ_RECONNECT_IVL, 100, "ZMQ_RECONNECT_IVL"));
    DVPE_CHECK(opened.set(ZMQ_RECONNECT_IVL_MAX, 5'000, "ZMQ_RECONNECT_IVL_MAX"));
    DVPE_CHECK(opened.set(ZMQ_CONNECT_TIMEOUT, 5'000, "ZMQ_CONNECT_TIMEOUT"));
    DVPE_TRY(auto watching, impl::Monitor::open(context.zmq, opened));
    if (zmq_connect(opened.get(), endpoint.c_str()) != 0) return impl::failure("cannot connect to " + endpoint);
    socket.emplace(std::move(opened));
    monitor.emplace(std::move(watching));
    state = State::kConnecting;
    return base::success();
  }

  // Takes note of what has happened. A refused socket is closed: libzmq would ask again many times a second, or, by
  // chance, never more (libzmq issue 3519).
  void look() {
    if (!socket && Steady::now() >= again) {
      if (!open()) again = Steady::now() + limits.retry;
    }
    while (monitor) {
      const auto event = monitor->next();
      if (!event) return;
      if (*event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        state = State::kConnected;
      } else if (*event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        state = State::kRefused;
        again = Steady::now() + limits.retry;
        monitor.reset();
        socket.reset();
      } else if (state == State::kConnected) {
        state = State::kConnecting;
      }
    }
  }

  enum class Woke { kTimeout, kWaker, kSocket, kMonitor };
  // forMessages: also for these.
  Woke wait(Steady::time_point until, bool forMessages) {
    std::array<zmq_pollitem_t, 3> items{};
    int count = 0;
    items[count++] = {nullptr, waker.fd(), ZMQ_POLLIN, 0};
    if (monitor) items[count++] = {monitor->get(), 0, ZMQ_POLLIN, 0};
    if (socket && forMessages) items[count++] = {socket->get(), 0, ZMQ_POLLIN, 0};
    if (!socket) until = std::min(until, again);
    if (zmq_poll(items.data(), count, impl::left(until)) <= 0) return Woke::kTimeout;
    if (items[0].revents != 0) return Woke::kWaker;
    return items[2].revents != 0 ? Woke::kSocket : Woke::kMonitor;
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

base::Result<std::unique_ptr<Client>> Client::connect(Context& context, const std::string& endpoint,
                                                      const std::string& serverKey, const CurveKeys& keys,
                                                      const SocketLimits& limits) {
  DVPE_CHECK(impl::checkEndpoint(endpoint));
  if (!isCurveKey(serverKey)) return fail(ErrorCode::kInvalidInput, "a server's CURVE key has 40 characters (Z85)");
  DVPE_CHECK(parseCurve(keys.publicKey, keys.secretKey));
  std::unique_ptr<Impl> made(new Impl{context.impl(), endpoint, serverKey, keys, limits, {}, {}, {}});
  DVPE_CHECK(made->open());
  return std::unique_ptr<Client>(new Client(std::move(made)));
}

base::Result<void> Client::ready(std::chrono::milliseconds timeout) {
  const auto until = Steady::now() + timeout;
  for (;;) {
    impl_->look();
    if (impl_->state == State::kConnected) return base::success();
    if (impl_->state == State::kRefused) {
      return fail(ErrorCode::kRefused, impl_->endpoint + " does not let our key in");
    }
    if (impl::left(until) == 0) return fail(ErrorCode::kUnavailable, impl_->endpoint + " does not answer");
    if (impl_->wait(until, false) == Impl::Woke::kWaker) impl_->waker.clear();
  }
}

Client::State Client::state() const { return impl_->state; }

base::Result<void> Client::send(const Frames& frames) {
  impl_->look();
  if (impl_->state == State::kRefused) return fail(ErrorCode::kRefused, impl_->endpoint + " does not let our key in");
  if (!impl_->socket) return fail(ErrorCode::kUnavailable, "not connected to " + impl_->endpoint);
  return impl_->socket->send({}, frames);
}

std::optional<Frames> Client::receive(std::chrono::milliseconds timeout) {
  const auto until = Steady::now() + timeout;
  for (;;) {
    impl_->look();
    const auto woke = impl_->wait(until, true);
    if (woke == Impl::Woke::kWaker) {
      impl_->waker.clear();
      return std::nullopt;
    }
    if (woke == Impl::Woke::kSocket) {
      auto arrived = impl_->socket->receive();
      if (arrived && !arrived->tooLarge && !arrived->frames.empty()) return std::move(arrived->frames);
    }
    if (impl::left(until) == 0) {
      impl_->look();
      return std::nullopt;
    }
  }
}

void Client::wake() { impl_->waker.wake(); }

}  // namespace dvpe::protocol
