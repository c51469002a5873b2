// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A node's ear: offers, commands and questions over ZeroMQ from whoever the `keys` document lists (docs/reference/
// control.md). It believes signatures, not connections.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "node/control/database_link.h"
#include "node/control/releases.h"
#include "shared/protocol/messages.h"
#include "shared/protocol/sockets.h"

namespace dvpe::control {

struct AgentOptions {
  std::string node;                // our name
  std::string endpoint;            // "tcp://ADDRESS:PORT", "*" for any free port
  protocol::CurveKeys keys;        // our own
  std::size_t subscribers = 1000;  // who may be told how the node is, each second
};

// Threads: one that listens and says how the node is; one for releases and holds, one for other orders. Everything that
// it is given outlives it.
class Agent {
 public:
  // link: nullptr when there is no database: then nothing is obeyed that takes a grant. kRefused: sockets would let
  // anybody in.
  static base::Result<std::unique_ptr<Agent>> start(AgentOptions options, Releases& releases, Target& target,
                                                    DatabaseLink* link, const base::Clock& clock);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Where it listens.
  const std::string& endpoint() const { return server_->endpoint(); }

 private:
  // A release that a peer is sending.
  struct Incoming {
    release::Bundle bundle;
    std::size_t bytes = 0;
  };

  // What takes time, one after the other on a thread of its own.
  struct Lane {
    std::atomic<int> waiting{0};
    boost::asio::thread_pool pool{1};
  };

  Agent(AgentOptions options, Releases& releases, Target& target, DatabaseLink* link, const base::Clock& clock);
  void run();
  void receive(const protocol::Received& received);
  void offer(const std::string& peer, protocol::Offer offer);
  void documents(const std::string& peer, protocol::Documents documents);
  void command(const std::string& peer, const release::Signed& command);
  protocol::Answer takeOver(const std::string& id, const release::Signed& moment);
  protocol::Answer obey(const protocol::Accepted& accepted);
  void take(protocol::Made what, const release::Signed& text);
  void tell();
  void tellCounts();
  void reply(const std::string& peer, const protocol::Message& message);  // any thread
  void work(Lane& lane, const std::string& peer, std::function<void()> task);
  bool isCoordinator(const std::string& clientKey) const;

  const AgentOptions options_;
  Releases& releases_;
  Target& target_;
  DatabaseLink* const link_;
  const base::Clock& clock_;
  protocol::CommandGate gate_;
  std::unique_ptr<protocol::Context> context_;
  std::unique_ptr<protocol::Server> server_;
  std::map<std::string, Incoming> incoming_;        // by peer; a few
  std::map<std::string, std::string> subscribers_;  // peer -> its key
  std::uint64_t told_ = 0;                          // times
  std::mutex mutex_;                                // of what follows
  std::deque<std::pair<std::string, protocol::Message>> outgoing_;
  std::atomic<bool> stopping_{false}, ticking_{false};
  Lane documents_, orders_;
  std::thread thread_;
};

}  // namespace dvpe::control
