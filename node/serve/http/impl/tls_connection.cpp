// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// TLS through asio: everything is asynchronous, in pieces of one record.
#include <unistd.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "node/serve/http/impl/connection.h"

namespace dvpe::serve {
namespace {

using boost::asio::ip::tcp;
namespace ssl = boost::asio::ssl;

constexpr std::size_t kRecord = 16 * 1024;
constexpr std::size_t kRead = 4 * 1024;

class TlsConnection final : public Connection {
 public:
  TlsConnection(Loop& loop, tcp::socket socket, tcp::endpoint peer, ssl::context& context)
      : Connection(loop, std::move(peer), true), stream_(std::move(socket), context) {}

  void start() override {
    loop_.deadline(*this, loop_.limits.header);
    reading_ = true;
    stream_.async_handshake(ssl::stream_base::server, [self = Ptr(this), this](const boost::system::error_code& ec) {
      reading_ = false;
      if (closed()) return;
      if (ec || state_ == State::kLingering) return abort(false);
      begin();
    });
  }

 private:
  void receive() override {
    if (reading_ || closed()) return;
    reading_ = true;
    const std::size_t kept = inbox_.size();
    input_.resize(kRead);
    stream_.async_read_some(boost::asio::buffer(input_),
                            [self = Ptr(this), this, kept](const boost::system::error_code& ec, std::size_t n) {
                              reading_ = false;
                              if (closed()) return;
                              if (ec) return receivedEnd();
                              accept(kept, n);
                            });
  }

  void accept(std::size_t kept, std::size_t n) {
    const std::string_view fresh = std::string_view(input_).substr(0, n);
    if (kept == 0) return received(fresh);
    inbox_.append(fresh);
    receivedMore(fresh);
  }

  // Nothing goes at once: pump() copies it into a record.
  std::ptrdiff_t sendNow(std::string_view, std::string_view, bool) override { return 0; }

  bool pump() override {
    if (!fill()) {
      abort(true);
      return false;
    }
    boost::asio::async_write(stream_, boost::asio::buffer(record_),
                             [self = Ptr(this), this](const boost::system::error_code& ec, std::size_t n) {
                               if (closed()) return;
                               if (ec) return abort(true);
                               progressed(n);
                               if (!out_->done()) {
                                 pump();
                                 return;
                               }
                               record_.clear();
                               record_.shrink_to_fit();
                               sentAll();
                             });
    return false;
  }

  // Takes up to one record from out_. False: a file that has become shorter.
  bool fill() {
    record_.assign(out_->headLeft().substr(0, kRecord));
    const std::size_t space = kRecord - record_.size();
    if (!out_->file) {
      record_.append(out_->bodyLeft().substr(0, space));
    } else if (space > 0 && out_->at < out_->end) {
      const std::size_t before = record_.size();
      const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(space, out_->end - out_->at));
      record_.resize(before + want);
      const ssize_t n = ::pread(out_->file.get(), record_.data() + before, want, static_cast<off_t>(out_->at));
      if (n <= 0) return false;
      record_.resize(before + static_cast<std::size_t>(n));
    }
    out_->advance(record_.size());
    return true;
  }

  void shutdownSend() override {
    boost::system::error_code ignored;
    if (reading_) {  // only one operation may read: the peer sees the end without close_notify, between two answers
      stream_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    stream_.async_shutdown([self = Ptr(this), this](const boost::system::error_code&) { abort(false); });
  }

  void closeSocket(bool reset) override {
    boost::system::error_code ec;
    auto& socket = stream_.next_layer();
    if (reset) socket.set_option(boost::asio::socket_base::linger(true, 0), ec);
    socket.close(ec);
  }

  int descriptor() override { return stream_.next_layer().native_handle(); }

  ssl::stream<tcp::socket> stream_;
  std::string input_;
  std::string record_;
  bool reading_ = false;
};

}  // namespace

boost::intrusive_ptr<Connection> makeTls(Loop& loop, tcp::socket socket, tcp::endpoint peer, ssl::context& context) {
  return new TlsConnection(loop, std::move(socket), std::move(peer), context);
}

}  // namespace dvpe::serve
