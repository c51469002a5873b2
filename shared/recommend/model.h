// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What recommendations are made from: made by the coordinator, signed and sent to the nodes like the plan of pacing.
// It holds contents only, nothing of any viewer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/ticks.h"

namespace dvpe::recommend {

inline constexpr std::size_t kMaxModelBytes = 32 << 20;
inline constexpr std::size_t kMaxItems = 10'000;
inline constexpr std::size_t kMaxNeighbours = 64;
inline constexpr std::size_t kMaxTags = 16;
inline constexpr std::size_t kMaxTitleBytes = 200;
inline constexpr std::int64_t kMaxWeight = 1'000'000;          // thousandths
inline constexpr std::int64_t kMaxPopularity = 1'000'000'000;  // of a thousand millions
inline constexpr std::int64_t kMaxSeconds = 366 * 24 * 3600;

struct Features {
  std::string title;              // for people, UTF-8
  std::string language;           // a name, "" when not known
  std::int64_t seconds = 0;       // how long it is, 0 when not known or live
  std::vector<std::string> tags;  // names, none twice
  bool operator==(const Features&) const = default;
};

struct Neighbour {
  std::uint32_t item = 0;    // its place in Model::items
  std::uint32_t weight = 0;  // how much likelier beside this one than by itself: 1000 is twice as likely
  bool byContent = false;    // their features say so, more than what was viewed
  bool operator==(const Neighbour&) const = default;
};

struct Item {
  std::string content;          // its name
  std::int64_t popularity = 0;  // share of what is viewed now, in thousand-millionths
  Features features;
  std::vector<Neighbour> neighbours;  // the nearest first
  bool operator==(const Item&) const = default;
};

// Immutable once made; any thread.
struct Model {
  std::uint64_t number = 0;  // ascending
  base::WallTime made{};
  std::vector<Item> items;  // ascending by content
  // Its place in items, or -1.
  std::int64_t find(std::string_view content) const;
  bool operator==(const Model&) const = default;
};

// What two contents have in common by their features, 0 to 1: tags (Jaccard) nine tenths, language one tenth.
double likeness(const Features& a, const Features& b);

// {"number", "made", "items": [[content, popularity, title, language, seconds, [tag], [[place, weight, 0 or 1]]]]}.
std::string toJson(const Model& model);
// Bounded by kMaxModelBytes; every mistake with its place. kInvalidInput, kLimitExceeded.
base::Result<Model> parseModel(std::string_view text);

}  // namespace dvpe::recommend
