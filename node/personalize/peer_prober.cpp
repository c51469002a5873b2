// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/peer_prober.h"

#include <pthread.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

#include "shared/base/log.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

constexpr std::uint32_t kMostHead = 8 * 1024;
constexpr auto kAnswered = asio::as_tuple(asio::use_awaitable);

}  // namespace

struct PeerProber::Asked {
  std::size_t number = 0;  // in Homes
  std::string name;
  Origin origin;
  std::string field;  // Host
  PeerHealth health;
  std::optional<tcp::resolver::results_type> addresses;
};

PeerProber::PeerProber(Homes& homes, PeerProberOptions options) : homes_(homes), options_(std::move(options)) {}

base::Result<std::unique_ptr<PeerProber>> PeerProber::start(Homes& homes, PeerProberOptions options) {
  std::unique_ptr<PeerProber> out(new PeerProber(homes, std::move(options)));
  for (std::size_t i = 0; i < homes.peers().size(); ++i) {
    if (i == homes.self()) continue;
    auto asked = std::make_unique<Asked>();
    asked->number = i;
    asked->name = homes.peers()[i].name;
    const std::string& url = homes.peers()[i].url;
    DVPE_TRY(asked->origin, parseOrigin(url));
    asked->field = url.substr(url.find("://") + 3);
    out->peers_.push_back(std::move(asked));
  }
  boost::system::error_code error;
  out->tls_.set_verify_mode(asio::ssl::verify_peer, error);
  if (out->options_.authorities.empty()) {
    out->tls_.set_default_verify_paths(error);
  } else {
    out->tls_.load_verify_file(out->options_.authorities, error);
  }
  if (error) return base::fail(base::ErrorCode::kIo, "whom to trust cannot be read: " + error.message());
  for (const auto& peer : out->peers_) asio::co_spawn(out->context_, out->watch(*peer), asio::detached);
  out->thread_ = std::thread([prober = out.get()] {
    ::pthread_setname_np(::pthread_self(), "peers");
    prober->context_.run();
  });
  return out;
}

PeerProber::~PeerProber() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

asio::awaitable<void> PeerProber::watch(Asked& peer) {
  asio::steady_timer timer(context_);
  for (;;) {
    timer.expires_after(options_.interval);
    bool good = false;
    try {
      good = co_await ask(peer);
    } catch (const std::exception& e) {  // out of memory and the like: the peer is asked again
      spdlog::warn("a peer could not be asked peer={} reason=\"{}\"", peer.name, e.what());
    }
    if (!good) peer.addresses.reset();
    if (peer.health.heard(good)) {
      homes_.setUp(peer.number, good);
      if (good) {
        spdlog::info("a peer is up: its viewers are sent there peer={}", peer.name);
      } else {
        spdlog::warn("a peer is down: its viewers are served here with caps unknown peer={}", peer.name);
      }
    }
    const auto [error] = co_await timer.async_wait(kAnswered);
    if (error) co_return;
  }
}

// Whether the peer answers as it should.
asio::awaitable<bool> PeerProber::ask(Asked& peer) {
  if (!peer.addresses) {
    tcp::resolver resolver(context_);
    auto [error, found] =
        co_await resolver.async_resolve(peer.origin.host, std::to_string(peer.origin.port), kAnswered);
    if (error || found.empty()) co_return false;
    peer.addresses = std::move(found);
  }
  beast::tcp_stream plain(context_);
  plain.expires_after(options_.timeout);  // for all that follows
  const auto connected = co_await plain.async_connect(*peer.addresses, kAnswered);
  if (std::get<0>(connected)) co_return false;
  if (!peer.origin.tls) co_return co_await exchange(plain, peer);
  beast::ssl_stream<beast::tcp_stream> stream(std::move(plain), tls_);
  boost::system::error_code error;
  stream.set_verify_callback(asio::ssl::host_name_verification(peer.origin.host), error);
  if (error) co_return false;
  asio::ip::make_address(peer.origin.host, error);
  // A name, then; addresses are not sent (RFC 6066, section 3).
  if (error && SSL_set_tlsext_host_name(stream.native_handle(), peer.origin.host.c_str()) != 1) co_return false;
  const auto [refused] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAnswered);
  if (refused) co_return false;
  co_return co_await exchange(stream, peer);
}

template <class Stream>
asio::awaitable<bool> PeerProber::exchange(Stream& stream, const Asked& peer) {
  http::request<http::empty_body> question(http::verb::get, "/readyz", 11);
  question.set(http::field::host, peer.field);
  question.set(http::field::connection, "close");
  const auto sent = co_await http::async_write(stream, question, kAnswered);
  if (std::get<0>(sent)) co_return false;
  beast::flat_static_buffer<kMostHead + 1024> buffer;
  http::response_parser<http::empty_body> parser;
  parser.header_limit(kMostHead);
  const auto read = co_await http::async_read_header(stream, buffer, parser, kAnswered);
  co_return !std::get<0>(read) && parser.get().result() == http::status::ok;
}

}  // namespace dvpe::personalize
