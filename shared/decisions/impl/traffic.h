// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How many viewers' breaks are still to come: learned by the time of the day, since that is what they depend on most.
#pragma once

#include <array>
#include <cstdint>

#include "shared/base/ticks.h"

namespace dvpe::decisions::impl {

// Breaks per second by half-hour of the day (UTC), each new day with a weight of a third. What is not known yet is
// taken to be as the average of what is; and what there is more at the moment than was known of, is taken to stay for
// kStays.
class Traffic {
 public:
  static constexpr std::size_t kBins = 48;
  static constexpr std::chrono::microseconds kBin = std::chrono::minutes{30};
  static constexpr std::chrono::seconds kStays = std::chrono::minutes{30};
  static constexpr std::chrono::seconds kRecent = std::chrono::minutes{2};

  // Breaks of viewers that were heard of at `at`; ascending, about.
  void add(base::WallTime at, double breaks);
  // Between two moments; 0 when nothing is known at all.
  double expected(base::WallTime from, base::WallTime until) const;
  double now() const;  // breaks per second

  struct State {
    std::array<double, kBins> rates{};  // breaks per second; below 0: not known
    std::int64_t bin = -1;              // the half-hour at hand, since 1970; -1: none
    base::WallTime since{}, last{};     // what was heard of it
    double breaks = 0;
    double recent = 0, recentTime = 0;  // breaks and seconds, fading
  };
  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  double average() const;
  void close();
  State state_ = [] {
    State state;
    state.rates.fill(-1);
    return state;
  }();
};

}  // namespace dvpe::decisions::impl
