// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "shared/decisions/compiled.h"

namespace dvpe::decisions {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kMostCeiling = 1'000'000'000'000;

Plan sample() {
  Plan out;
  out.number = 17;
  out.release = "2026-06-01-a";
  out.made = base::WallTime{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1} + std::chrono::seconds{3'661}};
  out.lines = {{"car/spring", {250'000, 12'500}},
               {"car/summer", {0, 0}},
               {"house", {kWholeRate, kMostWorth}},
               {"tea/all", {1, 1}}};
  out.ceilings["node-a"] = {{"car/spring", 5}, {"tea/all", kMostCeiling}};
  out.ceilings["node-b"] = {};
  return out;
}

TEST(Plan, ComesBackFromItsJson) {
  for (const Plan& plan : {sample(), [] {
                             Plan least;
                             least.number = 1;
                             return least;
                           }()}) {
    const auto again = parsePlan(toJson(plan));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again.value(), plan);
    EXPECT_EQ(toJson(again.value()), toJson(plan)) << "signatures are over the text";
  }
}

TEST(Plan, IsTheTextThatIsDocumented) {
  EXPECT_EQ(toJson(sample()),
            R"({"number":17,"release":"2026-06-01-a","made":"2026-06-01T01:01:01Z","nodes":["node-a","node-b"],)"
            R"("lines":[["car/spring",250000,12500,[5,0]],["car/summer",0,0,[0,0]],)"
            R"(["house",1000000,4294967296,[0,0]],["tea/all",1,1,[1000000000000,0]]]})");
}

TEST(Plan, KnowsWhatIsNotThere) {
  const Plan plan = sample();
  ASSERT_NE(plan.line("car/spring"), nullptr);
  EXPECT_EQ(plan.line("car/spring")->rate, 250'000u);
  EXPECT_EQ(plan.line("car"), nullptr);
  EXPECT_EQ(plan.ceiling("node-a", "car/spring"), 5);
  EXPECT_EQ(plan.ceiling("node-b", "car/spring"), 0);
  EXPECT_EQ(plan.ceiling("node-c", "car/spring"), 0);
  EXPECT_EQ(plan.ceiling("node-a", "nothing"), 0);
}

// The sample with a change, read.
base::Result<Plan> changed(const std::function<void(json::object&)>& change) {
  json::value value = json::parse(toJson(sample()));
  change(value.get_object());
  return parsePlan(json::serialize(value));
}

std::string mistake(const std::function<void(json::object&)>& change) {
  const auto result = changed(change);
  if (result) return "no mistake";
  EXPECT_EQ(result.error().code, base::ErrorCode::kInvalidInput);
  return result.error().message;
}

std::string mistake(const char* key, json::value value) {
  return mistake([&](json::object& plan) { plan[key] = std::move(value); });
}

std::string rowMistake(json::value row) {
  return mistake([&](json::object& plan) { plan["lines"].get_array()[2] = std::move(row); });
}

TEST(Plan, RefusesEachWrongMemberAtItsPlace) {
  for (const char* key : {"number", "release", "made", "nodes", "lines"}) {
    EXPECT_THAT(mistake([&](json::object& plan) { plan.erase(key); }),
                HasSubstr('"' + std::string{key} + "\" is missing"));
    for (const json::value& other :
         {json::value(nullptr), json::value(true), json::value(json::object{}), json::value(1.5), json::value(-1)}) {
      EXPECT_THAT(mistake(key, other), HasSubstr("/" + std::string{key})) << other;
    }
  }
  EXPECT_THAT(mistake("number", 0), HasSubstr("/number"));
  EXPECT_THAT(mistake("number", "17"), HasSubstr("/number"));
  EXPECT_THAT(mistake("number", (std::int64_t{1} << 53) + 1), HasSubstr("/number"));
  EXPECT_THAT(mistake("number", std::uint64_t{0xFFFFFFFFFFFFFFFFULL}), HasSubstr("/number"));
  EXPECT_TRUE(changed([](json::object& plan) { plan["number"] = std::int64_t{1} << 53; }));
  EXPECT_THAT(mistake("release", json::string(65, 'r')), HasSubstr("/release"));
  EXPECT_TRUE(changed([](json::object& plan) { plan["release"] = json::string(64, 'r'); }));
  EXPECT_THAT(mistake("made", "2026-02-30T00:00:00Z"), HasSubstr("/made"));
  EXPECT_THAT(mistake("made", "2026-02-03 00:00:00Z"), HasSubstr("/made"));
  EXPECT_THAT(mistake("made", "2026-02-03T00:00:00.000Z"), HasSubstr("/made"));
  EXPECT_THAT(mistake("extra", 1), AllOf(HasSubstr("/extra"), HasSubstr("unknown key")));
}

TEST(Plan, RefusesEachWrongNode) {
  const auto nodes = [](std::initializer_list<json::value_ref> list) { return mistake("nodes", json::array(list)); };
  EXPECT_THAT(nodes({"node-a", 7}), HasSubstr("/nodes/1"));
  EXPECT_THAT(nodes({"", "b"}), HasSubstr("/nodes/0"));
  EXPECT_THAT(nodes({"../a", "b"}), HasSubstr("/nodes/0"));
  EXPECT_THAT(nodes({"a", "a"}), AllOf(HasSubstr("/nodes/1"), HasSubstr("twice")));
  EXPECT_THAT(nodes({"a"}), HasSubstr("/lines/0")) << "a ceiling for each node";
  json::array most, more;
  for (int i = 0; i < 257; ++i) {
    if (i < 256) most.emplace_back("n" + std::to_string(i));
    more.emplace_back("n" + std::to_string(i));
  }
  EXPECT_THAT(mistake("nodes", more), HasSubstr("/nodes"));
  EXPECT_TRUE(changed([&](json::object& plan) {
    plan["nodes"] = most;
    plan["lines"] = json::array{};
  }));
}

TEST(Plan, RefusesEachWrongLine) {
  const auto row = [](json::value name, json::value rate, json::value worth, json::value ceilings) {
    return rowMistake(json::array{std::move(name), std::move(rate), std::move(worth), std::move(ceilings)});
  };
  const json::array none{0, 0};
  EXPECT_EQ(row("x/y", kWholeRate, kMostWorth, none), "no mistake");
  EXPECT_EQ(row("x/y", 0, 0, json::array{kMostCeiling, 0}), "no mistake");
  for (const char* name : {"", "/", "x/", "/y", "x/y/z", "x y", "x\\y", "ü"}) {
    EXPECT_THAT(row(name, 1, 1, none), HasSubstr("/lines/2")) << name;
  }
  EXPECT_THAT(row(json::string(65, 'x'), 1, 1, none), HasSubstr("/lines/2"));
  EXPECT_THAT(row(json::string{"x\0y", 3}, 1, 1, none), HasSubstr("/lines/2"));
  EXPECT_THAT(row(3, 1, 1, none), HasSubstr("/lines/2"));
  for (const json::value& wrong : {json::value(-1), json::value(0.5), json::value(1.0), json::value("1"),
                                   json::value(nullptr), json::value(std::uint64_t{1} << 63)}) {
    EXPECT_THAT(row("x", wrong, 1, none), HasSubstr("/lines/2")) << wrong;
    EXPECT_THAT(row("x", 1, wrong, none), HasSubstr("/lines/2")) << wrong;
    EXPECT_THAT(row("x", 1, 1, json::array{0, wrong}), HasSubstr("/lines/2")) << wrong;
    EXPECT_THAT(row("x", 1, 1, wrong), HasSubstr("/lines/2")) << wrong;
  }
  EXPECT_THAT(row("x", kWholeRate + 1, 1, none), HasSubstr("/lines/2"));
  EXPECT_THAT(row("x", 1, kMostWorth + 1, none), HasSubstr("/lines/2"));
  EXPECT_THAT(row("x", 1, 1, json::array{kMostCeiling + 1, 0}), HasSubstr("/lines/2"));
  EXPECT_THAT(row("x", 1, 1, json::array{}), HasSubstr("/lines/2"));
  EXPECT_THAT(row("x", 1, 1, json::array{0, 0, 0}), HasSubstr("/lines/2"));
  EXPECT_THAT(row("car/spring", 1, 1, none), AllOf(HasSubstr("/lines/2"), HasSubstr("twice")));
  EXPECT_THAT(rowMistake(json::array{"x", 1, 1}), HasSubstr("/lines/2"));
  EXPECT_THAT(rowMistake(json::array{"x", 1, 1, none, 0}), HasSubstr("/lines/2"));
  EXPECT_THAT(rowMistake(json::object{{"name", "x"}}), HasSubstr("/lines/2"));
  EXPECT_THAT(rowMistake(nullptr), HasSubstr("/lines/2"));
}

TEST(Plan, ListsSeveralMistakesAtOnce) {
  const std::string all = mistake([](json::object& plan) {
    plan["number"] = 0;
    plan["lines"].get_array()[0] = 1;
    plan["lines"].get_array()[3] = 2;
  });
  EXPECT_THAT(all,
              AllOf(HasSubstr("/number"), HasSubstr("/lines/0"), HasSubstr("/lines/3"), Not(HasSubstr("/lines/1"))));
}

TEST(Plan, RefusesWhatIsNoPlanAtAll) {
  for (const char* text : {"", "null", "[]", "7", "\"x\"", "{", "{}x", R"({"number":1)"}) {
    const auto result = parsePlan(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, base::ErrorCode::kInvalidInput) << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += '[';
  EXPECT_FALSE(parsePlan(deep));
  const std::string whole = toJson(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parsePlan(whole.substr(0, size))) << size;
}

TEST(Plan, IsBounded) {
  const auto large = parsePlan(std::string(kMaxPlanBytes + 1, ' '));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, base::ErrorCode::kLimitExceeded);
  Plan plan;
  plan.number = 1;
  for (std::size_t i = 0; i < kMaxPlanLines; ++i) plan.lines["k/" + std::to_string(i)] = {1, 1};
  const auto most = parsePlan(toJson(plan));
  ASSERT_TRUE(most) << most.error().message;
  EXPECT_EQ(most.value(), plan);
  plan.lines["k/more"] = {1, 1};
  const auto more = parsePlan(toJson(plan));
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message, HasSubstr("/lines"));
}

}  // namespace
}  // namespace dvpe::decisions
