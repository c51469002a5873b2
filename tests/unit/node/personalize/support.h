// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the tests of sessions share.
#pragma once

#include <gtest/gtest.h>

#include "node/personalize/session_store.h"
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

// A store in a folder of its own.
class WithStore : public testing::Test {
 protected:
  WithStore() { reopen(); }
  // With the records that are there, and this wrapping key.
  void reopen(std::uint8_t key = 1) {
    store_.reset();
    auto opened = SessionStore::open(folder_.path(), {keyOf(key), std::nullopt}, random_, 16);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(opened).value();
  }

  Folder folder_;
  base::SystemRandom random_;
  std::unique_ptr<SessionStore> store_;
};

}  // namespace dvpe::personalize::test
