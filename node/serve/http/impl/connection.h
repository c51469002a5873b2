// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One client's connection: reads requests, asks the handler, sends answers. What differs between plain TCP and TLS
// stands in two derived classes (plain_connection.cpp, tls_connection.cpp).
//
// All on the loop's thread. Lives as long as a pending operation holds a pointer to it. The answer to a request that is
// complete in one read, and that fits the socket's buffer, is given without an allocation, and over plain TCP sent
// together with those of the other sockets that are ready.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "node/serve/http/impl/loop.h"

namespace dvpe::serve {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.fd_;
      other.fd_ = -1;
    }
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// What is still to be sent: the rest of a head, then bytes [at, end) of a body in memory or in a file.
struct Outgoing {
  std::string head;
  std::size_t headSent = 0;
  Response response;  // holds the body
  Descriptor file;
  std::uint64_t at = 0;
  std::uint64_t end = 0;

  bool done() const { return headSent == head.size() && at == end; }
  std::string_view headLeft() const { return std::string_view(head).substr(headSent); }
  std::string_view bodyLeft() const;  // empty for a file
  void advance(std::size_t bytes);
};

class Connection : public Timed {
 public:
  ~Connection() override;
  virtual void start() = 0;
  // Draining has begun: an idle client gets Limits::drainIdle for one more request.
  void drain();
  // Over Limits::connections: answers 503 and closes.
  void turnAway();
  // The outbox: an answer of this connection's that waited there. Called once for each.
  void sendQueued(Outbox::Answer& answer);

 protected:
  using Ptr = boost::intrusive_ptr<Connection>;
  enum class State { kHead, kIdle, kSlow, kQueued, kWriting, kLingering, kClosed };

  Connection(Loop& loop, boost::asio::ip::tcp::endpoint peer, bool tls);

  // The transport.
  virtual void receive() = 0;  // asks for bytes; they come by received() or receivedEnd()
  // Sends at once what can be sent at once, at least nothing; -1: the connection is broken. more: a body follows.
  virtual std::ptrdiff_t sendNow(std::string_view head, std::string_view body, bool more) = 0;
  // Sends on from out_. True: all of it has gone. False: sentAll() comes later, or the connection has ended.
  virtual bool pump() = 0;
  virtual void shutdownSend() = 0;  // the first half of a gentle close; then State::kLingering reads on
  virtual void closeSocket(bool reset) = 0;
  virtual int descriptor() = 0;

  void begin();                               // ready for the first request
  void received(std::string_view bytes);      // new bytes, while inbox_ is empty
  void receivedMore(std::string_view fresh);  // new bytes that stand at the end of inbox_
  void receivedEnd();
  void sentAll();
  void progressed(std::size_t bytes);
  void abort(bool reset);
  bool closed() const { return state_ == State::kClosed; }
  void expired() override;

  Loop& loop_;
  std::string inbox_;  // what has come and is not yet used; empty on the fast path
  std::unique_ptr<Outgoing> out_;
  State state_ = State::kHead;

 private:
  friend void intrusive_ptr_add_ref(Connection* c) { ++c->references_; }
  friend void intrusive_ptr_release(Connection* c) {
    if (--c->references_ == 0) delete c;
  }

  // What of a request its answer depends on.
  struct Exchange {
    Method method = Method::kGet;
    HeadWriter::After after = HeadWriter::After::kKeepAlive;
    std::string_view range;
    bool last = false;  // of the requests at hand
  };
  struct Slow;

  void consume(std::string_view bytes);
  std::uint64_t delivered();
  bool partial(std::string_view rest, std::size_t total, bool expectContinue);
  bool answer(std::string_view request, std::string_view rest, bool mayGoOn);
  bool refuse(int status);
  bool deliver(const Exchange& exchange, Response& response);
  bool transmit(std::string_view head, Response& response, const ByteRange& span, Descriptor file,
                HeadWriter::After after);
  bool finish(HeadWriter::After after);
  void startSlow(std::string_view rest, std::size_t total, bool mayGoOn);
  void finishSlow(const std::exception_ptr& error);
  Exchange exchangeOf(const Head& head, bool mayGoOn) const;
  void waitForMore(std::string_view rest, bool fresh);
  void keep(std::string_view rest);
  void closeGently();

  std::size_t needed_ = 0;       // bytes of inbox_ without which looking at it again is useless
  std::uint64_t sent_ = 0;       // bytes that the kernel has taken, ever
  std::uint64_t delivered_ = 0;  // of these, what had arrived when the write deadline was set
  std::size_t discarded_ = 0;
  std::unique_ptr<Slow> slow_;
  HeadWriter::After after_ = HeadWriter::After::kKeepAlive;
  boost::asio::ip::tcp::endpoint peer_;
  std::string peerText_;
  int references_ = 0;
  const bool tls_;
};

boost::intrusive_ptr<Connection> makePlain(Loop& loop, boost::asio::ip::tcp::socket socket,
                                           boost::asio::ip::tcp::endpoint peer);
boost::intrusive_ptr<Connection> makeTls(Loop& loop, boost::asio::ip::tcp::socket socket,
                                         boost::asio::ip::tcp::endpoint peer, boost::asio::ssl::context& context);

}  // namespace dvpe::serve
