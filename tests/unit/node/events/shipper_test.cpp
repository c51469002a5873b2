// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/shipper.h"

#include <gtest/gtest.h>

#include <map>

namespace dvpe::events {
namespace {

using base::ErrorCode;
using base::fail;
using namespace std::chrono_literals;

Event event(std::uint64_t n) {
  Event e;
  e.id = sessionEventId(Id{3}, Kind::kHeartbeat, n);
  e.at = base::WallTime{1'000'000s};
  e.value = static_cast<std::int64_t>(n);
  return e;
}

// Events 0 to count, but those in a hole.
class Source final : public SpoolSource {
 public:
  explicit Source(std::uint64_t count) : count_(count) {}
  Id id() const override { return {9}; }
  base::Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t) override {
    const std::lock_guard lock(mutex_);
    if (from > count_) return fail(ErrorCode::kConflict, "not reached");
    if (from >= holeFrom && from < holeTo) from = holeTo;
    Spool::Batch out{from, from, {}};
    const std::uint64_t end = from < holeFrom ? std::min(holeFrom, count_) : count_;
    for (; out.to < end && out.to - from < mostEvents; ++out.to) write(event(out.to), out.events);
    return out;
  }
  bool wait(std::uint64_t from, std::chrono::milliseconds) override {
    if (from < count_) return true;
    std::this_thread::sleep_for(1ms);
    return false;
  }
  void shipped(std::uint64_t upTo) override {
    const std::lock_guard lock(mutex_);
    shipped_ = std::max(shipped_, upTo);
  }
  std::uint64_t shippedUpTo() const {
    const std::lock_guard lock(mutex_);
    return shipped_;
  }
  std::uint64_t holeFrom = ~0ULL, holeTo = ~0ULL;

 private:
  const std::uint64_t count_;
  mutable std::mutex mutex_;
  std::uint64_t shipped_ = 0;
};

// What a database holds, and what goes wrong with the nth call of ship().
struct Store {
  enum class Fault { kNone, kBefore, kAfter, kInvalid };
  std::mutex mutex;
  std::uint64_t watermark = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> batches;
  std::map<int, Fault> faults;
  std::uint64_t invalid = ~0ULL;  // a batch with this event is none
  int calls = 0, opened = 0, away = 0;
  std::size_t largest = 0;
};

class Shop final : public Warehouse {
 public:
  explicit Shop(Store& store) : store_(store) {}
  base::Result<std::uint64_t> watermark(const Id& spool) override {
    EXPECT_EQ(spool, Id{9});
    const std::lock_guard lock(store_.mutex);
    return store_.watermark;
  }
  base::Result<Taken> ship(const Shipment& s) override {
    const std::lock_guard lock(store_.mutex);
    EXPECT_FALSE(broken_) << "a connection that has failed is not used again";
    const auto found = store_.faults.find(store_.calls++);
    const auto fault = found == store_.faults.end() ? Store::Fault::kNone : found->second;
    if (s.from <= store_.invalid && store_.invalid < s.to) return broken(ErrorCode::kInvalidInput);
    if (fault == Store::Fault::kBefore) return broken(ErrorCode::kUnavailable);
    if (s.from < store_.watermark) return Taken{store_.watermark, 0, 0};
    store_.batches.emplace_back(s.from, s.to);
    store_.watermark = s.to;
    store_.largest = std::max(store_.largest, s.events);
    if (fault == Store::Fault::kAfter) return broken(ErrorCode::kUnavailable);
    return Taken{s.to, s.events, 0};
  }

 private:
  base::Error broken(ErrorCode code) {
    broken_ = true;
    return {code, "the test says no"};
  }
  Store& store_;
  bool broken_ = false;
};

OpenWarehouse open(Store& store) {
  return [&store]() -> base::Result<std::unique_ptr<Warehouse>> {
    const std::lock_guard lock(store.mutex);
    ++store.opened;
    if (store.away-- > 0) return fail(ErrorCode::kUnavailable, "nobody is there");
    return std::make_unique<Shop>(store);
  };
}

ShipperOptions quick() { return {.mostEvents = 10, .every = 0ms, .firstRetry = 1ms, .mostRetry = 4ms}; }

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 10'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

// Ships all; what the store has then.
ShipperCounters shipAll(Source& source, Store& store, std::uint64_t count) {
  const base::ManualClock clock(base::WallTime{1'000'060s});
  Shipper shipper(source, open(store), clock, quick());
  EXPECT_TRUE(eventually([&] { return shipper.counters().next >= count; }));
  return shipper.counters();
}

void expectWithoutGaps(const Store& store, std::uint64_t count) {
  std::uint64_t at = 0;
  for (const auto& [from, to] : store.batches) {
    EXPECT_EQ(from, at);
    at = to;
  }
  EXPECT_EQ(at, count);
}

TEST(TheShipper, ShipsAllInOrderAndLetsTheSpoolForget) {
  Source source(95);
  Store store;
  const auto counters = shipAll(source, store, 95);
  expectWithoutGaps(store, 95);
  EXPECT_EQ(store.largest, 10U);
  EXPECT_EQ(counters.shipped, 95U);
  EXPECT_EQ(counters.errors, 0U);
  EXPECT_EQ(counters.lagSeconds, 0);
  EXPECT_EQ(source.shippedUpTo(), 95U);
}

TEST(TheShipper, LosesAndDoublesNothingWhenAnswersAreLost) {
  Source source(200);
  Store store;
  store.faults = {
      {1, Store::Fault::kBefore}, {3, Store::Fault::kAfter}, {4, Store::Fault::kAfter}, {9, Store::Fault::kBefore}};
  const auto counters = shipAll(source, store, 200);
  expectWithoutGaps(store, 200);
  EXPECT_EQ(counters.errors, 4U);
  EXPECT_EQ(store.opened, 5);
}

TEST(TheShipper, GoesOnFromWhereTheDatabaseIs) {
  Source source(50);
  Store store;
  store.watermark = 30;
  const auto counters = shipAll(source, store, 50);
  EXPECT_EQ(store.batches.front().first, 30U);
  EXPECT_EQ(counters.shipped, 20U);
}

TEST(TheShipper, WaitsForADatabaseThatIsAwayAndSaysHowLate) {
  Source source(20);
  Store store;
  store.away = 1'000'000;
  const base::ManualClock clock(base::WallTime{1'000'060s});
  Shipper shipper(source, open(store), clock, quick());
  EXPECT_TRUE(eventually([&] { return shipper.counters().errors >= 3; }));
  EXPECT_EQ(shipper.counters().lagSeconds, 60);
  {
    const std::lock_guard lock(store.mutex);
    store.away = 0;
  }
  EXPECT_TRUE(eventually([&] { return shipper.counters().next == 20; }));
  EXPECT_EQ(shipper.counters().lagSeconds, 0);
}

TEST(TheShipper, SkipsWhatCannotBeReadAnyMore) {
  Source source(100);
  source.holeFrom = 25;
  source.holeTo = 60;
  Store store;
  const auto counters = shipAll(source, store, 100);
  EXPECT_EQ(counters.shipped, 65U);
  EXPECT_EQ(counters.unreadable, 35U);
}

TEST(TheShipper, PassesOverOneEventThatCannotBeStoredAndNoOther) {
  Source source(100);
  Store store;
  store.invalid = 37;
  const auto counters = shipAll(source, store, 100);
  EXPECT_EQ(counters.shipped, 99U);
  EXPECT_EQ(counters.refused, 1U);
  EXPECT_EQ(store.watermark, 100U);
}

TEST(AShipment, HasOneElementOfEachListForEachEventAndEachPlaceOnce) {
  Spool::Batch batch{5, 9, {}};
  for (std::uint64_t n = 5; n < 8; ++n) {
    Event e = event(n);
    e.place.country = n == 6 ? "FR" : "DE";
    write(e, batch.events);
  }
  batch.events.push_back(1);  // torn
  const Shipment s = shipmentOf(Id{0xab}, batch);
  EXPECT_EQ(s.events, 3U);
  EXPECT_EQ(s.unreadable, 1U);
  EXPECT_EQ(s.oldest, event(5).at);
  ASSERT_EQ(s.params.size(), 17U);
  EXPECT_EQ(std::get<std::string>(s.params[0]), "ab" + std::string(30, '0'));
  EXPECT_EQ(std::get<std::int64_t>(s.params[1]), 5);
  EXPECT_EQ(std::get<std::int64_t>(s.params[2]), 9);
  EXPECT_EQ(std::get<database::Array>(s.params[3]).size(), 2 * kPlaceTexts);
  for (std::size_t i = 4; i < s.params.size(); ++i) EXPECT_EQ(std::get<database::Array>(s.params[i]).size(), 3U) << i;
}

TEST(AShipment, HasNoTextThatTheDatabaseRefuses) {
  Spool::Batch batch{0, 1, {}};
  Event e = event(0);
  e.text = std::string("a\0b", 3) + "\xc3\xa4\xff\xed\xa0\x80\xf0\x9f\x98\x80\xc3";
  write(e, batch.events);
  const Shipment s = shipmentOf(Id{}, batch);
  const std::string encoded = std::get<database::Array>(s.params[15]).encoded();
  EXPECT_TRUE(encoded.ends_with("a?b\xc3\xa4????\xf0\x9f\x98\x80?")) << encoded;
}

}  // namespace
}  // namespace dvpe::events
