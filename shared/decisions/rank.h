// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A model chooses among the creatives of an optimised line, within what rules, caps and money allow: which of those of
// one length the line takes part with. It never composes pods. Each choice has a known probability (shared/learning/
// ranker.h) and is told with it, so that what came of it is learnt from (docs/reference/learning.md).
#pragma once

#include <boost/container/small_vector.hpp>
#include <memory>
#include <string>

#include "shared/decisions/decisions.h"
#include "shared/learning/model.h"
#include "shared/learning/ranker.h"

namespace dvpe::decisions {

// Of more creatives, these take part, from the one whose turn it is on.
inline constexpr std::size_t kMaxRanked = 16;
static_assert(kMaxRanked <= learning::kMaxCandidates);

// A choice among a line's creatives of one length.
struct Ranked {
  std::uint32_t line = 0;  // of the channel's
  std::uint16_t chosen = 0;
  struct Of {
    std::uint16_t creative = 0;
    double probability = 0;
  };
  boost::container::small_vector<Of, 4> among;
};

// All that a model chose for a viewer's break, and by what.
struct Rankings {
  std::uint64_t model = 0;                   // its number
  std::shared_ptr<const Compiled> compiled;  // whose lines these are of
  const Compiled::CompiledChannel* channel = nullptr;
  learning::Features facts;
  std::vector<Ranked> choices;

  // Null: no model chose it.
  const Ranked* find(std::uint32_t line, std::uint16_t creative) const;
};

// What a creative is called in models: "completed/<campaign>/<line>/<creative>" when the line's goal is completed
// views, else "attention/...".
std::string armName(const CompiledLine& line, std::size_t creative);

// What a model may know of a viewer: the part of the day and of the week (UTC), and of forecastable fields what the
// decision sample would be told of them, as far as the viewer lets campaigns read them. docs/reference/learning.md.
learning::Features factsOf(const Compiled::CompiledChannel& channel, const Viewer& viewer, base::WallTime at);

// Adds to a channel the facts of the forecastable fields of a ruleset.
void addFacts(const model::Ruleset& ruleset, Compiled::CompiledChannel& channel);

// A choice as the event `creative_ranked` tells it (docs/reference/events.md): JSON of at most kMaxRankedText bytes.
std::string toText(const Rankings& rankings, const Ranked& ranked, std::string_view release, std::uint64_t plan);
inline constexpr std::size_t kMaxRankedText = 2'048;

}  // namespace dvpe::decisions
