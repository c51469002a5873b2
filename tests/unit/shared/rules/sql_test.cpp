// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// That trees mean what conditions do is tested in a database: tests/integration/database/sample_test.py.
#include "shared/rules/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvpe::rules {
namespace {

using model::Field;
using model::FieldType;
using testing::HasSubstr;

Field field(const char* path, FieldType type) {
  Field out;
  out.path = path;
  out.type = type;
  out.forecastable = true;
  return out;
}

class SampleTrees : public testing::Test {
 protected:
  SampleTrees() {
    fields_.push_back(field("v.land", FieldType::kString));
    fields_.back().values = {"DE", "AT", "CH"};
    fields_.push_back(field("v.age", FieldType::kInt));
    fields_.back().steps = {std::int64_t{18}, std::int64_t{25}, std::int64_t{50}};
    fields_.push_back(field("v.score", FieldType::kDouble));
    fields_.back().steps = {0.0, 0.5};
    fields_.push_back(field("v.on", FieldType::kBool));
    fields_.back().purpose = "personalised_content";
    fields_.back().campaignPurpose = "personalised_ads";
    fields_.push_back(field("v.name", FieldType::kString));
    fields_.back().forecastable = false;
    Field map = field("v.likes", FieldType::kMap);
    map.forecastable = false;
    fields_.push_back(map);
    fields_.push_back(field("v.likes.cars", FieldType::kDouble));
    fields_.back().steps = {0.0, 0.5};
  }

  std::string tree(const std::string& text, Use use = Use::kContent) {
    const auto condition = compile(text, {fields_, use, &segments_});
    if (!condition) return "mistake: " + condition.error().message;
    const auto out = toSampleTree(condition.value(), fields_, use, "one");
    return out ? out.value() : "refused: " + out.error().message;
  }

  std::vector<Field> fields_;
  Segments segments_;
};

TEST_F(SampleTrees, TellOfEachValueOfAFieldWhatBecomesOfIt) {
  EXPECT_EQ(tree(R"(v.land == "DE")"), R"(["of","v.land",["DE"],[],null])");
  EXPECT_EQ(tree(R"(v.land.startsWith("A") || v.land.matches("^C"))"), R"(["of","v.land",["AT","CH"],[],null])");
  EXPECT_EQ(tree(R"(!has(v.land))"), R"(["of","v.land",[],[],true])");
  EXPECT_EQ(tree(R"(has(v.land) && v.land != "DE")"), R"(["of","v.land",["AT","CH"],[],false])");
  EXPECT_EQ(tree(R"(int(v.land) == 1)"), R"(["of","v.land",[],["DE","AT","CH"],null])") << "errors";
  EXPECT_EQ(tree("v.age >= 25"), R"(["of","v.age",[25,50],[],null])");
  EXPECT_EQ(tree("v.age > 24 && v.age <= 49"), R"(["of","v.age",[25],[],null])");
  EXPECT_EQ(tree("v.score < 0.5"), R"(["of","v.score",[0],[],null])");
  EXPECT_EQ(tree("v.likes.cars >= 0.5"), R"(["of","v.likes.cars",[0.5],[],null])");
}

TEST_F(SampleTrees, JoinPartsOfSeveralFields) {
  EXPECT_EQ(
      tree(R"(v.land == "DE" && (v.age < 25 || !v.on))"),
      R"(["and",["of","v.land",["DE"],[],null],["or",["of","v.age",[18],[],null],["of","v.on",[false],[],null]]])");
  EXPECT_EQ(tree(R"(v.on ? v.age < 25 : v.land == "AT")"),
            R"(["if",["of","v.on",[true],[],null],["of","v.age",[18],[],null],["of","v.land",["AT"],[],null]])");
  EXPECT_EQ(tree(R"(channel.id == "one" && !(v.on && v.age < 25))"),
            R"(["and",true,["not",["and",["of","v.on",[true],[],null],["of","v.age",[18],[],null]]]])");
}

TEST_F(SampleTrees, ReadAFieldWithTheConsentThatItTakes) {
  EXPECT_EQ(tree("v.on"), R"(["of","v.on",[true],[],null])");
  EXPECT_EQ(tree("v.on", Use::kCampaign), R"(["of","v.on:ads",[true],[],null])");
  EXPECT_EQ(tree(R"(v.land == "DE")", Use::kCampaign), R"(["of","v.land",["DE"],[],null])");
  EXPECT_EQ(tree("v.on || true"), "true") << "whatever was agreed to";
}

TEST_F(SampleTrees, FollowAudiences) {
  segments_ =
      compileSegments({{"young", "v.age < 25"}, {"named", "v.name == \"x\""}, {"both", "segment(\"young\") || v.on"}},
                      {fields_, Use::kContent});
  EXPECT_EQ(tree(R"(segment("young"))"), R"(["of","v.age",[18],[],null])");
  EXPECT_EQ(tree(R"(segment("both"))"), R"(["or",["of","v.age",[18],[],null],["of","v.on",[true],[],null]])");
  EXPECT_THAT(tree(R"(segment("named"))"), HasSubstr("v.name is not forecastable"));
}

TEST_F(SampleTrees, AreRefusedWithTheReason) {
  EXPECT_THAT(tree("v.name == \"x\""), HasSubstr("v.name is not forecastable"));
  EXPECT_THAT(tree("v.likes[\"cars\"] == 1.0"), HasSubstr("v.likes is not forecastable"));
  EXPECT_THAT(tree("v.age >= 30"), HasSubstr("v.age is known in steps (18, 25, 50), and this tells apart 25 and"));
  EXPECT_THAT(tree("v.age == 25"), HasSubstr("known in steps"));
  EXPECT_THAT(tree("v.age in [30]"), HasSubstr("known in steps"));
  EXPECT_THAT(tree("v.age >= 60"), HasSubstr("known in steps")) << "the last step has no end";
  EXPECT_THAT(tree("v.score > 0.5"), HasSubstr("known in steps"));
  EXPECT_THAT(tree("v.age % 2 == 0"), HasSubstr("can only be compared"));
  EXPECT_THAT(tree("v.on == (v.land == \"DE\")"), HasSubstr("cannot compare v.land with v.on"));
  EXPECT_THAT(tree("v.land == \"DE\" && percent(\"a\") < 5.0"), HasSubstr("share of the viewers"));
  EXPECT_THAT(tree("frequency(\"k\", \"1d\") < 2"), HasSubstr("what a viewer has seen"));
  EXPECT_THAT(tree("now.getHours(\"UTC\") > 3"), HasSubstr("dayparts"));
  std::string many = "v.age < 25";
  for (int i = 0; i < 2'000; ++i) many += " || v.on && v.age < 25";
  EXPECT_THAT(tree(many), HasSubstr("too long"));
}

TEST_F(SampleTrees, KnowOfNumbersTheStepBelow) {
  const Field& age = fields_[1];
  const auto step = [&](std::int64_t value) { return coarse(age, {value}); };
  EXPECT_EQ(step(17), std::nullopt);
  EXPECT_EQ(step(18), model::Scalar{std::int64_t{18}});
  EXPECT_EQ(step(24), model::Scalar{std::int64_t{18}});
  EXPECT_EQ(step(1'000), model::Scalar{std::int64_t{50}});
  EXPECT_EQ(coarse(age, {30.0}), std::nullopt) << "not of its type";
  EXPECT_EQ(coarse(fields_[2], {std::int64_t{1}}), model::Scalar{0.5}) << "a whole number is a value of a double";
}

}  // namespace
}  // namespace dvpe::rules
