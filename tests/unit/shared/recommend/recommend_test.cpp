// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/recommend/recommend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "shared/recommend/learner.h"

namespace dvpe::recommend {
namespace {

using testing::HasSubstr;

constexpr base::WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
base::WallTime after(std::int64_t seconds) { return kStart + std::chrono::seconds{seconds}; }

// Ten contents, a0 to a4 viewed by half of the visitors and b0 to b4 by the others.
Learner taught() {
  Learner out;
  for (const char* kind : {"a", "b"}) {
    for (int i = 0; i < 5; ++i) {
      const std::string name = kind + std::to_string(i);
      EXPECT_TRUE(out.describe(name, {"Title " + name, "en", 60, {kind, "all"}}, kStart));
    }
  }
  for (std::uint64_t v = 0; v < 2'000; ++v) {
    for (std::uint64_t k = 0; k < 3; ++k) {
      const std::string name = (v % 2 == 0 ? "a" : "b") + std::to_string((v / 2 + k * (1 + v / 10 % 2)) % 5);
      out.observe(v, name, 1, after(static_cast<std::int64_t>(v)));
    }
  }
  return out;
}

Model model() { return taught().model(7, after(86'400)); }

TEST(Recommendations, AreOfTheKindThatWasLikedAndSayWhy) {
  const auto list = recommend(model(), {true, {"a0"}, {}, {}, 4});
  ASSERT_EQ(list.size(), 4u);
  for (const auto& each : list) {
    EXPECT_EQ(each.content[0], 'a');
    EXPECT_EQ(each.reason, Reason::kLiked);
    EXPECT_EQ(each.because, "a0");
  }
}

TEST(Recommendations, AreNotOfWhatWasSeenOrRefused) {
  const auto list = recommend(model(), {true, {}, {"a0", "a1"}, {"b0"}, 100});
  EXPECT_EQ(list.size(), 7u);
  for (const auto& each : list) EXPECT_THAT(each.content, testing::Not(testing::AnyOf("a0", "a1", "b0")));
}

TEST(Recommendations, ComeLaterWhenLikeWhatWasRefused) {
  const auto list = recommend(model(), {true, {}, {}, {"b0"}, 5});
  for (const auto& each : list) EXPECT_EQ(each.content[0], 'a') << each.content;
}

TEST(Recommendations, UseNothingOfTheViewerWhenPersonalisationIsOff) {
  const Model m = model();
  EXPECT_EQ(recommend(m, {false, {"a0"}, {"a1"}, {"b0"}, 10}), recommend(m, {false, {}, {}, {}, 10}));
  for (const auto& each : recommend(m, {false, {"a0"}, {}, {}, 10})) EXPECT_EQ(each.reason, Reason::kPopular);
}

TEST(Recommendations, TakeInWhatIsNewByItsFeatures) {
  Learner learner = taught();
  ASSERT_TRUE(learner.describe("new", {"New", "en", 60, {"a", "all"}}, after(86'000)));
  const auto list = recommend(learner.model(8, after(86'400)), {true, {"a0"}, {}, {}, 5});
  const auto found = std::find_if(list.begin(), list.end(), [](const auto& r) { return r.content == "new"; });
  ASSERT_NE(found, list.end());
  EXPECT_EQ(found->reason, Reason::kSimilar) << "nobody has viewed it yet: its features alone speak for it";
  EXPECT_EQ(found->because, "a0");
}

TEST(Recommendations, AreAnsweredInWords) {
  EXPECT_THAT(answerOf(model(), {true, {"a0"}, {}, {}, 1}), HasSubstr("\"because\":\"because you liked Title a0\""));
  EXPECT_THAT(answerOf(model(), {true, {}, {"a0"}, {}, 1}), HasSubstr("\"because\":\"similar to Title a0\""));
  EXPECT_THAT(answerOf(model(), {false, {"a0"}, {}, {}, 1}), HasSubstr("\"because\":\"popular now\""));
}

TEST(Learner, ForgetsAVisitorAndKeepsTheSums) {
  Learner learner = taught();
  const Model before = learner.model(1, after(86'400));
  ASSERT_TRUE(learner.remembers(4));
  learner.erase(4);
  EXPECT_FALSE(learner.remembers(4));
  EXPECT_EQ(learner.model(1, after(86'400)), before);
  Learner never = taught();
  EXPECT_GT(never.state().size(), learner.state().size());
}

TEST(Learner, CountsAViewThatIsToldTwiceOnce) {
  Learner once = taught(), twice = taught();
  EXPECT_TRUE(once.observe(9'999, "a0", 0.5, after(3'000)));
  EXPECT_TRUE(twice.observe(9'999, "a0", 0.5, after(3'000)));
  EXPECT_FALSE(twice.observe(9'999, "a0", 0.5, after(3'000)));
  EXPECT_EQ(once.state(), twice.state());
}

TEST(Learner, GoesOnFromItsStateAsIfNothingHadHappened) {
  Learner first = taught();
  first.retire("b2");
  auto second = Learner::restore(first.state());
  ASSERT_TRUE(second);
  for (Learner* each : {&first, &second.value()}) {
    ASSERT_TRUE(each->describe("late", {}, after(5'000)));
    for (std::uint64_t v = 0; v < 50; ++v) each->observe(v, "late", 1, after(6'000));
  }
  EXPECT_EQ(first.state(), second.value().state());
  EXPECT_EQ(first.model(2, after(9'000)), second.value().model(2, after(9'000)));
}

TEST(Learner, RefusesAStateThatIsCutOrHasMore) {
  Learner small;
  ASSERT_TRUE(small.describe("x", {"X", "en", 1, {"t"}}, kStart));
  ASSERT_TRUE(small.describe("y", {}, kStart));
  small.observe(1, "x", 1, kStart);
  small.observe(1, "y", 1, kStart);
  base::Bytes state = small.state();
  for (std::size_t n = 0; n < state.size(); ++n) EXPECT_FALSE(Learner::restore({state.data(), n})) << n;
  state.push_back(0);
  EXPECT_FALSE(Learner::restore(state));
}

TEST(Learner, RemembersSoManyVisitorsAndNoMore) {
  LearnerOptions options;
  options.visitors = 100;
  Learner learner(options);
  ASSERT_TRUE(learner.describe("x", {}, kStart));
  for (std::uint64_t v = 0; v < 101; ++v) learner.observe(v, "x", 1, after(static_cast<std::int64_t>(v)));
  EXPECT_FALSE(learner.remembers(0));
  EXPECT_TRUE(learner.remembers(100));
}

TEST(Learner, RefusesFeaturesThatAreNotAsDocumented) {
  Learner learner;
  EXPECT_FALSE(learner.describe("../x", {}, kStart));
  EXPECT_FALSE(learner.describe("x", {"", "", 0, {"a", "a"}}, kStart));
  EXPECT_FALSE(learner.describe("x", {std::string(kMaxTitleBytes + 1, 'x'), "", 0, {}}, kStart));
  EXPECT_FALSE(learner.observe(1, "unknown", 1, kStart));
}

TEST(Model, ComesBackFromItsJson) {
  const Model m = model();
  const auto again = parseModel(toJson(m));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again.value(), m);
}

TEST(Model, RefusesWhatIsHostile) {
  const auto with = [](const std::string& items) {
    return parseModel(R"({"number":1,"made":"2026-06-01T00:00:00Z","items":)" + items + "}");
  };
  EXPECT_TRUE(with(R"([["a",1,"","",0,[],[[1,5,0]]],["b",1,"","",0,[],[]]])"));
  for (const char* items :
       {"7", "[7]", R"([["a",1,"","",0,[]]])", R"([["../a",1,"","",0,[],[]]])", R"([["a",-1,"","",0,[],[]]])",
        R"([["b",1,"","",0,[],[]],["a",1,"","",0,[],[]]])", R"([["a",1,"","",0,[],[]],["a",1,"","",0,[],[]]])",
        R"([["a",1,"","",0,[],[[1,5,0]]]])", R"([["a",1,"","",0,[],[[0,5,0]]]])", R"([["a",1.5,"","",0,[],[]]])",
        R"([["a",1,"","",0,["t","t"],[]]])", R"([["a",1,"","",0,[],[[1,5,2]]],["b",1,"","",0,[],[]]])",
        R"([["a",1,"","",0,[],[[1,1000001,0]]],["b",1,"","",0,[],[]]])"}) {
    EXPECT_FALSE(with(items)) << items;
  }
  const auto large = parseModel(std::string(kMaxModelBytes + 1, ' '));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, base::ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace dvpe::recommend
