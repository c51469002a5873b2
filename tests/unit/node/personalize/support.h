// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the tests of sessions share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

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

// Whether something becomes true within a few seconds: it is looked at again and again.
inline bool soon(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// No file of the folder has this text in it.
inline void expectNowhere(const std::filesystem::path& folder, const std::string& text) {
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder)) {
    if (!e.is_regular_file()) continue;
    std::ifstream in(e.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    EXPECT_EQ(bytes.find(text), std::string::npos) << e.path();
    EXPECT_EQ(std::filesystem::status(e.path()).permissions() & std::filesystem::perms(077),
              std::filesystem::perms::none);
  }
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
