// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/impl/times.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace dvpe::rules::impl {

using std::chrono::microseconds;

namespace {

// Exactly this many digits.
bool digits(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count || text[0] < '0' || text[0] > '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, out);
  if (error != std::errc{} || end != text.data() + count) return false;
  text.remove_prefix(count);
  return true;
}

bool mark(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".5" after a whole second, in microseconds.
bool fraction(std::string_view& text, int& micros) {
  micros = 0;
  if (!mark(text, '.')) return true;
  int scale = 100'000;
  std::size_t read = 0;
  for (; read < text.size() && text[read] >= '0' && text[read] <= '9'; ++read, scale /= 10)
    micros += (text[read] - '0') * scale;
  text.remove_prefix(read);
  return read > 0;
}

// "+02:00"
std::optional<std::chrono::minutes> offset(std::string_view text) {
  const bool west = !text.empty() && text[0] == '-';
  if (!mark(text, '+') && !mark(text, '-')) return std::nullopt;
  int hours = 0, minutes = 0;
  if (!digits(text, 2, hours) || !mark(text, ':') || !digits(text, 2, minutes) || !text.empty()) return std::nullopt;
  if (hours > 23 || minutes > 59) return std::nullopt;
  const std::chrono::minutes out{hours * 60 + minutes};
  return west ? -out : out;
}

}  // namespace

std::optional<std::int64_t> parseTimestamp(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
  if (!digits(text, 4, year) || !mark(text, '-') || !digits(text, 2, month) || !mark(text, '-') ||
      !digits(text, 2, day) || (!mark(text, 'T') && !mark(text, 't')) || !digits(text, 2, hour) || !mark(text, ':') ||
      !digits(text, 2, minute) || !mark(text, ':') || !digits(text, 2, second) || !fraction(text, micros)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || year < 1 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::chrono::minutes ahead{};
  if (text != "Z" && text != "z") {
    const auto zone = offset(text);
    if (!zone) return std::nullopt;
    ahead = *zone;
  }
  const auto days = std::chrono::sys_days{date}.time_since_epoch();
  const std::int64_t seconds =
      std::chrono::seconds{days}.count() + hour * 3600 + minute * 60 + second - std::chrono::seconds{ahead}.count();
  const std::int64_t out = seconds * kMicros + micros;
  if (out < kFirstTime || out > kLastTime) return std::nullopt;
  return out;
}

std::string printTimestamp(std::int64_t time) {
  const std::chrono::sys_time<microseconds> at{microseconds{time}};
  const auto days = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{at - days};
  std::array<char, 48> out{};
  const int written = std::snprintf(
      out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  std::string text(out.data(), static_cast<std::size_t>(std::max(written, 0)));
  if (const auto micros = clock.subseconds().count(); micros != 0) {
    std::snprintf(out.data(), out.size(), ".%06d", static_cast<int>(micros));
    text += out.data();
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

std::optional<std::int64_t> parseDuration(std::string_view text, bool days) {
  struct Unit {
    std::string_view name;
    std::int64_t micros;
  };
  static constexpr std::array<Unit, 7> kUnits = {{{"ns", 0},  // summed by themselves
                                                  {"us", 1},
                                                  {"ms", 1'000},
                                                  {"s", kMicros},
                                                  {"m", 60 * kMicros},
                                                  {"h", 3'600 * kMicros},
                                                  {"d", 86'400 * kMicros}}};
  constexpr std::int64_t kMost = 315'576'000'000 * kMicros;  // cel-spec: about 10,000 years
  const bool negative = mark(text, '-');
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::int64_t sum = 0, nanos = 0;
  while (!text.empty()) {
    // Whole numbers, since 1.005 has no exact double. Digits after the eighth are cut off: 10^8 days fit.
    std::int64_t whole = 0, part = 0, scale = 1;
    const std::size_t first = std::min(text.find_first_not_of("0123456789"), text.size());
    if (first > 18) return std::nullopt;
    if (first > 0) std::from_chars(text.data(), text.data() + first, whole);
    text.remove_prefix(first);
    std::size_t second = 0;
    if (mark(text, '.')) {
      second = std::min(text.find_first_not_of("0123456789"), text.size());
      const std::size_t kept = std::min<std::size_t>(second, 8);
      if (kept > 0) std::from_chars(text.data(), text.data() + kept, part);
      for (std::size_t i = 0; i < kept; ++i) scale *= 10;
      text.remove_prefix(second);
    }
    if (first + second == 0) return std::nullopt;
    const std::size_t word = std::min(text.find_first_of("0123456789."), text.size());
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == text.substr(0, word); });
    if (unit == kUnits.end() || (unit->name == "d" && !days)) return std::nullopt;
    text.remove_prefix(word);
    std::int64_t product = 0;
    if (unit->micros == 0) {
      if (__builtin_add_overflow(nanos, whole, &nanos)) return std::nullopt;
    } else if (__builtin_mul_overflow(whole, unit->micros, &product) || product > kMost) {
      return std::nullopt;
    }
    sum += product + part * unit->micros / scale;
    if (sum + nanos / 1'000 > kMost) return std::nullopt;
  }
  sum += nanos / 1'000;
  return negative ? -sum : sum;
}

std::string printDuration(std::int64_t duration) {
  std::string out = duration < 0 ? "-" : "";
  const std::uint64_t micros =
      duration < 0 ? 0 - static_cast<std::uint64_t>(duration) : static_cast<std::uint64_t>(duration);
  out += std::to_string(micros / kMicros);
  if (const auto rest = micros % kMicros; rest != 0) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), ".%06u", static_cast<unsigned>(rest));
    out += text.data();
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "s";
}

std::optional<Zone> findZone(const std::string& name) {
  if (name == "UTC" || name == "Z") return Zone{};
  if (const auto ahead = offset(name)) return Zone{nullptr, *ahead};
  // The library looks names up by binary search and throws for one that is not there.
  try {
    return Zone{date::locate_zone(name), {}};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<Part> partOf(std::string_view method) {
  static constexpr std::array<std::string_view, 10> kNames = {
      "getFullYear",  "getMonth", "getDate",    "getDayOfMonth", "getDayOfWeek",
      "getDayOfYear", "getHours", "getMinutes", "getSeconds",    "getMilliseconds"};
  const auto* found = std::find(kNames.begin(), kNames.end(), method);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Part>(found - kNames.begin());
}

std::int64_t partOfTime(std::int64_t time, Part part, const Zone& zone) {
  std::chrono::sys_time<microseconds> local{microseconds{time}};
  local += zone.ahead;
  if (zone.named != nullptr) local += zone.named->get_info(std::chrono::floor<std::chrono::seconds>(local)).offset;
  const auto days = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{local - days};
  switch (part) {
    case Part::kFullYear:
      return static_cast<int>(date.year());
    case Part::kMonth:
      return static_cast<unsigned>(date.month()) - 1;
    case Part::kDate:
      return static_cast<unsigned>(date.day());
    case Part::kDayOfMonth:
      return static_cast<unsigned>(date.day()) - 1;
    case Part::kDayOfWeek:
      return std::chrono::weekday{days}.c_encoding();
    case Part::kDayOfYear:
      return (days - std::chrono::sys_days{date.year() / std::chrono::January / 1}).count();
    case Part::kHours:
      return clock.hours().count();
    case Part::kMinutes:
      return clock.minutes().count();
    case Part::kSeconds:
      return clock.seconds().count();
    case Part::kMilliseconds:
      break;
  }
  return clock.subseconds().count() / 1000;
}

std::int64_t partOfDuration(std::int64_t duration, Part part) {
  if (part == Part::kHours) return duration / (3600 * kMicros);
  if (part == Part::kMinutes) return duration / (60 * kMicros);
  if (part == Part::kSeconds) return duration / kMicros;
  return duration % kMicros / 1000;
}

}  // namespace dvpe::rules::impl
