// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/explain.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "shared/decisions/impl/walk.h"

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

json::object toObject(const Choice& choice) {
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
  json::array campaigns;
  for (const std::string& id : choice.campaigns) campaigns.emplace_back(id);
  out["campaigns"] = std::move(campaigns);
  return out;
}

json::object toObject(const Pod& pod) {
  json::array slots;
  for (const PodSlot& slot : pod.slots) {
    slots.push_back(json::object{
        {"media", slot.media}, {"campaign", slot.campaign}, {"fromUnit", slot.fromUnit}, {"units", slot.units}});
  }
  json::object out;
  out["slots"] = std::move(slots);
  out["slateUnits"] = pod.slateUnits;
  return out;
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

json::object toObject(const CampaignReport& campaign) {
  json::object out;
  out["campaign"] = campaign.id;
  out["rule"] = campaign.ruleId;
  out["verdict"] = rules::name(campaign.condition.verdict);
  out["condition"] = toObject(campaign.condition);
  json::array creatives;
  for (const CreativeReport& creative : campaign.creatives) {
    json::object each{{"media", creative.media}, {"units", creative.units}};
    if (creative.fromUnit) each["fromUnit"] = *creative.fromUnit;
    if (!creative.why.empty()) each["why"] = creative.why;
    creatives.push_back(std::move(each));
  }
  out["creatives"] = std::move(creatives);
  return out;
}

}  // namespace

Report explain(const Compiled& compiled, std::string_view channel, const rules::Attributes& viewer, int breakUnits,
               const UnitsOf& lengths) {
  Report report;
  impl::walk(compiled, channel, viewer, report.choice, &report);
  report.pod = impl::fill(compiled, report.choice, breakUnits, lengths, &report);
  return report;
}

std::string toJson(const Report& report) {
  json::object out;
  out["choice"] = toObject(report.choice);
  out["break"] = toObject(report.pod);
  json::array all;
  for (const RuleReport& rule : report.rules) all.push_back(toObject(rule));
  out["rules"] = std::move(all);
  json::array campaigns;
  for (const CampaignReport& campaign : report.campaigns) campaigns.push_back(toObject(campaign));
  out["campaigns"] = std::move(campaigns);
  return json::serialize(out);
}

}  // namespace dvpe::decisions
