// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What was learnt, as the coordinator publishes it each minute: numbered, signed, sent alone, as plans are. For each
// arm (something that can be chosen: a creative, a clip, an overlay) the weights of a linear estimate of its reward.
// Weights are whole millionths and facts whole 256ths, so that every node computes the same estimate to the last bit.
// Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/learning/features.h"

namespace dvpe::learning {

inline constexpr std::size_t kMaxModelBytes = 16 << 20;
inline constexpr std::size_t kMaxArms = 8'192;
inline constexpr std::size_t kMaxWeights = 1 << 20;  // of all arms
inline constexpr std::int32_t kWholeWeight = 1'000'000;
inline constexpr std::int32_t kMostWeight = 1'000'000'000;
inline constexpr std::int64_t kMostCount = 1'000'000'000'000;
inline constexpr std::int64_t kMostGamma = 1'000'000;

// "kind/name": two to four names with "/" between, "creative/tea/spring" for one. "kind" alone stands for all of the
// kind: what is expected of one that is not known yet.
bool isArmName(std::string_view text);
// What stands before the first "/".
std::string_view kindOf(std::string_view arm);

struct Arm {
  std::string name;
  std::int64_t count = 0;             // of examples, those long ago counting less
  std::vector<std::int32_t> weights;  // Model::dimension of them, in millionths
  bool operator==(const Arm&) const = default;
};

// An arm as a choice sees it. Valid as long as the model.
struct Candidate {
  const Arm* arm = nullptr;  // its own; of an unknown one its kind's; null: nothing is known of the kind either
  std::int64_t count = 0;    // 0 for an unknown one
};

struct Model {
  std::uint64_t number = 0;  // ascending
  std::string release;       // that it was made for
  base::WallTime made{};
  base::WallTime from{};  // in force from a channel's first cut at or after this
  std::size_t dimension = kMinDimension;
  // How sharply the better is preferred (ranker.h): of a candidate with n examples among K, in thousandths of
  // sqrt(K n); and the most that comes of it.
  std::int64_t gamma = 0;
  std::int64_t gammaMost = 0;
  std::int64_t noise = 0;  // how far two estimates are apart by chance, in thousandths at one example each
  std::vector<Arm> arms;   // ascending by name

  Candidate candidate(std::string_view name) const;
  bool operator==(const Model&) const = default;
};

// As JSON: {"number", "release", "made", "from", "dimension", "gamma", "gammaMost", "noise", "arms": [[name, count,
// [weights]],
// ...]}.
std::string toJson(const Model& model);
// Bounded by kMaxModelBytes; every mistake with its place. kInvalidInput, kLimitExceeded.
base::Result<Model> parseModel(std::string_view text);

}  // namespace dvpe::learning
