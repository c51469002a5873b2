// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/model/reader.h"

#include <algorithm>
#include <boost/json/stream_parser.hpp>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace dvpe::model {

namespace json = boost::json;

namespace {

// RFC 6901, section 3.
std::string pointerToken(std::string_view key) {
  std::string out = "/";
  for (const char c : key.substr(0, 80)) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return out;
}

// Levenshtein distance of two short texts.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string shown(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

base::Result<json::value> parseJson(std::string_view text, std::size_t maxBytes) {
  if (text.size() > maxBytes) {
    return base::fail(base::ErrorCode::kLimitExceeded,
                      "expected at most " + std::to_string(maxBytes) + " bytes, found " + std::to_string(text.size()));
  }
  json::parse_options options;
  options.max_depth = kMaxDocumentDepth;
  json::stream_parser parser{{}, options};
  json::error_code error;
  const std::size_t good = std::min(parser.write_some(text.data(), text.size(), error), text.size());
  if (!error && text.find_first_not_of(" \t\r\n", good) != std::string_view::npos) error = json::error::extra_data;
  if (!error) parser.finish(error);
  if (!error) return parser.release();
  const std::string_view before = text.substr(0, good);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? good + 1 : good - newline;
  return base::fail(base::ErrorCode::kInvalidInput, "not JSON: " + error.message() + " at line " +
                                                        std::to_string(line) + ", column " + std::to_string(column));
}

void Mistakes::add(std::string document, std::string path, std::string message) {
  if (errors_.size() >= kMaxDocumentErrors) {
    ++dropped_;
    return;
  }
  errors_.push_back({std::move(document), std::move(path), std::move(message)});
}

Place Place::child(const json::value& of, std::string_view key) const {
  return {&of, document, path + pointerToken(key), mistakes};
}

Place Place::child(const json::value& of, std::size_t index) const {
  return {&of, document, path + "/" + std::to_string(index), mistakes};
}

const char* describeKind(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "true or false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

Value toValue(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return {};
    case json::kind::bool_:
      return {value.get_bool()};
    case json::kind::int64:
      return {value.get_int64()};
    case json::kind::uint64:
      return {static_cast<double>(value.get_uint64())};
    case json::kind::double_:
      return {value.get_double()};
    case json::kind::string:
      return {std::string{value.get_string().data(), value.get_string().size()}};
    case json::kind::array: {
      List list;
      for (const json::value& each : value.get_array()) list.push_back(toValue(each));
      return {std::make_shared<const List>(std::move(list))};
    }
    case json::kind::object: {
      Map map;
      for (const auto& member : value.get_object()) map.emplace(std::string{member.key()}, toValue(member.value()));
      return {std::make_shared<const Map>(std::move(map))};
    }
  }
  return {};
}

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& names) {
  if (text.size() > 64) return {};
  std::string_view best;
  std::size_t least = text.size() < 5 ? 2 : 3;  // exclusive: one slip in a short word, two in a longer one
  for (const std::string_view name : names) {
    if (name.size() > 64) continue;
    const std::size_t d = distance(text, name);
    if (d < least) {
      least = d;
      best = name;
    }
  }
  return best;
}

ObjectReader::ObjectReader(Place place) : place_(std::move(place)) {
  if (place_.value && place_.value->is_object()) {
    object_ = &place_.value->get_object();
  } else if (place_.value) {
    place_.mistake(std::string{"expected an object, found "} + describeKind(*place_.value));
  }
}

const json::value* ObjectReader::find(std::string_view key, Need need) {
  known_.push_back(key);
  if (!object_) return nullptr;
  const json::value* value = object_->if_contains(key);
  if (!value && need == Need::kRequired) place_.mistake("\"" + std::string{key} + "\" is missing");
  return value;
}

Place ObjectReader::at(std::string_view key) const {
  const json::value* value = object_ ? object_->if_contains(key) : nullptr;
  return value ? place_.child(*value, key) : place_;
}

bool readText(const Place& place, std::string& out, std::size_t maxBytes) {
  const json::string* text = place.value->if_string();
  if (!text) {
    place.mistake(std::string{"expected a string, found "} + describeKind(*place.value));
    return false;
  }
  if (text->size() > maxBytes) {
    place.mistake("expected at most " + std::to_string(maxBytes) + " bytes, found " + std::to_string(text->size()));
    return false;
  }
  if (std::find(text->begin(), text->end(), '\0') != text->end()) {
    place.mistake("expected text without NUL characters");
    return false;
  }
  out.assign(text->data(), text->size());
  return true;
}

bool readName(const Place& place, std::string& out) {
  std::string text;
  if (!readText(place, text, 4096)) return false;
  if (!isName(text)) {
    place.mistake("expected a name of 1 to 64 of the characters A-Z a-z 0-9 _ -");
    return false;
  }
  out = std::move(text);
  return true;
}

bool ObjectReader::text(std::string_view key, std::string& out, Need need, std::size_t maxBytes) {
  const json::value* value = find(key, need);
  return value && readText(place_.child(*value, key), out, maxBytes);
}

bool ObjectReader::name(std::string_view key, std::string& out, Need need) {
  const json::value* value = find(key, need);
  return value && readName(place_.child(*value, key), out);
}

bool ObjectReader::integer(std::string_view key, std::int64_t& out, std::int64_t low, std::int64_t high, Need need) {
  const json::value* value = find(key, need);
  if (!value) return false;
  const std::int64_t* whole = value->if_int64();
  if (!whole || *whole < low || *whole > high) {
    at(key).mistake("expected a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                    (whole ? ", found " + std::to_string(*whole) : std::string{}));
    return false;
  }
  out = *whole;
  return true;
}

bool ObjectReader::integer(std::string_view key, int& out, int low, int high, Need need) {
  std::int64_t wide = out;
  if (!integer(key, wide, std::int64_t{low}, std::int64_t{high}, need)) return false;
  out = static_cast<int>(wide);
  return true;
}

bool ObjectReader::number(std::string_view key, double& out, double low, double high, Need need) {
  const json::value* value = find(key, need);
  if (!value) return false;
  double found = std::nan("");
  if (const auto* d = value->if_double())
    found = *d;
  else if (const auto* i = value->if_int64())
    found = static_cast<double>(*i);
  if (!(found >= low && found <= high)) {  // also when it is not a number
    at(key).mistake("expected a number from " + shown(low) + " to " + shown(high));
    return false;
  }
  out = found;
  return true;
}

bool ObjectReader::flag(std::string_view key, bool& out) {
  const json::value* value = find(key, Need::kOptional);
  if (!value) return false;
  if (!value->is_bool()) {
    at(key).mistake(std::string{"expected true or false, found "} + describeKind(*value));
    return false;
  }
  out = value->get_bool();
  return true;
}

void ObjectReader::array(std::string_view key, Need need, std::size_t most,
                         const std::function<void(const Place&)>& each) {
  const json::value* value = find(key, need);
  if (!value) return;
  const Place place = place_.child(*value, key);
  const json::array* list = value->if_array();
  if (!list) return place.mistake(std::string{"expected a list, found "} + describeKind(*value));
  if (list->size() > most) {
    return place.mistake("expected at most " + std::to_string(most) + " entries, found " +
                         std::to_string(list->size()));
  }
  for (std::size_t i = 0; i < list->size(); ++i) each(place.child((*list)[i], i));
}

void ObjectReader::names(std::string_view key, std::vector<std::string>& out, Need need, std::size_t most) {
  array(key, need, most, [&](const Place& place) {
    std::string name;
    if (!readName(place, name)) return;
    if (std::find(out.begin(), out.end(), name) != out.end()) {
      return place.mistake("\"" + name + "\" is listed twice");
    }
    out.push_back(std::move(name));
  });
}

void ObjectReader::members(std::string_view key, std::size_t most,
                           const std::function<void(const Place&, std::string_view)>& each) {
  const json::value* value = find(key, Need::kOptional);
  if (!value) return;
  const Place place = place_.child(*value, key);
  const json::object* object = value->if_object();
  if (!object) return place.mistake(std::string{"expected an object, found "} + describeKind(*value));
  if (object->size() > most) {
    return place.mistake("expected at most " + std::to_string(most) + " entries, found " +
                         std::to_string(object->size()));
  }
  for (const auto& member : *object) each(place.child(member.value(), member.key()), member.key());
}

void ObjectReader::finish() {
  if (!object_) return;
  for (const auto& member : *object_) {
    const std::string_view key = member.key();
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::string_view near = nearest(key, known_);
    place_.child(member.value(), key)
        .mistake("unknown key" + (near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?"));
  }
}

bool hasShape(std::string_view text, std::string_view shape) {
  return std::equal(text.begin(), text.end(), shape.begin(), shape.end(),
                    [](char c, char s) { return s == '0' ? c >= '0' && c <= '9' : c == s; });
}

bool readInstant(const Place& place, const std::string& text, base::WallTime& out) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool shape =
      hasShape(text, "0000-00-00T00:00:00Z") &&
      std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second) == 6;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!shape || !date.ok() || year < 1970 || year > 2199 || hour > 23 || minute > 59 || second > 59) {
    place.mistake("expected an instant such as 2026-01-01T00:00:00Z");
    return false;
  }
  out = std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
        std::chrono::seconds{second};
  return true;
}

}  // namespace dvpe::model
