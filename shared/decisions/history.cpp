// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/history.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace dvpe::decisions {

static_assert(std::endian::native == std::endian::little, "records are written as they are in memory");

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kDay = 24 * 3600;
constexpr std::uint32_t kMostOfATotal = 1U << 30;  // such that a count fits an int

template <class T>
void append(base::Bytes& out, const std::vector<T>& items) {
  const auto count = static_cast<std::uint32_t>(items.size());
  const std::size_t at = out.size();
  out.resize(at + sizeof count + items.size() * sizeof(T));
  std::memcpy(out.data() + at, &count, sizeof count);
  if (!items.empty()) std::memcpy(out.data() + at + sizeof count, items.data(), items.size() * sizeof(T));
}

template <class T>
bool take(base::ByteView& from, std::vector<T>& items, std::size_t most) {
  std::uint32_t count = 0;
  if (from.size() < sizeof count) return false;
  std::memcpy(&count, from.data(), sizeof count);
  from = from.subspan(sizeof count);
  if (count > most || from.size() < count * sizeof(T)) return false;
  items.resize(count);
  if (count != 0) std::memcpy(items.data(), from.data(), count * sizeof(T));
  from = from.subspan(count * sizeof(T));
  return true;
}

}  // namespace

// FNV-1a, 32 bits, over the level and the id.
Key keyOf(Level level, std::string_view id) {
  std::uint32_t hash = 2166136261U;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 16777619U; };
  mix(static_cast<std::uint8_t>(level));
  for (const char c : id) mix(static_cast<std::uint8_t>(c));
  return hash;
}

void History::add(Impression impression) {
  ++version_;
  // Almost always the newest.
  const auto at = std::upper_bound(impressions_.begin(), impressions_.end(), impression,
                                   [](const auto& a, const auto& b) { return a.at < b.at; });
  if (impressions_.size() < kMost + kMargin) impressions_.insert(at, impression);
}

bool History::takeBack(std::uint32_t at, Key creative) {
  for (auto it = impressions_.rbegin(); it != impressions_.rend() && it->at >= at; ++it) {
    if (it->at != at || it->keys.creative != creative) continue;
    impressions_.erase(std::next(it).base());
    ++version_;
    return true;
  }
  return false;
}

int History::count(Key key, std::uint32_t now, std::chrono::seconds within) const {
  const bool ever = within.count() >= now;
  const std::uint32_t after = ever ? 0 : now - static_cast<std::uint32_t>(within.count());
  int out = 0;
  for (auto it = impressions_.rbegin(); it != impressions_.rend() && (ever || it->at > after); ++it) {
    out += it->keys.has(key) ? 1 : 0;
  }
  if (ever) {
    const auto at =
        std::lower_bound(totals_.begin(), totals_.end(), key, [](const Total& t, Key k) { return t.key < k; });
    if (at != totals_.end() && at->key == key) out += static_cast<int>(at->count);
  }
  return out;
}

bool History::holds(std::uint32_t now, std::chrono::seconds within) const {
  return complete() && (folded_ == 0 || std::int64_t{now} - within.count() >= std::int64_t{folded_});
}

void History::sum(Key key, const std::set<Key>& kept) {
  const auto place = [&] {
    return std::lower_bound(totals_.begin(), totals_.end(), key, [](const Total& t, Key k) { return t.key < k; });
  };
  auto at = place();
  if (at != totals_.end() && at->key == key) {
    at->count = std::min(at->count + 1, kMostOfATotal);
    return;
  }
  if (totals_.size() == kMostTotals) {
    std::erase_if(totals_, [&](const Total& total) { return !kept.contains(total.key); });
    at = place();
  }
  if (totals_.size() <= kMostTotals) totals_.insert(at, {key, 1});
}

void History::fold(std::uint32_t now, const std::set<Key>& kept, std::size_t least) {
  if (impressions_.size() <= least || now < kDay) return;
  std::size_t old = 0;
  while (old < impressions_.size() && impressions_[old].at <= now - kDay) ++old;
  if (old == 0) return;
  for (std::size_t i = 0; i < old; ++i) {
    const ImpressionKeys& keys = impressions_[i].keys;
    // Keys of two levels may be equal by chance; count() takes them for one too.
    for (const Key key : std::set<Key>{keys.creative, keys.line, keys.campaign, keys.advertiser}) {
      if (kept.contains(key)) sum(key, kept);
    }
  }
  folded_ = std::max(folded_, impressions_[old - 1].at);
  impressions_.erase(impressions_.begin(), impressions_.begin() + static_cast<std::ptrdiff_t>(old));
  impressions_.shrink_to_fit();
}

History History::before(std::uint32_t at) const {
  History out = *this;
  std::erase_if(out.impressions_, [at](const Impression& each) { return each.at >= at; });
  return out;
}

std::size_t History::bytes() const {
  return sizeof *this + impressions_.capacity() * sizeof(Impression) + totals_.capacity() * sizeof(Total);
}

base::Bytes History::serialize() const {
  base::Bytes out(1 + sizeof folded_, kVersion);
  std::memcpy(out.data() + 1, &folded_, sizeof folded_);
  append(out, impressions_);
  append(out, totals_);
  return out;
}

base::Result<History> History::parse(base::ByteView bytes) {
  History out;
  bool good = bytes.size() > sizeof folded_ && bytes[0] == kVersion;
  if (good) {
    std::memcpy(&out.folded_, bytes.data() + 1, sizeof folded_);
    bytes = bytes.subspan(1 + sizeof folded_);
    good = take(bytes, out.impressions_, kMost + kMargin) && take(bytes, out.totals_, kMostTotals + 1) && bytes.empty();
  }
  const auto later = [](const Impression& a, const Impression& b) { return a.at > b.at; };
  const auto notBelow = [](const Total& a, const Total& b) { return a.key >= b.key; };
  const auto wrong = [](const Total& total) { return total.count == 0 || total.count > kMostOfATotal; };
  good = good &&
         std::adjacent_find(out.impressions_.begin(), out.impressions_.end(), later) == out.impressions_.end() &&
         std::adjacent_find(out.totals_.begin(), out.totals_.end(), notBelow) == out.totals_.end() &&
         std::none_of(out.totals_.begin(), out.totals_.end(), wrong);
  if (!good) return base::fail(base::ErrorCode::kInvalidInput, "not a viewer's history");
  return out;
}

}  // namespace dvpe::decisions
