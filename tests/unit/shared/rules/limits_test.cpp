// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditions come from anybody: whatever is too much is one clear mistake, soon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "shared/model/json.h"
#include "shared/rules/condition.h"

namespace dvpe::rules {
namespace {

using model::FieldType;
using testing::HasSubstr;
using testing::Not;

const std::vector<model::Field> kFields = {{"viewer.tags", FieldType::kList, "", ""},
                                           {"viewer.word", FieldType::kString, "", ""},
                                           {"viewer.any", FieldType::kMap, "", ""},
                                           {"viewer.age", FieldType::kInt, "content", ""}};

// As large as attributes may be.
const Attributes& largest() {
  static const Attributes attributes = [] {
    Attributes out;
    model::List tags;
    for (std::size_t i = 0; i < Attributes::kMaxListItems; ++i)
      tags.push_back({std::string(Attributes::kMaxTextBytes, 'x')});
    EXPECT_TRUE(out.set("viewer.tags", {std::make_shared<const model::List>(tags)}));
    EXPECT_TRUE(out.set("viewer.word", {std::string(Attributes::kMaxTextBytes, 'x')}));
    EXPECT_TRUE(out.set("viewer.any.list", {std::make_shared<const model::List>(tags)}));
    return out;
  }();
  return attributes;
}

std::string times(std::string_view text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Of processor time; half a second is usual. Sanitizers take their share.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::clock_t kMostSeconds = 20;
#else
constexpr std::clock_t kMostSeconds = 2;
#endif

// The value, or the mistakes; soon.
std::string result(const std::string& text, const Segments* segments = nullptr) {
  const std::clock_t begin = std::clock();
  const auto expression = compileExpression(text, {kFields, Use::kContent, segments});
  std::string out = expression ? valueOf(expression.value(), largest()) : expression.error().message;
  if (expression) (void)explain(expression.value(), largest());
  EXPECT_LT(std::clock() - begin, kMostSeconds * CLOCKS_PER_SEC) << text.substr(0, 100);
  return out;
}

void expectOneMistake(const std::string& text, const char* part) {
  const std::string message = result(text);
  EXPECT_THAT(message, HasSubstr(part)) << text.substr(0, 100);
  EXPECT_THAT(message, Not(HasSubstr("\n"))) << text.substr(0, 100);
}

TEST(Limits, HoldForTheLengthOfTexts) {
  for (const char* piece : {"x", " ", "(", "\"", "// ", "\n", "1+", "\xff", "@"})
    expectOneMistake(times(piece, 1'000'000), "line 1, column 1: expected at most 65536 bytes, found ");
}

TEST(Limits, HoldForTheDepthOfEveryBracketAndChain) {
  const std::size_t deep = 10'000;
  const char* const levels = "expected at most 64 levels";
  for (const auto& [open, middle, close] : std::vector<std::array<const char*, 3>>{
           {"(", "1", ")"},   {"[", "1", "]"},   {"{1:", "1", "}"},    {"f(", "1", ")"},
           {"!", "true", ""}, {"-", "1", ""},    {"!(", "true", ")"},  {"-(", "1", ")"},
           {"1[", "1", "]"},  {"1+(", "1", ")"}, {"", "1", "+1"},      {"", "1", "-1"},
           {"", "1", "*1"},   {"", "1", "/1"},   {"", "[1]", "[0]"},   {"", "[1]", ".f()"},
           {"", "[1]", ".a"}, {"", "(1)", ".a"}, {"true?1:", "2", ""}, {"false?(", "1", "):1"}}) {
    for (const bool closed : {true, false}) {
      const std::string text = times(open, deep) + middle + (closed ? times(close, deep) : "");
      if (text.size() < 20) continue;
      if (text.size() > kMaxConditionBytes) {
        expectOneMistake(text, "expected at most 65536 bytes");
        expectOneMistake(times(open, 4'000) + middle + times(close, closed ? 4'000 : 0), levels);
      } else {
        expectOneMistake(text, levels);
      }
    }
  }
  // A macro in a macro, without end.
  expectOneMistake(times("[1].all(x,", 6'000), levels);
  // These are wide, not deep.
  EXPECT_EQ(result("true" + times("&&true", 10'000)), "true");
  EXPECT_EQ(result("false" + times("||false", 9'000)), "false");
  EXPECT_EQ(result("size([1" + times(",1", 5'000) + "])"), "5001");
  expectOneMistake("a" + times(".a", 10'000), "expected a declared field");
}

TEST(Limits, HoldForChainsWithinBrackets) {
  // Each bracket and each chain keeps its own bound; together they would make a tree of thousands of levels.
  std::string text = "1";
  for (std::size_t level = 0; level < 58; ++level) text = "(" + text + ")" + times("+1", level + 2);
  ASSERT_LT(text.size(), kMaxConditionBytes);
  expectOneMistake(text, "expected at most 64 levels");
  text = "1";
  for (std::size_t level = 0; level < 58; ++level)
    text = "(" + text + ")" + times("*1", level + 2) + times("+1", level + 2);
  ASSERT_LT(text.size(), kMaxConditionBytes);
  expectOneMistake(text, "expected at most 64 levels");
  // What is still allowed is evaluated and explained.
  text = "1";
  for (std::size_t level = 0; level < 60; ++level) text = "(" + text + ")+1*1";
  EXPECT_EQ(result(text), "61");
}

TEST(Limits, HoldForRegularExpressions) {
  expectOneMistake("viewer.word.matches('x{1000}{1000}')", "expected a regular expression (RE2)");
  expectOneMistake("viewer.word.matches('((x{100}){100}){100}')", "expected a regular expression (RE2)");
  expectOneMistake("viewer.word.matches('" + times("(", 20'000) + times(")", 20'000) + "')",
                   "expected a regular expression (RE2)");
  expectOneMistake("viewer.word.matches('" + times("[^a]{900}", 5'000) + "')", "expected a regular expression (RE2)");
  EXPECT_EQ(result("viewer.word.matches('(x+x+)+y')"), "false");
  EXPECT_EQ(result("viewer.word.matches('^(x?){500}x{500}$')"), "false");
  EXPECT_EQ(result("viewer.tags.exists(t, t.matches('(x+x+)+y'))"), "false");
  const std::string many = "false" + times(" || viewer.word.matches('[^x]{200}')", 1'500);
  EXPECT_THAT(result(many), HasSubstr("expected at most 64 regular expressions"));
}

TEST(Limits, HoldForWhatAnEvaluationTakes) {
  const char* const steps = "this may take more than 200000 steps for one viewer";
  const auto list = [](std::size_t count) { return "[0" + times(",0", count - 1) + "]"; };
  expectOneMistake(list(1'000) + ".all(a," + list(1'000) + ".all(b,true))", steps);
  expectOneMistake("viewer.tags.all(a,viewer.tags.all(b,viewer.tags.all(c,true)))", steps);
  // Lists within lists are as long as they are, also when they are taken out again.
  expectOneMistake("[" + list(8'000) + "][0].all(a,[" + list(8'000) + "][0].all(b,true))", steps);
  expectOneMistake("[" + list(8'000) + "].all(l,l.all(a,l.all(b,true)))", steps);
  expectOneMistake("{1:" + list(8'000) + "}[1].all(a,{1:" + list(8'000) + "}[1].all(b,true))", steps);
  expectOneMistake("(true?" + list(8'000) + ":[]).all(a,(true?" + list(8'000) + ":[]).all(b,true))", steps);
  // A list of one list many times is small to hold and large to compare.
  const std::string shared =
      "[" + list(1'000) + "].map(a," + list(100) + ".map(i,a)).map(b," + list(100) + ".map(i,b))";
  expectOneMistake(shared + "==" + shared, steps);
  expectOneMistake(shared + " in [" + shared + "]", steps);
  // Keys are looked up one by one.
  std::string keys;
  for (int i = 0; i < 5'000; ++i) keys += std::to_string(i) + ":0,";
  expectOneMistake("size({" + keys + "}) == 0", steps);
  // Long texts.
  const std::string text = times("a", 30'000);
  expectOneMistake(list(5'000) + ".all(a,'" + text + "'.contains('b'))", steps);
  EXPECT_EQ(result("'" + text + "'.contains('" + times("a", 15'000) + "b')"), "false");
  // What is allowed is done soon.
  EXPECT_EQ(result("viewer.tags.all(a," + list(100) + ".all(b,b<1))"), "true");
  EXPECT_EQ(result("viewer.tags.all(t,t in viewer.tags)"), "true");
  EXPECT_EQ(result("true" + times("&&viewer.tags[0] in viewer.tags", 200)), "true");
}

TEST(Limits, HoldForWhatAnEvaluationMakes) {
  const char* const made = "error: the condition makes more than it may hold";
  EXPECT_EQ(result("size(viewer.tags.map(a,viewer.tags))"), made);
  EXPECT_EQ(result("viewer.tags.map(t,t+t)"), made);
  EXPECT_EQ(result("size('" + times("a", 30'000) + "'" + times("+viewer.word", 30) + ") > 0"), made);
  EXPECT_EQ(result(times("viewer.any.list+", 60) + "viewer.any.list == []"), made);
}

TEST(Limits, LetExplainHaveAsMuchMemoryAsEvaluation) {
  // Every part is evaluated again for its explanation.
  std::string text = "viewer.tags + viewer.tags != []";
  for (int i = 0; i < 30; ++i) text = "(" + text + " && size(viewer.tags + viewer.tags) > 0) || false";
  const auto condition = compile(text, kFields);
  ASSERT_TRUE(condition) << condition.error().message;
  EXPECT_EQ(evaluate(condition.value(), largest()), Verdict::kTrue);
  std::vector<Explanation> left{explain(condition.value(), largest())};
  while (!left.empty()) {
    const Explanation each = std::move(left.back());
    left.pop_back();
    EXPECT_NE(each.verdict, Verdict::kError) << each.text << ": " << each.reason;
    left.insert(left.end(), each.children.begin(), each.children.end());
  }
}

TEST(Limits, HoldForWhatAnExplanationShows) {
  const auto why = [](const char* text) { return explain(compile(text, kFields).value(), largest()).reason; };
  EXPECT_EQ(why("viewer.word == \"x\""), "viewer.word is \"" + times("x", 1000) + "\"...");
  EXPECT_LT(why("\"x\" in viewer.tags").size(), 1'100U);
  EXPECT_TRUE(why("\"x\" in viewer.tags").ends_with("\"..., ...]"));
}

// ---- audiences

TEST(Segments, AreCompiledInWhateverOrderTheyNameEachOther) {
  const Segments segments = compileSegments({{"a", "segment(\"z\") && segment(\"m\")"},
                                             {"m", "segment(\"z\") || true"},
                                             {"z", "viewer.word == \"x\""},
                                             {"x", "segment(\"nobody\")"},
                                             {"y", "segment(\"x\")"},
                                             {"w", "1 +"}},
                                            {kFields});
  EXPECT_THAT(segments.conditions, testing::SizeIs(3));
  EXPECT_EQ(result("segment(\"a\")", &segments), "false");
  EXPECT_EQ(result("segment(\"m\")", &segments), "true");
  EXPECT_THAT(segments.mistakes.at("x"), HasSubstr("expected the name of an audience, found \"nobody\""));
  EXPECT_THAT(segments.mistakes.at("y"), HasSubstr("the audience \"x\" has a mistake: line 1, column 9: expected the"));
  EXPECT_THAT(segments.mistakes.at("w"), HasSubstr("found the end"));
}

TEST(Segments, ThatNameEachOtherInACircleAreAllMistakes) {
  const Segments segments = compileSegments({{"a", "segment(\"b\")"},
                                             {"b", "segment(\"c\") && segment(\"fine\")"},
                                             {"c", "segment(\"a\")"},
                                             {"self", "segment(\"self\")"},
                                             {"x", "segment(\"y\") || segment(\"a\")"},
                                             {"y", "segment(\"x\")"},
                                             {"names_one", "segment(\"fine\") || segment(\"c\")"},
                                             {"fine", "true"}},
                                            {kFields});
  EXPECT_THAT(segments.conditions, testing::SizeIs(1));
  for (const char* name : {"a", "b", "c", "self", "x", "y"})
    EXPECT_THAT(segments.mistakes.at(name), HasSubstr("audiences name each other in a circle: ")) << name;
  EXPECT_THAT(segments.mistakes.at("a"), HasSubstr("a -> b -> c -> a"));
  EXPECT_THAT(segments.mistakes.at("names_one"), HasSubstr("the audience \"c\" has a mistake"));
}

TEST(Segments, NestSixteenLevelsWhateverTheyAreCalled) {
  for (const bool upwards : {true, false}) {
    std::map<std::string, std::string> texts;
    const auto named = [&](int i) { return (upwards ? "s" : "t") + std::to_string(1000 + (upwards ? i : 1000 - i)); };
    texts[named(0)] = "true";
    for (int i = 1; i < 1'000; ++i) texts[named(i)] = "segment(\"" + named(i - 1) + "\")";
    const Segments segments = compileSegments(texts, {kFields});
    for (int i = 0; i <= 16; ++i) EXPECT_TRUE(segments.conditions.contains(named(i))) << i;
    EXPECT_EQ(result("segment(\"" + named(15) + "\")", &segments), "true");
    EXPECT_THAT(segments.mistakes.at(named(17)), HasSubstr("expected at most 16 audiences within each other"));
    EXPECT_THAT(segments.mistakes.at(named(18)), HasSubstr("the audience \"" + named(17) + "\" has a mistake"));
    EXPECT_TRUE(segments.mistakes.contains(named(999)));
  }
}

TEST(Segments, CountForTheStepsOfThoseThatNameThem) {
  std::map<std::string, std::string> texts{{"s0", "viewer.tags.all(t, t != \"\")"}};
  for (int i = 1; i <= 12; ++i) {
    const std::string below = "segment(\"s" + std::to_string(i - 1) + "\")";
    texts["s" + std::to_string(i)] = below + " && " + below;
  }
  const Segments segments = compileSegments(texts, {kFields});
  EXPECT_TRUE(segments.conditions.contains("s5"));
  EXPECT_THAT(segments.mistakes.at("s12"), HasSubstr("has a mistake"));
}

TEST(LawfulBasis, IsDemandedOfAudiencesToo) {
  const Segments segments = compileSegments({{"adults", "viewer.age >= 18"},
                                             {"words", "viewer.word == \"x\""},
                                             {"both", "segment(\"adults\") && segment(\"words\")"},
                                             {"always", "true || now > now"}},
                                            {kFields});
  const auto demanded = [&](const char* text) {
    const auto condition = compile(text, {kFields, Use::kContent, &segments, true});
    return condition ? std::string{"fine"} : condition.error().message;
  };
  EXPECT_EQ(demanded("viewer.age >= 18"), "fine");
  EXPECT_EQ(demanded("segment(\"adults\")"), "fine");
  EXPECT_EQ(demanded("segment(\"always\") && has(now) && channel.id == \"x\""), "fine");
  EXPECT_THAT(demanded("viewer.word == \"x\""), HasSubstr("viewer.word is declared without a purpose"));
  EXPECT_THAT(demanded("has(viewer.word)"), HasSubstr("viewer.word is declared without a purpose"));
  for (const char* text : {"segment(\"words\")", "segment(\"both\")"})
    EXPECT_THAT(demanded(text), HasSubstr("viewer.word, which the audience ")) << text;
}

}  // namespace
}  // namespace dvpe::rules
