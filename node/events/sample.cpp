// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/sample.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "shared/rules/sql.h"

namespace dvpe::events {

namespace {

constexpr std::size_t kDaysKept = 2;               // today and, while it is being shipped, yesterday
constexpr std::size_t kMaxWaiting = 100'000;       // of about 300 bytes
constexpr std::size_t kMaxAttributes = 16 * 1024;  // bytes; the database takes no more

template <class T>
std::string_view bytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

const char* const kShipSample =
    "SELECT inserted, refused, threshold FROM events.ship_sample($1, $2, $3, $4, $5, $6, $7)";

std::string coarseAttributes(const std::vector<model::Field>& fields, const rules::AttributeSource& viewer) {
  std::string out;
  for (const model::Field& field : fields) {
    if (!field.forecastable) continue;
    const std::string once = rules::sampleKey(field, rules::Use::kContent);
    for (const rules::Use use : {rules::Use::kContent, rules::Use::kCampaign}) {
      const std::string key = rules::sampleKey(field, use);
      if (use == rules::Use::kCampaign && key == once) continue;
      const std::string& purpose = rules::purposeOf(field, use);
      if (!purpose.empty() && !viewer.consents(purpose)) continue;
      std::string value = "null";
      if (const model::Value* found = viewer.find(field.path)) {
        const auto known = rules::coarse(field, *found);
        if (!known) continue;
        value = rules::jsonOf(*known);
      } else if (viewer.holds(field.path)) {
        continue;  // a map, where a single value was declared
      }
      out += (out.empty() ? "\"" : ",\"") + key + "\":" + value;
    }
  }
  return "{" + out + "}";
}

Sample::Sample(const privacy::SecretKey& key) : draws_(key.derive("sample draws")), ids_(key.derive("sample ids")) {}

std::int64_t Sample::thresholdOf(std::int32_t day) const {
  const auto found = days_.find(day);
  return found != days_.end() ? found->second.threshold : newest_;
}

std::optional<Sampled> Sample::choose(std::int32_t day, const Who& who, std::uint64_t visitor) const {
  static constexpr privacy::PurposeSet kAsked = *privacy::purpose("audience_statistics");
  if ((who.purposes & kAsked) == 0 || visitor == 0) return std::nullopt;
  Sampled out;
  out.day = day;
  out.visitor = visitor;
  const auto hash = privacy::keyedHash(draws_, {bytesOf(day), bytesOf(visitor)});
  std::uint32_t bits = 0;
  std::memcpy(&bits, hash.data(), sizeof bits);
  out.draw = static_cast<std::int32_t>(bits >> 1);
  {
    const std::lock_guard lock(mutex_);
    if (out.draw >= thresholdOf(day)) return std::nullopt;
  }
  const auto id = privacy::keyedHash(ids_, {bytesOf(day), bytesOf(who.session)});
  std::copy_n(id.begin(), out.id.size(), out.id.begin());
  return out;
}

// Lets go of who is above; what was shipped of them goes in the database.
void Sample::lower(Day& day, std::int64_t threshold) {
  if (threshold >= day.threshold) return;
  day.kept = static_cast<std::size_t>(static_cast<double>(day.kept) * static_cast<double>(threshold) /
                                      static_cast<double>(day.threshold));
  day.threshold = threshold;
  std::erase_if(day.waiting, [&](const Sampled& each) { return each.draw >= threshold; });
}

bool Sample::keep(Sampled sampled) {
  const std::lock_guard lock(mutex_);
  auto found = days_.find(sampled.day);
  if (found == days_.end()) {
    if (!days_.empty() && sampled.day < days_.begin()->first) return false;  // a day that was let go of
    found = days_.emplace(sampled.day, Day{newest_, 0, {}}).first;
    while (days_.size() > kDaysKept) {
      dropped_ += days_.begin()->second.waiting.size();
      days_.erase(days_.begin());
    }
    found = days_.find(sampled.day);
  }
  Day& day = found->second;
  if (sampled.draw >= day.threshold) return false;
  if (sampled.attributes.size() > kMaxAttributes || day.waiting.size() >= kMaxWaiting) {
    ++dropped_;
    return false;
  }
  day.waiting.push_back(std::move(sampled));
  if (++day.kept > kMaxSampleADay) lower(day, day.threshold / 2);
  return true;
}

std::vector<Sampled> Sample::next(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<Sampled> out;
  for (const auto& [number, day] : days_) {
    const std::size_t count = std::min({most - out.size(), day.waiting.size(), kMaxSampleBatch});
    out.insert(out.end(), day.waiting.begin(), day.waiting.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return out;
}

void Sample::shipped(const std::vector<Sampled>& came, std::int32_t today, std::int64_t threshold) {
  std::set<std::pair<std::int32_t, Id>> gone;  // others may have come, or gone, since they were given out
  for (const Sampled& each : came) gone.emplace(each.day, each.id);
  const std::lock_guard lock(mutex_);
  for (auto& [number, day] : days_) {
    std::erase_if(day.waiting, [&](const Sampled& each) { return gone.contains({each.day, each.id}); });
  }
  newest_ = std::clamp<std::int64_t>(threshold, 1, kWholeSample);
  if (const auto found = days_.find(today); found != days_.end()) lower(found->second, newest_);
}

std::size_t Sample::forget(const std::set<privacy::Pseudonym>& names) {
  const std::lock_guard lock(mutex_);
  std::size_t out = 0;
  for (auto& [number, day] : days_) {
    const std::size_t gone =
        std::erase_if(day.waiting, [&names](const Sampled& each) { return names.contains(each.name); });
    day.kept -= std::min(gone, day.kept);
    out += gone;
  }
  return out;
}

std::size_t Sample::waiting() const {
  const std::lock_guard lock(mutex_);
  std::size_t out = 0;
  for (const auto& [number, day] : days_) out += day.waiting.size();
  return out;
}

std::uint64_t Sample::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::int64_t Sample::threshold(std::int32_t day) const {
  const std::lock_guard lock(mutex_);
  return thresholdOf(day);
}

std::vector<database::Param> sampleParams(const std::vector<Sampled>& sessions) {
  using Of = database::Array::Of;
  database::Array days(Of::kInt4), ids(Of::kUuid), channels(Of::kText), visitors(Of::kInt8), draws(Of::kInt4),
      attributes(Of::kText), breaks(Of::kInt2);
  for (const Sampled& each : sessions) {
    days.addInteger(each.day);
    ids.addBytes(each.id);
    channels.addText(each.channel);
    visitors.addInteger(static_cast<std::int64_t>(each.visitor));
    draws.addInteger(each.draw);
    attributes.addText(each.attributes);
    for (const std::int16_t count : each.breaks) breaks.addInteger(count);
  }
  return {days, ids, channels, visitors, draws, attributes, breaks};
}

}  // namespace dvpe::events
