// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/breaks.h"

#include <algorithm>

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

}  // namespace

Terms::Terms(std::shared_ptr<const Compiled> compiled, std::string_view channel, std::shared_ptr<const Plan> plan,
             base::WallTime at, const UnitsOf& lengths)
    : compiled_(std::move(compiled)), channel_(compiled_->channel(channel)), plan_(std::move(plan)), at_(at) {
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
    lines_.push_back(std::move(terms));
  }
}

Bound bind(const Terms& terms, const Ready& ready, int units, bool current, const Spend& spend) {
  Bound out;
  const auto& lines = terms.channel().lines;
  int left = std::max(units, 0);
  const auto creative = [&](const Slot& slot) -> const CompiledCreative& {
    return lines[slot.line].creatives[slot.creative];
  };
  const Ready::Pod* pod = nullptr;
  for (const Ready::Pod& each : ready.pods) {
    if (current && each.length <= left) pod = &each;
  }
  std::optional<Slot> last;
  for (int i = 0; pod && i < pod->count; ++i) {
    Slot slot = ready.slots[static_cast<std::size_t>(pod->first + i)];
    if (!spend(slot.line)) {
      out.contingency = true;
      // Another line for the same time, if it comes near nothing that plays in this break.
      const auto fits = [&](const Slot& other) {
        if (other.units != slot.units) return false;
        const auto clashes = [&](const Slot& placed) {
          return lines[placed.line].first == lines[other.line].first ||
                 shareCategory(creative(placed), creative(other));
        };
        const auto* const begin = ready.slots.data() + pod->first;
        return std::none_of(out.slots.begin(), out.slots.end(), clashes) &&
               std::none_of(begin + i + 1, begin + pod->count, clashes) && spend(other.line);
      };
      const auto other = std::find_if(ready.spare.begin(), ready.spare.end(), fits);
      if (other == ready.spare.end()) continue;
      slot = *other;
    }
    left -= slot.units;
    const auto* const line = lines[slot.line].line;
    if (line && line->position == model::BreakPosition::kLast) {
      last = slot;
    } else {
      out.slots.push_back(slot);
    }
  }
  for (const Slot& slot : ready.house) {
    const auto clashes = [&](const Slot& placed) {
      return creative(placed).media == creative(slot).media || shareCategory(creative(placed), creative(slot));
    };
    if (slot.units > left || std::any_of(out.slots.begin(), out.slots.end(), clashes) || (last && clashes(*last))) {
      continue;
    }
    out.slots.push_back(slot);
    left -= slot.units;
  }
  if (last) out.slots.push_back(*last);
  out.slateUnits = left;
  return out;
}

}  // namespace dvpe::decisions
