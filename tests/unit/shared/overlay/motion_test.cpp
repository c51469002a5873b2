// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/motion.h"

#include <gtest/gtest.h>

#include <vector>

namespace dvpe::overlay {
namespace {

using base::Ticks;
using model::AnimationKind;

constexpr Ticks kFrame{8000};
constexpr Rectangle kWhere{100, 500, 400, 120};

Choreography choreography(AnimationKind in, int inMs, AnimationKind out, int outMs, model::FrameRate fps = {30, 1}) {
  return {{in, inMs}, {out, outMs}, fps, kWhere, 1280, 720};
}

TEST(Motion, StandsStillWithoutAnimation) {
  const auto still = choreography(AnimationKind::kNone, 500, AnimationKind::kNone, 500);
  EXPECT_EQ(still.at(Ticks{0}, std::nullopt), (Motion{0, 0, 256}));
  EXPECT_EQ(still.at(Ticks{0}, kFrame), (Motion{0, 0, 256}));
  EXPECT_EQ(still.inFrames(), 0);
}

TEST(Motion, ShowsNothingOutsideOfItsTime) {
  const auto still = choreography(AnimationKind::kNone, 0, AnimationKind::kNone, 0);
  EXPECT_EQ(still.at(Ticks{-1}, std::nullopt).alpha, 0);
  EXPECT_EQ(still.at(kFrame, Ticks{0}).alpha, 0);
  EXPECT_EQ(still.at(kFrame, Ticks{-8000}).alpha, 0);
}

TEST(Motion, FadesInAndOutByTheSameTable) {
  const auto fade = choreography(AnimationKind::kFade, 267, AnimationKind::kFade, 267);
  ASSERT_EQ(fade.inFrames(), 8);
  const std::vector<int> table = {32, 64, 96, 128, 160, 192, 224, 256, 256};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    EXPECT_EQ(fade.at(kFrame * n, std::nullopt), (Motion{0, 0, table[i]})) << i;
    EXPECT_EQ(fade.at(kFrame * 100, kFrame * (n + 1)), (Motion{0, 0, table[i]})) << i;
  }
}

TEST(Motion, ChangesOnlyWithWholeFrames) {
  const auto fade = choreography(AnimationKind::kFade, 267, AnimationKind::kFade, 267);
  EXPECT_EQ(fade.at(kFrame * 3, std::nullopt), fade.at(kFrame * 4 - Ticks{1}, std::nullopt));
  EXPECT_NE(fade.at(kFrame * 3, std::nullopt), fade.at(kFrame * 4, std::nullopt));
  EXPECT_EQ(fade.at(kFrame * 50, kFrame * 3), fade.at(kFrame * 50, kFrame * 2 + Ticks{1}));
}

TEST(Motion, EntersOverOneEdgeAndLeavesOverTheOther) {
  struct Case {
    AnimationKind kind;
    int inX, inY, outX, outY;
  };
  for (const Case c :
       {Case{AnimationKind::kSlideLeft, 1180, 0, -500, 0}, Case{AnimationKind::kSlideRight, -500, 0, 1180, 0},
        Case{AnimationKind::kSlideUp, 0, 220, 0, -620}, Case{AnimationKind::kSlideDown, 0, -620, 0, 220}}) {
    const auto slide = choreography(c.kind, 1000, c.kind, 1000);
    ASSERT_EQ(slide.inFrames(), 30);
    for (int i = 0; i < 30; ++i) {
      const std::int64_t left = 29 - i;
      const auto eased = [&](int shift) { return static_cast<int>(shift * left * left * left / 27000 / 2 * 2); };
      EXPECT_EQ(slide.at(kFrame * i, std::nullopt), (Motion{eased(c.inX), eased(c.inY), 256}));
      EXPECT_EQ(slide.at(kFrame * 900, kFrame * (i + 1)), (Motion{eased(c.outX), eased(c.outY), 256}));
    }
    EXPECT_EQ(slide.at(kFrame * 29, std::nullopt), Motion{});
  }
}

TEST(Motion, MovesByEvenPixelsAndNeverBackwards) {
  const auto slide = choreography(AnimationKind::kSlideUp, 700, AnimationKind::kSlideDown, 700);
  int before = 1000;
  for (int i = 0; i < 25; ++i) {
    const Motion m = slide.at(kFrame * i, std::nullopt);
    EXPECT_EQ(m.dy % 2, 0);
    EXPECT_LE(m.dy, before);
    before = m.dy;
  }
  EXPECT_EQ(before, 0);
}

TEST(Motion, CountsFramesAt2997) {
  const auto fade = choreography(AnimationKind::kFade, 1001, AnimationKind::kFade, 500, {30000, 1001});
  EXPECT_EQ(fade.inFrames(), 30);
  EXPECT_EQ(fade.outFrames(), 15);
  EXPECT_EQ(fade.at(Ticks{8008 * 14}, std::nullopt).alpha, 128);
}

TEST(Motion, CombinesEntranceAndExitOfAShortAppearance) {
  const auto fade = choreography(AnimationKind::kFade, 267, AnimationKind::kFade, 267);
  EXPECT_EQ(fade.at(kFrame * 3, kFrame * 4).alpha, 64);
}

}  // namespace
}  // namespace dvpe::overlay
