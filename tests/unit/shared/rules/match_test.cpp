// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "shared/model/json.h"

namespace dvpe::rules {
namespace {

using model::FieldType;
using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<model::Field> kFields = {
    {"viewer.country", FieldType::kString, "", ""},  {"viewer.age", FieldType::kInt, "", ""},
    {"viewer.score", FieldType::kDouble, "", ""},    {"viewer.premium", FieldType::kBool, "", ""},
    {"viewer.tags", FieldType::kList, "", ""},       {"viewer.interests", FieldType::kMap, "content", "ads"},
    {"viewer.since", FieldType::kTimestamp, "", ""}, {"viewer.secret", FieldType::kString, "never", ""}};

std::vector<Condition> compiled(const std::vector<std::string>& texts, const Segments* segments = nullptr) {
  std::vector<Condition> out;
  for (const auto& text : texts) {
    auto condition = compile(text, Declarations{kFields, Use::kContent, segments});
    EXPECT_TRUE(condition) << text << ": " << condition.error().message;
    out.push_back(condition ? condition.value() : Condition{});
  }
  return out;
}

Attributes viewer(const char* json, bool consents = true) {
  Attributes out;
  EXPECT_TRUE(out.set("viewer", model::parseValue(json).value()));
  EXPECT_TRUE(!consents || out.consent("content"));
  return out;
}

std::vector<std::uint32_t> matched(const Index& index, const AttributeSource& attributes) {
  Index::Workspace workspace(index);
  std::vector<std::uint32_t> out;
  index.match(attributes, workspace, out);
  return out;
}

TEST(Index, GivesThePlacesOfWhatIsTrueInOrder) {
  const Index index(
      compiled({"viewer.country == \"DE\" && viewer.age > 40", "viewer.country in [\"AT\", \"CH\"]", "true", "false",
                "viewer.country != \"FR\"", "\"b\" in viewer.tags", "viewer.premium || viewer.age < 10",
                "!viewer.premium", "has(viewer.secret)", "!has(viewer.age)"}));
  EXPECT_EQ(index.size(), 10U);
  EXPECT_THAT(matched(index, viewer(R"({"country":"DE","age":42,"tags":["a","b","b"],"premium":true})")),
              ElementsAre(0, 2, 4, 5, 6));
  EXPECT_THAT(matched(index, viewer(R"({"country":"CH","premium":false})")), ElementsAre(1, 2, 4, 7, 9));
  EXPECT_THAT(matched(index, Attributes{}), ElementsAre(2, 9));
}

TEST(Index, TakesSegmentsMacrosAndOtherPartsAsEvaluateDoes) {
  const Segments segments =
      compileSegments({{"old", "viewer.age >= 60"}, {"rich", "viewer.score > 0.5 && !segment(\"old\")"}}, {kFields});
  const Index index(compiled({"segment(\"rich\")", "!segment(\"rich\")", "viewer.tags.exists(t, t.startsWith(\"spo\"))",
                              "viewer.age + 1 > 18 ? viewer.country == \"DE\" : viewer.premium",
                              "viewer.since < timestamp(\"2026-01-01T00:00:00Z\")", "viewer.interests.sports == 1"},
                             &segments));
  EXPECT_THAT(
      matched(index,
              viewer(R"({"age":30,"score":1,"tags":["news","sports"],"country":"DE","since":"2025-05-05T00:00:00Z",
                                        "interests":{"sports":1.0}})")),
      ElementsAre(0, 2, 3, 4, 5));
  EXPECT_THAT(matched(index, viewer(R"({"age":17,"score":0.1,"premium":true,"interests":{"sports":"x"}})")),
              ElementsAre(1, 3));
}

TEST(Index, IsUsedAgainForTheNextViewerAndByNobodyForNothing) {
  const Index index(compiled({"viewer.country == \"DE\"", "viewer.tags.exists(t, t == \"a\")"}));
  Index::Workspace workspace(index);
  std::vector<std::uint32_t> out;
  for (int i = 0; i < 3; ++i) {
    index.match(viewer(R"({"country":"DE","tags":["a"]})"), workspace, out);
    EXPECT_THAT(out, ElementsAre(0, 1));
    index.match(Attributes{}, workspace, out);
    EXPECT_THAT(out, IsEmpty());
  }
  EXPECT_THAT(matched(Index{}, Attributes{}), IsEmpty());
  EXPECT_THAT(matched(Index{std::vector<Condition>(3)}, Attributes{}), IsEmpty()) << "a default condition is false";
}

// The moment is known, and no attribute.
class AtAMoment final : public AttributeSource {
 public:
  const model::Value* find(std::string_view) const override { return nullptr; }
  bool holds(std::string_view) const override { return false; }
  bool consents(std::string_view) const override { return true; }
  std::optional<base::WallTime> now() const override { return base::WallTime{std::chrono::seconds(1'790'000'000)}; }
};

TEST(Index, KnowsTheMoment) {
  const Index index(
      compiled({"has(now)", "!has(now)", "now > timestamp(\"2026-01-01T00:00:00Z\")", "now.getFullYear() == 2026"}));
  EXPECT_THAT(matched(index, AtAMoment{}), ElementsAre(0, 2, 3));
  EXPECT_THAT(matched(index, Attributes{}), ElementsAre(1));
}

TEST(Index, TellsPartsApartThatReadTheSameButOfOtherTypes) {
  const std::vector<model::Field> whole = {{"viewer.n", FieldType::kInt, "", ""}},
                                  real = {{"viewer.n", FieldType::kDouble, "", ""}};
  const std::string text = "string(viewer.n) == \"2\" || string(viewer.n) == \"x\"";
  Attributes half;
  ASSERT_TRUE(half.set("viewer.n", model::Value{2.5}));
  const std::string other = "size(string(viewer.n)) == 3";
  const Index index({compile(other, whole).value(), compile(other, real).value(), compile(text, whole).value()});
  EXPECT_THAT(matched(index, half), ElementsAre(1)) << "no int";
}

TEST(Index, HasRoomForAllTheListsThatAViewerMayHave) {
  std::vector<model::Field> fields;
  std::vector<Condition> conditions;
  Attributes attributes;
  const auto list = std::make_shared<const model::List>(Attributes::kMaxListItems, model::Value{std::int64_t{7}});
  for (int i = 0; i < 60; ++i) {
    fields.push_back({"viewer.l" + std::to_string(i), FieldType::kList, "", ""});
    ASSERT_TRUE(attributes.set(fields.back().path, model::Value{list}));
  }
  for (const auto& field : fields)
    conditions.push_back(compile("7 in " + field.path + " && size(" + field.path + ") > 9", fields).value());
  EXPECT_EQ(matched(Index(conditions), attributes).size(), 60U);
}

// ---- equal to evaluating one by one, whatever conditions and viewers come

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  const char* one(const std::vector<const char*>& words) { return words[below(static_cast<unsigned>(words.size()))]; }

  std::string condition(int depth) {
    if (depth == 0 || below(3) == 0) return leaf();
    switch (below(4)) {
      case 0:
        return "!(" + condition(depth - 1) + ")";
      case 1:
        return "(" + condition(depth - 1) + " ? " + condition(depth - 1) + " : " + condition(depth - 1) + ")";
      default: {
        const char* word = one({" && ", " || "});
        std::string out = "(" + condition(depth - 1);
        for (unsigned i = 0; i <= below(3); ++i) out += word + condition(depth - 1);
        return out + ")";
      }
    }
  }

  std::string leaf() {
    const std::string number =
        one({"-1", "0", "1", "18", "40", "9007199254740993", "9223372036854775807", "-9223372036854775808"});
    const std::string real = one({"-0.5", "0.0", "0.5", "1.0", "40.0", "9007199254740992.0"});
    const std::string text = one({"\"DE\"", "\"AT\"", "\"\"", "\"a\"", "\"x\""});
    const std::string order = one({" == ", " != ", " < ", " <= ", " > ", " >= "});
    const std::string any = one({"viewer.interests.sports", "viewer.interests.news"});
    switch (below(14)) {
      case 0:
        return "viewer.country" + order + text;
      case 1:
        return "viewer.age" + order + number;
      case 2:
        return number + order + "viewer.age";
      case 3:
        return "viewer.score" + order + real;
      case 4:
        return "viewer.premium";
      case 5:
        return text + " in viewer.tags";
      case 6:
        return number + " in viewer.tags";
      case 7:
        return "viewer.country in [" + text + ", \"FR\", \"AT\"]";
      case 8:
        return any + order + one({"1", "1.0", "\"x\"", "true", "0.5"});
      case 9:
        return any + " in [1, 2, 3]";
      case 10:
        return std::string("has(") + one({"viewer.age", "viewer.secret", "viewer.interests", "viewer.interests.news"}) +
               ")";
      case 11:
        return "viewer.secret == " + text;
      case 12:
        return "viewer.age / " + number + " > 1";
      default:
        return one({"true", "false", "viewer.since > timestamp(\"2025-01-01T00:00:00Z\")", "viewer.country in []",
                    "viewer.tags == [\"a\"]", "viewer.age == viewer.age", "size(viewer.tags) > 1"});
    }
  }

  Attributes viewer() {
    Attributes out;
    const auto set = [&](const char* path, std::initializer_list<const char*> values) {
      if (below(5) == 0) return;
      EXPECT_TRUE(out.set(path, model::parseValue(one(values)).value()));
    };
    set("viewer.country", {"\"DE\"", "\"AT\"", "\"FR\"", "\"\"", "7"});
    set("viewer.age", {"0", "1", "18", "40", "41", "9007199254740993", "9223372036854775807", "-9223372036854775808",
                       "\"18\"", "0.5"});
    set("viewer.score", {"0", "0.5", "1", "40.0", "9007199254740993", "\"x\""});
    set("viewer.premium", {"true", "false", "1"});
    set("viewer.tags", {"[]", "[\"a\"]", "[\"a\",\"DE\",1]", "[1,1.0,\"x\"]", "\"a\""});
    set("viewer.interests.sports", {"1", "1.0", "0.5", "\"x\"", "true", "[1]"});
    set("viewer.interests.news", {"2", "3.0", "false"});
    set("viewer.since", {"\"2024-06-01T00:00:00Z\"", "\"2026-06-01T00:00:00+02:00\"", "\"soon\""});
    set("viewer.secret", {"\"a\""});
    EXPECT_TRUE(below(3) == 0 || out.consent("content"));
    return out;
  }

 private:
  std::mt19937 random_;
};

TEST(Index, AnswersWhatEvaluatingOneByOneAnswers) {
  Chance chance(20260401);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> texts(400);
    for (auto& text : texts) text = chance.condition(static_cast<int>(chance.below(4)));
    const auto conditions = compiled(texts);
    std::vector<Attributes> samples(static_cast<std::size_t>(round));
    for (auto& sample : samples) sample = chance.viewer();
    std::vector<const AttributeSource*> known(samples.size());
    std::transform(samples.begin(), samples.end(), known.begin(), [](const auto& sample) { return &sample; });
    const Index index(conditions, known);
    Index::Workspace workspace(index);
    std::vector<std::uint32_t> out;
    for (int v = 0; v < 100; ++v) {
      const Attributes viewer = chance.viewer();
      index.match(viewer, workspace, out);
      std::vector<std::uint32_t> expected;
      for (std::uint32_t i = 0; i < conditions.size(); ++i) {
        if (evaluate(conditions[i], viewer) == Verdict::kTrue) expected.push_back(i);
      }
      std::vector<std::uint32_t> different;
      std::set_symmetric_difference(out.begin(), out.end(), expected.begin(), expected.end(),
                                    std::back_inserter(different));
      ASSERT_THAT(different, IsEmpty()) << "round " << round << ", viewer " << v << ": " << texts[different.front()];
    }
  }
}

}  // namespace
}  // namespace dvpe::rules
