// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which variants a cut needs: what viewers' cohorts want, against what is on air at that tick. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/timeline/feed.h"

namespace dvpe::render {

using base::Ticks;

// An overlay with everything that decides its pixels in a segment.
struct ActiveOverlay {
  std::shared_ptr<const model::Overlay> overlay;
  std::map<std::string, std::string> values;     // the cohort's
  std::map<std::string, std::string> programme;  // the event's, equal for all viewers
  Ticks from{};                                  // its animation starts here; 0: it was always there
  std::optional<Ticks> until;                    // and ends here, when that is known
  std::string event;                             // what it waits for; empty: nothing
};

// The programme as some cohorts see it from one cut to the next. id: 16 hex digits of the overlays, their events (which
// decide when they enter and leave) and values.
struct Variant {
  std::string id;
  std::vector<ActiveOverlay> overlays;
  int viewers = 0;
};

struct CutPlan {
  std::vector<Variant> variants;               // without the base; in order of id
  std::vector<std::uint16_t> variantOfCohort;  // 0: the base; else index in variants + 1
};

// What is wanted at a cut: one variant for each different set of overlays that is on air there. An overlay tied to an
// event is on air while that event (a mark, or a span of that name; "break" for breaks) is open at the cut, and for the
// one segment in which it leaves.
CutPlan planCut(const timeline::Cut& cut, const timeline::CutState& state, const timeline::DemandList& demand);

}  // namespace dvpe::render
