// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What is proved of conditions, what is shown by somebody, and what is left open.
#include "shared/rules/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace dvpe::rules {
namespace {

using Is = Answer::Is;
using model::Field;
using model::FieldType;

std::vector<Field> fields() {
  std::vector<Field> out{{"viewer.age", FieldType::kInt, "", ""},
                         {"viewer.score", FieldType::kDouble, "", ""},
                         {"viewer.country", FieldType::kString, "", ""},
                         {"viewer.vip", FieldType::kBool, "", ""},
                         {"viewer.town", FieldType::kString, "personalised_content", "personalised_ads"},
                         {"viewer.tier", FieldType::kString, "", ""},
                         {"viewer.interests", FieldType::kMap, "", ""}};
  out[5].values = {std::string("gold"), std::string("silver")};
  return out;
}

Condition compiled(const std::string& text) {
  const auto out = compile(text, fields());
  EXPECT_TRUE(out) << text << ": " << out.error().message;
  return out.value();
}
Is can(const std::string& text) { return canBeTrue(compiled(text), fields()).is; }
Answer without(const std::string& first, const std::string& second) {
  return trueWithout(compiled(first), compiled(second), fields());
}

TEST(CanBeTrue, IsProvedNotToBe) {
  for (const char* text :
       {"false", "viewer.age < 18 && viewer.age > 21", "viewer.age > 18 && viewer.age < 19",
        "viewer.country == \"DE\" && viewer.country == \"FR\"", "viewer.vip && !viewer.vip",
        "viewer.score > 0.5 && viewer.score <= 0.5", "viewer.country in [\"DE\"] && viewer.country != \"DE\"",
        "has(viewer.age) && !has(viewer.age)", "viewer.tier == \"gold\" && viewer.tier == \"silver\"",
        "!(viewer.age < 5 || viewer.age >= 5)"}) {
    EXPECT_EQ(can(text), Is::kNo) << text;
  }
}

TEST(CanBeTrue, IsShownBySomebody) {
  for (const char* text : {"true", "viewer.age > 18 && viewer.age < 20", "viewer.score > 0.5 && viewer.score < 0.51",
                           "viewer.country != \"DE\"", "!has(viewer.age)", "viewer.age < -5", "-5 > viewer.age",
                           "viewer.vip ? viewer.age > 3 : viewer.age < 3"}) {
    EXPECT_EQ(can(text), Is::kYes) << text;
  }
  const Answer answer = canBeTrue(compiled("viewer.age >= 18 && viewer.town == \"Bonn\""), fields());
  ASSERT_EQ(answer.is, Is::kYes);
  EXPECT_EQ(describe(answer.witness), "viewer.age is 18, viewer.town is \"Bonn\", agrees to personalised_content");
  EXPECT_EQ(describe(canBeTrue(compiled("true"), fields()).witness), "somebody of whom nothing is known");
}

TEST(CanBeTrue, IsLeftOpenWhereOtherKindsMayBe) {
  for (const char* text : {"viewer.country < \"A\" && viewer.country > \"B\"",
                           "viewer.interests.sports > 2 && viewer.interests.sports < 1", "viewer.age + 1 < viewer.age",
                           "viewer.country.startsWith(\"X\") && viewer.country == \"Y\""}) {
    EXPECT_EQ(can(text), Is::kNotKnown) << text;
  }
}

TEST(TrueWithout, IsProvedWhereOneCoversTheOther) {
  EXPECT_EQ(without("viewer.age >= 21", "viewer.age >= 18").is, Is::kNo);
  EXPECT_EQ(without("viewer.country == \"DE\"", "viewer.country in [\"DE\", \"FR\"]").is, Is::kNo);
  EXPECT_EQ(without("viewer.vip && viewer.age > 3", "viewer.vip").is, Is::kNo);
  EXPECT_EQ(without("viewer.age >= 18", "has(viewer.age)").is, Is::kNo);
  EXPECT_EQ(without("viewer.town == \"Bonn\"", "true").is, Is::kNo);
}

TEST(TrueWithout, IsShownBySomebodyWhoIsTheDifference) {
  const Answer answer = without("viewer.age >= 18", "viewer.age >= 21");
  ASSERT_EQ(answer.is, Is::kYes);
  EXPECT_EQ(describe(answer.witness), "viewer.age is 18");
  EXPECT_EQ(without("true", "viewer.age >= 18").is, Is::kYes) << "of whom the age is not known";
  EXPECT_EQ(without("true", "viewer.age >= 18 || viewer.age < 18").is, Is::kYes) << "unknown is not true";
}

TEST(TrueWithout, TellsConsentFromWhatIsNotThere) {
  EXPECT_EQ(without("!has(viewer.town)", "viewer.town != \"Bonn\"").is, Is::kYes);
  EXPECT_EQ(trueWithout(compiled("has(viewer.town)"), compiled("has(viewer.town)"), fields(), Use::kCampaign).is,
            Is::kNo);
}

// Whatever is said to be proved is so for viewers at random.
TEST(Both, AgreeWithViewersAtRandom) {
  std::mt19937 random{5};  // NOLINT(cert-msc51-cpp): the same each time
  const auto pick = [&](std::initializer_list<const char*> of) {
    return std::string(of.begin()[random() % of.size()]);
  };
  const auto part = [&] {
    switch (random() % 4) {
      case 0:
        return "viewer.age " + pick({"<", "<=", ">", ">=", "==", "!="}) + " " + std::to_string(random() % 4);
      case 1:
        return "viewer.score " + pick({"<", ">", "=="}) + " 0." + std::to_string(random() % 3);
      case 2:
        return "viewer.country " + pick({"==", "!="}) + " " + pick({"\"DE\"", "\"FR\""});
      default:
        return pick({"viewer.vip", "!viewer.vip", "has(viewer.age)", "!has(viewer.country)"});
    }
  };
  const auto text = [&] {
    return "(" + part() + pick({" && ", " || "}) + part() + ")" + pick({" && ", " || "}) + part();
  };
  int proved = 0;
  for (int i = 0; i < 300; ++i) {
    const Condition a = compiled(text()), b = compiled(text());
    const bool covered = trueWithout(a, b, fields()).is == Is::kNo;
    proved += covered ? 1 : 0;
    for (int n = 0; n < 200 && covered; ++n) {
      Attributes viewer;
      const auto sometimes = [&](std::string_view path, const model::Value& value) {
        const auto done = random() % 4 != 0 ? viewer.set(path, value) : base::success();
        EXPECT_TRUE(done);
      };
      sometimes("viewer.age", {static_cast<std::int64_t>(random() % 6) - 1});
      sometimes("viewer.score", {static_cast<double>(random() % 50) / 100});
      sometimes("viewer.country", {pick({"DE", "FR", "IT"})});
      sometimes("viewer.vip", {random() % 2 == 0});
      EXPECT_FALSE(evaluate(a, viewer) == Verdict::kTrue && evaluate(b, viewer) != Verdict::kTrue)
          << a.text() << " | " << b.text();
    }
  }
  EXPECT_GT(proved, 10) << "there is something to prove";
}

TEST(Both, AreBounded) {
  std::vector<Field> many;
  std::string text = "true";
  for (int i = 0; i < 40; ++i) {
    many.push_back({"viewer.f" + std::to_string(i), FieldType::kInt, "", ""});
    text += " && viewer.f" + std::to_string(i) + " == 7";
  }
  const auto condition = compile(text, many);
  ASSERT_TRUE(condition);
  EXPECT_NE(canBeTrue(condition.value(), many).is, Is::kNo);
}

}  // namespace
}  // namespace dvpe::rules
