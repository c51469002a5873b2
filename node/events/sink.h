// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Where events are handed over.
#pragma once

#include <functional>
#include <span>

#include "node/events/event.h"

namespace dvpe::events {

class Sink {
 public:
  using Done = std::function<void(base::Result<void>)>;
  virtual ~Sink() = default;

  // All of the events or none. Any thread; does not wait for a disk; copies. done (may be empty, must be quick) is
  // called once, on the sink's own thread, when they are on disk or with why they are not. An error: nothing was taken,
  // and `done` is not called. kUnavailable: there is no room; kLimitExceeded: too many in one call.
  virtual base::Result<void> append(std::span<const Event> events, Done done) = 0;
};

}  // namespace dvpe::events
