// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "shared/learning/ranker.h"

namespace dvpe::learning {
namespace {

constexpr base::WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
base::WallTime after(double hours) { return kStart + std::chrono::seconds{static_cast<std::int64_t>(hours * 3600)}; }

Features factsOf(bool sports, const char* device) {
  Features out;
  if (sports) out.add("interest.sports");
  out.add(std::string{"device="} + device);
  return out;
}

double expected(const Trainer& trainer, std::string_view arm, const Features& features, double hours) {
  const Model model = trainer.model(1, "1.1", after(hours), after(hours));
  return estimate(model.candidate(arm), Vector(features, model.dimension));
}

// creative/a is for friends of sports (0.8, others 0.2); creative/b is 0.4 for everybody.
Trainer taught(double hours = 4, int examples = 8'000) {
  Trainer out;
  std::mt19937 random{3};
  for (int i = 0; i < examples; ++i) {
    const bool sports = random() % 2 == 0, a = random() % 2 == 0;
    const double p = a ? (sports ? 0.8 : 0.2) : 0.4;
    out.learn(a ? "creative/a" : "creative/b", factsOf(sports, i % 3 == 0 ? "tv" : "phone"),
              static_cast<double>(random() % 1000) < p * 1000 ? 1 : 0, after(hours * i / examples));
  }
  return out;
}

TEST(Trainer, LearnsWhomAnArmIsFor) {
  const Trainer trainer = taught();
  EXPECT_NEAR(expected(trainer, "creative/a", factsOf(true, "tv"), 4), 0.8, 0.06);
  EXPECT_NEAR(expected(trainer, "creative/a", factsOf(false, "phone"), 4), 0.2, 0.06);
  EXPECT_NEAR(expected(trainer, "creative/b", factsOf(true, "phone"), 4), 0.4, 0.06);
  EXPECT_NEAR(expected(trainer, "creative/new", factsOf(true, "phone"), 4), 0.6, 0.06) << "as creatives do";
}

TEST(Trainer, FollowsWhatChangesAndForgetsWhatWas) {
  Trainer trainer;
  for (int i = 0; i < 20'000; ++i) {  // from 0.1 to 0.9 in a day
    const double reward = 0.1 + 0.8 * i / 20'000;
    trainer.learn("creative/a", factsOf(i % 2 == 0, "tv"), reward, after(24.0 * i / 20'000));
  }
  EXPECT_NEAR(expected(trainer, "creative/a", factsOf(true, "tv"), 24), 0.9, 0.02);
  const auto count = [&](double hours) {
    return trainer.model(1, "1.1", after(hours), after(hours)).candidate("creative/a").count;
  };
  EXPECT_NEAR(static_cast<double>(count(32)) / static_cast<double>(count(24)), 0.5, 0.01) << "a half-life later";
}

TEST(Trainer, ComesToTheSameByADistantOrigin) {
  // 64 half-lives are 21 days: the origin has moved twice by then.
  Trainer trainer;
  for (int day = 0; day < 60; ++day) {
    for (int i = 0; i < 200; ++i)
      trainer.learn("creative/a", factsOf(i % 2 == 0, "tv"), i % 2 == 0 ? 0.7 : 0.3, after(24.0 * day + i * 0.1));
  }
  EXPECT_NEAR(expected(trainer, "creative/a", factsOf(true, "tv"), 24.0 * 59 + 20), 0.7, 0.02);
  EXPECT_NEAR(expected(trainer, "creative/a", factsOf(false, "tv"), 24.0 * 59 + 20), 0.3, 0.02);
}

TEST(Trainer, TakesItsStateAlong) {
  Trainer first = taught();
  auto second = Trainer::restore(first.state());
  ASSERT_TRUE(second);
  for (Trainer* each : {&first, &second.value()}) each->learn("creative/a", factsOf(true, "tv"), 1, after(5));
  EXPECT_EQ(first.model(9, "1.1", after(6), after(6)), second.value().model(9, "1.1", after(6), after(6)));
}

TEST(Trainer, RefusesAStateThatIsNone) {
  base::Bytes state = taught(1, 100).state();
  EXPECT_FALSE(Trainer::restore({}));
  for (const std::size_t cut : {std::size_t{1}, state.size() / 2, state.size() - 1}) {
    EXPECT_FALSE(Trainer::restore(base::ByteView{state}.first(cut))) << cut;
  }
  base::Bytes longer = state;
  longer.push_back(0);
  EXPECT_FALSE(Trainer::restore(longer));
  TrainerOptions other;
  other.dimension = 32;
  EXPECT_FALSE(Trainer::restore(state, other)) << "of another dimension";
}

TEST(Trainer, LearnsNothingFromWhatCannotBe) {
  Trainer trainer;
  EXPECT_FALSE(trainer.learn("no name", {}, 1, kStart));
  EXPECT_FALSE(trainer.learn("creative/a", {}, std::nan(""), kStart));
  EXPECT_TRUE(trainer.learn("creative/a", {}, 1e300, kStart)) << "as 1";
  EXPECT_LE(expected(trainer, "creative/a", {}, 0), 1);
}

TEST(Trainer, LearnsOfSoManyArmsAndForgetsThoseThatAreGone) {
  TrainerOptions options;
  options.arms = 2;
  Trainer trainer{options};
  EXPECT_TRUE(trainer.learn("creative/a", {}, 1, kStart));
  EXPECT_TRUE(trainer.learn("creative/b", {}, 1, kStart));
  EXPECT_FALSE(trainer.learn("creative/c", {}, 1, kStart));
  trainer.keep({"creative/b"});
  EXPECT_EQ(trainer.arms(), 1u);
  EXPECT_TRUE(trainer.learn("creative/c", {}, 1, kStart));
}

}  // namespace
}  // namespace dvpe::learning
