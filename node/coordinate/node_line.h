// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The coordinator's line to one node: offers a release, sends what the node lacks for it, passes commands on.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "shared/protocol/messages.h"
#include "shared/protocol/sockets.h"
#include "shared/release/bundle.h"

namespace dvpe::coordinate {

// Everything that a node could lack for a release. Shared by all lines, immutable.
using Offering = release::Bundle;

// What a node says. order: of prepared and refused.
struct NodeSaid {
  enum class What { kPrepared, kRefused, kAnswered, kTelemetry, kCounts };
  What what = What::kPrepared;
  std::string node;
  release::Order order;
  bool ok = true;    // kAnswered
  std::string text;  // why not, or what: JSON for telemetry, counts and good answers
};

// A thread of its own, which is the only one to touch its socket. Other calls: any thread.
class NodeLine {
 public:
  // said is called on the line's thread. key: the node's CURVE public key, from the document of keys.
  static base::Result<std::unique_ptr<NodeLine>> open(protocol::Context& context, std::string node,
                                                      const std::string& endpoint, const std::string& key,
                                                      const protocol::CurveKeys& own,
                                                      std::function<void(NodeSaid)> said);
  ~NodeLine();
  NodeLine(const NodeLine&) = delete;
  NodeLine& operator=(const NodeLine&) = delete;

  // Takes the place of what was offered before. Repeated until the node has answered.
  void offer(std::shared_ptr<const Offering> offering);
  // Takes the place of the one before. Sent as soon as the line stands.
  void tell(protocol::Made what, std::shared_ptr<const release::Signed> text);
  // Sent as soon as the line stands.
  void send(release::Signed command);

  const std::string& endpoint() const { return endpoint_; }

 private:
  NodeLine(std::string node, std::string endpoint, std::function<void(NodeSaid)> said)
      : node_(std::move(node)), endpoint_(std::move(endpoint)), said_(std::move(said)) {}
  void run();
  void sendWaiting();
  void receive(protocol::Message message);

  const std::string node_, endpoint_;
  const std::function<void(NodeSaid)> said_;
  std::unique_ptr<protocol::Client> client_;
  std::shared_ptr<const Offering> current_;  // the line's thread
  std::mutex mutex_;                         // of what follows
  std::shared_ptr<const Offering> offering_;
  bool fresh_ = false;  // not offered since the line stands
  // By what it is; null: sent, or there is none.
  std::array<std::shared_ptr<const release::Signed>, protocol::kMadeKinds> made_;
  std::deque<release::Signed> commands_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dvpe::coordinate
