// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/features.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace dvpe::learning {

namespace {

static_assert(std::endian::native == std::endian::little, "facts are written as they are in memory");
constexpr std::size_t kPacked = 6;

}  // namespace

base::Bytes pack(const Features& features) {
  base::Bytes out(kPacked * features.facts().size());
  std::uint8_t* at = out.data();
  for (const Fact& fact : features.facts()) {
    std::memcpy(at, &fact.hash, sizeof fact.hash);
    std::memcpy(at + sizeof fact.hash, &fact.value, sizeof fact.value);
    at += kPacked;
  }
  return out;
}

base::Result<Features> unpack(base::ByteView bytes) {
  Features out;
  bool good = bytes.size() % kPacked == 0;
  for (std::size_t at = 0; good && at < bytes.size(); at += kPacked) {
    Fact fact;
    std::memcpy(&fact.hash, bytes.data() + at, sizeof fact.hash);
    std::memcpy(&fact.value, bytes.data() + at + sizeof fact.hash, sizeof fact.value);
    good = out.add(fact);
  }
  if (!good) return base::fail(base::ErrorCode::kInvalidInput, "these are not the facts of a choice");
  return out;
}

std::uint32_t hashOf(std::string_view fact) {
  std::uint64_t h = 0xcbf29ce484222325U;  // FNV-1a, 64 bits
  for (const char c : fact) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  // FNV's upper bits say little of the last characters: mixed as splitmix64 does.
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9U;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebU;
  return static_cast<std::uint32_t>((h ^ (h >> 31)) >> 32);
}

bool Features::add(std::string_view fact, double value) {
  const double bounded = std::isnan(value) ? 0 : std::clamp(value, -1.0, 1.0);
  return add({hashOf(fact), static_cast<std::int16_t>(std::lround(bounded * kWholeFact))});
}

bool Features::add(Fact fact) {
  if (count_ == kMaxFacts || fact.value < -kWholeFact || fact.value > kWholeFact) return false;
  facts_[count_++] = fact;
  return true;
}

bool Features::operator==(const Features& other) const {
  const auto ours = facts(), theirs = other.facts();
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end());
}

Vector::Vector(const Features& features, std::size_t dimension) {
  entries_[count_++] = {0, kWholeFact};
  for (const Fact& fact : features.facts()) {
    // The upper bits choose the index, the lowest the sign: facts that share an index cancel out as often as they add.
    const auto index = static_cast<std::uint32_t>(1 + ((std::uint64_t{fact.hash} * (dimension - 1)) >> 32));
    const std::int32_t value = fact.hash & 1 ? -fact.value : fact.value;
    std::size_t at = 1;
    while (at < count_ && entries_[at].index != index) ++at;
    if (at == count_) entries_[count_++] = {index, 0};
    entries_[at].value += value;
  }
}

}  // namespace dvpe::learning
