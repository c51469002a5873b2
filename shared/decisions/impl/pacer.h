// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a Pacer remembers.
#pragma once

#include <boost/container/small_vector.hpp>
#include <map>
#include <unordered_map>

#include "shared/decisions/impl/orders.h"
#include "shared/decisions/impl/traffic.h"
#include "shared/decisions/impl/wide.h"
#include "shared/decisions/pace.h"

namespace dvpe::decisions::impl {

// A line at a node.
struct Account {
  std::int64_t eligible = 0, bound = 0, delivered = 0, returned = 0;  // as heard
  std::int64_t dayBound = 0, dayReturned = 0;                         // as heard before the line's day began
  double burst = 0;  // the most that were eligible between two reports, fading
  // The ceilings of plans that may be in force, as far as they can be the highest: descending, by ascending number.
  struct Grant {
    std::uint64_t plan = 0;
    std::int64_t ceiling = 0;
  };
  boost::container::small_vector<Grant, 2> grants;

  std::int64_t spent() const { return bound - returned; }
  std::int64_t dayBase() const { return dayBound - dayReturned; }
  // What counts as spent. A node that is lost was in the middle of a break: of what was under way half was seen.
  std::int64_t spent(bool lost) const {
    const std::int64_t underWay = bound - returned - delivered;
    return lost && underWay > 0 ? spent() - underWay / 2 : spent();
  }
  // What may have been spent by now.
  std::int64_t promised(bool lost) const {
    return lost || grants.empty() ? spent(lost) : std::max(spent(), grants.front().ceiling);
  }
  void grant(std::uint64_t plan, std::int64_t ceiling);
  void inForce(std::uint64_t plan);
};

struct NodeBook {
  std::string name;
  base::WallTime at{};  // of the newest report
  std::uint64_t plan = 0;
  std::int64_t breaks = 0;
  bool lost(base::WallTime now) const { return now - at > kNodeLost; }
};

// Sums of which the old fades, as far as enough is left to say something by.
struct Fading {
  double part = 0, whole = 0;
  base::WallTime at{};
  // left: of what was there, the least that stays, from 0 to 1.
  void add(base::WallTime now, std::chrono::seconds memory, double left, double morePart, double moreWhole);
};

struct LineBook {
  Order order;
  bool sold = false;              // in the documents; else only what was spent of it is kept
  std::int64_t settled = 0;       // by nodes that are forgotten
  std::vector<Account> accounts;  // by node
  Day day{};                      // that dayBound and dayReturned are of
  Fading share;                   // eligible / breaks of all viewers, while open
  Fading won, wonNow;             // bound / candidates
  double urge = 0;                // the multiplier
  Standing standing;
  // Of what is expected until its end, the part in which its dayparts are open; looked at again every few minutes.
  struct Open {
    base::WallTime at = base::WallTime::min(), until{};
    double part = 1;
  } open, openToday;
};

// The sums of a campaign's lines, in thousandths of micro-units.
struct PoolBook {
  Wide spent = 0, promised = 0, spentToday = 0, promisedToday = 0;
  Wide wanted = 0, wantedToday = 0;
};

}  // namespace dvpe::decisions::impl

namespace dvpe::decisions {

struct Pacer::Impl {
  std::shared_ptr<const model::Documents> documents;
  std::string release;
  std::uint64_t number = 0;  // of the last plan
  std::uint64_t since = 0;   // plans from this one on are ours, and what they promised is known
  impl::Orders orders;       // of the pools; lines are in `lines`
  std::vector<impl::LineBook> lines;
  std::unordered_map<std::string, std::size_t> byName;
  std::vector<impl::NodeBook> nodes;
  impl::Traffic traffic;
  // Plan -> rate of each line in it, for what was decided by it; of plans that may be in force.
  std::map<std::uint64_t, std::vector<std::uint32_t>> rates;

  void use(std::shared_ptr<const model::Documents> documents, std::string release);
  void hear(const NodeReport& report);
  Plan plan(base::WallTime now);

  std::size_t line(const std::string& name);
  std::size_t node(const std::string& name);
  void forget(base::WallTime now);
  void turnDay(impl::LineBook& line, base::WallTime now);
  void learn(std::size_t place, impl::Account& account, const LineCount& count, const impl::NodeBook& before,
             const NodeReport& report);
  bool strange(base::WallTime now) const;
  std::uint32_t rateOf(std::uint64_t plan, std::size_t line) const;
  bool open(const impl::LineBook& line, base::WallTime at) const;

  struct Draft;
  void limits(Draft& draft, base::WallTime now);
  void needs(Draft& draft, base::WallTime now);
  LinePlan rate(Draft& draft, base::WallTime now);
  void ceilings(Draft& draft, Plan& plan, base::WallTime now);
  double expected(impl::LineBook& line, impl::LineBook::Open& open, base::WallTime now, base::WallTime until) const;
};

}  // namespace dvpe::decisions
