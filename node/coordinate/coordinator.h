// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What must be done once and by nobody's hand (design, section 8): makes releases of what people have signed, brings
// them to every node, and names the moment from which they are in force. One coordinator holds the lease, others wait
// for it; without any, nodes serve on.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "node/coordinate/learning.h"
#include "node/coordinate/node_line.h"
#include "node/coordinate/pacing.h"
#include "node/coordinate/registry.h"
#include "shared/base/clock.h"

namespace dvpe::coordinate {

struct CoordinatorOptions {
  std::string name;                                // as keys and logs call it
  database::ConnectOptions connect;                // as its own login
  release::PublicKey root{};                       // of the document of keys
  std::shared_ptr<const release::PrivateKey> key;  // signs releases; role coordinator
  protocol::CurveKeys curve;                       // opens nodes' doors; its public half stands in the same line
  std::chrono::milliseconds modelEvery = kModelEvery;
};

// One release's way to the nodes.
struct Rollout {
  release::Order order;
  std::chrono::steady_clock::time_point since;
  std::set<std::string> expected, prepared, refused;  // nodes
  std::optional<release::Signed> moment;              // it has been named
  std::chrono::steady_clock::time_point asked{};      // the database, who is prepared
  std::chrono::milliseconds patience{};               // with nodes that are not prepared yet
  bool failed = false;                                // no node takes it: it gets no moment
};

class Coordinator {
 public:
  Coordinator(CoordinatorOptions options, const base::Clock& clock);
  ~Coordinator();

  // Works until stop(). kRefused: the database is looser than it should be, or does not know us. Everything else is
  // tried again.
  base::Result<void> run();
  // From any thread.
  void stop() { stopping_ = true; }

 private:
  using Steady = std::chrono::steady_clock::time_point;
  bool settled() const { return !rollout_ || rollout_->moment || rollout_->failed; }
  base::Result<void> connect();
  base::Result<void> step();
  base::Result<void> lead();
  base::Result<void> housekeep();
  base::Result<void> countEvents();
  base::Result<void> lookForWork();
  base::Result<void> publish(const std::optional<release::Release>& current, const release::Release& next);
  base::Result<bool> inStages(const release::Release& current);
  base::Result<void> setAudience(const std::optional<release::Release>& current, release::Release& next);
  base::Result<std::vector<std::string>> presentNodes();
  bool meant(const std::string& node) const;
  base::Result<void> beginRollout(const release::Signed& made, std::chrono::milliseconds patience);
  base::Result<void> advanceRollout();
  base::Result<void> nameMoment();
  std::chrono::milliseconds aheadOfAll() const;
  base::Result<void> refreshNodes();
  void hear();
  void resign();

  const CoordinatorOptions options_;
  const base::Clock& clock_;
  std::unique_ptr<protocol::Context> context_;
  std::unique_ptr<Registry> registry_;
  std::optional<std::int64_t> epoch_;  // while we hold the lease
  bool wasLeading_ = false;
  bool uncounted_ = false;  // events wait to be counted
  Steady nextLease_{}, nextLook_{}, nextNodes_{}, nextFull_{}, nextHead_{}, nextWatch_{}, nextRetain_{}, nextErase_{},
      nextPlan_{}, nextCount_{};
  Pacing pacing_;
  std::unique_ptr<Learning> learning_;
  std::shared_ptr<const release::Signed> model_;  // the newest, for nodes that come later
  bool hinted_ = true;
  std::string fingerprint_;  // of what was assembled last
  std::string leftOut_;      // as it was told
  std::string newest_;       // release
  std::optional<Rollout> rollout_;
  std::shared_ptr<const Offering> offering_;  // the newest release, for nodes that come later
  std::vector<std::string> audience_;         // its nodes; none: all
  std::optional<StageWatch> watch_;           // of a release that is not for all yet
  struct Ahead {
    std::chrono::milliseconds by{};
    Steady at{};
  };
  std::map<std::string, Ahead> ahead_;  // what nodes told last
  std::map<std::string, std::unique_ptr<NodeLine>> lines_;
  std::mutex mutex_;  // of heard_
  std::deque<NodeSaid> heard_;
  std::atomic<bool> stopping_{false};
};

}  // namespace dvpe::coordinate
