// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a coordinator reads and writes in the database, as its own login. Every write carries the epoch of the lease:
// what comes after another has taken over is refused there.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/coordinate/assemble.h"
#include "node/coordinate/stages.h"
#include "shared/base/ticks.h"
#include "shared/database/connection.h"

namespace dvpe::coordinate {

// A node that has said that it is there.
struct PresentNode {
  std::string name, endpoint;
  std::chrono::seconds silent{};  // since it said so
};

// The newest release as it is stored.
struct StoredRelease {
  release::Signed release;
  std::optional<release::Signed> moment;  // the statement from when on it is in force
};

// One connection, one thread. Errors are the database's; kConflict: another coordinator or release was faster;
// kUnavailable: open another. What was fetched by digest is remembered.
class Registry {
 public:
  Registry(database::Connection connection, const release::PublicKey& root)
      : connection_(std::move(connection)), ring_(root) {}

  // Takes or keeps the lease for 5 s; nothing: another holds it.
  base::Result<std::optional<std::int64_t>> holdLease();
  base::Result<bool> waitForHint(std::chrono::milliseconds most) { return connection_.waitForNotice(most); }
  // For hints that there is something new to publish.
  base::Result<void> listen();

  // Takes the revisions that have come since into the ring; one that does not count is logged and passed over.
  base::Result<void> refreshKeys(release::Time now);
  const release::KeyRing& ring() const { return ring_; }
  // All revisions that count, ascending.
  const std::vector<release::Signed>& keys() const { return keys_; }

  base::Result<std::optional<StoredRelease>> newest();
  base::Result<Wishes> wishes(const std::optional<StoredRelease>& newest);
  // By digest; fetches what is not here yet. What the database lacks stays nullptr in source().
  base::Result<void> fetch(const std::vector<std::string>& digests);
  release::Source source() const;
  // Fetched anew when they are asked for again: they may have been countersigned once more.
  void forget(const std::vector<std::string>& digests);

  base::Result<void> publish(const release::Release& release, const release::Signed& by, std::int64_t epoch);
  base::Result<void> makeEffective(std::int64_t sequence, base::WallTime at, const release::Signed& statement,
                                   std::int64_t epoch);
  base::Result<void> leaveOut(const std::vector<LeftOut>& leftOut, std::int64_t epoch);
  base::Result<std::vector<PresentNode>> nodes();
  // Names of the nodes that say this of a release ("prepared" includes "effective").
  base::Result<std::vector<std::string>> acknowledged(std::int64_t sequence);

  // In which stages releases go out; none: all at once. A plan that cannot be read is an error, not none.
  base::Result<RolloutPlan> rolloutPlan();
  base::Result<bool> halted(std::int64_t sequence);
  base::Result<void> halt(std::int64_t sequence, const std::string& reason, std::int64_t epoch);

  // Signs the newest line of the audit log, unless that is signed already.
  base::Result<void> signAuditHead(const release::PrivateKey& key, release::Time now, std::int64_t epoch);
  // Ends sessions of people that are over their limits; how many.
  base::Result<std::int64_t> endOverdue(std::int64_t epoch);
  // Removes what is kept no longer, a few of each kind at a time: {"releases": 3}; "{}": nothing.
  base::Result<std::string> retain(std::int64_t epoch);
  // A part of what is to be erased of viewers in the tables, and what is done by now said to be. Whether there is more.
  base::Result<bool> erase(std::int64_t epoch);

  // Counts batches of events that have not been counted, the oldest first; how many it were.
  base::Result<std::int64_t> rollEvents(std::int64_t mostBatches, std::int64_t epoch);

  // What the planner of pacing must not forget; nothing: no plan has been made yet.
  base::Result<void> storePacing(const std::string& state, std::int64_t epoch);
  base::Result<std::optional<std::string>> pacing();

 private:
  base::Result<std::optional<Candidate>> revisionOf(const release::DocumentName& name, int revision);

  database::Connection connection_;
  release::KeyRing ring_;
  std::vector<release::Signed> keys_;
  int keysSeen_ = 0;  // the last revision that was looked at
  std::map<std::string, release::StoredDocument> documents_;
  std::map<std::string, release::Signed> rollbacks_;
  std::int64_t auditSigned_ = 0;  // line
};

}  // namespace dvpe::coordinate
