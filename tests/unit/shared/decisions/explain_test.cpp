// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Explanations of breaks: the same decision, with a reason for everything that does not play.
#include "shared/decisions/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "tests/unit/shared/decisions/crowd.h"

namespace dvpe::decisions {
namespace {

using model::FillBreaks;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Report explained(Evening& evening, const Who& who = {}, int units = 60) {
  return explain(evening.terms, evening.viewer(who), {who.session, who.breakNumber}, units);
}

const LineReport& of(const Report& report, const std::string& name) {
  static const LineReport kNone;
  const LineReport* found = nullptr;
  for (const LineReport& each : report.lines) {
    if (each.name != name) continue;
    EXPECT_EQ(found, nullptr) << name << " is there twice";
    found = &each;
  }
  EXPECT_NE(found, nullptr) << name;
  return found ? *found : kNone;
}

TEST(ExplainedLines, GiveTheirFirstReasonForNo) {
  Market market;
  market.rule("1", "viewer.age < 18", {FillBreaks{{"young"}, false}});
  market.rule("2", "true", {FillBreaks{{}, true}});
  market.campaign("young").excludeChannels = {};
  market.line("young", "a").when = "viewer.age < 10";
  market.line("excluded", "a");
  market.campaign("excluded").excludeChannels = {"c"};
  market.line("held", "a");
  market.line("early", "a").flight.from = model::LocalTime{std::chrono::hours{24 * 365 * 100}};
  market.line("over", "a").flight.until = model::LocalTime{std::chrono::hours{24}};
  market.line("day", "a").dayparts = {{0x7F, 0, 60}};
  market.line("planless", "a");
  market.plan.lines.erase("planless/a");
  market.line("stopped", "a", {15}, 1'000, 0);
  market.line("arm", "a").arm = {"x", "a"};
  market.line("raw", "a", {0});
  market.line("capped", "a").caps = {{1, model::CapPeriod::kDay}};
  market.line("long", "a", {121});
  market.line("drawn", "a", {15}, 1'000, 1);
  market.line("cheap", "a", {60}, 1);
  market.line("dear", "a", {60}, 5'000);
  market.line("dear", "b", {60}, 6'000);
  market.house("house", {20});
  Evening evening{market, kNoon, {{}, {}, {"held"}, {}}};
  const Report report = explained(evening, {.age = 30});
  EXPECT_THAT(of(report, "young/a").why, HasSubstr("viewer.age < 10 is false: viewer.age is 30"));
  EXPECT_EQ(of(report, "excluded/a").why, "the campaign excludes this channel");
  EXPECT_EQ(of(report, "held/a").why, "held");
  EXPECT_EQ(of(report, "early/a").why, "its flight has not begun");
  EXPECT_EQ(of(report, "over/a").why, "its flight is over");
  EXPECT_EQ(of(report, "day/a").why, "not at this time of the day");
  EXPECT_EQ(of(report, "planless/a").why, "no plan for it yet");
  EXPECT_EQ(of(report, "stopped/a").why, "the plan stops it: its goal or budget is reached");
  EXPECT_EQ(of(report, "arm/a").why, "the viewer is not in its arm of the experiment");
  EXPECT_EQ(of(report, "raw/a").why, "none of its creatives can be shown");
  EXPECT_EQ(of(report, "raw/a").creatives.at(0).why, "not conditioned");
  EXPECT_EQ(of(report, "capped/a").why, "its caps cannot be known here");
  EXPECT_EQ(of(report, "long/a").why, "longer than any break");
  EXPECT_THAT(of(report, "drawn/a").why, HasSubstr("is not under its rate of 1 millionths"));
  EXPECT_THAT(of(report, "cheap/a").why, HasSubstr("others are worth more"));
  EXPECT_EQ(of(report, "dear/a").why, "") << "it is in a pod of 120";
  EXPECT_EQ(of(report, "dear/b").why, "");
  EXPECT_EQ(of(report, "dear/b").creatives.at(0).fromUnit, 0);
  EXPECT_EQ(of(report, "dear/a").creatives.at(0).why, "60 units do not fit into the 0 left");
  EXPECT_EQ(of(report, "house").why, "");
  EXPECT_TRUE(of(report, "house").house);
  EXPECT_EQ(report.lines.at(0).name, "dear/b") << "what plays comes first";
  for (const LineReport& line : report.lines) {
    EXPECT_TRUE(line.creatives.at(0).fromUnit || !line.creatives.at(0).why.empty()) << line.name;
  }
}

TEST(ExplainedLines, NameTheRuleThatLetsThemInOrSayThatNoneDoes) {
  Market market;
  market.rule("1", "viewer.age < 18", {FillBreaks{{"k", "l"}, false}});
  market.rule("2", "viewer.age < 50", {FillBreaks{{"k"}, false}});
  market.line("k", "a");
  market.line("l", "a");
  Evening evening{market};
  const Report report = explained(evening, {.age = 30});
  EXPECT_EQ(of(report, "k/a").ruleId, "2");
  EXPECT_EQ(of(report, "l/a").ruleId, "");
  EXPECT_EQ(of(report, "l/a").why, "no rule that is true lets it in");
}

TEST(ExplainedLines, AreThereOnceThoughSeveralRulesetsLetThemIn) {
  Market market;
  market.line("k", "a").when = "viewer.age > 20";
  market.ruleset("s");
  market.documents.rulesets["r"].fields[0].purpose = "ads";
  market.rule("1", "true", {FillBreaks{{}, true}}, "r");
  market.rule("2", "viewer.age > 30", {FillBreaks{{}, true}}, "s");
  Evening evening{market};
  const Report chosen = explained(evening, {.age = 40});
  ASSERT_THAT(chosen.lines, SizeIs(1));
  EXPECT_EQ(chosen.lines[0].ruleId, "2");
  EXPECT_EQ(chosen.lines[0].why, "");
  EXPECT_EQ(chosen.lines[0].creatives.at(0).fromUnit, 0);
  const Report refused = explained(evening, {.age = 10});
  ASSERT_THAT(refused.lines, SizeIs(1));
  EXPECT_THAT(refused.lines[0].why, HasSubstr("no consent for ads")) << "by the ruleset that lets it in";
  market.rule("3", "false", {FillBreaks{{}, true}}, "r");
  market.documents.rulesets["r"].rules.erase(market.documents.rulesets["r"].rules.begin());
  market.documents.rulesets["s"].rules[0].when = "true";
  Evening second{market};
  const Report below = explained(second, {.age = 10});
  ASSERT_THAT(below.lines, SizeIs(1));
  EXPECT_EQ(below.lines[0].ruleId, "2") << "not the first ruleset, which does not let it in";
  EXPECT_THAT(below.lines[0].why, HasSubstr("viewer.age is 10"));
}

TEST(ExplainedLines, SayWhenTheBreakTakesAnotherPod) {
  Market market;
  market.channel().breakLengths = {30, 60};
  market.line("k", "a", {30}, 2'000);
  market.line("l", "a", {15}, 1'000);
  Evening evening{market};
  const Report report = explained(evening, {}, 45);
  EXPECT_EQ(of(report, "l/a").why, "");
  EXPECT_EQ(of(report, "l/a").creatives.at(0).why, "not in the pod that a break of this length takes");
}

TEST(ExplainedLines, HaveTreesOnlyForTheFirst) {
  Market market;
  for (int i = 0; i < 100; ++i) market.line("k", std::to_string(i), {15}, 1'000 + i).when = "viewer.age > 1";
  Evening evening{market};
  const Report report = explained(evening, {.age = 30});
  ASSERT_THAT(report.lines, SizeIs(100));
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(report.lines[i].condition.has_value(), i < kMostTrees);
    EXPECT_EQ(report.lines[i].verdict, rules::Verdict::kTrue);
  }
}

TEST(ExplainedBreaks, OfAnUnknownChannelAreEmpty) {
  const Market market;
  const Terms terms{market.compile(), "elsewhere", nullptr, kNoon, market.lengths()};
  const rules::Attributes nobody;
  const Report report = explain(terms, nobody, {}, 30);
  EXPECT_THAT(report.lines, IsEmpty());
  EXPECT_THAT(boost::json::parse(toJson(report, terms)).at("rules").as_array(), IsEmpty());
}

std::int64_t withPriority(const CompiledLine& line, const Slot& slot, std::int64_t worth) {
  worth = std::max<std::int64_t>(worth, 1);
  switch (line.line->priority) {
    case model::Priority::kSponsorship:
      return (std::max<std::int64_t>(worth, 8'192) << 26) + slot.units;
    case model::Priority::kStandard:
      return (worth << 13) + slot.units;
    case model::Priority::kBulk:
      break;
  }
  return worth;
}

// Of everything that a report says.
void expectSound(const Report& report, const Terms& terms, int units) {
  std::set<std::string> names;
  for (const LineReport& line : report.lines) ASSERT_TRUE(names.insert(line.name).second) << line.name;
  for (const CompiledLine& line : terms.channel().lines) ASSERT_TRUE(names.contains(line.name)) << line.name;
  for (const Ready::Pod& pod : report.ready.pods) {
    std::int64_t worth = 0;
    int sum = 0;
    for (std::size_t i = 0; i < pod.count; ++i) {
      const Slot& slot = report.ready.slots.at(pod.first + i);
      worth += withPriority(terms.channel().lines[slot.line], slot, terms.of(slot.line).worth);
      sum += slot.units;
    }
    ASSERT_EQ(worth, pod.worth);
    ASSERT_LE(sum, pod.length);
  }
  int from = 0;
  for (const Slot& slot : report.bound.slots) {
    const std::string& name = terms.channel().lines[slot.line].name;
    const LineReport& line = of(report, name);
    ASSERT_EQ(line.why, "") << name;
    ASSERT_EQ(line.creatives.at(slot.creative).fromUnit, from);
    from += slot.units;
  }
  ASSERT_EQ(from + report.bound.slateUnits, units);
  std::size_t placed = 0;
  for (const LineReport& line : report.lines) {
    for (const CreativeReport& creative : line.creatives) {
      ASSERT_NE(creative.fromUnit.has_value(), !creative.why.empty()) << line.name;
      placed += creative.fromUnit ? 1 : 0;
    }
  }
  ASSERT_EQ(placed, report.bound.slots.size());
}

void expectEqual(const Ready& a, const Ready& b) {
  ASSERT_EQ(a.slots, b.slots);
  ASSERT_EQ(a.spare, b.spare);
  ASSERT_EQ(a.house, b.house);
  ASSERT_EQ(a.pods.size(), b.pods.size());
  for (std::size_t i = 0; i < a.pods.size(); ++i) ASSERT_EQ(a.pods[i].worth, b.pods[i].worth);
}

TEST(ExplainedBreaks, AreWhatIsDecidedWithoutExplaining) {
  const Market market = Crowd{15}.market(1);
  const Evening evening{market};
  const Terms& terms = evening.terms;
  Crowd people{16};
  Decider decider;
  std::vector<std::uint32_t> eligible(terms.channel().lines.size());
  for (int i = 0; i < 3'000; ++i) {
    const rules::Attributes attributes = people.viewer();
    const History history = people.history(terms.compiled());
    const Viewer viewer{attributes, kNoon, people.oneIn(10) ? nullptr : &history};
    const std::string session = "session " + std::to_string(i);
    const Moment moment{session, people.number()};
    const Choice choice = choose(terms.compiled(), "c", viewer);
    std::vector<Consideration> told;
    const Ready plain = decider.decide(terms, choice, viewer, moment);
    expectEqual(plain, decider.decide(terms, choice, viewer, moment, told));
    expectEqual(plain, decider.decide(terms, choice, viewer, moment, &eligible));
    ASSERT_EQ(told.size(), choice.lines.size());
    for (const Consideration& each : told) {
      const bool inPods =
          std::any_of(plain.slots.begin(), plain.slots.end(), [&](const Slot& slot) { return slot.line == each.line; });
      if (!terms.channel().lines[each.line].house()) {
        ASSERT_EQ(each.why.empty(), inPods);
      }
    }
    if (i % 10 == 0) {  // takes its time
      const int units = people.below(130);
      const Report report = explain(terms, viewer, moment, units);
      expectEqual(plain, report.ready);
      ASSERT_EQ(report.choice.lines, choice.lines);
      expectSound(report, terms, units);
    }
    ASSERT_FALSE(HasFailure()) << session;
  }
}

TEST(ExplainedBreaks, AreJsonWithTheSumsOfThePods) {
  Market market;
  market.line("k", "a", {30}, 1'500);
  market.line("l", "b", {20}, 700);
  market.line("m", "c", {20}, 600);
  market.house("h", {10, 10});
  Evening evening{market};
  const auto json = boost::json::parse(toJson(explained(evening, {.breakNumber = 7}, 60), evening.terms));
  EXPECT_EQ(json.at("ready").at("break"), 7);
  EXPECT_EQ(json.at("ready").at("plan"), 1);
  const auto& pods = json.at("ready").at("pods").as_array();
  ASSERT_THAT(pods, SizeIs(3));
  EXPECT_EQ(pods[1].at("length"), 60);
  EXPECT_EQ(pods[1].at("units"), 50);
  EXPECT_EQ(pods[1].at("worth"), 2'200);
  EXPECT_EQ(pods[1].at("exact"), true);
  EXPECT_EQ(pods[1].at("slots").at(0).at("line"), "k/a");
  EXPECT_EQ(pods[2].at("worth"), 2'800);
  EXPECT_EQ(json.at("break").at("slots").as_array().size(), 3u);
  EXPECT_EQ(json.at("break").at("slots").at(2).at("fromUnit"), 50);
  EXPECT_EQ(json.at("break").at("slots").at(2).at("worth"), 0);
  EXPECT_EQ(json.at("break").at("slateUnits"), 0);
  const auto& lines = json.at("campaigns").as_array();
  const auto k = std::find_if(lines.begin(), lines.end(), [](const auto& line) { return line.at("campaign") == "k"; });
  ASSERT_NE(k, lines.end());
  EXPECT_EQ(k->at("line"), "a");
  EXPECT_EQ(k->at("rate"), kWholeRate);
  EXPECT_EQ(k->at("worth"), 1'500);
  EXPECT_LT(k->at("draw").as_int64(), std::int64_t{kWholeRate});
}

}  // namespace
}  // namespace dvpe::decisions
