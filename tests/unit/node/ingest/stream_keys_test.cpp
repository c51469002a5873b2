// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/stream_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

namespace dvpe::ingest {
namespace {

const base::Bytes kPepper(32, 0x42);

class CountingRandom final : public base::Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& b : out) {
      b = next_++;
    }
  }

 private:
  std::uint8_t next_ = 0;
};

TEST(StreamKeys, MakesKeysOf160BitsInBase32) {
  CountingRandom counting;
  EXPECT_EQ(makeStreamKey(counting), "aaaqeayeaudaocajbifqydiob4ibceqt");  // RFC 4648 of 00 01 .. 13
  base::SystemRandom random;
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    const std::string key = makeStreamKey(random);
    EXPECT_EQ(key.size(), 32U);
    EXPECT_EQ(key.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
    EXPECT_TRUE(keys.insert(key).second);
  }
}

TEST(StreamKeys, HashIsHmacSha256) {
  // RFC 4231, test case 2.
  EXPECT_EQ(hashStreamKey(base::view("Jefe"), "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(StreamKeys, FindsTheChannelOfAKey) {
  const auto keys = StreamKeys::create(kPepper, {{"ch1", hashStreamKey(kPepper, "one")},
                                                 {"ch1", hashStreamKey(kPepper, "rotated")},
                                                 {"ch2", hashStreamKey(kPepper, "two")}});
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys.value().channelOf("one"), "ch1");
  EXPECT_EQ(keys.value().channelOf("rotated"), "ch1");
  EXPECT_EQ(keys.value().channelOf("two"), "ch2");
  EXPECT_FALSE(keys.value().channelOf("three"));
  EXPECT_FALSE(keys.value().channelOf(""));
  EXPECT_FALSE(keys.value().channelOf(hashStreamKey(kPepper, "one"))) << "the hash is no key";
}

TEST(StreamKeys, LoadsTheFile) {
  const auto path = std::filesystem::temp_directory_path() / ("dvpe-keys-" + std::to_string(getpid()) + ".json");
  std::ofstream(path) << R"({"keys":[{"channel":"ch1","hash":")" << hashStreamKey(kPepper, "one") << R"("}]})";
  const auto keys = StreamKeys::load(path.string(), kPepper);
  std::filesystem::remove(path);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys.value().size(), 1U);
  EXPECT_EQ(keys.value().channelOf("one"), "ch1");
  EXPECT_EQ(StreamKeys::load(path.string(), kPepper).error().code, base::ErrorCode::kNotFound);
}

TEST(StreamKeys, RefusesFilesThatAreNotKeys) {
  const std::string hash = hashStreamKey(kPepper, "one");
  for (const std::string& text : {std::string("x"), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})"),
                                  std::string(R"({"keys":[1]})"), std::string(R"({"keys":[{"channel":"ch1"}]})"),
                                  std::string(R"({"keys":[{"channel":"../ch1","hash":")") + hash + R"("}]})",
                                  std::string(R"({"keys":[{"channel":"ch1","hash":"abc"}]})"),
                                  std::string(R"({"keys":[{"channel":"a","hash":")") + hash +
                                      R"("},{"channel":"b","hash":")" + hash + R"("}]})"}) {
    EXPECT_EQ(StreamKeys::parse(text, kPepper).error().code, base::ErrorCode::kInvalidInput) << text;
  }
  EXPECT_FALSE(StreamKeys::create({1, 2}, {})) << "a short pepper";
}

}  // namespace
}  // namespace dvpe::ingest
