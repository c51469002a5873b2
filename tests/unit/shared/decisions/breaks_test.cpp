// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which lines win a break: worth, priorities, places, categories, lengths; and how rules let them in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using model::BreakPosition;
using model::FillBreaks;
using model::Priority;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST(Pods, AreThereForEachLengthThatSomethingFits) {
  Market market;
  market.line("k", "a", {30}, 1'000);
  market.line("k", "b", {30}, 2'000);
  market.line("k", "c", {60}, 3'000);
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(ready.pods, SizeIs(3)) << "nothing fits 15";
  EXPECT_THAT(evening.pod(ready, 15), IsEmpty());
  EXPECT_THAT(evening.pod(ready, 30), ElementsAre("k-b-1"));
  EXPECT_THAT(evening.pod(ready, 60), ElementsAre("k-b-1", "k-a-1")) << "both 60 units, 3,000 in all";
  EXPECT_THAT(evening.pod(ready, 120), ElementsAre("k-c-1", "k-b-1", "k-a-1"));
  for (const Ready::Pod& pod : ready.pods) EXPECT_TRUE(pod.exact);
  EXPECT_EQ(ready.plan, 1u);
  EXPECT_EQ(ready.breakNumber, 1u);
}

TEST(Pods, AreWorthMostInAll) {
  Market market;
  market.line("k", "long", {60}, 5'000);
  market.line("k", "half", {30}, 2'400);
  market.line("l", "half", {30}, 2'500);
  Evening evening{market};
  EXPECT_THAT(evening.plays(60), ElementsAre("k-long-1"));
  market.plan.lines["l/half"].worth = 2'700;
  EXPECT_THAT(Evening{market}.plays(60), ElementsAre("l-half-1", "k-half-1"));
}

TEST(Pods, HoldALineOnceThoughItHasSeveralCreatives) {
  Market market;
  market.line("k", "a", {15, 15, 15});
  market.line("l", "a", {30});
  EXPECT_THAT(Evening{market}.plays(120), SizeIs(2));
}

TEST(Pods, TakeTheLengthOfALineThatServesBest) {
  Market market;
  market.line("k", "a", {15, 30, 60}).rotation = model::Rotation::kSequential;
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.pod(ready, 15), ElementsAre("k-a-1"));
  EXPECT_THAT(evening.pod(ready, 30), ElementsAre("k-a-2"));
  EXPECT_THAT(evening.pod(ready, 60), ElementsAre("k-a-3"));
  EXPECT_THAT(evening.pod(ready, 120), ElementsAre("k-a-3"));
  market.line("l", "a", {30}, 5'000);
  EXPECT_THAT(Evening{market}.plays(60), ElementsAre("l-a-1", "k-a-2"));
}

TEST(Pods, LeaveOutWhatIsLongerThanAnyBreak) {
  Market market;
  market.line("k", "a", {121});
  market.line("l", "a", {70'000});  // more than 16 bits
  std::vector<std::uint32_t> eligible(2);
  Evening evening{market};
  EXPECT_THAT(evening.decide({}, &eligible).pods, IsEmpty());
  EXPECT_EQ(evening.why("k/a"), "longer than any break");
  EXPECT_THAT(eligible, ElementsAre(0, 0));
}

TEST(Pods, HoldAtMostTwelveSlots) {
  Market market;
  market.channel().breakLengths = {120};
  for (int i = 0; i < 20; ++i) market.line("k", std::to_string(i), {5}, 1'000 + i);
  EXPECT_THAT(Evening{market}.plays(120), SizeIs(12));
}

TEST(Pods, AreDecidedAmongVeryManyLines) {
  Market market;
  for (int campaign = 0; campaign < 20; ++campaign) {
    for (int i = 0; i < 256; ++i) market.line("k" + std::to_string(campaign), std::to_string(i), {15, 30});
  }
  market.line("best", "a", {15}, 5'000);
  market.line("sponsor", "a", {30}, 1).priority = Priority::kSponsorship;
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.pod(ready, 15), ElementsAre("best-a-1"));
  EXPECT_THAT(evening.pod(ready, 30), ElementsAre("sponsor-a-1"));
  EXPECT_THAT(evening.pod(ready, 120), SizeIs(testing::Ge(5u)));
  EXPECT_THAT(ready.spare, SizeIs(4));
}

TEST(Pods, CountWhoCouldBeShownALineButForTheDraw) {
  Market market;
  market.line("k", "a", {15}, 1'000, 1);  // drawn by nobody
  market.line("l", "capped").caps = {{1, model::CapPeriod::kDay}};
  market.line("m", "creative");
  market.creative("m-creative-1").caps = {{1, model::CapPeriod::kDay}};
  market.line("n", "stopped", {15}, 1'000, 0);
  market.house("o", {15});
  Evening evening{market};
  std::vector<std::uint32_t> eligible(5);
  History history;
  evening.decide({.history = &history}, &eligible);
  EXPECT_THAT(eligible, ElementsAre(1, 1, 1, 0, 0));
  for (std::uint32_t line : {1U, 2U}) history.add({secondsOf(kNoon), evening.terms.channel().lines[line].keys(0)});
  evening.decide({.history = &history}, &eligible);
  EXPECT_THAT(eligible, ElementsAre(2, 1, 1, 0, 0)) << "who has seen enough could not be shown it";
}

Market prioritised() {
  Market market;
  market.line("sponsor", "a", {15}, 1).priority = Priority::kSponsorship;
  market.line("standard", "a", {30}, 1);
  market.line("bulk", "a", {60}, 1'000).priority = Priority::kBulk;
  return market;
}

TEST(Priorities, GoBeforeAnyWorth) {
  Evening evening{prioritised()};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.pod(ready, 15), ElementsAre("sponsor-a-1"));
  EXPECT_THAT(evening.pod(ready, 30), ElementsAre("sponsor-a-1")) << "and before any length";
  EXPECT_THAT(evening.pod(ready, 60), ElementsAre("sponsor-a-1", "standard-a-1"));
  EXPECT_THAT(evening.pod(ready, 120), ElementsAre("sponsor-a-1", "standard-a-1", "bulk-a-1"));
}

TEST(Priorities, TakeWhatIsWorthMostOneAfterAnother) {
  Market market;
  market.line("sponsor", "long", {30}, 10'000).priority = Priority::kSponsorship;
  market.line("sponsor", "short", {20}, 50'000).priority = Priority::kSponsorship;
  market.line("standard", "a", {10}, 5'000);
  market.line("standard", "b", {40}, 6'000);
  for (int i = 0; i < 12; ++i) market.line("bulk", std::to_string(i), {10}, 100).priority = Priority::kBulk;
  market.channel().breakLengths = {30, 60, 90};
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.pod(ready, 30), ElementsAre("sponsor-short-1", "standard-a-1")) << "worth before time";
  EXPECT_THAT(evening.pod(ready, 60), UnorderedElementsAre("sponsor-long-1", "sponsor-short-1", "standard-a-1"));
  EXPECT_THAT(evening.pod(ready, 90), UnorderedElementsAre("sponsor-long-1", "sponsor-short-1", "standard-b-1"));
}

TEST(Priorities, LeaveWorthToDecideWithinOne) {
  for (const auto priority : {Priority::kSponsorship, Priority::kStandard, Priority::kBulk}) {
    Market two;
    two.line("k", "a", {30}, 10).priority = priority;
    two.line("l", "a", {30}, 11).priority = priority;
    EXPECT_THAT(Evening{two}.plays(30), ElementsAre("l-a-1"));
  }
}

TEST(Priorities, HoldInTheLongestBreaksToo) {
  Market market;
  market.channel().breakLengths = {3'600};
  market.line("sponsor", "a", {1}, 1).priority = Priority::kSponsorship;
  market.line("standard", "a", {3'600}, 10'000'000);
  EXPECT_THAT(Evening{market}.plays(3'600), ElementsAre("sponsor-a-1")) << "nothing else fits beside it";
  Market sums;
  sums.channel().breakLengths = {3'600};
  for (int i = 0; i < 12; ++i) sums.line("k", std::to_string(i), {300}, kMostWorth).priority = Priority::kSponsorship;
  Evening evening{sums};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.pod(ready, 3'600), SizeIs(12));
  EXPECT_EQ(ready.pods.at(0).worth, 12 * ((kMostWorth << 26) + 300)) << "without overflow";
}

TEST(Places, AreTheFirstAndTheLastOfTheBreakAndEachIsSoldOnce) {
  Market market;
  market.line("k", "first", {15}, 10).position = BreakPosition::kFirst;
  market.line("l", "first", {15}, 20).position = BreakPosition::kFirst;
  market.line("k", "last", {15}, 20).position = BreakPosition::kLast;
  market.line("l", "last", {15}, 10).position = BreakPosition::kLast;
  market.line("m", "cheap", {15}, 5);
  market.line("m", "dear", {15}, 500);
  market.house("h", {15, 15});
  Evening evening{market};
  const Ready ready = evening.decide();
  EXPECT_THAT(evening.pod(ready, 120), ElementsAre("l-first-1", "m-dear-1", "m-cheap-1", "k-last-1"));
  EXPECT_THAT(evening.media(evening.bound(ready, 120).slots),
              ElementsAre("l-first-1", "m-dear-1", "m-cheap-1", "h-1", "h-2", "k-last-1"))
      << "house ads do not take the last place";
  EXPECT_THAT(evening.media(evening.bound(ready, 120, {"l/first", "m/dear", "m/cheap"}).slots),
              ElementsAre("h-1", "h-2", "k-last-1"));
}

TEST(Categories, AreInABreakOnce) {
  Market market;
  market.line("car", "a", {15}, 30);
  market.line("auto", "a", {15}, 20);
  market.line("tea", "a", {15}, 10);
  market.campaign("car").categories = {"cars", "leasing"};
  market.campaign("auto").categories = {"cars"};
  market.creative("tea-a-1").categories = {"leasing"};
  EXPECT_THAT(Evening{market}.plays(120), UnorderedElementsAre("auto-a-1", "tea-a-1")) << "45 units are worth most";
  market.plan.lines["car/a"].worth = 1;
  market.creative("tea-a-1").categories = {"cars"};
  EXPECT_THAT(Evening{market}.plays(120), ElementsAre("auto-a-1"));
}

TEST(Categories, AreInABreakOnceAlsoAmongHouseAds) {
  Market market;
  market.line("car", "a");
  market.campaign("car").categories = {"cars"};
  market.house("own-cars", {15, 15}).categories = {"cars"};
  market.house("own-tea", {15, 15}).categories = {"tea"};
  market.house("plain", {15, 15});
  EXPECT_THAT(Evening{market}.plays(120), ElementsAre("car-a-1", "own-tea-1", "plain-1", "plain-2"));
  market.campaign("car").lines[0].position = BreakPosition::kLast;
  EXPECT_THAT(Evening{market}.plays(120), ElementsAre("own-tea-1", "plain-1", "plain-2", "car-a-1"));
}

TEST(Creatives, AreInABreakOnceThoughSeveralLinesHaveThem) {
  Market market;
  market.line("k", "a", {15}, 20);
  market.line("k", "b", {}, 10).creatives = {{"k-a-1"}};
  market.line("l", "a", {}, 10).creatives = {{"k-a-1"}};
  market.houseLine("m", "own", {}).creatives = {{"k-a-1"}};
  EXPECT_THAT(Evening{market}.plays(120), ElementsAre("k-a-1"));
}

TEST(Creatives, AreInABreakOnceThoughTheirMediaHaveTwoNames) {
  Market market;
  market.line("k", "a", {15}, 20);
  market.line("l", "a", {15}, 10);
  market.creative("l-a-1").media = "k-a-1";
  market.house("h", {15}).creatives = {"k-a-1"};
  EXPECT_THAT(Evening{market}.plays(120), ElementsAre("k-a-1"));
}

TEST(HouseLines, PlayInTheOrderOfTheRulesWhereNothingElseIs) {
  Market market;
  market.rule("1", "true", {FillBreaks{{"z", "k", "a"}, false}});
  market.house("a", {10, 20});
  market.house("z", {10});
  market.line("k", "a", {30});
  EXPECT_THAT(Evening{market}.plays(60), ElementsAre("k-a-1", "z-1", "a-1"));
  EXPECT_THAT(Evening{market}.plays(29), ElementsAre("z-1", "a-1"));
}

TEST(Rules, LetACampaignInOnceThoughTwoRulesOrRulesetsDo) {
  Market market;
  market.line("k", "a");
  market.house("h", {15});
  market.rule("1", "true", {FillBreaks{{"k", "h", "k"}, false}});
  market.rule("2", "true", {FillBreaks{{"k"}, true}});
  market.ruleset("s");
  market.rule("3", "true", {FillBreaks{{"h"}, true}}, "s");
  Evening evening{market};
  EXPECT_THAT(evening.plays(120), ElementsAre("k-a-1", "h-1"));
  EXPECT_THAT(choose(evening.terms.compiled(), "c", evening.attributes).lines, SizeIs(2));
}

TEST(Rules, LetACampaignInWithTheFieldsOfWhicheverRulesetIsTrue) {
  Market market;
  market.line("k", "a");
  market.campaign("k").when = "viewer.age > 30";
  market.ruleset("s");
  market.documents.rulesets["s"].fields[0].purpose = "ads";  // needs a consent that nobody gives
  market.ruleset("t");
  market.rule("1", "viewer.age > 60", {FillBreaks{{}, true}}, "r");
  market.rule("2", "true", {FillBreaks{{}, true}}, "s");
  market.rule("3", "viewer.age < 50", {FillBreaks{{}, true}}, "t");
  Evening evening{market};
  EXPECT_THAT(evening.plays(15, {.age = 70}), ElementsAre("k-a-1")) << "by r";
  EXPECT_THAT(evening.plays(15, {.age = 55}), IsEmpty()) << "only s, without consent";
  EXPECT_THAT(evening.plays(15, {.age = 40}), ElementsAre("k-a-1")) << "by t";
  EXPECT_THAT(evening.plays(15, {.age = 20}), IsEmpty());
}

TEST(Rules, LetEveryCampaignInAfterThoseThatAreNamed) {
  Market market;
  for (const char* id : {"a", "b", "c", "d"}) market.house(id, {15});
  market.campaign("b").excludeChannels = {"c"};
  market.rule("1", "true", {FillBreaks{{"d"}, true}});
  EXPECT_THAT(Evening{market}.plays(120), ElementsAre("d-1", "a-1", "c-1"));
}

TEST(Rules, LetEveryCampaignInWithoutRegardToThoseThatExcludeTheChannel) {
  Market market;
  market.house("here", {15});
  market.house("there", {15}).when = "viewer.team == \"red\"";  // a field of another channel
  EXPECT_FALSE(build(std::make_shared<const model::Documents>(market.documents)).compiled);
  market.campaign("there").excludeChannels = {"c"};
  Evening evening{market};
  EXPECT_THAT(evening.plays(120), ElementsAre("here-1"));
  market.rule("1", "true", {FillBreaks{{"there"}, false}});
  EXPECT_FALSE(build(std::make_shared<const model::Documents>(market.documents)).compiled) << "a rule that names it";
}

TEST(Conditions, OfACampaignAndItsLineHoldTogether) {
  Market market;
  market.line("k", "old").when = "viewer.age >= 60 // seniors";
  market.line("k", "young").when = "viewer.age < 60";
  market.campaign("k").when = "viewer.age >= 18 // adults";
  Evening evening{market};
  EXPECT_THAT(evening.plays(60, {.age = 70}), ElementsAre("k-old-1"));
  EXPECT_THAT(evening.plays(60, {.age = 30}), ElementsAre("k-young-1"));
  EXPECT_THAT(evening.plays(60, {.age = 10}), IsEmpty());
  EXPECT_THAT(evening.plays(60), IsEmpty()) << "unknown";
}

TEST(Conditions, KnowTheMoment) {
  Market market;
  market.line("k", "evening").when = "now.getHours(\"Europe/Berlin\") >= 20";
  EXPECT_THAT(Evening(market, wall(2026, 6, 3, 17, 59, 59)).plays(15), IsEmpty());
  EXPECT_THAT(Evening(market, wall(2026, 6, 3, 18)).plays(15), ElementsAre("k-evening-1"));
}

TEST(Conditions, KnowHowOftenACampaignWasSeen) {
  Market market;
  market.line("k", "again").when = "frequency(\"k\", \"1h\") < 2";
  market.line("l", "week").when = "frequency(\"k\", \"7d\") >= 2";
  Evening evening{market};
  EXPECT_THAT(evening.plays(60), IsEmpty()) << "unknown";
  History history;
  EXPECT_THAT(evening.plays(60, {.history = &history}), ElementsAre("k-again-1"));
  const ImpressionKeys keys = evening.terms.channel().lines[0].keys(0);
  history.add({secondsOf(kNoon) - 1'800, keys});
  EXPECT_THAT(evening.plays(60, {.history = &history}), ElementsAre("k-again-1"));
  history.add({secondsOf(kNoon) - 900, keys});
  EXPECT_THAT(evening.plays(60, {.history = &history}), ElementsAre("l-week-1"));
  history.fold(secondsOf(kNoon) + 2 * 86'400, {}, 0);
  Evening later{market, kNoon + std::chrono::hours{48}};
  EXPECT_THAT(later.plays(60, {.history = &history}), ElementsAre("k-again-1")) << "a week's count is unknown";
}

}  // namespace
}  // namespace dvpe::decisions
