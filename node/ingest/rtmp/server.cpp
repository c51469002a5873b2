// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/server.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "node/ingest/rtmp/session.h"
#include "shared/base/log.h"

namespace dvpe::ingest {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Time = std::chrono::steady_clock::time_point;
using TlsStream = asio::ssl::stream<tcp::socket&>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kMaxDiscarded = 1024 * 1024;
constexpr std::size_t kMaxTlsOffenders = 4096;
constexpr auto kAcceptRetry = std::chrono::milliseconds{100};

Time steadyNow() { return std::chrono::steady_clock::now(); }

// What caps count: an IPv4 address, or the /64 of an IPv6 one.
std::string addressKey(const asio::ip::address& address) {
  if (address.is_v6() && !address.to_v6().is_v4_mapped()) {
    auto bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return asio::ip::address_v6(bytes).to_string() + "/64";
  }
  return address.to_string();
}

}  // namespace

// One socket with its session and its deadline. Everything on the socket's strand.
class Connection {
 public:
  Connection(tcp::socket socket, std::string address, const RtmpOptions& options, bool tls, PublicationDesk& desk,
             std::shared_ptr<RtmpCounters> counters, base::Random& random)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        address_(std::move(address)),
        limits_(options.limits),
        counters_(std::move(counters)),
        session_(desk, *counters_, random, tls ? "rtmps" : "rtmp") {
    if (tls) {
      tls_.emplace(socket_, *options.tls);
    }
  }

  asio::any_io_executor executor() { return socket_.get_executor(); }
  const std::string& address() const { return address_; }

  // From acceptance to close. Gives the reason for the log.
  asio::awaitable<std::string> run(const base::Clock& clock) {
    started_ = steadyNow();
    setDeadline(started_ + limits_.handshake);
    if (tls_) {
      const auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kToken);
      if (ec) {
        tlsFailed_ = true;
        ++counters_->tlsFailures;
        co_return closing("TLS handshake failed");
      }
    }
    base::Bytes buffer(kReadSize);
    base::Bytes out;
    while (!closed_) {
      const auto [ec, n] = co_await read(buffer);
      if (ec || closed_) {
        co_return closing(ec == asio::error::eof ? "ended by the peer" : "connection lost");
      }
      out.clear();
      const auto stage = session_.stage();
      const auto fed = session_.feed(std::span(buffer).first(n), clock.steady(), out);
      if (stage == rtmp::Session::Stage::kPublishing && session_.stage() != stage) {
        started_ = steadyNow();  // unpublished: a new publish has its own time
      }
      updateDeadline();
      if (session_.stage() != stage) {
        timer_.cancel();  // a publication is watched more closely
      }
      if (!out.empty() && !co_await write(out)) {
        co_return closing("connection lost");
      }
      if (!fed) {
        if (fed.error().code != base::ErrorCode::kRefused && fed.error().code != base::ErrorCode::kConflict) {
          ++counters_->protocolErrors;
        }
        const std::string reason = closing(fed.error().message);
        session_.end();
        co_await linger(buffer);
        co_return reason;
      }
      co_await waitWhileBehind();
    }
    co_return closing("closed");
  }

  // Closes at the deadline, and when the publication is revoked while the source is silent.
  asio::awaitable<void> watch() {
    while (!closed_) {
      const Time now = steadyNow();
      if (now >= deadline_) {
        ++counters_->timeouts;
        close("timed out");
        break;
      }
      const Publication* publication = session_.publication();
      if (publication != nullptr && publication->revoked()) {
        ++counters_->revoked;
        close("revoked: taken over, or the channel is gone");
        break;
      }
      const Time next = publication != nullptr ? now + limits_.revokedPoll : deadline_;
      armed_ = std::min(deadline_, next);
      timer_.expires_at(armed_);
      co_await timer_.async_wait(kToken);
    }
  }

  // The reason that counts is the first.
  void close(std::string reason) {
    closing(std::move(reason));
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
  }

  // Ends the publication. After close().
  void finish() { session_.end(); }

  bool tlsFailed() const { return tlsFailed_; }

 private:
  std::string closing(std::string reason) {
    if (reason_.empty()) {
      reason_ = std::move(reason);
    }
    return reason_;
  }

  asio::awaitable<std::tuple<error_code, std::size_t>> read(base::Bytes& buffer) {
    if (tls_) {
      co_return co_await tls_->async_read_some(asio::buffer(buffer), kToken);
    }
    co_return co_await socket_.async_read_some(asio::buffer(buffer), kToken);
  }

  asio::awaitable<bool> write(const base::Bytes& out) {
    const Time before = deadline_;
    setDeadline(std::min(deadline_, steadyNow() + limits_.write));
    error_code ec;
    if (tls_) {
      std::tie(ec, std::ignore) = co_await asio::async_write(*tls_, asio::buffer(out), kToken);
    } else {
      std::tie(ec, std::ignore) = co_await asio::async_write(socket_, asio::buffer(out), kToken);
    }
    setDeadline(before);
    co_return !ec && !closed_;
  }

  // Closing with unread bytes resets the connection, and the peer would never read our last words.
  asio::awaitable<void> linger(base::Bytes& buffer) {
    setDeadline(steadyNow() + limits_.linger);
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    for (std::size_t total = 0; !ec && !closed_ && total < kMaxDiscarded;) {
      std::size_t n = 0;
      std::tie(ec, n) = co_await socket_.async_read_some(asio::buffer(buffer), kToken);
      total += n;
    }
  }

  // Back-pressure: nothing is read while the node is behind, so the source's TCP window closes.
  asio::awaitable<void> waitWhileBehind() {
    const auto behind = [this] {
      const Publication* p = session_.publication();
      return !closed_ && p != nullptr && !p->revoked() && !p->wantsMore();
    };
    if (!behind()) {
      co_return;
    }
    ++counters_->pauses;
    asio::steady_timer pause(socket_.get_executor());
    while (behind()) {
      setDeadline(steadyNow() + limits_.idle);  // not the source's fault
      pause.expires_after(limits_.backPressurePoll);
      co_await pause.async_wait(kToken);
    }
  }

  void updateDeadline() {
    switch (session_.stage()) {
      case rtmp::Session::Stage::kHandshake:
        return setDeadline(started_ + limits_.handshake);
      case rtmp::Session::Stage::kConnect:
      case rtmp::Session::Stage::kPublish:
        return setDeadline(started_ + limits_.publish);
      case rtmp::Session::Stage::kPublishing:
        if (session_.lastMessage() != lastMessage_) {
          lastMessage_ = session_.lastMessage();
          setDeadline(steadyNow() + limits_.idle);
        }
    }
  }

  void setDeadline(Time deadline) {
    deadline_ = deadline;
    if (deadline_ < armed_) {
      timer_.cancel();
    }
  }

  tcp::socket socket_;
  std::optional<TlsStream> tls_;
  asio::steady_timer timer_;
  std::string address_;
  const RtmpLimits limits_;
  const std::shared_ptr<RtmpCounters> counters_;  // outlives the server when the io_context is dropped
  rtmp::Session session_;
  Time started_{};
  Time deadline_{};
  Time armed_{};
  Time lastMessage_{};
  bool closed_ = false;
  bool tlsFailed_ = false;
  std::string reason_;
};

class RtmpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, RtmpOptions options, PublicationDesk& desk)
      : io_(io),
        options_(std::move(options)),
        desk_(desk),
        plain_(asio::make_strand(io)),
        tls_(asio::make_strand(io)) {}

  base::Result<void> start() {
    if (options_.tlsPort && !options_.tls) {
      return base::fail(base::ErrorCode::kInvalidInput, "RTMPS without a certificate");
    }
    error_code ec;
    const auto address = asio::ip::make_address(options_.address, ec);
    if (ec) {
      return base::fail(base::ErrorCode::kInvalidInput, "RTMP address is not an IP address");
    }
    if (options_.port) {
      DVPE_CHECK(listen(plain_, {address, *options_.port}, port_));
    }
    if (options_.tlsPort) {
      DVPE_CHECK(listen(tls_, {address, *options_.tlsPort}, tlsPort_));
    }
    if (options_.port) {
      asio::co_spawn(plain_.get_executor(), accept(shared_from_this(), plain_, false), &Impl::ended);
    }
    if (options_.tlsPort) {
      asio::co_spawn(tls_.get_executor(), accept(shared_from_this(), tls_, true), &Impl::ended);
    }
    return base::success();
  }

  void stop() {
    if (stopping_.exchange(true)) {
      return;
    }
    for (tcp::acceptor* acceptor : {&plain_, &tls_}) {
      asio::post(acceptor->get_executor(), [self = shared_from_this(), acceptor] {
        error_code ignored;
        acceptor->close(ignored);
      });
    }
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) {
      closeLater(connection);
    }
  }

  std::uint16_t port_ = 0;
  std::uint16_t tlsPort_ = 0;
  const std::shared_ptr<RtmpCounters> counters_ = std::make_shared<RtmpCounters>();  // with the connections

 private:
  using ConnectionPtr = std::shared_ptr<Connection>;  // by its coroutines and by stop()

  base::Result<void> listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, std::uint16_t& bound) {
    error_code ec;
    const auto failed = [&] { return base::fail(base::ErrorCode::kIo, "RTMP cannot listen: " + ec.message()); };
    acceptor.open(endpoint.protocol(), ec);
    if (ec) {
      return failed();
    }
    acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    // Set before listening, so that the connections inherit it and their TCP window fits.
    acceptor.set_option(tcp::socket::receive_buffer_size(options_.limits.receiveBuffer), ec);
    acceptor.bind(endpoint, ec);
    if (!ec) {
      acceptor.listen(tcp::acceptor::max_listen_connections, ec);
    }
    if (ec) {
      return failed();
    }
    bound = acceptor.local_endpoint(ec).port();
    return base::success();
  }

  static asio::awaitable<void> accept(std::shared_ptr<Impl> self, tcp::acceptor& acceptor, bool tls) {
    while (!self->stopping_) {
      tcp::socket socket(asio::make_strand(self->io_));
      auto [ec] = co_await acceptor.async_accept(socket, kToken);
      if (self->stopping_) {
        co_return;
      }
      if (ec) {
        spdlog::warn("rtmp cannot accept: {}", ec.message());
        asio::steady_timer pause(acceptor.get_executor(), kAcceptRetry);  // out of descriptors: do not spin
        co_await pause.async_wait(kToken);
        continue;
      }
      const auto peer = socket.remote_endpoint(ec);
      if (!ec) {
        self->admit(std::move(socket), addressKey(peer.address()), tls);
      }
    }
  }

  // Counts it in and starts it, or closes it at once.
  void admit(tcp::socket socket, std::string address, bool tls) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::lock_guard lock(mutex_);
    const char* refusal = refusalFor(address, tls);
    if (refusal != nullptr) {
      ++counters_->refusedConnections;
      spdlog::info("rtmp refused address={} reason=\"{}\"", address, refusal);
      return;
    }
    ++counters_->accepted;
    ++counters_->connections;
    ++perAddress_[address];
    auto connection = std::make_shared<Connection>(std::move(socket), std::move(address), options_, tls, desk_,
                                                   counters_, options_.random ? *options_.random : systemRandom_);
    connections_.insert(connection);
    asio::co_spawn(connection->executor(), serve(shared_from_this(), connection), &Impl::ended);
    asio::co_spawn(
        connection->executor(),
        [](auto c, auto) -> asio::awaitable<void> { co_await c->watch(); }(connection, shared_from_this()),
        &Impl::ended);
    if (stopping_) {
      closeLater(connection);
    }
  }

  const char* refusalFor(const std::string& address, bool tls) {
    if (connections_.size() >= static_cast<std::size_t>(options_.limits.connections)) {
      return "too many connections";
    }
    const auto found = perAddress_.find(address);
    if (found != perAddress_.end() && found->second >= options_.limits.connectionsPerAddress) {
      return "too many connections from this address";
    }
    const auto offender = tlsOffenders_.find(address);
    if (tls && offender != tlsOffenders_.end() && offender->second.failures >= options_.limits.tlsFailuresPerAddress &&
        steadyNow() < offender->second.until) {
      return "too many failed TLS handshakes";
    }
    return nullptr;
  }

  static asio::awaitable<void> serve(std::shared_ptr<Impl> self, ConnectionPtr connection) {
    const Time begun = steadyNow();
    const base::Clock& clock = self->options_.clock ? *self->options_.clock : self->systemClock_;
    const std::string reason = co_await connection->run(clock);
    connection->close(reason);
    connection->finish();
    spdlog::info("rtmp closed address={} seconds={:.1f} reason=\"{}\"", connection->address(),
                 std::chrono::duration<double>(steadyNow() - begun).count(), reason);
    self->forget(connection);
  }

  void forget(const ConnectionPtr& connection) {
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
    if (const auto found = perAddress_.find(connection->address());
        found != perAddress_.end() && --found->second == 0) {
      perAddress_.erase(found);
    }
    if (connection->tlsFailed()) {
      noteTlsFailure(connection->address());
    }
    --counters_->connections;
  }

  void noteTlsFailure(const std::string& address) {
    const Time now = steadyNow();
    if (tlsOffenders_.size() >= kMaxTlsOffenders) {
      std::erase_if(tlsOffenders_, [&](const auto& entry) { return entry.second.until < now; });
    }
    if (tlsOffenders_.size() >= kMaxTlsOffenders) {
      tlsOffenders_.clear();
    }
    TlsOffender& offender = tlsOffenders_[address];
    offender.failures = offender.until < now ? 1 : offender.failures + 1;
    offender.until = now + options_.limits.tlsPenalty;
  }

  static void closeLater(const ConnectionPtr& connection) {
    asio::post(connection->executor(), [connection] { connection->close("the server stops"); });
  }

  static void ended(const std::exception_ptr& error) {
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& e) {
        spdlog::error("rtmp coroutine ended by an exception: {}", e.what());
      }
    }
  }

  struct TlsOffender {
    int failures = 0;
    Time until{};
  };

  asio::io_context& io_;
  const RtmpOptions options_;
  PublicationDesk& desk_;
  base::SystemClock systemClock_;
  base::SystemRandom systemRandom_;
  tcp::acceptor plain_;
  tcp::acceptor tls_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // of what follows
  std::set<ConnectionPtr> connections_;
  std::map<std::string, int> perAddress_;
  std::map<std::string, TlsOffender> tlsOffenders_;
};

RtmpServer::RtmpServer(asio::io_context& io, RtmpOptions options, PublicationDesk& desk)
    : impl_(std::make_shared<Impl>(io, std::move(options), desk)) {}
RtmpServer::~RtmpServer() { stop(); }
base::Result<void> RtmpServer::start() { return impl_->start(); }
void RtmpServer::stop() { impl_->stop(); }
std::uint16_t RtmpServer::port() const { return impl_->port_; }
std::uint16_t RtmpServer::tlsPort() const { return impl_->tlsPort_; }
const RtmpCounters& RtmpServer::counters() const { return *impl_->counters_; }

}  // namespace dvpe::ingest
