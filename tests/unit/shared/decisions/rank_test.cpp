// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which creative of an optimised line a model chooses, how probable that was, and what is told of it.
#include "shared/decisions/rank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>

#include "shared/decisions/explain.h"
#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::SizeIs;

learning::Arm arm(std::string name, std::int64_t count, double level, std::size_t fact = 0, double weight = 0) {
  learning::Arm out{std::move(name), count, std::vector<std::int32_t>(64)};
  out.weights[0] = static_cast<std::int32_t>(level * learning::kWholeWeight);
  if (fact != 0) out.weights[fact] = static_cast<std::int32_t>(weight * learning::kWholeWeight);
  return out;
}

// Of line "k/a" with three creatives of 15 units the second is the best by far.
learning::Model model(std::uint64_t number = 7) {
  learning::Model out;
  out.number = number;
  out.dimension = 64;
  out.gamma = 24'000;
  out.gammaMost = 500;
  out.noise = 1'000;
  out.arms = {arm("attention", 3'000, 0.2), arm("attention/k/a/k-a-1", 1'000, 0.1),
              arm("attention/k/a/k-a-2", 1'000, 0.6), arm("attention/k/a/k-a-3", 1'000, 0.3)};
  return out;
}

class Ranking : public testing::Test {
 protected:
  Ranking() { market_.line("k", "a", {15, 15, 15}).rotation = model::Rotation::kOptimised; }

  void begin(const learning::Model& by) {
    terms_ = std::make_unique<Terms>(market_.compile(), "c", std::make_shared<const Plan>(market_.plan), kNoon,
                                     market_.lengths(), std::make_shared<const learning::Model>(by));
  }
  Ready decide(const std::string& session, std::uint64_t breakNumber = 1) {
    const Viewer viewer{attributes_, kNoon, nullptr};
    return decider_.decide(*terms_, choose(terms_->compiled(), "c", viewer), viewer, {session, breakNumber});
  }
  // How often each creative is taken, of so many sessions.
  std::array<double, 3> shares(int sessions = 4'000) {
    std::array<double, 3> out{};
    for (int i = 0; i < sessions; ++i) {
      const Ready ready = decide("s" + std::to_string(i));
      out[ready.slots.at(0).creative] += 1.0 / sessions;
    }
    return out;
  }

  Market market_;
  rules::Attributes attributes_;
  std::unique_ptr<Terms> terms_;
  Decider decider_;
};

TEST_F(Ranking, TakesTheBestMostlyAndEachAsOftenAsItSays) {
  begin(model());
  const Ready ready = decide("s");
  ASSERT_TRUE(ready.rankings);
  EXPECT_EQ(ready.rankings->model, 7U);
  const Ranked* ranked = ready.rankings->find(ready.slots[0].line, ready.slots[0].creative);
  ASSERT_NE(ranked, nullptr);
  ASSERT_THAT(ranked->among, SizeIs(3));
  std::array<double, 3> said{};
  for (const Ranked::Of& each : ranked->among) said[each.creative] = each.probability;
  EXPECT_NEAR(said[0] + said[1] + said[2], 1, 1e-12);
  EXPECT_GT(said[1], 0.98);
  EXPECT_GT(said[2], said[0]);
  const auto seen = shares();
  for (std::size_t i = 0; i < 3; ++i) {
    const double spread = std::sqrt(said[i] * (1 - said[i]) / 4'000);
    EXPECT_THAT(seen[i], AllOf(Ge(said[i] - 4 * spread), Le(said[i] + 4 * spread))) << i;
  }
}

TEST_F(Ranking, TakesThemInTurnWithoutAModelAndTellsNothing) {
  terms_ = std::make_unique<Terms>(market_.compile(), "c", std::make_shared<const Plan>(market_.plan), kNoon,
                                   market_.lengths());
  EXPECT_FALSE(decide("s").rankings);
  for (const double share : shares()) EXPECT_NEAR(share, 1.0 / 3, 0.04);
}

TEST_F(Ranking, KnowsNothingOfAModelOfOthersAndTakesEachAsOften) {
  learning::Model other = model();
  other.arms.clear();
  begin(other);
  const Ready ready = decide("s");
  ASSERT_TRUE(ready.rankings);
  for (const Ranked::Of& each : ready.rankings->choices[0].among) EXPECT_DOUBLE_EQ(each.probability, 1.0 / 3);
  for (const double share : shares()) EXPECT_NEAR(share, 1.0 / 3, 0.04);
}

TEST_F(Ranking, IsTheSameOnEveryNodeAndDrawnAnewByEachModelAndBreak) {
  learning::Model level = model(7);
  level.arms.clear();  // so that each is as probable
  begin(level);
  std::vector<std::uint16_t> first;
  first.reserve(200);
  for (int i = 0; i < 200; ++i) first.push_back(decide("s" + std::to_string(i)).slots.at(0).creative);
  const auto same = [&](std::uint64_t breakNumber) {
    int out = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      out += decide("s" + std::to_string(i), breakNumber).slots.at(0).creative == first[i] ? 1 : 0;
    }
    return out;
  };
  EXPECT_EQ(same(1), 200);
  EXPECT_THAT(same(2), AllOf(Ge(40), Le(95)));
  level.number = 8;
  begin(level);
  EXPECT_THAT(same(1), AllOf(Ge(40), Le(95)));
}

TEST_F(Ranking, LeavesWhoTakesPartAndTheirOrderAlone) {
  market_.line("l", "b", {15}, 900);
  market_.line("m", "c", {30}, 2'000, kWholeRate / 2);
  std::vector<std::vector<std::uint32_t>> before;
  before.reserve(100);
  const auto lines = [&](int i) {
    std::vector<std::uint32_t> out;
    for (const Slot& slot : decide("s" + std::to_string(i)).slots) out.push_back(slot.line);
    return out;
  };
  begin(model(7));
  for (int i = 0; i < 100; ++i) before.push_back(lines(i));
  begin(model(9));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(lines(i), before[static_cast<std::size_t>(i)]);
}

TEST_F(Ranking, ChoosesAmongCreativesOfOneLengthForEachLength) {
  market_.documents.campaigns.clear();
  market_.conditioned.clear();
  market_.line("k", "a", {15, 15, 30, 30}).rotation = model::Rotation::kOptimised;
  begin(model());
  const Ready ready = decide("s");
  ASSERT_TRUE(ready.rankings);
  ASSERT_THAT(ready.rankings->choices, SizeIs(2));
  for (const Ranked& each : ready.rankings->choices) EXPECT_THAT(each.among, SizeIs(2));
}

TEST_F(Ranking, LetsAllOfVeryManyTakePartInTurn) {
  market_.documents.campaigns.clear();
  market_.line("k", "a", std::vector<int>(40, 15)).rotation = model::Rotation::kOptimised;
  learning::Model none = model();
  none.arms.clear();
  begin(none);
  std::set<std::uint16_t> seen;
  for (int i = 0; i < 2'000; ++i) {
    const Ready ready = decide("s" + std::to_string(i));
    ASSERT_THAT(ready.rankings->choices.at(0).among, SizeIs(kMaxRanked));
    seen.insert(ready.slots.at(0).creative);
  }
  EXPECT_THAT(seen, SizeIs(40));
}

class Facts : public Ranking {
 protected:
  Facts() {
    model::Field country{"viewer.country", model::FieldType::kString, "", "personalised_ads"};
    country.forecastable = true;
    country.values = {std::string("DE"), std::string("FR")};
    model::Field age{"viewer.age", model::FieldType::kInt, "", ""};
    age.forecastable = true;
    age.steps = {std::int64_t{0}, std::int64_t{18}, std::int64_t{30}};
    model::Field secret{"viewer.secret", model::FieldType::kString, "", ""};
    market_.documents.rulesets["r"].fields = {country, age, secret};
    begin(model());
  }
  std::set<std::uint32_t> facts(base::WallTime at = kNoon) {
    std::set<std::uint32_t> out;
    const learning::Features all = factsOf(terms_->channel(), {attributes_, at, nullptr}, at);
    for (const learning::Fact& each : all.facts()) out.insert(each.hash);
    return out;
  }
  static std::uint32_t hash(std::string_view fact) { return learning::hashOf(fact); }
};

TEST_F(Facts, AreCoarseAndOfDeclaredFieldsAlone) {
  ASSERT_TRUE(attributes_.set("viewer.country", {std::string("DE")}));
  ASSERT_TRUE(attributes_.set("viewer.age", {std::int64_t{27}}));
  ASSERT_TRUE(attributes_.set("viewer.secret", {std::string("x")}));
  ASSERT_TRUE(attributes_.consent("personalised_ads"));
  EXPECT_EQ(facts(), (std::set{hash("hours=12"), hash("viewer.country=\"DE\""), hash("viewer.age=18")}));
}

TEST_F(Facts, LeaveOutWhatTheViewerDoesNotLetCampaignsRead) {
  ASSERT_TRUE(attributes_.set("viewer.country", {std::string("DE")}));
  EXPECT_EQ(facts(), std::set{hash("hours=12")});
}

TEST_F(Facts, LeaveOutWhatTheSampleWouldNotKnow) {
  ASSERT_TRUE(attributes_.set("viewer.country", {std::string("XX")}));
  ASSERT_TRUE(attributes_.set("viewer.age", {std::int64_t{-5}}));
  ASSERT_TRUE(attributes_.consent("personalised_ads"));
  EXPECT_EQ(facts(), std::set{hash("hours=12")});
}

TEST_F(Facts, TellTheTimeOfTheWeek) {
  EXPECT_EQ(facts(wall(2026, 6, 6, 23, 59)), (std::set{hash("hours=20"), hash("weekend")}));  // a Saturday
  EXPECT_EQ(facts(wall(2026, 6, 8)), std::set{hash("hours=0")});
}

TEST_F(Facts, ChangeWhatIsChosen) {
  // Whoever is in France likes the third.
  ASSERT_TRUE(attributes_.set("viewer.country", {std::string("FR")}));
  ASSERT_TRUE(attributes_.consent("personalised_ads"));
  learning::Features france;
  france.add("viewer.country=\"FR\"");
  const std::uint32_t place = learning::Vector{france, 64}.entries().back().index;
  learning::Model taught = model();
  taught.arms[3] = arm("attention/k/a/k-a-3", 1'000, 0.3, place, 0.6);
  begin(taught);
  EXPECT_GT(shares(500)[2], 0.9);
}

TEST_F(Facts, GoWithWhatIsTold) {
  ASSERT_TRUE(attributes_.set("viewer.age", {std::int64_t{40}}));
  const Ready ready = decide("s");
  ASSERT_TRUE(ready.rankings);
  const std::string text = toText(*ready.rankings, ready.rankings->choices[0], "3.17", 12);
  const auto told = boost::json::parse(text).as_object();
  EXPECT_EQ(told.at("release"), "3.17");
  EXPECT_EQ(told.at("plan"), 12);
  EXPECT_EQ(told.at("model"), 7);
  EXPECT_EQ(told.at("aim"), "attention");
  double sum = 0;
  for (const auto& each : told.at("among").as_array()) sum += each.at(1).to_number<double>();
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_EQ(told.at("among").at(1).at(0), "k-a-2");
  EXPECT_EQ(told.at("facts").as_string().size(), 16U) << "two facts of six bytes, in base64";
}

TEST_F(Ranking, IsShortEnoughToBeToldHoweverLongNamesAre) {
  market_.documents.campaigns.clear();
  model::Line& line = market_.line("k", "a", {});
  line.rotation = model::Rotation::kOptimised;
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::string(62, 'x') + std::to_string(10 + i);
    line.creatives.push_back({name});
    market_.creative(name, 15);
  }
  learning::Model by = model(1'800'000'000);
  for (int i = 0; i < 20; ++i) {
    by.arms.push_back(arm("attention/k/a/" + std::string(62, 'x') + std::to_string(10 + i), 1'000 + i, 0.01 * i));
  }
  begin(by);
  Rankings full = *decide("s").rankings;
  while (full.facts.add("a" + std::to_string(full.facts.facts().size()))) continue;
  EXPECT_LE(toText(full, full.choices[0], "1234567.123456789012", 1'800'000'000'000).size(), kMaxRankedText);
}

TEST_F(Ranking, IsExplainedWithItsProbabilities) {
  begin(model());
  const Viewer viewer{attributes_, kNoon, nullptr};
  const std::string report = toJson(explain(*terms_, viewer, {"s", 1}, 15), *terms_);
  EXPECT_THAT(report, HasSubstr("\"model\":{\"number\":7,\"among\":{\"k-a-1\":"));
}

}  // namespace
}  // namespace dvpe::decisions
