// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/spool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/unit/node/events/spool_fixture.h"

namespace dvpe::events {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Result;
using std::chrono::milliseconds;

TEST_F(TheSpool, KeepsEventsAndItsIdOverARestart) {
  open();
  EXPECT_EQ(spool_->counters().next, 0);
  ASSERT_TRUE(append(events(0, 3)));
  const Id id = spool_->id();
  EXPECT_NE(id, Id{});
  open();
  ASSERT_TRUE(append(events(3, 5)));
  EXPECT_EQ(spool_->id(), id);
  expectWhole(5);
  const auto batch = spool_->read(0, kAll, kAll);
  EXPECT_EQ(parsed(batch.value().events), events(0, 5));
  open();
  expectWhole(5);
  spool_.reset();
  fs::remove_all(options_.folder);
  open();
  EXPECT_NE(spool_->id(), id) << "it was lost";
}

TEST_F(TheSpool, WritesWhatIsWaitingBeforeItEnds) {
  options_.commitEvery = kLong;
  open();
  ASSERT_TRUE(append(events(0, 1)));
  bool told = false;
  ASSERT_TRUE(spool_->append(events(1, 2), [&](const Result<void>& result) { told = result.has_value(); }));
  spool_.reset();
  EXPECT_TRUE(told);
  open();
  expectWhole(2);
}

TEST_F(TheSpool, IsOpenOnce) {
  open();
  const auto second = Spool::open(options_, systemRandom);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
}

TEST_F(TheSpool, ReadsInBatchesOfAnySize) {
  options_.segmentBytes = 1000;
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(events(i * 7, i * 7 + 7)));
  EXPECT_GT(segments().size(), 3);
  for (const std::size_t most : {1, 2, 3, 7, 8, 20, 1000}) EXPECT_EQ(content(most).size(), 70) << most;
  for (const std::size_t most : {0, 1, 100, 500, 5000}) EXPECT_EQ(content(kAll, most).size(), 70) << most;
  const auto middle = spool_->read(33, 4, kAll);
  EXPECT_EQ(middle.value().from, 33);
  EXPECT_EQ(parsed(middle.value().events), events(33, 37));
  const auto end = spool_->read(70, 4, kAll);
  EXPECT_EQ(end.value().to, 70);
  EXPECT_TRUE(end.value().events.empty());
  EXPECT_EQ(spool_->read(71, 4, kAll).error().code, ErrorCode::kConflict);
}

TEST_F(TheSpool, WaitsForWhatIsOnDisk) {
  open();
  EXPECT_FALSE(spool_->wait(0, milliseconds{1}));
  std::thread later([&] { (void)spool_->append(events(0, 2), {}); });
  EXPECT_TRUE(spool_->wait(1, kLong));
  EXPECT_FALSE(spool_->wait(2, milliseconds{1}));
  later.join();
}

TEST_F(TheSpool, SaysYesAfterTheFlushAlone) {
  open();
  disk_.held = true;
  const int before = disk_.syncs;
  std::atomic<int> told = 0;
  ASSERT_TRUE(spool_->append(events(0, 1), [&](const Result<void>&) { ++told; }));
  while (disk_.syncs == before) std::this_thread::yield();
  // These wait for the next flush, and share it.
  for (int i = 1; i < 5; ++i) ASSERT_TRUE(spool_->append(events(i, i + 1), [&](const Result<void>&) { ++told; }));
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(spool_->wait(0, milliseconds{1})) << "nobody reads what is not on disk";
  EXPECT_TRUE(spool_->read(0, kAll, kAll).value().events.empty());
  EXPECT_GT(spool_->counters().waiting, 0);
  disk_.held = false;
  ASSERT_TRUE(spool_->wait(4, kLong));
  spool_.reset();
  EXPECT_EQ(told, 5);
  EXPECT_EQ(disk_.syncs, before + 2);
}

TEST_F(TheSpool, DeletesWhatWasShipped) {
  options_.segmentBytes = 1000;
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(events(i * 7, i * 7 + 7)));
  const std::size_t all = segments().size();
  const std::uint64_t bytes = spool_->counters().bytes;
  spool_->shipped(1);
  EXPECT_EQ(segments().size(), all) << "others are in the same file";
  spool_->shipped(35);
  EXPECT_LT(segments().size(), all);
  EXPECT_LT(spool_->counters().bytes, bytes);
  const std::uint64_t oldest = spool_->counters().oldest;
  EXPECT_GT(oldest, 0);
  EXPECT_LE(oldest, 35);
  const auto batch = spool_->read(0, 3, kAll);
  EXPECT_EQ(batch.value().from, oldest);
  EXPECT_EQ(parsed(batch.value().events).front().value, static_cast<std::int64_t>(oldest));
  open();
  EXPECT_EQ(spool_->counters().oldest, oldest);
  spool_->shipped(70);
  EXPECT_EQ(segments().size(), 1) << "the newest stays";
  const Id id = spool_->id();
  open();
  EXPECT_EQ(spool_->counters().next, 70);
  EXPECT_EQ(spool_->id(), id);
}

TEST_F(TheSpool, DeletesWhatWasShippedBeforeItTurnedThoughNothingFollows) {
  open();
  ASSERT_TRUE(append(events(0, 5)));
  spool_->shipped(5);
  EXPECT_EQ(segments().size(), 1) << "the newest stays";
  const auto before = segments();
  spool_->turn();
  ASSERT_TRUE(soon([&] { return segments() != before; }));
  EXPECT_EQ(segments().size(), 1);
  EXPECT_EQ(spool_->counters().oldest, 5);
  ASSERT_TRUE(append(events(5, 7)));
  EXPECT_EQ(parsed(spool_->read(0, kAll, kAll).value().events), events(5, 7));
  open();
  EXPECT_EQ(spool_->counters().next, 7);
}

TEST_F(TheSpool, KeepsWhatWasNotShippedWhenItTurns) {
  open();
  ASSERT_TRUE(append(events(0, 5)));
  spool_->shipped(3);
  spool_->turn();
  ASSERT_TRUE(soon([&] { return segments().size() == 2; }));
  EXPECT_EQ(parsed(spool_->read(3, kAll, kAll).value().events), events(3, 5));
  spool_->shipped(5);
  EXPECT_EQ(segments().size(), 1);
  const auto before = segments();
  spool_->turn();
  EXPECT_FALSE(soon([&] { return segments() != before; }, 20)) << "nothing is in it";
}

class AFullSpool : public TheSpool {
 protected:
  static constexpr std::uint64_t kMost = 400'000;
  void SetUp() override {
    options_.mostBytes = kMost;
    options_.segmentBytes = kMost;
    open();
  }
  // Up to so many hundredths.
  void fill(std::uint64_t percent) {
    while (spool_->counters().bytes <= kMost / 100 * percent) {
      ASSERT_TRUE(append(events(next_, next_ + 25)));
      next_ += 25;
    }
  }
  std::int64_t next_ = 0;
};

TEST_F(AFullSpool, KeepsFewerHeartbeatsThatStandForMore) {
  for (const auto& [percent, oneOf] : std::map<std::uint64_t, int>{{71, 2}, {81, 4}, {91, 16}}) {
    fill(percent);
    const SpoolCounters before = spool_->counters();
    std::vector<Event> mixed = events(0, 200, Kind::kHeartbeat);
    mixed.push_back(event(next_++));
    ASSERT_TRUE(append(mixed));
    const SpoolCounters after = spool_->counters();
    const auto kept = parsed(spool_->read(before.next, kAll, kAll).value().events);
    ASSERT_EQ(kept.size(), after.next - before.next);
    EXPECT_EQ(kept.size() + (after.sampledOut - before.sampledOut), mixed.size());
    EXPECT_EQ(kept.back().weight, 1);
    double sum = 0;
    for (const Event& e : kept) {
      if (e.kind != Kind::kHeartbeat) continue;
      EXPECT_EQ(e.weight, static_cast<float>(oneOf));
      sum += static_cast<double>(e.weight);
    }
    EXPECT_NEAR(sum, 200, 100) << percent;
  }
}

TEST_F(AFullSpool, LetsTheSameOnesStay) {
  fill(71);
  const auto keptOf = [&] {
    const std::uint64_t from = spool_->counters().next;
    EXPECT_TRUE(append(events(0, 50, Kind::kQuality)));
    std::vector<std::int64_t> out;
    for (const Event& e : parsed(spool_->read(from, kAll, kAll).value().events)) out.push_back(e.value);
    return out;
  };
  const auto first = keptOf();
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(keptOf(), first);
}

TEST_F(AFullSpool, RefusesWhatSomebodyPaysForAndSwallowsTheRest) {
  fill(98);
  while (append(events(next_, next_ + 1))) ++next_;
  const SpoolCounters before = spool_->counters();
  EXPECT_LE(before.bytes, kMost);
  EXPECT_GT(before.bytes, kMost / 100 * 99);
  std::vector<Event> mixed = events(0, 3, Kind::kHeartbeat);
  mixed.push_back(event(0));
  const auto refused = append(mixed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(append(events(0, 3, Kind::kHeartbeat)));
  const SpoolCounters after = spool_->counters();
  EXPECT_EQ(after.refused, before.refused + 4);
  EXPECT_EQ(after.sampledOut, before.sampledOut + 3);
  EXPECT_EQ(after.next, before.next);
  // Whatever it holds, when all of it was shipped there is room.
  spool_->shipped(after.next);
  EXPECT_LT(spool_->counters().bytes, kMost / 3);
  EXPECT_TRUE(append(events(next_, next_ + 5)));
  EXPECT_EQ(content().rbegin()->second, next_ + 4);
}

TEST_F(TheSpool, RefusesAtOnceWhatItCannotHoldInMemory) {
  options_.mostWaiting = 10'000;
  open();
  disk_.held = true;
  std::uint64_t taken = 0;
  Result<void> last = base::success();
  while ((last = spool_->append(events(static_cast<std::int64_t>(taken), static_cast<std::int64_t>(taken) + 2), {}))) {
    taken += 2;
  }
  EXPECT_EQ(last.error().code, ErrorCode::kUnavailable);
  EXPECT_LE(spool_->counters().waiting, 10'000);
  EXPECT_NEAR(static_cast<double>(taken), 10'000.0 / static_cast<double>(bytesOf(events(0, 1))), 10);
  EXPECT_EQ(spool_->counters().refused, 2);
  disk_.held = false;
  ASSERT_TRUE(spool_->wait(taken - 1, kLong));
  expectWhole(static_cast<std::int64_t>(taken));
}

TEST_F(TheSpool, RefusesAnAppendThatFillsABlock) {
  open();
  Event large = event(0);
  large.sealed.assign(kMaxSealed, 1);
  const auto refused = append(std::vector<Event>(2100, large));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
  ASSERT_TRUE(append(std::vector<Event>(1900, large)));
  ASSERT_TRUE(append(std::vector<Event>(100, large)));
  EXPECT_EQ(spool_->counters().next, 2000);
  open();
  EXPECT_EQ(content(kAll, 1 << 20).size(), 2000);
}

TEST_F(TheSpool, NumbersWhatManyThreadsAppendWithoutGaps) {
  options_.segmentBytes = 100'000;
  open();
  constexpr int kThreads = 4, kAppends = 250, kEach = 8;
  std::atomic<int> told = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; i < kAppends; ++i) {
        const std::int64_t from = t * 1'000'000 + i * kEach;
        const auto count = [&](const Result<void>& result) { told += result ? 1 : 0; };
        if (!spool_->append(events(from, from + kEach), count)) return;
      }
    });
  }
  // Somebody reads and ships meanwhile.
  constexpr std::uint64_t kCount = std::uint64_t{kThreads} * kAppends * kEach;
  std::vector<std::vector<std::int64_t>> seen(kThreads);
  for (std::uint64_t at = 0; at < kCount && spool_->wait(at, kLong);) {
    const auto batch = spool_->read(at, 100, kAll);
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch.value().from, at);
    for (const Event& e : parsed(batch.value().events)) seen[e.value / 1'000'000].push_back(e.value % 1'000'000);
    at = batch.value().to;
    spool_->shipped(at);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(spool_->counters().next, kCount);
  EXPECT_LT(spool_->counters().commits, kThreads * kAppends) << "many share a flush";
  spool_.reset();
  EXPECT_EQ(told, kThreads * kAppends);
  for (const auto& of : seen) {
    ASSERT_EQ(of.size(), kAppends * kEach);
    for (std::size_t i = 0; i < of.size(); ++i) ASSERT_EQ(of[i], i);
  }
}

}  // namespace
}  // namespace dvpe::events
