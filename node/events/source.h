// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Where the shipper takes events from: the spool, or a test's own.
#pragma once

#include <memory>

#include "node/events/spool.h"

namespace dvpe::events {

// As the spool's calls of these names say. Any thread.
class SpoolSource {
 public:
  virtual ~SpoolSource() = default;
  virtual Id id() const = 0;
  virtual base::Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes) = 0;
  virtual bool wait(std::uint64_t from, std::chrono::milliseconds most) = 0;
  virtual void shipped(std::uint64_t upTo) = 0;
};

// This spool, which outlives it.
std::unique_ptr<SpoolSource> sourceOf(Spool& spool);

}  // namespace dvpe::events
