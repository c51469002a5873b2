// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Releases in stages: first on a few nodes, and on more of them when nothing went wrong there. What went wrong is read
// from the nodes' own telemetry; a release that has not taken effect where it should have went wrong, too.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace dvpe::coordinate {

// Where a change is first, and how long. Either names or a share.
struct Stage {
  std::vector<std::string> nodes;
  int percent = 0;  // of all nodes, at least one
  std::chrono::seconds hold{};
};

// What may happen on a stage's nodes, each of them, before it is too much.
struct Guards {
  std::int64_t holes = 0, variantsLost = 0;  // more than when the stage began
  std::chrono::seconds notReady{5};          // without a break, or without a word
  std::chrono::seconds takesEffect{12};      // after its moment, until every channel is decided by it
};

struct RolloutPlan {
  std::vector<Stage> stages;  // the last one, all nodes, is not listed; empty: all at once
  Guards guards;
};

// {"stages": [{"nodes": [...] | "percent": n, "seconds": n}], "guards": {"holes", "variantsLost", "notReadySeconds",
// "effectSeconds"}}. Strict, all mistakes at once; at most 10 stages of 1 second to a week. kInvalidInput.
base::Result<RolloutPlan> parseRolloutPlan(std::string_view json);

// A stage's nodes among those that there are, sorted; never none where there are any, and never fewer than before: each
// stage holds the one before.
std::vector<std::string> audienceOf(const RolloutPlan& plan, std::size_t stage, const std::vector<std::string>& nodes);

// How far the newest cut of any channel is ahead of the clock, as the node's telemetry says; at most kMostAhead.
inline constexpr std::chrono::milliseconds kMostAhead{3000};
std::chrono::milliseconds aheadOf(std::string_view telemetry);

// Watches one stage. Times are given: no clock here. One thread.
class StageWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Verdict { kHold, kGoOn, kHalt };

  // release: as nodes name it ("3.17"). From its moment on.
  StageWatch(std::string release, std::vector<std::string> nodes, const Stage& stage, const Guards& guards,
             Time moment);

  // A node's telemetry (docs/reference/control.md).
  void heard(const std::string& node, std::string_view telemetry, Time now);
  // kHalt: reason() says why, for people.
  Verdict judge(Time now);
  const std::string& reason() const { return reason_; }

 private:
  struct Seen {
    std::optional<std::int64_t> holes, variantsLost;  // when the stage began
    Time ready{};                                     // when it last said that it is
    bool inForce = false;                             // every channel of it
  };

  const std::string release_;
  const std::chrono::seconds hold_;
  const Guards guards_;
  const Time moment_;
  std::map<std::string, Seen> nodes_;
  std::string reason_;
};

}  // namespace dvpe::coordinate
