// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The cut list of a channel (design, law 2): which tick each segment starts at, decided by the stamped stream alone.
#pragma once

#include <optional>
#include <vector>

#include "node/timeline/stamped.h"
#include "shared/base/result.h"

namespace dvpe::timeline {

// Feed it every stamped message in order; it answers with the cuts that became final by it. A cut is *made* when the
// newest stamped time reaches it (a picture counts from the slot that it may take); until then a cue may still move it.
// All state is a CutState: two cutters with equal states answer equally, whatever came before. One thread at a time.
//
// The next cut follows from the last one and the span alone:
//  - in a span: span.start + 4kU, and its end (the last cell is what remains);
//  - in the programme: the next multiple of 4 U; a piece shorter than 2 U is joined to the cell after it and the whole
//    cut in two, so that no segment is under 2 U or over 4 U for this reason;
//  - a span ahead at F moves a grid cut inside (F - 1 U, F) to F - 1 U.
class Cutter {
 public:
  explicit Cutter(Grid grid) : grid_(grid) {}
  Cutter(Grid grid, CutState state) : grid_(grid), state_(std::move(state)) {}

  // The cuts that this message made final, oldest first. A CutState in the stream is taken as the state if none has
  // been made yet, and otherwise passed over. The first video packet (or passing of time) makes the first cut.
  std::vector<Cut> advance(const StampedMessage& message);

  // Brings the newest stamped time to t, as a message with that time would. first: makes the first cut if there is
  // none.
  std::vector<Cut> advanceTo(Ticks t, bool first = false);

  // What advance() does with a cue, with its answer: the span as it will be, or why it is refused (kConflict: a span is
  // open or ahead; kUnavailable: nothing is on air yet; kNotFound: nothing to end). A refused cue changes nothing.
  base::Result<Span> announce(const CueOut& cue);
  // The tick at which the span ends now. A span that has not begun is withdrawn: the answer is its start.
  base::Result<Ticks> retract(const CueIn& cue);

  const CutState& state() const { return state_; }
  const Grid& grid() const { return grid_; }
  // The next cut as things stand. Requires a cut to have been made.
  Ticks nextCut() const;

 private:
  Cut makeCut(Ticks at);
  void note(const Mark& mark);

  Grid grid_;
  CutState state_;
};

}  // namespace dvpe::timeline
