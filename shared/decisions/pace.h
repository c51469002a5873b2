// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Pacing: from what nodes report, the coordinator makes the plan (plan.h) that all of them decide by. No clock, no
// threads, no files: moments come with the calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/decisions/plan.h"
#include "shared/model/documents.h"

namespace dvpe::decisions {

inline constexpr std::chrono::seconds kPlanEvery{10};
// A node binds nothing by the ceilings of a plan that was made longer ago: what it could not report is given to others
// some time after that.
inline constexpr std::chrono::seconds kPlanLife{240};
// What a node was given and has not bound, as far as it told, is kept for it so long after its last report.
inline constexpr std::chrono::seconds kNodeLost{300};
static_assert(kNodeLost > kPlanLife + 4 * kPlanEvery);

inline constexpr std::size_t kMaxPacingStateBytes = 256 << 20;

// What a node has counted of a line, all from the line's beginning on: a lost report is made good by the next one.
struct LineCount {
  std::string line;           // CompiledLine::name
  std::int64_t eligible = 0;  // viewers' breaks in which it could have been a candidate but for the draw
  std::int64_t bound = 0;     // impressions
  std::int64_t delivered = 0;
  std::int64_t returned = 0;  // bound, and not delivered: may be bound again
};

// Counts outlive a restart of the node. One that has lost them takes another name: ceilings hold for counts.
struct NodeReport {
  std::string node;
  base::WallTime at{};
  std::uint64_t plan = 0;   // the one in force there, by which alone is bound from now on; 0: none
  std::int64_t breaks = 0;  // viewers' breaks that were decided, in all
  std::vector<LineCount> lines;
};

// How a line stands, for people.
struct Standing {
  std::int64_t most = kMostImpressions;  // by its goal and its budget
  std::int64_t spent = 0;                // bound and not returned, as far as is known
  std::int64_t promised = 0;             // what nodes may have spent by now: at most `most`
  double needed = 0;                     // share of the breaks it could still be in that it needs; above 1: too few
  double won = 0;                        // share of its candidacies that were bound
  double urgency = 0;                    // the logarithm of what its worth is multiplied by
};

// Makes plans. One thread at a time.
//
// Ceilings are an escrow. What a node has bound, or could have by any plan that may be in force there, counts as spent;
// the sum over the nodes never exceeds what goal and budgets leave. A ceiling that is lowered frees something only when
// the node has reported a plan with the lower one. Ceilings are for the next few breaks, so that little is locked on a
// node that dies. Only a node that was cut off and went on binding can make a line exceed its goal: by what it bound
// after the last report that was heard.
//
// Rates: a line needs a share p of the breaks that it could still be in, expected by its share of all breaks and by
// their number at the time of the day, and has so far won a share w of its candidacies. It is drawn with p / w, and
// with more the nearer that is to all of them: those that cannot make up for what they miss go ahead.
//
// Worth: the price times e^(urgency). Urgency has a part that grows with p and one that follows p / w like a
// multiplier of a dual problem: it rises while a line would have to be drawn nearly always, and falls otherwise. So
// lines that have many other viewers give way to those that have none, whichever goals can be reached together are
// (compare max-weight scheduling, Tassiulas and Ephremides 1992, and drift plus penalty, Neely 2010); and where not all
// can, both parts are at their end for all that stay behind, and their prices decide.
class Pacer {
 public:
  Pacer(std::shared_ptr<const model::Documents> documents, std::string release);
  ~Pacer();
  Pacer(Pacer&&) noexcept;
  Pacer& operator=(Pacer&&) noexcept;

  // Goes on with other documents: lines of equal names keep what was spent of them.
  void use(std::shared_ptr<const model::Documents> documents, std::string release);
  // Reports may be late, lost, twice, and out of order.
  void hear(const NodeReport& report);
  // The next plan; now: not before the last one's. It may be sent when state() has been stored.
  Plan plan(base::WallTime now);

  // Null: there is no such line, or it needs no plan. As of the last plan.
  std::optional<Standing> standing(std::string_view line) const;

  // All that must not be forgotten, as JSON: what was promised, heard and learned.
  std::string state() const;
  // Goes on where another one was when it made `state`: plans continue its numbers. Bounded by kMaxPacingStateBytes.
  // kInvalidInput, kLimitExceeded; then nothing is changed.
  base::Result<void> restore(std::string_view state);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::decisions
