// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Entries of the log of breaks as bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/personalize/director_binding.h"
#include "tests/unit/node/personalize/support.h"

namespace dvpe::personalize {
namespace {

using test::idOf;

base::Bytes bytesOf(std::size_t size, std::uint8_t fill) { return base::Bytes(size, fill); }

BindEntry bindEntry() {
  BindEntry out;
  out.channel = "ch";
  out.span = {timeline::SpanKind::kBreak, "b1", "", Ticks{1'234'567'890'123}, Ticks{1'234'567'990'123}, 77};
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i);
    out.creatives.push_back(
        {std::make_shared<const PlacedCreative>(PlacedCreative{"name" + n, "media" + n, "k", "k/l" + n, "c" + n}),
         {i, i + 1, i + 2, 0xFFFFFFFF},
         i % 2 == 0});
  }
  out.sessions.push_back({idOf(1), 0, bytesOf(41, 1)});
  out.sessions.push_back({idOf(2), 65535, {}});
  out.sessions.push_back({idOf(3), 7, bytesOf(65535, 3)});
  return out;
}

SettleEntry settleEntry() {
  SettleEntry out;
  out.outcomes = {{idOf(1), 1'800'000'000, 5, true}, {idOf(2), 0, 0xFFFFFFFF, false}};
  return out;
}

// A copy that ends where its memory ends, so that a read beyond it is seen by the sanitizers.
base::Result<LogEntry> parsed(base::ByteView bytes) {
  const base::Bytes exact(bytes.begin(), bytes.end());
  return parseEntry(exact);
}

TEST(LogEntry, KeepsWhatWasBound) {
  const BindEntry in = bindEntry();
  const auto read = parsed(toBytes(LogEntry{in}));
  ASSERT_TRUE(read) << read.error().message;
  const auto* out = std::get_if<BindEntry>(&read.value());
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->channel, in.channel);
  EXPECT_EQ(out->span, in.span);
  ASSERT_EQ(out->creatives.size(), in.creatives.size());
  for (std::size_t i = 0; i < in.creatives.size(); ++i) {
    EXPECT_EQ(*out->creatives[i].what, *in.creatives[i].what);
    EXPECT_EQ(out->creatives[i].keys, in.creatives[i].keys);
    EXPECT_EQ(out->creatives[i].promised, in.creatives[i].promised);
  }
  ASSERT_EQ(out->sessions.size(), in.sessions.size());
  for (std::size_t i = 0; i < in.sessions.size(); ++i) {
    EXPECT_EQ(out->sessions[i].id, in.sessions[i].id);
    EXPECT_EQ(out->sessions[i].firstUnit, in.sessions[i].firstUnit);
    EXPECT_EQ(out->sessions[i].sealed, in.sessions[i].sealed);
  }
}

TEST(LogEntry, KeepsWhatBecameOfPromises) {
  const SettleEntry in = settleEntry();
  const auto read = parsed(toBytes(LogEntry{in}));
  ASSERT_TRUE(read);
  const auto* out = std::get_if<SettleEntry>(&read.value());
  ASSERT_NE(out, nullptr);
  ASSERT_EQ(out->outcomes.size(), in.outcomes.size());
  for (std::size_t i = 0; i < in.outcomes.size(); ++i) {
    EXPECT_EQ(out->outcomes[i].id, in.outcomes[i].id);
    EXPECT_EQ(out->outcomes[i].at, in.outcomes[i].at);
    EXPECT_EQ(out->outcomes[i].creative, in.outcomes[i].creative);
    EXPECT_EQ(out->outcomes[i].delivered, in.outcomes[i].delivered);
  }
}

TEST(LogEntry, IsTheSameBytesWhenWrittenAgain) {
  for (const LogEntry& in :
       {LogEntry{bindEntry()}, LogEntry{settleEntry()}, LogEntry{BindEntry{}}, LogEntry{SettleEntry{}}}) {
    const base::Bytes bytes = toBytes(in);
    const auto read = parsed(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(toBytes(read.value()), bytes);
  }
}

TEST(LogEntry, IsRefusedWhereverABindingIsCut) {
  const base::Bytes bytes = toBytes(LogEntry{bindEntry()});
  const base::ByteView whole{bytes};
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto read = parsed(whole.subspan(0, n));
    ASSERT_FALSE(read) << n;
    EXPECT_EQ(read.error().code, base::ErrorCode::kInvalidInput);
    if (n == 300) n = bytes.size() - 300;  // between them is one long value
  }
}

TEST(LogEntry, IsRefusedWhereverAnOutcomeIsCut) {
  const base::Bytes bytes = toBytes(LogEntry{settleEntry()});
  const std::size_t each = (bytes.size() - 1) / 2;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(static_cast<bool>(parsed(base::ByteView{bytes}.subspan(0, n))), n > 0 && (n - 1) % each == 0) << n;
  }
}

TEST(LogEntry, IsRefusedWithMoreAfterItsEnd) {
  for (const LogEntry& in : {LogEntry{bindEntry()}, LogEntry{settleEntry()}}) {
    base::Bytes bytes = toBytes(in);
    bytes.push_back(0);
    EXPECT_FALSE(parsed(bytes));
  }
}

TEST(LogEntry, OfAnotherKindIsRefused) {
  for (int kind = 0; kind < 256; ++kind) {
    base::Bytes bytes = toBytes(LogEntry{settleEntry()});
    bytes[0] = static_cast<std::uint8_t>(kind);
    EXPECT_EQ(static_cast<bool>(parsed(bytes)), kind == 2) << kind;
  }
}

// Whatever the damage: either refused, or understood as an entry that is written the same.
TEST(LogEntry, ThatIsDamagedIsNeverReadBeyondItsEnd) {
  BindEntry small = bindEntry();
  small.sessions.pop_back();
  for (const LogEntry& in : {LogEntry{small}, LogEntry{settleEntry()}}) {
    const base::Bytes bytes = toBytes(in);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const std::uint8_t damage : {0x01, 0x80, 0xFF}) {
        base::Bytes other = bytes;
        other[i] ^= damage;
        const auto read = parsed(other);
        EXPECT_TRUE(!read || toBytes(read.value()).size() == other.size()) << i;
      }
    }
  }
}

TEST(LogEntry, DoesNotMakeRoomForWhatItOnlyClaims) {
  base::Bytes bytes = toBytes(LogEntry{BindEntry{}});
  std::fill(bytes.end() - 4, bytes.end(), 0xFF);  // four thousand million sessions, and not one there
  EXPECT_FALSE(parsed(bytes));
}

TEST(LoggedSlots, AreKeptInOrder) {
  const auto read = parseSlots(toBytes(std::vector<LoggedSlot>{{1, 10}, {65535, 65535}, {0, 0}}));
  ASSERT_TRUE(read);
  ASSERT_EQ(read.value().size(), 3U);
  EXPECT_EQ(read.value()[0].creative, 1);
  EXPECT_EQ(read.value()[0].units, 10);
  EXPECT_EQ(read.value()[1].creative, 65535);
  EXPECT_EQ(read.value()[2].units, 0);
}

TEST(LoggedSlots, MayBeNone) {
  const auto read = parseSlots(toBytes(std::vector<LoggedSlot>{}));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read.value().empty());
}

TEST(LoggedSlots, AreRefusedWhenTheyAreCut) {
  const base::Bytes bytes = toBytes(std::vector<LoggedSlot>{{1, 10}, {2, 20}});
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const base::Bytes exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(static_cast<bool>(parseSlots(exact)), n % 4 == 0) << n;
  }
}

}  // namespace
}  // namespace dvpe::personalize
