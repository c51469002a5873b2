// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace dvpe::events {
namespace {

using model::Field;
using model::FieldType;

privacy::SecretKey keyOf(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return privacy::SecretKey(bytes);
}

Who somebody(std::uint8_t session = 1) { return {{session}, {9}, *privacy::purpose("audience_statistics")}; }

class ASample : public testing::Test {
 protected:
  // The first `count` of all visitors who are chosen for a day.
  std::vector<Sampled> chosen(const Sample& sample, std::size_t count, std::int32_t day = 20'000) {
    std::vector<Sampled> out;
    for (std::uint64_t visitor = 1; out.size() < count; ++visitor) {
      if (auto one = sample.choose(day,
                                   {{static_cast<std::uint8_t>(visitor), static_cast<std::uint8_t>(visitor >> 8),
                                     static_cast<std::uint8_t>(visitor >> 16)},
                                    {},
                                    somebody().purposes},
                                   visitor)) {
        one->attributes = "{}";
        out.push_back(*one);
      }
    }
    return out;
  }
  Sample sample_{keyOf(1)};
};

TEST_F(ASample, ChoosesNobodyWhoDidNotAgreeToIt) {
  EXPECT_TRUE(sample_.choose(20'000, somebody(), 5));
  EXPECT_FALSE(sample_.choose(20'000, {{1}, {9}, *privacy::purpose("ad_measurement")}, 5));
  EXPECT_FALSE(sample_.choose(20'000, {{1}, {9}, 0}, 5));
  EXPECT_FALSE(sample_.choose(20'000, somebody(), 0)) << "nor who has no number";
}

TEST_F(ASample, DrawsAVisitorOnceADayOnEveryNode) {
  const auto one = sample_.choose(20'000, somebody(1), 5), again = sample_.choose(20'000, somebody(1), 5);
  const auto second = sample_.choose(20'000, somebody(2), 5);
  ASSERT_TRUE(one && again && second);
  EXPECT_EQ(one->id, again->id) << "a second copy is known";
  EXPECT_NE(one->id, second->id) << "another session of the visitor is another";
  EXPECT_EQ(one->draw, second->draw) << "and in the sample with it";
  EXPECT_EQ(Sample{keyOf(1)}.choose(20'000, somebody(1), 5)->draw, one->draw) << "on another node";
  EXPECT_NE(sample_.choose(20'001, somebody(1), 5)->draw, one->draw) << "on another day";
  EXPECT_NE(sample_.choose(20'000, somebody(1), 6)->draw, one->draw);
  EXPECT_NE(Sample{keyOf(2)}.choose(20'000, somebody(1), 5)->draw, one->draw) << "nobody without the key knows";
  EXPECT_NE(one->id, somebody(1).session);
}

TEST_F(ASample, TakesTheShareThatItIsAskedFor) {
  sample_.shipped({}, 20'000, kWholeSample / 8);
  int in = 0;
  for (std::uint64_t visitor = 1; visitor <= 20'000; ++visitor)
    in += sample_.choose(20'000, somebody(), visitor) ? 1 : 0;
  EXPECT_NEAR(in, 2'500, 150);
  EXPECT_EQ(sample_.threshold(20'001), kWholeSample / 8) << "the next day begins with it";
}

TEST_F(ASample, NeverTakesMoreThanADaysMostAndLetsGoOfTheHighest) {
  for (std::uint64_t visitor = 1; visitor <= 450'000; ++visitor) {
    auto one = sample_.choose(20'000,
                              {{static_cast<std::uint8_t>(visitor), static_cast<std::uint8_t>(visitor >> 8),
                                static_cast<std::uint8_t>(visitor >> 16)},
                               {},
                               somebody().purposes},
                              visitor);
    if (!one) continue;
    one->attributes = "{}";
    sample_.keep(std::move(*one));
    if (visitor % 5'000 == 0)
      sample_.shipped(sample_.next(), 20'000, kWholeSample);  // the database asks for nothing less
  }
  EXPECT_EQ(sample_.threshold(20'000), kWholeSample / 4);
  EXPECT_EQ(sample_.dropped(), 0U);
  for (const Sampled& each : sample_.next()) EXPECT_LT(each.draw, kWholeSample / 4);
}

TEST_F(ASample, KeepsWhatWasNotShippedAndHasARoomThatEnds) {
  const auto some = chosen(sample_, 20);
  for (const Sampled& each : some) EXPECT_TRUE(sample_.keep(each));
  const auto first = sample_.next(8);
  EXPECT_EQ(first.size(), 8U);
  EXPECT_EQ(sample_.waiting(), 20U) << "until it came";
  sample_.keep(chosen(sample_, 21).back());
  sample_.shipped(first, 20'000, kWholeSample);
  EXPECT_EQ(sample_.waiting(), 13U);
  std::set<Id> left;
  for (const Sampled& each : sample_.next()) left.insert(each.id);
  for (const Sampled& each : first) EXPECT_FALSE(left.contains(each.id));

  Sampled large = some[0];
  large.attributes.assign(20'000, ' ');
  EXPECT_FALSE(sample_.keep(large));
  EXPECT_EQ(sample_.dropped(), 1U);
  for (int i = 0; i < 100'100; ++i) sample_.keep(some[1]);
  EXPECT_EQ(sample_.waiting(), 100'000U);
  EXPECT_GT(sample_.dropped(), 100U);
}

TEST_F(ASample, LetsGoOfTheDayBeforeYesterday) {
  for (const std::int32_t day : {20'000, 20'001, 20'002}) sample_.keep(chosen(sample_, 1, day)[0]);
  EXPECT_EQ(sample_.waiting(), 2U);
  EXPECT_EQ(sample_.dropped(), 1U);
  EXPECT_FALSE(sample_.keep(chosen(sample_, 1, 20'000)[0]));
}

TEST_F(ASample, LowersItsThresholdWithTheDatabases) {
  for (const Sampled& each : chosen(sample_, 1'000)) sample_.keep(each);
  sample_.shipped({}, 20'000, kWholeSample / 4);
  EXPECT_NEAR(static_cast<double>(sample_.waiting()), 250, 50);
  sample_.shipped({}, 20'000, kWholeSample);
  EXPECT_EQ(sample_.threshold(20'000), kWholeSample / 4) << "not up again on the same day";
}

// ---- what is told

Field field(const char* path, FieldType type) {
  Field out;
  out.path = path;
  out.type = type;
  out.forecastable = true;
  return out;
}

TEST(CoarseAttributes, AreOfForecastableFieldsInStepsAndWithConsent) {
  std::vector<Field> fields;
  fields.push_back(field("v.age", FieldType::kInt));
  fields.back().steps = {std::int64_t{18}, std::int64_t{25}};
  fields.push_back(field("v.score", FieldType::kDouble));
  fields.back().steps = {0.0, 0.1, 0.5};
  fields.back().purpose = "personalised_content";
  fields.back().campaignPurpose = "personalised_ads";
  fields.push_back(field("v.land", FieldType::kString));
  fields.back().values = {"DE", "a\"\\\n"};
  fields.push_back(field("v.on", FieldType::kBool));
  fields.push_back(field("v.name", FieldType::kString));
  fields.back().forecastable = false;

  rules::Attributes viewer;
  ASSERT_TRUE(viewer.set("v.name", {std::string{"Ann"}}));
  EXPECT_EQ(coarseAttributes(fields, viewer), R"({"v.age":null,"v.land":null,"v.on":null})");
  ASSERT_TRUE(viewer.set("v.age", {std::int64_t{24}}));
  ASSERT_TRUE(viewer.set("v.score", {0.49}));
  ASSERT_TRUE(viewer.set("v.land", {std::string{"a\"\\\n"}}));
  ASSERT_TRUE(viewer.set("v.on", {true}));
  EXPECT_EQ(coarseAttributes(fields, viewer), R"({"v.age":18,"v.land":"a\"\\\u000a","v.on":true})");
  ASSERT_TRUE(viewer.consent("personalised_ads"));
  EXPECT_EQ(coarseAttributes(fields, viewer), R"({"v.age":18,"v.score:ads":0.1,"v.land":"a\"\\\u000a","v.on":true})");
  ASSERT_TRUE(viewer.consent("personalised_content"));
  ASSERT_TRUE(viewer.set("v.age", {std::int64_t{17}}));
  ASSERT_TRUE(viewer.set("v.score", {std::int64_t{7}}));
  ASSERT_TRUE(viewer.set("v.land", {std::string{"FR"}}));
  ASSERT_TRUE(viewer.set("v.on", {std::string{"true"}}));
  EXPECT_EQ(coarseAttributes(fields, viewer), R"({"v.score":0.5,"v.score:ads":0.5})")
      << "what it does not know it does not tell";
}

}  // namespace
}  // namespace dvpe::events
