// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/plan.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "shared/decisions/compiled.h"
#include "shared/model/reader.h"

namespace dvpe::decisions {

namespace json = boost::json;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace {

// "campaign" or "campaign/line".
bool isLineName(std::string_view text) {
  const std::size_t slash = text.find('/');
  return model::isName(text.substr(0, slash)) &&
         (slash == std::string_view::npos || model::isName(text.substr(slash + 1)));
}

bool whole(const json::value& value, std::int64_t most, std::int64_t& out) {
  const std::int64_t* found = value.if_int64();
  if (!found || *found < 0 || *found > most) return false;
  out = *found;
  return true;
}

void readLine(const Place& place, const std::vector<std::string>& nodes, Plan& out) {
  constexpr const char* kShape = "expected [name, rate, worth, [a ceiling for each node]]";
  const json::array* row = place.value->if_array();
  if (!row || row->size() != 4 || !(*row)[0].is_string() || !(*row)[3].is_array()) return place.mistake(kShape);
  const std::string name{(*row)[0].get_string().data(), (*row)[0].get_string().size()};
  const json::array& ceilings = (*row)[3].get_array();
  std::int64_t rate = 0;
  LinePlan line;
  if (!isLineName(name) || !whole((*row)[1], kWholeRate, rate) || !whole((*row)[2], kMostWorth, line.worth) ||
      ceilings.size() != nodes.size()) {
    return place.mistake(kShape);
  }
  line.rate = static_cast<std::uint32_t>(rate);
  if (!out.lines.emplace(name, line).second) return place.mistake("line \"" + name + "\" is there twice");
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    std::int64_t ceiling = 0;
    if (!whole(ceilings[n], kMostImpressions, ceiling)) return place.mistake(kShape);
    if (ceiling > 0) out.ceilings[nodes[n]].emplace(name, ceiling);
  }
}

void readPlan(ObjectReader& in, Plan& out) {
  std::int64_t number = 0;
  if (in.integer("number", number, 1, std::int64_t{1} << 53, Need::kRequired)) {
    out.number = static_cast<std::uint64_t>(number);
  }
  in.text("release", out.release, Need::kRequired, 64);
  std::string made;
  if (in.text("made", made, Need::kRequired, 32)) model::readInstant(in.at("made"), made, out.made);
  std::vector<std::string> nodes;
  in.names("nodes", nodes, Need::kRequired, kMaxPlanNodes);
  for (const std::string& node : nodes) out.ceilings[node];
  in.array("lines", Need::kRequired, kMaxPlanLines, [&](const Place& place) { readLine(place, nodes, out); });
}

}  // namespace

const LinePlan* Plan::line(std::string_view name) const {
  const auto found = lines.find(name);
  return found == lines.end() ? nullptr : &found->second;
}

std::int64_t Plan::ceiling(std::string_view node, std::string_view line) const {
  const auto at = ceilings.find(node);
  if (at == ceilings.end()) return 0;
  const auto found = at->second.find(line);
  return found == at->second.end() ? 0 : found->second;
}

std::string toJson(const Plan& plan) {
  json::array nodes, lines;
  for (const auto& [node, ceilings] : plan.ceilings) nodes.emplace_back(node);
  for (const auto& [name, line] : plan.lines) {
    json::array ceilings;
    for (const auto& [node, own] : plan.ceilings) ceilings.emplace_back(plan.ceiling(node, name));
    lines.push_back(json::array{name, line.rate, line.worth, std::move(ceilings)});
  }
  json::object out;
  out["number"] = plan.number;
  out["release"] = plan.release;
  out["made"] = base::isoDate(std::chrono::floor<std::chrono::seconds>(plan.made)).substr(0, 19) + "Z";
  out["nodes"] = std::move(nodes);
  out["lines"] = std::move(lines);
  return json::serialize(out);
}

base::Result<Plan> parsePlan(std::string_view text) {
  return model::readObject<Plan>(text, kMaxPlanBytes, "plan", readPlan);
}

}  // namespace dvpe::decisions
