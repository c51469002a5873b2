// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What is called: CEL's functions and ours; conversions (cel-spec langdef, "Type Conversions"); values as text.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "shared/rules/impl/evaluator.h"

namespace dvpe::rules::impl {

namespace {

std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

template <class Number>
bool whole(std::string_view text, Number& out) {
  if (!text.empty() && text.front() == '+') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

Datum toInt(const Datum& value) {
  if (value.type == Type::kInt) return value;
  if (value.type == Type::kTimestamp) {  // whole seconds, towards the past
    return ofWhole(std::chrono::floor<std::chrono::seconds>(std::chrono::microseconds(value.whole)).count());
  }
  if (value.type == Type::kDouble) {
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (!(value.real > -kTwoTo63 && value.real < kTwoTo63)) return error("the number does not fit 64 bits");
    return ofWhole(static_cast<std::int64_t>(value.real));
  }
  std::int64_t out = 0;
  if (value.type != Type::kString || !whole(value.text(), out)) return error("the text is not a whole number");
  return ofWhole(out);
}

Datum toDouble(const Datum& value) {
  if (value.type == Type::kDouble) return value;
  if (value.type == Type::kInt) return ofReal(static_cast<double>(value.whole));
  double out = 0;
  const bool plain = value.type == Type::kString && !value.text().ends_with(')');  // nan(1) is a number to C alone
  if (!plain || !whole(value.text(), out)) return error("the text is not a number");
  return ofReal(out);
}

std::string asText(const Datum& value) {
  switch (value.type) {
    case Type::kBool:
      return value.flag ? "true" : "false";
    case Type::kInt:
      return std::to_string(value.whole);
    case Type::kTimestamp:
      return printTimestamp(value.whole);
    case Type::kDuration:
      return printDuration(value.whole);
    case Type::kDouble: {
      std::array<char, 40> digits{};
      return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value.real).ptr};
    }
    default:
      return std::string{value.text()};
  }
}

}  // namespace

Datum Evaluator::convert(const Datum& value, Function to) {
  const bool single = value.type != Type::kList && value.type != Type::kMap;
  if (!single) return error("a list or map cannot be converted");
  switch (to) {
    case Function::kInt:
      return value.type == Type::kBool || value.type == Type::kDuration ? error("this cannot be made a whole number")
                                                                        : toInt(value);
    case Function::kDouble:
      return toDouble(value);
    case Function::kString:
      return value.type == Type::kString ? value : text(asText(value));
    case Function::kTimestamp: {
      if (value.type == Type::kTimestamp) return value;
      if (value.type == Type::kInt) {  // seconds since 1970
        if (value.whole < kFirstTime / kMicros || value.whole > kLastTime / kMicros)
          return error("the time is out of range");
        return ofWhole(value.whole * kMicros, Type::kTimestamp);
      }
      const auto time = value.type == Type::kString ? parseTimestamp(value.text()) : std::nullopt;
      return time ? ofWhole(*time, Type::kTimestamp) : error("the text is not a timestamp");
    }
    default: {
      if (value.type == Type::kDuration) return value;
      const auto duration = value.type == Type::kString ? parseDuration(value.text()) : std::nullopt;
      return duration ? ofWhole(*duration, Type::kDuration) : error("the text is not a duration");
    }
  }
}

Datum Evaluator::call(const Op& here) {
  std::array<Datum, 4> args;
  if (here.function == Function::kWithin) return within(here);
  if (here.function == Function::kSegment) {
    return Evaluator{*program_.segments[here.extra].second, attributes_, scratch_}.value(0);
  }
  std::size_t count = 0;
  for (std::uint32_t child = here.first; child != 0 && count < args.size(); child = op(child).next)
    args[count++] = value(child);
  for (const State state : {State::kUnknown, State::kError}) {
    for (std::size_t i = 0; i < count; ++i) {
      if (args[i].state == state) return args[i];
    }
  }
  const Datum &a = args[0], &b = args[1];
  switch (here.function) {
    case Function::kSize:
      if (a.type == Type::kString) return ofWhole(characters(a.text()));
      return a.type == Type::kList || (a.type == Type::kMap && !a.flag) ? ofWhole(a.count) : error(kNoOverload);
    case Function::kPart: {
      const auto part = static_cast<Part>(here.index);
      if (a.type == Type::kTimestamp) return ofWhole(partOfTime(a.whole, part, program_.zones[here.extra]));
      if (a.type == Type::kDuration && part >= Part::kHours) return ofWhole(partOfDuration(a.whole, part));
      return error(kNoOverload);
    }
    case Function::kPercent:
      return percent(a);
    case Function::kFrequency: {
      const auto seen = attributes_.frequency(a.text(), std::chrono::seconds(program_.ints[here.extra] / kMicros));
      return seen ? ofWhole(*seen) : unknown(Why::kAbsent);
    }
    case Function::kStartsWith:
    case Function::kEndsWith:
    case Function::kContains:
    case Function::kMatches:
      if (a.type != Type::kString || b.type != Type::kString) return error(kNoOverload);
      if (here.function == Function::kStartsWith) return ofBool(a.text().starts_with(b.text()));
      if (here.function == Function::kEndsWith) return ofBool(a.text().ends_with(b.text()));
      // Not find(), which takes the product of both lengths for texts made to.
      if (here.function == Function::kContains) return ofBool(memmem(a.bytes, a.count, b.bytes, b.count) != nullptr);
      return ofBool(RE2::PartialMatch({a.bytes, a.count}, *program_.patterns[here.extra]));
    default:
      return convert(a, here.function);
  }
}

// Degrees to kilometres on a sphere, by the haversine formula.
Datum Evaluator::within(const Op& here) {
  const std::uint32_t geo = here.first;
  const FieldUse& field = program_.fields[op(geo).index];
  const Datum place = read(field);
  if (!place.known()) return place;
  std::array<double, 5> n{};
  std::size_t i = 0;
  for (const char* name : {"lat", "lon"}) {
    const Datum each = member(place, name);
    if (!each.known()) return each;
    if (each.type != Type::kDouble && each.type != Type::kInt) return unknown(Why::kWrongType);
    n[i++] = each.type == Type::kInt ? static_cast<double>(each.whole) : each.real;
  }
  for (std::uint32_t child = op(geo).next; child != 0 && i < n.size(); child = op(child).next) {
    const Datum each = value(child);
    if (!each.known()) return each;
    if (each.type != Type::kDouble) return error(kNoOverload);
    n[i++] = each.real;
  }
  constexpr double kRadian = 3.14159265358979323846 / 180, kEarth = 6371.0088;
  const double dLat = (n[2] - n[0]) * kRadian / 2, dLon = (n[3] - n[1]) * kRadian / 2;
  const double h = std::sin(dLat) * std::sin(dLat) +
                   std::cos(n[0] * kRadian) * std::cos(n[2] * kRadian) * std::sin(dLon) * std::sin(dLon);
  return ofBool(2 * kEarth * std::asin(std::sqrt(std::clamp(h, 0.0, 1.0))) <= n[4]);
}

// FNV-1a over salt, a zero byte and the identity, mixed as splitmix64 does; the upper 53 bits as a share of 100.
Datum Evaluator::percent(const Datum& salt) {
  const std::string_view identity = attributes_.identity();
  if (identity.empty()) return unknown(Why::kAbsent);
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  };
  add(salt.text());
  hash *= 0x100000001b3U;
  add(identity);
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
  hash ^= hash >> 31;
  return ofReal(static_cast<double>(hash >> 11) * (100.0 / 9007199254740992.0));
}

std::string shown(const Datum& value, std::size_t most) {
  if (value.state == State::kUnknown) return "unknown";
  if (value.state == State::kError) return std::string{"error: "} + value.bytes;
  Node literal;
  switch (value.type) {
    case Type::kBool:
    case Type::kInt:
      return asText(value);
    case Type::kDouble: {
      if (!std::isfinite(value.real)) return std::string{"double("} + quote(asText(value)) + ")";
      literal.literal = value.real;
      return print(literal);
    }
    case Type::kString: {
      std::size_t end = std::min<std::size_t>(value.count, most);
      while (end < value.count && end > 0 && (static_cast<unsigned char>(value.bytes[end]) & 0xC0) == 0x80) --end;
      return quote(value.text().substr(0, end)) + (end < value.count ? "..." : "");
    }
    case Type::kTimestamp:
      return "timestamp(" + quote(asText(value)) + ")";
    case Type::kDuration:
      return "duration(" + quote(asText(value)) + ")";
    case Type::kMap:
      if (value.flag) return std::string{value.text()};
      break;
    default:
      break;
  }
  const bool map = value.type == Type::kMap;
  std::string out = map ? "{" : "[";
  for (std::uint32_t i = 0; i < value.count; ++i) {
    if (i > 0) out += ", ";
    if (out.size() >= most) {
      out += "...";
      break;
    }
    const std::size_t left = most - out.size();
    if (map) out += shown(value.items[2 * i], left) + ": ";
    out += shown(value.items[map ? 2 * i + 1 : i], left);
  }
  return out + (map ? "}" : "]");
}

}  // namespace dvpe::rules::impl
