// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the documents sell, as pacing wants it: lines with how many impressions their goals and budgets are.
#pragma once

#include <date/tz.h>

#include <string>
#include <vector>

#include "shared/decisions/plan.h"
#include "shared/model/documents.h"

namespace dvpe::decisions::impl {

// A line that needs a plan: one with a goal or a price.
struct Order {
  std::string name;  // CompiledLine::name
  const model::Line* line = nullptr;
  base::WallTime from = base::WallTime::min(), until = base::WallTime::max();
  base::WallTime last = base::WallTime::max();  // its dayparts' last moment before `until`
  const date::time_zone* zone = nullptr;        // null: UTC
  std::int64_t most = kMostImpressions;         // by its goal and its budget; kMostImpressions: no end
  std::int64_t mostDay = kMostImpressions;
  std::int64_t worth = 0;      // an impression's, in micro-units of the policy's currency
  model::Micros thousand = 0;  // what a thousand impressions cost, in micro-units of the campaign's own currency
  int pool = -1;               // of Orders::pools: the campaign's budget
};

// What all lines of a campaign together may cost, in thousandths of micro-units: a CPM divides evenly.
struct Pool {
  bool total = false, day = false;  // whether there is such a limit
  __extension__ __int128 mostTotal = 0, mostDay = 0;
};

struct Orders {
  std::vector<Order> lines;
  std::vector<Pool> pools;
};

// documents: kept by the caller as long as the orders. Lines of an unknown time zone are left out.
Orders ordersOf(const model::Documents& documents);

// The calendar day of a zone that `at` is in: from (inclusive) until (exclusive).
struct Day {
  base::WallTime from, until;
};
Day dayOf(base::WallTime at, const date::time_zone* zone);

}  // namespace dvpe::decisions::impl
