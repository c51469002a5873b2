// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One spool for two who take from it: the shipper and the ledger.
#pragma once

#include <array>
#include <mutex>

#include "node/events/source.h"

namespace dvpe::events {

// Two sources of one: what both have done with is let go of, the other stays. Until each has said something, all
// stays. Any thread.
class SharedSource {
 public:
  // The source outlives it, and it outlives the two.
  explicit SharedSource(SpoolSource& source);
  SpoolSource& first() { return first_; }
  SpoolSource& second() { return second_; }

 private:
  class Half final : public SpoolSource {
   public:
    Half(SharedSource& all, std::size_t index) : all_(all), index_(index) {}
    Id id() const override { return all_.source_.id(); }
    base::Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes) override {
      return all_.source_.read(from, mostEvents, mostBytes);
    }
    bool wait(std::uint64_t from, std::chrono::milliseconds most) override { return all_.source_.wait(from, most); }
    void shipped(std::uint64_t upTo) override { all_.done(index_, upTo); }

   private:
    SharedSource& all_;
    const std::size_t index_;
  };
  void done(std::size_t index, std::uint64_t upTo);

  SpoolSource& source_;
  std::mutex mutex_;
  std::array<std::uint64_t, 2> done_{};
  Half first_{*this, 0}, second_{*this, 1};
};

}  // namespace dvpe::events
