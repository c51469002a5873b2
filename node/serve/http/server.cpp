// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/http/server.h"

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "node/serve/http/impl/connection.h"
#include "node/serve/http/impl/loop.h"
#include "shared/base/log.h"

namespace dvpe::serve {
namespace {

using base::ErrorCode;
using base::fail;
using boost::asio::ip::tcp;
namespace ssl = boost::asio::ssl;

constexpr int kBacklog = 4096;
constexpr std::chrono::milliseconds kAcceptRetry{100};  // after a failure, as of too many open files

using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

base::Result<std::unique_ptr<ssl::context>> makeContext(const Listener& listener) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code ec;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression,
                       ec);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets need no memory of ours
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  context->use_certificate_chain_file(listener.certificateFile, ec);
  if (ec) return fail(ErrorCode::kIo, "certificate " + listener.certificateFile + ": " + ec.message());
  context->use_private_key_file(listener.keyFile, ssl::context::pem, ec);
  if (ec) return fail(ErrorCode::kIo, "key " + listener.keyFile + ": " + ec.message());
  if (SSL_CTX_check_private_key(raw) != 1) return fail(ErrorCode::kInvalidInput, "the key is not the certificate's");
  return context;
}

// One loop's share of a listener.
class Port {
 public:
  Port(Loop& loop, ssl::context* tls) : loop_(loop), acceptor_(loop.io), retry_(loop.io), tls_(tls) {}

  base::Result<std::uint16_t> open(const tcp::endpoint& endpoint) {
    boost::system::error_code ec;
    const auto failed = [&](const char* what) {
      return fail(ErrorCode::kIo, std::string(what) + " " + endpoint.address().to_string() + ":" +
                                      std::to_string(endpoint.port()) + ": " + ec.message());
    };
    acceptor_.open(endpoint.protocol(), ec);
    if (ec) return failed("cannot open");
    acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    acceptor_.set_option(ReusePort(true), ec);
    if (ec) return failed("cannot share");
    acceptor_.set_option(tcp::no_delay(true), ec);  // accepted sockets inherit it
    acceptor_.bind(endpoint, ec);
    if (ec) return failed("cannot bind");
    acceptor_.listen(kBacklog, ec);
    if (ec) return failed("cannot listen on");
    return acceptor_.local_endpoint(ec).port();
  }

  void accept() {
    acceptor_.async_accept(peer_, [this](const boost::system::error_code& ec, tcp::socket socket) {
      if (loop_.draining || ec == boost::asio::error::operation_aborted) return;
      if (!ec) {
        take(std::move(socket));
        return accept();
      }
      if (ec == boost::asio::error::connection_aborted) return accept();
      if (!failing_) spdlog::warn("cannot accept loop={} error=\"{}\"", loop_.number, ec.message());
      failing_ = true;
      retry_.expires_after(kAcceptRetry);
      retry_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) accept();
      });
    });
  }

  // Takes those who were connected already, so that none of them sees a reset, then listens no more.
  void close() {
    boost::system::error_code ec;
    acceptor_.cancel(ec);
    retry_.cancel();
    acceptor_.non_blocking(true, ec);
    for (int i = 0; i < kBacklog && !ec; ++i) {
      tcp::socket socket(loop_.io);
      acceptor_.accept(socket, peer_, ec);
      if (!ec) take(std::move(socket));
    }
    acceptor_.close(ec);
  }

 private:
  void take(tcp::socket socket) {
    failing_ = false;
    const bool full = loop_.openTotal.load(std::memory_order_relaxed) >= loop_.limits.connections;
    const auto connection =
        tls_ == nullptr ? makePlain(loop_, std::move(socket), peer_) : makeTls(loop_, std::move(socket), peer_, *tls_);
    if (full) {
      connection->turnAway();
    } else {
      connection->start();
    }
  }

  Loop& loop_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  ssl::context* tls_;
  tcp::endpoint peer_;
  bool failing_ = false;
};

// A loop with its ports, its timer and its thread.
class Runner {
 public:
  Runner(int number, const Limits& limits, Handler& handler, const base::Clock& clock, std::atomic<int>& total)
      : loop(number, limits, handler, clock, total), timer_(loop.io) {}

  void start(std::function<void()> ended) {
    tick();
    loop.poller.start();
    for (auto& port : ports) port->accept();
    thread_ = std::thread([this, ended = std::move(ended)] {
      run();
      ended();
    });
  }

  void beginDrain() {
    boost::asio::post(loop.io, [this] {
      loop.draining = true;
      for (auto& port : ports) port->close();
      loop.wheel.forEach([](Timed& t) { static_cast<Connection&>(t).drain(); });
    });
  }

  void end() {
    loop.io.stop();
    if (thread_.joinable()) thread_.join();
  }

  Loop loop;
  std::vector<std::unique_ptr<Port>> ports;

 private:
  void tick() {
    loop.heads.setDate(loop.clock.wall());
    loop.wheel.advance();
    if (loop.draining && loop.counters.openConnections.load(std::memory_order_relaxed) == 0) return loop.poller.stop();
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& ec) {
      if (!ec) tick();
    });
  }

  void run() {
    for (;;) {
      try {
        loop.io.run();
        return;
      } catch (const std::exception& e) {
        spdlog::error("loop failed, goes on loop={} error=\"{}\"", loop.number, e.what());
      }
    }
  }

  boost::asio::steady_timer timer_;
  std::thread thread_;
};

base::Result<tcp::endpoint> endpointOf(const Listener& listener) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(listener.address, ec);
  if (ec) return fail(ErrorCode::kInvalidInput, "not an address to listen on: " + listener.address);
  return tcp::endpoint(address, listener.port);
}

}  // namespace

struct Server::Impl {
  std::atomic<int> openTotal{0};
  std::vector<std::unique_ptr<ssl::context>> contexts;
  std::vector<std::uint16_t> ports;
  std::vector<std::unique_ptr<Runner>> runners;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t ended = 0;
  bool stopping = false;

  // Binds a listener on every loop.
  base::Result<void> listen(const Listener& listener) {
    DVPE_TRY(tcp::endpoint endpoint, endpointOf(listener));
    if (listener.certificateFile.empty() != listener.keyFile.empty())
      return fail(ErrorCode::kInvalidInput, "TLS needs both a certificate and a key");
    ssl::context* tls = nullptr;
    if (!listener.certificateFile.empty()) {
      DVPE_TRY(auto context, makeContext(listener));
      tls = context.get();
      contexts.push_back(std::move(context));
    }
    for (auto& runner : runners) {
      auto port = std::make_unique<Port>(runner->loop, tls);
      DVPE_TRY(const std::uint16_t number, port->open(endpoint));
      endpoint.port(number);
      runner->ports.push_back(std::move(port));
    }
    ports.push_back(endpoint.port());
    return base::success();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { stop(std::chrono::milliseconds{0}); }

base::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler& handler,
                                                    const base::Clock& clock) {
  if (options.loops < 1 || options.loops > 256) return fail(ErrorCode::kInvalidInput, "loops must be 1 to 256");
  if (options.listeners.empty()) return fail(ErrorCode::kInvalidInput, "nothing to listen on");
  auto impl = std::make_unique<Impl>();
  for (int i = 0; i < options.loops; ++i)
    impl->runners.push_back(std::make_unique<Runner>(i, options.limits, handler, clock, impl->openTotal));
  for (const Listener& listener : options.listeners) {
    DVPE_CHECK(impl->listen(listener));
  }
  Impl* shared = impl.get();
  for (auto& runner : impl->runners) {
    runner->start([shared] {
      const std::lock_guard lock(shared->mutex);
      ++shared->ended;
      shared->changed.notify_all();
    });
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port(std::size_t i) const { return impl_->ports.at(i); }
int Server::loops() const { return static_cast<int>(impl_->runners.size()); }
const LoopCounters& Server::counters(int loop) const {
  return impl_->runners.at(static_cast<std::size_t>(loop))->loop.counters;
}

void Server::stop(std::chrono::milliseconds deadline) {
  {
    std::unique_lock lock(impl_->mutex);
    if (impl_->stopping) return;
    impl_->stopping = true;
    if (deadline.count() > 0) {
      for (auto& runner : impl_->runners) runner->beginDrain();
      impl_->changed.wait_for(lock, deadline, [this] { return impl_->ended == impl_->runners.size(); });
    }
  }
  for (auto& runner : impl_->runners) runner->end();
}

}  // namespace dvpe::serve
