// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/ranker.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace dvpe::learning {
namespace {

// Arms of these constant estimates, of `count` examples each.
Model modelOf(const std::vector<double>& estimates, std::int64_t count) {
  Model out;
  out.number = 7;
  out.gamma = 24'000;
  out.gammaMost = 500;
  out.noise = 1'000;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    out.arms.push_back({"creative/" + std::to_string(i),
                        count,
                        {static_cast<std::int32_t>(std::lround(estimates[i] * kWholeWeight)), 0}});
  }
  return out;
}

std::vector<Candidate> candidatesOf(const Model& model) {
  std::vector<Candidate> out;
  for (const Arm& arm : model.arms) out.push_back({&arm, arm.count});
  return out;
}

TEST(Ranker, GivesProbabilitiesThatAddUpAndFollowTheGap) {
  const Model model = modelOf({0.2, 0.5, 0.3, 0.5}, 1'000'000);
  Ranking ranking;
  choose(model, candidatesOf(model), {}, 0, ranking);
  ASSERT_EQ(ranking.count, 4u);
  EXPECT_NEAR(std::accumulate(ranking.probabilities.begin(), ranking.probabilities.begin() + 4, 0.0), 1, 1e-12);
  // 1 / (4 + 500 * (0.3 - chance)), chance = sqrt(2 / 1e6)
  EXPECT_NEAR(ranking.probabilities[0], 1 / (4 + 500 * (0.3 - std::sqrt(2e-6))), 1e-9);
  EXPECT_GT(ranking.probabilities[2], ranking.probabilities[0]);
  EXPECT_NEAR(ranking.probabilities[3], 0.25, 1e-12) << "as good as the best";
  EXPECT_GT(ranking.probabilities[1], 0.25);
}

TEST(Ranker, TakesADifferenceThatMayBeChanceForNone) {
  const Model model = modelOf({0.30, 0.32}, 1'000);  // chance: 0.045
  Ranking ranking;
  choose(model, candidatesOf(model), {}, 0, ranking);
  EXPECT_DOUBLE_EQ(ranking.probabilities[0], 0.5);
}

TEST(Ranker, TriesWhatNobodyHasSeen) {
  Model model = modelOf({0.9, 0}, 100'000);
  model.arms[1].count = 0;
  Ranking ranking;
  choose(model, candidatesOf(model), {}, 0, ranking);
  EXPECT_DOUBLE_EQ(ranking.probabilities[1], 0.5);
}

TEST(Ranker, ChoosesAsOftenAsItSays) {
  const Model model = modelOf({0.30, 0.31, 0.35}, 10'000);
  const auto candidates = candidatesOf(model);
  std::array<int, 3> counts{};
  Ranking ranking;
  constexpr int kDraws = 20'000;
  std::mt19937_64 random{7};  // NOLINT(cert-msc51-cpp): the same each time
  for (int i = 0; i < kDraws; ++i) {
    const Choice choice = choose(model, candidates, {}, drawOf(random()), ranking);
    EXPECT_EQ(choice.probability, ranking.probabilities[choice.index]);
    ++counts[choice.index];
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const double p = ranking.probabilities[i];
    EXPECT_NEAR(counts[i], kDraws * p, 4 * std::sqrt(kDraws * p * (1 - p))) << i;
  }
}

TEST(Ranker, DrawsAreFromNoughtToBelowOne) {
  EXPECT_EQ(drawOf(0), 0);
  EXPECT_EQ(drawOf(std::uint64_t{1} << 63U), 0.5);
  EXPECT_LT(drawOf(~std::uint64_t{0}), 1);
}

TEST(Ranker, HasNothingToChooseFromNothingAndPassesOverTooMany) {
  const Model model = modelOf({0.3}, 10);
  Ranking ranking;
  EXPECT_EQ(choose(model, {}, {}, 0.5, ranking).probability, 0);
  const std::vector<Candidate> many(kMaxCandidates + 10);  // nothing is known of any
  for (const double draw : {0.0, 0.5, 1 - 1e-16}) {
    const Choice choice = choose(model, many, {}, draw, ranking);
    EXPECT_LT(choice.index, kMaxCandidates);
    EXPECT_NEAR(choice.probability, 1.0 / kMaxCandidates, 1e-12);
  }
}

TEST(Features, AreBoundedAndTakeNoMoreThanThereIsRoomFor) {
  Features features;
  EXPECT_TRUE(features.add("a", 17));
  EXPECT_TRUE(features.add("b", std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(features.facts()[0].value, kWholeFact);
  EXPECT_EQ(features.facts()[1].value, 0);
  EXPECT_FALSE(features.add(Fact{1, kWholeFact + 1}));
  for (std::size_t i = 2; i < kMaxFacts; ++i) EXPECT_TRUE(features.add("x" + std::to_string(i)));
  EXPECT_FALSE(features.add("too many"));
}

// What is logged holds these: they may never change.
TEST(Features, HashAsTheyAlwaysDid) {
  EXPECT_EQ(hashOf("country=DE"), 0x5d336939u);
  EXPECT_EQ(hashOf("interest.sports"), 0xcffbbc26u);
}

}  // namespace
}  // namespace dvpe::learning
