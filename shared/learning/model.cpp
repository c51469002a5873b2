// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/model.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "shared/model/reader.h"

namespace dvpe::learning {

namespace json = boost::json;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace {

bool whole(const json::value& value, std::int64_t least, std::int64_t most, std::int64_t& out) {
  const std::int64_t* found = value.if_int64();
  if (!found || *found < least || *found > most) return false;
  out = *found;
  return true;
}

void readArm(const Place& place, Model& out) {
  constexpr const char* kShape = "expected [name, count, [as many weights as the dimension]]";
  const json::array* row = place.value->if_array();
  if (!row || row->size() != 3 || !(*row)[0].is_string() || !(*row)[2].is_array()) return place.mistake(kShape);
  const json::array& weights = (*row)[2].get_array();
  Arm arm;
  arm.name.assign((*row)[0].get_string().data(), (*row)[0].get_string().size());
  if (!isArmName(arm.name) || !whole((*row)[1], 0, kMostCount, arm.count) || weights.size() != out.dimension) {
    return place.mistake(kShape);
  }
  if (!out.arms.empty() && out.arms.back().name >= arm.name) {
    return place.mistake("expected arms that ascend by name");
  }
  arm.weights.reserve(weights.size());
  for (const json::value& each : weights) {
    std::int64_t weight = 0;
    if (!whole(each, -kMostWeight, kMostWeight, weight)) return place.mistake(kShape);
    arm.weights.push_back(static_cast<std::int32_t>(weight));
  }
  out.arms.push_back(std::move(arm));
}

void readInstant(ObjectReader& in, std::string_view key, base::WallTime& out) {
  std::string text;
  if (in.text(key, text, Need::kRequired, 32)) model::readInstant(in.at(key), text, out);
}

void readModel(ObjectReader& in, Model& out) {
  std::int64_t number = 0, dimension = 0;
  if (in.integer("number", number, 1, std::int64_t{1} << 53, Need::kRequired)) {
    out.number = static_cast<std::uint64_t>(number);
  }
  in.text("release", out.release, Need::kRequired, 64);
  readInstant(in, "made", out.made);
  readInstant(in, "from", out.from);
  if (out.from < out.made) in.at("from").mistake("expected a moment that is not before \"made\"");
  const bool sized = in.integer("dimension", dimension, kMinDimension, kMaxDimension, Need::kRequired);
  if (sized) out.dimension = static_cast<std::size_t>(dimension);
  in.integer("gamma", out.gamma, 0, kMostGamma, Need::kRequired);
  in.integer("gammaMost", out.gammaMost, 0, kMostGamma, Need::kRequired);
  in.integer("noise", out.noise, 0, kMostGamma, Need::kRequired);
  in.array("arms", Need::kRequired, std::min(kMaxArms, kMaxWeights / out.dimension), [&](const Place& place) {
    if (sized) readArm(place, out);
  });
}

std::string instant(base::WallTime at) {
  return base::isoDate(std::chrono::floor<std::chrono::seconds>(at)).substr(0, 19) + "Z";
}

}  // namespace

bool isArmName(std::string_view text) {
  for (int names = 1; names <= 4; ++names) {
    const std::size_t slash = text.find('/');
    if (!model::isName(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
  return false;
}

std::string_view kindOf(std::string_view arm) { return arm.substr(0, arm.find('/')); }

Candidate Model::candidate(std::string_view name) const {
  const auto find = [&](std::string_view wanted) -> const Arm* {
    const auto at = std::lower_bound(arms.begin(), arms.end(), wanted,
                                     [](const Arm& arm, std::string_view value) { return arm.name < value; });
    return at != arms.end() && at->name == wanted ? &*at : nullptr;
  };
  if (const Arm* own = find(name)) return {own, own->count};
  return {find(kindOf(name)), 0};
}

std::string toJson(const Model& model) {
  json::array arms;
  arms.reserve(model.arms.size());
  for (const Arm& arm : model.arms) {
    arms.push_back(json::array{arm.name, arm.count, json::array(arm.weights.begin(), arm.weights.end())});
  }
  json::object out;
  out["number"] = model.number;
  out["release"] = model.release;
  out["made"] = instant(model.made);
  out["from"] = instant(model.from);
  out["dimension"] = model.dimension;
  out["gamma"] = model.gamma;
  out["gammaMost"] = model.gammaMost;
  out["noise"] = model.noise;
  out["arms"] = std::move(arms);
  return json::serialize(out);
}

base::Result<Model> parseModel(std::string_view text) {
  return model::readObject<Model>(text, kMaxModelBytes, "model", readModel);
}

}  // namespace dvpe::learning
