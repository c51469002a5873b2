// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How often a viewer is shown something: caps of creatives, lines, campaigns and advertisers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using model::CapPeriod;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr auto kHour = std::chrono::hours{1};

// A campaign k of the advertiser x with one line, which has a cap at one of the levels.
Market capped(Level level, std::vector<model::Cap> caps, bool house = false) {
  Market market;
  if (house) {
    market.houseLine("k", "a");
  } else {
    market.line("k", "a");
  }
  market.campaign("k").advertiser = "x";
  switch (level) {
    case Level::kCreative:
      market.creative("k-a-1").caps = std::move(caps);
      break;
    case Level::kLine:
      market.campaign("k").lines[0].caps = std::move(caps);
      break;
    case Level::kCampaign:
      market.campaign("k").caps = std::move(caps);
      break;
    case Level::kAdvertiser:
      market.advertiser("x").caps = std::move(caps);
      break;
  }
  return market;
}

constexpr Level kEveryLevel[] = {Level::kCreative, Level::kLine, Level::kCampaign, Level::kAdvertiser};

// What plays now when the line played at these times before.
std::vector<std::string> playsAfter(const Market& market, const std::vector<base::WallTime>& before) {
  Evening evening{market};
  History history;
  for (const base::WallTime at : before)
    addTo(history, evening, evening.bound(evening.decide({.history = &history}), 15).slots, at);
  return evening.plays(15, {.history = &history});
}

class Caps : public testing::TestWithParam<std::tuple<Level, bool>> {
 protected:
  static Market with(std::vector<model::Cap> caps) {
    return capped(std::get<0>(GetParam()), std::move(caps), std::get<1>(GetParam()));
  }
};

TEST_P(Caps, CountAnHour) {
  const Market market = with({{2, CapPeriod::kHour}});
  EXPECT_THAT(playsAfter(market, {}), SizeIs(1));
  EXPECT_THAT(playsAfter(market, {kNoon - kHour / 2}), SizeIs(1));
  EXPECT_THAT(playsAfter(market, {kNoon - kHour / 2, kNoon - kHour / 3}), IsEmpty());
  EXPECT_THAT(playsAfter(market, {kNoon - kHour + std::chrono::seconds{1}, kNoon - kHour / 3}), IsEmpty());
  EXPECT_THAT(playsAfter(market, {kNoon - kHour, kNoon - kHour / 3}), SizeIs(1)) << "an hour ago is over";
}

TEST_P(Caps, CountADayThatRolls) {
  const Market market = with({{1, CapPeriod::kDay}});
  EXPECT_THAT(playsAfter(market, {kNoon - 24 * kHour + std::chrono::seconds{1}}), IsEmpty());
  EXPECT_THAT(playsAfter(market, {kNoon - 24 * kHour}), SizeIs(1));
}

TEST_P(Caps, CountAWholeFlight) {
  const Market market = with({{2, CapPeriod::kFlight}});
  EXPECT_THAT(playsAfter(market, {kNoon - 500 * 24 * kHour}), SizeIs(1));
  EXPECT_THAT(playsAfter(market, {kNoon - 500 * 24 * kHour, kNoon - 400 * 24 * kHour}), IsEmpty());
}

TEST_P(Caps, OfSeveralPeriodsHoldTogether) {
  const Market market = with({{1, CapPeriod::kHour}, {2, CapPeriod::kDay}, {3, CapPeriod::kFlight}});
  EXPECT_THAT(playsAfter(market, {kNoon - kHour / 2}), IsEmpty());
  EXPECT_THAT(playsAfter(market, {kNoon - 2 * kHour}), SizeIs(1));
  EXPECT_THAT(playsAfter(market, {kNoon - 3 * kHour, kNoon - 2 * kHour}), IsEmpty());
  EXPECT_THAT(playsAfter(market, {kNoon - 30 * kHour, kNoon - 2 * kHour}), SizeIs(1));
  EXPECT_THAT(playsAfter(market, {kNoon - 50 * kHour, kNoon - 30 * kHour, kNoon - 2 * kHour}), IsEmpty());
}

TEST_P(Caps, AreUnknownWithoutAHistory) {
  const Market market = with({{2, CapPeriod::kHour}});
  Evening evening{market};
  EXPECT_THAT(evening.plays(15), IsEmpty());
  History full;
  for (std::size_t i = 0; i <= History::kMost; ++i) full.add({1, {1, 2, 3, 4}});
  ASSERT_FALSE(full.complete());
  EXPECT_THAT(evening.plays(15, {.history = &full}), IsEmpty()) << "nor with one that is too large";
}

INSTANTIATE_TEST_SUITE_P(EveryLevel, Caps, testing::Combine(testing::ValuesIn(kEveryLevel), testing::Bool()));

TEST(CapsOfALine, TellWhichIsReached) {
  const auto why = [](Level level, model::Cap cap) {
    Evening evening{capped(level, {cap})};
    History history;
    addTo(history, evening, evening.bound(evening.decide({.history = &history}), 15).slots, kNoon);
    return evening.why("k/a", {.history = &history});
  };
  EXPECT_EQ(why(Level::kCreative, {1, CapPeriod::kHour}), "the creative has been shown 1 times in an hour");
  EXPECT_EQ(why(Level::kLine, {1, CapPeriod::kDay}), "the line has been shown 1 times in a day");
  EXPECT_EQ(why(Level::kCampaign, {1, CapPeriod::kFlight}), "the campaign has been shown 1 times in the flight");
  EXPECT_EQ(why(Level::kAdvertiser, {1, CapPeriod::kHour}), "the advertiser has been shown 1 times in an hour");
  Evening unknown{capped(Level::kCreative, {{1, CapPeriod::kHour}})};
  EXPECT_EQ(unknown.why("k/a"), "its caps cannot be known here");
}

TEST(CapsOfALine, DoNotKeepOthersOut) {
  Market market = capped(Level::kAdvertiser, {{1, CapPeriod::kDay}});
  market.line("l", "a");
  Evening evening{market};
  EXPECT_THAT(evening.plays(60), ElementsAre("l-a-1")) << "no history";
}

// So many lines of each campaign, worth less and less.
Market crowd(int lines) {
  Market market;
  for (const char* id : {"k", "l"}) {
    for (int i = 0; i < lines; ++i) market.line(id, std::to_string(i), {15}, 2'000 - i);
    market.campaign(id).advertiser = "x";
  }
  return market;
}

TEST(CapsWithinOneBreak, GiveAnAdvertiserWithOneLeftOneSlot) {
  Market market = crowd(3);
  market.advertiser("x").caps = {{5, CapPeriod::kDay}, {1, CapPeriod::kHour}};
  History history;
  Evening evening{market};
  EXPECT_THAT(evening.plays(120, {.history = &history}), SizeIs(1));
  market.advertiser("x").caps = {{3, CapPeriod::kDay}};
  addTo(history, evening, evening.bound(evening.decide({.history = &history}), 15).slots, kNoon - kHour);
  EXPECT_THAT(Evening{market}.plays(120, {.history = &history}), SizeIs(2));
}

TEST(CapsWithinOneBreak, GiveEachCampaignItsOwn) {
  Market market = crowd(3);
  market.campaign("k").caps = {{2, CapPeriod::kDay}, {7, CapPeriod::kFlight}};
  market.campaign("l").caps = {{1, CapPeriod::kDay}};
  const History history;
  const auto plays = Evening{market}.plays(120, {.history = &history});
  EXPECT_THAT(plays, UnorderedElementsAre("k-0-1", "k-1-1", "l-0-1")) << "those that are worth most";
}

// The order in which lines are offered is chance: none of it may change what there is room for.
TEST(CapsWithinOneBreak, DoNotNarrowWhatIsAboveThem) {
  Market market = crowd(3);
  market.campaign("k").caps = {{1, CapPeriod::kDay}};
  market.advertiser("x").caps = {{3, CapPeriod::kDay}};
  const History history;
  Evening evening{market};
  for (std::uint64_t number = 0; number < 50; ++number) {
    ASSERT_THAT(evening.plays(120, {.breakNumber = number, .history = &history}),
                UnorderedElementsAre("k-0-1", "l-0-1", "l-1-1"));
  }
  Market lines = crowd(3);
  lines.campaign("k").lines[0].caps = {{1, CapPeriod::kDay}};
  lines.campaign("k").caps = {{2, CapPeriod::kDay}};
  Evening narrow{lines};
  for (std::uint64_t number = 0; number < 50; ++number) {
    ASSERT_THAT(narrow.plays(120, {.breakNumber = number, .history = &history}),
                UnorderedElementsAre("k-0-1", "k-1-1", "l-0-1", "l-1-1", "l-2-1"));
  }
}

TEST(CapsWithinOneBreak, HoldForHouseLinesToo) {
  const History history;
  for (int most = 1; most <= 3; ++most) {
    Market market;
    market.house("h", {15, 15, 15});
    market.campaign("h").caps = {{most, CapPeriod::kDay}};
    EXPECT_THAT(Evening{market}.plays(120, {.history = &history}), SizeIs(static_cast<std::size_t>(most)));
    Market lines;
    for (const char* name : {"a", "b", "c", "d"}) lines.houseLine("h", name);
    lines.campaign("h").caps = {{most, CapPeriod::kDay}};
    EXPECT_THAT(Evening{lines}.plays(120, {.history = &history}), SizeIs(static_cast<std::size_t>(most)));
    Market advertiser;
    for (const char* id : {"h", "i", "j", "k"}) advertiser.house(id, {15}).advertiser = "x";
    advertiser.advertiser("x").caps = {{most, CapPeriod::kDay}};
    EXPECT_THAT(Evening{advertiser}.plays(120, {.history = &history}), SizeIs(static_cast<std::size_t>(most)));
  }
}

TEST(CapsWithinOneBreak, CountPaidLinesAndHouseLinesTogether) {
  Market market;
  market.line("k", "paid");
  market.houseLine("k", "own", {15, 15});
  market.house("other", {15});
  market.campaign("k").caps = {{1, CapPeriod::kDay}};
  const History history;
  EXPECT_THAT(Evening{market}.plays(120, {.history = &history}), ElementsAre("k-paid-1", "other-1"));
  market.campaign("k").caps = {{2, CapPeriod::kDay}};
  EXPECT_THAT(Evening{market}.plays(120, {.history = &history}), ElementsAre("k-paid-1", "k-own-1", "other-1"));
}

TEST(CapsWithinOneBreak, AreNotExceededByHouseLinesOfAPodOfBefore) {
  Market market;
  market.houseLine("h", "own").caps = {{1, CapPeriod::kDay}};
  market.house("i", {15}).caps = {{1, CapPeriod::kDay}};
  market.houseLine("j", "own");
  market.creative("j-own-1").caps = {{1, CapPeriod::kDay}};
  market.house("free", {15});
  const History history;
  Evening evening{market};
  const Ready ready = evening.decide({.history = &history});
  EXPECT_THAT(evening.media(evening.bound(ready, 120).slots), SizeIs(4));
  EXPECT_THAT(evening.media(evening.bound(ready, 120, {}, false).slots), ElementsAre("free-1"))
      << "the viewer may have seen the others since";
}

// Plays breaks for days and checks no cap of any level is ever exceeded.
TEST(CapsOfALine, AreNeverExceededOverTenDaysOfBreaks) {
  Market market;
  for (const char* id : {"k", "l", "m"}) {
    for (const char* name : {"a", "b", "c"}) market.line(id, name, {10, 15, 20}, 1'000, 700'000);
    market.campaign(id).advertiser = *id == 'm' ? "y" : "x";
    market.campaign(id).caps = {{3, CapPeriod::kHour}, {20, CapPeriod::kDay}};
  }
  market.campaign("k").lines[0].caps = {{1, CapPeriod::kHour}, {30, CapPeriod::kFlight}};
  market.campaign("m").lines[2].caps = {{40, CapPeriod::kFlight}};
  market.creative("l-b-2").caps = {{2, CapPeriod::kDay}};
  market.houseLine("l", "own", {15, 10});
  market.house("h", {10, 10, 15}).caps = {{2, CapPeriod::kHour}};
  market.advertiser("x").caps = {{4, CapPeriod::kHour}, {30, CapPeriod::kDay}, {200, CapPeriod::kFlight}};
  const auto compiled = market.compile();
  History history;
  std::vector<std::pair<std::uint32_t, ImpressionKeys>> all;
  std::size_t played = 0;
  for (int minute = 0; minute < 10 * 24 * 60; minute += 7) {
    const base::WallTime at = kNoon + std::chrono::minutes{minute};
    const auto number = static_cast<std::uint64_t>(minute);
    Evening evening{market, at};
    const Ready ready = evening.decide({.breakNumber = number, .history = &history});
    const std::set<std::string> spent{minute % 3 == 0 ? "k/a" : "", minute % 5 == 0 ? "m/b" : ""};
    const Bound bound = evening.bound(ready, minute % 2 == 0 ? 60 : 120, spent);
    addTo(history, evening, bound.slots, at);
    for (const Slot& slot : bound.slots) all.emplace_back(secondsOf(at), evening.lineOf(slot).keys(slot.creative));
    played += bound.slots.size();
    history.fold(secondsOf(at), compiled->keptKeys());
    const auto check = [&](const std::vector<CapOf>& caps) {
      for (const CapOf& cap : caps) {
        const std::uint32_t window = cap.cap.per == CapPeriod::kHour  ? 3'600
                                     : cap.cap.per == CapPeriod::kDay ? 24 * 3'600
                                                                      : secondsOf(at);
        const auto count = std::count_if(all.begin(), all.end(), [&](const auto& each) {
          return each.first > secondsOf(at) - window && each.second.has(cap.key);
        });
        ASSERT_LE(count, cap.cap.impressions) << static_cast<int>(cap.level) << " at minute " << minute;
      }
    };
    for (const CompiledLine& line : evening.terms.channel().lines) {
      check(line.caps);
      for (const CompiledCreative& creative : line.creatives) check(creative.caps);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(played, 600u);
}

}  // namespace
}  // namespace dvpe::decisions
