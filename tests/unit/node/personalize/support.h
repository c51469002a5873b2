// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the tests of sessions share.
#pragma once

#include "shared/privacy/secret.h"
#include "tests/support/folder.h"

namespace dvpe::personalize::test {

using dvpe::test::Folder;

inline privacy::SecretKey keyOf(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return privacy::SecretKey(bytes);
}

// 16 bytes that begin with this number.
inline std::array<std::uint8_t, 16> idOf(std::uint32_t number) {
  std::array<std::uint8_t, 16> id{};
  for (std::size_t i = 0; i < 4; ++i) id[i] = static_cast<std::uint8_t>(number >> 8 * i);
  return id;
}

}  // namespace dvpe::personalize::test
