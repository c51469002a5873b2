// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/attributes.h"

#include <gtest/gtest.h>

#include "shared/model/json.h"

namespace dvpe::rules {
namespace {

model::Value json(std::string_view text) { return model::parseValue(text).value(); }

TEST(Attributes, FlattenMapsAndKeepTheirPathsSorted) {
  Attributes attributes;
  ASSERT_TRUE(
      attributes.set("viewer", json(R"({"z":1,"interests":{"sports":0.8,"news":true},"list":["a"],"gone":null})")));
  ASSERT_EQ(attributes.entries().size(), 4u);
  EXPECT_EQ(attributes.entries().front().path, "viewer.interests.news");
  EXPECT_EQ(std::get<double>(attributes.find("viewer.interests.sports")->v), 0.8);
  EXPECT_EQ(attributes.find("viewer.interests"), nullptr);
  EXPECT_TRUE(attributes.holds("viewer.interests"));
  EXPECT_TRUE(attributes.holds("viewer.z"));
  EXPECT_FALSE(attributes.holds("viewer.inter"));
  EXPECT_FALSE(attributes.holds("viewer.gone"));
}

TEST(Attributes, ReplaceAndRemove) {
  Attributes attributes;
  ASSERT_TRUE(attributes.set("a.b", json("1")));
  ASSERT_TRUE(attributes.set("a.b", json("2")));
  EXPECT_EQ(std::get<std::int64_t>(attributes.find("a.b")->v), 2);
  ASSERT_TRUE(attributes.set("a.b", json("null")));
  EXPECT_EQ(attributes.find("a.b"), nullptr);
}

TEST(Attributes, RefuseWhatIsNotAPathOrTooMuch) {
  Attributes attributes;
  for (const char* path : {"", ".", "a.", ".a", "a..b", "a-b", "1a", "a.2", "a b", "ä"}) {
    EXPECT_FALSE(attributes.set(path, json("1"))) << path;
  }
  EXPECT_FALSE(attributes.set("a", json(R"({"b-c":1})")));
  EXPECT_FALSE(attributes.set("a", json(R"([[1]])")));
  EXPECT_FALSE(attributes.set("a", model::Value{std::string(5000, 'x')}));
  EXPECT_FALSE(attributes.set(std::string(300, 'a'), json("1")));
  for (std::size_t i = 0; i < Attributes::kMaxEntries; ++i) {
    ASSERT_TRUE(attributes.set("a" + std::to_string(i), json("1")));
  }
  EXPECT_FALSE(attributes.set("b", json("1")));
  EXPECT_TRUE(attributes.set("a0", json("2")));
}

TEST(Attributes, KnowWhatWasConsentedTo) {
  Attributes attributes;
  ASSERT_TRUE(attributes.consent("b"));
  ASSERT_TRUE(attributes.consent("a"));
  ASSERT_TRUE(attributes.consent("a"));
  EXPECT_EQ(attributes.purposes(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(attributes.consents("a"));
  EXPECT_TRUE(attributes.consents(""));
  EXPECT_FALSE(attributes.consents("c"));
  EXPECT_FALSE(attributes.consent(""));
}

}  // namespace
}  // namespace dvpe::rules
