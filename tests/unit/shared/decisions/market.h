// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A channel with campaigns that compete for its breaks, for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/shared/decisions/sample.h"

namespace dvpe::decisions {

// 2026-06-03 is a Wednesday.
constexpr base::WallTime wall(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} +
         std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
}
inline constexpr base::WallTime kNoon = wall(2026, 6, 3, 12);

constexpr std::uint32_t secondsOf(base::WallTime at) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
}

// Channel "c" with pods for 15, 30, 60 and 120 units, whose ruleset "r" lets every campaign into breaks.
struct Market {
  Market() {
    model::Channel& channel = documents.channels["c"];
    channel.id = "c";
    channel.breakLengths = {15, 30, 60, 120};
    ruleset("r");
    rule("all", "true", {model::FillBreaks{{}, true}});
    plan.number = 1;
  }

  model::Channel& channel() { return documents.channels["c"]; }
  model::Ruleset& ruleset(const std::string& id) {
    model::Ruleset& out = documents.rulesets[id];
    out.id = id;
    out.channel = "c";
    out.fields = {{"viewer.age", model::FieldType::kInt, "", ""}};
    return out;
  }
  model::Rule& rule(const std::string& id, const std::string& when, std::vector<model::Action> actions,
                    const std::string& in = "r") {
    auto& rules = documents.rulesets[in].rules;
    if (rules.size() == 1 && rules[0].id == "all") rules.clear();  // the test has its own
    rules.push_back({id, when, std::move(actions)});
    return rules.back();
  }

  model::Campaign& campaign(const std::string& id) {
    model::Campaign& out = documents.campaigns[id];
    out.id = id;
    return out;
  }
  // A campaign in short: media of these lengths, "k-1", "k-2", ...
  model::Campaign& house(const std::string& id, const std::vector<int>& lengths) {
    model::Campaign& out = campaign(id);
    for (const int length : lengths) {
      out.creatives.push_back(id + "-" + std::to_string(out.creatives.size() + 1));
      conditioned[out.creatives.back()] = length;
    }
    return out;
  }
  // A line with a goal: creatives and media "k-a-1", "k-a-2", ... of these lengths. `worth`: of the plan.
  model::Line& line(const std::string& id, const std::string& name, const std::vector<int>& lengths = {15},
                    std::int64_t worth = 1'000, std::uint32_t rate = kWholeRate) {
    model::Line& out = campaign(id).lines.emplace_back();
    out.id = name;
    out.goal = {model::GoalKind::kImpressions, 1'000};
    out.price = {model::PriceKind::kCpm, 5'000'000};
    for (const int each : lengths) {
      out.creatives.push_back({id + "-" + name + "-" + std::to_string(out.creatives.size() + 1)});
      creative(out.creatives.back().creative, each);
    }
    plan.lines[id + "/" + name] = {rate, worth};
    return out;
  }
  model::Line& houseLine(const std::string& id, const std::string& name, const std::vector<int>& lengths = {15}) {
    model::Line& out = line(id, name, lengths);
    out.goal = {};
    out.price = {};
    plan.lines.erase(id + "/" + name);
    return out;
  }
  model::Creative& creative(const std::string& id, int length = 15) {
    model::Creative& out = documents.creatives[id];
    out.id = out.media = id;
    conditioned.emplace(id, length);
    return out;
  }
  model::Advertiser& advertiser(const std::string& id) {
    if (!documents.monetisation) documents.monetisation.emplace();
    return documents.monetisation->advertisers[id];
  }
  model::Experiment& experiment(const std::string& id, const std::string& group = "") {
    model::Experiment& out = documents.experiments[id];
    out.id = id;
    out.group = group;
    return out;
  }

  std::shared_ptr<const Compiled> compile(const Held& held = {}) const {
    const Built built = build(std::make_shared<const model::Documents>(documents), held);
    EXPECT_TRUE(built.compiled) << model::describe(built.errors);
    return built.compiled;
  }
  UnitsOf lengths() const {
    return [all = conditioned](std::string_view media) {
      const auto found = all.find(std::string{media});
      return found == all.end() ? 0 : found->second;
    };
  }

  model::Documents documents;
  std::map<std::string, int> conditioned;  // media, with their units
  Plan plan;
};

struct Who {
  std::string session = "session";
  std::uint64_t breakNumber = 1;
  const History* history = nullptr;
  std::string identity{};
  int age = 0;  // 0: unknown
};

// A market at a moment.
class Evening {
 public:
  explicit Evening(const Market& market, base::WallTime at = kNoon, const Held& held = {}, bool planned = true)
      : terms(market.compile(held), "c", planned ? std::make_shared<const Plan>(market.plan) : nullptr, at,
              market.lengths()) {}

  Viewer viewer(const Who& who) {
    attributes = {};
    attributes.setIdentity(who.identity);
    if (who.age != 0) {
      EXPECT_TRUE(attributes.set("viewer.age", {std::int64_t{who.age}}));
    }
    return {attributes, terms.at(), who.history};
  }
  Ready decide(const Who& who = {}, std::vector<std::uint32_t>* eligible = nullptr) {
    const Viewer person = viewer(who);
    return decider.decide(terms, choose(terms.compiled(), "c", person), person, {who.session, who.breakNumber},
                          eligible);
  }
  std::vector<Consideration> consider(const Who& who = {}) {
    std::vector<Consideration> out;
    const Viewer person = viewer(who);
    decider.decide(terms, choose(terms.compiled(), "c", person), person, {who.session, who.breakNumber}, out);
    return out;
  }
  std::string why(const std::string& line, const Who& who = {}) {
    for (const Consideration& each : consider(who)) {
      if (terms.channel().lines[each.line].name == line) return each.why;
    }
    return "not considered";
  }

  const CompiledLine& lineOf(const Slot& slot) const { return terms.channel().lines[slot.line]; }
  std::string mediaOf(const Slot& slot) const { return lineOf(slot).creatives[slot.creative].media; }
  template <class List>
  std::vector<std::string> media(const List& slots) const {
    std::vector<std::string> out;
    out.reserve(slots.size());
    for (const Slot& slot : slots) out.push_back(mediaOf(slot));
    return out;
  }
  // The pod for a length; empty when there is none.
  std::vector<std::string> pod(const Ready& ready, int length) const {
    for (const Ready::Pod& each : ready.pods) {
      if (each.length != length) continue;
      return media(std::vector<Slot>{ready.slots.begin() + each.first, ready.slots.begin() + each.first + each.count});
    }
    return {};
  }
  Bound bound(const Ready& ready, int length, const std::set<std::string>& spent = {}, bool current = true) {
    return bind(terms, ready, length, current, [&](std::uint32_t line) {
      spending.push_back(terms.channel().lines[line].name);
      return !spent.contains(spending.back());
    });
  }
  // What plays in a break of so many units.
  std::vector<std::string> plays(int length, const Who& who = {}, const std::set<std::string>& spent = {}) {
    return media(bound(decide(who), length, spent).slots);
  }

  Terms terms;
  rules::Attributes attributes;
  Decider decider;
  std::vector<std::string> spending;  // lines that bind() asked for
};

// Adds impressions of what plays, at `at`.
inline void addTo(History& history, const Evening& evening, const Slots& slots, base::WallTime at) {
  for (const Slot& slot : slots) history.add({secondsOf(at), evening.lineOf(slot).keys(slot.creative)});
}

}  // namespace dvpe::decisions
