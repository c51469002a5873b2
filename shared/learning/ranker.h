// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Chooses one of the candidates that rules and money allow, so that the probability of the choice is known exactly.
//
// Inverse-gap weighting (Abe and Long, ICML 1999; SquareCB: Foster and Rakhlin, ICML 2020): of K candidates let b be
// the one of the highest estimate. Every other candidate a has the probability 1 / (K + g(a) * gap(a)), b has the rest,
// which is at least 1/K. g(a) = gamma * sqrt(K * min(n(a), n(b))), at most gammaMost, where n are the model's counts of
// examples: a gap is as sure as the less known of the two. gap(a) = estimate(b) - estimate(a) without what may be
// chance, noise * sqrt(1/n(a) + 1/n(b)). One that nobody has seen yet is chosen with 1/K, and evidence that has faded
// is sought again.
//
// No allocation, no state, no clock: any thread. Equal input gives an equal choice on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/learning/model.h"

namespace dvpe::learning {

inline constexpr std::size_t kMaxCandidates = 64;

// Of each candidate; the first `count` hold.
struct Ranking {
  std::size_t count = 0;
  std::array<double, kMaxCandidates> estimates{};
  std::array<double, kMaxCandidates> probabilities{};
};

struct Choice {
  std::size_t index = 0;   // among the candidates
  double probability = 0;  // that it was to be this one; 0: there was no candidate
};

// The reward that is expected of one, about 0 to 1; of what nothing is known of, 0.
double estimate(const Candidate& candidate, const Vector& vector);

// candidates: at most kMaxCandidates; what is beyond is never chosen. draw: from 0 to below 1.
Choice choose(const Model& model, std::span<const Candidate> candidates, const Features& features, double draw,
              Ranking& out);

// A draw, from 0 to below 1, of 64 bits that are chance: their upper 53.
constexpr double drawOf(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * 0x1p-53; }

}  // namespace dvpe::learning
