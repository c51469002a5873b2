// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/shipper.h"

#include <pthread.h>

#include <algorithm>

#include "shared/base/log.h"
#include "shared/database/check.h"

namespace dvpe::events {

using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr auto kWait = 100ms;  // for new events, at a time

class SourceOfSpool final : public SpoolSource {
 public:
  explicit SourceOfSpool(Spool& spool) : spool_(spool) {}
  Id id() const override { return spool_.id(); }
  Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes) override {
    return spool_.read(from, mostEvents, mostBytes);
  }
  bool wait(std::uint64_t from, std::chrono::milliseconds most) override { return spool_.wait(from, most); }
  void shipped(std::uint64_t upTo) override { spool_.shipped(upTo); }

 private:
  Spool& spool_;
};

class Database final : public Warehouse {
 public:
  explicit Database(database::Connection connection) : connection_(std::move(connection)) {}
  Result<std::uint64_t> watermark(const Id& spool) override {
    DVPE_TRY(const auto rows, connection_.query("SELECT events.watermark($1::uuid)", {textOf(spool)}));
    return static_cast<std::uint64_t>(rows.integer(0, 0));
  }
  Result<Taken> ship(const Shipment& shipment) override {
    DVPE_TRY(const auto rows, connection_.query(kShip, shipment.params));
    const auto number = [&rows](int column) { return static_cast<std::uint64_t>(rows.integer(0, column)); };
    return Taken{number(0), number(1), number(2)};
  }

 private:
  database::Connection connection_;
};

}  // namespace

std::unique_ptr<SpoolSource> sourceOf(Spool& spool) { return std::make_unique<SourceOfSpool>(spool); }

OpenWarehouse databaseWarehouse(database::ConnectOptions options) {
  return [options = std::move(options)]() -> Result<std::unique_ptr<Warehouse>> {
    DVPE_TRY(auto connection, database::openStrict(options));
    return std::make_unique<Database>(std::move(connection));
  };
}

Shipper::Shipper(SpoolSource& source, OpenWarehouse open, const base::Clock& clock, const ShipperOptions& options)
    : source_(source),
      open_(std::move(open)),
      clock_(clock),
      options_(options),
      limit_(options.mostEvents),
      retry_(options.firstRetry),
      thread_([this] {
        ::pthread_setname_np(::pthread_self(), "shipper");
        run();
      }) {}

Shipper::~Shipper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

ShipperCounters Shipper::counters() const {
  const std::lock_guard lock(mutex_);
  ShipperCounters out = counters_;
  if (oldest_) out.lagSeconds = std::max(0.0, std::chrono::duration<double>(clock_.wall() - *oldest_).count());
  return out;
}

void Shipper::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  stop_.wait_for(lock, time, [this] { return stopping_; });
}

void Shipper::run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (const auto done = step(); !done) handle(done.error());
  }
}

// What was being shipped may be in the database, or not.
void Shipper::handle(const base::Error& error) {
  if (error.message != lastError_) spdlog::warn("events are not shipped reason=\"{}\"", lastError_ = error.message);
  warehouse_.reset();
  {
    const std::lock_guard lock(mutex_);
    ++counters_.errors;
  }
  if (pending_) limit_ = std::max<std::size_t>(1, std::min(limit_, pending_->events) / 2);
  if (pending_ && error.code == ErrorCode::kInvalidInput) {
    if (pending_->to - pending_->from <= 1) {
      spdlog::error("an event cannot be stored, it is passed over number={} reason=\"{}\"", pending_->from,
                    error.message);
      passedOver_ = pending_->to;
      const std::lock_guard lock(mutex_);
      counters_.refused += pending_->events;
    }
  } else {
    noteOldest();
    pause(retry_);
    retry_ = std::min(retry_ * 2, options_.mostRetry);
  }
  pending_.reset();
}

// So that the lag is known also when nothing could be tried.
void Shipper::noteOldest() {
  {
    const std::lock_guard lock(mutex_);
    if (oldest_) return;
  }
  const auto batch = source_.read(next_, 1, 1);
  if (!batch || batch.value().events.empty()) return;
  const auto first = read(batch.value().events);
  if (!first) return;
  const std::lock_guard lock(mutex_);
  oldest_ = first.value().first.at;
}

void Shipper::goOnFrom(std::uint64_t number) {
  next_ = std::max(number, passedOver_);
  source_.shipped(number);
  const std::lock_guard lock(mutex_);
  counters_.next = next_;
  oldest_.reset();
}

Result<void> Shipper::connect() {
  DVPE_TRY(auto opened, open_());
  DVPE_TRY(const auto watermark, opened->watermark(source_.id()));
  warehouse_ = std::move(opened);
  goOnFrom(watermark);
  return base::success();
}

Result<void> Shipper::step() {
  if (!warehouse_) DVPE_CHECK(connect());
  if (!source_.wait(next_, kWait)) return base::success();
  DVPE_TRY(const auto batch, source_.read(next_, limit_, options_.mostBytes));
  if (batch.events.empty()) {  // there is nothing up to there: the next shipment tells the database
    if (batch.to <= next_) return base::success();
    const std::lock_guard lock(mutex_);
    counters_.unreadable += batch.to - next_;
    next_ = batch.to;
    return base::success();
  }
  const std::uint64_t lost = batch.from - std::min(batch.from, next_);
  pending_ = shipmentOf(source_.id(), batch);
  {
    const std::lock_guard lock(mutex_);
    oldest_ = pending_->oldest;
  }
  DVPE_TRY(const auto taken, warehouse_->ship(*pending_));
  const bool full = pending_->events >= limit_ || batch.events.size() >= options_.mostBytes / 2;
  {
    const std::lock_guard lock(mutex_);
    ++counters_.batches;
    if (taken.watermark == pending_->to) {
      counters_.shipped += pending_->events - taken.refused;
      counters_.repeated += pending_->events - taken.refused - taken.inserted;
      counters_.refused += taken.refused;
      counters_.unreadable += pending_->unreadable + lost;
    }
  }
  goOnFrom(taken.watermark);
  pending_.reset();
  if (!lastError_.empty()) spdlog::info("events are shipped again next={}", next_);
  lastError_.clear();
  retry_ = options_.firstRetry;
  limit_ = std::min(limit_ * 2, options_.mostEvents);
  if (!full) pause(options_.every);
  return base::success();
}

}  // namespace dvpe::events
