// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Plain TCP: system calls at once; the loop's poller tells when to try again.
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <exception>

#include "node/serve/http/impl/connection.h"
#include "node/serve/http/impl/poller.h"
#include "shared/base/log.h"

namespace dvpe::serve {
namespace {

using boost::asio::ip::tcp;

bool wouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

class PlainConnection final : public Connection, public Polled {
 public:
  PlainConnection(Loop& loop, tcp::socket socket, tcp::endpoint peer) : Connection(loop, std::move(peer), false) {
    boost::system::error_code ec;
    socket.native_non_blocking(true, ec);  // sendfile(2) knows no flag for it
    socket_ = Descriptor(socket.release(ec));
  }

  void start() override {
    if (!socket_ || !loop_.poller.add(socket_.get(), *this, Ptr(this))) return abort(true);
    begin();
  }

 private:
  // Edges: what is not used at once must be remembered.
  void ready(std::uint32_t events) override {
    const Ptr self(this);
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) ended_ = true;
    if ((events & EPOLLIN) != 0 || ended_) readable_ = true;
    try {
      if (writing_ && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        writing_ = false;
        if (pump()) sentAll();
      }
      turn();
    } catch (const std::exception& e) {
      spdlog::error("connection failed error=\"{}\"", e.what());
      abort(true);
    }
  }

  void receive() override {
    if (closed()) return;
    reading_ = true;
    if (readable_ && !turning_) turnLater();
  }

  // Reads while it is wanted and there may be something; after some rounds it is the others' turn.
  void turn() {
    turning_ = true;
    for (int i = 0; i < kRounds && reading_ && readable_ && !closed(); ++i) {
      reading_ = false;
      readOnce();
    }
    turning_ = false;
    if (reading_ && readable_ && !closed()) turnLater();
  }

  void turnLater() {
    if (posted_) return;
    posted_ = true;
    boost::asio::post(loop_.io, [self = Ptr(this), this] {
      posted_ = false;
      ready(0);
    });
  }

  // New bytes go to the loop's buffer, or behind what is kept already.
  void readOnce() {
    const std::size_t kept = inbox_.size();
    char* to = loop_.input.data();
    if (kept > 0) {
      inbox_.resize(kept + loop_.input.size());
      to = inbox_.data() + kept;
    }
    const ssize_t n = ::recv(socket_.get(), to, loop_.input.size(), MSG_DONTWAIT);
    if (kept > 0) inbox_.resize(kept + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n == 0) return receivedEnd();
    if (n < 0) {
      if (!wouldBlock()) return abort(false);
      if (errno != EINTR) readable_ = false;
      return receive();
    }
    // Less than there was room for: that was all, and more will be told of. The end of the stream has been told
    // already.
    if (static_cast<std::size_t>(n) < loop_.input.size() && !ended_) readable_ = false;
    const std::string_view fresh(to, static_cast<std::size_t>(n));
    if (kept == 0) return received(fresh);
    receivedMore(fresh);
  }

  std::ptrdiff_t sendNow(std::string_view head, std::string_view body, bool more) override {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = body.empty() ? 1 : 2;
    const ssize_t n = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (n >= 0) return n;
    return wouldBlock() ? 0 : -1;
  }

  bool pump() override {
    while (!out_->done()) {
      ssize_t n = 0;
      if (out_->file && out_->headLeft().empty()) {
        off_t at = static_cast<off_t>(out_->at);
        n = ::sendfile(socket_.get(), out_->file.get(), &at, out_->end - out_->at);
        // 0: the file is shorter than it was. The length is promised, so only ending the connection tells the client.
        if (n == 0 || (n < 0 && !wouldBlock())) return abort(true), false;
        if (n < 0) n = 0;
      } else {
        n = sendNow(out_->headLeft(), out_->bodyLeft(), static_cast<bool>(out_->file));
        if (n < 0) return abort(true), false;
      }
      if (n == 0) {
        writing_ = true;
        return false;
      }
      out_->advance(static_cast<std::size_t>(n));
      progressed(static_cast<std::size_t>(n));
    }
    return true;
  }

  void shutdownSend() override {
    if (::shutdown(socket_.get(), SHUT_WR) != 0) return abort(false);
    receive();
  }

  void closeSocket(bool reset) override {
    if (reset) {
      const linger now{1, 0};
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    socket_.reset();
    loop_.poller.remove(*this);
  }

  int descriptor() override { return socket_.get(); }

  static constexpr int kRounds = 8;

  Descriptor socket_;
  bool readable_ = false;  // there may be bytes, or the end
  bool ended_ = false;     // the peer has ended the stream, or the connection is broken
  bool reading_ = false;   // bytes are wanted
  bool writing_ = false;   // pump() waits for room
  bool turning_ = false;
  bool posted_ = false;
};

}  // namespace

boost::intrusive_ptr<Connection> makePlain(Loop& loop, tcp::socket socket, tcp::endpoint peer) {
  return new PlainConnection(loop, std::move(socket), std::move(peer));
}

}  // namespace dvpe::serve
