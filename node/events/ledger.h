// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Signed impressions: what an advertiser is asked to pay for, in files that show when somebody changes one, cuts it or
// leaves it out. docs/reference/impressions.md is the format; verify.h checks it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "node/events/source.h"
#include "shared/base/clock.h"
#include "shared/privacy/secret.h"
#include "shared/release/signing.h"

namespace dvpe::events {

class Disk;

struct LedgerOptions {
  std::filesystem::path folder;                 // made when there is none; nobody else's
  std::uint64_t mostBytes = 64ULL << 30U;       // on disk; when it is full, the spool keeps what is not written
  std::chrono::seconds sealEvery{60};           // a line is under a seal after this time,
  std::uint64_t sealLines = 1000;               // or so many lines
  std::chrono::milliseconds commitEvery{5000};  // at most one flush and one manifest in this time,
  std::size_t commitBytes = 16U << 20U;         // unless so much is waiting
  int openDays = 2;                             // a day is closed so many days after it is over
  int keepDays = 396;                           // and deleted then: 13 months
  std::size_t mostFiles = 20'000;               // of days that are open
  std::size_t remembered = 2'000'000;           // impressions, of which a second one is known: 16 to 32 bytes each
  std::size_t mostEvents = 20'000;              // read at once
};

// Since it began, but for what is there now.
struct LedgerCounters {
  std::uint64_t impressions = 0;  // lines that are on disk and in a manifest
  std::uint64_t repeated = 0;     // told again: they were there
  std::uint64_t unreadable = 0;   // numbers that the spool has no event for any more
  std::uint64_t seals = 0, commits = 0;
  std::uint64_t errors = 0;    // tries that failed
  std::uint64_t damaged = 0;   // files that lack what was signed: listed as they were, and not written any more
  std::uint64_t position = 0;  // number of the first event that is not written yet
  std::uint64_t bytes = 0;     // on disk now
  std::uint64_t files = 0;     // of days that are open
  bool full = false;           // there is no room: nothing is lost before the spool is full too
};

// Takes impressions from the spool and writes each once, whatever is killed when: files are flushed first; then the
// manifest, which is replaced whole, says how long each is and up to which event all are written. What a file has
// behind that is cut off when the ledger is opened, and made again from the spool.
//
// One thread, but counters().
class Ledger {
 public:
  // source, key, disk and clock outlive it; ids: a secret of this node's, by which ids of impressions are made; it must
  // stay the same, and be nowhere near the files. kConflict: another ledger has the folder open, or its manifest is
  // another node's or damaged; kIo.
  static base::Result<std::unique_ptr<Ledger>> open(LedgerOptions options, SpoolSource& source,
                                                    const release::PrivateKey& key, const privacy::SecretKey& ids,
                                                    const base::Clock& clock);
  static base::Result<std::unique_ptr<Ledger>> open(LedgerOptions options, SpoolSource& source,
                                                    const release::PrivateKey& key, const privacy::SecretKey& ids,
                                                    const base::Clock& clock, const Disk& disk);
  ~Ledger();

  // Waits so long for events, takes some, and seals, closes days and commits when it is time. After an error the next
  // step begins with what the disk has. kUnavailable: there is no room.
  base::Result<void> step(std::chrono::milliseconds wait);
  // What is taken is on disk and in the manifest then; with a seal over it all.
  base::Result<void> finish();

  LedgerCounters counters() const;  // any thread

 private:
  struct Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A thread ("ledger") that takes one step after the other; after an error it waits, twice as long each time up to 10 s.
class LedgerThread {
 public:
  explicit LedgerThread(std::unique_ptr<Ledger> ledger);
  ~LedgerThread();  // seals and commits what was taken
  LedgerThread(const LedgerThread&) = delete;
  LedgerThread& operator=(const LedgerThread&) = delete;
  LedgerCounters counters() const { return ledger_->counters(); }  // any thread

 private:
  void run();

  const std::unique_ptr<Ledger> ledger_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dvpe::events
