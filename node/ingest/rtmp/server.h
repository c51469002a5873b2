// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The RTMP and RTMPS server: many channels on one port, publishers only. One coroutine per connection, each on a
// strand of its own, so that the io_context may be run by several threads.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "node/ingest/publication.h"
#include "node/ingest/rtmp/counters.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace dvpe::ingest {

struct RtmpLimits {
  std::chrono::milliseconds handshake{5'000};  // TLS and RTMP handshake, from acceptance
  std::chrono::milliseconds publish{10'000};   // until publish, from acceptance or from the last unpublish
  std::chrono::milliseconds idle{30'000};      // without a whole message while publishing
  std::chrono::milliseconds write{10'000};     // for a reply that the peer does not read
  std::chrono::milliseconds linger{1'000};     // for the peer to read why it is closed
  std::chrono::milliseconds backPressurePoll{10};
  std::chrono::milliseconds revokedPoll{250};
  int connections = 256;
  int connectionsPerAddress = 32;  // an IPv6 address counts as its /64
  int tlsFailuresPerAddress = 5;   // then RTMPS from there is refused for tlsPenalty
  std::chrono::milliseconds tlsPenalty{10'000};
  int receiveBuffer = 256 * 1024;  // SO_RCVBUF: what a source can send ahead while we are behind
};

struct RtmpOptions {
  std::string address = "0.0.0.0";
  std::optional<std::uint16_t> port = 1935;  // plain RTMP; 0: any free port; nothing: not served
  std::optional<std::uint16_t> tlsPort;      // RTMPS; needs tls
  std::shared_ptr<boost::asio::ssl::context> tls;
  RtmpLimits limits;
  const base::Clock* clock = nullptr;  // stamps arrivals; null: the system's. Outlives the io_context's run.
  base::Random* random = nullptr;      // null: the system's. Likewise.
};

// start() before anything else; stop() from any thread. The desk must outlive the last run of the io_context.
class RtmpServer {
 public:
  RtmpServer(boost::asio::io_context& io, RtmpOptions options, PublicationDesk& desk);
  ~RtmpServer();  // stops
  RtmpServer(const RtmpServer&) = delete;
  RtmpServer& operator=(const RtmpServer&) = delete;

  // Binds and accepts from then on. kIo: the address or port cannot be had; kInvalidInput: options make no sense.
  base::Result<void> start();
  // Accepts nobody more, ends every publication with what has been read from it, and closes. Returns at once; it is
  // done when counters().connections is 0, and the io_context then has no more work of ours.
  void stop();

  std::uint16_t port() const;  // as bound; 0: not served
  std::uint16_t tlsPort() const;
  const RtmpCounters& counters() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with the coroutines
};

}  // namespace dvpe::ingest
