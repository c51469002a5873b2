// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/secret.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "shared/privacy/purposes.h"

namespace dvpe::privacy {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

class SecretFiles : public ::testing::Test {
 protected:
  SecretFiles() {
    std::string name = (fs::temp_directory_path() / "dvpe-secret-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~SecretFiles() override { fs::remove_all(folder); }
  fs::path write(const std::string& content, fs::perms mode = fs::perms::owner_read | fs::perms::owner_write) {
    const fs::path path = folder / "key";
    std::ofstream(path, std::ios::binary) << content;
    fs::permissions(path, mode);
    return path;
  }
  fs::path folder;
};

TEST_F(SecretFiles, HoldAKeyAsBytesOrAsDigits) {
  const auto raw = loadSecretKey(write(std::string(32, 'k')));
  ASSERT_TRUE(raw);
  std::string digits;
  for (int i = 0; i < 32; ++i) digits += i % 2 ? "6b" : "6B";
  const auto hex = loadSecretKey(write(digits + "\n"));
  ASSERT_TRUE(hex);
  EXPECT_TRUE(std::equal(raw.value().bytes().begin(), raw.value().bytes().end(), hex.value().bytes().begin()));
}

TEST_F(SecretFiles, AreRefusedWhenOthersMayReadThem) {
  for (const auto extra : {fs::perms::group_read, fs::perms::others_read, fs::perms::others_write}) {
    const auto path = write(std::string(32, 'k'), fs::perms::owner_read | extra);
    EXPECT_EQ(loadSecretKey(path).error().code, ErrorCode::kRefused);
    fs::remove(path);
  }
}

TEST_F(SecretFiles, AreRefusedWhenTheyAreNoKeys) {
  EXPECT_EQ(loadSecretKey(folder / "absent").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(loadSecretKey(folder).error().code, ErrorCode::kRefused);
  for (const std::string& content : {std::string(), std::string(31, 'k'), std::string(64, 'x'), std::string(65, 'a')}) {
    const auto key = loadSecretKey(write(content));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(key.error().message.find(content.empty() ? "?" : content), std::string::npos) << "no secrets in messages";
  }
  EXPECT_EQ(loadSecretKey(write(std::string(300, 'a'))).error().code, ErrorCode::kLimitExceeded);
}

TEST_F(SecretFiles, AreWrittenWholeAndPrivateAndNotOverwrittenUnasked) {
  const fs::path path = folder / "new";
  ASSERT_TRUE(writeSecretFile(path, "one", IfExists::kFail));
  EXPECT_EQ(readSecretFile(path).value(), "one");
  EXPECT_EQ(writeSecretFile(path, "two", IfExists::kFail).error().code, ErrorCode::kConflict);
  EXPECT_EQ(readSecretFile(path).value(), "one");
  ASSERT_TRUE(writeSecretFile(path, "two", IfExists::kReplace));
  EXPECT_EQ(readSecretFile(path).value(), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1) << "no drafts are left behind";
}

TEST(Pseudonyms, AreStableAndDifferByKeyAndSubject) {
  std::array<std::uint8_t, 32> bytes{};
  const SecretKey a(bytes);
  bytes[0] = 1;
  const SecretKey b(bytes);
  EXPECT_EQ(pseudonym(a, "ann"), pseudonym(a, "ann"));
  EXPECT_NE(pseudonym(a, "ann"), pseudonym(b, "ann"));
  EXPECT_NE(pseudonym(a, "ann"), pseudonym(a, "bob"));
}

TEST(SessionIds, AreOfATokenAndAChannelAndDoNotCollideAtTheirBorder) {
  const SecretKey key(std::array<std::uint8_t, 32>{});
  EXPECT_EQ(sessionId(key, "jti-1", "news"), sessionId(key, "jti-1", "news"));
  EXPECT_NE(sessionId(key, "jti-1", "news"), sessionId(key, "jti-1", "sports"));
  EXPECT_NE(sessionId(key, "ab", "c"), sessionId(key, "a", "bc"));
}

// RFC 4231 has no lengths between parts, so the known answer is of our own message: 0x00000003 "abc" under a zero key.
TEST(KeyedHashes, AreHmacSha256OverLengthsAndParts) {
  const SecretKey key(std::array<std::uint8_t, 32>{});
  EXPECT_EQ(base::hex(keyedHash(key, {"abc"})), "32faa4d7c8cc0c19c6197bc4b6c329895ad9191ab76df82483ff84f66faa5d29");
}

TEST(Secrets, AreComparedByContent) {
  EXPECT_TRUE(equalSecrets("", ""));
  EXPECT_TRUE(equalSecrets("same", "same"));
  EXPECT_FALSE(equalSecrets("same", "sane"));
  EXPECT_FALSE(equalSecrets("same", "same!"));
}

TEST(Purposes, HaveOneBitEach) {
  PurposeSet all = 0;
  for (const auto word : kPurposes) {
    const auto bit = purpose(word);
    ASSERT_TRUE(bit);
    EXPECT_EQ(all & *bit, 0u);
    all |= *bit;
  }
  EXPECT_EQ(all, (PurposeSet{1} << kPurposes.size()) - 1);
  EXPECT_FALSE(purpose("anything"));
}

}  // namespace
}  // namespace dvpe::privacy
