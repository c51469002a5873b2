// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Plain TCP: system calls at once, and asio's reactor only where they would block.
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "node/serve/http/impl/connection.h"

namespace dvpe::serve {
namespace {

using boost::asio::ip::tcp;

bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

class PlainConnection final : public Connection {
 public:
  PlainConnection(Loop& loop, tcp::socket socket, tcp::endpoint peer)
      : Connection(loop, std::move(peer), false), socket_(std::move(socket)) {}

  void start() override {
    boost::system::error_code ec;
    socket_.native_non_blocking(true, ec);  // sendfile(2) knows no flag for it
    begin();
  }

 private:
  void receive() override {
    if (reading_ || closed()) return;
    reading_ = true;
    socket_.async_wait(tcp::socket::wait_read, [self = Ptr(this), this](const boost::system::error_code& ec) {
      reading_ = false;
      if (closed()) return;
      if (ec) return abort(false);
      readable();
    });
  }

  // New bytes go to the loop's buffer, or behind what is kept already.
  void readable() {
    const std::size_t kept = inbox_.size();
    char* to = loop_.input.data();
    if (kept > 0) {
      inbox_.resize(kept + loop_.input.size());
      to = inbox_.data() + kept;
    }
    const ssize_t n = ::recv(socket_.native_handle(), to, loop_.input.size(), MSG_DONTWAIT);
    if (kept > 0) inbox_.resize(kept + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n == 0) return receivedEnd();
    if (n < 0) return wouldBlock() ? receive() : abort(false);
    const std::string_view fresh(to, static_cast<std::size_t>(n));
    if (kept == 0) return received(fresh);
    receivedMore(fresh);
  }

  std::ptrdiff_t sendNow(std::string_view head, std::string_view body, bool more) override {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = body.empty() ? 1 : 2;
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (n >= 0) return n;
    return wouldBlock() ? 0 : -1;
  }

  bool pump() override {
    while (!out_->done()) {
      ssize_t n = 0;
      if (out_->file && out_->headLeft().empty()) {
        off_t at = static_cast<off_t>(out_->at);
        n = ::sendfile(socket_.native_handle(), out_->file.get(), &at, out_->end - out_->at);
        // 0: the file is shorter than it was. The length is promised, so only ending the connection tells the client.
        if (n == 0 || (n < 0 && !wouldBlock())) return abort(true), false;
        if (n < 0) n = 0;
      } else {
        n = sendNow(out_->headLeft(), out_->bodyLeft(), static_cast<bool>(out_->file));
        if (n < 0) return abort(true), false;
      }
      if (n == 0) return waitWritable(), false;
      out_->advance(static_cast<std::size_t>(n));
      progressed(static_cast<std::size_t>(n));
    }
    return true;
  }

  void waitWritable() {
    socket_.async_wait(tcp::socket::wait_write, [self = Ptr(this), this](const boost::system::error_code& ec) {
      if (closed()) return;
      if (ec) return abort(true);
      if (pump()) sentAll();
    });
  }

  void shutdownSend() override {
    boost::system::error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    if (ec) return abort(false);
    receive();
  }

  void closeSocket(bool reset) override {
    boost::system::error_code ec;
    if (reset) socket_.set_option(boost::asio::socket_base::linger(true, 0), ec);
    socket_.close(ec);
  }

  int descriptor() override { return socket_.native_handle(); }

  tcp::socket socket_;
  bool reading_ = false;
};

}  // namespace

boost::intrusive_ptr<Connection> makePlain(Loop& loop, tcp::socket socket, tcp::endpoint peer) {
  return new PlainConnection(loop, std::move(socket), std::move(peer));
}

}  // namespace dvpe::serve
