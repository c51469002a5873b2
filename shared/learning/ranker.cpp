// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/ranker.h"

#include <algorithm>
#include <cmath>

namespace dvpe::learning {

double estimate(const Candidate& candidate, const Vector& vector) {
  if (candidate.arm == nullptr) return 0;
  std::int64_t sum = 0;  // at most 1e9 * 256 * 25 in sum: exact
  for (const Vector::Entry& each : vector.entries()) {
    sum += std::int64_t{candidate.arm->weights[each.index]} * each.value;
  }
  return static_cast<double>(sum) / (double{kWholeWeight} * kWholeFact);
}

namespace {

void weigh(const Model& model, std::span<const Candidate> candidates, Ranking& out) {
  const auto estimates = std::span{out.estimates}.first(out.count);
  const auto best = static_cast<std::size_t>(std::max_element(estimates.begin(), estimates.end()) - estimates.begin());
  const auto many = static_cast<double>(out.count);
  const double gamma = static_cast<double>(model.gamma) / 1000, most = static_cast<double>(model.gammaMost);
  const double noise = static_cast<double>(model.noise) / 1000;
  const auto count = [&](std::size_t i) { return static_cast<double>(candidates[i].count); };
  double others = 0;
  for (std::size_t i = 0; i < out.count; ++i) {
    if (i == best) continue;
    const double known = std::min(count(i), count(best));
    const double sharpness = std::min(gamma * std::sqrt(many * known), most);
    const double chance = known > 0 ? noise * std::sqrt(1 / count(i) + 1 / count(best)) : 0;
    out.probabilities[i] = 1 / (many + sharpness * std::max(0.0, estimates[best] - estimates[i] - chance));
    others += out.probabilities[i];
  }
  out.probabilities[best] = 1 - others;
}

}  // namespace

Choice choose(const Model& model, std::span<const Candidate> candidates, const Features& features, double draw,
              Ranking& out) {
  out.count = std::min(candidates.size(), kMaxCandidates);
  if (out.count == 0) return {};
  const Vector vector(features, model.dimension);
  for (std::size_t i = 0; i < out.count; ++i) out.estimates[i] = estimate(candidates[i], vector);
  weigh(model, candidates, out);
  std::size_t chosen = 0;
  double left = draw;
  while (chosen + 1 < out.count && left >= out.probabilities[chosen]) left -= out.probabilities[chosen++];
  return {chosen, out.probabilities[chosen]};
}

}  // namespace dvpe::learning
