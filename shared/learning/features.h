// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What is known of a viewer when something is chosen for them: a few coarse facts ("country=DE", "interest.sports" with
// 0.6), hashed (Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009). What is logged
// with a choice is this, and it does not depend on the model: each model folds the hashes into its own dimension.
// Values without threads; nothing here allocates.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::learning {

inline constexpr std::size_t kMaxFacts = 24;
inline constexpr std::size_t kMinDimension = 2;
inline constexpr std::size_t kMaxDimension = 128;
inline constexpr int kWholeFact = 256;  // a fact's value is counted in 256ths, so that what is logged is what was used

struct Fact {
  std::uint32_t hash = 0;
  std::int16_t value = 0;  // -kWholeFact to kWholeFact
  bool operator==(const Fact&) const = default;
};

class Features {
 public:
  // value: -1 to 1; what is beyond counts as the bound, what is not a number as 0. False: there are kMaxFacts already.
  bool add(std::string_view fact, double value = 1);
  // As it was logged. False also for a value out of bounds.
  bool add(Fact fact);

  std::span<const Fact> facts() const { return {facts_.data(), count_}; }
  bool operator==(const Features& other) const;

 private:
  std::array<Fact, kMaxFacts> facts_{};
  std::size_t count_ = 0;
};

// As they are logged: each a hash of 32 bits and a value of 16, little-endian.
base::Bytes pack(const Features& features);
// kInvalidInput: pack() makes no such bytes.
base::Result<Features> unpack(base::ByteView bytes);

// Part of the format of what is logged: fixed by vectors in its test.
std::uint32_t hashOf(std::string_view fact);

// Features as a model sees them: a sparse vector of `dimension` numbers in 256ths. Index 0 is 1 for everybody. Two
// facts of one index are added up.
class Vector {
 public:
  struct Entry {
    std::uint32_t index = 0;
    std::int32_t value = 0;  // in 256ths
  };
  // dimension: kMinDimension to kMaxDimension.
  Vector(const Features& features, std::size_t dimension);
  std::span<const Entry> entries() const { return {entries_.data(), count_}; }

 private:
  std::array<Entry, kMaxFacts + 1> entries_{};
  std::size_t count_ = 0;
};

}  // namespace dvpe::learning
