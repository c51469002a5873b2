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

  // Any thread; does not wait for a disk; copies. done: called once, on the sink's own thread or on this one, when all
  // of them are on disk, or with why none of them is going to be: kLimitExceeded (there is no room), kIo. May be empty.
  virtual void append(std::span<const Event> events, Done done) = 0;
};

}  // namespace dvpe::events
