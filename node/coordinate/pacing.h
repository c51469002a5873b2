// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Plans of pacing between the database, the nodes and the planner (shared/decisions/pace.h).
#pragma once

#include <optional>
#include <string>

#include "node/coordinate/registry.h"
#include "shared/base/clock.h"
#include "shared/decisions/pace.h"

namespace dvpe::coordinate {

// What a node has counted, as it says it (docs/reference/control.md, "counts"). kInvalidInput, kLimitExceeded.
base::Result<decisions::NodeReport> readCounts(std::string_view json, const std::string& node, base::WallTime at);

// Of the coordinator that leads; one thread.
class Pacing {
 public:
  // A report that does not hold together is logged and passed over.
  void hear(const std::string& node, std::string_view counts, base::WallTime at);
  // The next plan, signed; nothing when there is nothing to plan. What must not be forgotten is in the database when it
  // returns. Errors are the database's.
  base::Result<std::shared_ptr<const release::Signed>> next(Registry& registry, const release::PrivateKey& key,
                                                            base::WallTime now, std::int64_t epoch);
  // Another coordinator leads: what it promises is not known here.
  void forget() { pacer_.reset(); }

 private:
  base::Result<bool> follow(Registry& registry);

  std::optional<decisions::Pacer> pacer_;
  release::Order release_;  // that it plans for
};

}  // namespace dvpe::coordinate
