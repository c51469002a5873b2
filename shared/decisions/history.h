// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which advertising a viewer has been given, for caps and frequency(): a value, as small as it can be, since a node
// holds one for each viewer.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::decisions {

// Stands for a creative, line, campaign or advertiser. 32 bits of a hash: two of equal keys would share their caps,
// which shows a viewer less than allowed, never more.
using Key = std::uint32_t;
enum class Level : std::uint8_t { kCreative, kLine, kCampaign, kAdvertiser };
inline constexpr std::size_t kLevels = 4;
Key keyOf(Level level, std::string_view id);

// One impression's keys, by level.
struct ImpressionKeys {
  Key creative = 0, line = 0, campaign = 0, advertiser = 0;
  bool has(Key key) const { return key == creative || key == line || key == campaign || key == advertiser; }
  bool operator==(const ImpressionKeys&) const = default;
};

// Impressions, oldest first, from the moment they are bound. What is older than a day is kept as a sum for the keys
// that somebody asks for (caps for a whole flight), when there are many. Not thread-safe.
class History {
 public:
  static constexpr std::size_t kMost = 1024;  // impressions; with more, caps are unknown
  // Held beyond them: the pods that were bound when caps were still known, of some devices at once. What comes after
  // these is of lines without caps and is dropped.
  static constexpr std::size_t kMargin = 64;
  static constexpr std::size_t kMostTotals = 1024;  // sums; with more, caps are unknown

  struct Impression {
    std::uint32_t at = 0;  // seconds since 1970 at which it begins
    ImpressionKeys keys;
    bool operator==(const Impression&) const = default;
  };

  void add(Impression impression);
  // One that was bound and not delivered. False: there is no such impression.
  bool takeBack(std::uint32_t at, Key creative);
  // How many with this key begin within the time before `now` or later. max(): all there ever were.
  int count(Key key, std::uint32_t now, std::chrono::seconds within) const;
  // Whether count() over this time is right for every key: nothing of it has been summed up.
  bool holds(std::uint32_t now, std::chrono::seconds within) const;
  // Whether caps can be judged by it.
  bool complete() const { return impressions_.size() <= kMost && totals_.size() <= kMostTotals; }
  // Sums up what is older than a day at `now`; sums only for `kept`, and those of before for as long as there is room.
  // `least`: with no more impressions nothing is done.
  void fold(std::uint32_t now, const std::set<Key>& kept, std::size_t least = 128);

  // What was known of it then: without the impressions that begin at `at` or later.
  History before(std::uint32_t at) const;

  const std::vector<Impression>& impressions() const { return impressions_; }
  bool empty() const { return impressions_.empty() && totals_.empty(); }
  // Counts changes: a pod that was decided before one is judged again when it is bound.
  std::uint32_t version() const { return version_; }
  // Of memory, about.
  std::size_t bytes() const;

  // Little-endian; kInvalidInput: serialize() makes no such bytes.
  base::Bytes serialize() const;
  static base::Result<History> parse(base::ByteView bytes);
  bool operator==(const History& other) const {
    return folded_ == other.folded_ && impressions_ == other.impressions_ && totals_ == other.totals_;
  }

 private:
  struct Total {
    Key key = 0;
    std::uint32_t count = 0;
    bool operator==(const Total&) const = default;
  };
  void sum(Key key, const std::set<Key>& kept);

  std::vector<Impression> impressions_;
  std::vector<Total> totals_;  // by key
  std::uint32_t folded_ = 0;   // what began until then may be in sums
  std::uint32_t version_ = 0;
};

}  // namespace dvpe::decisions
