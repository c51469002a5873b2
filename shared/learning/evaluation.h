// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What another policy would have got, from the choices that were made and the probabilities they had (off-policy
// evaluation). Three estimates of its mean reward:
// - IPS (Horvitz and Thompson, JASA 1952): rewards weighted by p(target) / p(logged). Unbiased, noisy.
// - SNIPS (Swaminathan and Joachims, NeurIPS 2015): the same divided by the mean weight.
// - doubly robust (Dudik, Langford, Li, ICML 2011), weighted (Thomas and Brunskill, ICML 2016): what a model expects,
//   corrected by SNIPS of where it errs.
#pragma once

#include <cstdint>
#include <span>

namespace dvpe::learning {

class Evaluation {
 public:
  // A choice that was made. target, expected: of each candidate, the probability that the other policy gives it and the
  // reward that a model made before expects. probability: that the chosen one had. Choices of probability 0 cannot be
  // (they are passed over).
  void add(std::span<const double> target, std::span<const double> expected, std::size_t chosen, double probability,
           double reward);

  struct Estimate {
    double value = 0;
    double error = 0;  // standard error
  };
  std::uint64_t choices() const { return choices_; }
  Estimate ips() const;
  Estimate snips() const;
  Estimate doublyRobust() const;

 private:
  struct Sum {
    double first = 0, second = 0;
    void add(double value);
  };
  Estimate mean(const Sum& sum) const;

  std::uint64_t choices_ = 0;
  Sum weights_, weighted_, believed_, missed_;
  // Sums of products: of a weight and what it weighs, and of what is believed and these.
  double weightedWeights_ = 0, weightedMisses_ = 0, believedMisses_ = 0, believedWeights_ = 0;
};

}  // namespace dvpe::learning
