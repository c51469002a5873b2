// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The spool's files: segments that follow one another in a folder. A segment ends, whatever stands in it, where the
// next one's numbers begin; the newest ends with its last whole block. A segment is in the folder with its header or
// not at all, and the newest is never deleted, so that the spool's id and its numbers outlive everything in it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "node/events/impl/disk.h"
#include "node/events/impl/segment.h"
#include "node/events/spool.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::events {

// Blocks that are to be written: for each, room for its header, and its events.
struct Draft {
  struct Block {
    std::size_t at = 0;
    std::uint32_t count = 0;
  };
  base::Bytes bytes;
  std::vector<Block> blocks;

  std::uint64_t events() const;
  void clear();  // keeps the memory, unless it is much
};

class Store {
 public:
  // Spool::open() says how it fails.
  static base::Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder, std::uint64_t segmentBytes,
                                                   base::Random& random, const Disk& disk);

  const Id& id() const { return id_; }

  // One thread alone. On an error nothing of it is there.
  base::Result<void> commit(Draft& draft);
  // The same thread: a new segment, unless nothing is in the newest.
  base::Result<void> turn();

  // The rest is for any thread, and as the spool has it.
  base::Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes);
  void drop(std::uint64_t upTo);
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t oldest() const;
  std::uint64_t next() const;
  std::uint64_t damaged() const;

 private:
  struct Segment {
    std::uint64_t serial = 0;  // its name
    std::uint64_t first = 0;   // number of its first event
    std::uint64_t bytes = 0;   // that are on disk
    bool hasHeader = true;
  };
  // A beginning of a block.
  struct Cursor {
    std::uint64_t serial = 0, at = 0, number = 0;
  };
  struct Limits {
    std::size_t events, bytes;
  };
  struct Place {
    Segment segment;
    Blocks::Range range;
  };

  Store(std::filesystem::path folder, std::uint64_t segmentBytes, const Disk& disk)
      : folder_(std::move(folder)), segmentBytes_(segmentBytes), disk_(disk) {}
  base::Result<void> load(base::Random& random);
  base::Result<void> take(std::uint64_t serial, std::optional<Id>& id);
  base::Result<void> resume();
  base::Result<void> beginSegment();
  base::Result<std::optional<Place>> locate(Spool::Batch& batch) const;
  bool readSegment(int file, const Place& place, Limits limits, Spool::Batch& batch);
  bool passOver(std::uint64_t to, Spool::Batch& batch);
  void noteHole(std::uint64_t from, std::uint64_t to);
  std::filesystem::path pathOf(std::uint64_t serial) const;

  const std::filesystem::path folder_;
  const std::uint64_t segmentBytes_;
  const Disk& disk_;
  Id id_{};
  File lock_;  // the folder, while it is ours
  File file_;  // the newest segment; none: it is not to be trusted
  std::uint64_t nextSerial_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;

  mutable std::mutex mutex_;  // what follows
  std::deque<Segment> segments_;
  std::uint64_t next_ = 0;
  std::uint64_t dropped_ = 0;      // up to which event nothing is needed any more
  Cursor cursor_;                  // where reading will likely go on
  std::set<std::uint64_t> holes_;  // where those begin that have been counted
  std::uint64_t damaged_ = 0;
};

}  // namespace dvpe::events
