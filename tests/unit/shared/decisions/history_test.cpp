// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace dvpe::decisions {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

constexpr std::uint32_t kNow = 1'780'000'000;
constexpr std::uint32_t kHour = 3'600;
constexpr std::uint32_t kDay = 24 * kHour;
constexpr seconds kEver = seconds::max();

History::Impression shown(std::uint32_t at, Key line = 2, Key creative = 1, Key campaign = 3, Key advertiser = 4) {
  return {at, {creative, line, campaign, advertiser}};
}

TEST(Keys, DifferByLevelAndByName) {
  std::set<Key> keys;
  for (const Level level : {Level::kCreative, Level::kLine, Level::kCampaign, Level::kAdvertiser}) {
    for (const char* id : {"", "a", "b", "ab", "ba", "a/b"}) keys.insert(keyOf(level, id));
  }
  EXPECT_EQ(keys.size(), 24u);
  // Known for good: nodes of two versions exchange histories.
  EXPECT_EQ(keyOf(Level::kCampaign, "car"), 0xa5b1d461U);
}

TEST(History, CountsEveryLevelOfAnImpression) {
  History history;
  EXPECT_TRUE(history.empty());
  history.add(shown(kNow));
  EXPECT_FALSE(history.empty());
  for (const Key key : {1U, 2U, 3U, 4U}) EXPECT_EQ(history.count(key, kNow, hours{1}), 1) << key;
  EXPECT_EQ(history.count(5, kNow, kEver), 0);
}

TEST(History, CountsAnImpressionOnceThoughItsKeysAreEqual) {
  History history;
  history.add(shown(kNow, 7, 7, 7, 7));
  EXPECT_EQ(history.count(7, kNow, hours{1}), 1);
}

TEST(History, ForgetsAWindowsEndAtTheSecond) {
  for (const auto& [within, length] : {std::pair{seconds{hours{1}}, kHour}, {seconds{hours{24}}, kDay}}) {
    History history;
    history.add(shown(kNow));
    EXPECT_EQ(history.count(2, kNow, within), 1) << "now";
    EXPECT_EQ(history.count(2, kNow + length - 1, within), 1) << "the last second";
    EXPECT_EQ(history.count(2, kNow + length, within), 0) << "a whole period later";
    EXPECT_EQ(history.count(2, kNow + length, kEver), 1);
    EXPECT_EQ(history.count(2, kNow - 100, within), 1) << "what is bound for later counts already";
  }
}

TEST(History, CountsFromTheBeginningOfTimeWithoutUnderflow) {
  History history;
  history.add(shown(0));
  history.add(shown(10));
  EXPECT_EQ(history.count(2, 0, hours{1}), 2);
  EXPECT_EQ(history.count(2, 3'599, hours{1}), 2);
  EXPECT_EQ(history.count(2, 3'600, hours{1}), 2) << "the window reaches to the epoch";
  EXPECT_EQ(history.count(2, 3'601, hours{1}), 1);
  EXPECT_EQ(history.count(2, 0xFFFFFFFF, kEver), 2);
}

TEST(History, KeepsImpressionsInTheOrderOfTheirBeginning) {
  History history;
  for (const std::uint32_t at : {kNow, kNow + 20, kNow + 10, kNow - 5}) history.add(shown(at));
  std::vector<std::uint32_t> at;
  for (const auto& each : history.impressions()) at.push_back(each.at - kNow + 5);
  EXPECT_THAT(at, ElementsAre(0, 5, 15, 25));
  EXPECT_EQ(history.count(2, kNow + kHour + 15, hours{1}), 1) << "the one that was added second";
}

TEST(History, TakesBackOneImpressionAndNoOther) {
  History history;
  history.add(shown(kNow, 2, 1));
  history.add(shown(kNow, 5, 9));
  history.add(shown(kNow + 15, 2, 1));
  EXPECT_FALSE(history.takeBack(kNow + 1, 1)) << "no such moment";
  EXPECT_FALSE(history.takeBack(kNow + 15, 9)) << "no such creative then";
  EXPECT_FALSE(history.takeBack(kNow + 15, 2)) << "a line is no creative";
  EXPECT_THAT(history.impressions(), SizeIs(3));
  EXPECT_TRUE(history.takeBack(kNow, 1));
  EXPECT_THAT(history.impressions(), ElementsAre(shown(kNow, 5, 9), shown(kNow + 15, 2, 1)));
  EXPECT_FALSE(history.takeBack(kNow, 1)) << "once";
  EXPECT_TRUE(history.takeBack(kNow + 15, 1));
  EXPECT_TRUE(history.takeBack(kNow, 9));
  EXPECT_TRUE(history.empty());
  EXPECT_FALSE(history.takeBack(kNow, 9));
}

TEST(History, HasAVersionForEachChange) {
  History history;
  const auto version = history.version();
  history.add(shown(kNow));
  const auto added = history.version();
  EXPECT_NE(added, version);
  EXPECT_FALSE(history.takeBack(kNow + 1, 1));
  EXPECT_EQ(history.version(), added) << "nothing was taken back";
  EXPECT_TRUE(history.takeBack(kNow, 1));
  EXPECT_NE(history.version(), added);
  EXPECT_NE(history.version(), version) << "a pod of before may not be used";
}

History many(std::size_t count, std::uint32_t first, std::uint32_t step = 1) {
  History out;
  for (std::size_t i = 0; i < count; ++i) out.add(shown(first + static_cast<std::uint32_t>(i) * step));
  return out;
}

TEST(History, FoldsWhatIsADayOldAndKeepsTheSumsThatAreAskedFor) {
  History history = many(100, kNow - 3 * kDay);
  history.add(shown(kNow - kDay, 2));
  history.add(shown(kNow - kDay + 1, 2));
  for (int i = 0; i < 100; ++i) history.add(shown(kNow, 8, 1, 8, 8));
  const int day = history.count(2, kNow, hours{24});
  EXPECT_EQ(history.count(2, kNow, kEver), 102);
  history.fold(kNow, {2, 3, 77});
  EXPECT_THAT(history.impressions(), SizeIs(101));
  EXPECT_EQ(history.count(2, kNow, hours{24}), day) << "a day's count is as before";
  EXPECT_EQ(history.count(2, kNow, kEver), 102) << "kept";
  EXPECT_EQ(history.count(3, kNow, kEver), 102) << "kept";
  EXPECT_EQ(history.count(4, kNow, kEver), 1) << "not kept";
  EXPECT_TRUE(history.holds(kNow, hours{24}));
  EXPECT_FALSE(history.holds(kNow, hours{25})) << "an hour of these is summed up";
  EXPECT_TRUE(history.holds(kNow + kHour, hours{25}));
  EXPECT_EQ(history.count(77, kNow, kEver), 0);
  history.fold(kNow + 10 * kDay, {2, 3, 8});
  EXPECT_THAT(history.impressions(), SizeIs(101)) << "too few to be worth it";
  history.fold(kNow + 10 * kDay, {2, 3, 8}, 0);
  EXPECT_THAT(history.impressions(), SizeIs(0));
  EXPECT_FALSE(history.empty());
  EXPECT_EQ(history.count(2, kNow + 10 * kDay, kEver), 102);
  EXPECT_EQ(history.count(8, kNow + 10 * kDay, kEver), 100) << "once for each impression, though three keys are equal";
}

TEST(History, FoldsNothingThatIsNotOld) {
  History history = many(200, kNow);
  const History before = history;
  history.fold(kNow, {2});
  EXPECT_EQ(history, before);
  history.fold(0, {2});
  EXPECT_EQ(history, before);
  History late;  // seconds do not end in this century
  for (int i = 0; i < 200; ++i) late.add(shown(0xFFFFFFF0U));
  late.fold(kNow, {2});
  EXPECT_THAT(late.impressions(), SizeIs(200));
}

TEST(History, SaysThatCapsAreUnknownWhenItHoldsTooMuch) {
  History history = many(History::kMost, kNow);
  EXPECT_TRUE(history.complete());
  history.add(shown(kNow));
  EXPECT_FALSE(history.complete());
  for (int i = 0; i < 10'000; ++i) history.add(shown(kNow + 5));
  EXPECT_LE(history.impressions().size(), History::kMost + 100) << "bounded";
  EXPECT_FALSE(history.complete());
  history.fold(kNow + 2 * kDay, {2});
  EXPECT_TRUE(history.complete()) << "a day later";
}

TEST(History, LosesNothingOfTheBreakThatMakesItTooMuch) {
  // Who knew of a complete history may have bound a whole pod with caps, and so may the viewer's other devices.
  History history = many(History::kMost - 1, kNow);
  for (int device = 0; device < 3; ++device) {
    for (std::uint32_t i = 0; i < 12; ++i) history.add(shown(kNow + 2'000 + i * 15, 50));
  }
  EXPECT_FALSE(history.complete());
  history.fold(kNow + 3 * kDay, {50});
  EXPECT_TRUE(history.complete());
  EXPECT_EQ(history.count(50, kNow + 3 * kDay, kEver), 36);
}

TEST(History, IsNotCompleteAgainForWhatIsTakenBackOfAnOverflow) {
  History history = many(History::kMost + 2'000, kNow);
  EXPECT_FALSE(history.complete());
  EXPECT_TRUE(history.takeBack(kNow, 1));
  EXPECT_FALSE(history.complete());
}

TEST(History, ForgetsSumsThatNobodyAsksForWhenThereAreTooMany) {
  History history;
  std::set<Key> old, fresh;
  for (Key key = 1'000; key < 1'000 + History::kMostTotals; ++key) {
    history.add(shown(kNow, key));
    old.insert(key);
  }
  history.fold(kNow + 2 * kDay, old);
  EXPECT_TRUE(history.complete());
  for (Key key = 9'000; key < 9'200; ++key) {
    history.add(shown(kNow + 3 * kDay, key));
    fresh.insert(key);
  }
  fresh.insert(1'000);
  history.fold(kNow + 6 * kDay, fresh);
  EXPECT_TRUE(history.complete());
  EXPECT_EQ(history.count(9'199, kNow + 6 * kDay, kEver), 1);
  EXPECT_EQ(history.count(1'000, kNow + 6 * kDay, kEver), 1);
}

TEST(History, SaysThatCapsAreUnknownWhenItHoldsTooManySums) {
  History history;
  std::set<Key> kept;
  for (Key key = 0; key < 1'000; ++key) {
    history.add(shown(kNow, 10'000 + key, 20'000 + key));
    kept.insert({10'000 + key, 20'000 + key});
  }
  history.fold(kNow + 2 * kDay, kept);
  EXPECT_FALSE(history.complete());
  const auto again = History::parse(history.serialize());
  ASSERT_TRUE(again);
  EXPECT_FALSE(again.value().complete()) << "on the next node too";
}

TEST(History, ComesBackFromItsBytes) {
  for (const std::size_t count : {0U, 1U, 200U, 1'024U, 5'000U}) {
    History history = many(count, kNow - 2 * kDay, 400);
    history.fold(kNow, {2, 3});
    const base::Bytes bytes = history.serialize();
    const auto again = History::parse(bytes);
    ASSERT_TRUE(again) << count;
    EXPECT_EQ(again.value(), history) << count;
    EXPECT_EQ(again.value().complete(), history.complete()) << count;
    EXPECT_EQ(again.value().serialize(), bytes);
    EXPECT_GE(history.bytes(), history.impressions().size() * sizeof(History::Impression));
  }
}

// In memory of exactly its size, so that a sanitizer sees what is read beyond.
base::Result<History> parse(const base::Bytes& bytes) {
  const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());  // NOLINT(modernize-avoid-c-arrays)
  std::copy(bytes.begin(), bytes.end(), copy.get());
  return History::parse({copy.get(), bytes.size()});
}

TEST(History, RefusesWhatIsCutShortOrLonger) {
  History history = many(20, kNow - 2 * kDay);
  history.fold(kNow, {2, 3}, 10);
  history.add(shown(kNow));
  history.add(shown(kNow + 1));
  base::Bytes bytes = history.serialize();
  ASSERT_TRUE(parse(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = parse({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code, base::ErrorCode::kInvalidInput);
  }
  bytes.push_back(0);
  EXPECT_FALSE(parse(bytes));
}

TEST(History, RefusesAnotherVersionAndNumbersThatAreTooLarge) {
  const base::Bytes bytes = many(3, kNow).serialize();
  for (const std::uint8_t version : {0, 2, 255}) {
    base::Bytes other = bytes;
    other[0] = version;
    EXPECT_FALSE(parse(other)) << int{version};
  }
  for (const std::uint8_t top : {1, 0x80, 0xFF}) {
    base::Bytes other = bytes;
    other[8] = top;  // the highest byte of the number of impressions
    EXPECT_FALSE(parse(other)) << int{top};
  }
}

// Whatever is read is a history in order: its counts are what counting one by one gives.
void expectSound(const History& history) {
  const auto& list = history.impressions();
  ASSERT_TRUE(std::is_sorted(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
  for (const Key key : {2U, 3U}) {
    const int ever = history.count(key, kNow, kEver);
    ASSERT_GE(ever, 0);
    ASSERT_GE(ever, history.count(key, kNow, hours{24}));
  }
  const auto again = History::parse(history.serialize());
  ASSERT_TRUE(again);
  ASSERT_EQ(again.value(), history);
}

TEST(History, IsSoundWhateverBytesItIsReadFrom) {
  History history = many(20, kNow - 2 * kDay);
  history.fold(kNow, {1, 2, 3, 4}, 10);
  for (std::uint32_t i = 0; i < 8; ++i) history.add(shown(kNow + i));
  const base::Bytes bytes = history.serialize();
  std::size_t read = 0;
  const auto tried = [&](const base::Bytes& changed) {
    const auto result = parse(changed);
    if (!result) return;
    ++read;
    expectSound(result.value());
  };
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int bit : {0, 1, 5, 7}) {
      base::Bytes changed = bytes;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << static_cast<unsigned>(bit)));
      tried(changed);
      if (HasFatalFailure()) return;
    }
  }
  std::mt19937_64 random{7};
  for (int round = 0; round < 20'000; ++round) {
    base::Bytes changed = bytes;
    for (auto n = random() % 4 + 1; n > 0; --n)
      changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
    tried(changed);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(read, 0U) << "a key is as good as another";
}

TEST(History, RefusesImpressionsAndSumsOutOfOrder) {
  History ordered = many(2, kNow);
  base::Bytes bytes = ordered.serialize();
  bytes[9] = static_cast<std::uint8_t>(bytes[9] + 9);  // the first begins after the second
  EXPECT_FALSE(parse(bytes));
}

}  // namespace
}  // namespace dvpe::decisions
