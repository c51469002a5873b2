// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/sample_shipper.h"

#include <gtest/gtest.h>

#include <atomic>

namespace dvpe::events {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kDay = 20'000;

bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

// What a database holds; it fails while it is told to.
struct Table {
  std::mutex mutex;
  std::set<Id> ids;
  std::atomic<int> calls{0}, opened{0};
  std::atomic<bool> fails{false};
  std::atomic<std::int64_t> threshold{kWholeSample};
};

class InTable final : public SampleStore {
 public:
  explicit InTable(Table& table) : table_(table) { ++table_.opened; }
  base::Result<Taken> ship(const std::vector<Sampled>& sessions) override {
    ++table_.calls;
    if (table_.fails) return base::fail(base::ErrorCode::kUnavailable, "away");
    const std::lock_guard lock(table_.mutex);
    Taken out;
    out.threshold = table_.threshold;
    for (const Sampled& each : sessions) out.inserted += table_.ids.insert(each.id).second ? 1 : 0;
    return out;
  }

 private:
  Table& table_;
};

class ASampleShipper : public testing::Test {
 protected:
  void keep(int count) {
    for (int i = 0; i < count; ++i) {
      ++made_;
      Sampled one;
      one.day = kDay;
      one.attributes = "{}";
      one.id = {static_cast<std::uint8_t>(made_), static_cast<std::uint8_t>(made_ >> 8),
                static_cast<std::uint8_t>(made_ >> 16)};
      ASSERT_TRUE(sample_.keep(one));
    }
  }
  OpenSampleStore open() {
    return [this]() -> base::Result<std::unique_ptr<SampleStore>> { return std::make_unique<InTable>(table_); };
  }
  std::array<std::uint8_t, 32> bytes_{};
  Sample sample_{privacy::SecretKey(bytes_)};
  base::ManualClock clock_{base::WallTime{std::chrono::days{kDay}}};
  Table table_;
  std::uint32_t made_ = 0;
};

TEST_F(ASampleShipper, ShipsAllThatWaitsHoweverMuch) {
  keep(25'000);
  const SampleShipper shipper(sample_, open(), clock_, 10ms);
  ASSERT_TRUE(soon([&] { return sample_.waiting() == 0; }));
  EXPECT_TRUE(soon([&] { return shipper.counters().inserted == 25'000U; }));
  EXPECT_EQ(table_.ids.size(), 25'000U);
}

TEST_F(ASampleShipper, LearnsTheThresholdWithoutHavingAnything) {
  table_.threshold = kWholeSample / 8;
  const SampleShipper shipper(sample_, open(), clock_, 10ms);
  EXPECT_TRUE(soon([&] { return sample_.threshold(kDay) == kWholeSample / 8; }));
}

TEST_F(ASampleShipper, KeepsWhatItCannotShipAndTriesAgain) {
  table_.fails = true;
  keep(10);
  const SampleShipper shipper(sample_, open(), clock_, 5ms);
  ASSERT_TRUE(soon([&] { return shipper.counters().errors >= 3; }));
  EXPECT_EQ(sample_.waiting(), 10U);
  EXPECT_GE(table_.opened, 3) << "a connection that failed is given up";
  table_.fails = false;
  EXPECT_TRUE(soon([&] { return sample_.waiting() == 0; }));
}

TEST_F(ASampleShipper, ShipsOnceMoreWhenItEnds) {
  {
    const SampleShipper shipper(sample_, open(), clock_, 1h);
    ASSERT_TRUE(soon([&] { return table_.calls == 1; }));
    keep(3);
  }
  EXPECT_EQ(table_.ids.size(), 3U);
}

}  // namespace
}  // namespace dvpe::events
