// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What all sessions of a recording come to under one release: how breaks are filled, what they earn, what stood in the
// way of each line, and how many different pictures are needed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "shared/rehearsal/rehearsal.h"

namespace dvpe::rehearsal {

// Impressions of a line, and how often its first reason for no was which.
struct LineTotals {
  bool house = false;
  std::int64_t impressions = 0, units = 0;
  std::int64_t revenue = 0;  // micro-units of the policy's currency
  std::int64_t cap = 0, draw = 0, plan = 0, others = 0, rest = 0;

  void add(const LineTotals& more);
};

struct ChannelTotals {
  std::int64_t sessions = 0;
  std::size_t variants = 0;        // different cohorts, "base" among them
  std::size_t variantsAtOnce = 0;  // the most in one minute
};

struct Sums {
  std::int64_t sessions = 0;
  std::int64_t units = 0, paidUnits = 0, houseUnits = 0, slateUnits = 0;
  std::int64_t revenue = 0;                 // micro-units
  std::map<std::string, LineTotals> lines;  // by name; all of the channels that were seen
  std::map<std::string, ChannelTotals> channels;
};

// Adds up outcomes of one Compiled.
class Totals {
 public:
  void add(const Session& session, const Outcome& outcome);
  Sums sums() const;

 private:
  struct Channel {
    std::vector<LineTotals> lines;
    std::int64_t sessions = 0;
    std::unordered_map<std::string, std::uint32_t> cohorts;
    std::unordered_set<std::uint64_t> minutes;  // a minute and a cohort seen in it
  };
  Sums sums_;
  std::map<const decisions::Compiled::CompiledChannel*, Channel> channels_;
};

// "12.35": micro-units in units with two decimals, rounded half to even.
std::string money(std::int64_t micros);

}  // namespace dvpe::rehearsal
