// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The solver of pods against trying everything.
#include "shared/decisions/pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>

namespace dvpe::decisions {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Equal on every standard library, unlike the distributions of <random>.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(n)); }
  int from(int low, int high) { return low + below(high - low + 1); }
  template <class T>
  T of(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(below(static_cast<int>(list.size())))];
  }

 private:
  std::mt19937_64 engine_;
};

struct Problem {
  std::vector<Bid> bids;
  std::vector<std::uint8_t> room;
};

Bid bid(int units, std::int64_t worth, std::initializer_list<std::uint16_t> groups = {}) {
  Bid out;
  out.units = units;
  out.worth = worth;
  for (const std::uint16_t group : groups) out.join(group);
  return out;
}

// Which bids, as ranks in the order of worth for a unit, then of the list.
using Ranks = std::vector<int>;

// Every subset of the bids, and the best of them for any length.
class Everything {
 public:
  explicit Everything(const Problem& problem) : problem_(problem), order_(problem.bids.size()) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](int a, int b) { return at(a).worth * at(b).units > at(b).worth * at(a).units; });
    for (std::uint32_t set = 0; set < 1U << problem.bids.size(); ++set) {
      if (allowed(set)) allowed_.push_back(set);
    }
  }

  PodChoice best(int units) const {
    PodChoice out;
    Ranks first;
    for (const std::uint32_t set : allowed_) {
      const Ranks ranks = ranksOf(set);
      std::int64_t worth = 0;
      int used = 0;
      for (const int rank : ranks) {
        worth += at(order_[static_cast<std::size_t>(rank)]).worth;
        used += at(order_[static_cast<std::size_t>(rank)]).units;
      }
      if (used > units || worth < out.worth || (worth == out.worth && !(ranks < first))) continue;
      out.worth = worth;
      out.units = used;
      first = ranks;
    }
    for (const int rank : first) out.bids.push_back(static_cast<std::uint16_t>(order_[static_cast<std::size_t>(rank)]));
    std::sort(out.bids.begin(), out.bids.end());
    return out;
  }

 private:
  const Bid& at(int i) const { return problem_.bids[static_cast<std::size_t>(i)]; }
  Ranks ranksOf(std::uint32_t set) const {
    Ranks out;
    for (std::size_t rank = 0; rank < order_.size(); ++rank) {
      if ((set >> rank & 1U) != 0) out.push_back(static_cast<int>(rank));
    }
    return out;
  }
  bool allowed(std::uint32_t set) const {
    const Ranks ranks = ranksOf(set);
    std::vector<int> used(problem_.room.size(), 0);
    for (const int rank : ranks) {
      const Bid& each = at(order_[static_cast<std::size_t>(rank)]);
      for (std::size_t g = 0; g < each.groupCount; ++g) {
        if (++used[each.groups[g]] > problem_.room[each.groups[g]]) return false;
      }
    }
    return ranks.size() <= static_cast<std::size_t>(kMaxSlots);
  }

  const Problem& problem_;
  std::vector<int> order_;
  std::vector<std::uint32_t> allowed_;
};

Problem randomProblem(Dice& dice, int most) {
  static const std::vector<std::vector<int>> kLengths{
      {15}, {10, 15, 20, 30}, {5, 25, 40}, {2, 3, 5, 7, 11, 13}, {6, 7, 8, 9}, {1}, {30, 60}, {1, 2, 40}};
  Problem out;
  const std::vector<int> lengths = dice.of(kLengths);
  const int values = dice.of<int>({1, 3, 20, 1'000'000});  // few: ties
  out.room.resize(static_cast<std::size_t>(dice.from(1, 8)));
  for (std::uint8_t& room : out.room) room = static_cast<std::uint8_t>(dice.from(0, 3));
  const int joined = dice.below(4);
  for (int n = dice.from(0, most); n > 0; --n) {
    Bid next = bid(dice.of(lengths), dice.from(1, values));
    for (int g = dice.below(joined + 1); g > 0; --g) {
      next.join(static_cast<std::uint16_t>(dice.below(static_cast<int>(out.room.size()))));
    }
    out.bids.push_back(next);
  }
  return out;
}

void expectSame(const PodChoice& found, const PodChoice& expected, int units) {
  ASSERT_TRUE(found.exact);
  ASSERT_EQ(found.worth, expected.worth) << units << " units";
  ASSERT_EQ(found.bids, expected.bids) << units << " units";
  ASSERT_EQ(found.units, expected.units) << units << " units";
}

TEST(PodSolver, FindsWhatTryingEverythingFinds) {
  Dice dice{1};
  PodSolver solver;
  for (int round = 0; round < 3'000; ++round) {
    const Problem problem = randomProblem(dice, 10);
    const int longest = dice.from(0, 120);
    solver.prepare(problem.bids, problem.room, longest);
    const Everything all{problem};
    for (const int units : {longest, 0, dice.from(0, longest), dice.from(0, longest), longest / 2, longest}) {
      SCOPED_TRACE("round " + std::to_string(round));
      expectSame(solver.solve(units), all.best(units), units);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(PodSolver, FindsWhatTryingEverythingFindsWhenSlotsRunOut) {
  Dice dice{2};
  PodSolver solver;
  for (int round = 0; round < 20; ++round) {
    Problem problem;
    problem.room = {2, 5};
    for (int i = 0; i < 16; ++i) {
      Bid next = bid(dice.from(1, 3), dice.from(1, 50));
      if (dice.below(3) == 0) next.join(static_cast<std::uint16_t>(dice.below(2)));
      problem.bids.push_back(next);
    }
    solver.prepare(problem.bids, problem.room, 40);
    const Everything all{problem};
    for (const int units : {40, 25, 17}) {
      expectSame(solver.solve(units), all.best(units), units);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(PodSolver, GivesNothingForNothing) {
  PodSolver solver;
  solver.prepare({}, {}, 0);
  EXPECT_THAT(solver.solve(0).bids, IsEmpty());
  solver.prepare({}, {}, 60);
  EXPECT_THAT(solver.solve(60).bids, IsEmpty());
  solver.prepare({bid(10, 5)}, {}, 0);
  EXPECT_THAT(solver.solve(0).bids, IsEmpty());
  solver.prepare({bid(10, 5), bid(61, 500)}, {}, 60);
  EXPECT_THAT(solver.solve(9).bids, IsEmpty());
  EXPECT_THAT(solver.solve(60).bids, ElementsAre(0));
  solver.prepare({bid(10, 5, {0})}, {0}, 60);
  EXPECT_THAT(solver.solve(60).bids, IsEmpty());
  EXPECT_TRUE(solver.solve(60).exact);
}

TEST(PodSolver, LetsTheFirstOfTheListWinAmongEquals) {
  PodSolver solver;
  solver.prepare({bid(15, 9), bid(15, 9), bid(15, 9)}, {}, 30);
  EXPECT_THAT(solver.solve(15).bids, ElementsAre(0));
  EXPECT_THAT(solver.solve(30).bids, ElementsAre(0, 1));
}

TEST(PodSolver, KnowsThatAGroupIsJoinedOnce) {
  Bid twice = bid(15, 9);
  twice.join(0);
  twice.join(0);
  Bid once = bid(15, 8);
  once.join(0);
  PodSolver solver;
  solver.prepare({twice, once}, {1}, 30);
  EXPECT_THAT(solver.solve(30).bids, ElementsAre(0)) << "room for one";
  solver.prepare({twice, once}, {2}, 30);
  EXPECT_THAT(solver.solve(30).bids, ElementsAre(0, 1)) << "room for two";
}

TEST(PodSolver, HoldsTheLargestWorthsThatThereAre) {
  const std::int64_t sponsorship = std::int64_t{1} << 49;
  PodSolver solver;
  solver.prepare(
      {bid(3'600, 3'600 * sponsorship), bid(1'800, 1'800 * sponsorship + 7), bid(1'800, 1'800 * sponsorship)}, {},
      3'600);
  EXPECT_THAT(solver.solve(3'600).bids, ElementsAre(1, 2));
  EXPECT_EQ(solver.solve(3'600).worth, 3'600 * sponsorship + 7);
}

// Lines of one or two categories of few, some campaigns with little left, some first or last places.
Problem realistic(Dice& dice, int bids, const std::vector<int>& lengths, int categories) {
  Problem out;
  const auto campaigns = static_cast<std::uint16_t>(bids / 2);
  out.room.assign(static_cast<std::size_t>(categories) + 2U + campaigns, 1);
  for (std::uint16_t c = 0; c < campaigns; ++c) {
    out.room[static_cast<std::size_t>(categories) + 2U + c] = static_cast<std::uint8_t>(dice.from(1, 3));
  }
  for (int i = 0; i < bids; ++i) {
    const int units = dice.of(lengths);
    Bid next = bid(units, std::int64_t{units} * (1LL << 36) + dice.from(5'000, 30'000));
    next.join(static_cast<std::uint16_t>(dice.below(categories)));
    if (dice.below(4) == 0) next.join(static_cast<std::uint16_t>(dice.below(categories)));
    if (dice.below(8) == 0) next.join(static_cast<std::uint16_t>(categories + dice.below(2)));
    next.join(static_cast<std::uint16_t>(categories + 2 + dice.below(campaigns)));
    out.bids.push_back(next);
  }
  return out;
}

// Whether a choice keeps every rule.
void expectAllowed(const Problem& problem, const PodChoice& choice, int units) {
  std::vector<int> used(problem.room.size(), 0);
  std::int64_t worth = 0;
  int sum = 0;
  for (const std::uint16_t place : choice.bids) {
    const Bid& each = problem.bids[place];
    worth += each.worth;
    sum += each.units;
    for (std::size_t g = 0; g < each.groupCount; ++g) {
      ASSERT_LE(++used[each.groups[g]], problem.room[each.groups[g]]);
    }
  }
  ASSERT_EQ(choice.worth, worth);
  ASSERT_EQ(choice.units, sum);
  ASSERT_LE(sum, units);
  ASSERT_LE(choice.bids.size(), static_cast<std::size_t>(kMaxSlots));
  ASSERT_TRUE(std::is_sorted(choice.bids.begin(), choice.bids.end()));
}

// How many of so many thousand are not exact.
int notExact(std::uint64_t seed, int rounds, int bids, const std::vector<int>& lengths, int categories, int units) {
  Dice dice{seed};
  PodSolver solver;
  int out = 0;
  for (int round = 0; round < rounds; ++round) {
    const Problem problem = realistic(dice, bids, lengths, categories);
    solver.prepare(problem.bids, problem.room, units);
    const PodChoice& choice = solver.solve(units);
    expectAllowed(problem, choice, units);
    out += choice.exact ? 0 : 1;
  }
  return out;
}

constexpr int kRounds = 1'000;

int told(const char* what, int count) {
  std::printf("not exact of %d: %d (%s)\n", kRounds, count, what);
  return count;
}

TEST(PodSolver, IsExactForNearlyEveryPodThatIsLikely) {
  const std::vector<int> usual{10, 15, 20, 30};
  EXPECT_LE(told("30 bids, 60 units, 20 categories", notExact(3, kRounds, 30, usual, 20, 60)), 10);
  EXPECT_LE(told("30 bids, 60 units, 8 categories", notExact(4, kRounds, 30, usual, 8, 60)), 10);
  EXPECT_LE(told("30 bids, 120 units, 20 categories", notExact(5, kRounds, 30, usual, 20, 120)), 10);
  EXPECT_LE(told("30 bids, 120 units, 8 categories", notExact(6, kRounds, 30, usual, 8, 120)), 10);
  EXPECT_LE(told("200 bids, 60 units, 20 categories", notExact(7, kRounds, 200, usual, 20, 60)), 10);
  EXPECT_LE(told("200 bids, 120 units, 20 categories", notExact(8, kRounds, 200, usual, 20, 120)), 10);
  EXPECT_LE(told("30 bids of 15, 120 units, 20 categories", notExact(10, kRounds, 30, {15}, 20, 120)), 10);
}

// Slots run out before the time does: the bounds are less tight.
TEST(PodSolver, MayRunOutOfStepsForShortAdsInLongBreaks) {
  EXPECT_LE(told("30 bids of 5, 120 units, no groups but their own", notExact(14, kRounds, 30, {5}, 1'000, 120)), 10);
  EXPECT_LE(told("30 bids of 5, 120 units, 20 categories", notExact(9, kRounds, 30, {5}, 20, 120)), 200);
  EXPECT_LE(told("30 bids of 5 and 6, 120 units, 20 categories", notExact(12, kRounds, 30, {5, 6}, 20, 120)), 800);
  EXPECT_LE(told("30 bids of 5, 10, 15, 120 units, 20 categories", notExact(13, kRounds, 30, {5, 10, 15}, 20, 120)),
            400);
}

TEST(PodSolver, StopsInTimeWhereManyExcludeEachOtherAndSaysSo) {
  Dice dice{11};
  Problem problem;
  problem.room.assign(24, 1);
  for (int i = 0; i < 400; ++i) {
    const int units = dice.from(7, 23);
    Bid next = bid(units, units * 1'000'000 + dice.below(50));
    for (int g = 0; g < 6; ++g) next.join(static_cast<std::uint16_t>(dice.below(24)));
    problem.bids.push_back(next);
  }
  PodSolver solver;
  solver.prepare(problem.bids, problem.room, 120);
  for (const int units : {120, 97, 60, 3}) {
    const PodChoice choice = solver.solve(units);
    expectAllowed(problem, choice, units);
    EXPECT_EQ(choice.bids, solver.solve(units).bids) << "each time the same";
    if (units > 60) {
      EXPECT_FALSE(choice.exact);
      EXPECT_THAT(choice.bids, testing::Not(IsEmpty()));
    }
    if (units == 3) {
      EXPECT_TRUE(choice.exact) << "nothing fits";
    }
  }
}

TEST(PodSolver, TakesAsManyBidsAsItSays) {
  Problem problem;
  problem.room.assign(5'000, 1);
  for (int i = 0; i < static_cast<int>(kMaxBids); ++i)
    problem.bids.push_back(bid(15, 1'000 + i, {static_cast<std::uint16_t>(i)}));
  PodSolver solver;
  solver.prepare(problem.bids, problem.room, 60);
  EXPECT_THAT(solver.solve(60).bids, ElementsAre(4'092, 4'093, 4'094, 4'095));
  EXPECT_TRUE(solver.solve(60).exact);
}

}  // namespace
}  // namespace dvpe::decisions
