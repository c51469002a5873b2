// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/on_air.h"

#include <gtest/gtest.h>

#include "tests/unit/node/render/overlays.h"

namespace dvpe::render {
namespace {

using timeline::CohortDemand;
using timeline::Cut;
using timeline::CutState;
using timeline::OpenEvent;
using timeline::OverlayUse;
using timeline::Span;
using timeline::SpanKind;

constexpr Ticks kCell{240000 * 4};

Cut cutAt(int cell, std::optional<Span> span = std::nullopt) { return {cell, kCell * cell, std::move(span)}; }
OverlayUse always(const std::string& id, std::map<std::string, std::string> values = {}) {
  return {test::shared(test::overlay(id)), std::move(values), model::Trigger::kAlways, ""};
}
OverlayUse during(const std::string& id, const std::string& event, int outMs = 0) {
  return {test::shared(test::overlay(id, "", outMs)), {}, model::Trigger::kEvent, event};
}
CohortDemand cohort(std::uint16_t index, std::vector<OverlayUse> uses, int viewers = 1) {
  return {index, "c" + std::to_string(index), std::move(uses), viewers};
}
CutState withEvent(std::optional<int> from, std::optional<int> until = std::nullopt) {
  CutState state;
  OpenEvent event;
  event.mark = {"goal", true, Ticks{5}, {{"score", "2:1"}}};
  if (from) event.from = kCell * *from;
  if (until) event.until = kCell * *until;
  state.events["goal"] = event;
  return state;
}

TEST(PlanCut, GivesOneVariantToAllCohortsWithEqualOverlays) {
  const auto plan =
      planCut(cutAt(5), {}, {cohort(0, {always("a")}, 3), cohort(1, {always("a")}, 4), cohort(2, {always("b")}, 1)});
  ASSERT_EQ(plan.variants.size(), 2U);
  ASSERT_EQ(plan.variantOfCohort.size(), 3U);
  EXPECT_EQ(plan.variantOfCohort[0], plan.variantOfCohort[1]);
  EXPECT_NE(plan.variantOfCohort[0], plan.variantOfCohort[2]);
  EXPECT_EQ(plan.variants[plan.variantOfCohort[0] - 1U].viewers, 7);
  EXPECT_EQ(plan.variants[0].id.size(), 16U);
  EXPECT_LT(plan.variants[0].id, plan.variants[1].id);
}

TEST(PlanCut, TellsValuesAndRevisionsApart) {
  auto newer = test::overlay("a");
  newer.revision = 2;
  const auto plan = planCut(cutAt(5), {},
                            {cohort(0, {always("a")}), cohort(1, {always("a", {{"lang", "de"}})}),
                             cohort(2, {{test::shared(newer), {}, model::Trigger::kAlways, ""}})});
  EXPECT_EQ(plan.variants.size(), 3U);
}

TEST(PlanCut, GivesTheBaseToACohortThatNobodyWatchesOrThatWearsNothing) {
  const auto plan = planCut(cutAt(5), {}, {cohort(0, {always("a")}, 0), cohort(3, {}, 9)});
  EXPECT_TRUE(plan.variants.empty());
  EXPECT_EQ(plan.variantOfCohort, (std::vector<std::uint16_t>{0, 0, 0, 0}));
}

TEST(PlanCut, IsTheSameWhateverTheOrderOfCohorts) {
  const auto a = planCut(cutAt(5), {}, {cohort(0, {always("a")}), cohort(1, {always("b")})});
  const auto b = planCut(cutAt(5), {}, {cohort(1, {always("b")}), cohort(0, {always("a")})});
  ASSERT_EQ(a.variants.size(), b.variants.size());
  for (std::size_t i = 0; i < a.variants.size(); ++i) EXPECT_EQ(a.variants[i].id, b.variants[i].id);
  EXPECT_EQ(a.variantOfCohort, b.variantOfCohort);
}

TEST(PlanCut, ShowsAnOverlayOfAnEventFromTheCutAtWhichItTakesEffect) {
  const timeline::DemandList demand{cohort(0, {during("a", "goal")})};
  EXPECT_TRUE(planCut(cutAt(5), {}, demand).variants.empty()) << "there is no such event";
  EXPECT_TRUE(planCut(cutAt(5), withEvent(std::nullopt), demand).variants.empty()) << "not in effect yet";
  EXPECT_TRUE(planCut(cutAt(5), withEvent(6), demand).variants.empty()) << "the state may be of a later cut";
  const auto plan = planCut(cutAt(6), withEvent(6), demand);
  ASSERT_EQ(plan.variants.size(), 1U);
  const ActiveOverlay& active = plan.variants[0].overlays.at(0);
  EXPECT_EQ(active.from, kCell * 6);
  EXPECT_FALSE(active.until);
  EXPECT_EQ(active.programme.at("score"), "2:1");
}

TEST(PlanCut, LetsAnOverlayLeaveInTheSegmentAfterItsEventAndNoLonger) {
  const timeline::DemandList fades{cohort(0, {during("a", "goal", 500)})};
  const auto leaving = planCut(cutAt(8), withEvent(6, 8), fades);
  ASSERT_EQ(leaving.variants.size(), 1U);
  EXPECT_EQ(leaving.variants[0].overlays[0].until, kCell * 8 + Ticks{500 * 240});
  EXPECT_TRUE(planCut(cutAt(9), withEvent(6, 8), fades).variants.empty());
  const timeline::DemandList stops{cohort(0, {during("a", "goal")})};
  EXPECT_TRUE(planCut(cutAt(8), withEvent(6, 8), stops).variants.empty()) << "it has no exit to show";
}

TEST(PlanCut, KeepsAnOverlayWhoseEventEndsAtALaterCut) {
  for (const int out : {0, 500}) {
    const auto plan = planCut(cutAt(7), withEvent(6, 8), {cohort(0, {during("a", "goal", out)})});
    ASSERT_EQ(plan.variants.size(), 1U);
    EXPECT_FALSE(plan.variants[0].overlays[0].until) << "as when the end was not known yet";
  }
}

TEST(PlanCut, ShowsOverlaysOfBreaksAndOfNamedSpansInside) {
  const Span pause{SpanKind::kBreak, "b1", "", kCell * 5, kCell * 9};
  const Span half{SpanKind::kEvent, "e1", "halftime", kCell * 5, kCell * 9};
  const timeline::DemandList demand{cohort(0, {during("a", "break")}), cohort(1, {during("b", "halftime")})};
  const auto inBreak = planCut(cutAt(6, pause), {}, demand);
  ASSERT_EQ(inBreak.variants.size(), 1U);
  EXPECT_EQ(inBreak.variantOfCohort, (std::vector<std::uint16_t>{1, 0}));
  EXPECT_EQ(inBreak.variants[0].overlays[0].from, pause.start);
  EXPECT_EQ(inBreak.variants[0].overlays[0].until, pause.end);
  EXPECT_EQ(planCut(cutAt(6, half), {}, demand).variantOfCohort, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_TRUE(planCut(cutAt(6), {}, demand).variants.empty());
}

TEST(PlanCut, TellsApartWhoWearsAnOverlayAlwaysAndWhoOnlyDuringAnEvent) {
  auto always = during("a", "goal");
  always.trigger = model::Trigger::kAlways;
  const auto plan = planCut(cutAt(6), withEvent(6), {cohort(0, {always}), cohort(1, {during("a", "goal")})});
  ASSERT_EQ(plan.variants.size(), 2U) << "one of them is just entering";
  EXPECT_NE(plan.variantOfCohort[0], plan.variantOfCohort[1]);
}

}  // namespace
}  // namespace dvpe::render
