// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A day of a world, played with the product's decisions, histories and pacing on three nodes that share only plans and
// reports. What was delivered, and whether a cap was broken, is kept apart from the product.
#pragma once

#include <cstdint>
#include <vector>

#include "day_world.h"

namespace dvpe::bench {

struct DayResult {
  std::vector<std::int64_t> delivered;  // by line of the world
  std::vector<std::int64_t> atHalf;     // when half of all breaks had been
  std::int64_t views = 0, unknownViews = 0;
  std::int64_t bound = 0, returned = 0, lost = 0, contingencies = 0, decidedAgain = 0, inexact = 0;
  std::int64_t capsBroken = 0, capsChecked = 0;
  double filled = 0;             // share of the breaks' time that was sold
  double lostToCapsUnknown = 0;  // share of the breaks' time that was not, since nobody knew what the viewer had seen
  std::int64_t most = 0;         // breaks in one minute
  double spike = 0;              // viewers in the busiest ten minutes of the spike / in the ten before it
};

struct DayOptions {
  std::uint64_t seed = 1;
  int threads = 2;
  bool yesterday = true;  // the planner knows how many breaks there are at which time of an ordinary day
  bool talk = false;      // progress and the lines that are behind, to standard error
};

DayResult playDay(const World& world, const std::vector<std::int64_t>& goals, const DayOptions& options);

}  // namespace dvpe::bench
