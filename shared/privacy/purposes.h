// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The purposes that people consent to, by the words that rulesets and platform tokens use. They follow the IAB Europe
// Transparency and Consent Framework v2 (purposes 1 to 11), so that a TC string maps onto them one to one. A deployment
// may use further words of its own; those travel as text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dvpe::privacy {

// A set of known purposes: bit i is kPurposes[i], which is TCF purpose i + 1.
using PurposeSet = std::uint32_t;

inline constexpr std::array<std::string_view, 11> kPurposes{
    "storage",               // 1: store or access information on a device
    "limited_ads",           // 2: choose advertising by limited data
    "ads_profile",           // 3: make profiles for personalised advertising
    "personalised_ads",      // 4: use them
    "content_profile",       // 5: make profiles for personalised content
    "personalised_content",  // 6: use them
    "ad_measurement",        // 7
    "content_measurement",   // 8
    "audience_statistics",   // 9
    "improve_services",      // 10
    "limited_content",       // 11: choose content by limited data
};

// The set of just this purpose, or nothing when the word is not one of kPurposes.
constexpr std::optional<PurposeSet> purpose(std::string_view word) {
  for (std::size_t i = 0; i < kPurposes.size(); ++i) {
    if (kPurposes[i] == word) {
      return PurposeSet{1} << i;
    }
  }
  return std::nullopt;
}

}  // namespace dvpe::privacy
