// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Timestamps, durations and time zones of the condition language (cel-spec langdef, "Timestamp and Duration").
#pragma once

#include <date/tz.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dvpe::rules::impl {

inline constexpr std::int64_t kMicros = 1'000'000;
// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z.
inline constexpr std::int64_t kFirstTime = -62'135'596'800 * kMicros, kLastTime = 253'402'300'800 * kMicros - 1;

// RFC 3339, microseconds since 1970; finer digits are cut off.
std::optional<std::int64_t> parseTimestamp(std::string_view text);
std::string printTimestamp(std::int64_t time);

// "1h30m", "-1.5s"; h, m, s, ms, us, ns; with `days` also "7d". Microseconds.
std::optional<std::int64_t> parseDuration(std::string_view text, bool days = false);
std::string printDuration(std::int64_t duration);

// A zone of the IANA database ("Europe/Berlin"), or a fixed difference from UTC ("+02:00", "UTC").
struct Zone {
  const date::time_zone* named = nullptr;
  std::chrono::minutes ahead{};
};
std::optional<Zone> findZone(const std::string& name);

// What a get...() of a timestamp gives.
enum class Part : std::uint8_t {
  kFullYear,
  kMonth,  // from 0
  kDate,   // from 1
  kDayOfMonth,
  kDayOfWeek,  // 0: Sunday
  kDayOfYear,
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds
};
// nullopt: no such method.
std::optional<Part> partOf(std::string_view method);
std::int64_t partOfTime(std::int64_t time, Part part, const Zone& zone);
// The whole duration in hours, minutes or seconds; its milliseconds within the second.
std::int64_t partOfDuration(std::int64_t duration, Part part);

}  // namespace dvpe::rules::impl
