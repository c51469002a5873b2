// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Chance: who takes part at a rate, and which creative's turn it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string sessionOf(int i) { return "session " + std::to_string(i); }

// Five standard deviations of a share of `of`.
double tolerance(double share, int of) { return 5 * std::sqrt(share * (1 - share) * of); }

// How often each media plays in a break of so many units, over sessions.
std::map<std::string, int> playsOf(const Market& market, int sessions, int units = 15,
                                   const History* history = nullptr) {
  Evening evening{market};
  std::map<std::string, int> out;
  for (int i = 0; i < sessions; ++i) {
    for (const std::string& media : evening.plays(units, {.session = sessionOf(i), .history = history})) ++out[media];
  }
  return out;
}

TEST(Rates, AreTheShareOfSessionsThatALineTakesPartIn) {
  constexpr int kSessions = 20'000;
  for (const std::uint32_t rate : {0U, 1'000U, 100'000U, 500'000U, 900'000U, kWholeRate}) {
    Market market;
    market.line("k", "a", {15}, 1'000, rate);
    const double share = rate / 1e6;
    EXPECT_NEAR(playsOf(market, kSessions)["k-a-1"], share * kSessions, tolerance(share, kSessions)) << rate;
  }
}

TEST(Rates, AreTheShareOfBreaksOfOneSession) {
  Market market;
  market.line("k", "a", {15}, 1'000, 300'000);
  Evening evening{market};
  int plays = 0;
  int changes = 0;
  bool before = false;
  for (std::uint64_t number = 0; number < 10'000; ++number) {
    const bool now = !evening.plays(15, {.breakNumber = number}).empty();
    plays += now ? 1 : 0;
    changes += now != before ? 1 : 0;
    before = now;
  }
  EXPECT_NEAR(plays, 3'000, tolerance(0.3, 10'000));
  EXPECT_NEAR(changes, 4'200, 2 * tolerance(0.42, 10'000)) << "a break says nothing of the next";
}

TEST(Rates, OfTwoLinesAreDrawnForThemselves) {
  Market market;
  for (const char* name : {"a", "b"}) market.line("k", name, {15}, 1'000, 500'000);
  Evening evening{market};
  std::map<std::size_t, int> together;
  for (int i = 0; i < 10'000; ++i) ++together[evening.plays(30, {.session = sessionOf(i)}).size()];
  EXPECT_NEAR(together[0], 2'500, tolerance(0.25, 10'000));
  EXPECT_NEAR(together[1], 5'000, tolerance(0.5, 10'000));
  EXPECT_NEAR(together[2], 2'500, tolerance(0.25, 10'000));
}

TEST(Rates, KeepWhoTakesPartWhenTheyGrow) {
  Market market;
  market.line("k", "a", {15}, 1'000, 200'000);
  Evening less{market};
  market.plan.lines["k/a"].rate = 300'000;
  Evening more{market};
  for (int i = 0; i < 2'000; ++i) {
    if (!less.plays(15, {.session = sessionOf(i)}).empty()) {
      ASSERT_THAT(more.plays(15, {.session = sessionOf(i)}), ElementsAre("k-a-1")) << i;
    }
  }
}

std::vector<std::uint32_t> drawsOf(Evening& evening, const Who& who = {}) {
  std::vector<std::uint32_t> out;
  for (const Consideration& each : evening.consider(who)) out.push_back(each.draw);
  return out;
}

TEST(Draws, AreEqualOnEveryNodeAndDifferBySessionBreakChannelAndLine) {
  Market market;
  for (const char* name : {"a", "b"}) market.line("k", name);
  Evening one{market}, two{market};
  const auto draws = drawsOf(one);
  EXPECT_EQ(draws, drawsOf(one));
  EXPECT_EQ(draws, drawsOf(two));
  EXPECT_NE(draws[0], draws[1]);
  EXPECT_NE(draws, drawsOf(one, {.session = "another"}));
  EXPECT_NE(draws, drawsOf(one, {.breakNumber = 2}));
  EXPECT_NE(draws, drawsOf(one, {.breakNumber = 257})) << "all bytes of the number count";
  EXPECT_NE(draws, drawsOf(one, {.breakNumber = (1ULL << 63) + 1}));
  EXPECT_EQ(draws, drawsOf(one, {.identity = "somebody"})) << "who it is does not matter";
  // Another channel: the same documents under another name.
  Market other = market;
  other.documents.channels["d"] = other.documents.channels["c"];
  other.documents.channels["d"].id = other.documents.rulesets["r"].channel = "d";
  const Terms terms{other.compile(), "d", std::make_shared<const Plan>(other.plan), kNoon, other.lengths()};
  const rules::Attributes nobody;
  std::vector<Consideration> report;
  Decider{}.decide(terms, choose(terms.compiled(), "d", nobody), nobody, {"session", 1}, report);
  EXPECT_NE(draws[0], report[0].draw);
  // Known for good: nodes of two versions must agree.
  EXPECT_THAT(draws, ElementsAre(349570, 664011));
}

TEST(Draws, AreALinesOwnWhateverElseThereIs) {
  Market market;
  market.line("k", "b");
  Evening alone{market};
  const std::uint32_t draw = drawsOf(alone)[0];
  market.line("a", "first");
  market.line("z", "last");
  Evening among{market};
  EXPECT_EQ(drawsOf(among)[1], draw);
}

TEST(Draws, DecideBetweenEquals) {
  Market market;
  for (const char* name : {"a", "b", "c"}) market.line("k", name);
  auto plays = playsOf(market, 6'000);
  for (const char* media : {"k-a-1", "k-b-1", "k-c-1"})
    EXPECT_NEAR(plays[media], 2'000, tolerance(1.0 / 3, 6'000)) << media;
}

TEST(Rotation, IsEvenByDefault) {
  for (const auto rotation : {model::Rotation::kEven, model::Rotation::kOptimised}) {
    Market market;
    market.line("k", "a", {15, 15, 15, 15}).rotation = rotation;
    market.campaign("k").lines[0].creatives[1].weight = 50;  // without a meaning here
    auto plays = playsOf(market, 8'000);
    for (const char* media : {"k-a-1", "k-a-2", "k-a-3", "k-a-4"}) {
      EXPECT_NEAR(plays[media], 2'000, tolerance(0.25, 8'000)) << media;
    }
  }
}

TEST(Rotation, FollowsWeights) {
  Market market;
  market.line("k", "a", {15, 15, 15}).rotation = model::Rotation::kWeighted;
  market.campaign("k").lines[0].creatives[0].weight = 1;
  market.campaign("k").lines[0].creatives[1].weight = 6;
  market.campaign("k").lines[0].creatives[2].weight = 3;
  auto plays = playsOf(market, 10'000);
  EXPECT_NEAR(plays["k-a-1"], 1'000, tolerance(0.1, 10'000));
  EXPECT_NEAR(plays["k-a-2"], 6'000, tolerance(0.6, 10'000));
  EXPECT_NEAR(plays["k-a-3"], 3'000, tolerance(0.3, 10'000));
}

TEST(Rotation, IsTheSameWhateverTheRate) {
  Market market;
  market.line("k", "a", {15, 15}, 1'000, 20'000);
  auto plays = playsOf(market, 50'000);
  const int all = plays["k-a-1"] + plays["k-a-2"];
  EXPECT_NEAR(plays["k-a-1"], all / 2.0, tolerance(0.5, all)) << "who is drawn says nothing of the creative";
}

TEST(Rotation, OfEachLengthFollowsTheWeightsOfThatLength) {
  for (const auto rotation : {model::Rotation::kEven, model::Rotation::kWeighted}) {
    Market market;
    market.line("k", "a", {15, 30, 15, 30, 15}).rotation = rotation;
    const std::vector<int> weights =
        rotation == model::Rotation::kEven ? std::vector{1, 1, 1, 1, 1} : std::vector{2, 1, 5, 3, 3};
    for (std::size_t i = 0; i < 5; ++i) market.campaign("k").lines[0].creatives[i].weight = weights[i];
    auto plays = playsOf(market, 10'000);
    const double all = weights[0] + weights[2] + weights[4];
    for (const std::size_t i : {0U, 2U, 4U}) {
      EXPECT_NEAR(plays["k-a-" + std::to_string(i + 1)], weights[i] / all * 10'000, tolerance(weights[i] / all, 10'000))
          << i;
    }
    plays = playsOf(market, 10'000, 30);
    const double longer = weights[1] + weights[3];
    EXPECT_NEAR(plays["k-a-2"], weights[1] / longer * 10'000, tolerance(weights[1] / longer, 10'000));
    EXPECT_EQ(plays["k-a-2"] + plays["k-a-4"], 10'000) << "a standard line takes the time that there is";
  }
}

TEST(Rotation, SharesTheTurnsOfWhatCannotBeShownAmongAll) {
  Market market;
  market.line("k", "a", {15, 15, 15, 15});
  market.conditioned["k-a-1"] = 0;
  market.creative("k-a-3").caps = {{1, model::CapPeriod::kDay}};
  History history;
  history.add({secondsOf(kNoon), {keyOf(Level::kCreative, "k-a-3"), 1, 1, 1}});
  auto plays = playsOf(market, 4'000, 15, &history);
  EXPECT_EQ(plays["k-a-1"] + plays["k-a-3"], 0);
  EXPECT_NEAR(plays["k-a-2"], 2'000, tolerance(0.5, 4'000));
  EXPECT_NEAR(plays["k-a-4"], 2'000, tolerance(0.5, 4'000));
}

TEST(Rotation, GoesOnFromWhatTheViewerHasSeen) {
  Market market;
  market.line("k", "a", {15, 15, 15}).rotation = model::Rotation::kSequential;
  market.line("l", "a", {30});
  History history;
  std::vector<std::string> order;
  for (int i = 0; i < 7; ++i) {
    const base::WallTime at = kNoon + std::chrono::hours{20 * i};
    Evening evening{market, at};
    const Bound bound = evening.bound(evening.decide({.session = sessionOf(i), .history = &history}), 15);
    addTo(history, evening, bound.slots, at);
    order.push_back(evening.mediaOf(bound.slots.at(0)).substr(4));
    addTo(history, evening, evening.bound(evening.decide({.history = &history}), 30, {"k/a"}).slots, at);  // l's
  }
  EXPECT_THAT(order, ElementsAre("1", "2", "3", "1", "2", "3", "1"));
  Evening unknown{market};
  EXPECT_THAT(unknown.plays(15), ElementsAre("k-a-1")) << "without a history, from the beginning";
}

TEST(Rotation, GoesOnAfterOldImpressionsAreSummedUp) {
  Market market;
  market.line("k", "a", {15, 15, 15}).rotation = model::Rotation::kSequential;
  Evening evening{market};
  History history;
  for (int i = 0; i < 4; ++i) history.add({secondsOf(kNoon) - 90'000, evening.terms.channel().lines[0].keys(0)});
  const auto next = evening.plays(15, {.history = &history});
  EXPECT_THAT(next, ElementsAre("k-a-2"));
  history.fold(secondsOf(kNoon), evening.terms.compiled().keptKeys(), 0);
  EXPECT_THAT(history.impressions(), IsEmpty());
  EXPECT_EQ(evening.plays(15, {.history = &history}), next);
}

TEST(Rotation, InSequenceSkipsWhatCannotBeShown) {
  Market market;
  market.line("k", "a", {15, 15, 15}).rotation = model::Rotation::kSequential;
  market.conditioned["k-a-2"] = 0;
  Evening evening{market};
  History history;
  std::map<std::string, int> plays;
  for (int i = 0; i < 8; ++i) {
    const Bound bound = evening.bound(evening.decide({.history = &history}), 15);
    ++plays[evening.mediaOf(bound.slots.at(0))];
    addTo(history, evening, bound.slots, kNoon);
  }
  EXPECT_EQ(plays["k-a-1"], 4);
  EXPECT_EQ(plays["k-a-3"], 4);
}

}  // namespace
}  // namespace dvpe::decisions
