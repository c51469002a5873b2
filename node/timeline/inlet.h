// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The inlet for cues from outside the source (HTTP, control, schedules) into a channel's stamped stream (law 1).
#pragma once

#include <functional>

#include "node/timeline/stamped.h"
#include "shared/base/result.h"

namespace dvpe::timeline {

// Thread-safe. Each answer comes once, on the inlet's own thread.
class Inlet {
 public:
  virtual ~Inlet() = default;
  // units 0: the channel's default length. The answer: the span as it will be on air.
  virtual void cueOut(CueOut cue, std::function<void(base::Result<Span>)> answer) = 0;
  // The answer: the tick at which it ends.
  virtual void cueIn(CueIn cue, std::function<void(base::Result<Ticks>)> answer) = 0;
  virtual void mark(Mark mark, std::function<void(base::Result<void>)> answer) = 0;
};

}  // namespace dvpe::timeline
