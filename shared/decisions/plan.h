// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The plan of pacing: made every ten seconds by the coordinator, signed, sent to the nodes, which decide by it and
// never by live counters, so that all of them decide alike.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/ticks.h"

namespace dvpe::decisions {

inline constexpr std::uint32_t kWholeRate = 1'000'000;
inline constexpr std::size_t kMaxPlanBytes = 16 << 20;
inline constexpr std::size_t kMaxPlanLines = 100'000;
inline constexpr std::size_t kMaxPlanNodes = 256;
inline constexpr std::int64_t kMostImpressions = 1'000'000'000'000;  // a ceiling of so many is none

struct LinePlan {
  std::uint32_t rate = 0;  // of the viewers that it could be shown to, in millionths
  // What an impression of it is worth now: its price, and more the further it is behind. Micro-units.
  std::int64_t worth = 0;
  bool operator==(const LinePlan&) const = default;
};

struct Plan {
  std::uint64_t number = 0;  // ascending
  std::string release;       // that it was made for
  base::WallTime made{};
  std::map<std::string, LinePlan, std::less<>> lines;  // by CompiledLine::name
  // Node -> line -> how many impressions the node may bind in all since the line began, less those it took back. A
  // ceiling is given out once: the sum over the nodes never exceeds what is left of the line, whatever was lost on the
  // way (an escrow, O'Neil, TODS 1986).
  std::map<std::string, std::map<std::string, std::int64_t, std::less<>>, std::less<>> ceilings;

  const LinePlan* line(std::string_view name) const;
  std::int64_t ceiling(std::string_view node, std::string_view line) const;  // 0: none
  bool operator==(const Plan&) const = default;
};

// As JSON: {"number", "release", "made", "nodes": [...], "lines": [[name, rate, worth, [ceiling of each node]], ...]}.
std::string toJson(const Plan& plan);
// Bounded by kMaxPlanBytes; every mistake with its place. kInvalidInput, kLimitExceeded.
base::Result<Plan> parsePlan(std::string_view text);

}  // namespace dvpe::decisions
