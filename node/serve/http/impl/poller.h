// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Readiness of many sockets for one system call per batch. Asio arms a wait anew for each request (epoll_ctl); here a
// socket is registered once, edge-triggered (epoll(7)), in an epoll of our own whose descriptor asio watches.
//
// On the loop's thread. Holds a reference to each entry from add() to remove().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <vector>

namespace dvpe::serve {

class Connection;
class Outbox;

// Something with a socket.
class Polled {
 public:
  virtual ~Polled() = default;
  // events: of epoll_wait; edges, so each is told once. May call remove() for this entry, not destroy others.
  virtual void ready(std::uint32_t events) = 0;

 private:
  friend class Poller;
  std::size_t place_ = 0;
};

class Poller {
 public:
  // outbox: open while sockets that are ready are gone through.
  Poller(boost::asio::io_context& io, Outbox& outbox);
  ~Poller();

  void start();
  // Watches no more, so that the io_context can run out of work. No entry may be left.
  void stop();
  // owner keeps polled alive. False: the kernel has no room for it.
  bool add(int descriptor, Polled& polled, boost::intrusive_ptr<Connection> owner);
  // Before or after its descriptor is closed. Gives up the reference.
  void remove(Polled& polled);

 private:
  struct Entry {
    Polled* polled;
    boost::intrusive_ptr<Connection> owner;
  };
  void wait();
  void take();

  boost::asio::posix::stream_descriptor epoll_;
  Outbox& outbox_;
  std::vector<Entry> entries_;
  bool stopped_ = false;
};

}  // namespace dvpe::serve
