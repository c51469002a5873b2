// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which slot of a grid something falls into: the first that rounds to a slot wins, and a source that jitters around a
// boundary stays where it is (design, law 1: hysteresis of 3/4 slot).
#pragma once

#include <cstdint>
#include <optional>

#include "shared/base/ticks.h"

namespace dvpe::decode {

// Walks a grid of equal slots. next() is the slot that comes next; take() says where something at time t belongs.
class SlotWalk {
 public:
  explicit SlotWalk(base::Ticks slot) : slot_(slot) {}

  bool started() const { return started_; }
  std::int64_t next() const { return next_; }
  void start(std::int64_t slot) {
    next_ = slot;
    started_ = true;
  }
  void advance() { ++next_; }

  // The slot for t, at or after next(); nothing: its slot is taken already and it is to be dropped.
  std::optional<std::int64_t> take(base::Ticks t) const {
    const base::Ticks expected = slot_ * next_;
    if (std::chrono::abs(t - expected) * 4 < slot_ * 3) return next_;
    return takeNearest(t);
  }
  // The same without hysteresis: where t belongs, whatever came before it.
  std::optional<std::int64_t> takeNearest(base::Ticks t) const {
    const std::int64_t nearest = (t + slot_ / 2) / slot_;
    return nearest < next_ ? std::nullopt : std::optional(nearest);
  }

 private:
  base::Ticks slot_;
  std::int64_t next_ = 0;
  bool started_ = false;
};

}  // namespace dvpe::decode
