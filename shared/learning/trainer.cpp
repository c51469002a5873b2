// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/trainer.h"

#include <algorithm>
#include <cmath>

namespace dvpe::learning {

namespace {

constexpr double kMostHalfLives = 64;  // then the origin moves
constexpr std::size_t kMaxKinds = 16;

std::size_t triangle(std::size_t row) { return row * (row + 1) / 2; }

// Solves S x = b for a symmetric positive definite S, a lower triangle row after row, by Cholesky; in place.
void solveInPlace(std::vector<double>& s, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    double* row = &s[triangle(i)];
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = &s[triangle(j)];
      double sum = row[j];
      for (std::size_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      row[j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / other[j];
    }
    for (std::size_t k = 0; k < i; ++k) b[i] -= row[k] * b[k];
    b[i] /= row[i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= s[triangle(k) + i] * b[k];
    b[i] /= s[triangle(i) + i];
  }
}

std::int32_t inMillionths(double weight) {
  return static_cast<std::int32_t>(
      std::lround(std::clamp(weight * kWholeWeight, double{-kMostWeight}, double{kMostWeight})));
}

}  // namespace

Trainer::Trainer(TrainerOptions options) : options_(options) {
  options_.dimension = std::clamp(options_.dimension, kMinDimension, kMaxDimension);
  options_.halfLifeSeconds = std::max<std::int64_t>(options_.halfLifeSeconds, 60);
  options_.arms = std::min({options_.arms, kMaxArms - kMaxKinds, kMaxWeights / options_.dimension - kMaxKinds});
}

double Trainer::halfLives(base::WallTime at) const {
  return std::chrono::duration<double>(at - *origin_).count() / static_cast<double>(options_.halfLifeSeconds);
}

// The origin, so that sums and times stay numbers of which differences can be taken.
void Trainer::move(base::WallTime to) {
  const double t = halfLives(to), scale = std::exp2(std::min(t, 1'000.0));
  for (auto* all : {&arms_, &kinds_}) {
    for (auto& [name, sums] : *all) {
      sums.count /= scale;
      for (std::size_t i = 0; i < sums.squares[0].size(); ++i) {
        auto& [zeroth, first, second] = sums.squares;
        second[i] = (second[i] - 2 * t * first[i] + t * t * zeroth[i]) / scale;
        first[i] = (first[i] - t * zeroth[i]) / scale;
        zeroth[i] /= scale;
      }
      for (std::size_t i = 0; i < sums.products[0].size(); ++i) {
        sums.products[1][i] = (sums.products[1][i] - t * sums.products[0][i]) / scale;
        sums.products[0][i] /= scale;
      }
    }
  }
  origin_ = to;
}

void Trainer::add(Sums& sums, const Vector& vector, double reward, double age) const {
  for (auto& each : sums.squares) each.resize(triangle(options_.dimension));
  for (auto& each : sums.products) each.resize(options_.dimension);
  const double weight = std::exp2(age);
  sums.count += weight;
  for (const Vector::Entry& a : vector.entries()) {
    const double x = weight * a.value / kWholeFact;
    sums.products[0][a.index] += reward * x;
    sums.products[1][a.index] += reward * x * age;
    for (const Vector::Entry& b : vector.entries()) {
      if (b.index > a.index) continue;
      const std::size_t place = triangle(a.index) + b.index;
      const double square = x * b.value / kWholeFact;
      sums.squares[0][place] += square;
      sums.squares[1][place] += square * age;
      sums.squares[2][place] += square * age * age;
    }
  }
}

bool Trainer::learn(std::string_view arm, const Features& features, double reward, base::WallTime at) {
  if (!isArmName(arm) || std::isnan(reward)) return false;
  const std::string_view kind = kindOf(arm);
  auto own = arms_.find(arm);
  auto all = kinds_.find(kind);
  if ((own == arms_.end() && arms_.size() >= options_.arms) || (all == kinds_.end() && kinds_.size() >= kMaxKinds)) {
    return false;
  }
  if (own == arms_.end() && arm != kind) own = arms_.try_emplace(std::string{arm}).first;
  if (all == kinds_.end()) all = kinds_.try_emplace(std::string{kind}).first;
  if (!origin_) origin_ = at;
  if (halfLives(at) > kMostHalfLives) move(at);
  const double age = std::max(halfLives(at), -kMostHalfLives);
  const Vector vector(features, options_.dimension);
  const double bounded = std::clamp(reward, 0.0, 1.0);
  if (own != arms_.end()) add(own->second, vector, bounded, age);
  add(all->second, vector, bounded, age);
  return true;
}

void Trainer::keep(const std::set<std::string, std::less<>>& arms) {
  std::erase_if(arms_, [&](const auto& each) { return !arms.contains(each.first); });
}

// The weights w and their changes in a half-life v, one behind the other, that make the sum of (reward - (w + v t) x)^2
// + ridge |w - prior w|^2 + steady |v - prior v|^2 least; t counts from `age`, and so do the examples' weights.
std::vector<double> Trainer::solve(const Sums& sums, double age, double ridge, const std::vector<double>* prior) const {
  const std::size_t n = options_.dimension;
  const double scale = std::exp2(age);
  std::vector<double> squares(triangle(2 * n)), out(2 * n);
  const auto at = [&](std::size_t power, std::size_t i, std::size_t j) {
    return sums.squares[power][i >= j ? triangle(i) + j : triangle(j) + i];
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double zeroth = at(0, i, j), first = at(1, i, j) - age * zeroth;
      squares[triangle(n + i) + j] = first / scale;
      if (j > i) continue;
      squares[triangle(i) + j] = zeroth / scale;
      squares[triangle(n + i) + n + j] = (at(2, i, j) - 2 * age * at(1, i, j) + age * age * zeroth) / scale;
    }
    squares[triangle(i) + i] += ridge;
    squares[triangle(n + i) + n + i] += options_.steady;
    out[i] = sums.products[0][i] / scale + (prior ? ridge * (*prior)[i] : 0);
    out[n + i] =
        (sums.products[1][i] - age * sums.products[0][i]) / scale + (prior ? options_.steady * (*prior)[n + i] : 0);
  }
  solveInPlace(squares, out);
  return out;
}

Model Trainer::model(std::uint64_t number, std::string release, base::WallTime made, base::WallTime from) const {
  Model out;
  out.number = number;
  out.release = std::move(release);
  out.made = made;
  out.from = from;
  out.dimension = options_.dimension;
  out.gamma = options_.gamma;
  out.gammaMost = options_.gammaMost;
  out.noise = options_.noise;
  const double age = origin_ ? std::clamp(halfLives(made), -2 * kMostHalfLives, 1'000.0) : 0;
  const auto arm = [&](const std::string& name, const Sums& sums, const std::vector<double>& weights) {
    Arm one{name, static_cast<std::int64_t>(std::llround(std::min(sums.count / std::exp2(age), 1e12))), {}};
    one.weights.reserve(options_.dimension);
    for (const double each : std::span{weights}.first(options_.dimension)) one.weights.push_back(inMillionths(each));
    out.arms.push_back(std::move(one));
  };
  std::map<std::string, std::vector<double>, std::less<>> kinds;
  for (const auto& [name, sums] : kinds_) kinds[name] = solve(sums, age, options_.kindRidge, nullptr);
  for (const auto& [name, sums] : kinds_) arm(name, sums, kinds[name]);
  for (const auto& [name, sums] : arms_) {
    arm(name, sums, solve(sums, age, options_.ridge, &kinds.find(kindOf(name))->second));
  }
  std::sort(out.arms.begin(), out.arms.end(), [](const Arm& a, const Arm& b) { return a.name < b.name; });
  return out;
}

}  // namespace dvpe::learning
