// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Names that come from outside and end up in paths. Pure functions: any thread.
#pragma once

#include <algorithm>
#include <string_view>

namespace dvpe::package {

// [A-Za-z0-9_-]{1,64}: no dots, no slashes, so that a name is one step down and never up.
constexpr bool isName(std::string_view s) {
  return !s.empty() && s.size() <= 64 && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Lower-case hexadecimal of exactly this length.
constexpr bool isHex(std::string_view s, std::size_t length) {
  return s.size() == length &&
         std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace dvpe::package
