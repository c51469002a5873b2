// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Finds out which peers are up: asks each for /readyz, again and again, and tells Homes. What is asked is what viewers
// would be sent to, by the address that they would be given.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "node/personalize/homes.h"

namespace dvpe::personalize {

// What a peer's answers come to: down after three failures in a row, up after two good answers in a row. At first it is
// down, and up by one good answer if that is the first of all: who comes while this node starts has not long to be kept
// from home.
class PeerHealth {
 public:
  static constexpr int kFailures = 3, kAnswers = 2;

  bool up() const { return up_; }
  // True: that changes it.
  bool heard(bool good) {
    against_ = good == up_ ? 0 : against_ + 1;
    if (against_ < (up_ ? kFailures : kAnswers)) return false;
    up_ = !up_;
    against_ = 0;
    return true;
  }

 private:
  bool up_ = false;
  int against_ = kAnswers - 1;  // in a row, that say otherwise
};

struct PeerProberOptions {
  std::chrono::milliseconds interval{1000};  // between two questions to a peer
  std::chrono::milliseconds timeout{1000};   // for connecting, TLS, question and the answer's head together
  std::string authorities;                   // a PEM file; empty: whom the system trusts
};

// One thread of its own ("peers"). A good answer is 200 and nothing else: redirects are not followed. Of an answer its
// head is read, 8 KB at most. Certificates are verified, and the name in them. An address is looked up once and again
// after a failure.
class PeerProber {
 public:
  // Begins with the first question; homes must outlive it. kIo: the authorities cannot be read; kInvalidInput: a url.
  static base::Result<std::unique_ptr<PeerProber>> start(Homes& homes, PeerProberOptions options = {});
  ~PeerProber();

 private:
  struct Asked;
  PeerProber(Homes& homes, PeerProberOptions options);
  boost::asio::awaitable<void> watch(Asked& peer);
  boost::asio::awaitable<bool> ask(Asked& peer);
  template <class Stream>
  boost::asio::awaitable<bool> exchange(Stream& stream, const Asked& peer);

  Homes& homes_;
  const PeerProberOptions options_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_client};
  std::vector<std::unique_ptr<Asked>> peers_;
  boost::asio::io_context context_{1};
  std::thread thread_;
};

}  // namespace dvpe::personalize
