// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// When and where a line may play at all: flights, dayparts, plan, exclusions, holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

model::LocalTime local(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return model::LocalTime{
      std::chrono::floor<std::chrono::seconds>(wall(year, month, day, hour, minute)).time_since_epoch()};
}

Closed closedAt(const Market& market, base::WallTime at, bool planned = true) {
  return Evening{market, at, {}, planned}.terms.of(0).closed;
}

constexpr auto kSecond = std::chrono::seconds{1};

TEST(Flights, OpenAtTheirFirstSecondAndAreOverAtTheirEnd) {
  Market market;
  market.line("k", "a").flight = {local(2026, 6, 1), local(2026, 6, 8)};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 1) - kSecond), Closed::kEarly);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 1)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 8) - kSecond), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 8)), Closed::kOver);
}

TEST(Flights, OfALineLieWithinItsCampaigns) {
  Market market;
  market.line("k", "a").flight = {local(2026, 6, 1), local(2026, 6, 8)};
  market.campaign("k").flight = {local(2026, 6, 2), local(2026, 6, 9)};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 1, 12)), Closed::kEarly);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 2)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 8)), Closed::kOver);
  market.campaign("k").flight = {local(2026, 7, 2), local(2026, 7, 9)};
  EXPECT_NE(closedAt(market, wall(2026, 6, 4)), Closed::kOpen) << "nothing in common";
  EXPECT_NE(closedAt(market, wall(2026, 7, 4)), Closed::kOpen);
}

TEST(Flights, KeepTheClockOfTheirZoneOverAChangeOfIt) {
  Market market;
  market.campaign("k").timezone = "Europe/Berlin";
  // In winter an hour before UTC, in summer two: 29 March to 25 October 2026.
  market.line("k", "a").flight = {local(2026, 3, 28, 20), local(2026, 3, 29, 20)};
  EXPECT_EQ(closedAt(market, wall(2026, 3, 28, 19) - kSecond), Closed::kEarly);
  EXPECT_EQ(closedAt(market, wall(2026, 3, 28, 19)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 3, 29, 18) - kSecond), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 3, 29, 18)), Closed::kOver) << "23 hours later";
  market.campaign("k").lines[0].flight = {local(2026, 10, 24, 20), local(2026, 10, 25, 20)};
  EXPECT_EQ(closedAt(market, wall(2026, 10, 24, 18)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 10, 25, 19) - kSecond), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 10, 25, 19)), Closed::kOver) << "25 hours later";
}

TEST(Flights, TakeTheEarlierInstantOfATimeThatIsNotThereOrThereTwice) {
  Market market;
  market.campaign("k").timezone = "Europe/Berlin";
  market.line("k", "a").flight.from = local(2026, 3, 29, 2, 30);  // left out
  EXPECT_EQ(closedAt(market, wall(2026, 3, 29, 1) - kSecond), Closed::kEarly);
  EXPECT_EQ(closedAt(market, wall(2026, 3, 29, 1)), Closed::kOpen);
  market.campaign("k").lines[0].flight = {local(2026, 10, 25, 2, 30), model::LocalTime::max()};  // twice
  EXPECT_EQ(closedAt(market, wall(2026, 10, 25, 0, 30) - kSecond), Closed::kEarly);
  EXPECT_EQ(closedAt(market, wall(2026, 10, 25, 0, 30)), Closed::kOpen);
}

TEST(Flights, OfHouseCampaignsCountToo) {
  Market market;
  market.house("k", {15}).flight = {local(2026, 6, 1), local(2026, 6, 8)};
  EXPECT_EQ(closedAt(market, wall(2026, 5, 31)), Closed::kEarly);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 4)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 8)), Closed::kOver);
}

TEST(Flights, OfAnUnknownZoneAreAMistake) {
  Market market;
  market.line("k", "a");
  market.line("k", "b");
  market.campaign("k").timezone = "Europe/Atlantis";
  const Built built = build(std::make_shared<const model::Documents>(market.documents));
  ASSERT_EQ(built.errors.size(), 1u) << "once, not for each line";
  EXPECT_EQ(built.errors[0].path, "/body/timezone");
  EXPECT_THAT(built.errors[0].message, HasSubstr("Europe/Atlantis"));
}

constexpr std::uint8_t kMonday = 1, kFriday = 16, kSaturday = 32, kSunday = 64;

TEST(Dayparts, AreOpenFromAMinuteUntilBeforeAnother) {
  Market market;
  market.line("k", "a").dayparts = {{0x7F, 18 * 60, 22 * 60 + 30}};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 3, 17, 59, 59)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 3, 18)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 3, 22, 29, 59)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 3, 22, 30)), Closed::kDaypart);
}

TEST(Dayparts, KnowTheDayOfTheWeek) {
  for (unsigned day = 1; day <= 7; ++day) {  // 2026-06-01 is a Monday
    for (unsigned bit = 0; bit < 7; ++bit) {
      Market market;
      market.line("k", "a").dayparts = {{static_cast<std::uint8_t>(1U << bit), 0, 24 * 60}};
      EXPECT_EQ(closedAt(market, wall(2026, 6, day, 23, 59, 59)) == Closed::kOpen, bit == day - 1) << day << " " << bit;
      EXPECT_EQ(closedAt(market, wall(2026, 6, day)) == Closed::kOpen, bit == day - 1) << day << " " << bit;
    }
  }
}

TEST(Dayparts, PastMidnightBelongToTheDayOnWhichTheyBegan) {
  Market market;
  market.line("k", "a").dayparts = {{kFriday, 22 * 60, 2 * 60}};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 1)), Closed::kDaypart) << "Friday morning";
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 21, 59, 59)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 22)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 6, 1, 59, 59)), Closed::kOpen) << "Saturday morning";
  EXPECT_EQ(closedAt(market, wall(2026, 6, 6, 2)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 6, 23)), Closed::kDaypart) << "Saturday night";
  market.campaign("k").lines[0].dayparts = {{kSunday, 22 * 60, 2 * 60}};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 8, 1)), Closed::kOpen) << "Monday morning is Sunday's";
  EXPECT_EQ(closedAt(market, wall(2026, 6, 7, 1)), Closed::kDaypart);
}

TEST(Dayparts, AddUp) {
  Market market;
  market.line("k", "a").dayparts = {{kMonday, 6 * 60, 9 * 60}, {kSaturday | kSunday, 24 * 60 - 1, 24 * 60}};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 1, 7)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 2, 7)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 6, 23, 58)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 6, 23, 59)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 7)), Closed::kDaypart);
}

TEST(Dayparts, AreOfTheCampaignsZone) {
  Market market;
  market.line("k", "a").dayparts = {{kFriday, 18 * 60, 19 * 60}};
  market.campaign("k").timezone = "Asia/Kolkata";  // 5:30 before UTC
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 12, 29)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 12, 30)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 13, 29)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 13, 30)), Closed::kDaypart);
  market.campaign("k").timezone = "Pacific/Auckland";  // 12 hours: Friday begins on Thursday at noon
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 6)), Closed::kOpen);
  market.campaign("k").lines[0].dayparts = {{kFriday, 0, 60}};
  EXPECT_EQ(closedAt(market, wall(2026, 6, 4, 12)), Closed::kOpen);
  EXPECT_EQ(closedAt(market, wall(2026, 6, 5, 0)), Closed::kDaypart);
}

TEST(Dayparts, FollowAChangeOfTheClock) {
  Market market;
  market.line("k", "a").dayparts = {{0x7F, 20 * 60, 21 * 60}};
  market.campaign("k").timezone = "Europe/Berlin";
  EXPECT_EQ(closedAt(market, wall(2026, 3, 28, 19)), Closed::kOpen) << "winter";
  EXPECT_EQ(closedAt(market, wall(2026, 3, 28, 18)), Closed::kDaypart);
  EXPECT_EQ(closedAt(market, wall(2026, 3, 29, 18)), Closed::kOpen) << "summer";
  EXPECT_EQ(closedAt(market, wall(2026, 3, 29, 19)), Closed::kDaypart);
}

TEST(Plans, AreNeededByLinesWithAGoalOrAPriceAndByNoOthers) {
  Market market;
  market.line("k", "a");
  market.line("k", "free").price = {};
  market.line("k", "priced").goal = {};
  market.houseLine("k", "own");
  market.house("short", {15});
  const Evening none{market, kNoon, {}, false};
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(none.terms.of(i).closed, Closed::kNoPlan) << i;
  for (std::uint32_t i = 3; i < 5; ++i) EXPECT_EQ(none.terms.of(i).closed, Closed::kOpen) << i;
  market.plan.lines.erase("k/a");
  EXPECT_EQ(closedAt(market, kNoon), Closed::kNoPlan) << "a plan that does not have the line";
  Evening evening{market};
  EXPECT_EQ(evening.why("k/a"), "no plan for it yet");
  EXPECT_EQ(evening.why("k/free"), "");
}

TEST(Plans, StopALineAtTheRateZero) {
  Market market;
  market.line("k", "a", {15}, 1'000, 0);
  EXPECT_EQ(closedAt(market, kNoon), Closed::kStopped);
  Evening evening{market};
  EXPECT_THAT(evening.plays(60), IsEmpty());
  EXPECT_THAT(evening.why("k/a"), HasSubstr("the plan stops it"));
}

TEST(Plans, SayWhatALineIsWorthAndHouseLinesAreWorthNothing) {
  Market market;
  market.line("k", "a", {15}, 77);
  market.houseLine("k", "own");
  market.plan.lines["k/own"] = {5, 99};
  const Evening evening{market};
  EXPECT_EQ(evening.terms.of(0).worth, 77);
  EXPECT_EQ(evening.terms.of(1).worth, 0);
  EXPECT_EQ(evening.terms.of(1).rate, kWholeRate) << "no plan slows it";
}

TEST(Worth, IsThePriceOfOneImpressionInThePolicysCurrency) {
  const auto worth = [](model::Price price, model::Goal goal, const std::string& currency = "",
                        const std::string& advertisers = "") {
    Market market;
    model::Line& line = market.line("k", "a");
    line.price = price;
    line.goal = goal;
    market.campaign("k").currency = currency;
    market.campaign("k").advertiser = "x";
    market.advertiser("x").currency = advertisers;
    market.documents.monetisation->rates = {{"USD", 920'000}, {"JPY", 6'000}, {"XAU", 1'000'000'000'000}};
    return market.compile()->channel("c")->lines[0].worth;
  };
  using enum model::PriceKind;
  const model::Goal thousand{model::GoalKind::kImpressions, 1'000};
  EXPECT_EQ(worth({kCpm, 5'000'000}, thousand), 5'000);
  EXPECT_EQ(worth({kCpcv, 20'000}, thousand), 20'000);
  EXPECT_EQ(worth({kFlat, 20'000'000}, thousand), 20'000);
  EXPECT_EQ(worth({kFlat, 20'000'000}, {model::GoalKind::kShareOfVoice, 50}), 0);
  EXPECT_EQ(worth({kNone, 0}, thousand), 0);
  EXPECT_EQ(worth({kCpm, 5'000'000}, thousand, "USD"), 4'600);
  EXPECT_EQ(worth({kCpm, 5'000'000}, thousand, "", "USD"), 4'600) << "the advertiser's currency";
  EXPECT_EQ(worth({kCpm, 5'000'000}, thousand, "EUR", "USD"), 5'000) << "the campaign's own goes before";
  EXPECT_EQ(worth({kCpm, 5'000'000}, thousand, "JPY"), 30);
  EXPECT_EQ(worth({kCpm, 1'000'000'000'000'000'000}, thousand), kMostWorth) << "bounded";
  EXPECT_EQ(worth({kCpm, 1'000'000'000'000'000'000}, thousand, "XAU"), kMostWorth) << "without overflow";
}

TEST(Exclusions, KeepACampaignOffChannelsAndRatings) {
  Market market;
  market.line("other", "a");
  market.line("rated", "a");
  market.line("here", "a");
  market.house("short", {15});
  market.channel().rating = "FSK 12";
  market.campaign("here").excludeChannels = {"x", "c"};
  market.campaign("rated").excludeRatings = {"FSK 16", "FSK 12"};
  market.campaign("other").excludeRatings = {"FSK 16"};
  market.campaign("other").excludeChannels = {"x"};
  market.campaign("short").excludeChannels = {"c"};
  Evening evening{market};
  EXPECT_THAT(evening.plays(60), ElementsAre("other-a-1"));
  EXPECT_EQ(evening.why("here/a"), "the campaign excludes this channel");
  EXPECT_EQ(evening.why("rated/a"), "the campaign excludes the rating FSK 12");
  EXPECT_EQ(evening.why("short"), "the campaign excludes this channel");
  market.channel().rating = "";
  EXPECT_THAT(Evening{market}.plays(60), UnorderedElementsAre("other-a-1", "rated-a-1"))
      << "a channel without a rating";
}

TEST(Exclusions, KeepBlockedCategoriesAndAgesOffTheChannel) {
  Market market;
  market.line("wine", "a").creatives.push_back({"wine-juice"});
  market.creative("wine-juice");
  market.creative("wine-a-1").categories = {"alcohol"};
  market.line("games", "a");
  market.creative("games-a-1").minAge = 16;
  market.house("bets", {15}).categories = {"gambling"};
  market.channel().blockedCategories = {"alcohol", "gambling"};
  market.channel().audienceAge = 16;
  Evening evening{market};
  for (std::uint64_t number = 0; number < 20; ++number) {
    EXPECT_THAT(evening.plays(60, {.breakNumber = number}), UnorderedElementsAre("wine-juice", "games-a-1"));
  }
  EXPECT_EQ(evening.why("bets"), "none of its creatives can be shown");
  market.channel().audienceAge = 15;
  EXPECT_THAT(Evening{market}.plays(60), UnorderedElementsAre("wine-juice"));
  market.campaign("wine").categories = {"alcohol"};
  EXPECT_THAT(Evening{market}.plays(60), IsEmpty()) << "the campaign's categories are all its creatives'";
}

TEST(Holds, KeepCampaignsAndMediaOutOfBreaks) {
  Market market;
  market.line("k", "a", {15, 15});
  market.line("l", "a");
  market.house("h", {15, 15});
  Evening campaign{market, kNoon, {{}, {}, {"k"}, {}}};
  EXPECT_THAT(campaign.plays(120), ElementsAre("l-a-1", "h-1", "h-2"));
  EXPECT_EQ(campaign.why("k/a"), "held");
  Evening media{market, kNoon, {{}, {}, {}, {"k-a-1", "l-a-1", "h-1"}}};
  for (std::uint64_t number = 0; number < 20; ++number) {
    EXPECT_THAT(media.plays(120, {.breakNumber = number}), ElementsAre("k-a-2", "h-2"));
  }
  EXPECT_EQ(media.why("l/a"), "none of its creatives can be shown");
  Evening ruleset{market, kNoon, {{}, {"r"}, {}, {}}};
  EXPECT_THAT(ruleset.plays(120), IsEmpty());
}

TEST(Terms, OfAChannelWithoutLengthsHaveNoPods) {
  Market market;
  market.channel().breakLengths = {};
  market.line("k", "a");
  market.house("h", {15});
  EXPECT_THAT(Evening{market}.plays(60), ElementsAre("h-1"));
}

TEST(Terms, OfAnUnknownChannelAreEmpty) {
  const Market market;
  const Terms terms{market.compile(), "elsewhere", nullptr, kNoon, market.lengths()};
  const rules::Attributes nobody;
  Decider decider;
  const Ready ready = decider.decide(terms, choose(terms.compiled(), "elsewhere", nobody), nobody, {});
  EXPECT_THAT(ready.pods, IsEmpty());
  EXPECT_EQ(bind(terms, ready, 30, true, [](std::uint32_t) { return true; }).slateUnits, 30);
}

}  // namespace
}  // namespace dvpe::decisions
