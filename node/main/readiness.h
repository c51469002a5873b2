// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Whether a node may be sent viewers (/readyz). A node that drains, or whose newest segment is more than three target
// durations behind the channel's clock, says no, so that what stands in front of it takes viewers elsewhere instead of
// handing out stale playlists.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/ticks.h"

namespace dvpe::node {

// add() and start() on the main thread, before others use it; the rest from any thread, without locks. A channel that
// was never on air does not count.
class Readiness {
 public:
  explicit Readiness(const base::Clock& clock)
      : clock_(clock), startedAt_(clock.wall()), startedSteady_(clock.steady()) {}

  // cell: the length of a segment on the grid. onAir: it was before a restart, and goes on.
  void add(base::WallTime epoch, base::Ticks cell, bool onAir) {
    channels_.push_back(std::make_unique<Channel>());
    channels_.back()->origin = base::fromWall(epoch, startedAt_);
    channels_.back()->patience = 3 * cell;
    if (onAir) pictures(channels_.size() - 1);
  }
  // Everything runs; also after a drain.
  void start() { running_ = true; }
  // Viewers go elsewhere.
  void drain() { running_ = false; }

  // The channel has pictures: from now on segments are expected of it.
  void pictures(std::size_t channel) {
    std::int64_t never = kNever;
    channels_[channel]->since.compare_exchange_strong(never, elapsed().count(), std::memory_order_relaxed);
  }
  // A segment that ends there has been listed.
  void listed(std::size_t channel, base::Ticks end) {
    channels_[channel]->newest.store(end.count(), std::memory_order_relaxed);
  }

  bool ready() const {
    if (!running_) return false;
    const base::Ticks passed = elapsed();
    for (const auto& channel : channels_) {
      const std::int64_t since = channel->since.load(std::memory_order_relaxed),
                         newest = channel->newest.load(std::memory_order_relaxed);
      if (since == kNever) continue;
      const bool fresh = newest != kNever && channel->origin + passed - base::Ticks{newest} <= channel->patience;
      const bool beginning = newest == kNever && passed - base::Ticks{since} <= channel->patience;
      if (!fresh && !beginning) return false;
    }
    return true;
  }

 private:
  static constexpr std::int64_t kNever = -1;
  struct Channel {
    base::Ticks origin{}, patience{};
    std::atomic<std::int64_t> since{kNever}, newest{kNever};
  };
  base::Ticks elapsed() const { return std::chrono::floor<base::Ticks>(clock_.steady() - startedSteady_); }

  const base::Clock& clock_;
  const base::WallTime startedAt_;
  const std::chrono::steady_clock::time_point startedSteady_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::atomic<bool> running_{false};
};

}  // namespace dvpe::node
