// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a viewer's session holds ready for the next break, decided before the break is there, and how it is bound when
// it comes. Deciding is a pure function of release, plan, viewer, moment and the break's number; binding adds the one
// thing that differs between nodes: what is left under a ceiling.
#pragma once

#include <boost/container/small_vector.hpp>

#include "shared/decisions/decisions.h"
#include "shared/decisions/plan.h"
#include "shared/decisions/pods.h"
#include "shared/decisions/rank.h"

namespace dvpe::decisions {

// Why a line plays for nobody at a moment.
enum class Closed : std::uint8_t { kOpen, kNever, kHeld, kEarly, kOver, kDaypart, kNoPlan, kStopped };

// A line at a moment, the same for every viewer.
struct LineTerms {
  Closed closed = Closed::kOpen;
  std::uint32_t rate = kWholeRate;
  std::int64_t worth = 0;                  // an impression's, with its priority still to be added: micro-units
  std::vector<std::uint16_t> units;        // by creative; 0: cannot be shown (not conditioned, held, blocked)
  std::vector<learning::Candidate> known;  // by creative, what the model knows of it; empty: no model chooses
};

// What holds for all viewers of a channel at a moment. Immutable; any thread. Made anew when the plan changes and every
// few seconds, for flights and dayparts.
class Terms {
 public:
  // compiled, plan, model: shared, kept. plan: null: none yet, lines with a goal or a price do not play. model: null:
  // none yet, creatives that it would choose among take turns.
  Terms(std::shared_ptr<const Compiled> compiled, std::string_view channel, std::shared_ptr<const Plan> plan,
        base::WallTime at, const UnitsOf& lengths, std::shared_ptr<const learning::Model> model = {});

  const Compiled& compiled() const { return *compiled_; }
  const Compiled::CompiledChannel& channel() const { return *channel_; }
  const Plan* plan() const { return plan_.get(); }
  const learning::Model* model() const { return model_.get(); }
  const std::shared_ptr<const Compiled>& shared() const { return compiled_; }
  base::WallTime at() const { return at_; }
  const LineTerms& of(std::uint32_t line) const { return lines_[line]; }

 private:
  std::shared_ptr<const Compiled> compiled_;
  const Compiled::CompiledChannel* channel_;
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const learning::Model> model_;
  base::WallTime at_;
  std::vector<LineTerms> lines_;
};

// One creative in a break.
struct Slot {
  std::uint32_t line = 0;  // of the channel's
  std::uint16_t creative = 0;
  std::uint16_t units = 0;
  bool operator==(const Slot&) const = default;
};
using Slots = boost::container::small_vector<Slot, 8>;

// What a session holds for the next break: a pod for each of the channel's lengths; and the contingency, for what
// cannot be bound when the time has come, and for the time that is left. Slots of a pod are in the order in which they
// play: who bought the first place, others by their worth, who bought the last place.
struct Ready {
  std::uint64_t breakNumber = 0;
  std::uint64_t plan = 0;            // its number; 0: none
  std::uint32_t historyVersion = 0;  // of the history that it was decided by
  struct Pod {
    std::uint16_t length = 0, first = 0, count = 0;  // units; place and number in slots
    bool exact = true;
    std::int64_t worth = 0;  // with priorities
  };
  boost::container::small_vector<Pod, 5> pods;  // ascending by length
  std::vector<Slot> slots;
  Slots spare;  // what could take a slot of the same length beside what is in the longest pod, best first
  Slots house;  // in order
  std::shared_ptr<const Rankings> rankings;  // of its slots and spare; null: a model chose none of them
};

// Where and when: the same on every node.
struct Moment {
  std::string_view session;  // its id: draws are its own
  std::uint64_t breakNumber = 0;
};

// Whether a line may be shown to a viewer, as far as it was looked at: for counting and for explanations.
struct Consideration;

// Decides pods; keeps its memory between uses. One thread at a time.
class Decider {
 public:
  Decider();
  ~Decider();
  // choice: of the same viewer, from the same Compiled. eligible: lines that could be shown but for the draw, added to
  // by number of the line; null: not counted.
  Ready decide(const Terms& terms, const Choice& choice, const Viewer& viewer, const Moment& moment,
               std::vector<std::uint32_t>* eligible = nullptr);
  // The same, telling of each line of `choice` what came of it.
  Ready decide(const Terms& terms, const Choice& choice, const Viewer& viewer, const Moment& moment,
               std::vector<Consideration>& report);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What the first reason for no is about: flights and the like, the plan, the experiment's arm, the viewer's own wish,
// what there is to show, caps, the draw, or what the other lines are worth.
enum class Refusal : std::uint8_t { kNone, kClosed, kPlan, kArm, kHidden, kCreatives, kCap, kDraw, kOthers };

struct Consideration {
  std::uint32_t line = 0;
  std::string why;  // the first reason for no; empty: it is in a pod, or shown where nothing else is
  Refusal refusal = Refusal::kNone;
  std::int64_t worth = 0;                 // with which it took part, without its priority
  std::uint32_t draw = 0;                 // in millionths: it takes part when this is under its rate
  std::uint16_t creative = 0, units = 0;  // what it took part with; 0 units: it did not
};

// Takes one impression of a line from what the node may still give out. False: there is none left.
using Spend = std::function<bool(std::uint32_t line)>;

// What plays in a break.
struct Bound {
  Slots slots;
  int slateUnits = 0;
  bool contingency = false;  // a slot was filled otherwise than decided, because a ceiling was reached
};

// Binds what was held to a break of so many units. Another length than was decided for takes the longest pod that fits;
// then house ads, then slate. current: false when the pods may not be used (another break's, or decided before the
// viewer saw something else): house ads without caps, and slate.
Bound bind(const Terms& terms, const Ready& ready, int units, bool current, const Spend& spend);

}  // namespace dvpe::decisions
