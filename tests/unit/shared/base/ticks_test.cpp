// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/base/ticks.h"

#include <gtest/gtest.h>

#include <random>

namespace dvpe::base {
namespace {

using std::chrono::microseconds;
__extension__ using Int128 = __int128;

constexpr WallTime kEpoch{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

// Six ticks are 25 microseconds; so floor(t * 25 / 6), in 128 bits, is what the wall time must be.
std::int64_t exactMicroseconds(std::int64_t ticks) {
  const Int128 n = static_cast<Int128>(ticks) * 25;
  return static_cast<std::int64_t>(n >= 0 ? n / 6 : -((-n + 5) / 6));
}

TEST(ToWall, IsExactAndRoundsDownForAnyTime) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    // up to 12,000 years either way, and the neighbourhood of zero
    const auto t = static_cast<std::int64_t>(random()) >> (i % 2 == 0 ? 7 : 50);
    EXPECT_EQ((toWall(kEpoch, Ticks{t}) - kEpoch).count(), exactMicroseconds(t)) << t;
  }
}

TEST(ToWall, KnowsWholeSecondsAndTheirNeighbours) {
  EXPECT_EQ(toWall(kEpoch, Ticks{0}), kEpoch);
  EXPECT_EQ(toWall(kEpoch, Ticks{kTicksPerSecond}), kEpoch + std::chrono::seconds{1});
  EXPECT_EQ(toWall(kEpoch, Ticks{kTicksPerMillisecond}), kEpoch + std::chrono::milliseconds{1});
  EXPECT_EQ(toWall(kEpoch, Ticks{-1}), kEpoch - microseconds{5});
  EXPECT_EQ(toWall(kEpoch, Ticks{-6}), kEpoch - microseconds{25});
  // A century of 29.97 fps: frame n is at 8008 n ticks.
  const std::int64_t n = std::int64_t{100} * 365 * 86400 * 30000 / 1001;
  EXPECT_EQ((toWall(kEpoch, Ticks{n * 8008}) - kEpoch).count(), exactMicroseconds(n * 8008));
}

TEST(FromWall, IsTheTickAtOrBeforeAMicrosecond) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    const auto us = static_cast<std::int64_t>(random() >> (i % 2 == 0 ? 10 : 48));
    const Ticks t = fromWall(kEpoch, kEpoch + microseconds{us});
    // tick t is at 25 t / 6 microseconds
    EXPECT_LE(static_cast<Int128>(t.count()) * 25, static_cast<Int128>(us) * 6) << us;
    EXPECT_GT(static_cast<Int128>(t.count() + 1) * 25, static_cast<Int128>(us) * 6) << us;
  }
}

TEST(FromWall, RoundsDownBeforeTheEpochToo) {
  EXPECT_EQ(fromWall(kEpoch, kEpoch - microseconds{25}), Ticks{-6});
  EXPECT_EQ(fromWall(kEpoch, kEpoch - microseconds{1}), Ticks{-1});
  EXPECT_EQ(fromWall(kEpoch, kEpoch - microseconds{24}), Ticks{-6});
}

TEST(FromWall, UndoesToWallToTheTickWhenTheMicrosecondIsWhole) {
  for (std::int64_t t = 0; t < 100'000; t += 6) {
    EXPECT_EQ(fromWall(kEpoch, toWall(kEpoch, Ticks{t})).count(), t);
  }
}

TEST(IsoDate, HasMillisecondsRoundedToTheNearest) {
  EXPECT_EQ(isoDate(kEpoch), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(isoDate(kEpoch + microseconds{499}), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(isoDate(kEpoch + microseconds{500}), "2026-01-01T00:00:00.001Z");
  EXPECT_EQ(isoDate(kEpoch - microseconds{500}), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(isoDate(kEpoch - microseconds{501}), "2025-12-31T23:59:59.999Z");
}

TEST(IsoDate, KnowsTheCalendar) {
  using namespace std::chrono;
  EXPECT_EQ(isoDate(sys_days{year{2024} / 2 / 29} + days{1} - milliseconds{1}), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(isoDate(sys_days{year{1970} / 1 / 1}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(isoDate(sys_days{year{1969} / 12 / 31} + hours{23}), "1969-12-31T23:00:00.000Z");
  EXPECT_EQ(isoDate(sys_days{year{2100} / 3 / 1} - milliseconds{1}), "2100-02-28T23:59:59.999Z");
}

TEST(Ticks, HoldFramesAndSamplesWhole) {
  EXPECT_EQ(kTicksPerSecond % 25, 0);
  EXPECT_EQ(kTicksPerSecond * 1001 % 30000, 0);
  EXPECT_EQ(kTicksPerSecond * 1001 % 60000, 0);
  EXPECT_EQ(kTicksPerSample * 48000, kTicksPerSecond);
  EXPECT_EQ(seconds(Ticks{kTicksPerSecond / 2}), 0.5);
}

}  // namespace
}  // namespace dvpe::base
