// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Why a viewer gets what choose() and fillBreak() give: the same walk, with every rule and every reason.
// Holds the viewer's attributes: for the viewer's own eyes or a preview, never for logs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/decisions/decisions.h"

namespace dvpe::decisions {

// What became of one action of a rule whose condition is true.
struct ActionReport {
  std::string what;  // "shows overlay welcome (greeting = Willkommen)"
  bool used = true;
  std::string why;  // when not used: what was decided before; or a note, such as a fallback taken
};

struct CreativeReport {
  std::string media;
  int units = 0;  // 0: not conditioned
  std::optional<int> fromUnit;
  std::string why;  // when not placed: "not conditioned", "15 units do not fit into 10", ...
};

struct CampaignReport {
  std::string id;
  std::string ruleId;
  rules::Explanation condition;
  std::vector<CreativeReport> creatives;  // empty when the condition is not true
};

struct RuleReport {
  std::string ruleset;
  std::string rule;
  rules::Explanation condition;
  std::vector<ActionReport> actions;  // empty when the condition is not true, or the rule does not count
  std::string why{};                  // when it does not count: its ruleset is held
};

struct Report {
  Choice choice;
  Pod pod;  // of the asked break
  std::vector<RuleReport> rules;
  std::vector<CampaignReport> campaigns;
};

// breakUnits: the length of a break to fill.
Report explain(const Compiled& compiled, std::string_view channel, const rules::Attributes& viewer, int breakUnits,
               const UnitsOf& lengths);

// The report as a JSON object (docs/reference/documents.md, "Explanations").
std::string toJson(const Report& report);

}  // namespace dvpe::decisions
