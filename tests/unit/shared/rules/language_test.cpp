// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "shared/model/json.h"
#include "shared/rules/condition.h"

namespace dvpe::rules {
namespace {

using model::FieldType;
using testing::HasSubstr;
using testing::SizeIs;

const std::vector<model::Field> kFields = {
    {"viewer.country", FieldType::kString, "", ""},   {"viewer.age", FieldType::kInt, "", ""},
    {"viewer.score", FieldType::kDouble, "", ""},     {"viewer.premium", FieldType::kBool, "", ""},
    {"viewer.tags", FieldType::kList, "", ""},        {"viewer.interests", FieldType::kMap, "content", "ads"},
    {"viewer.secret", FieldType::kBool, "never", ""}, {"viewer.nothing", FieldType::kBool, "", ""}};

// A viewer who consented to "content" alone.
Attributes viewer() {
  Attributes out;
  EXPECT_TRUE(out.set("viewer", model::parseValue(R"({"country":"DE","age":42,"score":1,"premium":true,
    "tags":["a","b",3],"interests":{"sports":0.8,"news":1,"word":"x"},"secret":true})")
                                    .value()));
  EXPECT_TRUE(out.consent("content"));
  return out;
}

std::string verdict(std::string_view text, const Attributes& attributes = viewer(), Use use = Use::kContent) {
  const auto condition = compile(text, kFields, use);
  if (!condition) return condition.error().message;
  return name(evaluate(condition.value(), attributes));
}

struct Case {
  const char* text;
  const char* verdict;
};

TEST(Language, EvaluatesAsCelDoes) {
  const Case cases[] = {
      {"true", "true"},
      {"false", "false"},
      {"!true", "false"},
      {"!!true", "true"},
      {"1 == 1", "true"},
      {"1 != 1", "false"},
      {"-1 < 0", "true"},
      {"1 <= 1", "true"},
      {"2 > 10", "false"},
      {"\"2\" > \"10\"", "true"},
      {"1.5 >= 1.5", "true"},
      {".5 < 1e3", "true"},
      {"0x1F == 31", "true"},
      {"-9223372036854775808 < 9223372036854775807", "true"},
      {"false < true", "true"},
      {"\"Z\" < \"a\"", "true"},
      {"\"\\uFFFD\" < \"\\U0001F600\"", "true"},  // by code point, not by UTF-16 unit
      {"'a' == \"a\"", "true"},
      {"'''a'b''' == \"a'b\"", "true"},
      {"r'\\n' == '\\\\n'", "true"},
      {"'\\x41\\101\\u0041\\U00000041\\a\\?' == 'AAAA\\a?'", "true"},
      {"1 in [1, 2]", "true"},
      {"3 in [1, 2,]", "false"},
      {"\"x\" in []", "false"},
      {"true || false && false", "true"},
      {"(true || false) && false", "false"},
      {"!false && true", "true"},
      {"true // a comment\n && true", "true"},
      {"(1 == 1) == true", "true"},
      {"viewer.country == \"DE\"", "true"},
      {"viewer.country in [\"AT\", \"DE\"]", "true"},
      {"viewer . country != 'DE'", "false"},
      {"viewer.age > 41 && viewer.age < 43", "true"},
      {"viewer.premium", "true"},
      {"viewer.premium == false", "false"},
      {"\"a\" in viewer.tags", "true"},
      {"3 in viewer.tags", "true"},
      {"\"3\" in viewer.tags", "false"},
      {"viewer.score == 1.0", "true"},  // JSON wrote 1
      {"viewer.interests.sports > 0.6", "true"},
      {"viewer.interests.news > 0.6", "true"},  // an int where the declaration does not say
      {"viewer.interests.news == 1.0", "true"},
      {"viewer.interests.word == 1", "false"},
      {"viewer.interests.word < 1", "error"},
      {"channel.id == \"x\"", "unknown"},
  };
  for (const Case& each : cases) EXPECT_EQ(verdict(each.text), each.verdict) << each.text;
}

TEST(Language, HasThreeValues) {
  // u is a field that is absent.
  const Case cases[] = {
      {"viewer.nothing", "unknown"},
      {"!viewer.nothing", "unknown"},
      {"true || viewer.nothing", "true"},
      {"viewer.nothing || true", "true"},
      {"false || viewer.nothing", "unknown"},
      {"viewer.nothing || false", "unknown"},
      {"true && viewer.nothing", "unknown"},
      {"viewer.nothing && true", "unknown"},
      {"false && viewer.nothing", "false"},
      {"viewer.nothing && false", "false"},
      {"viewer.nothing && viewer.nothing", "unknown"},
      {"viewer.nothing || viewer.nothing || true", "true"},
      {"viewer.nothing == viewer.nothing", "unknown"},
      {"viewer.nothing != true", "unknown"},
      {"viewer.interests.cooking > 0.1", "unknown"},
      {"viewer.interests.cooking in [1]", "unknown"},
      {"!(viewer.nothing && false)", "true"},
      {"(viewer.nothing || true) == true", "true"},
  };
  for (const Case& each : cases) EXPECT_EQ(verdict(each.text), each.verdict) << each.text;
}

TEST(Language, TellsAbsentFromUnconsented) {
  const Case cases[] = {
      {"has(viewer.country)", "true"},
      {"has(viewer.nothing)", "false"},
      {"has(viewer.interests)", "true"},
      {"has(viewer.interests.sports)", "true"},
      {"has(viewer.interests.cooking)", "false"},
      {"has(viewer.secret)", "unknown"},
      {"viewer.secret", "unknown"},
      {"!has(viewer.nothing)", "true"},
      {"has(viewer.secret) || true", "true"},
  };
  for (const Case& each : cases) EXPECT_EQ(verdict(each.text), each.verdict) << each.text;
}

TEST(Language, AsksACampaignForItsOwnPurpose) {
  EXPECT_EQ(verdict("viewer.interests.sports > 0.6", viewer(), Use::kContent), "true");
  EXPECT_EQ(verdict("viewer.interests.sports > 0.6", viewer(), Use::kCampaign), "unknown");
  EXPECT_EQ(verdict("has(viewer.interests)", viewer(), Use::kCampaign), "unknown");
  Attributes consenting = viewer();
  ASSERT_TRUE(consenting.consent("ads"));
  EXPECT_EQ(verdict("viewer.interests.sports > 0.6", consenting, Use::kCampaign), "true");
}

TEST(Language, TakesAValueOfAnotherTypeForUnknown) {
  Attributes odd;
  ASSERT_TRUE(odd.set("viewer", model::parseValue(R"({"age":"42","country":7,"score":2,"tags":"a"})").value()));
  EXPECT_EQ(verdict("viewer.age == 42", odd), "unknown");
  EXPECT_EQ(verdict("viewer.country == \"7\"", odd), "unknown");
  EXPECT_EQ(verdict("\"a\" in viewer.tags", odd), "unknown");
  EXPECT_EQ(verdict("viewer.score > 1.5", odd), "true");
}

TEST(Language, ComparesLargeNumbersExactly) {
  Attributes large;
  ASSERT_TRUE(large.set("viewer.interests.a", model::Value{std::int64_t{9007199254740993}}));
  ASSERT_TRUE(large.consent("content"));
  EXPECT_EQ(verdict("viewer.interests.a > 9007199254740992.0", large), "true");
  EXPECT_EQ(verdict("viewer.interests.a == 9007199254740992.0", large), "false");
  EXPECT_EQ(verdict("viewer.interests.a < 1e300", large), "true");
  EXPECT_EQ(verdict("viewer.interests.a > -1e300", large), "true");
  EXPECT_EQ(verdict("viewer.interests.a >= 0.5", large), "true");
}

TEST(Mistakes, SayLineColumnAndWhatWasExpected) {
  const Case cases[] = {
      {"", "line 1, column 1: expected a value, a field or a condition, found the end"},
      {"true &&\n  ", "line 2, column 3: expected a value, a field or a condition, found the end"},
      {"viewer.country = \"DE\"", "column 16: expected ==, found ="},
      {"true & false", "column 6: expected &&, found &"},
      {"true true", "column 6: expected && or ||, found true"},
      {"(true", "column 6: expected && or || or ), found the end"},
      {"true)", "column 5: expected && or ||, found )"},
      {"viewer.county == \"DE\"", "did you mean viewer.country?"},
      {"viewer.age == \"42\"", "column 15: expected an int, found a string"},
      {"viewer.score > 1", "expected a double, found an int; write 1.0"},
      {"viewer.age in [1, \"2\", 3.0]", "column 19: expected an int, found a string"},
      {"viewer.age in 1", "expected a list, found an int"},
      {"viewer.age", "expected a condition (true or false), found an int"},
      {"viewer.age && true", "column 1: expected a condition (true or false), found an int"},
      {"!viewer.age", "column 2: expected a condition"},
      {"viewer.tags == 1", "expected a list, found an int"},
      {"viewer.tags < viewer.tags", "expected a value that has an order, found a list"},
      {"viewer.interests == 1", "name one of its members"},
      {"1 < 2 < 3", "column 7: expected && or ||: comparisons follow each other only in parentheses, found <"},
      {"null == 1", "has(field)"},
      {"sice(viewer.tags) == 1", "sice() is not part of this language"},
      {"viewer.country.startWith(\"D\")", "startWith() is not part of this language"},
      {"startsWith(viewer.country, \"D\")", "expected text.startsWith(...)"},
      {"viewer.tags[true] == 1", "column 13: expected an int, found a bool"},
      {"1 + 1.0 == 2", "column 5: expected an int, found a double"},
      {"true + true", "column 1: expected a number, found a bool"},
      {"true ? 1 : false", "column 12: expected an int, found a bool"},
      {"true ? true", "expected :, found the end"},
      {"- viewer.country < 1", "expected a number, found a string"},
      {"1 - 9223372036854775808 < 0", "does not fit 64 bits"},
      {"viewer.country.matches(\"(\")", "expected a regular expression (RE2)"},
      {"viewer.country.matches(viewer.country)", "expected a regular expression in quotes"},
      {"viewer.tags.exists(1, true)", "expected a name for the items"},
      {"viewer.tags.exists(x)", "expected exists(x, condition on x)"},
      {"viewer.tags.all(t, t)", ""},
      {"viewer.interests.all(t, true)", "what is in it cannot be listed"},
      {"segment(\"nobody\")", "expected the name of an audience, found \"nobody\""},
      {"percent(viewer.country) < 1.0", "expected a salt in quotes"},
      {"frequency(\"tea\", \"1x\") < 1", "expected a time as in \"1d\""},
      {"within(viewer.country, 1.0, 1.0, 1.0)", "expected a field that is a map with lat and lon"},
      {"within(viewer.interests, 91.0, 1.0, 1.0)", "expected a latitude"},
      {"timestamp(\"2026-13-01T00:00:00Z\") < now", "expected a timestamp as in"},
      {"now.getHours(\"Europe/Atlantis\") < 1", "expected a time zone as in"},
      {"now > 1", "expected a timestamp, found an int"},
      {"{\"a\": 1, \"a\": 2} == {}", "expected each key once"},
      {"5u == 5", "unsigned numbers"},
      {"5x == 5", "expected a number"},
      {"9223372036854775808 == 1", "does not fit 64 bits"},
      {"1e999 == 1.0", "does not fit a double"},
      {"b'x' == 'x'", "bytes are not part of this language"},
      {"'abc", "column 1: expected ' at the end of this text"},
      {"'a\nb' == ''", "expected ' at the end of this text"},
      {"'\\q' == ''", "column 2: this escape is not known"},
      {"'\\uD800' == ''", "not a Unicode character"},
      {"'\xff' == ''", "expected UTF-8 text"},
      {"\xc3", "expected UTF-8 text"},
      {"viewer. == 1", "expected a field's name, found =="},
      {"viewer.for == 1", "not a reserved word"},
      {"has(1)", "expected a field's name, found 1"},
      {"has(viewer.other)", "expected a declared field, found viewer.other"},
      {"€ == 1", "column 1: expected a condition, found \"€\""},
      {"\"€\" == 1", "column 8: expected a string, found an int"},  // columns count characters
  };
  for (const Case& each : cases) EXPECT_THAT(verdict(each.text), HasSubstr(each.verdict)) << each.text;
}

TEST(Mistakes, AreAllListedAtOnceInTheOrderOfTheText) {
  std::vector<Mistake> mistakes;
  EXPECT_FALSE(
      compile("viewer.country = 1 &&\n (viewer.age >) || 'x\\q' == 1 && + 2", kFields, Use::kContent, &mistakes));
  ASSERT_THAT(mistakes, SizeIs(4)) << verdict("viewer.country = 1 &&\n (viewer.age >) || 'x\\q' == 1 && + 2");
  EXPECT_EQ(mistakes[1].line, 2);
  EXPECT_EQ(mistakes[1].column, 15);
  mistakes.clear();
  EXPECT_FALSE(compile("viewer.a == 1 || viewer.age == \"\" || viewer.score", kFields, Use::kContent, &mistakes));
  EXPECT_THAT(mistakes, SizeIs(3));
  mistakes.clear();
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "@ ";
  EXPECT_FALSE(compile(many, kFields, Use::kContent, &mistakes));
  EXPECT_THAT(mistakes, SizeIs(kMaxMistakes));
}

TEST(Limits, HoldForDepthAndSize) {
  const auto nested = [](int levels, const char* open, const char* close) {
    std::string text = "true";
    for (int i = 0; i < levels; ++i) text = open + text + close;
    return text;
  };
  EXPECT_EQ(verdict(nested(60, "(", ")")), "true");
  EXPECT_EQ(verdict(nested(62, "!", "")), "true");
  for (const int levels : {64, 100, 30'000}) {
    const std::string message = "line 1, column 65: expected at most 64 levels";
    EXPECT_EQ(verdict(nested(levels, "(", levels > 10'000 ? "" : ")")), message);
    EXPECT_EQ(verdict(nested(levels, "!", "")), message);
  }
  EXPECT_THAT(verdict(nested(1000, "[", "]")), HasSubstr("expected"));
  EXPECT_THAT(verdict(nested(8000, "f(", ")")), HasSubstr("expected at most 64 levels"));
  EXPECT_THAT(verdict(std::string(kMaxConditionBytes + 1, ' ')), HasSubstr("at most 65536 bytes"));
  // A long chain is wide, not deep.
  std::string chain = "true";
  while (chain.size() < kMaxConditionBytes - 16) chain += "&&true";
  EXPECT_EQ(verdict(chain), "true");
}

TEST(Trees, PrintAndParseBackToTheSameTree) {
  for (const char* text :
       {"true", "!(a.b && c.d)", "a.b&&c.d||e.f", "a.b && (c.d || e.f)", "(a.b || c.d) || e.f", "(a.b && c.d) && e.f",
        "a.b || (c.d && e.f)", "!!a.b", "!(a.b == 1)", "(a.b == 1) == (c.d in [1, -2.5, \"x\"])",
        "has(a.b) && a.b >= -9223372036854775808", "a.b == 1e20 || a.b == 1.0 || a.b == 5e-324",
        "a.b == \"\\\"\\\\\\n\\x00é😀\"", "a.b in []"}) {
    const Parsed first = parse(text);
    ASSERT_THAT(first.mistakes, SizeIs(0)) << text << ": " << describe(first.mistakes[0]);
    const std::string printed = print(first.root);
    const Parsed second = parse(printed);
    ASSERT_THAT(second.mistakes, SizeIs(0)) << printed;
    EXPECT_TRUE(sameTree(first.root, second.root)) << text << " -> " << printed;
    EXPECT_EQ(print(second.root), printed);
  }
  EXPECT_EQ(print(parse("(a.b)&&('x'in[1.0])").root), "a.b && 'x' in [1.0]");
}

TEST(Trees, SurviveRandomTexts) {
  // Every text ends in mistakes or in a tree that round-trips; none crashes.
  static const char* const kPieces[] = {"viewer.age", "viewer.premium",
                                        "true",       "false",
                                        "&&",         "||",
                                        "!",          "(",
                                        ")",          "[",
                                        "]",          ",",
                                        "==",         "<",
                                        ">=",         "in",
                                        "has(",       "1",
                                        "-",          "2.5",
                                        "'a'",        "\"",
                                        "\\",         ".",
                                        " ",          "\n",
                                        "\xff",       "é",
                                        "//",         "=",
                                        "r'",         "'''",
                                        "0x",         "null",
                                        "for"};
  std::mt19937 random{20260101};
  int trees = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const auto pieces = random() % 14;
    for (unsigned j = 0; j < pieces; ++j)
      text += kPieces[random() % std::size(kPieces)] + std::string(random() % 2, ' ');
    const Parsed parsed = parse(text);
    if (!parsed.mistakes.empty()) continue;
    ++trees;
    const Parsed again = parse(print(parsed.root));
    ASSERT_TRUE(again.mistakes.empty()) << text;
    ASSERT_TRUE(sameTree(parsed.root, again.root)) << text;
    if (const auto condition = compile(text, kFields)) {
      const Attributes attributes = viewer();
      ASSERT_EQ(explain(condition.value(), attributes).verdict, evaluate(condition.value(), attributes)) << text;
    }
  }
  EXPECT_GT(trees, 100);
}

TEST(Explanations, SayWhichPartWasWhatAndWhy) {
  const std::string text =
      "viewer.country == \"FR\" || (viewer.age > 40 && viewer.interests.cooking > 0.5) || viewer.secret || "
      "has(viewer.nothing)";
  const auto condition = compile(text, kFields);
  ASSERT_TRUE(condition);
  const Explanation why = explain(condition.value(), viewer());
  EXPECT_EQ(why.verdict, Verdict::kUnknown);
  EXPECT_EQ(why.text, text);
  ASSERT_THAT(why.children, SizeIs(4));
  EXPECT_EQ(why.children[0].text, "viewer.country == \"FR\"");
  EXPECT_EQ(why.children[0].verdict, Verdict::kFalse);
  EXPECT_EQ(why.children[0].reason, "viewer.country is \"DE\"");
  ASSERT_THAT(why.children[1].children, SizeIs(2));
  EXPECT_EQ(why.children[1].text, "(viewer.age > 40 && viewer.interests.cooking > 0.5)");
  EXPECT_EQ(why.children[1].children[0].reason, "viewer.age is 42");
  EXPECT_EQ(why.children[1].children[1].reason, "viewer.interests.cooking is absent");
  EXPECT_EQ(why.children[2].reason, "viewer.secret: no consent for never");
  EXPECT_EQ(why.children[2].verdict, Verdict::kUnknown);
  EXPECT_EQ(why.children[3].reason, "viewer.nothing is absent");
  EXPECT_EQ(why.children[3].verdict, Verdict::kFalse);
}

TEST(Explanations, ShowListsAndValuesThatCannotBeCompared) {
  const auto why = [](const char* text) { return explain(compile(text, kFields).value(), viewer()).reason; };
  EXPECT_EQ(why("\"c\" in viewer.tags"), "viewer.tags is [\"a\", \"b\", 3]");
  EXPECT_EQ(why("viewer.interests.word < 1"),
            "viewer.interests.word is \"x\"; values of these types do not go together");
}

TEST(Conditions, AreFalseUntilTheyAreCompiled) {
  EXPECT_EQ(evaluate(Condition{}, viewer()), Verdict::kFalse);
  EXPECT_EQ(explain(Condition{}, viewer()).verdict, Verdict::kFalse);
  EXPECT_EQ(Condition{}.text(), "false");
}

}  // namespace
}  // namespace dvpe::rules
