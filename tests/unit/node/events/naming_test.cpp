// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/naming.h"

#include <gtest/gtest.h>

#include "tests/support/folder.h"

namespace dvpe::events {
namespace {

privacy::SecretKey keyOf(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return privacy::SecretKey(bytes);
}

Event inBreak(std::int64_t number, std::int32_t day = 20'000) {
  Event e;
  e.kind = Kind::kAdDelivered;
  e.day = day;
  e.breakNumber = number;
  return e;
}

class ANaming : public testing::Test {
 protected:
  Event named(Event event, const Who& who) {
    naming_.name(event, who);
    return event;
  }
  base::SystemRandom random_;
  Naming naming_{keyOf(1), {}, random_};
  const Who agreed_{{1, 2}, {3, 4}, *privacy::purpose("ad_measurement")};
  const Who silent_{{1, 2}, {3, 4}, *privacy::purpose("personalised_ads")};
};

TEST_F(ANaming, KnowsWhoAgreedToBeMeasured) {
  const Event event = named(inBreak(1), agreed_);
  EXPECT_EQ(event.session, agreed_.session);
  EXPECT_NE(event.visitor, 0U);
}

TEST_F(ANaming, CountsAViewerOnceAMonthOnEveryNode) {
  Naming other(keyOf(1), {}, random_);
  Event there = inBreak(9);
  other.name(there, {{9}, agreed_.viewer, agreed_.purposes});
  EXPECT_EQ(there.visitor, named(inBreak(1), agreed_).visitor) << "another session, on another node";
  EXPECT_NE(named(inBreak(1, 20'000 + 31), agreed_).visitor, there.visitor) << "another month";
  EXPECT_NE(named(inBreak(1), {{1, 2}, {5}, agreed_.purposes}).visitor, there.visitor) << "somebody else";
}

TEST_F(ANaming, TellsOfAnybodyElseNothingButTheBreak) {
  Event told = inBreak(1);
  told.sealed = {1};
  const Event first = named(told, silent_);
  EXPECT_EQ(first.visitor, 0U);
  EXPECT_TRUE(first.sealed.empty());
  EXPECT_NE(first.session, silent_.session);
  EXPECT_EQ(named(inBreak(1), silent_).session, first.session) << "states of one impression are told apart from others";
  EXPECT_NE(named(inBreak(2), silent_).session, first.session) << "but not what the viewer saw in another break";
  EXPECT_EQ(named(inBreak(0), silent_).session, Id{}) << "nor what happens outside of breaks";
}

TEST_F(ANaming, GivesIdsThatDoNotLeadToASilentViewersSession) {
  Event beat;
  beat.kind = Kind::kHeartbeat;
  beat.day = 20'000;
  naming_.name(beat, silent_, 5);
  EXPECT_NE(beat.id, sessionEventId(silent_.session, Kind::kHeartbeat, 5));
  naming_.name(beat, agreed_, 5);
  EXPECT_EQ(beat.id, sessionEventId(agreed_.session, Kind::kHeartbeat, 5));
  const Event ad = named(inBreak(1), silent_);
  EXPECT_EQ(ad.id, impressionId(ad.day, ad.session, 1, 0, ad.kind)) << "a second telling makes the same one";
}

TEST_F(ANaming, ForgetsHowItMadeANumberWhenDaysHavePassed) {
  const test::Folder folder;
  const auto numberBy = [&](Naming& naming, std::int32_t day) {
    Event event = inBreak(1, day);
    naming.name(event, silent_);
    return event.session;
  };
  Naming naming(keyOf(1), folder.path(), random_);
  const Id first = numberBy(naming, 20'000);
  Naming restarted(keyOf(1), folder.path(), random_);
  EXPECT_EQ(numberBy(restarted, 20'000), first);
  (void)numberBy(restarted, 20'004);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "day-20000.key"));
  EXPECT_NE(numberBy(naming, 20'004), first);
}

TEST_F(ANaming, WritesKeysThatNobodyElseMayRead) {
  const test::Folder folder;
  Naming naming(keyOf(1), folder.path(), random_);
  Event event = inBreak(1);
  naming.name(event, silent_);
  const auto status = std::filesystem::status(folder.path() / "day-20000.key");
  EXPECT_EQ(status.permissions() & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
}

}  // namespace
}  // namespace dvpe::events
