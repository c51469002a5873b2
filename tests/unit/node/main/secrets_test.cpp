// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/secrets.h"

#include <gmock/gmock.h>

#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

class NodeSecrets : public WithFolder {
 protected:
  NodeSecrets() { config.node.state = folder / "state"; }
  Config config;
  base::SystemRandom random;
};

TEST_F(NodeSecrets, AreMadeAtTheFirstStartAndKept) {
  const auto first = loadSecrets(config, random);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = loadSecrets(config, random);
  ASSERT_TRUE(second);
  const auto same = [](base::ByteView a, base::ByteView b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  EXPECT_TRUE(same(first.value().session.current.secret.bytes(), second.value().session.current.secret.bytes()));
  EXPECT_TRUE(same(first.value().viewer.bytes(), second.value().viewer.bytes()));
  EXPECT_FALSE(same(first.value().viewer.bytes(), first.value().pseudonym.bytes()));
  EXPECT_EQ(first.value().operatorKey, second.value().operatorKey);
  EXPECT_EQ(first.value().operatorKey.size(), 64u);
  EXPECT_FALSE(first.value().platformKeys);
  for (const auto& entry : fs::directory_iterator(folder / "state" / "keys")) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
  }
}

TEST_F(NodeSecrets, AreRefusedWhenOthersMayReadThemAndTheMessageNamesKeyAndFile) {
  ASSERT_TRUE(loadSecrets(config, random));
  const auto path = folder / "state" / "keys" / "viewer.key";
  fs::permissions(path, fs::perms::others_read, fs::perm_options::add);
  const auto loaded = loadSecrets(config, random);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kRefused);
  EXPECT_THAT(loaded.error().message, ::testing::HasSubstr("secrets.viewer_key_file: " + path.string()));
}

TEST_F(NodeSecrets, RefuseAShortOperatorKey) {
  config.secrets.operatorKey = write("operator", "letmein\n");
  fs::permissions(config.secrets.operatorKey, fs::perms::owner_read);
  const auto loaded = loadSecrets(config, random);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, ::testing::Not(::testing::HasSubstr("letmein")));
}

TEST_F(NodeSecrets, KeepOfAStreamKeyOnlyItsHash) {
  const auto one = addStreamKey(config, "news", random);
  const auto two = addStreamKey(config, "sports", random);
  ASSERT_TRUE(one);
  ASSERT_TRUE(two);
  EXPECT_EQ(one.value().size(), 32u);
  EXPECT_NE(one.value(), two.value());
  const auto secrets = loadSecrets(config, random);
  ASSERT_TRUE(secrets);
  EXPECT_EQ(secrets.value().streamKeys.channelOf(one.value()), "news");
  EXPECT_EQ(secrets.value().streamKeys.channelOf(two.value()), "sports");
  EXPECT_EQ(secrets.value().streamKeys.channelOf("wrong"), std::nullopt);
  const std::string kept = read(folder / "state" / "keys" / "stream-keys.json");
  EXPECT_THAT(kept, ::testing::Not(::testing::HasSubstr(one.value())));
  EXPECT_EQ(std::count(kept.begin(), kept.end(), '\n'), 4) << "one key a line";
  EXPECT_EQ(addStreamKey(config, "../news", random).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(addStreamKey(config, "a b", random).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(loadSecrets(config, random).value().streamKeys.size(), 2u);
}

TEST_F(NodeSecrets, ChangeTheSessionKeyWithoutEndingSessions) {
  base::SystemRandom r;
  privacy::SessionClaims claims;
  claims.channel = "news";
  claims.expiry = 100;
  const auto before = loadSecrets(config, random).value();
  const auto token = privacy::TokenSealer(before.session, r).seal(claims).value();
  ASSERT_TRUE(changeSessionKey(config, random));
  const auto after = loadSecrets(config, random).value();
  EXPECT_EQ(after.session.current.id, 2);
  EXPECT_TRUE(privacy::TokenSealer(after.session, r).open(token, 50));
  ASSERT_TRUE(changeSessionKey(config, random));
  EXPECT_FALSE(privacy::TokenSealer(loadSecrets(config, random).value().session, r).open(token, 50));
}

}  // namespace
}  // namespace dvpe::node
