// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Brings what the decision sample keeps to the database, and back how much of a day is wanted.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "node/events/sample.h"

namespace dvpe::events {

// What takes samples. One thread. After an error it is given up.
class SampleStore {
 public:
  struct Taken {
    std::uint64_t inserted = 0, refused = 0;
    std::int64_t threshold = kWholeSample;  // of today
  };
  virtual ~SampleStore() = default;
  // At most kMaxSampleBatch; none: only the threshold is asked for. Each session is taken once however often it comes.
  virtual base::Result<Taken> ship(const std::vector<Sampled>& sessions) = 0;
};
using OpenSampleStore = std::function<base::Result<std::unique_ptr<SampleStore>>()>;

// The database, as the node's login; opened when it is as strict as we left it.
OpenSampleStore databaseSampleStore(database::ConnectOptions options);

// Since it began.
struct SampleCounters {
  std::uint64_t inserted = 0, refused = 0, errors = 0;
};

// One thread of its own ("sample"): each minute ships all that is waiting, or asks for the threshold alone. What cannot
// be shipped stays in the sample, whose room ends.
class SampleShipper {
 public:
  // Sample and clock outlive it.
  SampleShipper(Sample& sample, OpenSampleStore open, const base::Clock& clock,
                std::chrono::milliseconds every = std::chrono::minutes(1));
  // Ships what is waiting once more, if the database answered the last time.
  ~SampleShipper();
  SampleShipper(const SampleShipper&) = delete;
  SampleShipper& operator=(const SampleShipper&) = delete;

  SampleCounters counters() const;  // any thread

 private:
  void run();
  base::Result<void> shipAll();
  void ship();

  Sample& sample_;
  const OpenSampleStore open_;
  const base::Clock& clock_;
  const std::chrono::milliseconds every_;
  std::unique_ptr<SampleStore> store_;
  std::string lastError_;

  mutable std::mutex mutex_;  // of what follows
  SampleCounters counters_;
  bool stopping_ = false;
  std::condition_variable stop_;
  std::thread thread_;
};

}  // namespace dvpe::events
