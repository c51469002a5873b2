// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/stages.h"

#include <gmock/gmock.h>

namespace dvpe::coordinate {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Verdict = StageWatch::Verdict;

TEST(RolloutPlan, IsReadAndEveryMistakeInItIsNamed) {
  const auto plan = parseRolloutPlan(
      R"({"stages":[{"nodes":["n1"],"seconds":60},{"percent":50,"seconds":120}],"guards":{"holes":2,"effectSeconds":20}})");
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  ASSERT_EQ(plan.value().stages.size(), 2U);
  EXPECT_THAT(plan.value().stages[0].nodes, ElementsAre("n1"));
  EXPECT_EQ(plan.value().stages[1].hold, seconds(120));
  EXPECT_EQ(plan.value().guards.holes, 2);
  EXPECT_EQ(plan.value().guards.takesEffect, seconds(20));
  const auto wrong =
      parseRolloutPlan(R"({"stages":[{"seconds":0},{"nodes":["a"],"percent":3,"seconds":5}],"guard":{}})");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message, HasSubstr("/stages/0/seconds"));
  EXPECT_THAT(wrong.error().message, HasSubstr("/stages/0: expected either"));
  EXPECT_THAT(wrong.error().message, HasSubstr("/stages/1: expected either"));
  EXPECT_THAT(wrong.error().message, HasSubstr("guard"));
}

TEST(RolloutPlan, GivesEachStageTheNodesOfTheOneBeforeAndMore) {
  const auto plan =
      parseRolloutPlan(R"({"stages":[{"nodes":["n3","gone"],"seconds":1},{"percent":50,"seconds":1}]})").value();
  const std::vector<std::string> nodes{"n4", "n2", "n1", "n3", "n5"};
  EXPECT_THAT(audienceOf(plan, 0, nodes), ElementsAre("n3"));
  EXPECT_THAT(audienceOf(plan, 1, nodes), ElementsAre("n1", "n2", "n3"));
  EXPECT_THAT(audienceOf(plan, 0, {"n7", "n6"}), ElementsAre("n6")) << "never nobody";
  EXPECT_TRUE(audienceOf(plan, 0, {}).empty());
}

class Watch : public ::testing::Test {
 protected:
  Watch() : watch_("3.17", {"n1", "n2"}, {{"n1", "n2"}, 0, seconds(30)}, {}, start_) {}
  void say(const std::string& node, int after, int holes = 7, const std::string& release = "3.17", bool ready = true,
           int lost = 0) {
    watch_.heard(node,
                 R"({"ready":)" + std::string(ready ? "true" : "false") + R"(,"channels":[{"id":"one","release":")" +
                     release + R"(","holes":)" + std::to_string(holes) + R"(,"variantsLost":)" + std::to_string(lost) +
                     "}]}",
                 start_ + seconds(after));
  }
  Verdict judge(int after) { return watch_.judge(start_ + seconds(after)); }

  const StageWatch::Time start_{};
  StageWatch watch_;
};

TEST_F(Watch, GoesOnWhenTheTimeIsOverAndEverythingIsWell) {
  for (int s = 1; s < 30; ++s) {
    say("n1", s), say("n2", s);
    EXPECT_EQ(judge(s), Verdict::kHold) << s;
  }
  say("n1", 30), say("n2", 30);
  EXPECT_EQ(judge(30), Verdict::kGoOn);
}

TEST_F(Watch, HaltsAtANewHoleButNotForThoseFromBefore) {
  say("n1", 1), say("n2", 1, 0);
  EXPECT_EQ(judge(1), Verdict::kHold);
  say("n2", 2, 1);
  EXPECT_EQ(judge(2), Verdict::kHalt);
  EXPECT_EQ(watch_.reason(), "new holes on n2: 1");
}

TEST_F(Watch, HaltsWhenAVariantIsLost) {
  say("n1", 1);
  say("n1", 2, 7, "3.17", true, 1);
  EXPECT_EQ(judge(2), Verdict::kHalt);
}

TEST_F(Watch, HaltsWhenANodeIsNotReadyOrSilent) {
  for (int s = 1; s < 7; ++s) say("n1", s), say("n2", s, 7, "3.17", s < 3);
  EXPECT_EQ(judge(7), Verdict::kHold);
  EXPECT_EQ(judge(8), Verdict::kHalt);
  EXPECT_THAT(watch_.reason(), HasSubstr("n2 is not ready"));
}

TEST_F(Watch, HaltsWhenTheReleaseDoesNotTakeEffect) {
  for (int s = 1; s < 14; ++s) say("n1", s), say("n2", s, 7, "3.16");
  EXPECT_EQ(judge(12), Verdict::kHold);
  EXPECT_EQ(judge(13), Verdict::kHalt);
  EXPECT_EQ(watch_.reason(), "release 3.17 has not taken effect on n2");
}

TEST(Ahead, IsThatOfTheChannelWhichHurriesMost) {
  using std::chrono::milliseconds;
  EXPECT_EQ(aheadOf(R"({"channels":[{"aheadMs":40},{"aheadMs":1900},{}]})"), milliseconds(1900));
  EXPECT_EQ(aheadOf(R"({"channels":[{"aheadMs":99999999}]})"), kMostAhead)
      << "one node's word does not stop publishing";
  for (const char* nothing :
       {"", "[]", "{}", R"({"channels":1})", R"({"channels":[{"aheadMs":"x"},3]})", R"({"channels":[{"aheadMs":-5}]})"})
    EXPECT_EQ(aheadOf(nothing), milliseconds(0)) << nothing;
}

TEST_F(Watch, DoesNotStumbleOverNonsense) {
  for (const char* text :
       {"", "[]", "{", R"({"channels":3})", R"({"channels":[1]})", R"({"ready":1,"channels":[{"holes":"x"}]})"})
    watch_.heard("n1", text, start_);
  watch_.heard("stranger", "{}", start_);
  EXPECT_EQ(judge(1), Verdict::kHold);
}

}  // namespace
}  // namespace dvpe::coordinate
