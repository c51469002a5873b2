// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the connections of one loop share. Touched by the loop's thread alone, but for counters (relaxed) and openTotal.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>

#include "node/serve/http/handler.h"
#include "node/serve/http/impl/head_writer.h"
#include "node/serve/http/impl/outbox.h"
#include "node/serve/http/impl/poller.h"
#include "node/serve/http/impl/request_reader.h"
#include "node/serve/http/impl/wheel.h"
#include "node/serve/http/server.h"
#include "shared/base/clock.h"

namespace dvpe::serve {

inline constexpr std::chrono::milliseconds kTick{100};

// One writer: a load and a store are enough, and cheaper than a locked addition.
template <class T>
void bump(std::atomic<T>& counter, T by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

struct Loop {
  Loop(int n, const Limits& l, Handler& h, const base::Clock& c, std::atomic<int>& total)
      : number(n), limits(l), handler(h), clock(c), openTotal(total) {}

  void deadline(Timed& t, std::chrono::milliseconds in) {
    wheel.set(t, static_cast<std::uint64_t>((in + kTick - std::chrono::milliseconds{1}) / kTick));
  }

  const int number;
  const Limits limits;
  Handler& handler;
  const base::Clock& clock;
  std::atomic<int>& openTotal;
  LoopCounters counters;
  Wheel wheel;
  HeadWriter heads;
  // Scratch for the exchange at hand: a connection that must wait takes along what it needs.
  Head head;
  Response response;
  std::array<char, 16 * 1024> input;
  Outbox outbox;
  bool draining = false;
  // After the rest, so that the connections its handlers hold are destroyed first. Only the loop's thread does input
  // and output on it (others may post), so the reactor needs no locks.
  boost::asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  Poller poller{io, outbox};  // holds the connections over plain TCP
};

}  // namespace dvpe::serve
