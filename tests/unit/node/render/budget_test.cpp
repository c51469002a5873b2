// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/budget.h"

#include <gtest/gtest.h>

namespace dvpe::render {
namespace {

using Ids = std::vector<std::string>;

std::vector<Variant> wanted(std::initializer_list<std::pair<const char*, int>> list) {
  std::vector<Variant> out;
  for (const auto& [id, viewers] : list) out.push_back({id, {}, viewers});
  return out;
}

TEST(Budget, GivesTheEncodesToThoseWithTheMostViewers) {
  Budget budget(2, -1);
  budget.report("ch", 1.0, 0.5);
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 1}, {"b", 9}, {"c", 5}}), {}), (Ids{"b", "c"}));
}

TEST(Budget, GivesNothingWhenTheProgrammeTakesAll) {
  Budget budget(1, -1);
  budget.report("ch", 1.2, 0.1);
  EXPECT_TRUE(budget.admit("ch", wanted({{"a", 1000}}), {}).empty());
}

TEST(Budget, KeepsOneOnAirUntilAnotherHasAFifthMoreViewers) {
  Budget budget(0, 1);
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 10}, {"b", 11}}), {"a"}), Ids{"a"});
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 10}, {"b", 13}}), {"a"}), Ids{"b"});
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 10}, {"b", 13}}), {"b"}), Ids{"b"});
}

TEST(Budget, DoesNotEndAVariantBecauseItsCostWavers) {
  Budget budget(2, -1);
  budget.report("ch", 1.0, 0.49);
  const auto two = budget.admit("ch", wanted({{"a", 2}, {"b", 1}}), {});
  EXPECT_EQ(two, (Ids{"a", "b"}));
  budget.report("ch", 1.0, 0.52);
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 2}, {"b", 1}}), two), two);
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 2}, {"b", 1}}), {}), Ids{"a"}) << "but does not begin one at that cost";
  budget.report("ch", 1.0, 0.65);
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 2}, {"b", 1}}), two), Ids{"a"});
}

TEST(Budget, CountsWhatOtherChannelsTake) {
  Budget budget(3, -1);
  budget.report("one", 0.5, 0.5);
  budget.report("two", 0.5, 0.5);
  EXPECT_EQ(budget.admit("one", wanted({{"a", 1}, {"b", 1}, {"c", 1}}), {}).size(), 3U);
  EXPECT_EQ(budget.admit("two", wanted({{"a", 1}, {"b", 1}}), {}).size(), 1U);
  budget.leave("one");
  EXPECT_EQ(budget.admit("two", wanted({{"a", 1}, {"b", 1}}), {}).size(), 2U);
}

TEST(Budget, SharesAFixedNumberAmongAllChannels) {
  Budget budget(0.1, 3);
  EXPECT_EQ(budget.admit("one", wanted({{"a", 1}, {"b", 1}}), {}).size(), 2U);
  EXPECT_EQ(budget.admit("two", wanted({{"a", 1}, {"b", 1}}), {}).size(), 1U);
  EXPECT_EQ(budget.admit("one", wanted({{"a", 1}}), {}).size(), 1U);
  EXPECT_EQ(budget.admit("two", wanted({{"a", 1}, {"b", 1}}), {}).size(), 2U);
}

TEST(Budget, GuessesUntilAVariantHasBeenMeasured) {
  Budget budget(2, -1);
  budget.report("ch", 1.0, 0);
  EXPECT_EQ(budget.admit("ch", wanted({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}), {}).size(), 2U);
}

TEST(Budget, AnswersInOrderOfIdsAndTreatsEqualsByThem) {
  Budget budget(0, 2);
  EXPECT_EQ(budget.admit("ch", wanted({{"c", 1}, {"b", 1}, {"a", 1}}), {}), (Ids{"a", "b"}));
}

}  // namespace
}  // namespace dvpe::render
