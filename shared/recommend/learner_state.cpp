// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The learner's state as bytes, for the coordinator that takes over.
#include <algorithm>
#include <cmath>

#include "shared/base/byte_reader.h"
#include "shared/model/json.h"
#include "shared/recommend/learner.h"

namespace dvpe::recommend {

namespace {

constexpr std::uint32_t kMagic = 0x314c5244;  // "DRL1"

template <class T>
void put(base::Bytes& out, T value) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), at, at + sizeof value);
}

void putText(base::Bytes& out, const std::string& text) {
  put(out, static_cast<std::uint16_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

std::string text(base::ByteReader& in, std::size_t most) { return in.text(in.number<std::uint16_t>(), most); }
bool sum(double value) { return std::isfinite(value) && value >= 0; }
base::WallTime moment(std::int64_t microseconds) { return base::WallTime{std::chrono::microseconds{microseconds}}; }

}  // namespace

base::Bytes Learner::state() const {
  base::Bytes out;
  put(out, kMagic);
  put(out, origin_ ? origin_->time_since_epoch().count() : std::int64_t{0});
  put(out, static_cast<std::uint8_t>(origin_ ? 1 : 0));
  put(out, nextSerial_);
  put(out, static_cast<std::uint32_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    putText(out, entry.content);
    if (entry.content.empty()) continue;
    put(out, entry.serial);
    putText(out, entry.features.title);
    putText(out, entry.features.language);
    put(out, entry.features.seconds);
    put(out, static_cast<std::uint8_t>(entry.features.tags.size()));
    for (const std::string& tag : entry.features.tags) putText(out, tag);
    put(out, entry.since.time_since_epoch().count());
    put(out, entry.views);
    put(out, entry.row);
    put(out, static_cast<std::uint32_t>(entry.pairs.size()));
    for (const Pair& pair : entry.pairs) {
      put(out, pair.other);
      put(out, pair.sum);
    }
  }
  put(out, static_cast<std::uint32_t>(free_.size()));
  for (const std::uint32_t slot : free_) put(out, slot);
  std::vector<std::uint64_t> ids;
  for (const auto& [id, who] : visitors_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  put(out, static_cast<std::uint32_t>(ids.size()));
  for (const std::uint64_t id : ids) {
    const Visitor& who = visitors_.at(id);
    put(out, id);
    put(out, who.last.time_since_epoch().count());
    put(out, static_cast<std::uint8_t>(who.seen.size()));
    for (const Seen& seen : who.seen) {
      put(out, seen.slot);
      put(out, seen.serial);
      put(out, seen.strength);
    }
  }
  return out;
}

base::Result<Learner> Learner::restore(base::ByteView bytes, LearnerOptions options) {
  const auto bad = [] { return base::fail(base::ErrorCode::kInvalidInput, "not a state of the learner"); };
  base::ByteReader in(bytes);
  Learner out(options);
  if (in.number<std::uint32_t>() != kMagic) return bad();
  const auto origin = in.number<std::int64_t>();
  if (in.number<std::uint8_t>() == 1) out.origin_ = moment(origin);
  out.nextSerial_ = in.number<std::uint32_t>();
  const auto count = in.number<std::uint32_t>();
  if (!in.good() || count > kMaxItems) return bad();
  out.entries_.resize(count);
  std::size_t empty = 0;
  for (std::uint32_t slot = 0; slot < count; ++slot) {
    Entry& entry = out.entries_[slot];
    entry.content = text(in, 64);
    if (!in.good()) return bad();
    if (entry.content.empty()) {
      ++empty;
      continue;
    }
    entry.serial = in.number<std::uint32_t>();
    entry.features.title = text(in, kMaxTitleBytes);
    entry.features.language = text(in, 64);
    entry.features.seconds = in.number<std::int64_t>();
    const auto tags = in.number<std::uint8_t>();
    if (tags > kMaxTags) return bad();
    for (int t = 0; t < tags && in.good(); ++t) entry.features.tags.push_back(text(in, 64));
    entry.since = moment(in.number<std::int64_t>());
    entry.views = in.number<double>();
    entry.row = in.number<double>();
    const auto pairs = in.number<std::uint32_t>();
    if (!in.good() || pairs > count || !model::isName(entry.content) || !sum(entry.views) || !sum(entry.row))
      return bad();
    for (std::uint32_t p = 0; p < pairs; ++p) {
      const auto other = in.number<std::uint32_t>();
      const auto weight = in.number<double>();
      const bool ascending = entry.pairs.empty() || entry.pairs.back().other < other;
      if (!in.good() || other >= count || other == slot || !ascending || !sum(weight)) return bad();
      entry.pairs.push_back({other, weight});
    }
    if (!out.slots_.emplace(entry.content, slot).second) return bad();
  }
  const auto free = in.number<std::uint32_t>();
  if (!in.good() || free != empty) return bad();
  for (std::uint32_t f = 0; f < free; ++f) {
    const auto slot = in.number<std::uint32_t>();
    if (!in.good() || slot >= count || !out.entries_[slot].content.empty() ||
        std::find(out.free_.begin(), out.free_.end(), slot) != out.free_.end()) {
      return bad();
    }
    out.free_.push_back(slot);
  }
  const auto visitors = in.number<std::uint32_t>();
  if (!in.good() || visitors > options.visitors) return bad();
  for (std::uint32_t v = 0; v < visitors; ++v) {
    const auto id = in.number<std::uint64_t>();
    Visitor who;
    who.last = moment(in.number<std::int64_t>());
    const auto seen = in.number<std::uint8_t>();
    for (int s = 0; s < seen && in.good(); ++s) {
      Seen each;
      each.slot = in.number<std::uint32_t>();
      each.serial = in.number<std::uint32_t>();
      each.strength = in.number<double>();
      if (each.slot >= count || !sum(each.strength) || each.strength > 1) return bad();
      who.seen.push_back(each);
    }
    if (!in.good() || !out.visitors_.emplace(id, std::move(who)).second) return bad();
  }
  if (!in.whole()) return bad();
  return out;
}

}  // namespace dvpe::recommend
