// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Explanations as JSON: docs/reference/documents.md, "Explanations".
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "shared/decisions/explain.h"

namespace dvpe::decisions {

namespace json = boost::json;

namespace {

json::object toObject(const rules::Explanation& explanation) {
  json::object out;
  out["text"] = explanation.text;
  out["verdict"] = rules::name(explanation.verdict);
  if (!explanation.reason.empty()) out["reason"] = explanation.reason;
  if (!explanation.children.empty()) {
    json::array parts;
    for (const rules::Explanation& child : explanation.children) parts.push_back(toObject(child));
    out["parts"] = std::move(parts);
  }
  return out;
}

json::object toObject(const Choice& choice, const Terms& terms) {
  json::object out;
  out["cohort"] = choice.cohort;
  json::array overlays;
  for (const OverlayChoice& each : choice.overlays) {
    json::object overlay;
    overlay["overlay"] = each.overlay->id;
    overlay["revision"] = each.overlay->revision;
    if (each.trigger == model::Trigger::kEvent) overlay["event"] = each.event;
    overlay["rule"] = each.ruleId;
    json::object values;
    for (const auto& [name, value] : each.values) values[name] = value;
    overlay["values"] = std::move(values);
    overlays.push_back(std::move(overlay));
  }
  out["overlays"] = std::move(overlays);
  json::object clips;
  for (const auto& [event, clip] : choice.clips) {
    clips[event] = json::object{{"media", clip.media}, {"rule", clip.ruleId}};
  }
  out["clips"] = std::move(clips);
  if (!choice.audioLanguage.empty()) out["audioLanguage"] = choice.audioLanguage;
  json::array lines;
  for (const std::uint32_t line : choice.lines) lines.emplace_back(terms.channel().lines[line].name);
  out["lines"] = std::move(lines);
  return out;
}

json::object toObject(const Slot& slot, const Terms& terms) {
  const CompiledLine& line = terms.channel().lines[slot.line];
  return {{"media", line.creatives[slot.creative].media},
          {"campaign", line.campaign->id},
          {"line", line.name},
          {"units", slot.units},
          {"worth", line.house() ? 0 : terms.of(slot.line).worth}};
}

// What would play in a break of the asked length.
json::object breakOf(const Report& report, const Terms& terms) {
  json::array slots;
  int from = 0;
  for (const Slot& slot : report.bound.slots) {
    json::object each = toObject(slot, terms);
    each["fromUnit"] = from;
    from += slot.units;
    slots.push_back(std::move(each));
  }
  return {{"units", report.units}, {"slots", std::move(slots)}, {"slateUnits", report.bound.slateUnits}};
}

// How a model chose a slot's creative.
void addModel(json::object& slot, const Slot& of, const Report& report, const Terms& terms) {
  const Rankings* rankings = report.ready.rankings.get();
  const Ranked* ranked = rankings ? rankings->find(of.line, of.creative) : nullptr;
  if (ranked == nullptr) return;
  json::object among;
  for (const Ranked::Of& each : ranked->among) {
    among[terms.channel().lines[of.line].creatives[each.creative].media] = each.probability;
  }
  slot["model"] = json::object{{"number", rankings->model}, {"among", std::move(among)}};
}

// The pods as they are held, with their sums.
json::object readyOf(const Report& report, const Terms& terms) {
  json::array pods;
  for (const Ready::Pod& pod : report.ready.pods) {
    json::array slots;
    std::int64_t worth = 0;
    int units = 0;
    for (int i = 0; i < pod.count; ++i) {
      const Slot& slot = report.ready.slots[pod.first + static_cast<std::size_t>(i)];
      worth += terms.of(slot.line).worth;
      units += slot.units;
      slots.push_back(toObject(slot, terms));
      addModel(slots.back().as_object(), slot, report, terms);
    }
    pods.push_back(json::object{
        {"length", pod.length}, {"units", units}, {"worth", worth}, {"exact", pod.exact}, {"slots", std::move(slots)}});
  }
  json::array spare;
  for (const Slot& slot : report.ready.spare) spare.push_back(toObject(slot, terms));
  return {{"break", report.ready.breakNumber},
          {"plan", report.ready.plan},
          {"pods", std::move(pods)},
          {"spare", std::move(spare)}};
}

json::object toObject(const RuleReport& rule) {
  json::object out;
  out["ruleset"] = rule.ruleset;
  out["rule"] = rule.rule;
  out["verdict"] = rules::name(rule.condition.verdict);
  out["condition"] = toObject(rule.condition);
  json::array actions;
  for (const ActionReport& action : rule.actions) {
    json::object each{{"what", action.what}, {"used", action.used}};
    if (!action.why.empty()) each["why"] = action.why;
    actions.push_back(std::move(each));
  }
  out["actions"] = std::move(actions);
  if (!rule.why.empty()) out["why"] = rule.why;
  return out;
}

json::object toObject(const LineReport& line) {
  json::object out;
  const std::size_t slash = line.name.find('/');
  out["campaign"] = line.name.substr(0, slash);
  if (slash != std::string::npos) out["line"] = line.name.substr(slash + 1);
  if (!line.ruleId.empty()) out["rule"] = line.ruleId;
  out["verdict"] = rules::name(line.verdict);
  if (!line.why.empty()) out["why"] = line.why;
  if (!line.house) {
    out["rate"] = line.rate;
    out["draw"] = line.draw;
    out["worth"] = line.worth;
  }
  if (line.condition) out["condition"] = toObject(*line.condition);
  json::array creatives;
  for (const CreativeReport& creative : line.creatives) {
    json::object each{{"media", creative.media}, {"units", creative.units}};
    if (creative.fromUnit) each["fromUnit"] = *creative.fromUnit;
    if (!creative.why.empty()) each["why"] = creative.why;
    creatives.push_back(std::move(each));
  }
  out["creatives"] = std::move(creatives);
  return out;
}

}  // namespace

std::string toJson(const Report& report, const Terms& terms) {
  json::object out;
  out["choice"] = toObject(report.choice, terms);
  out["break"] = breakOf(report, terms);
  out["ready"] = readyOf(report, terms);
  json::array all;
  for (const RuleReport& rule : report.rules) all.push_back(toObject(rule));
  out["rules"] = std::move(all);
  json::array campaigns;
  for (const LineReport& line : report.lines) campaigns.push_back(toObject(line));
  out["campaigns"] = std::move(campaigns);
  return json::serialize(out);
}

}  // namespace dvpe::decisions
