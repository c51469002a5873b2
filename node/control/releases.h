// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A release's way through a node: offered, completed, checked, compiled, in force. It does not matter from where it
// comes: coordinator or database. What is refused leaves everything as it was.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "node/control/release_store.h"
#include "node/control/target.h"
#include "shared/protocol/messages.h"

namespace dvpe::control {

// Thread-safe: one call at a time, which may take as long as Target does. snapshot() and ring() never wait.
class Releases {
 public:
  // What it is given outlives it.
  Releases(ReleaseStore& store, HoldStore& holds, Target& target, std::string node, const base::Clock& clock);

  // What is lacking for a release. prepared: nothing, it waits for its moment already. kConflict: it is not newer than
  // what is in force; kInvalidInput, kLimitExceeded. Only its form is looked at: whether it is believed, prepare()
  // says.
  struct Lacking {
    protocol::Need need;
    bool prepared = false;
  };
  base::Result<Lacking> offer(const release::Signed& release);

  // Checks a release with what was lacking, and has the node prepare it. When its moment is known already it takes
  // over at once. What it was refused for is the error; the same release may be offered again.
  base::Result<release::Order> prepare(const release::Bundle& bundle);

  // The coordinator's signed word from when on a release is in force (the command release.effective; its expiry does
  // not count here: it is said again to whoever missed it). On disk before anybody sees it. Nothing happens to one that
  // is in force. kUnavailable: it is not prepared here, and takes over when it is; kRefused, kInvalidInput.
  base::Result<TookOver> effective(const release::Signed& statement);

  // The stores have loaded what was kept since.
  void reload();

  // Takes holds in; what they hold of the documents in force is held from the next cut on. An outcome for each, as in
  // HoldStore::take.
  std::vector<base::Result<void>> hold(const std::vector<HoldStore::Arrival>& arrivals);
  // To be called each second: ends what has expired, and tries again what the node could not do. Returns at once when
  // there is nothing to do, or another call is at work.
  void tick();

  struct Snapshot {
    release::Order inForce;
    std::optional<release::Order> prepared;  // the newest
    bool behind = false;                     // a release is in force elsewhere and not here: send no viewers
    std::string refused;                     // why the last one was, if it was
    HeldNames held;                          // of the documents in force
  };
  Snapshot snapshot() const;
  const std::string& node() const { return node_; }
  // The keys in force.
  std::shared_ptr<const release::KeyRing> ring() const;

 private:
  struct Ready {
    release::Bundle bundle;
    release::Verified verified;
    std::shared_ptr<Preparation> preparation;
  };
  base::Result<Ready> check(const release::Bundle& bundle);
  base::Result<TookOver> takeOver(const release::Order& order, std::int64_t at);
  void publish(std::string refused);
  HeldNames heldNow() const;
  void applyHolds();

  ReleaseStore& store_;
  HoldStore& holds_;
  Target& target_;
  const std::string node_;
  const base::Clock& clock_;
  std::mutex work_;                                 // one call at a time; guards what follows
  std::map<release::Order, Ready> ready_;           // prepared, their moment to come; a few
  std::map<release::Order, std::int64_t> moments_;  // of those that are not prepared; microseconds since 1970
  HeldNames held_;                                  // what Target holds
  std::optional<release::Time> ends_;               // when the next hold expires
  bool holdAgain_ = false;                          // Target could not hold what it should
  mutable std::mutex mutex_;                        // of what follows
  Snapshot snapshot_;
  std::shared_ptr<const release::KeyRing> keys_;
};

}  // namespace dvpe::control
