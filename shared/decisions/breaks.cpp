// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/breaks.h"

#include <algorithm>
#include <span>

#include "shared/decisions/impl/lines.h"

namespace dvpe::decisions {

namespace {

Closed closed(const CompiledLine& line, const Held& held, const LinePlan* plan, base::WallTime at) {
  if (!line.never.empty()) return Closed::kNever;
  if (held.campaigns.contains(line.campaign->id)) return Closed::kHeld;
  if (at < line.from) return Closed::kEarly;
  if (at >= line.until) return Closed::kOver;
  if (line.line && !impl::inDayparts(*line.line, line.zone, at)) return Closed::kDaypart;
  if (line.house()) return Closed::kOpen;
  if (plan == nullptr) return Closed::kNoPlan;
  return plan->rate == 0 ? Closed::kStopped : Closed::kOpen;
}

bool shareCategory(const CompiledCreative& a, const CompiledCreative& b) {
  return std::any_of(a.categories.begin(), a.categories.end(), [&](std::uint16_t category) {
    return std::find(b.categories.begin(), b.categories.end(), category) != b.categories.end();
  });
}

// What plays in one break is put together here.
class Binding {
 public:
  Binding(const Terms& terms, const Ready& ready, const Spend& spend)
      : lines_(terms.channel().lines), ready_(ready), spend_(spend) {}

  Bound run(int units, bool current) {
    left_ = std::max(units, 0);
    const Ready::Pod* pod = nullptr;
    for (const Ready::Pod& each : ready_.pods) {
      if (current && each.length <= left_) pod = &each;
    }
    if (pod) place(slotsOf(*pod));
    for (const Slot& slot : ready_.house) {
      // What was seen since may count for those with caps.
      if (current || (line(slot).caps.empty() && creative(slot).caps.empty())) placeHouse(slot);
    }
    if (last_) out_.slots.push_back(*last_);
    out_.slateUnits = left_;
    return std::move(out_);
  }

 private:
  using Pod = std::span<const Slot>;

  const CompiledLine& line(const Slot& slot) const { return lines_[slot.line]; }
  const CompiledCreative& creative(const Slot& slot) const { return line(slot).creatives[slot.creative]; }
  Pod slotsOf(const Ready::Pod& pod) const { return Pod{ready_.slots}.subspan(pod.first, pod.count); }

  void place(Pod pod) {
    for (std::size_t i = 0; i < pod.size(); ++i) {
      std::optional<Slot> slot = pod[i];
      if (!paid(*slot)) {
        out_.contingency = true;
        slot = standIn(pod[i].units, pod.subspan(i + 1));
      }
      if (!slot) continue;
      left_ -= slot->units;
      if (line(*slot).line->position == model::BreakPosition::kLast) {
        last_ = slot;
      } else {
        out_.slots.push_back(*slot);
      }
    }
  }

  // A line that was refused is not asked for again.
  bool paid(const Slot& slot) {
    if (std::find(refused_.begin(), refused_.end(), slot.line) != refused_.end()) return false;
    if (spend_(slot.line)) return true;
    refused_.push_back(slot.line);
    return false;
  }

  // Another line for the same time, if it comes near nothing that plays in this break: the longest pod has the best.
  std::optional<Slot> standIn(int units, Pod toCome) {
    for (const Pod from : {slotsOf(ready_.pods.back()), Pod{ready_.spare.data(), ready_.spare.size()}}) {
      for (const Slot& slot : from) {
        if (slot.units == units && free(line(slot)) && !clashes(slot, out_.slots) && !clashes(slot, toCome) &&
            paid(slot)) {
          return slot;
        }
      }
    }
    return std::nullopt;
  }

  // Whether a line may stand in for another: it has no place of its own, and shares no caps with others.
  static bool free(const CompiledLine& line) {
    return line.line->position == model::BreakPosition::kAny &&
           std::all_of(line.caps.begin(), line.caps.end(), [](const CapOf& cap) { return cap.level == Level::kLine; });
  }

  void placeHouse(const Slot& slot) {
    if (slot.units > left_ || near(slot, out_.slots) || (last_ && near(slot, *last_))) return;
    out_.slots.push_back(slot);
    left_ -= slot.units;
  }

  // Of the same media or of a common category.
  bool near(const Slot& a, const Slot& b) const {
    return creative(a).media == creative(b).media || shareCategory(creative(a), creative(b));
  }
  template <class List>
  bool near(const Slot& slot, const List& placed) const {
    return std::any_of(placed.begin(), placed.end(), [&](const Slot& each) { return near(slot, each); });
  }
  template <class List>
  bool clashes(const Slot& slot, const List& placed) const {
    return near(slot, placed) || std::any_of(placed.begin(), placed.end(),
                                             [&](const Slot& each) { return line(slot).first == line(each).first; });
  }

  const std::vector<CompiledLine>& lines_;
  const Ready& ready_;
  const Spend& spend_;
  Bound out_;
  int left_ = 0;
  std::optional<Slot> last_;
  boost::container::small_vector<std::uint32_t, 8> refused_;
};

}  // namespace

Terms::Terms(std::shared_ptr<const Compiled> compiled, std::string_view channel, std::shared_ptr<const Plan> plan,
             base::WallTime at, const UnitsOf& lengths, std::shared_ptr<const learning::Model> model)
    : compiled_(std::move(compiled)),
      channel_(compiled_->channel(channel)),
      plan_(std::move(plan)),
      model_(std::move(model)),
      at_(at) {
  static const Compiled::CompiledChannel kNone;
  if (channel_ == nullptr) channel_ = &kNone;
  lines_.reserve(channel_->lines.size());
  for (const CompiledLine& line : channel_->lines) {
    LineTerms terms;
    const LinePlan* planned = plan_ ? plan_->line(line.name) : nullptr;
    terms.closed = closed(line, compiled_->held(), planned, at);
    terms.worth = line.worth;
    if (planned && !line.house()) {
      terms.rate = planned->rate;
      terms.worth = planned->worth;
    }
    for (const CompiledCreative& creative : line.creatives) {
      const bool shown = creative.never.empty() && !compiled_->held().media.contains(creative.media);
      terms.units.push_back(static_cast<std::uint16_t>(shown ? std::clamp(lengths(creative.media), 0, 0xFFFF) : 0));
    }
    for (std::size_t i = 0; model_ && line.optimised() && i < line.creatives.size(); ++i) {
      terms.known.push_back(model_->candidate(armName(line, i)));
    }
    lines_.push_back(std::move(terms));
  }
}

Bound bind(const Terms& terms, const Ready& ready, int units, bool current, const Spend& spend) {
  return Binding{terms, ready, spend}.run(units, current);
}

}  // namespace dvpe::decisions
