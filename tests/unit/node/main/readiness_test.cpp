// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/readiness.h"

#include <gtest/gtest.h>

namespace dvpe::node {
namespace {

using base::Ticks;
using std::chrono::seconds;

constexpr Ticks kSecond{base::kTicksPerSecond};

class ANode : public ::testing::Test {
 protected:
  ANode() {
    readiness.add(clock.wall() - seconds(1000), 4 * kSecond, false);
    readiness.add(clock.wall() - seconds(1000), 4 * kSecond, false);
    readiness.start();
  }
  base::ManualClock clock{base::WallTime{seconds(1'800'000'000)}};
  Readiness readiness{clock};
};

TEST_F(ANode, IsReadyBeforeAnybodyHasPublished) {
  EXPECT_TRUE(readiness.ready());
  clock.advance(seconds(3600));
  EXPECT_TRUE(readiness.ready());
}

TEST_F(ANode, IsNotReadyBeforeEverythingRuns) {
  Readiness fresh(clock);
  EXPECT_FALSE(fresh.ready());
  fresh.start();
  EXPECT_TRUE(fresh.ready());
}

TEST_F(ANode, IsReadyAsLongAsTheNewestSegmentIsAtMostThreeTargetDurationsOld) {
  readiness.pictures(0);
  clock.advance(seconds(5));
  readiness.listed(0, 1004 * kSecond);
  clock.advance(seconds(11));
  EXPECT_TRUE(readiness.ready());
  clock.advance(std::chrono::microseconds(5));
  EXPECT_FALSE(readiness.ready()) << "one channel of two is stale";
  readiness.listed(0, 1008 * kSecond);
  EXPECT_TRUE(readiness.ready());
}

TEST_F(ANode, IsNotReadyWhileItListsFarBehindTheClock) {
  readiness.pictures(1);
  for (int i = 0; i < 10; ++i) {
    clock.advance(seconds(4));
    readiness.listed(1, (980 + 4 * i) * kSecond);
    EXPECT_FALSE(readiness.ready());
  }
}

TEST_F(ANode, WaitsThreeTargetDurationsForTheFirstSegment) {
  clock.advance(seconds(100));
  readiness.pictures(0);
  clock.advance(seconds(6));
  readiness.pictures(0);
  clock.advance(seconds(6));
  EXPECT_TRUE(readiness.ready());
  clock.advance(seconds(1));
  EXPECT_FALSE(readiness.ready());
}

TEST_F(ANode, ThatWasOnAirBeforeARestartIsExpectedToGoOn) {
  Readiness fresh(clock);
  fresh.add(clock.wall() - seconds(1000), 4 * kSecond, true);
  fresh.start();
  EXPECT_TRUE(fresh.ready());
  clock.advance(seconds(13));
  EXPECT_FALSE(fresh.ready());
}

TEST_F(ANode, ThatDrainsIsNotReady) {
  readiness.drain();
  EXPECT_FALSE(readiness.ready());
}

}  // namespace
}  // namespace dvpe::node
