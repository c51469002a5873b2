// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int kViewers = 20'000;

std::string identityOf(int i) { return "viewer-" + std::to_string(i); }

// The experiment "x" with the arms a: [0, 1000) and b: [1000, 4000), a line for each, and one for everybody.
Market market() {
  Market out;
  model::Experiment& experiment = out.experiment("x");
  experiment.arms = {{"a", {{0, 1'000}}}, {"b", {{1'000, 3'000}, {9'000, 10'000}}}};
  out.line("k", "a").arm = {"x", "a"};
  out.line("k", "b").arm = {"x", "b"};
  out.line("k", "all");
  return out;
}

void expectShare(int count, double share) {
  EXPECT_NEAR(count, share * kViewers, 5 * std::sqrt(share * (1 - share) * kViewers));
}

TEST(Arms, HaveTheShareOfViewersOfTheirBuckets) {
  Evening evening{market()};
  int a = 0, b = 0;
  for (int i = 0; i < kViewers; ++i) {
    const auto plays = evening.plays(120, {.identity = identityOf(i)});
    const auto has = [&](const char* media) { return std::count(plays.begin(), plays.end(), media); };
    ASSERT_EQ(has("k-all-1"), 1);
    ASSERT_LE(has("k-a-1") + has("k-b-1"), 1) << "nobody is in two arms";
    a += static_cast<int>(has("k-a-1"));
    b += static_cast<int>(has("k-b-1"));
  }
  expectShare(a, 0.1);
  expectShare(b, 0.3);
}

TEST(Arms, KeepTheirViewersWhateverSessionOrBreak) {
  Evening evening{market()};
  const auto first = evening.plays(120, {.session = "s", .breakNumber = 1, .identity = "anna"});
  for (std::uint64_t number = 2; number < 50; ++number) {
    EXPECT_THAT(evening.plays(120, {.session = std::to_string(number), .breakNumber = number, .identity = "anna"}),
                testing::UnorderedElementsAreArray(first));
  }
}

TEST(Arms, HaveNobodyWhoIsNotKnown) {
  Evening evening{market()};
  EXPECT_THAT(evening.plays(120), ElementsAre("k-all-1"));
  EXPECT_EQ(evening.why("k/a"), "the viewer is not in its arm of the experiment");
}

TEST(Arms, ThatAreNotThereHaveNobody) {
  Market other = market();
  other.campaign("k").lines[0].arm = {"x", "gone"};
  other.campaign("k").lines[1].arm = {"gone", "a"};
  Evening evening{other};
  for (int i = 0; i < 200; ++i) ASSERT_THAT(evening.plays(120, {.identity = identityOf(i)}), ElementsAre("k-all-1"));
}

TEST(Arms, WithAllBucketsHaveEverybodyKnownAndWithoutAnyNobody) {
  Market other = market();
  other.experiment("x").arms = {{"a", {{0, 10'000}}}, {"b", {}}};
  Evening evening{other};
  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(evening.plays(120, {.identity = identityOf(i)}), UnorderedElementsAre("k-a-1", "k-all-1"));
  }
}

TEST(Arms, LetNobodyGoWhenTheyGrow) {
  Market less = market(), more = market();
  more.experiment("x").arms[0].buckets.emplace_back(5'000, 7'000);
  Evening before{less}, after{more};
  int grown = 0;
  for (int i = 0; i < 4'000; ++i) {
    const Who who{.identity = identityOf(i)};
    const auto was = before.plays(120, who), is = after.plays(120, who);
    const auto in = [](const auto& plays, const char* media) {
      return std::find(plays.begin(), plays.end(), media) != plays.end();
    };
    ASSERT_TRUE(!in(was, "k-a-1") || in(is, "k-a-1"));
    ASSERT_EQ(in(was, "k-b-1"), in(is, "k-b-1")) << "the other arm stays as it is";
    grown += in(is, "k-a-1") && !in(was, "k-a-1") ? 1 : 0;
  }
  EXPECT_NEAR(grown, 800, 130);
}

// How many of the viewers are in an arm of x and of y, both [0, 5000).
int inBoth(const std::string& groupX, const std::string& groupY, std::pair<int, int> buckets = {0, 5'000}) {
  Market both;
  both.experiment("x", groupX).arms = {{"a", {{0, 5'000}}}};
  both.experiment("y", groupY).arms = {{"a", {buckets}}};
  both.line("k", "x").arm = {"x", "a"};
  both.line("k", "y").arm = {"y", "a"};
  Evening evening{both};
  int out = 0;
  for (int i = 0; i < 4'000; ++i) out += evening.plays(120, {.identity = identityOf(i)}).size() == 2 ? 1 : 0;
  return out;
}

TEST(Experiments, AreIndependentUnlessTheyShareAGroup) {
  EXPECT_NEAR(inBoth("", ""), 1'000, 140) << "a quarter by chance";
  EXPECT_NEAR(inBoth("g", "h"), 1'000, 140);
  EXPECT_NEAR(inBoth("g", "g"), 2'000, 160) << "the same buckets are the same viewers";
  EXPECT_EQ(inBoth("g", "g", {5'000, 10'000}), 0) << "nobody is in two experiments of a group";
}

TEST(Experiments, HoldForRulesAsForLines) {
  Market both = market();
  both.documents.overlays["o"].id = "o";
  both.rule("1", "true", {model::ShowOverlay{"o", {}, model::Trigger::kAlways, ""}}).arm = {"x", "a"};
  both.rule("2", "true", {model::FillBreaks{{"k"}, false}});
  Evening evening{both};
  int shown = 0;
  for (int i = 0; i < 4'000; ++i) {
    const Who who{.identity = identityOf(i)};
    const bool overlay = !choose(evening.terms.compiled(), "c", evening.viewer(who)).overlays.empty();
    const auto plays = evening.plays(120, who);
    ASSERT_EQ(overlay, std::find(plays.begin(), plays.end(), "k-a-1") != plays.end()) << "who sees one sees the other";
    shown += overlay ? 1 : 0;
  }
  EXPECT_NEAR(shown, 400, 95);
  EXPECT_THAT(choose(evening.terms.compiled(), "c", evening.viewer({})).overlays, IsEmpty());
}

TEST(Experiments, OfARuleThatLetsCampaignsInKeepThemOut) {
  Market both = market();
  both.rule("1", "true", {model::FillBreaks{{}, true}}).arm = {"x", "a"};
  both.campaign("k").lines.resize(0);
  both.plan.lines.clear();
  both.line("l", "only");
  both.documents.campaigns.erase("k");
  Evening evening{both};
  int plays = 0;
  for (int i = 0; i < 4'000; ++i) plays += evening.plays(15, {.identity = identityOf(i)}).empty() ? 0 : 1;
  EXPECT_NEAR(plays, 400, 95);
}

TEST(Buckets, AreTheSameOnEveryNode) {
  const model::Arm arm{"a", {{0, 5'000}}};
  // Known for good: viewers must not move when a node is updated.
  std::string in;
  for (int i = 0; i < 16; ++i) in += inArm({"salt", &arm}, identityOf(i)) ? '1' : '0';
  EXPECT_EQ(in, "0110111000011000");
}

}  // namespace
}  // namespace dvpe::decisions
