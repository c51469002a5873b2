// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/evaluation.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

namespace dvpe::learning {
namespace {

constexpr std::array<double, 3> kChances{0.2, 0.5, 0.8}, kLogged{0.6, 0.3, 0.1}, kTarget{0.1, 0.2, 0.7};

Evaluation logged(int choices, const std::array<double, 3>& expected, unsigned seed) {
  Evaluation out;
  std::mt19937 random{seed};
  std::uniform_real_distribution<double> uniform;
  for (int i = 0; i < choices; ++i) {
    const double u = uniform(random);
    const std::size_t chosen = u < kLogged[0] ? 0 : u < kLogged[0] + kLogged[1] ? 1 : 2;
    out.add(kTarget, expected, chosen, kLogged[chosen], uniform(random) < kChances[chosen] ? 1 : 0);
  }
  return out;
}

TEST(Evaluation, ComesToTheTruthWhateverTheModelExpects) {
  constexpr double kTruth = 0.1 * 0.2 + 0.2 * 0.5 + 0.7 * 0.8;
  for (const auto& expected : {kChances, std::array<double, 3>{0.5, 0.5, 0.5}, std::array<double, 3>{}}) {
    const Evaluation evaluation = logged(100'000, expected, 5);
    for (const auto& estimate : {evaluation.ips(), evaluation.snips(), evaluation.doublyRobust()}) {
      EXPECT_NEAR(estimate.value, kTruth, 4 * estimate.error);
      EXPECT_LT(estimate.error, 0.02);
      EXPECT_GT(estimate.error, 0);
    }
  }
}

TEST(Evaluation, SaysHowFarItMayBeOff) {
  constexpr double kTruth = 0.68;
  double squares = 0, said = 0;
  constexpr int kRuns = 300;
  for (unsigned seed = 0; seed < kRuns; ++seed) {
    const auto estimate = logged(500, {0.3, 0.3, 0.3}, seed).doublyRobust();
    squares += (estimate.value - kTruth) * (estimate.value - kTruth);
    said += estimate.error * estimate.error;
  }
  EXPECT_NEAR(std::sqrt(said / squares), 1, 0.15);
}

TEST(Evaluation, PassesOverWhatCannotHaveBeen) {
  Evaluation evaluation;
  evaluation.add(kTarget, kChances, 3, 0.5, 1);
  evaluation.add(kTarget, kChances, 0, 0, 1);
  evaluation.add(kTarget, std::array<double, 2>{}, 0, 0.5, 1);
  EXPECT_EQ(evaluation.choices(), 0u);
  EXPECT_EQ(evaluation.doublyRobust().value, 0);
}

}  // namespace
}  // namespace dvpe::learning
