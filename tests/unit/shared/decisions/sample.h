// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What decisions come to, by names, for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/decisions/breaks.h"

namespace dvpe::decisions {

struct PodSlot {
  std::string media, line;
  int fromUnit = 0;
  int units = 0;
  bool operator==(const PodSlot&) const = default;
};
struct Pod {
  std::vector<PodSlot> slots;
  int slateUnits = 0;
  bool operator==(const Pod&) const = default;
};

inline Terms termsOf(std::shared_ptr<const Compiled> compiled, const UnitsOf& lengths, const std::string& channel = "c",
                     std::shared_ptr<const Plan> plan = nullptr, base::WallTime at = {}) {
  return Terms{std::move(compiled), channel, std::move(plan), at, lengths};
}

inline Pod named(const Terms& terms, const Bound& bound) {
  Pod out;
  int from = 0;
  for (const Slot& slot : bound.slots) {
    const CompiledLine& line = terms.channel().lines[slot.line];
    out.slots.push_back({line.creatives[slot.creative].media, line.name, from, slot.units});
    from += slot.units;
  }
  out.slateUnits = bound.slateUnits;
  return out;
}

// A break, decided and bound at once, with nothing in the way.
inline Pod fill(const std::shared_ptr<const Compiled>& compiled, const rules::Attributes& who, int units,
                const UnitsOf& lengths, const std::string& channel = "c") {
  const Terms terms = termsOf(compiled, lengths, channel);
  Decider decider;
  const Ready ready = decider.decide(terms, choose(*compiled, channel, who), who, {});
  return named(terms, bind(terms, ready, units, true, [](std::uint32_t) { return true; }));
}

inline std::vector<std::string> campaigns(const Compiled& compiled, const rules::Attributes& who,
                                          const std::string& channel = "c") {
  std::vector<std::string> out;
  for (const std::uint32_t line : choose(compiled, channel, who).lines) {
    out.push_back(compiled.channel(channel)->lines[line].name);
  }
  return out;
}

}  // namespace dvpe::decisions
