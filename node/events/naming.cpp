// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/naming.h"

#include <algorithm>
#include <cstring>

#include "shared/base/log.h"

namespace dvpe::events {

namespace {

constexpr std::size_t kLongestWord = 24;  // of what platforms call countries and devices

constexpr std::int32_t kMonthsKept = 4;  // before the running one: sketches are kept for 90 days, all else for less
constexpr std::size_t kDaysKept = 3;     // a break of yesterday may still be told of

template <class T>
std::string_view bytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Months since 0 CE: a visitor is counted as somebody else in the next one.
std::int32_t monthOf(std::int32_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  return static_cast<int>(date.year()) * 12 + static_cast<int>(static_cast<unsigned>(date.month()));
}

}  // namespace

Naming::Naming(const privacy::SecretKey& key, std::filesystem::path folder, base::Random& random)
    : visitors_(key.derive("visitors")), folder_(std::move(folder)), random_(random) {}

std::string_view coarse(const model::Map& attributes, std::string_view name, privacy::PurposeSet purposes) {
  if (!Naming::measured(purposes)) return {};
  const auto it = attributes.find(std::string(name));
  const auto* word = it == attributes.end() ? nullptr : std::get_if<std::string>(&it->second.v);
  return word == nullptr || word->size() > kLongestWord ? std::string_view{} : std::string_view{*word};
}

bool Naming::measured(privacy::PurposeSet purposes) {
  static constexpr privacy::PurposeSet kAny = *privacy::purpose("ad_measurement") |
                                              *privacy::purpose("content_measurement") |
                                              *privacy::purpose("audience_statistics");
  return (purposes & kAny) != 0;
}

// Kept before it is used; what cannot be kept is used all the same, and said.
privacy::SecretKey Naming::load(std::int32_t day) {
  if (folder_.empty()) return privacy::SecretKey::generate(random_);
  const auto pathOf = [&](std::int32_t of) { return folder_ / ("day-" + std::to_string(of) + ".key"); };
  std::error_code ignored;
  for (std::int32_t old = day - 30; old < day - static_cast<std::int32_t>(kDaysKept); ++old) {
    std::filesystem::remove(pathOf(old), ignored);
  }
  if (auto known = privacy::loadSecretKey(pathOf(day))) return known.value();
  const privacy::SecretKey fresh = privacy::SecretKey::generate(random_);
  if (auto kept = privacy::writeSecretFile(pathOf(day), base::hex(fresh.bytes()), privacy::IfExists::kReplace); !kept) {
    spdlog::warn("a day's key cannot be kept: after a restart impressions may be counted again reason=\"{}\"",
                 kept.error().message);
  }
  return fresh;
}

privacy::SecretKey Naming::keyOf(std::int32_t day) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(days_.begin(), days_.end(), [&](const Day& d) { return d.day == day; });
  if (found != days_.end()) return found->key;
  if (days_.size() >= kDaysKept) {
    days_.erase(std::min_element(days_.begin(), days_.end(), [](const Day& a, const Day& b) { return a.day < b.day; }));
  }
  return days_.emplace_back(Day{day, load(day)}).key;
}

std::uint64_t Naming::visitorOf(const privacy::Pseudonym& viewer, std::int32_t month) const {
  const auto hash = privacy::keyedHash(visitors_, {bytesOf(month), bytesOf(viewer)});
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return std::max<std::uint64_t>(out, 1);
}

std::uint64_t Naming::visitorOn(const Who& who, std::int32_t day) const {
  return measured(who.purposes) ? visitorOf(who.viewer, monthOf(day)) : 0;
}

std::vector<std::uint64_t> Naming::visitorsOf(const privacy::Pseudonym& viewer, std::int32_t day) const {
  std::vector<std::uint64_t> out;
  for (std::int32_t month = monthOf(day) - kMonthsKept; month <= monthOf(day) + 1; ++month) {
    out.push_back(visitorOf(viewer, month));
  }
  return out;
}

void Naming::name(Event& event, const Who& who, std::uint64_t number) {
  Id told = who.session;  // by which the event is told apart from others
  if (measured(who.purposes)) {
    event.session = told;
    event.visitor = visitorOf(who.viewer, monthOf(event.day));
  } else {
    const auto hash = privacy::keyedHash(keyOf(event.day), {bytesOf(who.session), bytesOf(event.breakNumber)});
    std::copy_n(hash.begin(), told.size(), told.begin());
    event.visitor = 0;
    event.session = event.breakNumber != 0 ? told : Id{};
    event.sealed.clear();
  }
  // A state of an impression is there once.
  const bool state = event.breakNumber != 0 && event.kind != Kind::kAdClicked && event.kind != Kind::kFeedback;
  event.id = state ? impressionId(event.day, told, event.breakNumber, event.slot, event.kind)
                   : sessionEventId(told, event.kind, number);
}

}  // namespace dvpe::events
