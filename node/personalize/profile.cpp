// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/profile.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

namespace dvpe::personalize {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::array<std::string_view, 4> kVerbs{"like", "dislike", "hide", "undo"};
constexpr double kUnknown = 0.5;  // an interest that the platform says nothing of

}  // namespace

std::optional<Verb> verbOf(std::string_view name) {
  const auto at = std::find(kVerbs.begin(), kVerbs.end(), name);
  if (at == kVerbs.end()) return std::nullopt;
  return static_cast<Verb>(at - kVerbs.begin());
}

std::string_view nameOf(Verb verb) { return kVerbs[static_cast<std::size_t>(verb)]; }

void Profile::say(Opinion opinion) {
  (void)undo(opinion.campaign, opinion.content);
  if (opinions_.size() >= kMostOpinions) opinions_.erase(opinions_.begin());
  opinions_.push_back(std::move(opinion));
  changed();
}

bool Profile::undo(std::string_view campaign, std::string_view content) {
  const auto same = [&](const Opinion& o) { return o.campaign == campaign && o.content == content; };
  const bool found = std::erase_if(opinions_, same) > 0;
  changed();
  return found;
}

void Profile::changed() {
  hidden_.clear();
  for (const Opinion& o : opinions_) {
    if (!o.campaign.empty() && o.verb != Verb::kLike) hidden_.push_back(o.campaign);
  }
}

void Profile::apply(model::Map& attributes, std::int64_t now) const {
  std::map<std::string, double> moved;
  for (const Opinion& o : opinions_) {
    const double left = std::exp2(-static_cast<double>(std::max<std::int64_t>(now - o.at, 0)) / kHalfLife);
    for (const std::string& topic : o.topics) moved[topic] += (o.verb == Verb::kLike ? kStep : -kStep) * left;
  }
  if (moved.empty()) return;
  model::Map interests;
  if (const auto it = attributes.find("interests"); it != attributes.end()) {
    const auto* said = std::get_if<std::shared_ptr<const model::Map>>(&it->second.v);
    if (said == nullptr || !*said) return;  // the platform means something else by it
    interests = **said;
  }
  for (const auto& [topic, by] : moved) {
    const auto it = interests.find(topic);
    double from = kUnknown;
    if (it != interests.end()) {
      if (const auto* real = std::get_if<double>(&it->second.v)) {
        from = *real;
      } else if (const auto* whole = std::get_if<std::int64_t>(&it->second.v)) {
        from = static_cast<double>(*whole);
      } else {
        continue;
      }
    }
    interests[topic] = model::Value{std::clamp(from + by, 0.0, 1.0)};
  }
  attributes["interests"] = model::Value{std::make_shared<const model::Map>(std::move(interests))};
}

boost::json::array Profile::toJson() const {
  boost::json::array out;
  for (const Opinion& o : opinions_) {
    boost::json::array topics;
    for (const std::string& topic : o.topics) topics.emplace_back(topic);
    out.push_back(boost::json::array{static_cast<int>(o.verb), o.campaign, o.content, std::move(topics), o.at});
  }
  return out;
}

Result<Profile> Profile::parse(const boost::json::value& json) {
  Profile out;
  try {
    for (const auto& each : json.as_array()) {
      const auto& a = each.as_array();
      Opinion o;
      const auto verb = a.at(0).to_number<unsigned>();
      if (verb >= static_cast<unsigned>(Verb::kUndo)) return fail(ErrorCode::kInvalidInput, "no opinion");
      o.verb = static_cast<Verb>(verb);
      o.campaign = a.at(1).as_string();
      o.content = a.at(2).as_string();
      for (const auto& topic : a.at(3).as_array()) o.topics.emplace_back(topic.as_string());
      o.at = a.at(4).to_number<std::int64_t>();
      if (out.opinions_.size() < kMostOpinions) out.opinions_.push_back(std::move(o));
    }
  } catch (const std::exception&) {
    return fail(ErrorCode::kInvalidInput, "not a profile");
  }
  out.changed();
  return out;
}

}  // namespace dvpe::personalize
