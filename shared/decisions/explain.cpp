// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/explain.h"

#include <algorithm>

#include "shared/decisions/impl/walk.h"

namespace dvpe::decisions {

namespace {

class Explainer {
 public:
  Explainer(const Terms& terms, const Viewer& viewer, const Moment& moment, int units)
      : terms_(terms), viewer_(viewer), moment_(moment), source_(viewer_, terms.channel().id) {
    report_.units = units;
  }

  Report run() {
    const auto& channel = terms_.channel();
    if (channel.channel == nullptr) return std::move(report_);
    Workspace workspace{channel};
    impl::walk(terms_.compiled(), channel.channel->id, viewer_, &workspace, report_.choice, &report_);
    trueRules_ = workspace.data().trueRules;
    report_.ready = decider_.decide(terms_, report_.choice, viewer_, moment_, considered_);
    report_.bound = bind(terms_, report_.ready, report_.units, true, [](std::uint32_t) { return true; });
    // Those that came furthest first: in the break, considered, the rest. Of the same line with the fields of several
    // rulesets the one that came furthest: considered, let in, the first.
    std::map<std::uint32_t, std::pair<int, std::uint32_t>> furthest;
    for (std::uint32_t i = 0; i < channel.lines.size(); ++i) {
      const std::pair mine{placed(i) ? 0 : chosen(i) ? 1 : letInBy(channel.lines[i]) ? 2 : 3, i};
      const auto at = furthest.emplace(channel.lines[i].first, mine).first;
      at->second = std::min(at->second, mine);
    }
    std::vector<std::pair<int, std::uint32_t>> order;
    order.reserve(furthest.size());
    for (const auto& [first, line] : furthest) order.emplace_back(std::min(line.first, 2), line.second);
    std::sort(order.begin(), order.end());
    for (const auto& [rank, line] : order) addLine(line);
    return std::move(report_);
  }

 private:
  bool placed(std::uint32_t line) const {
    return std::any_of(report_.bound.slots.begin(), report_.bound.slots.end(),
                       [&](const Slot& slot) { return slot.line == line; });
  }
  bool chosen(std::uint32_t line) const {
    return std::find(report_.choice.lines.begin(), report_.choice.lines.end(), line) != report_.choice.lines.end();
  }

  // The first true rule that lets a line in; null: none does.
  const model::Rule* letInBy(const CompiledLine& line) const {
    const auto by = std::find_if(line.letIn.begin(), line.letIn.end(),
                                 [&](const CompiledLine::LetIn& in) { return trueRules_[in.rule]; });
    return by == line.letIn.end() ? nullptr : terms_.channel().rules[by->rule].rule;
  }

  void addLine(std::uint32_t number) {
    const CompiledLine& line = terms_.channel().lines[number];
    LineReport out;
    out.name = line.name;
    out.house = line.house();
    out.rate = terms_.of(number).rate;
    out.worth = terms_.of(number).worth;
    if (const model::Rule* rule = letInBy(line)) out.ruleId = rule->id;
    const bool tree = report_.lines.size() < kMostTrees || !chosen(number);
    std::optional<rules::Explanation> condition;
    if (tree) condition = rules::explain(line.when, source_);
    out.verdict = condition ? condition->verdict : rules::Verdict::kTrue;
    if (out.ruleId.empty()) {
      out.why = "no rule that is true lets it in";
    } else if (out.verdict != rules::Verdict::kTrue) {
      out.why = firstLosing(*condition);
    } else if (const Consideration* about = consideration(number)) {
      out.why = about->why;
      out.draw = about->draw;
    }
    if (report_.lines.size() < kMostTrees) out.condition = std::move(condition);
    for (std::size_t i = 0; i < line.creatives.size(); ++i) out.creatives.push_back(creative(number, i, out));
    report_.lines.push_back(std::move(out));
  }

  const Consideration* consideration(std::uint32_t line) const {
    const auto found = std::find_if(considered_.begin(), considered_.end(),
                                    [&](const Consideration& each) { return each.line == line; });
    return found == considered_.end() ? nullptr : &*found;
  }

  CreativeReport creative(std::uint32_t number, std::size_t i, const LineReport& line) const {
    const CompiledCreative& compiled = terms_.channel().lines[number].creatives[i];
    CreativeReport out{compiled.media, terms_.of(number).units[i], std::nullopt, {}};
    int from = 0;
    int used = 0;
    for (const Slot& slot : report_.bound.slots) {
      if (slot.line == number && slot.creative == i) out.fromUnit = from;
      from += slot.units;
      used += slot.units;
    }
    if (out.fromUnit) return out;
    if (!compiled.never.empty()) {
      out.why = compiled.never;
    } else if (terms_.compiled().held().media.contains(compiled.media)) {
      out.why = "held";
    } else if (out.units == 0) {
      out.why = "not conditioned";
    } else if (!line.why.empty()) {
      out.why = line.why;
    } else if (mediaPlaced(compiled.media)) {
      out.why = "already in this break";
    } else if (const int left = report_.units - used; out.units > left) {
      out.why = std::to_string(out.units) + " units do not fit into the " + std::to_string(left) + " left";
    } else if (line.house) {
      out.why = "its category is in this break, or a cap is reached";
    } else {
      out.why = placed(number) ? "another of the line's was taken" : "not in the pod that a break of this length takes";
    }
    return out;
  }

  bool mediaPlaced(const std::string& media) const {
    return std::any_of(report_.bound.slots.begin(), report_.bound.slots.end(), [&](const Slot& slot) {
      return terms_.channel().lines[slot.line].creatives[slot.creative].media == media;
    });
  }

  const Terms& terms_;
  const Viewer viewer_;
  const Moment moment_;
  const impl::OnChannel source_;
  Report report_;
  Decider decider_;
  std::vector<Consideration> considered_;
  std::vector<bool> trueRules_;
};

}  // namespace

std::string firstLosing(const rules::Explanation& condition) {
  for (const rules::Explanation& part : condition.children) {
    if (part.verdict == condition.verdict) return firstLosing(part);
  }
  std::string out = condition.text + " is " + rules::name(condition.verdict);
  return condition.reason.empty() ? out : out + ": " + condition.reason;
}

Report explain(const Terms& terms, const Viewer& viewer, const Moment& moment, int breakUnits) {
  return Explainer{terms, viewer, moment, breakUnits}.run();
}

}  // namespace dvpe::decisions
