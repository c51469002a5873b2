// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/base/clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace dvpe::base {
namespace {

TEST(AManualClock, MovesBothClocksByWhatItIsTold) {
  ManualClock clock(WallTime{std::chrono::seconds{100}});
  const auto steady = clock.steady();
  clock.advance(std::chrono::microseconds{1500});
  EXPECT_EQ(clock.wall().time_since_epoch().count(), 100'001'500);
  EXPECT_EQ(clock.steady() - steady, std::chrono::microseconds{1500});
}

TEST(TheSystemClock, NeverGoesBack) {
  const SystemClock clock;
  auto last = clock.steady();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.steady();
    EXPECT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.wall(), WallTime{std::chrono::sys_days{std::chrono::year{2024} / 1 / 1}});
}

TEST(Randomness, FillsEveryByteAndDiffers) {
  SystemRandom random;
  std::array<std::uint8_t, 64> a{}, b{};
  random.fill(a);
  random.fill(b);
  EXPECT_NE(a, b);
  // Every position is nonzero sooner or later; 64 rounds leave a chance of 2^-512 a byte.
  std::array<std::uint8_t, 64> seen{};
  for (int i = 0; i < 64; ++i) {
    random.fill(a);
    for (std::size_t k = 0; k < a.size(); ++k) seen[k] |= a[k];
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0);
}

}  // namespace
}  // namespace dvpe::base
