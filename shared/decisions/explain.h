// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Why a viewer gets what choose() and decide() give: the same walk, with every rule, every line's first reason for no,
// and the arithmetic of the pods. Holds the viewer's attributes: for the viewer's own eyes or a preview, never for
// logs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/decisions/breaks.h"

namespace dvpe::decisions {

// What became of one action of a rule whose condition is true.
struct ActionReport {
  std::string what;  // "shows overlay welcome (greeting = Willkommen)"
  bool used = true;
  std::string why;  // when not used: what was decided before; or a note, such as a fallback taken
};

struct CreativeReport {
  std::string media;
  int units = 0;                // 0: not conditioned
  std::optional<int> fromUnit;  // in the asked break
  std::string why;              // when not placed: "not conditioned", "15 units do not fit into 10", ...
};

struct LineReport {
  std::string name;    // "campaign/line"; of a campaign in short its id
  std::string ruleId;  // of the first true rule that lets it in; empty: none does
  rules::Verdict verdict = rules::Verdict::kUnknown;
  std::optional<rules::Explanation> condition;  // of kMostTrees lines, those that come furthest first
  std::string why;                              // the first reason for no; empty: it may be shown
  bool house = false;
  std::uint32_t rate = 0, draw = 0;  // millionths
  std::int64_t worth = 0;            // of an impression now: micro-units, without its priority
  std::vector<CreativeReport> creatives;
};

struct RuleReport {
  std::string ruleset;
  std::string rule;
  rules::Explanation condition;
  std::vector<ActionReport> actions;  // empty when the condition is not true, or the rule does not count
  std::string why{};                  // when it does not count: its ruleset is held, its experiment's arm is another
};

inline constexpr std::size_t kMostTrees = 64;

struct Report {
  Choice choice;
  Ready ready;
  int units = 0;  // of the asked break
  Bound bound;    // as if it came now and no ceiling was reached
  std::vector<RuleReport> rules;
  std::vector<LineReport> lines;  // all of the channel: in pods first, then the others as far as they came
};

// breakUnits: the length of a break to fill.
Report explain(const Terms& terms, const Viewer& viewer, const Moment& moment, int breakUnits);

// The part of a condition that decides that it is not true, with its reason: "viewer.age > 30 is false: viewer.age is
// 20".
std::string firstLosing(const rules::Explanation& condition);

// The report as a JSON object (docs/reference/documents.md, "Explanations").
std::string toJson(const Report& report, const Terms& terms);

}  // namespace dvpe::decisions
