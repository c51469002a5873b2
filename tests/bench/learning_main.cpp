// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_learning GENERATOR SEED VIEWERS: a day of a channel whose viewers each are shown one of eight creatives, the
// choice made as nodes make it, learnt from as the coordinator learns. Writes one line of JSON. learning.py runs it.
//
// A viewer has a country (of eight, the first ones likelier), a device (of four), an age (of five) and up to three of
// six interests, each from 0.3 to 1. The chance of a reward is logistic in these: 1 / (1 + exp(-(b + w x))), with b
// from N(-1.2, 0.3) and w from N(0, 0.4) for countries, devices and ages, from N(0, 1.2) for interests, all by
// creative: what is learnt, a linear model, is never quite right.
//   stationary  w stays as it is
//   drifting    w turns from one drawn set into another: w(t) = w1 cos(a) + w2 sin(a), a from 0 to a right angle
//   none        each creative's chance is 0.3 for everybody
// Viewers come evenly over 24 hours. A model is made each 60 s, of what was shown at least 180 s before.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <deque>
#include <iostream>
#include <numbers>
#include <random>

#include "shared/learning/evaluation.h"
#include "shared/learning/ranker.h"
#include "shared/learning/trainer.h"

namespace {

using namespace dvpe;

constexpr std::size_t kArms = 8, kCountries = 8, kDevices = 4, kAges = 5, kInterests = 6;
constexpr std::size_t kFacts = kCountries + kDevices + kAges + kInterests;
constexpr double kDay = 86'400, kModelEvery = 60, kKnownAfter = 180;
constexpr std::size_t kPoints = 100;  // of the curves
constexpr base::WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};

base::WallTime at(double seconds) {
  return kStart + std::chrono::microseconds{static_cast<std::int64_t>(seconds * 1e6)};
}

struct Viewer {
  std::array<double, kFacts> facts{};
  learning::Features features;
};

using Weights = std::array<std::array<double, kFacts>, kArms>;

class World {
 public:
  World(std::string_view generator, std::uint64_t seed) : random_(seed), generator_(generator) {
    std::normal_distribution<double> normal;
    for (double& each : base_) each = -1.2 + 0.3 * normal(random_);
    for (Weights* weights : {&first_, &second_}) {
      for (auto& arm : *weights) {
        for (std::size_t i = 0; i < kFacts; ++i) arm[i] = (i < kFacts - kInterests ? 0.4 : 1.2) * normal(random_);
      }
    }
    for (std::size_t i = 0; i < kCountries; ++i) names_.push_back("country=" + std::to_string(i));
    for (std::size_t i = 0; i < kDevices; ++i) names_.push_back("device=" + std::to_string(i));
    for (std::size_t i = 0; i < kAges; ++i) names_.push_back("age=" + std::to_string(i));
    for (std::size_t i = 0; i < kInterests; ++i) names_.push_back("interest." + std::to_string(i));
  }

  Viewer viewer() {
    Viewer out;
    std::geometric_distribution<std::size_t> country{0.35};
    const auto one = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>{0, most - 1}(random_); };
    out.facts[std::min(country(random_), kCountries - 1)] = 1;
    out.facts[kCountries + one(kDevices)] = 1;
    out.facts[kCountries + kDevices + one(kAges)] = 1;
    for (std::size_t i = one(4); i > 0; --i) out.facts[kFacts - kInterests + one(kInterests)] = 0.3 + 0.7 * uniform();
    for (std::size_t i = 0; i < kFacts; ++i) {
      if (out.facts[i] != 0) out.features.add(names_[i], out.facts[i]);
    }
    return out;
  }

  // of the day: 0 to 1
  double chance(const Viewer& viewer, std::size_t arm, double ofTheDay) const {
    if (generator_ == "none") return 0.3;
    const double angle = generator_ == "drifting" ? ofTheDay * std::numbers::pi / 2 : 0;
    double sum = base_[arm];
    for (std::size_t i = 0; i < kFacts; ++i) {
      sum += viewer.facts[i] * (std::cos(angle) * first_[arm][i] + std::sin(angle) * second_[arm][i]);
    }
    return 1 / (1 + std::exp(-sum));
  }

  double uniform() { return std::uniform_real_distribution<double>{}(random_); }

 private:
  std::mt19937_64 random_;
  std::string_view generator_;
  std::array<double, kArms> base_{};
  Weights first_{}, second_{};
  std::vector<std::string> names_;
};

struct Shown {
  double when = 0;
  learning::Features features;
  std::size_t arm = 0;
  double reward = 0;
};

// Of a stretch of viewers: what was got, and what could have been. Expected values, without the luck of the draw.
struct Tally {
  double got = 0, best = 0, even = 0;
  std::array<double, kArms> fixed{};
  void add(const std::array<double, kArms>& chances, std::span<const double> probabilities) {
    for (std::size_t i = 0; i < kArms; ++i) {
      got += probabilities[i] * chances[i];
      even += chances[i] / kArms;
      fixed[i] += chances[i];
    }
    best += *std::max_element(chances.begin(), chances.end());
  }
  double bestFixed() const { return *std::max_element(fixed.begin(), fixed.end()); }
};

// A policy that did not run: what is estimated of it, and the truth.
struct Other {
  const char* name;
  learning::Evaluation evaluation;
  double truth = 0;
};

class Day {
 public:
  Day(std::string_view generator, std::uint64_t seed, std::size_t viewers, learning::TrainerOptions options)
      : world_(generator, seed), viewers_(viewers), trainer_(options), seed_(seed) {
    for (std::size_t i = 0; i < kArms; ++i) names_.push_back("creative/" + std::to_string(i));
    publish(0);
  }

  boost::json::object run() {
    for (std::size_t i = 0; i < viewers_; ++i) {
      one(i);
      if ((i + 1) % (viewers_ / kPoints) == 0) {
        for (std::size_t k = 0; k < 3; ++k) curves_[k].push_back(std::array{all_.got, all_.bestFixed(), all_.even}[k]);
        best_.push_back(all_.best);
      }
    }
    return report();
  }

 private:
  void publish(double now) {
    while (!shown_.empty() && shown_.front().when <= now - kKnownAfter) {
      const Shown& each = shown_.front();
      trainer_.learn(names_[each.arm], each.features, each.reward, at(each.when));
      shown_.pop_front();
    }
    model_ = trainer_.model(++number_, "1.1", at(now), at(now));
    candidates_.clear();
    for (const std::string& name : names_) candidates_.push_back(model_.candidate(name));
  }

  void one(std::size_t number) {
    const double now = kDay * static_cast<double>(number) / static_cast<double>(viewers_);
    if (now >= kModelEvery * static_cast<double>(number_)) publish(now);
    if (number >= viewers_ / 4 && before_.number == 0) before_ = model_;
    const Viewer viewer = world_.viewer();
    std::array<double, kArms> chances{};
    for (std::size_t i = 0; i < kArms; ++i) chances[i] = world_.chance(viewer, i, now / kDay);
    learning::Ranking ranking;
    const double draw = learning::drawOf(std::mt19937_64{seed_ * 1'000'003 + number}());
    const learning::Choice choice = learning::choose(model_, candidates_, viewer.features, draw, ranking);
    const double reward = world_.uniform() < chances[choice.index] ? 1 : 0;
    shown_.push_back({now, viewer.features, choice.index, reward});
    const std::span<const double> probabilities{ranking.probabilities.data(), kArms};
    all_.add(chances, probabilities);
    if (number >= viewers_ * 3 / 4) quarter_.add(chances, probabilities);
    if (before_.number != 0) evaluate(viewer, chances, ranking, choice, reward);
  }

  // The log of three quarters, for three policies that did not make it: the model of before, kept; the best by it,
  // always; and each as often as any other.
  void evaluate(const Viewer& viewer, const std::array<double, kArms>& chances, const learning::Ranking& ranking,
                const learning::Choice& choice, double reward) {
    std::array<std::array<double, kArms>, 3> targets{};
    targets[0][best(before_, viewer.features)] = 1;
    targets[1] = kept(before_, viewer.features);
    targets[2].fill(1.0 / kArms);
    for (std::size_t k = 0; k < others_.size(); ++k) {
      for (std::size_t i = 0; i < kArms; ++i) others_[k].truth += targets[k][i] * chances[i];
      others_[k].evaluation.add(targets[k], std::span{ranking.estimates}.first(kArms), choice.index, choice.probability,
                                reward);
    }
  }

  std::array<double, kArms> kept(const learning::Model& model, const learning::Features& features) const {
    std::array<learning::Candidate, kArms> of{};
    for (std::size_t i = 0; i < kArms; ++i) of[i] = model.candidate(names_[i]);
    learning::Ranking ranking;
    learning::choose(model, of, features, 0, ranking);
    std::array<double, kArms> out{};
    std::copy_n(ranking.probabilities.begin(), kArms, out.begin());
    return out;
  }

  std::size_t best(const learning::Model& model, const learning::Features& features) const {
    const learning::Vector vector(features, model.dimension);
    const auto of = [&](std::size_t i) { return learning::estimate(model.candidate(names_[i]), vector); };
    std::size_t out = 0;
    for (std::size_t i = 1; i < kArms; ++i) out = of(i) > of(out) ? i : out;
    return out;
  }

  boost::json::object report() const {
    const std::size_t before = viewers_ * 3 / 4;
    const auto quarter = static_cast<double>(viewers_ - before);
    boost::json::object out{{"got", quarter_.got / quarter},
                            {"best", quarter_.best / quarter},
                            {"fixed", quarter_.bestFixed() / quarter},
                            {"even", quarter_.even / quarter},
                            {"of_best", quarter_.got / quarter_.best},
                            {"of_fixed", quarter_.got / quarter_.bestFixed()},
                            {"models", number_}};
    boost::json::object others;
    for (const Other& other : others_) {
      const double truth = other.truth / static_cast<double>(other.evaluation.choices());
      const auto off = [&](const learning::Evaluation::Estimate& e) { return std::abs(e.value - truth) / truth; };
      others[other.name] = {{"truth", truth},
                            {"robust", off(other.evaluation.doublyRobust())},
                            {"ips", off(other.evaluation.ips())},
                            {"snips", off(other.evaluation.snips())},
                            {"robust_sigmas", std::abs(other.evaluation.doublyRobust().value - truth) /
                                                  other.evaluation.doublyRobust().error}};
    }
    out["others"] = std::move(others);
    boost::json::object regrets;
    const char* names[] = {"learnt", "fixed", "even"};
    for (std::size_t k = 0; k < 3; ++k) {
      boost::json::array regret;
      for (std::size_t i = 0; i < best_.size(); ++i) regret.push_back(best_[i] - curves_[k][i]);
      regrets[names[k]] = std::move(regret);
    }
    out["regret"] = std::move(regrets);
    return out;
  }

  World world_;
  std::size_t viewers_;
  learning::Trainer trainer_;
  std::uint64_t seed_, number_ = 0;
  std::vector<std::string> names_;
  learning::Model model_, before_;
  std::vector<learning::Candidate> candidates_;
  std::deque<Shown> shown_;
  Tally all_, quarter_;
  std::array<std::vector<double>, 3> curves_;
  std::vector<double> best_;
  std::array<Other, 3> others_{{{"greedy", {}}, {"kept", {}}, {"even", {}}}};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "bench_learning GENERATOR SEED VIEWERS [DIMENSION HALFLIFE GAMMA MOST NOISE STEADY]\n";
    return 2;
  }
  learning::TrainerOptions options;
  if (argc > 4) options.dimension = std::stoul(argv[4]);
  if (argc > 5) options.halfLifeSeconds = std::stol(argv[5]);
  if (argc > 6) options.gamma = std::stol(argv[6]);
  if (argc > 7) options.gammaMost = std::stol(argv[7]);
  if (argc > 8) options.noise = std::stol(argv[8]);
  if (argc > 9) options.steady = std::stod(argv[9]);
  std::cout << boost::json::serialize(Day{argv[1], std::stoull(argv[2]), std::stoul(argv[3]), options}.run()) << "\n";
}
