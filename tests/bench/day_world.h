// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A day's viewers and what is sold for it, made from a seed; as documents for the product, and as plain numbers for
// whoever checks the product.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shared/model/documents.h"
#include "shared/rules/attributes.h"

namespace dvpe::bench {

inline constexpr int kChannels = 24, kRatings = 3, kNodes = 3;
inline constexpr int kBreakEvery = 600, kBreakUnits = 60, kBreaks = 6;  // seconds, seconds, of a viewer
inline constexpr int kCountries = 6, kBands = 5, kDevices = 3, kInterests = 5;
inline constexpr int kWindows = 8;  // of the day, three hours each: flights and dayparts begin and end with one
inline constexpr int kDaySeconds = 24 * 3600, kWindowSeconds = kDaySeconds / kWindows;
inline constexpr int kSpikeAt = 19 * 3600 + 1800, kSpikeArrives = 600;  // everybody within ten minutes
inline constexpr int kDeathAt = 20 * 3600 + 37;                         // of the node kDeadNode, within the spike
inline constexpr int kDeadNode = 1;
inline const base::WallTime kDayBegins{std::chrono::sys_days{std::chrono::year{2026} / 6 / 15}};

// The same numbers everywhere, unlike the standard library's distributions.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  int below(int many) { return static_cast<int>(bits() % static_cast<std::uint64_t>(many)); }
  bool in(double share) { return unit() < share; }
  double normal();

 private:
  std::uint64_t state_;
};

struct Person {
  std::uint32_t arrival = 0;  // second of the day
  std::uint8_t country = 0, age = 18, device = 0, interest = 0;
  std::uint8_t channel = 0,
               second = 0;  // of the second device; the same as the first: watched by both, or there is none
  std::uint8_t home = 0;
  std::uint8_t devices = 1;
  std::uint8_t moves = 0xFF;  // before this break (0 to 5) to another node
  int breaksOf(int deviceNumber) const {
    return devices == 1 ? kBreaks : deviceNumber == 0 ? kBreaks / 2 : kBreaks - kBreaks / 2;
  }
};

// The first break of a channel that someone sees who arrives at a second of the day; the next ones follow each
// kBreakEvery.
int firstBreak(int channel, int arrival);
int bandOf(int age);

// Who a line is for: sets as bits.
struct Target {
  std::uint32_t countries = (1U << kCountries) - 1, bands = (1U << kBands) - 1, devices = (1U << kDevices) - 1,
                interests = (1U << kInterests) - 1, ratings = (1U << kRatings) - 1;
  std::uint32_t windows = (1U << kWindows) - 1;
};

struct SoldCap {
  int impressions = 0;
  model::CapPeriod per = model::CapPeriod::kDay;
};

struct Sold {
  std::string name;  // "campaign/line"
  int campaign = 0, advertiser = 0, category = -1;
  Target target;
  std::vector<int> units;  // of its creatives
  std::vector<SoldCap> caps, creativeCaps;
  std::int64_t worth = 0;  // of an impression, micro-units
  double share = 0;        // of the breaks it could be in, that it wants
  bool tiny = false;
  std::int64_t goal = 0;
  int shortest() const;
  int longest() const;
};

struct World {
  World(std::uint64_t seed, std::uint32_t viewers, int campaigns);

  std::vector<Person> people;
  std::vector<Sold> lines;
  std::vector<std::vector<SoldCap>> campaignCaps, advertiserCaps;
  std::vector<int> ratingOf;  // by channel

  // As the product knows it, with these goals.
  std::shared_ptr<const model::Documents> documents(const std::vector<std::int64_t>& goals) const;
  rules::Attributes attributes(std::uint32_t viewer) const;
  // Whether a line is for a viewer on a channel, times aside.
  bool wants(const Sold& line, const Person& person, int channel) const;

 private:
  void makePeople(std::uint64_t seed, std::uint32_t viewers);
  void makeLines(std::uint64_t seed, int campaigns);
  Target target(Chance& chance) const;
  model::Campaign campaign(const std::vector<std::size_t>& own, const std::vector<std::int64_t>& goals) const;
};

}  // namespace dvpe::bench
