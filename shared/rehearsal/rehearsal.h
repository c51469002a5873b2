// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a release would have given to recorded sessions: each is decided and its break bound as a node does it, and what
// a viewer was shown counts for the viewer's next lines. No ceiling is ever reached.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/decisions/explain.h"
#include "shared/rehearsal/recording.h"

namespace dvpe::rehearsal {

// What a session gets. What it points into is kept by `terms`.
struct Outcome {
  std::shared_ptr<const decisions::Terms> terms;  // null: the release has no such channel
  decisions::Choice choice;
  int units = 0;  // of the break
  decisions::Bound bound;
  std::vector<decisions::Consideration> considered;
};

// A release, and the viewers' histories under it. One thread at a time.
class Rehearsal {
 public:
  // plan: null: none. lengths must stay valid.
  Rehearsal(std::shared_ptr<const decisions::Compiled> compiled, std::shared_ptr<const decisions::Plan> plan,
            decisions::UnitsOf lengths);
  ~Rehearsal();

  bool hasChannel(const std::string& id) const { return compiled_->channel(id) != nullptr; }
  const decisions::Compiled& compiled() const { return *compiled_; }
  const decisions::Plan* plan() const { return plan_.get(); }

  // Sessions must come in the order of the recording: what this one is shown is remembered.
  Outcome decide(const Session& session);

  // Why it would get what it gets, without remembering.
  struct Explained {
    std::shared_ptr<const decisions::Terms> terms;
    decisions::Report report;
    std::size_t seen = 0;  // impressions that the viewer's history holds
  };
  // The release must have the channel.
  Explained explain(const Session& session);

 private:
  struct Channel;

  Channel* channelOf(const std::string& id);
  const std::shared_ptr<const decisions::Terms>& termsAt(Channel& channel, base::WallTime at) const;
  decisions::History& historyOf(const Session& session);
  void remember(const Session& session, const Outcome& outcome);

  const std::shared_ptr<const decisions::Compiled> compiled_;
  const std::shared_ptr<const decisions::Plan> plan_;
  const decisions::UnitsOf lengths_;
  std::map<std::string, std::unique_ptr<Channel>, std::less<>> channels_;
  std::vector<decisions::History> histories_;  // by number of the viewer
  decisions::Decider decider_;
};

// A plan by which every line in flight plays wherever it may: drawn for every viewer, worth its price.
decisions::Plan everyLinePlays(const decisions::Compiled& compiled);

}  // namespace dvpe::rehearsal
