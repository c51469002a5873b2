// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/stages.h"

#include <algorithm>
#include <boost/json.hpp>

#include "shared/model/reader.h"

namespace dvpe::coordinate {

namespace json = boost::json;
using base::Result;

namespace {

constexpr std::size_t kMaxStages = 10;
constexpr std::int64_t kWeek = 7 * 86'400;

std::int64_t number(const json::object& o, std::string_view key) {
  const auto* value = o.if_contains(key);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

}  // namespace

Result<RolloutPlan> parseRolloutPlan(std::string_view text) {
  using model::Need;
  using model::ObjectReader;
  const auto seconds = [](ObjectReader& in, std::string_view key, std::chrono::seconds& out, std::int64_t low,
                          std::int64_t high, Need need) {
    std::int64_t n = out.count();
    if (in.integer(key, n, low, high, need)) out = std::chrono::seconds(n);
  };
  return model::readObject<RolloutPlan>(text, 64 << 10, "rollout", [&](ObjectReader& in, RolloutPlan& out) {
    in.array("stages", Need::kOptional, kMaxStages, [&](const model::Place& place) {
      ObjectReader item(place);
      if (!item.isObject()) return;
      Stage stage;
      item.names("nodes", stage.nodes, Need::kOptional, 1000);
      item.integer("percent", stage.percent, 1, 100, Need::kOptional);
      seconds(item, "seconds", stage.hold, 1, kWeek, Need::kRequired);
      if (stage.nodes.empty() == (stage.percent == 0)) place.mistake("expected either \"nodes\" or \"percent\"");
      item.finish();
      out.stages.push_back(std::move(stage));
    });
    if (!in.has("guards")) return;
    (void)in.find("guards", Need::kOptional);
    ObjectReader guards(in.at("guards"));
    if (!guards.isObject()) return;
    guards.integer("holes", out.guards.holes, 0, 1'000'000, Need::kOptional);
    guards.integer("variantsLost", out.guards.variantsLost, 0, 1'000'000, Need::kOptional);
    seconds(guards, "notReadySeconds", out.guards.notReady, 1, 3600, Need::kOptional);
    seconds(guards, "effectSeconds", out.guards.takesEffect, 5, 3600, Need::kOptional);
    guards.finish();
  });
}

std::vector<std::string> audienceOf(const RolloutPlan& plan, std::size_t stage, const std::vector<std::string>& nodes) {
  std::set<std::string> out;
  std::vector<std::string> sorted = nodes;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i <= stage && i < plan.stages.size(); ++i) {
    const Stage& s = plan.stages[i];
    for (const std::string& name : s.nodes) {
      if (std::binary_search(sorted.begin(), sorted.end(), name)) out.insert(name);
    }
    const std::size_t share = (sorted.size() * static_cast<std::size_t>(s.percent) + 99) / 100;
    for (const std::string& name : sorted) {
      if (out.size() >= share) break;
      out.insert(name);
    }
  }
  if (out.empty() && !sorted.empty()) out.insert(sorted.front());
  return {out.begin(), out.end()};
}

std::chrono::milliseconds aheadOf(std::string_view telemetry) {
  json::error_code error;
  const json::value parsed = json::parse(telemetry, error);
  const auto* channels = !error && parsed.is_object() ? parsed.as_object().if_contains("channels") : nullptr;
  std::int64_t most = 0;
  if (channels == nullptr || !channels->is_array()) return {};
  for (const auto& c : channels->as_array()) {
    if (c.is_object()) most = std::max(most, number(c.as_object(), "aheadMs"));
  }
  return std::min(kMostAhead, std::chrono::milliseconds(most));
}

StageWatch::StageWatch(std::string release, std::vector<std::string> nodes, const Stage& stage, const Guards& guards,
                       Time moment)
    : release_(std::move(release)), hold_(stage.hold), guards_(guards), moment_(moment) {
  for (auto& node : nodes) nodes_[std::move(node)].ready = moment;
}

void StageWatch::heard(const std::string& node, std::string_view telemetry, Time now) {
  const auto it = nodes_.find(node);
  json::error_code error;
  const json::value parsed = json::parse(telemetry, error);
  if (it == nodes_.end() || error || !parsed.is_object()) return;
  Seen& seen = it->second;
  const json::object& o = parsed.as_object();
  const auto* ready = o.if_contains("ready");
  if (ready != nullptr && ready->is_bool() && ready->as_bool()) seen.ready = now;
  std::int64_t holes = 0, lost = 0;
  bool all = true;
  const auto* channels = o.if_contains("channels");
  if (channels == nullptr || !channels->is_array()) return;
  for (const auto& c : channels->as_array()) {
    if (!c.is_object()) continue;
    holes += number(c.as_object(), "holes");
    lost += number(c.as_object(), "variantsLost");
    const auto* release = c.as_object().if_contains("release");
    all = all && release != nullptr && release->is_string() && release->as_string() == release_;
  }
  seen.inForce = seen.inForce || all;
  if (!seen.holes) seen.holes = holes;
  if (!seen.variantsLost) seen.variantsLost = lost;
  if (holes - *seen.holes > guards_.holes)
    reason_ = "new holes on " + node + ": " + std::to_string(holes - *seen.holes);
  if (lost - *seen.variantsLost > guards_.variantsLost)
    reason_ = "variants lost on " + node + ": " + std::to_string(lost - *seen.variantsLost);
}

StageWatch::Verdict StageWatch::judge(Time now) {
  for (const auto& [name, seen] : nodes_) {
    if (!reason_.empty()) break;
    if (now - seen.ready > guards_.notReady) reason_ = name + " is not ready for viewers";
    if (!seen.inForce && now - moment_ > guards_.takesEffect)
      reason_ = "release " + release_ + " has not taken effect on " + name;
  }
  if (!reason_.empty()) return Verdict::kHalt;
  const bool everywhere = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& n) { return n.second.inForce; });
  return everywhere && now - moment_ >= hold_ ? Verdict::kGoOn : Verdict::kHold;
}

}  // namespace dvpe::coordinate
