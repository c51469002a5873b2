// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Pods that are ready before the break, bound at it, settled after it, and found again after a crash.
#include "tests/unit/node/personalize/breaks.h"

namespace dvpe::personalize {
namespace {

using test::Breaks;
using test::kGrid;
using test::soon;
using timeline::Span;

TEST_F(Breaks, ShowHouseAdsUntilThereIsAPlan) {
  create(1, 1);
  EXPECT_EQ(plays(1, announce()), "h");
  plan(10, 10);
  refresh();
  EXPECT_EQ(plays(1, announce()), "capped free");
  EXPECT_EQ(counted("k/capped").bound, 1);
  EXPECT_EQ(counted("house").bound, 1);
}

TEST_F(Breaks, NeverGoOverACeiling) {
  plan(2, 3);
  for (std::uint32_t i = 1; i <= 4; ++i) create(i, i);
  const Span span = announce();
  std::multiset<std::string> all;
  for (std::uint32_t i = 1; i <= 4; ++i) all.insert(plays(i, span));
  EXPECT_EQ(counted("k/capped").bound, 2);
  EXPECT_EQ(counted("k/free").bound, 3);
  EXPECT_EQ(all.count("capped free"), 2U);
  EXPECT_EQ(all.count("free h"), 1U);
  EXPECT_EQ(all.count("h"), 1U);
  EXPECT_EQ(director_->counters().contingencies, 2U);
}

TEST_F(Breaks, ByAnOldPlanAreHouseAds) {
  plan(10, 10);
  create(1, 1);
  advance(std::chrono::minutes(5));
  refresh();
  EXPECT_EQ(plays(1, announce()), "h");
}

TEST_F(Breaks, CountOneViewerOnTwoDevicesOnce) {
  plan(10, 10);
  create(1, 7);
  create(2, 7);
  const Span span = announce();
  const std::set<std::string> both{plays(1, span), plays(2, span)};
  EXPECT_EQ(both, (std::set<std::string>{"capped free", "free h"})) << "once a day, whichever device";
}

TEST_F(Breaks, KnowTwoSessionsOfWhoHasNotAgreedForTwoViewers) {
  plan(10, 10);
  create(1, 7, false);
  create(2, 7, false);
  const Span span = announce();
  EXPECT_EQ(plays(1, span), "capped free");
  EXPECT_EQ(plays(2, span), "capped free");
}

TEST_F(Breaks, ThatComeEarlyBindWhatNeedsNoDecision) {
  plan(10, 10);
  create(1, 1);
  EXPECT_EQ(plays(1, announce()), "capped free");
  EXPECT_EQ(plays(1, announce()), "h") << "its pod was for the break before";
  EXPECT_EQ(director_->counters().contingencies, 1U);
  refresh();
  EXPECT_EQ(plays(1, announce()), "free h") << "the cap is reached";
}

TEST_F(Breaks, OfAnotherLengthTakeTheLongestPodThatFits) {
  plan(10, 10);
  create(1, 1);
  EXPECT_EQ(plays(1, announce(17)), "capped h");
}

TEST_F(Breaks, ThatEndEarlyGiveBackWhatWasNotWhole) {
  plan(1, 1);
  create(1, 1);
  const Span span = announce();
  EXPECT_EQ(plays(1, span), "capped free");
  director_->feed(0).spanEnds(span.id, span.start + kGrid.unit() * 12);
  settle();
  EXPECT_EQ(counted("k/capped").returned, 0);
  EXPECT_EQ(counted("k/free").returned, 1);
  refresh();
  EXPECT_EQ(plays(1, announce()), "free h") << "what came back may be bound again, also under the ceiling";
}

TEST_F(Breaks, ThatAreWithdrawnGiveEverythingBack) {
  plan(1, 1);
  create(1, 1);
  const Span span = announce();
  director_->feed(0).spanEnds(span.id, span.start);
  settle();
  EXPECT_EQ(counted("k/capped").returned, 1);
  refresh();
  EXPECT_EQ(plays(1, announce()), "capped free") << "the cap is free again";
}

TEST_F(Breaks, AreDeliveredWhenTheyWereListedWholeAndAskedAfter) {
  plan(10, 10);
  create(1, 1);
  create(2, 2);
  const Span span = announce();
  watches(1, span, std::chrono::seconds(5));
  EXPECT_TRUE(soon([&] { return counted("k/free").delivered == 1; }));
  EXPECT_EQ(counted("k/capped").delivered, 1);
  EXPECT_EQ(counted("k/free").returned, 0);
  // The other viewer never came back: what was promised is given back when it can be listed no more.
  advance(std::chrono::minutes(10));
  EXPECT_TRUE(soon([&] { return counted("k/free").returned == 1; }));
  EXPECT_EQ(counted("k/free").delivered, 1);
}

TEST_F(Breaks, AreFoundAgainAfterACrash) {
  plan(10, 10);
  create(1, 1);
  create(2, 2);
  const Span span = announce();
  const LineCounts before = counted("k/capped");
  reopen();
  EXPECT_EQ(plays(1, span), "capped free");
  EXPECT_EQ(plays(2, span), "capped free");
  EXPECT_EQ(counted("k/capped").bound, before.bound);
  plans_ = 0;
  plan(10, 10);
  refresh();
  EXPECT_EQ(plays(1, announce()), "free h") << "the cap holds";
  reopen();
  reopen();
  EXPECT_EQ(counted("k/capped").bound, before.bound) << "nothing is counted twice";
}

TEST_F(Breaks, GiveBackOnceWhatACrashCutShort) {
  plan(10, 10);
  create(1, 1);
  const Span span = announce();
  director_->feed(0).spanEnds(span.id, span.start);
  settle();
  aSecond();  // what was given back is written each second
  reopen();
  EXPECT_EQ(counted("k/capped").returned, 1);
  plan(10, 10);
  refresh();
  EXPECT_EQ(plays(1, announce()), "capped free");
}

TEST_F(Breaks, RememberAViewerWhoComesAnotherDay) {
  plan(10, 10);
  create(1, 1);
  create(2, 2, false);
  const Span first = announce();
  watches(1, first, std::chrono::seconds(5));
  EXPECT_TRUE(soon([&] { return counted("k/capped").delivered == 1; }));
  advance(std::chrono::hours(7));  // sessions are over, the day is not
  EXPECT_TRUE(soon([&] { return director_->sessions() == 0; }));
  director_->feed(0).cutMade({60, first.end + kGrid.cell(), std::nullopt});
  plan(10, 10);
  create(3, 1);
  create(4, 2, false);
  const Span span = announce();
  EXPECT_EQ(plays(3, span), "free h");
  EXPECT_EQ(plays(4, span), "capped free") << "who has not agreed is nobody known";
}

TEST_F(Breaks, GoOnBeingStoredAfterARestart) {
  plan(10, 10);
  create(1, 1);
  announce();
  aSecond();
  reopen();
  aSecond();
  create(2, 1);
  aSecond();
  create(3, 2);
  EXPECT_EQ(director_->sessions(), 3U);
}

}  // namespace
}  // namespace dvpe::personalize
