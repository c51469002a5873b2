// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/recommend/learner.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "shared/model/json.h"

namespace dvpe::recommend {

namespace {

constexpr double kRescaleAt = 40;      // half-lives, before the sums grow out of a double's precision
constexpr std::size_t kBins = 5;       // of likeness
constexpr double kContentTrust = 200;  // expected pairs that a guess from features is worth before anything was seen
constexpr double kNewViews = 3;        // views that a new content is credited with, at the catalogue's mean

std::size_t binOf(double likeness) {
  return std::min(kBins - 1, static_cast<std::size_t>(likeness * static_cast<double>(kBins)));
}

bool named(const Features& features) {
  if (features.tags.size() > kMaxTags || features.title.size() > kMaxTitleBytes) return false;
  if (features.seconds < 0 || features.seconds > kMaxSeconds) return false;
  if (!features.language.empty() && !model::isName(features.language)) return false;
  for (auto tag = features.tags.begin(); tag != features.tags.end(); ++tag) {
    if (!model::isName(*tag) || std::find(features.tags.begin(), tag, *tag) != tag) return false;
  }
  return true;
}

}  // namespace

struct Learner::Making {
  double unit = 1;                   // what one view of now counts in the sums
  std::vector<std::uint32_t> slots;  // of the model's items
  std::vector<double> lived;         // decayed seconds since it was described
  std::vector<double> rate;          // of its pairs: expected(i, j) = rate i * rate j * the time that both were there
  std::array<double, kBins> mean{};  // how much likelier a pair of such likeness is
  double trust = 0;                  // expected pairs that the mean is worth against a pair's own count
  double expected(std::size_t i, std::size_t j) const { return rate[i] * rate[j] * std::min(lived[i], lived[j]); }
};

double Learner::growthAt(base::WallTime at) const {
  if (!origin_) return 1;
  const double halves =
      static_cast<double>((at - *origin_).count()) / 1e6 / static_cast<double>(options_.halfLifeSeconds);
  return std::exp2(std::clamp(halves, -kRescaleAt, 2 * kRescaleAt));
}

double Learner::growth(base::WallTime at) {
  if (!origin_) origin_ = at;
  const double now = growthAt(at);
  if (now < std::exp2(kRescaleAt)) return now;
  for (Entry& entry : entries_) {
    entry.views /= now;
    entry.row /= now;
    for (Pair& pair : entry.pairs) pair.sum /= now;
  }
  origin_ = at;
  return 1;
}

base::Result<void> Learner::describe(const std::string& content, const Features& features, base::WallTime at) {
  if (!model::isName(content) || !named(features)) {
    return base::fail(base::ErrorCode::kInvalidInput, "a content's name or features are not as documented");
  }
  if (const auto known = slots_.find(content); known != slots_.end()) {
    entries_[known->second].features = features;
    return base::success();
  }
  if (slots_.size() >= kMaxItems) return base::fail(base::ErrorCode::kLimitExceeded, "too many contents");
  std::uint32_t slot = static_cast<std::uint32_t>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  entries_[slot] = Entry{content, nextSerial_++, features, at, 0, 0, {}};
  slots_[content] = slot;
  return base::success();
}

void Learner::retire(const std::string& content) {
  const auto known = slots_.find(content);
  if (known == slots_.end()) return;
  const std::uint32_t slot = known->second;
  for (Entry& entry : entries_) {
    const auto at = std::lower_bound(entry.pairs.begin(), entry.pairs.end(), slot,
                                     [](const Pair& p, std::uint32_t s) { return p.other < s; });
    if (at == entry.pairs.end() || at->other != slot) continue;
    entry.row = std::max(0.0, entry.row - at->sum);
    entry.pairs.erase(at);
  }
  entries_[slot] = Entry{};
  free_.push_back(slot);
  slots_.erase(known);
}

void Learner::count(std::uint32_t a, std::uint32_t b, double sum) {
  Entry& entry = entries_[a];
  entry.row += sum;
  auto at = std::lower_bound(entry.pairs.begin(), entry.pairs.end(), b,
                             [](const Pair& p, std::uint32_t s) { return p.other < s; });
  if (at != entry.pairs.end() && at->other == b) {
    at->sum += sum;
    return;
  }
  entry.pairs.insert(at, Pair{b, sum});
  if (entry.pairs.size() <= options_.pairs) return;
  // The new one may be it: then it begins again when it comes again.
  entry.pairs.erase(std::min_element(entry.pairs.begin(), entry.pairs.end(),
                                     [](const Pair& x, const Pair& y) { return x.sum < y.sum; }));
}

bool Learner::observe(std::uint64_t visitor, const std::string& content, double strength, base::WallTime at) {
  const auto known = slots_.find(content);
  if (known == slots_.end() || !(strength > 0)) return false;
  strength = std::min(strength, 1.0);
  const std::uint32_t slot = known->second;
  const double unit = growth(at);
  if (!visitors_.contains(visitor) && visitors_.size() >= options_.visitors) forgetOldest();
  Visitor& who = visitors_[visitor];
  who.last = std::max(who.last, at);
  std::erase_if(who.seen, [&](const Seen& s) { return entries_[s.slot].serial != s.serial; });
  auto before = std::find_if(who.seen.begin(), who.seen.end(), [&](const Seen& s) { return s.slot == slot; });
  const double more = strength - (before == who.seen.end() ? 0 : before->strength);
  if (more <= 0) return false;
  entries_[slot].views += more * unit;
  for (const Seen& other : who.seen) {
    if (other.slot == slot) continue;
    count(slot, other.slot, more * other.strength * unit);
    count(other.slot, slot, more * other.strength * unit);
  }
  if (before != who.seen.end()) {
    before->strength = strength;
    return true;
  }
  if (who.seen.size() >= std::max<std::size_t>(1, options_.history)) who.seen.erase(who.seen.begin());
  who.seen.push_back({slot, entries_[slot].serial, strength});
  return true;
}

void Learner::erase(std::uint64_t visitor) { visitors_.erase(visitor); }

// A sixteenth at a time, so that a full house does not sort at each newcomer.
void Learner::forgetOldest() {
  std::vector<std::pair<base::WallTime, std::uint64_t>> all;
  all.reserve(visitors_.size());
  for (const auto& [id, who] : visitors_) all.emplace_back(who.last, id);
  const std::size_t most = std::min(all.size(), all.size() / 16 + 1);
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < most; ++i) visitors_.erase(all[i].second);
}

std::vector<Neighbour> Learner::neighboursOf(std::size_t place, const Making& making) const {
  const Entry& own = entries_[making.slots[place]];
  std::vector<Neighbour> out;
  auto pair = own.pairs.begin();
  std::vector<double> found(entries_.size());
  for (; pair != own.pairs.end(); ++pair) found[pair->other] = pair->sum / making.unit;
  for (std::size_t j = 0; j < making.slots.size(); ++j) {
    if (j == place) continue;
    const double expected = making.expected(place, j);
    const double prior = making.mean[binOf(likeness(own.features, entries_[making.slots[j]].features))];
    // Gamma and Poisson: a pair's own count against what its kind makes likely.
    const double lift = (found[making.slots[j]] + making.trust * prior) / (expected + making.trust);
    const double weight = std::floor(1000 * (lift - 1));
    if (weight < 50) continue;
    out.push_back({static_cast<std::uint32_t>(j),
                   static_cast<std::uint32_t>(std::min(weight, static_cast<double>(kMaxWeight))),
                   expected < making.trust});
  }
  std::sort(out.begin(), out.end(), [](const Neighbour& a, const Neighbour& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.item < b.item;
  });
  if (out.size() > std::min(options_.neighbours, kMaxNeighbours)) {
    out.resize(std::min(options_.neighbours, kMaxNeighbours));
  }
  return out;
}

Model Learner::model(std::uint64_t number, base::WallTime at) const {
  Making making;
  making.unit = growthAt(at);
  const double half = static_cast<double>(options_.halfLifeSeconds);
  double views = 0, lived = 0;
  for (const auto& [content, slot] : slots_) {  // by name: the order of the model
    making.slots.push_back(slot);
    const double age = std::max(1.0, static_cast<double>((at - entries_[slot].since).count()) / 1e6);
    making.lived.push_back((1 - std::exp2(-age / half)) * half);
    views += entries_[slot].views / making.unit;
    lived += making.lived.back();
  }
  const std::size_t n = making.slots.size();
  // Rates such that each content's expected pairs come to those that it had: proportional fitting, with the root taken
  // so that it does not swing.
  making.rate.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) making.rate[i] = std::sqrt(entries_[making.slots[i]].row / making.unit + 1e-12);
  std::vector<std::size_t> byAge(n);
  for (std::size_t i = 0; i < n; ++i) byAge[i] = i;
  std::sort(byAge.begin(), byAge.end(), [&](std::size_t a, std::size_t b) {
    return making.lived[a] != making.lived[b] ? making.lived[a] < making.lived[b] : a < b;
  });
  for (int round = 0; round < 30; ++round) {
    double older = 0, younger = 0;
    for (const double rate : making.rate) older += rate;
    std::vector<double> next(n);
    for (const std::size_t i : byAge) {
      older -= making.rate[i];
      const double sum = making.lived[i] * older + younger;
      younger += making.rate[i] * making.lived[i];
      const double fitted = making.rate[i] * sum, had = entries_[making.slots[i]].row / making.unit;
      next[i] = fitted > 0 ? making.rate[i] * std::sqrt(had / fitted) : 0;
    }
    making.rate = std::move(next);
  }
  // How pairs of each likeness fare, and how much pairs differ beyond chance.
  std::array<double, kBins> found{}, expected{};
  double excess = 0, squares = 0;
  std::size_t told = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Entry& own = entries_[making.slots[i]];
    std::vector<double> row(entries_.size());
    for (const Pair& pair : own.pairs) row[pair.other] = pair.sum / making.unit;
    for (std::size_t j = i + 1; j < n; ++j) {
      const double e = making.expected(i, j), f = row[making.slots[j]];
      const std::size_t bin = binOf(likeness(own.features, entries_[making.slots[j]].features));
      found[bin] += f;
      expected[bin] += e;
      if (e < 1) continue;
      excess += (f - e) * (f - e) - e;
      squares += e * e;
      ++told;
    }
  }
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const double guess = 1 + 0.5 * static_cast<double>(bin);  // before anything was seen
    making.mean[bin] = (found[bin] + kContentTrust * guess) / (expected[bin] + kContentTrust);
    // Three standard errors from nothing, or it is nothing.
    if (std::abs(making.mean[bin] - 1) < 3 / std::sqrt(expected[bin] + 1) && expected[bin] > kContentTrust) {
      making.mean[bin] = 1;
    }
  }
  const double variance = squares > 0 && told > 100 ? excess / squares : 0.1;  // of the lifts, chance taken away
  making.trust = 1 / std::clamp(variance, 1e-4, 1.0);

  Model out;
  out.number = number;
  out.made = std::chrono::floor<std::chrono::seconds>(at);
  const double mean = lived > 0 ? views / lived : 0;
  double all = 0;
  std::vector<double> popular(n);
  for (std::size_t i = 0; i < n; ++i) {
    // Views by the time it was there, or nothing new would ever be popular; few views say little.
    const double had = entries_[making.slots[i]].views / making.unit;
    popular[i] = mean > 0 ? (had + kNewViews) / (making.lived[i] * mean + kNewViews) : 1;
    all += popular[i];
  }
  for (std::size_t i = 0; i < n; ++i) {
    const Entry& own = entries_[making.slots[i]];
    out.items.push_back({own.content, static_cast<std::int64_t>(popular[i] / all * static_cast<double>(kMaxPopularity)),
                         own.features, neighboursOf(i, making)});
  }
  return out;
}

}  // namespace dvpe::recommend
