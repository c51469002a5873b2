// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node rules hits: two folders' rules, run over the decision sample in the database (docs/reference/audience.md).
#include <boost/json.hpp>
#include <map>

#include "node/main/rules_input.h"
#include "node/main/sign_in.h"
#include "shared/rules/sql.h"

namespace dvpe::node {

namespace json = boost::json;
using base::Result;

namespace {

constexpr std::size_t kMostAtOnce = 100;  // rules in one call of the database

// One rule of one folder.
struct Hit {
  std::string tree;         // as it is asked; empty: it cannot be
  std::string why;          // it cannot
  std::optional<int> part;  // of 100 breaks; nothing: too few viewers, or not asked
};
using Hits = std::map<std::string, Hit>;

Hits treesOf(const RulesRelease& release, const std::string& channel) {
  const model::Documents& documents = release.compiled->documents();
  Hits out;
  for (const auto& [id, ruleset] : documents.rulesets) {
    if (ruleset.channel != channel) continue;
    std::map<std::string, std::string> audiences;
    for (const auto& [name, audience] : documents.audiences) audiences[name] = audience.when;
    rules::Declarations declared{ruleset.fields};
    const rules::Segments segments = rules::compileSegments(audiences, declared);
    declared.segments = &segments;
    for (const model::Rule& rule : ruleset.rules) {
      Hit& hit = out[rule.id];
      declared.lawfulBasis = rule.lawfulBasis;
      const auto condition = rules::compile(rule.when, declared);
      auto tree = condition ? rules::toSampleTree(condition.value(), ruleset.fields, rules::Use::kContent, channel)
                            : Result<std::string>(condition.as_failure());
      if (tree) {
        hit.tree = std::move(tree).value();
      } else {
        hit.why = tree.error().message;
      }
    }
  }
  return out;
}

Result<void> ask(database::Connection& connection, const std::string& channel, Hits& hits) {
  json::array list;
  std::vector<Hit*> asked;
  const auto flush = [&]() -> Result<void> {
    if (list.empty()) return base::success();
    DVPE_TRY(const auto rows, connection.query("SELECT percent FROM analytics.rule_hits($1::text, $2::jsonb)",
                                               {channel, json::serialize(list)}));
    for (std::size_t i = 0; i < rows.size() && i < asked.size(); ++i)
      if (!rows.null(i, 0)) asked[i]->part = static_cast<int>(rows.integer(i, 0));
    list.clear();
    asked.clear();
    return base::success();
  };
  for (auto& [id, hit] : hits) {
    if (hit.tree.empty()) continue;
    list.push_back(json::object{{"id", id}, {"when", json::parse(hit.tree)}});
    asked.push_back(&hit);
    if (list.size() == kMostAtOnce) DVPE_CHECK(flush());
  }
  return flush();
}

json::value asJson(const Hits& hits, const std::string& rule) {
  const auto hit = hits.find(rule);
  if (hit == hits.end()) return nullptr;
  json::object out{{"percent", nullptr}};
  if (hit->second.part) out["percent"] = *hit->second.part;
  if (!hit->second.why.empty()) out["why"] = hit->second.why;
  return out;
}

std::string asText(const Hits& hits, const std::string& rule) {
  const auto hit = hits.find(rule);
  if (hit == hits.end()) return "-";
  if (!hit->second.why.empty()) return "not asked";
  return hit->second.part ? std::to_string(*hit->second.part) + " %" : "too few";
}

}  // namespace

// A condition that both folders have alike is asked twice: it costs a question and has the same answer.
int rulesHitsCommand(const Arguments& arguments, Console& console) {
  const std::string channel = arguments.value("--channel");
  const auto from = openRelease(arguments.value("--from"), "", "", console);
  const auto to = openRelease(arguments.value("--to"), "", "", console);
  if (!from || !to) return kExitFailed;
  Hits before = treesOf(*from, channel), after = treesOf(*to, channel);
  if (before.empty() && after.empty()) {
    complain(console, "neither folder has rules for the channel " + printable(channel));
    return kExitFailed;
  }
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  for (Hits* side : {&before, &after}) {
    if (const auto done = ask(who.value().connection(), channel, *side); !done) return failed(console, done.error());
  }
  std::map<std::string, bool> names;
  for (const Hits* side : {&before, &after})
    for (const auto& [id, hit] : *side) names[id] = true;
  json::array rows;
  for (const auto& [id, known] : names) {
    if (arguments.flag("--json")) {
      rows.push_back(json::object{{"rule", id}, {"from", asJson(before, id)}, {"to", asJson(after, id)}});
      continue;
    }
    console.out << printable(id) << "\t" << asText(before, id) << "\t" << asText(after, id) << "\n";
    for (const Hits* side : {&before, &after}) {
      if (const auto hit = side->find(id); hit != side->end() && !hit->second.why.empty() && !console.quiet)
        console.err << printable(id) << ": " << printable(hit->second.why) << "\n";
    }
  }
  if (arguments.flag("--json")) console.out << rows << "\n";
  return kExitOk;
}

}  // namespace dvpe::node
