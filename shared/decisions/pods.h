// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Filling a break with what is worth most: which of many creatives, of different lengths, such that they fit and none
// comes too near to another.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace dvpe::decisions {

// A creative that could be in a break.
struct Bid {
  static constexpr std::size_t kGroups = 40;
  int units = 0;           // 1 or more
  std::int64_t worth = 0;  // 1 or more; sums of kMaxSlots of them must fit
  // What it is one of: of each group only so many may be placed. Line, campaign, advertiser, categories, first, last.
  std::array<std::uint16_t, kGroups> groups{};
  std::uint8_t groupCount = 0;
  // A group that it is in already takes no more of its room.
  void join(std::uint16_t group) {
    const bool in = std::find(groups.begin(), groups.begin() + groupCount, group) != groups.begin() + groupCount;
    if (!in && groupCount < kGroups) groups[groupCount++] = group;
  }
};

inline constexpr int kMaxSlots = 12;
inline constexpr std::size_t kMaxBids = 4'096;
inline constexpr int kMaxPodSteps = 20'000;

struct PodChoice {
  std::vector<std::uint16_t> bids;  // places in the list, ascending
  std::int64_t worth = 0;
  int units = 0;
  bool exact = true;  // false: kMaxPodSteps was not enough to prove that nothing is better
};

// Chooses for several lengths of a break from the same bids. Keeps its memory between uses; one thread at a time.
//
// Depth-first branch and bound. The bound is the lower of two: the same problem without groups and slots, solved for
// every remainder and every rest of the list at once by dynamic programming (Bellman's knapsack), which is tight where
// bids seldom exclude each other; and the same without groups and time, for breaks that have more time than slots.
// Equal input gives equal output: of equal worth the first found, in the order of worth for a unit, then of the list.
class PodSolver {
 public:
  // bids: at most kMaxBids. room: by group, how many of it may be placed. longest: units of the longest break.
  void prepare(const std::vector<Bid>& bids, const std::vector<std::uint8_t>& room, int longest);
  // units: 0 to longest.
  const PodChoice& solve(int units);

 private:
  struct Item {
    Bid bid;
    std::uint16_t place = 0;
    std::int32_t steps = 0;  // of length_ units
  };
  void search(std::size_t at, int left, std::int64_t worth);
  std::int64_t bound(std::size_t at, int left) const {
    return std::min(table_[at * columns_ + static_cast<std::size_t>(left)], most_[at][kMaxSlots - path_.size()]);
  }

  std::vector<Item> items_;
  std::vector<std::uint8_t> room_;
  std::vector<std::int64_t> table_;  // best worth of items at.. in so many steps, groups and slots aside
  std::vector<std::array<std::int64_t, kMaxSlots + 1>> most_;  // best worth of so many of items at.., time aside
  std::size_t columns_ = 0;
  int step_ = 1;  // the greatest common divisor of all lengths
  std::vector<std::uint16_t> path_;
  int tried_ = 0;
  PodChoice best_;
};

}  // namespace dvpe::decisions
