// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/publish/difference.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>

namespace dvpe::studio {

namespace json = boost::json;

namespace {

using Kind = Difference::Kind;

QString text(std::string_view of) { return QString::fromUtf8(of.data(), static_cast<qsizetype>(of.size())); }

QString shown(const json::value& value) {
  return value.is_string() ? text(value.get_string()) : QString::fromStdString(json::serialize(value));
}

// The id of an element; empty: it has none.
std::string_view idOf(const json::value& value) {
  const json::value* id = value.is_object() ? value.get_object().if_contains("id") : nullptr;
  return id != nullptr && id->is_string() ? std::string_view(id->get_string()) : std::string_view();
}

// Whether all have an id, each another.
bool named(const json::array& list) {
  std::vector<std::string_view> ids;
  for (const json::value& each : list) ids.push_back(idOf(each));
  std::sort(ids.begin(), ids.end());
  return std::find(ids.begin(), ids.end(), std::string_view()) == ids.end() &&
         std::adjacent_find(ids.begin(), ids.end()) == ids.end();
}

class Walk {
 public:
  std::vector<Difference> out;

  void values(const QString& where, const json::value& before, const json::value& after) {
    if (before == after || out.size() >= kMostDifferences) return;
    if (before.is_object() && after.is_object()) {
      objects(where, before.get_object(), after.get_object());
    } else if (before.is_array() && after.is_array() && named(before.get_array()) && named(after.get_array())) {
      lists(where, before.get_array(), after.get_array());
    } else {
      out.push_back({Kind::kChanged, where, shown(before), shown(after)});
    }
  }

 private:
  static QString under(const QString& where, std::string_view name) {
    return where.isEmpty() ? text(name) : where + QStringLiteral(" › ") + text(name);
  }

  void objects(const QString& where, const json::object& before, const json::object& after) {
    for (const auto& [key, value] : after) {
      if (const json::value* old = before.if_contains(key)) {
        values(under(where, key), *old, value);
      } else {
        added(under(where, key), value);
      }
    }
    for (const auto& [key, value] : before) {
      if (!after.contains(key)) removed(under(where, key), value);
    }
  }

  void lists(const QString& where, const json::array& before, const json::array& after) {
    std::map<std::string_view, const json::value*> old;
    for (const json::value& each : before) old[idOf(each)] = &each;
    std::vector<std::string_view> stayed;  // in the order of now
    for (const json::value& each : after) {
      const auto found = old.find(idOf(each));
      if (found == old.end()) {
        added(under(where, idOf(each)), each);
      } else {
        stayed.push_back(idOf(each));
        values(under(where, idOf(each)), *found->second, each);
        old.erase(found);
      }
    }
    for (const json::value& each : before) {
      if (old.contains(idOf(each))) removed(under(where, idOf(each)), each);
    }
    moved(where, before, stayed);
  }

  // Of what stayed, those that are not in the longest run whose order is as it was.
  void moved(const QString& where, const json::array& before, const std::vector<std::string_view>& stayed) {
    std::map<std::string_view, std::size_t> placeBefore;
    for (std::size_t i = 0; i < before.size(); ++i) placeBefore[idOf(before[i])] = i;
    std::vector<std::size_t> ends, from(stayed.size());  // patience: ends of the best runs, and what is before each
    constexpr auto kNone = static_cast<std::size_t>(-1);
    for (std::size_t i = 0; i < stayed.size(); ++i) {
      const auto at = std::lower_bound(ends.begin(), ends.end(), i, [&](std::size_t a, std::size_t b) {
        return placeBefore[stayed[a]] < placeBefore[stayed[b]];
      });
      from[i] = at == ends.begin() ? kNone : *std::prev(at);
      if (at == ends.end()) {
        ends.push_back(i);
      } else {
        *at = i;
      }
    }
    std::vector<bool> kept(stayed.size());
    for (std::size_t i = ends.empty() ? kNone : ends.back(); i != kNone; i = from[i]) kept[i] = true;
    for (std::size_t i = 0; i < stayed.size() && out.size() < kMostDifferences; ++i) {
      if (kept[i]) continue;
      const QString behind = i == 0 ? QString() : text(stayed[i - 1]);
      out.push_back({Kind::kMoved, under(where, stayed[i]), {}, behind});
    }
  }

  void added(const QString& where, const json::value& value) {
    if (out.size() < kMostDifferences) out.push_back({Kind::kAdded, where, {}, shown(value)});
  }
  void removed(const QString& where, const json::value& value) {
    if (out.size() < kMostDifferences) out.push_back({Kind::kRemoved, where, shown(value), {}});
  }
};

const json::value& bodyOf(const json::value& document) {
  static const json::value kNothing = json::object{};
  const json::value* body = document.is_object() ? document.get_object().if_contains("body") : nullptr;
  return body ? *body : kNothing;
}

}  // namespace

std::vector<Difference> differences(const json::value* before, const json::value& after) {
  Walk walk;
  walk.values({}, before ? bodyOf(*before) : json::value(json::object{}), bodyOf(after));
  return std::move(walk.out);
}

}  // namespace dvpe::studio
