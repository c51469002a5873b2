// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/decode/slots.h"

#include <gtest/gtest.h>

namespace dvpe::decode {
namespace {

using base::Ticks;

constexpr Ticks kSlot{8000};

SlotWalk at(std::int64_t next) {
  SlotWalk walk(kSlot);
  walk.start(next);
  return walk;
}

TEST(SlotWalk, TakesWhatIsWithinThreeQuartersOfASlotOfTheNextOne) {
  EXPECT_EQ(at(10).take(Ticks{80000}), 10);
  EXPECT_EQ(at(10).take(Ticks{80000 - 5999}), 10) << "though slot 9 is nearer: it is taken";
  EXPECT_EQ(at(10).take(Ticks{80000 + 5999}), 10) << "though slot 11 is nearer";
}

TEST(SlotWalk, DropsWhatBelongsToASlotThatIsTaken) { EXPECT_EQ(at(10).take(Ticks{80000 - 6000}), std::nullopt); }

TEST(SlotWalk, NamesTheSlotAfterAGap) { EXPECT_EQ(at(10).take(Ticks{8000 * 14 + 3}), 14); }

TEST(SlotWalk, StaysWithASourceThatSitsOnTheBorderOfTwoSlots) {
  SlotWalk walk = at(10);
  for (int i = 0; i < 100; ++i) {
    const Ticks jitter{i % 2 == 0 ? 400 : -400};
    const auto slot = walk.take(kSlot * (10 + i) + kSlot / 2 + jitter);
    ASSERT_EQ(slot, 10 + i);
    walk.advance();
  }
}

TEST(SlotWalk, ForgetsWhatCameBeforeWhenAskedForTheNearest) {
  EXPECT_EQ(at(10).takeNearest(Ticks{80000 + 5999}), 11);
  EXPECT_EQ(at(10).takeNearest(Ticks{80000 - 5999}), std::nullopt);
  EXPECT_EQ(at(10).takeNearest(Ticks{80000 - 3999}), 10);
}

TEST(SlotWalk, TakesEverySecondFrameOfASourceTwiceAsFast) {
  SlotWalk walk = at(0);
  int taken = 0;
  for (int i = 0; i < 200; ++i) {
    const auto slot = walk.take(kSlot * i / 2);
    if (!slot) continue;
    ASSERT_EQ(*slot, walk.next());
    walk.advance();
    ++taken;
  }
  EXPECT_NEAR(taken, 100, 1);
}

}  // namespace
}  // namespace dvpe::decode
