// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/on_air.h"

#include <algorithm>

#include "shared/base/bytes.h"

namespace dvpe::render {

namespace {

// The overlay as it is at the cut, or nothing if it is not on air.
std::optional<ActiveOverlay> activeAt(const timeline::OverlayUse& use, const timeline::Cut& cut,
                                      const timeline::CutState& state) {
  ActiveOverlay active{use.overlay, use.values, {}, Ticks{0}, std::nullopt, {}};
  if (use.trigger == model::Trigger::kAlways) return active;
  active.event = use.event;
  if (cut.span) {
    const bool named =
        cut.span->kind == timeline::SpanKind::kBreak ? use.event == "break" : use.event == cut.span->name;
    if (named) {
      active.from = cut.span->start;
      active.until = cut.span->end;
      return active;
    }
  }
  const auto it = state.events.find(use.event);
  if (it == state.events.end() || !it->second.from || *it->second.from > cut.at) return std::nullopt;
  const timeline::OpenEvent& event = it->second;
  if (event.until && *event.until < cut.at) return std::nullopt;
  active.from = *event.from;
  active.programme = event.mark.values;
  // The state may be that of a later cut: what ends there is still on air here, and its end not known yet.
  if (event.until && *event.until == cut.at) {
    active.until = *event.until + Ticks{use.overlay->out.milliseconds * base::kTicksPerMillisecond};
    if (use.overlay->out.kind == model::AnimationKind::kNone) return std::nullopt;  // nothing left to show
  }
  return active;
}

std::string digest(const std::vector<ActiveOverlay>& overlays) {
  std::string text;
  const auto add = [&text](const std::string& s) { text += std::to_string(s.size()) + ':' + s; };
  for (const auto& o : overlays) {
    add(o.overlay->id);
    add(std::to_string(o.overlay->revision));
    add(o.event);
    for (const auto& [k, v] : o.values) {
      add(k);
      add(v);
    }
    text += ';';
  }
  return base::sha256(base::view(text)).substr(0, 16);
}

}  // namespace

CutPlan planCut(const timeline::Cut& cut, const timeline::CutState& state, const timeline::DemandList& demand) {
  CutPlan plan;
  std::map<std::string, Variant> wanted;
  std::vector<std::pair<std::size_t, std::string>> cohorts;
  std::size_t size = 0;
  for (const auto& cohort : demand) {
    std::vector<ActiveOverlay> active;
    for (const auto& use : cohort.overlays) {
      if (auto overlay = activeAt(use, cut, state)) active.push_back(std::move(*overlay));
    }
    size = std::max<std::size_t>(size, cohort.index + 1U);
    if (active.empty() || cohort.viewers <= 0) continue;
    const std::string id = digest(active);
    Variant& variant = wanted[id];
    variant.viewers += cohort.viewers;
    if (variant.id.empty()) {
      variant.id = id;
      variant.overlays = std::move(active);
    }
    cohorts.emplace_back(cohort.index, id);
  }
  plan.variantOfCohort.assign(size, 0);
  std::map<std::string, std::uint16_t> number;
  for (auto& [id, variant] : wanted) {
    plan.variants.push_back(std::move(variant));
    number[id] = static_cast<std::uint16_t>(plan.variants.size());
  }
  for (const auto& [index, id] : cohorts) plan.variantOfCohort[index] = number[id];
  return plan;
}

}  // namespace dvpe::render
