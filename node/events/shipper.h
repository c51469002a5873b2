// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Brings what is in the spool to the database, each event once.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "node/events/batch.h"
#include "node/events/source.h"
#include "shared/base/clock.h"
#include "shared/database/connection.h"

namespace dvpe::events {

// What takes events. One thread. After an error nothing is known but what watermark() of a new one says.
class Warehouse {
 public:
  struct Taken {
    std::uint64_t watermark = 0;
    std::uint64_t inserted = 0, refused = 0;  // the others were there already
  };
  virtual ~Warehouse() = default;
  virtual base::Result<std::uint64_t> watermark(const Id& spool) = 0;
  virtual base::Result<Taken> ship(const Shipment& shipment) = 0;
};
using OpenWarehouse = std::function<base::Result<std::unique_ptr<Warehouse>>()>;

// The database, as the node's login; opened when it is as strict as we left it.
OpenWarehouse databaseWarehouse(database::ConnectOptions options);

struct ShipperOptions {
  std::size_t mostEvents = 20'000;  // at once; the database takes 50,000
  std::size_t mostBytes = 4U << 20U;
  std::chrono::milliseconds every{200};       // at most one batch in this time, unless it is full
  std::chrono::milliseconds firstRetry{200};  // doubles up to mostRetry
  std::chrono::milliseconds mostRetry{10'000};
};

// Since it began.
struct ShipperCounters {
  std::uint64_t shipped = 0;     // events that are in the database now, by us or by another node
  std::uint64_t repeated = 0;    // of them: those that were there already
  std::uint64_t refused = 0;     // the database does not take them: of a day that is over, or no event
  std::uint64_t unreadable = 0;  // numbers that the spool has no event for any more
  std::uint64_t batches = 0;
  std::uint64_t errors = 0;  // tries that failed
  std::uint64_t next = 0;    // number of the first event that is not shipped yet
  double lagSeconds = 0;     // since the oldest event happened that could not be shipped yet
};

// One thread of its own ("shipper"): reads a batch, ships it, goes on from the watermark that the database answers, and
// lets the spool forget what is below it. When a call fails, whether it was done is not known: the connection is given
// up, and the next one is asked for the watermark. A batch that fails is halved; when one event alone is invalid, it is
// passed over and counted as refused: one that cannot be stored must not hold up all behind it.
class Shipper {
 public:
  // Source and clock outlive it.
  Shipper(SpoolSource& source, OpenWarehouse open, const base::Clock& clock, const ShipperOptions& options = {});
  // Ends after the call that is on its way; what is not shipped stays in the spool.
  ~Shipper();
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;

  ShipperCounters counters() const;  // any thread

 private:
  void run();
  base::Result<void> step();
  base::Result<void> connect();
  void goOnFrom(std::uint64_t number);
  void handle(const base::Error& error);
  void noteOldest();
  void pause(std::chrono::milliseconds time);

  SpoolSource& source_;
  const OpenWarehouse open_;
  const base::Clock& clock_;
  const ShipperOptions options_;
  std::unique_ptr<Warehouse> warehouse_;
  std::uint64_t next_ = 0;
  std::uint64_t passedOver_ = 0;  // an event below it cannot be stored
  std::size_t limit_;             // events of the next batch, at most
  std::chrono::milliseconds retry_;
  std::string lastError_;
  std::optional<Shipment> pending_;  // being shipped

  mutable std::mutex mutex_;  // of what follows
  ShipperCounters counters_;
  std::optional<base::WallTime> oldest_;
  bool stopping_ = false;
  std::condition_variable stop_;
  std::thread thread_;
};

}  // namespace dvpe::events
