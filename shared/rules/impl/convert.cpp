// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// cel-spec langdef, "Type Conversions", and values as text.
#include <array>
#include <charconv>
#include <cmath>

#include "shared/rules/impl/evaluator.h"

namespace dvpe::rules::impl {

namespace {

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
  if (value.type != Type::kString || !whole(value.text(), out)) return error("the text is not a number");
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

std::string shown(const Datum& value) {
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
    case Type::kString:
      return quote(value.text());
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
    out += map ? shown(value.items[2 * i]) + ": " + shown(value.items[2 * i + 1]) : shown(value.items[i]);
  }
  return out + (map ? "}" : "]");
}

}  // namespace dvpe::rules::impl
