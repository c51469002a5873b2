// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// base64url without padding (RFC 4648, section 5; RFC 7515, section 2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"

namespace dvpe::privacy::impl {

inline constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::uint8_t, 256> makeReverse() {
  std::array<std::uint8_t, 256> table{};
  for (auto& entry : table) entry = 0xff;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}
inline constexpr auto kReverse = makeReverse();

// Without padding.
inline std::string encode64(base::ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int have = 0;
  for (const std::uint8_t b : bytes) {
    bits = bits << 8 | b;
    for (have += 8; have >= 6;) {
      have -= 6;
      out.push_back(kAlphabet[bits >> have & 63]);
    }
  }
  if (have > 0) out.push_back(kAlphabet[bits << (6 - have) & 63]);
  return out;
}

// Strict: no padding, no other characters, and unused bits are zero, so that one token has one spelling. out must hold
// text.size() * 3 / 4 bytes. Returns their number, or nothing.
inline std::optional<std::size_t> decode64(std::string_view text, std::uint8_t* out) {
  if (text.size() % 4 == 1) return std::nullopt;
  const auto* in = reinterpret_cast<const std::uint8_t*>(text.data());
  std::uint8_t* const begin = out;
  std::uint8_t wrong = 0;  // collects the top bit of 0xff: one test at the end instead of one per character
  for (std::size_t n = text.size() / 4; n > 0; --n, in += 4) {
    const std::uint8_t a = kReverse[in[0]], b = kReverse[in[1]], c = kReverse[in[2]], d = kReverse[in[3]];
    wrong |= a | b | c | d;
    *out++ = static_cast<std::uint8_t>(a << 2 | b >> 4);
    *out++ = static_cast<std::uint8_t>(b << 4 | c >> 2);
    *out++ = static_cast<std::uint8_t>(c << 6 | d);
  }
  if (const std::size_t rest = text.size() % 4; rest != 0) {
    const std::uint8_t a = kReverse[in[0]], b = kReverse[in[1]], c = rest == 3 ? kReverse[in[2]] : std::uint8_t{0};
    wrong |= a | b | c;
    wrong |= static_cast<std::uint8_t>((rest == 3 ? c & 3 : b & 15) != 0 ? 0x80 : 0);
    *out++ = static_cast<std::uint8_t>(a << 2 | b >> 4);
    if (rest == 3) *out++ = static_cast<std::uint8_t>(b << 4 | c >> 2);
  }
  if ((wrong & 0x80) != 0) return std::nullopt;
  return static_cast<std::size_t>(out - begin);
}

}  // namespace dvpe::privacy::impl
