// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What plays when the break is there: its own length, what is left under ceilings, the contingency, slate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using model::BreakPosition;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Bind, PlaysThePodOfTheBreaksLengthAndSpendsEachSlotOnce) {
  Market market;
  for (const char* name : {"a", "b", "c", "d"}) market.line("k", name, {15}, 1'000 - *name);
  Evening evening{market};
  const Ready ready = evening.decide();
  const Bound bound = evening.bound(ready, 30);
  EXPECT_THAT(evening.media(bound.slots), ElementsAre("k-a-1", "k-b-1"));
  EXPECT_THAT(evening.spending, ElementsAre("k/a", "k/b"));
  EXPECT_EQ(bound.slateUnits, 0);
  EXPECT_FALSE(bound.contingency);
}

TEST(Bind, TakesTheLongestPodThatFitsABreakOfAnOddLength) {
  Market market;
  for (const char* name : {"a", "b", "c", "d"}) market.line("k", name, {15}, 1'000 - *name);
  market.house("h", {20, 10});
  Evening evening{market};
  const Ready ready = evening.decide();
  const auto at = [&](int units) {
    const Bound bound = evening.bound(ready, units);
    auto out = evening.media(bound.slots);
    out.push_back("slate " + std::to_string(bound.slateUnits));
    return out;
  };
  EXPECT_THAT(at(-5), ElementsAre("slate 0"));
  EXPECT_THAT(at(0), ElementsAre("slate 0"));
  EXPECT_THAT(at(14), ElementsAre("h-2", "slate 4")) << "shorter than any pod";
  EXPECT_THAT(at(29), ElementsAre("k-a-1", "h-2", "slate 4"));
  EXPECT_THAT(at(59), ElementsAre("k-a-1", "k-b-1", "h-1", "slate 9"));
  EXPECT_THAT(at(119), ElementsAre("k-a-1", "k-b-1", "k-c-1", "k-d-1", "h-1", "h-2", "slate 29"));
  EXPECT_THAT(at(500), ElementsAre("k-a-1", "k-b-1", "k-c-1", "k-d-1", "h-1", "h-2", "slate 410"));
}

TEST(Bind, UsesNothingOfPodsThatAreNotCurrent) {
  Market market;
  market.line("k", "a");
  market.house("h", {15});
  Evening evening{market};
  const Bound bound = evening.bound(evening.decide(), 60, {}, false);
  EXPECT_THAT(evening.media(bound.slots), ElementsAre("h-1"));
  EXPECT_EQ(bound.slateUnits, 45);
  EXPECT_THAT(evening.spending, IsEmpty());
}

TEST(Bind, OfNothingIsSlate) {
  Evening evening{Market{}};
  EXPECT_EQ(evening.bound(Ready{}, 60).slateUnits, 60);
  EXPECT_THAT(evening.bound(evening.decide(), 60).slots, IsEmpty());
}

TEST(Contingency, IsTheBestOfTheRestOfTheSameLength) {
  Market market;
  market.channel().breakLengths = {45};
  market.line("k", "a", {30}, 900);
  market.line("k", "b", {15}, 800);
  market.line("k", "c", {15}, 700);
  market.line("k", "d", {15}, 600);
  market.line("k", "e", {30}, 100);
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.media(ready.slots), UnorderedElementsAre("k-b-1", "k-c-1", "k-d-1"));
  EXPECT_THAT(evening.media(ready.spare), ElementsAre("k-a-1", "k-e-1"));
  market.line("k", "f", {15}, 500);
  market.line("k", "g", {15}, 400);
  Evening more{market};
  const Ready held = more.decide();
  const auto plays = [&](const std::set<std::string>& spent) { return more.media(more.bound(held, 45, spent).slots); };
  EXPECT_THAT(plays({}), ElementsAre("k-b-1", "k-c-1", "k-d-1"));
  EXPECT_THAT(plays({"k/c"}), ElementsAre("k-b-1", "k-f-1", "k-d-1")) << "in the same place";
  EXPECT_THAT(plays({"k/c", "k/f"}), ElementsAre("k-b-1", "k-g-1", "k-d-1"));
  EXPECT_THAT(plays({"k/b", "k/c"}), ElementsAre("k-f-1", "k-g-1", "k-d-1")) << "each once";
  EXPECT_THAT(plays({"k/b", "k/c", "k/d"}), ElementsAre("k-f-1", "k-g-1"));
  EXPECT_TRUE(more.bound(held, 45, {"k/c"}).contingency);
  EXPECT_EQ(more.bound(held, 45, {"k/b", "k/c", "k/d", "k/f", "k/g"}).slateUnits, 45);
}

TEST(Contingency, SpendsOnlyWhatPlays) {
  Market market;
  market.channel().breakLengths = {30};
  for (const char* name : {"a", "b", "c", "d"}) market.line("k", name, {15}, 1'000 - *name);
  Evening evening{market};
  const Bound bound = evening.bound(evening.decide(), 30, {"k/a"});
  EXPECT_THAT(evening.spending, ElementsAre("k/a", "k/c", "k/b"));
  EXPECT_THAT(evening.media(bound.slots), ElementsAre("k-c-1", "k-b-1"));
}

TEST(Contingency, OfAShortBreakIsWhatTheLongOneWouldShow) {
  Market market;
  market.line("k", "a", {15}, 1'000);
  market.line("k", "b", {15}, 900);
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.media(evening.bound(ready, 15, {"k/a"}).slots), ElementsAre("k-b-1"));
  EXPECT_THAT(evening.media(evening.bound(ready, 30, {"k/a"}).slots), ElementsAre("k-b-1"));
}

TEST(Contingency, ComesNearNothingThatPlays) {
  Market market;
  market.channel().breakLengths = {30};
  market.line("car", "a", {15}, 900);
  market.line("tea", "a", {15}, 800);
  market.line("auto", "a", {15}, 700);
  market.line("tea", "b", {}, 600).creatives = {{"tea-a-1"}};
  market.line("plain", "a", {15}, 100);
  market.campaign("car").categories = {"cars"};
  market.campaign("auto").categories = {"cars"};
  Evening evening{market};
  const Ready ready = evening.decide();
  ASSERT_THAT(evening.pod(ready, 30), ElementsAre("car-a-1", "tea-a-1"));
  ASSERT_THAT(evening.media(ready.spare), ElementsAre("auto-a-1", "tea-a-1", "plain-a-1"));
  const auto plays = [&](const std::set<std::string>& spent) {
    return evening.media(evening.bound(ready, 30, spent).slots);
  };
  EXPECT_THAT(plays({"tea/a"}), ElementsAre("car-a-1", "tea-a-1")) << "its creative on another line; auto is a car";
  EXPECT_THAT(plays({"car/a"}), ElementsAre("auto-a-1", "tea-a-1"));
  EXPECT_THAT(plays({"car/a", "auto/a"}), ElementsAre("plain-a-1", "tea-a-1")) << "not the same creative twice";
  EXPECT_THAT(plays({"car/a", "auto/a", "plain/a"}), ElementsAre("tea-a-1"));
}

TEST(Contingency, IsNotALineWithCapsAboveItNorOneThatBoughtAPlace) {
  Market market;
  market.channel().breakLengths = {15};
  market.line("k", "a", {15}, 1'000);
  market.line("place", "a", {15}, 900).position = BreakPosition::kFirst;
  market.line("capped", "a", {15}, 800);
  market.campaign("capped").caps = {{5, model::CapPeriod::kDay}};
  market.line("own", "a", {15}, 700).caps = {{1, model::CapPeriod::kDay}};
  const History history;
  Evening evening{market};
  const Ready ready = evening.decide({.history = &history});
  EXPECT_THAT(evening.media(evening.bound(ready, 15, {"k/a"}).slots), ElementsAre("own-a-1"));
}

TEST(Contingency, LeavesPlacesToWhoBoughtThem) {
  Market market;
  market.channel().breakLengths = {45};
  market.line("k", "first", {15}, 900).position = BreakPosition::kFirst;
  market.line("k", "mid", {15}, 800);
  market.line("k", "last", {15}, 700).position = BreakPosition::kLast;
  market.line("l", "spare", {15}, 10);
  market.line("l", "more", {15}, 5);
  market.house("h", {15});
  Evening evening{market};
  const Ready ready = evening.decide();
  const auto plays = [&](const std::set<std::string>& spent) {
    return evening.media(evening.bound(ready, 45, spent).slots);
  };
  EXPECT_THAT(plays({"k/first"}), ElementsAre("l-spare-1", "k-mid-1", "k-last-1"));
  EXPECT_THAT(plays({"k/last"}), ElementsAre("k-first-1", "k-mid-1", "l-spare-1"));
  EXPECT_THAT(plays({"k/mid", "l/spare", "l/more"}), ElementsAre("k-first-1", "h-1", "k-last-1"));
}

TEST(Contingency, IsFollowedByHouseAdsAndSlate) {
  Market market;
  market.line("k", "a", {30});
  market.line("l", "a", {30});
  market.house("h", {20});
  Evening evening{market};
  const Bound bound = evening.bound(evening.decide(), 60, {"k/a"});
  EXPECT_THAT(evening.media(bound.slots), ElementsAre("l-a-1", "h-1"));
  EXPECT_EQ(bound.slateUnits, 10);
  EXPECT_TRUE(bound.contingency);
}

// Random markets, lengths and ceilings: whatever is bound keeps every rule.
TEST(Bind, KeepsEveryRuleWhateverIsRefused) {
  std::mt19937_64 random{21};
  const auto below = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 300; ++round) {
    Market market;
    for (int campaign = 0; campaign < 6; ++campaign) {
      const std::string id = "k" + std::to_string(campaign);
      for (int i = below(4) + 1; i > 0; --i) {
        model::Line& line = market.line(id, std::to_string(i), {10 + 5 * below(3), 15}, 1 + below(1'000));
        line.position =
            below(4) == 0 ? (below(2) == 0 ? BreakPosition::kFirst : BreakPosition::kLast) : BreakPosition::kAny;
        if (below(4) == 0) line.creatives.push_back({"shared-" + std::to_string(below(2))});
      }
      if (below(2) == 0) market.campaign(id).categories = {"c" + std::to_string(below(3))};
    }
    for (const char* shared : {"shared-0", "shared-1"}) market.creative(shared);
    market.house("h", {10, 15, 5}).categories = {"c0"};
    market.house("i", {10, 15, 5, 5});
    Evening evening{market};
    const Ready ready = evening.decide({.breakNumber = random()});
    for (int units = 0; units < 150; units += 7) {
      std::set<std::uint32_t> asked;
      std::set<std::uint32_t> given;
      const Bound bound = bind(evening.terms, ready, units, true, [&](std::uint32_t line) {
        EXPECT_FALSE(given.contains(line)) << "paid twice";
        EXPECT_TRUE(asked.insert(line).second) << "asked twice";
        return below(3) != 0 && given.insert(line).second;
      });
      int sum = bound.slateUnits;
      std::set<std::string> media;
      std::set<std::uint16_t> categories;
      std::set<std::string> lines;
      for (std::size_t i = 0; i < bound.slots.size(); ++i) {
        const Slot& slot = bound.slots[i];
        const CompiledLine& line = evening.lineOf(slot);
        sum += slot.units;
        EXPECT_TRUE(media.insert(evening.mediaOf(slot)).second);
        for (const std::uint16_t category : line.creatives[slot.creative].categories) {
          EXPECT_TRUE(categories.insert(category).second);
        }
        if (line.house()) continue;
        EXPECT_TRUE(lines.insert(line.name).second);
        EXPECT_EQ(given.erase(slot.line), 1u) << "plays without having been paid";
        if (line.line->position == BreakPosition::kFirst) {
          EXPECT_EQ(i, 0u);
        }
        if (line.line->position == BreakPosition::kLast) {
          EXPECT_EQ(i + 1, bound.slots.size());
        }
      }
      EXPECT_THAT(given, IsEmpty()) << "paid and not played";
      EXPECT_EQ(sum, units);
      ASSERT_FALSE(HasFailure()) << "round " << round << ", " << units << " units";
    }
  }
}

}  // namespace
}  // namespace dvpe::decisions
