// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "day_world.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace dvpe::bench {

namespace {

constexpr std::array<int, kBands + 1> kAges = {18, 25, 35, 50, 65, 90};
constexpr double kSpikeShare = 0.40;  // of all viewers: ten times as many at once as before
constexpr double kTwoDevices = 0.03, kMoves = 0.05;
constexpr int kAdvertisers = 180, kCategories = 45;
constexpr std::array<const char*, 3> kZones = {"UTC", "Europe/Berlin", "America/New_York"};
constexpr std::array<int, 3> kOffsets = {0, 2, -4};  // hours, in June

std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// Zipf with exponent 1.
int zipf(Chance& chance, int many) {
  double all = 0;
  for (int i = 1; i <= many; ++i) all += 1.0 / i;
  double left = chance.unit() * all;
  int at = 0;
  while (at + 1 < many && left >= 1.0 / (at + 1)) left -= 1.0 / ++at;
  return at;
}

// Some of so many values.
std::uint32_t some(Chance& chance, int many, int values) {
  std::uint32_t out = 0;
  while (std::popcount(out) < many) out |= 1U << chance.below(values);
  return out;
}

std::string listOf(const char* prefix, std::uint32_t bits) {
  std::string out;
  for (int i = 0; i < 32; ++i) {
    if ((bits >> i & 1U) == 0) continue;
    out += (out.empty() ? "[\"" : ", \"") + std::string{prefix} + std::to_string(i) + "\"";
  }
  return out + "]";
}

std::string conditionOf(const Target& target) {
  std::string out;
  const auto also = [&](const std::string& part) { out += (out.empty() ? "" : " && ") + part; };
  const auto partOf = [](std::uint32_t bits, int many) { return bits != (1U << many) - 1; };
  if (partOf(target.countries, kCountries)) also("viewer.country in " + listOf("c", target.countries));
  if (partOf(target.devices, kDevices)) also("viewer.device in " + listOf("d", target.devices));
  if (partOf(target.interests, kInterests)) also("viewer.interest in " + listOf("i", target.interests));
  if (partOf(target.bands, kBands)) {
    const auto first = static_cast<std::size_t>(std::countr_zero(target.bands));
    const auto end = static_cast<std::size_t>(std::bit_width(target.bands));
    also("viewer.age >= " + std::to_string(kAges[first]));
    if (end < kBands) also("viewer.age < " + std::to_string(kAges[end]));
  }
  return out.empty() ? "true" : out;
}

std::vector<model::Cap> capsOf(const std::vector<SoldCap>& caps) {
  std::vector<model::Cap> out;
  out.reserve(caps.size());
  for (const SoldCap& each : caps) out.push_back({each.impressions, each.per});
  return out;
}

std::string campaignName(int number) { return "k" + std::to_string(number); }

}  // namespace

std::uint64_t Chance::bits() {
  state_ += 0x9e3779b97f4a7c15U;
  return mix(state_);
}

double Chance::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - unit()));
  return radius * std::cos(2 * std::numbers::pi * unit());
}

int firstBreak(int channel, int arrival) {
  const int offset = channel * (kBreakEvery / kChannels);
  return offset + (std::max(arrival - offset, 0) + kBreakEvery - 1) / kBreakEvery * kBreakEvery;
}

int bandOf(int age) { return static_cast<int>(std::upper_bound(kAges.begin(), kAges.end(), age) - kAges.begin()) - 1; }

int Sold::shortest() const { return *std::min_element(units.begin(), units.end()); }
int Sold::longest() const { return *std::max_element(units.begin(), units.end()); }

World::World(std::uint64_t seed, std::uint32_t viewers, int campaigns) {
  for (int channel = 0; channel < kChannels; ++channel) ratingOf.push_back(channel % kRatings);
  makePeople(mix(seed), viewers);
  makeLines(mix(seed + 1), campaigns);
}

void World::makePeople(std::uint64_t seed, std::uint32_t viewers) {
  // The last break must end on this day.
  constexpr int kBins = (kDaySeconds - kBreakEvery * kBreaks - kBreakUnits) / 300;
  std::array<double, kBins + 1> until{};
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const double hour = (static_cast<double>(bin) + 0.5) / 12;
    until[bin + 1] = until[bin] + 1 + 0.75 * std::cos((hour - 20) / 24 * 2 * std::numbers::pi);
  }
  Chance chance(seed);
  people.resize(viewers);
  for (std::uint32_t i = 0; i < viewers; ++i) {
    Person& each = people[i];
    if (chance.in(kSpikeShare)) {
      each.arrival = static_cast<std::uint32_t>(kSpikeAt + chance.below(kSpikeArrives));
    } else {
      const double at = chance.unit() * until.back();
      const auto bin = std::upper_bound(until.begin(), until.end(), at) - until.begin() - 1;
      each.arrival = static_cast<std::uint32_t>(bin * 300 + chance.below(300));
    }
    each.country = static_cast<std::uint8_t>(zipf(chance, kCountries));
    const auto band = static_cast<std::size_t>(chance.below(kBands));
    each.age = static_cast<std::uint8_t>(kAges[band] + chance.below(kAges[band + 1] - kAges[band]));
    each.device = static_cast<std::uint8_t>(zipf(chance, kDevices));
    each.interest = static_cast<std::uint8_t>(zipf(chance, kInterests));
    each.channel = static_cast<std::uint8_t>(chance.below(kChannels));
    each.second = each.channel;
    if (chance.in(kTwoDevices)) {
      each.devices = 2;
      // Half of them watch one channel on both, the others two of the same rating.
      if (chance.in(0.5))
        each.second =
            static_cast<std::uint8_t>((each.channel + kRatings * chance.below(kChannels / kRatings)) % kChannels);
    }
    if (chance.in(kMoves)) each.moves = static_cast<std::uint8_t>(chance.below(kBreaks));
    // Rendezvous: the node whose hash with the viewer is highest.
    std::uint64_t highest = 0;
    for (int node = 0; node < kNodes; ++node) {
      const std::uint64_t hash = mix(mix(i + 77) + static_cast<std::uint64_t>(node));
      if (hash >= highest) each.home = static_cast<std::uint8_t>(node);
      highest = std::max(highest, hash);
    }
  }
}

Target World::target(Chance& chance) const {
  Target out;
  const int narrow = chance.below(8);  // how many of the attributes it looks at: mostly one or two
  const int looks = narrow < 1 ? 0 : narrow < 4 ? 1 : narrow < 6 ? 2 : narrow < 7 ? 3 : 4;
  for (int i = 0; i < looks; ++i) {
    switch (chance.below(4)) {
      case 0:
        out.countries = some(chance, 1 + chance.below(3), kCountries);
        break;
      case 1: {
        const int first = chance.below(kBands), end = first + 1 + chance.below(kBands - first);
        out.bands = ((1U << end) - 1) & ~((1U << first) - 1);
        break;
      }
      case 2:
        out.devices = some(chance, 1 + chance.below(2), kDevices);
        break;
      default:
        out.interests = some(chance, 1 + chance.below(2), kInterests);
    }
  }
  return out;
}

void World::makeLines(std::uint64_t seed, int campaigns) {
  Chance chance(seed);
  advertiserCaps.resize(kAdvertisers);
  std::vector<int> categoryOf;
  for (int i = 0; i < kAdvertisers; ++i) {
    categoryOf.push_back(chance.in(0.6) ? chance.below(kCategories) : -1);
    if (chance.in(0.2)) advertiserCaps[static_cast<std::size_t>(i)] = {{3 + chance.below(4), model::CapPeriod::kDay}};
  }
  campaignCaps.resize(static_cast<std::size_t>(campaigns));
  constexpr std::array<int, 6> kLengths = {10, 15, 20, 20, 30, 15};
  for (int campaign = 0; campaign < campaigns; ++campaign) {
    const int advertiser = chance.below(kAdvertisers);
    const int count = chance.in(0.2) ? 2 : 1;
    if (count == 2 && chance.in(0.3)) {
      campaignCaps[static_cast<std::size_t>(campaign)] = {{2 + chance.below(2), model::CapPeriod::kDay}};
    }
    // A tenth has a flight of a part of the day.
    std::uint32_t flight = (1U << kWindows) - 1;
    if (chance.in(0.1)) {
      const int length = 3 + chance.below(4), first = chance.below(kWindows - length + 1);
      flight = ((1U << length) - 1) << first;
    }
    std::uint32_t ratings = (1U << kRatings) - 1;
    if (chance.in(0.15)) ratings &= ~(1U << chance.below(kRatings));
    for (int number = 0; number < count; ++number) {
      Sold line;
      line.name = campaignName(campaign) + "/l" + std::to_string(number);
      line.campaign = campaign;
      line.advertiser = advertiser;
      line.category = categoryOf[static_cast<std::size_t>(advertiser)];
      line.target = target(chance);
      line.target.ratings = ratings;
      line.target.windows = flight;
      const int length = kLengths[static_cast<std::size_t>(chance.below(6))];
      const int creatives = 1 + chance.below(3);
      for (int i = 0; i < creatives; ++i) line.units.push_back(length);
      if (creatives > 1 && chance.in(0.2)) line.units.back() = 10;
      if (chance.in(0.3)) line.caps.push_back({1 + chance.below(3), model::CapPeriod::kDay});
      if (chance.in(0.1)) line.caps.push_back({1 + chance.below(2), model::CapPeriod::kHour});
      if (chance.in(0.05)) line.caps.push_back({2 + chance.below(4), model::CapPeriod::kFlight});
      if (chance.in(0.1)) line.creativeCaps.push_back({1 + chance.below(2), model::CapPeriod::kDay});
      // A few have dayparts: two or more windows of the day.
      if (chance.in(0.08)) line.target.windows &= some(chance, 3 + chance.below(3), kWindows);
      if (line.target.windows == 0) line.target.windows = flight;
      const double cpm = std::clamp(9 * std::exp(0.6 * chance.normal()) * std::sqrt(length / 20.0), 2.0, 60.0);
      line.worth = std::llround(cpm * 10) * 100;
      line.share = std::min(0.5, 0.03 * std::exp(0.9 * chance.normal()));
      line.tiny = campaign % 12 == 5;
      lines.push_back(std::move(line));
    }
  }
}

bool World::wants(const Sold& line, const Person& person, int channel) const {
  const Target& t = line.target;
  const auto in = [](std::uint32_t bits, int value) { return (bits >> value & 1U) != 0; };
  return in(t.countries, person.country) && in(t.bands, bandOf(person.age)) && in(t.devices, person.device) &&
         in(t.interests, person.interest) && in(t.ratings, ratingOf[static_cast<std::size_t>(channel)]);
}

rules::Attributes World::attributes(std::uint32_t viewer) const {
  const Person& who = people[viewer];
  rules::Attributes out;
  const auto set = [&](const char* path, const model::Value& value) {
    if (!out.set(path, value)) std::abort();
  };
  set("viewer.country", {"c" + std::to_string(who.country)});
  set("viewer.device", {"d" + std::to_string(who.device)});
  set("viewer.interest", {"i" + std::to_string(who.interest)});
  set("viewer.age", {static_cast<std::int64_t>(who.age)});
  out.setIdentity("v" + std::to_string(viewer));
  return out;
}

model::Campaign World::campaign(const std::vector<std::size_t>& own, const std::vector<std::int64_t>& goals) const {
  const Sold& first = lines[own.front()];
  model::Campaign out;
  out.id = campaignName(first.campaign);
  out.advertiser = "a" + std::to_string(first.advertiser);
  const auto zone = static_cast<std::size_t>(first.campaign) % kZones.size();
  out.timezone = kZones[zone];
  out.caps = capsOf(campaignCaps[static_cast<std::size_t>(first.campaign)]);
  if (first.category >= 0) out.categories.push_back("t" + std::to_string(first.category));
  for (int rating = 0; rating < kRatings; ++rating) {
    const auto out1 = [&](std::size_t i) { return (lines[i].target.ratings >> rating & 1U) == 0; };
    if (std::all_of(own.begin(), own.end(), out1)) out.excludeRatings.push_back("r" + std::to_string(rating));
  }
  const auto local = [&](int window) {
    return model::LocalTime{std::chrono::duration_cast<std::chrono::seconds>(kDayBegins.time_since_epoch()) +
                            std::chrono::seconds{window * kWindowSeconds} + std::chrono::hours{kOffsets[zone]}};
  };
  for (const std::size_t i : own) {
    const Sold& sold = lines[i];
    model::Line line;
    line.id = sold.name.substr(sold.name.find('/') + 1);
    line.when = conditionOf(sold.target);
    const std::uint32_t windows = sold.target.windows;
    const int from = std::countr_zero(windows), until = std::bit_width(windows);
    line.flight = {local(from), local(until)};
    for (int window = from; std::popcount(windows) < until - from && window < until; ++window) {
      if ((windows >> window & 1U) == 0) continue;
      const int minute = window * (kWindowSeconds / 60) + kOffsets[zone] * 60 + 24 * 60;
      line.dayparts.push_back({0x7F, minute % (24 * 60), (minute + kWindowSeconds / 60 - 1) % (24 * 60) + 1});
    }
    line.goal = {model::GoalKind::kImpressions, goals[i]};
    line.price = {model::PriceKind::kCpm, sold.worth * 1000};
    if (i % 10 == 3) {
      line.goal.kind = model::GoalKind::kCompletedViews;
      line.price = {model::PriceKind::kCpcv, sold.worth};
    } else if (i % 10 == 7) {
      line.price = {model::PriceKind::kFlat, sold.worth * goals[i]};
    }
    line.caps = capsOf(sold.caps);
    for (std::size_t c = 0; c < sold.units.size(); ++c)
      line.creatives.push_back({sold.name.substr(0, sold.name.find('/')) + "-" + line.id + "-" + std::to_string(c), 1});
    out.lines.push_back(std::move(line));
  }
  return out;
}

std::shared_ptr<const model::Documents> World::documents(const std::vector<std::int64_t>& goals) const {
  auto out = std::make_shared<model::Documents>();
  const auto media = [&](const std::string& id, int units) {
    model::Media each;
    each.id = id;
    each.units = units;
    out->media.emplace(id, each);
  };
  std::vector<std::vector<std::size_t>> byCampaign(campaignCaps.size());
  for (std::size_t i = 0; i < lines.size(); ++i) byCampaign[static_cast<std::size_t>(lines[i].campaign)].push_back(i);
  for (const auto& own : byCampaign) {
    model::Campaign each = campaign(own, goals);
    for (std::size_t n = 0; n < own.size(); ++n) {
      const Sold& sold = lines[own[n]];
      for (std::size_t c = 0; c < sold.units.size(); ++c) {
        model::Creative creative;
        creative.id = creative.media = each.lines[n].creatives[c].creative;
        creative.caps = capsOf(sold.creativeCaps);
        media(creative.media, sold.units[c]);
        out->creatives.emplace(creative.id, creative);
      }
    }
    out->campaigns.emplace(each.id, std::move(each));
  }
  model::Campaign house;
  house.id = "house";
  for (const int units : {30, 20, 15, 10, 5}) {
    house.creatives.push_back("house-" + std::to_string(units));
    media(house.creatives.back(), units);
  }
  out->campaigns.emplace(house.id, house);
  model::Monetisation policy;
  policy.id = "money";
  for (std::size_t i = 0; i < advertiserCaps.size(); ++i) {
    policy.advertisers["a" + std::to_string(i)] = {"EUR", capsOf(advertiserCaps[i])};
  }
  out->monetisation = policy;
  const auto field = [](const char* path, model::FieldType type) {
    model::Field each;
    each.path = path;
    each.type = type;
    return each;
  };
  for (int i = 0; i < kChannels; ++i) {
    model::Channel channel;
    channel.id = "ch" + std::to_string(i);
    channel.rating = "r" + std::to_string(ratingOf[static_cast<std::size_t>(i)]);
    channel.breakLengths = {kBreakUnits / 2, kBreakUnits};
    model::Ruleset rules;
    rules.id = "rules" + std::to_string(i);
    rules.channel = channel.id;
    rules.fields = {field("viewer.country", model::FieldType::kString),
                    field("viewer.device", model::FieldType::kString),
                    field("viewer.interest", model::FieldType::kString), field("viewer.age", model::FieldType::kInt)};
    model::Rule rule;
    rule.id = "all";
    rule.when = "true";
    rule.actions.push_back(model::FillBreaks{{}, true});
    rules.rules.push_back(rule);
    out->rulesets.emplace(rules.id, rules);
    out->channels.emplace(channel.id, channel);
  }
  return out;
}

}  // namespace dvpe::bench
