// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/event.h"

#include <gmock/gmock.h>

#include <set>

namespace dvpe::events {
namespace {

Event whole() {
  Event e;
  e.kind = Kind::kAdDelivered;
  e.session = {1, 2, 3};
  e.day = 20'000;
  e.id = impressionId(e.day, e.session, 7, 2, e.kind);
  e.at = base::WallTime{std::chrono::microseconds(1'764'000'000'123'456)};
  e.visitor = 0xFEDCBA9876543210;
  e.place = {"one", "v1", "rule", "tea", "line", "spot", "", "DE", "tv", "b"};
  e.breakNumber = 7;
  e.slot = 2;
  e.value = -15;
  e.weight = 2.5F;
  e.text = "délivré";
  e.sealed = {9, 8, 7};
  return e;
}

TEST(AnEvent, IsReadAsItWasWritten) {
  base::Bytes bytes;
  write(whole(), bytes);
  write(Event{}, bytes);
  const auto first = read(bytes);
  ASSERT_TRUE(first);
  EXPECT_EQ(first.value().first, whole());
  const auto second = read(base::ByteView(bytes).subspan(first.value().second));
  ASSERT_TRUE(second);
  EXPECT_EQ(second.value().first, Event{});
  EXPECT_EQ(first.value().second + second.value().second, bytes.size());
}

TEST(AnEvent, IsRefusedWhenAByteIsMissingOrTooMuch) {
  base::Bytes bytes;
  write(whole(), bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(read(base::ByteView(bytes).first(n))) << n;
  base::Bytes longer = bytes;
  longer.push_back(0);
  ++longer[0];
  EXPECT_FALSE(read(longer));
  bytes[5] = 255;  // no such kind
  EXPECT_FALSE(read(bytes));
}

TEST(AnEvent, HasTextsThatAreCutWhereACharacterBegins) {
  Event e = whole();
  e.text = std::string(kMaxText - 1, 'a') + "é";
  e.place.channel = std::string(1000, 'x');
  e.sealed.assign(kMaxSealed + 1, 1);
  base::Bytes bytes;
  write(e, bytes);
  EXPECT_LE(bytes.size(), kMaxEventBytes);
  const auto back = read(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back.value().first.text, std::string(kMaxText - 1, 'a'));
  EXPECT_EQ(back.value().first.place.channel.size(), kMaxPlaceText);
  EXPECT_TRUE(back.value().first.sealed.empty()) << "half of what is sealed is nothing";
}

TEST(Kinds, HaveNamesThatSayThemAgain) {
  int known = 0;
  for (int n = 0; n < 256; ++n) {
    const auto kind = static_cast<Kind>(n);
    if (nameOf(kind).empty()) continue;
    ++known;
    EXPECT_EQ(kindOf(nameOf(kind)), kind);
  }
  EXPECT_EQ(known, 27);
  EXPECT_FALSE(kindOf("nothing"));
}

TEST(Ids, AreEqualForTheSameImpressionAlone) {
  const Id session{5};
  std::set<Id> ids;
  for (const Kind kind : {Kind::kAdDecided, Kind::kAdDelivered, Kind::kAdStarted}) {
    for (const std::uint16_t slot : {1, 2}) {
      for (const std::int64_t number : {1, 2}) {
        for (const std::int32_t day : {1, 2}) {
          EXPECT_TRUE(ids.insert(impressionId(day, session, number, slot, kind)).second);
          EXPECT_FALSE(ids.insert(impressionId(day, session, number, slot, kind)).second);
          EXPECT_TRUE(ids.insert(impressionId(day, Id{6}, number, slot, kind)).second);
        }
      }
    }
  }
  EXPECT_TRUE(ids.insert(sessionEventId(session, Kind::kHeartbeat, 1)).second);
  EXPECT_TRUE(ids.insert(sessionEventId(session, Kind::kHeartbeat, 2)).second);
}

TEST(Days, AreThoseOfUtc) {
  EXPECT_EQ(dayOf(base::WallTime{}), 0);
  EXPECT_EQ(dayOf(base::WallTime{std::chrono::seconds(86'399)}), 0);
  EXPECT_EQ(dayOf(base::WallTime{std::chrono::seconds(86'400)}), 1);
  EXPECT_EQ(dayOf(base::WallTime{std::chrono::seconds(-1)}), -1);
}

}  // namespace
}  // namespace dvpe::events
