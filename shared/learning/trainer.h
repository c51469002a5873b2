// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Learns what reward to expect of each arm, one example after another: ridge regression (Hoerl and Kennard,
// Technometrics 1970) on the facts of the viewer, locally linear in time (Fan and Gijbels, "Local polynomial
// modelling", 1996): each example counts half after a half-life, and how weights change is learnt with them, so that
// what drifts is not always seen as it was hours ago. An arm's weights are drawn towards those of its kind, which
// learns from all of its arms: of a new creative is expected what creatives do.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "shared/base/bytes.h"
#include "shared/learning/model.h"

namespace dvpe::learning {

struct TrainerOptions {
  std::size_t dimension = 64;
  double ridge = 4;      // how many examples the belief in the kind's weights is worth
  double steady = 4;     // the same of the belief that they change as those of its kind
  double kindRidge = 1;  // the same of the belief that a kind's weights are 0
  std::int64_t halfLifeSeconds = 8 * 3600;
  std::int64_t gamma = 24'000;   // Model::gamma
  std::int64_t gammaMost = 500;  // Model::gammaMost
  std::int64_t noise = 1'000;    // Model::noise
  std::size_t arms = 256;        // learnt of; of more nothing is
};

// Belongs to one thread at a time. Equal input in equal order gives equal models.
class Trainer {
 public:
  explicit Trainer(TrainerOptions options = {});

  // What an arm got at a moment. reward: 0 to 1, what is beyond counts as the bound. Moments may go back a little; what
  // came late counts as what is of its moment. False: nothing was learnt (no name of an arm, not a number, too many
  // arms).
  bool learn(std::string_view arm, const Features& features, double reward, base::WallTime at);
  // Forgets arms that are not among these. What their kind has learnt of them stays.
  void keep(const std::set<std::string, std::less<>>& arms);
  std::size_t arms() const { return arms_.size(); }

  // What is known at `made`.
  Model model(std::uint64_t number, std::string release, base::WallTime made, base::WallTime from) const;

  base::Bytes state() const;
  // kInvalidInput for anything that state() of a trainer of this dimension has not written.
  static base::Result<Trainer> restore(base::ByteView bytes, TrainerOptions options = {});

 private:
  // Sums grow with time instead of decaying: an example counts 2^t, t half-lives after the origin; model() divides.
  struct Sums {
    double count = 0;
    // Sums of x x', of t x x' and of t^2 x x', each a lower triangle row after row; t: half-lives since the origin.
    std::array<std::vector<double>, 3> squares;
    std::array<std::vector<double>, 2> products;  // sums of x times reward, and of t times that
  };
  double halfLives(base::WallTime at) const;
  void move(base::WallTime to);
  void add(Sums& sums, const Vector& vector, double reward, double age) const;
  std::vector<double> solve(const Sums& sums, double age, double ridge, const std::vector<double>* prior) const;

  TrainerOptions options_;
  std::optional<base::WallTime> origin_;
  std::map<std::string, Sums, std::less<>> arms_;
  std::map<std::string, Sums, std::less<>> kinds_;
};

}  // namespace dvpe::learning
