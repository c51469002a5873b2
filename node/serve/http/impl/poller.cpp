// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/http/impl/poller.h"

#include <sys/epoll.h>

#include <array>
#include <stdexcept>

#include "node/serve/http/impl/connection.h"

namespace dvpe::serve {

Poller::Poller(boost::asio::io_context& io, Outbox& outbox) : epoll_(io), outbox_(outbox) {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("epoll_create1 failed");  // at start-up only
  epoll_.assign(descriptor);
}

Poller::~Poller() = default;

void Poller::start() { wait(); }

void Poller::stop() {
  stopped_ = true;  // an event may be on its way already
  boost::system::error_code ec;
  epoll_.cancel(ec);
}

bool Poller::add(int descriptor, Polled& polled, boost::intrusive_ptr<Connection> owner) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &polled;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return false;
  polled.place_ = entries_.size();
  entries_.push_back({&polled, std::move(owner)});
  return true;
}

void Poller::remove(Polled& polled) {
  const std::size_t place = polled.place_;
  if (place >= entries_.size() || entries_[place].polled != &polled) return;
  const Entry gone = std::move(entries_[place]);  // its owner may go with it, at the end of this scope
  if (place + 1 != entries_.size()) {
    entries_[place] = std::move(entries_.back());
    entries_[place].polled->place_ = place;
  }
  entries_.pop_back();
}

void Poller::wait() {
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& ec) {
    if (ec || stopped_) return;
    take();
    wait();  // asks the kernel anew, so what did not fit into this batch is not forgotten
  });
}

void Poller::take() {
  std::array<epoll_event, 256> events;
  const int n = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  outbox_.open();
  for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n); ++i) {
    static_cast<Polled*>(events[i].data.ptr)->ready(events[i].events);
  }
  outbox_.close();
}

}  // namespace dvpe::serve
