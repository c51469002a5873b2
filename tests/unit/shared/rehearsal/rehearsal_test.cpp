// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/rehearsal.h"

#include <gmock/gmock.h>

#include "shared/rehearsal/comparison.h"
#include "shared/rehearsal/totals.h"
#include "tests/unit/shared/decisions/market.h"

namespace dvpe::rehearsal {
namespace {

using decisions::kNoon;
using decisions::Market;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Session session(const std::string& id, base::WallTime at = kNoon, std::uint32_t viewer = 0) {
  Session out;
  out.id = out.drawId = id;
  out.viewerNumber = viewer;
  out.channel = "c";
  out.at = at;
  out.breakNumber = 1;
  out.units = 30;
  out.attributes.setIdentity(id);
  return out;
}

Rehearsal rehearsal(const Market& market, bool planned = true) {
  const auto compiled = market.compile();
  auto plan = planned ? market.plan : everyLinePlays(*compiled);
  return {compiled, std::make_shared<const decisions::Plan>(std::move(plan)), market.lengths()};
}

std::vector<std::string> plays(Rehearsal& release, const Session& who) { return lineNames(named(release.decide(who))); }

TEST(ARehearsal, RemembersWhatAViewerWasShown) {
  Market market;
  market.line("k", "a", {30}).caps = {{2, model::CapPeriod::kDay}};
  Rehearsal release = rehearsal(market);
  EXPECT_THAT(plays(release, session("s")), ElementsAre("k/a"));
  EXPECT_THAT(plays(release, session("t", kNoon + std::chrono::hours{1})), ElementsAre("k/a")) << "the same viewer";
  EXPECT_THAT(plays(release, session("s", kNoon + std::chrono::hours{2})), IsEmpty());
  EXPECT_THAT(plays(release, session("s", kNoon + std::chrono::hours{2}, 1)), ElementsAre("k/a")) << "another";
  EXPECT_THAT(plays(release, session("s", kNoon + std::chrono::hours{24})), ElementsAre("k/a")) << "a day later";
}

TEST(ARehearsal, ExplainsWithoutRemembering) {
  Market market;
  market.line("k", "a", {30}).caps = {{1, model::CapPeriod::kDay}};
  Rehearsal release = rehearsal(market);
  for (int i = 0; i < 3; ++i) {
    const auto explained = release.explain(session("s"));
    EXPECT_EQ(explained.seen, 0u);
    EXPECT_EQ(explained.report.bound.slots.size(), 1u);
  }
  release.decide(session("s"));
  const auto explained = release.explain(session("s"));
  EXPECT_EQ(explained.seen, 1u);
  EXPECT_THAT(explained.report.bound.slots, IsEmpty());
}

// Terms are shared between moments; what a moment decides must not be.
TEST(ARehearsal, KeepsFlightsToTheSecondAndDaypartsToTheMinute) {
  Market market;
  market.line("k", "flown", {30}).flight = {model::LocalTime{std::chrono::seconds{decisions::secondsOf(kNoon)}},
                                            model::LocalTime{std::chrono::seconds{decisions::secondsOf(kNoon) + 10}}};
  market.line("l", "noon", {30}).dayparts = {{0x7F, 12 * 60 + 1, 12 * 60 + 2}};
  Rehearsal release = rehearsal(market);
  const auto at = [&](int seconds) {
    return plays(release, session("s" + std::to_string(seconds), kNoon + std::chrono::seconds{seconds}));
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(at(-1), IsEmpty());
    EXPECT_THAT(at(0), ElementsAre("k/flown"));
    EXPECT_THAT(at(9), ElementsAre("k/flown"));
    EXPECT_THAT(at(10), IsEmpty());
    EXPECT_THAT(at(59), IsEmpty());
    EXPECT_THAT(at(60), ElementsAre("l/noon"));
    EXPECT_THAT(at(120), IsEmpty());
  }
}

TEST(ARehearsal, IsTheSameAsExplainAndAsAnotherRun) {
  Market market;
  for (int i = 0; i < 10; ++i) market.line("k" + std::to_string(i), "a", {15}, 1'000, 400'000);
  Rehearsal one = rehearsal(market), other = rehearsal(market);
  for (int i = 0; i < 50; ++i) {
    const Session who = session("s" + std::to_string(i), kNoon, static_cast<std::uint32_t>(i));
    const auto explained = one.explain(who);
    const auto a = one.decide(who), b = other.decide(who);
    EXPECT_EQ(named(a), named(b));
    EXPECT_EQ(a.bound.slots, explained.report.bound.slots);
  }
}

TEST(ARehearsal, LetsEveryLineInFlightPlayWithoutAPlan) {
  Market market;
  market.line("k", "a", {15});
  market.line("l", "b", {15}).price = {model::PriceKind::kCpm, 9'000'000};
  Rehearsal release = rehearsal(market, false);
  EXPECT_THAT(plays(release, session("s")), ElementsAre("l/b", "k/a"));
  EXPECT_EQ(release.plan()->lines.at("l/b").worth, 9'000);
}

TEST(ARehearsal, GivesNothingOnAChannelThatTheReleaseHasNot) {
  const Market market;
  Rehearsal release = rehearsal(market);
  Session who = session("s");
  who.channel = "other";
  EXPECT_FALSE(release.hasChannel("other"));
  const Outcome outcome = release.decide(who);
  EXPECT_EQ(outcome.terms, nullptr);
  EXPECT_EQ(named(outcome).cohort, "base");
}

TEST(ARehearsal, HasNoBreakOfNoUnits) {
  Market market;
  market.house("h", {10});
  Rehearsal release = rehearsal(market);
  Session who = session("s");
  who.units = 0;
  EXPECT_THAT(plays(release, who), IsEmpty());
  who.units.reset();
  EXPECT_EQ(release.decide(who).units, 30) << "the channel's default";
}

TEST(TheTotals, AddUpFillRevenueAndWhatStoodInTheWay) {
  Market market;
  market.line("k", "a", {15}, 1'000).caps = {{1, model::CapPeriod::kDay}};
  market.line("l", "never", {15}, 1'000, 0);
  market.line("m", "low", {30}, 10).priority = model::Priority::kBulk;
  market.house("h", {10});
  Rehearsal release = rehearsal(market);
  Totals totals;
  for (int i = 0; i < 2; ++i) {
    const Session who = session("s", kNoon + std::chrono::minutes{i});
    totals.add(who, release.decide(who));
  }
  const Sums sums = totals.sums();
  EXPECT_EQ(sums.sessions, 2);
  EXPECT_EQ(sums.units, 60);
  EXPECT_EQ(sums.paidUnits, 15 + 30);
  EXPECT_EQ(sums.houseUnits, 10);
  EXPECT_EQ(sums.slateUnits, 5);
  EXPECT_EQ(sums.revenue, 2 * 5'000) << "prices, not what the plan says";
  EXPECT_EQ(sums.lines.at("k/a").impressions, 1);
  EXPECT_EQ(sums.lines.at("k/a").cap, 1);
  EXPECT_EQ(sums.lines.at("l/never").plan, 2);
  EXPECT_EQ(sums.lines.at("m/low").others, 1);
  EXPECT_EQ(sums.lines.at("m/low").impressions, 1);
  EXPECT_TRUE(sums.lines.at("h").house);
  EXPECT_EQ(sums.lines.at("h").revenue, 0);
}

TEST(TheTotals, CountVariantsInAllAndAtOnce) {
  Market market;
  for (const char* id : {"o1", "o2"}) market.documents.overlays[id].id = id;
  market.rule("young", "viewer.age < 30", {model::ShowOverlay{"o1", {}, model::Trigger::kAlways, ""}});
  market.rule("old", "viewer.age >= 30", {model::ShowOverlay{"o2", {}, model::Trigger::kAlways, ""}});
  Rehearsal release = rehearsal(market);
  Totals totals;
  std::uint32_t viewer = 0;
  const auto watch = [&](int age, int second) {
    Session who = session("s", kNoon + std::chrono::seconds{second}, viewer++);
    if (age > 0) {
      EXPECT_TRUE(who.attributes.set("viewer.age", {std::int64_t{age}}));
    }
    totals.add(who, release.decide(who));
  };
  watch(20, 0);
  watch(25, 5);
  watch(0, 59);   // the programme alone
  watch(40, 60);  // a minute later
  const Sums sums = totals.sums();
  EXPECT_EQ(sums.channels.at("c").variants, 3u);
  EXPECT_EQ(sums.channels.at("c").variantsAtOnce, 2u);
  EXPECT_EQ(sums.channels.at("c").sessions, 4);
}

}  // namespace
}  // namespace dvpe::rehearsal
