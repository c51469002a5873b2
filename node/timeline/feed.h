// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The feed: what render and package have finished and serve may list; and demand: which variants viewers want. The one
// place where the two halves of the node meet. Cells are immutable once published.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "node/timeline/stamped.h"
#include "shared/model/documents.h"

namespace dvpe::timeline {

// What "base" is called where a variant's id stands.
inline constexpr const char* kBaseVariant = "base";

// A segment of the channel, complete in every rendition, ready to be listed.
struct Cell {
  std::int64_t msn = 0;
  Ticks start{}, end{};
  std::optional<Span> span;                    // the break or event it is in, with the end as known at its cut
  bool hole = false;                           // nothing was rendered (the node was down): conditioned slate fills it
  std::vector<std::string> variants;           // [0] is the base
  std::vector<std::uint16_t> variantOfCohort;  // cohort index -> index in variants; cohorts beyond its end see the base
  std::vector<std::uint16_t> fallbacks;        // cohorts that see the base for lack of encodes
};

// Called on the channel's own threads, in order; implementations return at once.
class FeedListener {
 public:
  virtual ~FeedListener() = default;
  // A break or event is announced: viewers' content for it can be bound now, at least one unit before it starts.
  virtual void spanAnnounced(const Span& span) = 0;
  // The span with this id ends at this tick (early, or withdrawn before it began: at == its start).
  virtual void spanEnds(const std::string& id, Ticks at) = 0;
  // A cut is final: segments from it on can still be chosen for new sessions. Comes before the cell of the same number.
  virtual void cutMade(const Cut& cut) = 0;
  virtual void cellFinished(std::shared_ptr<const Cell> cell) = 0;
};

// One overlay as a cohort wears it.
struct OverlayUse {
  std::shared_ptr<const model::Overlay> overlay;
  std::map<std::string, std::string> values;
  model::Trigger trigger = model::Trigger::kAlways;
  std::string event;
};

// One cohort: viewers whose overlay sets are equal. index is its place in Cell::variantOfCohort, for the channel's
// life.
struct CohortDemand {
  std::uint16_t index = 0;
  std::string id;
  std::vector<OverlayUse> overlays;
  int viewers = 0;
};
using DemandList = std::vector<CohortDemand>;

// The cohorts that somebody watches now, and those that documents which take over at a later tick make of them. Written
// by personalize, read by render once per cut. Thread-safe.
class Demand {
 public:
  // What is wanted at cuts from a tick on.
  struct Era {
    Ticks from{};
    std::shared_ptr<const DemandList> list;
  };
  // In order of their ticks, at least one; the first holds before its tick too.
  void set(std::vector<Era> eras);
  void set(std::shared_ptr<const DemandList> list) { set(std::vector<Era>{{Ticks{0}, std::move(list)}}); }
  // What is wanted at this cut. No era can begin at or before it any more.
  std::shared_ptr<const DemandList> at(Ticks cut);
  // Reserves an era: it begins at `from`, or at the first tick for which no cut has asked yet; that tick is returned.
  // Until set() says more, it wants what the one before wants.
  Ticks begin(Ticks from);
  // The newest cut that has asked; below 0: none.
  Ticks newest() const;
  // A clean feed: from the next cut on nothing is wanted, until it is taken back.
  void clean(bool on);
  bool isClean() const;

 private:
  mutable std::mutex mutex_;
  bool clean_ = false;
  std::vector<Era> eras_{{Ticks{0}, std::make_shared<const DemandList>()}};
  Ticks asked_{-1};  // the newest cut
};

}  // namespace dvpe::timeline
