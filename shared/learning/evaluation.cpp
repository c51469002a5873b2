// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/evaluation.h"

#include <algorithm>
#include <cmath>

namespace dvpe::learning {

void Evaluation::Sum::add(double value) {
  first += value;
  second += value * value;
}

void Evaluation::add(std::span<const double> target, std::span<const double> expected, std::size_t chosen,
                     double probability, double reward) {
  if (!(probability > 0) || chosen >= target.size() || expected.size() != target.size()) return;
  const double weight = target[chosen] / probability;
  double believed = 0;
  for (std::size_t i = 0; i < target.size(); ++i) believed += target[i] * expected[i];
  ++choices_;
  weights_.add(weight);
  weighted_.add(weight * reward);
  weightedWeights_ += weight * weight * reward;
  const double miss = weight * (reward - expected[chosen]);
  believed_.add(believed);
  missed_.add(miss);
  weightedMisses_ += weight * miss;
  believedMisses_ += believed * miss;
  believedWeights_ += believed * weight;
}

Evaluation::Estimate Evaluation::mean(const Sum& sum) const {
  if (choices_ < 2) return {};
  const auto n = static_cast<double>(choices_);
  const double value = sum.first / n;
  return {value, std::sqrt(std::max(0.0, sum.second / n - value * value) / (n - 1))};
}

Evaluation::Estimate Evaluation::ips() const { return mean(weighted_); }

// The error by the delta method: of what is believed, and of weight times (miss - mean miss), together.
Evaluation::Estimate Evaluation::doublyRobust() const {
  if (choices_ < 2 || weights_.first <= 0) return {};
  const Estimate believed = mean(believed_);
  const double miss = missed_.first / weights_.first, n = static_cast<double>(choices_);
  const double squares = missed_.second - 2 * miss * weightedMisses_ + miss * miss * weights_.second;
  const double both = believedMisses_ - miss * believedWeights_;  // misses around their mean add up to nothing
  const double grown = n / weights_.first;
  const double variance =
      believed.error * believed.error * (n - 1) / n + (grown * grown * squares + 2 * grown * both) / n / n;
  return {believed.value + miss, std::sqrt(std::max(0.0, variance))};
}

// The error by the delta method: of weight times (reward - value).
Evaluation::Estimate Evaluation::snips() const {
  if (choices_ < 2 || weights_.first <= 0) return {};
  const double value = weighted_.first / weights_.first;
  const double squares = weighted_.second - 2 * value * weightedWeights_ + value * value * weights_.second;
  return {value, std::sqrt(std::max(0.0, squares)) / weights_.first};
}

}  // namespace dvpe::learning
