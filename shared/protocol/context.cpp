// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The ZAP handler (ZeroMQ RFC 27): libzmq asks it about each handshake, and lets in whom it answers 200.
#include <pthread.h>

#include <array>
#include <csignal>

#include "shared/protocol/impl/socket.h"

namespace dvpe::protocol {

using base::ErrorCode;
using base::fail;

namespace {

// Parts of a request: version, request id, domain, address, routing id, mechanism, then credentials.
constexpr std::size_t kRequestId = 1, kDomain = 2, kMechanism = 5, kCredentials = 6;

// The client's public key if the request is one of ours, CURVE in our domain; otherwise empty.
std::string keyOf(const Frames& request) {
  if (request.size() != kCredentials + 1 || request[0] != "1.0" || request[kDomain] != impl::kZapDomain ||
      request[kMechanism] != "CURVE" || request[kCredentials].size() != 32) {
    return {};
  }
  std::array<char, kCurveKeySize + 1> text{};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(request[kCredentials].data());
  if (zmq_z85_encode(text.data(), bytes, 32) == nullptr) return {};
  return {text.data(), kCurveKeySize};
}

// Until the context is shut down.
void answer(Context::Impl& context, impl::Socket socket) {
  zmq_pollitem_t item{socket.get(), 0, ZMQ_POLLIN, 0};
  while (zmq_poll(&item, 1, -1) >= 0 || errno == EINTR) {
    const auto request = socket.receive();
    if (!request) {
      if (errno == ETERM) return;
      continue;
    }
    const Frames& parts = request->frames;
    const std::string key = keyOf(parts);
    const bool in = !key.empty() && context.who(key).has_value();
    if (!in) ++context.refused;
    // Version, request id, status, its text, user id, metadata (none).
    (void)socket.send({}, {"1.0", parts.size() > kRequestId ? parts[kRequestId] : "", in ? "200" : "400",
                           in ? "OK" : "not on the list", in ? key : "", ""});
  }
}

}  // namespace

std::optional<std::string> Context::Impl::who(std::string_view publicKey) const {
  try {
    return allow ? allow(publicKey) : std::nullopt;
  } catch (...) {
    return std::nullopt;
  }
}

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

base::Result<std::unique_ptr<Context>> Context::create(Allow allow) {
  if (zmq_has("curve") == 0) return fail(ErrorCode::kUnsupported, "this libzmq has no CURVE");
  auto made = std::make_unique<Impl>();
  made->allow = std::move(allow);
  made->zmq = zmq_ctx_new();
  if (made->zmq == nullptr) return impl::failure("no ZeroMQ context");
  std::unique_ptr<Context> out(new Context(std::move(made)));
  Impl& context = *out->impl_;
  // Before any other socket: without a handler, CURVE lets anybody in.
  DVPE_TRY(auto socket, impl::Socket::open(context.zmq, ZMQ_REP));
  if (zmq_bind(socket.get(), "inproc://zeromq.zap.01") != 0) return impl::failure("the ZAP handler cannot be bound");
  sigset_t all, before;  // signals are main's
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  context.zap = std::thread([&context, handler = std::move(socket)]() mutable {
    pthread_setname_np(pthread_self(), "zap");
    answer(context, std::move(handler));
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return out;
}

Context::~Context() {
  zmq_ctx_shutdown(impl_->zmq);
  if (impl_->zap.joinable()) impl_->zap.join();
  while (zmq_ctx_term(impl_->zmq) != 0 && errno == EINTR) {
  }
}

std::uint64_t Context::refused() const { return impl_->refused; }

}  // namespace dvpe::protocol
