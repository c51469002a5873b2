// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/sample_shipper.h"

#include <pthread.h>

#include "shared/base/log.h"
#include "shared/database/check.h"

namespace dvpe::events {

using base::Result;

namespace {

constexpr int kMostBatches = 20;  // in a turn: more than a sample keeps

class Database final : public SampleStore {
 public:
  explicit Database(database::Connection connection) : connection_(std::move(connection)) {}
  Result<Taken> ship(const std::vector<Sampled>& sessions) override {
    DVPE_TRY(const auto rows, connection_.query(kShipSample, sampleParams(sessions)));
    return Taken{static_cast<std::uint64_t>(rows.integer(0, 0)), static_cast<std::uint64_t>(rows.integer(0, 1)),
                 rows.integer(0, 2)};
  }

 private:
  database::Connection connection_;
};

}  // namespace

OpenSampleStore databaseSampleStore(database::ConnectOptions options) {
  return [options = std::move(options)]() -> Result<std::unique_ptr<SampleStore>> {
    DVPE_TRY(auto connection, database::openStrict(options));
    return std::make_unique<Database>(std::move(connection));
  };
}

SampleShipper::SampleShipper(Sample& sample, OpenSampleStore open, const base::Clock& clock,
                             std::chrono::milliseconds every)
    : sample_(sample), open_(std::move(open)), clock_(clock), every_(every), thread_([this] {
        ::pthread_setname_np(::pthread_self(), "sample");
        run();
      }) {}

SampleShipper::~SampleShipper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  if (store_ && sample_.waiting() > 0) ship();
}

SampleCounters SampleShipper::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void SampleShipper::run() {
  for (;;) {
    ship();
    std::unique_lock lock(mutex_);
    if (stop_.wait_for(lock, every_, [this] { return stopping_; })) return;
  }
}

// Once told: the same again each minute helps nobody.
void SampleShipper::ship() {
  const auto done = shipAll();
  if (done) {
    lastError_.clear();
    return;
  }
  store_.reset();
  if (std::exchange(lastError_, done.error().message) != done.error().message)
    spdlog::warn("the decision sample is not shipped reason=\"{}\"", lastError_);
  const std::lock_guard lock(mutex_);
  ++counters_.errors;
}

Result<void> SampleShipper::shipAll() {
  if (!store_) {
    DVPE_TRY(store_, open_());
  }
  for (int batch = 0; batch < kMostBatches; ++batch) {
    const auto sessions = sample_.next();
    DVPE_TRY(const auto taken, store_->ship(sessions));
    sample_.shipped(sessions, dayOf(clock_.wall()), taken.threshold);
    {
      const std::lock_guard lock(mutex_);
      counters_.inserted += taken.inserted;
      counters_.refused += taken.refused;
    }
    if (sessions.size() < kMaxSampleBatch) return base::success();
  }
  return base::success();
}

}  // namespace dvpe::events
