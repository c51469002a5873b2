// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The durable spool: events are on disk before anybody is told so, and stay until they were shipped.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "node/events/sink.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::events {

class Disk;

// Where, and how much.
struct SpoolOptions {
  std::filesystem::path folder;               // made when there is none; nobody else's
  std::uint64_t mostBytes = 4ULL << 30U;      // on disk
  std::uint64_t segmentBytes = 64U << 20U;    // a file goes on to about this size: at most mostBytes / 8
  std::uint64_t mostWaiting = 64U << 20U;     // bytes in memory that are not on disk yet: at most mostBytes / 8
  std::chrono::milliseconds commitEvery{20};  // at most one flush in this time, unless much is waiting
};

// Since the spool was opened, but for what is on disk now.
struct SpoolCounters {
  std::uint64_t accepted = 0;    // events that are on disk
  std::uint64_t refused = 0;     // not taken: append() said no
  std::uint64_t lost = 0;        // taken, but the disk said no: `done` was told so
  std::uint64_t sampledOut = 0;  // left out because the disk was nearly full
  std::uint64_t damaged = 0;     // numbers without an event that can still be read: met at opening or in read()
  std::uint64_t bytes = 0;       // on disk now
  std::uint64_t waiting = 0;     // bytes that are not on disk yet
  std::uint64_t oldest = 0;      // number of the first event that is still there
  std::uint64_t next = 0;        // number that the next event on disk gets
  std::uint64_t commits = 0;     // tried, each one write and one flush
  std::uint64_t failures = 0;    // of them
};

// Events in the order in which they came, with numbers from 0 through the spool's life, in append-only segments that
// one thread of the spool's ("spool") writes. It takes all that was handed over since the last time, writes it at once,
// flushes it, and says so. What a write that fails leaves is cut off; after a flush that fails the file is left, since
// the system may have thrown away what it could not write and call the next flush a success.
//
// When more than 70 % of mostBytes are used, events that mayBeSampled() are thinned out by a hash of their ids, and
// those that stay stand for more: 1 of 2 stays, 1 of 4 above 80 %, 1 of 16 above 90 %, none above 97 %.
//
// All calls from any thread. Nothing is called any more when it is destroyed: that writes what is waiting first.
class Spool final : public Sink {
 public:
  // kIo: the folder cannot be read or written. kConflict: another spool has it open, or its files are of two spools.
  // What a crash left half written is cut off; what is damaged is logged and passed over.
  static base::Result<std::unique_ptr<Spool>> open(SpoolOptions options, base::Random& random);
  // The same on a disk of the test's own, which outlives the spool.
  static base::Result<std::unique_ptr<Spool>> open(SpoolOptions options, base::Random& random, const Disk& disk);
  ~Spool() override;

  // Random, made with the spool's first file: a spool that was lost comes back with another one.
  const Id& id() const;

  // kUnavailable: too much is waiting, or the disk is full; kLimitExceeded: more than 8 MiB in one call.
  base::Result<void> append(std::span<const Event> events, Done done) override;

  // Events [from, to) as write() made them, one behind the other.
  struct Batch {
    std::uint64_t from = 0, to = 0;
    base::Bytes events;
  };
  // What is on disk from this number on, at most so much (but one event, if there is one). When the event with this
  // number is not there any more, the batch begins at the next that is; when there is none, it is empty and `to` says
  // from where to go on. kConflict: the number has not been reached.
  base::Result<Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes);
  // Until there is something to read from this number on: true; or that time is over.
  bool wait(std::uint64_t from, std::chrono::milliseconds most);
  // Events below this number are not needed any more. Deletes the files that hold no others, never the newest.
  void shipped(std::uint64_t upTo);
  // Begins a new file soon, so that what is there by now is deleted as soon as it is shipped: of a viewer who is erased
  // nothing stays in the newest.
  void turn();

  SpoolCounters counters() const;

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dvpe::events
