// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/recommend/model.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "shared/model/reader.h"

namespace dvpe::recommend {

namespace json = boost::json;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace {

bool whole(const json::value& value, std::int64_t most, std::int64_t& out) {
  const std::int64_t* found = value.if_int64();
  if (!found || *found < 0 || *found > most) return false;
  out = *found;
  return true;
}

bool text(const json::value& value, std::size_t most, std::string& out) {
  const json::string* found = value.if_string();
  if (!found || found->size() > most) return false;
  out.assign(found->data(), found->size());
  return true;
}

bool readTags(const json::value& value, std::vector<std::string>& out) {
  const json::array* tags = value.if_array();
  if (!tags || tags->size() > kMaxTags) return false;
  for (const json::value& each : *tags) {
    std::string tag;
    if (!text(each, 64, tag) || !model::isName(tag) || std::find(out.begin(), out.end(), tag) != out.end())
      return false;
    out.push_back(std::move(tag));
  }
  return true;
}

bool readNeighbours(const json::value& value, std::vector<Neighbour>& out) {
  const json::array* all = value.if_array();
  if (!all || all->size() > kMaxNeighbours) return false;
  std::set<std::int64_t> known;
  for (const json::value& each : *all) {
    const json::array* row = each.if_array();
    std::int64_t item = 0, weight = 0, byContent = 0;
    if (!row || row->size() != 3 || !whole((*row)[0], kMaxItems - 1, item) || !whole((*row)[1], kMaxWeight, weight) ||
        !whole((*row)[2], 1, byContent) || !known.insert(item).second) {
      return false;
    }
    out.push_back({static_cast<std::uint32_t>(item), static_cast<std::uint32_t>(weight), byContent == 1});
  }
  return true;
}

void readItem(const Place& place, Model& out) {
  const json::array* row = place.value->if_array();
  Item item;
  if (!row || row->size() != 7 || !text((*row)[0], 64, item.content) || !model::isName(item.content) ||
      !whole((*row)[1], kMaxPopularity, item.popularity) || !text((*row)[2], kMaxTitleBytes, item.features.title) ||
      !text((*row)[3], 64, item.features.language) ||
      (!item.features.language.empty() && !model::isName(item.features.language)) ||
      !whole((*row)[4], kMaxSeconds, item.features.seconds) || !readTags((*row)[5], item.features.tags) ||
      !readNeighbours((*row)[6], item.neighbours)) {
    return place.mistake("expected [content, popularity, title, language, seconds, [tags], [[place, weight, 0 or 1]]]");
  }
  if (!out.items.empty() && out.items.back().content >= item.content) {
    return place.mistake("contents are there once each, in ascending order");
  }
  out.items.push_back(std::move(item));
}

void readModel(ObjectReader& in, Model& out) {
  std::int64_t number = 0;
  if (in.integer("number", number, 1, std::int64_t{1} << 53, Need::kRequired)) {
    out.number = static_cast<std::uint64_t>(number);
  }
  std::string made;
  if (in.text("made", made, Need::kRequired, 32)) model::readInstant(in.at("made"), made, out.made);
  in.array("items", Need::kRequired, kMaxItems, [&](const Place& place) { readItem(place, out); });
  for (std::size_t i = 0; i < out.items.size(); ++i) {
    for (const Neighbour& each : out.items[i].neighbours) {
      if (each.item < out.items.size() && each.item != i) continue;
      return in.at("items").mistake("a neighbour of \"" + out.items[i].content + "\" is not another of the items");
    }
  }
}

}  // namespace

std::int64_t Model::find(std::string_view content) const {
  const auto at = std::lower_bound(items.begin(), items.end(), content,
                                   [](const Item& item, std::string_view name) { return item.content < name; });
  return at == items.end() || at->content != content ? -1 : at - items.begin();
}

double likeness(const Features& a, const Features& b) {
  std::size_t both = 0;
  for (const std::string& tag : a.tags) both += std::find(b.tags.begin(), b.tags.end(), tag) != b.tags.end() ? 1U : 0U;
  const std::size_t all = a.tags.size() + b.tags.size() - both;
  const double tags = all == 0 ? 0 : static_cast<double>(both) / static_cast<double>(all);
  return 0.9 * tags + (!a.language.empty() && a.language == b.language ? 0.1 : 0);
}

std::string toJson(const Model& model) {
  json::array items;
  for (const Item& item : model.items) {
    json::array tags, neighbours;
    for (const std::string& tag : item.features.tags) tags.emplace_back(tag);
    for (const Neighbour& n : item.neighbours) neighbours.push_back(json::array{n.item, n.weight, n.byContent ? 1 : 0});
    items.push_back(json::array{item.content, item.popularity, item.features.title, item.features.language,
                                item.features.seconds, std::move(tags), std::move(neighbours)});
  }
  json::object out;
  out["number"] = model.number;
  out["made"] = base::isoDate(std::chrono::floor<std::chrono::seconds>(model.made)).substr(0, 19) + "Z";
  out["items"] = std::move(items);
  return json::serialize(out);
}

base::Result<Model> parseModel(std::string_view text) {
  return model::readObject<Model>(text, kMaxModelBytes, "recommendations", readModel);
}

}  // namespace dvpe::recommend
