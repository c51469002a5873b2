// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "shared/decisions/explain.h"
#include "tests/unit/shared/decisions/sample.h"

namespace dvpe::decisions {
namespace {

using model::Action;
using model::ChooseAudio;
using model::FillBreaks;
using model::ReplaceSpan;
using model::ShowOverlay;
using model::Trigger;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

model::Overlay overlay(const std::string& id, std::vector<model::OverlayField> fields = {}) {
  model::Overlay out;
  out.id = id;
  out.fields = std::move(fields);
  return out;
}

// A channel "c" with overlays a, b, lang (a field with the domain de, fr), campaigns k (m1, m2), l (m3), ads (m4, when
// sports), and the rules of the test.
class Channel {
 public:
  Channel() {
    documents_.channels["c"].id = "c";
    documents_.overlays["a"] = overlay("a");
    documents_.overlays["b"] = overlay("b");
    documents_.overlays["lang"] = overlay(
        "lang", {{"word", {"de", "fr"}, false, "fr"}, {"score", {}, true, "0:0"}, {"plain", {"x"}, false, "x"}});
    campaign("k", "true", {"m1", "m2"});
    campaign("l", "true", {"m3"});
    campaign("ads", "viewer.sports > 0.5", {"m4"});
    model::Ruleset& rules = documents_.rulesets["r"];
    rules.id = "r";
    rules.channel = "c";
    rules.fields = {{"viewer.language", model::FieldType::kString, "content", ""},
                    {"viewer.age", model::FieldType::kInt, "", ""},
                    {"viewer.sports", model::FieldType::kDouble, "content", "ads"}};
  }

  Channel& campaign(const std::string& id, const std::string& when, std::vector<std::string> creatives) {
    documents_.campaigns[id] = {id, 1, "", when, std::move(creatives)};
    return *this;
  }
  Channel& rule(const std::string& id, const std::string& when, std::vector<Action> actions) {
    documents_.rulesets["r"].rules.push_back({id, when, std::move(actions)});
    return *this;
  }
  model::Documents& documents() { return documents_; }

  std::shared_ptr<const Compiled> compile(const Held& held = {}) const {
    const Built built = build(std::make_shared<const model::Documents>(documents_), held);
    EXPECT_TRUE(built.compiled) << model::describe(built.errors);
    return built.compiled;
  }

 private:
  model::Documents documents_;
};

rules::Attributes viewer(const std::string& language, const std::vector<std::string>& consent = {"content"}) {
  rules::Attributes out;
  EXPECT_TRUE(out.set("viewer.language", {language}));
  EXPECT_TRUE(out.set("viewer.age", {std::int64_t{42}}));
  EXPECT_TRUE(out.set("viewer.sports", {0.9}));
  for (const std::string& purpose : consent) EXPECT_TRUE(out.consent(purpose));
  return out;
}

ShowOverlay show(const std::string& id, std::map<std::string, std::string> values = {}, const std::string& event = "") {
  return {id, std::move(values), event.empty() ? Trigger::kAlways : Trigger::kEvent, event};
}

std::vector<std::string> shown(const Choice& choice) {
  std::vector<std::string> out;
  for (const OverlayChoice& each : choice.overlays) {
    out.push_back(each.overlay->id + (each.event.empty() ? "" : "@" + each.event) + " by " + each.ruleId);
  }
  return out;
}

TEST(Choose, GivesTheBaseWhenNothingMatches) {
  const auto compiled = Channel{}.rule("1", "false", {show("a")}).compile();
  for (const char* channel : {"c", "unknown"}) {
    const Choice choice = choose(*compiled, channel, viewer("de"));
    EXPECT_EQ(choice.cohort, "base");
    EXPECT_THAT(choice.overlays, IsEmpty());
    EXPECT_THAT(choice.lines, IsEmpty());
  }
}

TEST(Choose, LetsTheEarlierRuleDecide) {
  const auto compiled =
      Channel{}
          .rule("1", "viewer.language == \"de\"", {show("a"), ReplaceSpan{"e", "m1"}, ChooseAudio{"de"}})
          .rule("2", "true", {show("a"), show("b"), ReplaceSpan{"e", "m2"}, ReplaceSpan{"f", "m3"}, ChooseAudio{"en"}})
          .compile();
  const Choice german = choose(*compiled, "c", viewer("de"));
  EXPECT_THAT(shown(german), ElementsAre("a by 1", "b by 2"));
  EXPECT_EQ(german.clips.at("e").media, "m1");
  EXPECT_EQ(german.clips.at("f").ruleId, "2");
  EXPECT_EQ(german.audioLanguage, "de");
  const Choice other = choose(*compiled, "c", viewer("it"));
  EXPECT_THAT(shown(other), ElementsAre("a by 2", "b by 2"));
  EXPECT_EQ(other.audioLanguage, "en");
  EXPECT_EQ(german.cohort, other.cohort) << "equal pictures, whatever rule gave them";
}

TEST(Choose, TakesUnknownForNo) {
  const auto compiled = Channel{}
                            .rule("1", "viewer.language == \"de\"", {show("a")})
                            .rule("2", "viewer.language != \"de\"", {show("b")})
                            .compile();
  EXPECT_THAT(shown(choose(*compiled, "c", viewer("de"))), ElementsAre("a by 1"));
  EXPECT_THAT(shown(choose(*compiled, "c", viewer("de", {}))), IsEmpty());
}

TEST(Choose, KnowsAudiencesThatNestAndShares) {
  Channel channel;
  channel.documents().audiences["adults"] = {"adults", 1, "", "viewer.age >= 18"};
  channel.documents().audiences["fans"] = {"fans", 1, "", "segment(\"adults\") && viewer.sports > 0.5"};
  channel.documents().audiences["others"] = {"others", 1, "", "viewer.undeclared == 1"};  // not named here: no matter
  channel.rule("1", "segment(\"fans\") && percent(\"x\") < 50.0", {show("a")});
  const auto compiled = channel.compile();
  EXPECT_THAT(shown(choose(*compiled, "c", viewer("de"))), IsEmpty()) << "nobody to take a share of";
  int in = 0;
  for (int i = 0; i < 400; ++i) {
    auto somebody = viewer("de");
    somebody.setIdentity("viewer " + std::to_string(i));
    const auto first = shown(choose(*compiled, "c", somebody));
    EXPECT_EQ(first, shown(choose(*compiled, "c", somebody)));
    in += !first.empty();
  }
  EXPECT_NEAR(in, 200, 40);
}

TEST(Choose, NamesTheAudienceThatHasAMistake) {
  Channel channel;
  channel.documents().audiences["others"] = {"others", 1, "", "viewer.undeclared == 1"};
  channel.documents().audiences["round"] = {"round", 1, "", "segment(\"round\")"};
  channel.rule("1", "segment(\"others\")", {show("a")}).rule("2", "segment(\"round\")", {show("b")});
  const Built built = build(std::make_shared<const model::Documents>(channel.documents()));
  EXPECT_FALSE(built.compiled);
  const std::string errors = model::describe(built.errors);
  EXPECT_THAT(errors, HasSubstr("the audience \"others\" has a mistake"));
  EXPECT_THAT(errors, HasSubstr("viewer.undeclared"));
  EXPECT_THAT(errors, HasSubstr("circle"));
}

TEST(Choose, LetsEventsHaveTheirOwnRulesButAlwaysExcludesThem) {
  const auto compiled = Channel{}
                            .rule("1", "true", {show("a", {}, "x"), show("a", {}, "y"), show("b")})
                            .rule("2", "true", {show("a", {}, "x"), show("a"), show("b", {}, "x")})
                            .compile();
  EXPECT_THAT(shown(choose(*compiled, "c", viewer("de"))), ElementsAre("a@x by 1", "a@y by 1", "b by 1"));
}

TEST(Choose, PaintsInTheOrderOfFirstMentionWhateverRuleMatched) {
  const auto compiled = Channel{}
                            .rule("1", "viewer.age == 1", {show("a"), show("b")})
                            .rule("2", "viewer.language == \"de\"", {show("b")})
                            .rule("3", "true", {show("a")})
                            .compile();
  EXPECT_THAT(shown(choose(*compiled, "c", viewer("de"))), ElementsAre("a by 3", "b by 2"));
}

TEST(Choose, ResolvesValuesWithinTheirDomains) {
  const auto word = [](const ShowOverlay& how, const rules::Attributes& who) {
    const auto compiled = Channel{}.rule("1", "true", {how}).compile();
    const Choice choice = choose(*compiled, "c", who);
    EXPECT_EQ(choice.overlays.at(0).values.count("score"), 0u) << "the programme's field is not the viewer's";
    EXPECT_EQ(choice.overlays.at(0).values.at("plain"), "x");
    return choice.overlays.at(0).values.at("word");
  };
  const ShowOverlay from_viewer = show("lang", {{"word", "{viewer.language}"}});
  EXPECT_EQ(word(show("lang", {{"word", "de"}}), viewer("fr")), "de");
  EXPECT_EQ(word(show("lang"), viewer("de")), "fr");
  EXPECT_EQ(word(from_viewer, viewer("de")), "de");
  EXPECT_EQ(word(from_viewer, viewer("xx")), "fr");
  EXPECT_EQ(word(from_viewer, viewer("de", {})), "fr") << "no consent";
  EXPECT_EQ(word(from_viewer, {}), "fr") << "absent";
  EXPECT_EQ(word(show("lang", {{"word", "{viewer.age}"}}), viewer("de")), "fr");
}

TEST(Cohorts, DifferExactlyWhenPicturesDo) {
  const auto cohort = [](const std::vector<Action>& actions, int revision = 1) {
    Channel channel;
    channel.documents().overlays["lang"].revision = revision;
    return choose(*channel.rule("1", "true", actions).compile(), "c", viewer("de")).cohort;
  };
  const std::string plain = cohort({show("lang", {{"word", "de"}})});
  EXPECT_EQ(plain.size(), 16u);
  EXPECT_EQ(plain.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(cohort({show("lang", {{"word", "{viewer.language}"}})}), plain);
  EXPECT_EQ(cohort({show("lang", {{"word", "de"}}), ChooseAudio{"x"}, ReplaceSpan{"e", "m1"}}), plain);
  EXPECT_NE(cohort({show("lang", {{"word", "fr"}})}), plain);
  EXPECT_NE(cohort({show("lang", {{"word", "de"}})}, 2), plain);
  EXPECT_NE(cohort({show("lang", {{"word", "de"}}, "e")}), plain);
  EXPECT_NE(cohort({show("lang", {{"word", "de"}}, "f")}), cohort({show("lang", {{"word", "de"}}, "e")}));
  EXPECT_NE(cohort({show("lang", {{"word", "de"}}), show("a")}), plain);
  // Another order of painting is another picture.
  EXPECT_NE(cohort({show("a"), show("b")}), cohort({show("b"), show("a")}));
  // Known for good: a changed digest would change every URL on the day of an update.
  EXPECT_EQ(cohort({show("a")}), "ed681f2f9fd234cc");
}

TEST(Choose, IsAFunctionOfItsInput) {
  const auto make = [] {
    return Channel{}
        .rule("1", "viewer.sports > 0.1", {show("b"), show("lang", {{"word", "{viewer.language}"}})})
        .rule("2", "true", {show("a", {}, "x"), FillBreaks{{"l", "k"}}})
        .compile();
  };
  const auto first = make(), second = make();
  const UnitsOf lengths = [](std::string_view) { return 15; };
  const auto told = [&](const auto& compiled) {
    const Terms terms = termsOf(compiled, lengths);
    return toJson(explain(terms, viewer("de"), {}, 40), terms);
  };
  EXPECT_EQ(told(first), told(second));
  EXPECT_EQ(told(first), told(first));
}

TEST(Campaigns, AddUpOnceInOrderAndNeedTheirOwnConsent) {
  const auto compiled = Channel{}
                            .rule("1", "true", {FillBreaks{{"ads", "l"}}})
                            .rule("2", "false", {FillBreaks{{"none"}}})
                            .rule("3", "true", {FillBreaks{{"l", "k"}}})
                            .campaign("none", "true", {"m9"})
                            .compile();
  EXPECT_THAT(campaigns(*compiled, viewer("de")), ElementsAre("l", "k"));
  EXPECT_THAT(campaigns(*compiled, viewer("de", {"content", "ads"})), ElementsAre("ads", "l", "k"));
}

Pod pod(int units, const std::map<std::string, int>& lengths, std::vector<std::string> campaigns = {"k", "l"}) {
  const auto compiled = Channel{}.rule("1", "true", {FillBreaks{std::move(campaigns)}}).compile();
  return fill(compiled, viewer("de"), units, [&](std::string_view media) {
    const auto found = lengths.find(std::string{media});
    return found == lengths.end() ? 0 : found->second;
  });
}

TEST(Breaks, AreFilledInOrderUntilFull) {
  const Pod full = pod(40, {{"m1", 15}, {"m2", 15}, {"m3", 10}});
  EXPECT_THAT(full.slots,
              ElementsAre(PodSlot{"m1", "k", 0, 15}, PodSlot{"m2", "k", 15, 15}, PodSlot{"m3", "l", 30, 10}));
  EXPECT_EQ(full.slateUnits, 0);
}

TEST(Breaks, SkipWhatDoesNotFitAndLeaveTheRestToSlate) {
  const Pod some = pod(27, {{"m1", 15}, {"m2", 15}, {"m3", 10}});
  EXPECT_THAT(some.slots, ElementsAre(PodSlot{"m1", "k", 0, 15}, PodSlot{"m3", "l", 15, 10}));
  EXPECT_EQ(some.slateUnits, 2);
}

TEST(Breaks, UseOnlyWhatIsConditionedAndNothingTwice) {
  EXPECT_THAT(pod(60, {{"m2", 15}}).slots, ElementsAre(PodSlot{"m2", "k", 0, 15}));
  EXPECT_EQ(pod(60, {{"m2", 15}}).slateUnits, 45);
  EXPECT_THAT(pod(60, {{"m1", 10}}, {"k", "k"}).slots, SizeIs(1));
  EXPECT_THAT(pod(60, {{"m1", -5}, {"m2", 0}}).slots, IsEmpty());
}

TEST(Breaks, AreSlateWithoutCampaignsOrLength) {
  EXPECT_EQ(pod(30, {{"m1", 15}}, {}), (Pod{{}, 30}));
  EXPECT_EQ(pod(0, {{"m1", 15}}), (Pod{{}, 0}));
  EXPECT_EQ(pod(-3, {{"m1", 15}}), (Pod{{}, 0}));
}

TEST(Build, ListsEveryWrongConditionWithItsPlace) {
  Channel channel;
  channel.rule("1", "viewer.nobody == 1", {FillBreaks{{"bad"}}})
      .rule("2", "true &&", {FillBreaks{{"bad"}}})
      .rule("3", "viewer.age == \"x\" || viewer.age", {show("gone"), FillBreaks{{"nowhere"}}})
      .campaign("bad", "viewer.sports > 1", {});
  channel.documents().rulesets["s"] = {"s", 1, "elsewhere", {}, {}};
  const Built built = build(std::make_shared<const model::Documents>(channel.documents()));
  EXPECT_FALSE(built.compiled);
  using Error = model::DocumentError;
  const auto at = [](const std::string& document, const std::string& path, const std::string& words) {
    return testing::AllOf(Field(&Error::document, document), Field(&Error::path, path),
                          Field(&Error::message, HasSubstr(words)));
  };
  EXPECT_THAT(built.errors, SizeIs(8)) << model::describe(built.errors);
  EXPECT_THAT(built.errors, Contains(at("ruleset r", "/body/rules/0/when", "column 1: expected a declared field")));
  EXPECT_THAT(built.errors, Contains(at("ruleset r", "/body/rules/1/when", "found the end")));
  EXPECT_THAT(built.errors, Contains(at("ruleset r", "/body/rules/2/when", "expected an int, found a string")));
  EXPECT_THAT(built.errors, Contains(at("ruleset r", "/body/rules/2/when", "expected a condition")));
  EXPECT_THAT(built.errors, Contains(at("ruleset r", "/body/rules/2", "no overlay \"gone\"")));
  EXPECT_THAT(built.errors, Contains(at("ruleset r", "/body/rules/2", "no campaign \"nowhere\"")));
  EXPECT_THAT(built.errors, Contains(at("campaign bad", "/body/when", "write 1.0 (with the fields of ruleset \"r\")")));
  EXPECT_THAT(built.errors, Contains(at("ruleset s", "/body/channel", "no channel \"elsewhere\"")));
}

TEST(Explain, TellsWhatEachRuleGaveAndWhyNot) {
  const auto compiled =
      Channel{}
          .rule("1", "viewer.language == \"de\"", {show("lang", {{"word", "{viewer.language}"}})})
          .rule("2", "viewer.age < 40", {show("a")})
          .rule("3", "true", {show("lang", {{"word", "{viewer.age}"}}), show("b"), FillBreaks{{"ads", "k"}}})
          .compile();
  const UnitsOf lengths = [](std::string_view media) { return media == "m1" ? 0 : 15; };
  const Report report = explain(termsOf(compiled, lengths), viewer("de"), {}, 10);
  EXPECT_EQ(report.choice.cohort, choose(*compiled, "c", viewer("de")).cohort);
  ASSERT_THAT(report.rules, SizeIs(3));
  EXPECT_EQ(report.rules[0].actions.at(0).what, "shows overlay lang (plain = x, word = de)");
  EXPECT_TRUE(report.rules[0].actions.at(0).used);
  EXPECT_EQ(report.rules[1].condition.verdict, rules::Verdict::kFalse);
  EXPECT_EQ(report.rules[1].condition.reason, "viewer.age is 42");
  EXPECT_THAT(report.rules[1].actions, IsEmpty());
  EXPECT_FALSE(report.rules[2].actions.at(0).used);
  EXPECT_EQ(report.rules[2].actions.at(0).why, "rule 1 decided this overlay");
  ASSERT_THAT(report.lines, SizeIs(2));
  const LineReport& ads = report.lines[1];
  EXPECT_EQ(ads.name, "ads");
  EXPECT_EQ(ads.verdict, rules::Verdict::kUnknown);
  EXPECT_EQ(ads.condition->reason, "viewer.sports: no consent for ads");
  EXPECT_EQ(ads.why, "viewer.sports > 0.5 is unknown: viewer.sports: no consent for ads");
  const LineReport& k = report.lines[0];
  EXPECT_EQ(k.ruleId, "3");
  EXPECT_EQ(k.why, "");
  ASSERT_THAT(k.creatives, SizeIs(2));
  EXPECT_EQ(k.creatives[0].why, "not conditioned");
  EXPECT_EQ(k.creatives[1].why, "15 units do not fit into the 10 left");
  EXPECT_THAT(report.bound.slots, IsEmpty());
  EXPECT_EQ(report.bound.slateUnits, 10);
}

TEST(Explain, NotesAFallback) {
  const auto compiled = Channel{}.rule("1", "true", {show("lang", {{"word", "{viewer.language}"}})}).compile();
  const UnitsOf none = [](std::string_view) { return 0; };
  const auto note = [&](const rules::Attributes& who) {
    return explain(termsOf(compiled, none), who, {}, 0).rules.at(0).actions.at(0).why;
  };
  EXPECT_EQ(note(viewer("xx")), "\"xx\" is not in the domain of word");
  EXPECT_EQ(note(viewer("de", {})), "viewer.language: no consent for content");
  EXPECT_EQ(note({}), "viewer.language: no consent for content");
  EXPECT_EQ(note(viewer("de")), "");
}

Held heldOverlay(const std::string& id) { return {{id}, {}, {}, {}}; }

TEST(WhatIsHeld, IsShownByNoRuleAndTheRestGoesOn) {
  const auto channel = Channel{}.rule("1", "true", {show("a")}).rule("2", "true", {show("a"), show("b")});
  EXPECT_THAT(shown(choose(*channel.compile(heldOverlay("a")), "c", viewer("de"))), ElementsAre("b by 2"));
  EXPECT_EQ(choose(*Channel{}.rule("1", "true", {show("a")}).compile(heldOverlay("a")), "c", viewer("de")).cohort,
            kBaseCohort);
  EXPECT_THAT(shown(choose(*channel.compile(heldOverlay("nothing")), "c", viewer("de"))),
              ElementsAre("a by 1", "b by 2"));
}

TEST(WhatIsHeld, LeavesTheSameCohortToWhoDidNotHaveIt) {
  const auto channel = Channel{}.rule("1", "true", {show("b")}).rule("2", "viewer.language == \"fr\"", {show("a")});
  EXPECT_EQ(choose(*channel.compile(heldOverlay("a")), "c", viewer("fr")).cohort,
            choose(*channel.compile(), "c", viewer("de")).cohort);
}

TEST(WhatIsHeld, MayBeAWholeRuleset) {
  const auto channel = Channel{}.rule("1", "true", {show("a"), ChooseAudio{"de"}, FillBreaks{{"k"}}});
  const Choice choice = choose(*channel.compile({{}, {"r"}, {}, {}}), "c", viewer("de"));
  EXPECT_EQ(choice.cohort, kBaseCohort);
  EXPECT_EQ(choice.audioLanguage, "");
  EXPECT_THAT(choice.lines, IsEmpty());
}

TEST(WhatIsHeld, TakesPartInNoBreakAndReplacesNoSpan) {
  const auto channel = Channel{}
                           .rule("1", "true", {ReplaceSpan{"e", "m1"}, FillBreaks{{"k", "l"}}})
                           .rule("2", "true", {ReplaceSpan{"e", "m4"}});
  const UnitsOf tens = [](std::string_view) { return 10; };
  const auto campaign = channel.compile({{}, {}, {"k"}, {}});
  EXPECT_EQ(fill(campaign, viewer("de"), 20, tens), (Pod{{{"m3", "l", 0, 10}}, 10}));
  const auto media = channel.compile({{}, {}, {}, {"m1"}});
  const Choice choice = choose(*media, "c", viewer("de"));
  EXPECT_EQ(choice.clips.at("e").media, "m4") << "the next rule's";
  EXPECT_EQ(fill(media, viewer("de"), 20, tens), (Pod{{{"m2", "k", 0, 10}, {"m3", "l", 10, 10}}, 0}));
}

TEST(WhatIsHeld, IsCheckedLikeTheRest) {
  auto channel = Channel{}.rule("1", "nonsense(", {show("a")});
  EXPECT_FALSE(build(std::make_shared<const model::Documents>(channel.documents()), Held{{}, {"r"}, {}, {}}).compiled);
}

TEST(WhatIsHeld, IsTheReasonInExplanations) {
  auto channel = Channel{}.rule("1", "true", {show("a"), ReplaceSpan{"e", "m4"}, FillBreaks{{"k", "l"}}});
  const UnitsOf tens = [](std::string_view) { return 10; };
  const Report report = explain(termsOf(channel.compile({{"a"}, {}, {"l"}, {"m1", "m4"}}), tens), viewer("de"), {}, 30);
  const auto& actions = report.rules.at(0).actions;
  ASSERT_THAT(actions, SizeIs(4));
  EXPECT_EQ(actions[0].why, "held");
  EXPECT_FALSE(actions[0].used);
  EXPECT_EQ(actions[1].why, "held");
  EXPECT_TRUE(actions[2].used);
  EXPECT_EQ(actions[3].why, "held");
  EXPECT_EQ(report.lines.at(0).name, "k");
  EXPECT_EQ(report.lines.at(0).creatives.at(0).why, "held");
  EXPECT_EQ(report.lines.at(1).why, "held");
  const Terms terms = termsOf(channel.compile({{}, {"r"}, {}, {}}), tens);
  EXPECT_EQ(boost::json::parse(toJson(explain(terms, viewer("de"), {}, 30), terms)).at("rules").at(0).at("why"),
            "held");
}

TEST(Explain, IsJson) {
  const auto compiled =
      Channel{}.rule("1", "viewer.age > 1 && has(viewer.sports)", {show("lang", {}, "x"), FillBreaks{{"k"}}}).compile();
  const Terms terms = termsOf(compiled, [](std::string_view) { return 15; });
  const std::string text = toJson(explain(terms, viewer("de"), {}, 30), terms);
  const boost::json::value json = boost::json::parse(text);
  EXPECT_EQ(json.at("rules").at(0).at("verdict"), "true");
  EXPECT_EQ(json.at("rules").at(0).at("condition").at("parts").at(0).at("reason"), "viewer.age is 42");
  EXPECT_EQ(json.at("choice").at("overlays").at(0).at("event"), "x");
  EXPECT_EQ(json.at("break").at("slots").at(1).at("fromUnit"), 15);
  EXPECT_EQ(json.at("campaigns").at(0).at("creatives").at(0).at("fromUnit"), 0);
}

}  // namespace
}  // namespace dvpe::decisions
