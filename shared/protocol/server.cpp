// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <array>

#include "shared/protocol/impl/socket.h"

namespace dvpe::protocol {

using base::ErrorCode;
using base::fail;
using Steady = std::chrono::steady_clock;

namespace {

// A draft option: zmq.h names it only for who builds against drafts. Debian's library knows it; one that does not
// returns EINVAL, and then there is no server. With it, a domain without a handler lets nobody in.
constexpr int kEnforceDomain = 93;
constexpr auto kTrial = std::chrono::seconds(5);

base::Result<std::string> listen(const impl::Socket& socket, const std::string& endpoint) {
  if (zmq_bind(socket.get(), endpoint.c_str()) != 0) return impl::failure("cannot listen on " + endpoint);
  std::array<char, 512> text{};
  std::size_t size = text.size();
  if (zmq_getsockopt(socket.get(), ZMQ_LAST_ENDPOINT, text.data(), &size) != 0) return impl::failure(endpoint);
  return std::string(text.data());
}

// A client whose key is on no list, because it was made just now, must not get in.
base::Result<void> tryStranger(void* context, const std::string& endpoint, const std::string& serverKey) {
  DVPE_TRY(auto stranger, impl::Socket::open(context, ZMQ_DEALER));
  DVPE_CHECK(stranger.beClient(serverKey, generateCurve()));
  DVPE_TRY(auto monitor, impl::Monitor::open(context, stranger));
  if (zmq_connect(stranger.get(), endpoint.c_str()) != 0) return impl::failure("the trial cannot connect");
  const auto until = Steady::now() + kTrial;
  zmq_pollitem_t item{monitor.get(), 0, ZMQ_POLLIN, 0};
  while (impl::left(until) > 0) {
    (void)zmq_poll(&item, 1, impl::left(until));
    while (const auto event = monitor.next()) {
      if (*event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        return fail(ErrorCode::kRefused, "the ZAP handler lets anybody in: not listening");
      }
      if (*event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return base::success();
      if (*event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL || *event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        return fail(ErrorCode::kInternal, "the ZAP handler does not answer: not listening");
      }
    }
  }
  return fail(ErrorCode::kUnavailable, "the trial of the ZAP handler had no answer: not listening");
}

}  // namespace

struct Server::Impl {
  Impl(Context::Impl& of, impl::Socket opened) : context(of), socket(std::move(opened)) {}
  Context::Impl& context;
  impl::Socket socket;
  impl::Waker waker;
  std::string endpoint;
  std::uint64_t dropped = 0;

  // One message that counts, or nothing.
  std::optional<Received> take(impl::Arrived arrived) {
    // The client's key was made the user's id by the handler; there is none without it.
    auto who = arrived.tooLarge || arrived.frames.size() < 2 || arrived.userId.empty() ? std::nullopt
                                                                                       : context.who(arrived.userId);
    if (!who) {
      ++dropped;
      return std::nullopt;
    }
    Received out{std::move(arrived.frames[0]), std::move(arrived.userId), *std::move(who), std::move(arrived.frames)};
    out.frames.erase(out.frames.begin());
    return out;
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

base::Result<std::unique_ptr<Server>> Server::bind(Context& context, const std::string& endpoint, const CurveKeys& keys,
                                                   const SocketLimits& limits) {
  DVPE_CHECK(impl::checkEndpoint(endpoint));
  DVPE_CHECK(parseCurve(keys.publicKey, keys.secretKey));
  void* zmq = context.impl().zmq;
  DVPE_TRY(auto socket, impl::Socket::open(zmq, ZMQ_ROUTER));
  DVPE_CHECK(socket.limit(limits));
  DVPE_CHECK(socket.set(ZMQ_BACKLOG, limits.backlog, "ZMQ_BACKLOG"));
  DVPE_CHECK(socket.set(ZMQ_ROUTER_MANDATORY, 1, "ZMQ_ROUTER_MANDATORY"));
  DVPE_CHECK(socket.set(ZMQ_ROUTER_HANDOVER, 0, "ZMQ_ROUTER_HANDOVER"));
  DVPE_CHECK(socket.set(ZMQ_IPV6, 1, "ZMQ_IPV6"));
  DVPE_CHECK(socket.set(ZMQ_CURVE_SERVER, 1, "ZMQ_CURVE_SERVER"));
  DVPE_CHECK(socket.set(ZMQ_CURVE_SECRETKEY, std::string_view(keys.secretKey), "ZMQ_CURVE_SECRETKEY"));
  DVPE_CHECK(socket.set(ZMQ_ZAP_DOMAIN, std::string_view(impl::kZapDomain), "ZMQ_ZAP_DOMAIN"));
  DVPE_CHECK(socket.set(kEnforceDomain, 1, "ZMQ_ZAP_ENFORCE_DOMAIN"));
  // The same socket, before anybody else can reach it.
  DVPE_TRY(const auto trial, listen(socket, "tcp://127.0.0.1:*"));
  DVPE_CHECK(tryStranger(zmq, trial, keys.publicKey));
  if (zmq_unbind(socket.get(), trial.c_str()) != 0) return impl::failure("the trial cannot be ended");
  DVPE_TRY(auto bound, listen(socket, endpoint));
  auto made = std::make_unique<Impl>(context.impl(), std::move(socket));
  made->endpoint = std::move(bound);
  return std::unique_ptr<Server>(new Server(std::move(made)));
}

const std::string& Server::endpoint() const { return impl_->endpoint; }

std::optional<Received> Server::receive(std::chrono::milliseconds timeout) {
  const auto until = Steady::now() + timeout;
  for (;;) {
    std::array<zmq_pollitem_t, 2> items{
        {{impl_->socket.get(), 0, ZMQ_POLLIN, 0}, {nullptr, impl_->waker.fd(), ZMQ_POLLIN, 0}}};
    const int ready = zmq_poll(items.data(), items.size(), impl::left(until));
    if (ready > 0 && items[1].revents != 0) {
      impl_->waker.clear();
      return std::nullopt;
    }
    if (ready > 0) {
      if (auto arrived = impl_->socket.receive(1)) {
        if (auto out = impl_->take(*std::move(arrived))) return out;
      }
    }
    if (impl::left(until) == 0) return std::nullopt;
  }
}

base::Result<void> Server::send(const std::string& peer, const Frames& frames) {
  if (peer.empty()) return fail(ErrorCode::kUnavailable, "the peer is gone");
  return impl_->socket.send(peer, frames);
}

void Server::wake() { impl_->waker.wake(); }

std::uint64_t Server::dropped() const { return impl_->dropped; }

}  // namespace dvpe::protocol
