// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Channel time: whole ticks of 1/240,000 s since the epoch in the channel's document (design, law 1).
#pragma once

#include <chrono>
#include <cstdint>
#include <ratio>
#include <string>

namespace dvpe::base {

// A point in channel time (since the channel's epoch) or a length, as the name beside it says. Arithmetic is exact.
using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 240000>>;

inline constexpr std::int64_t kTicksPerSecond = 240000;
inline constexpr std::int64_t kTicksPerMillisecond = 240;
inline constexpr std::int64_t kTicksPerSample = 5;  // one audio sample at 48 kHz

// Ticks -> seconds, for people and metrics; never for arithmetic that comes back to ticks.
constexpr double seconds(Ticks t) { return static_cast<double>(t.count()) / kTicksPerSecond; }

// Wall time in microseconds since 1970, UTC.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

// The wall time of a point in channel time. Rounded down to a microsecond.
constexpr WallTime toWall(WallTime epoch, Ticks t) {
  const std::int64_t s =
      t.count() >= 0 ? t.count() / kTicksPerSecond : -((-t.count() + kTicksPerSecond - 1) / kTicksPerSecond);
  const std::int64_t rest = t.count() - s * kTicksPerSecond;
  return epoch + std::chrono::seconds{s} + std::chrono::microseconds{rest * 25 / 6};
}

// The channel time of a wall time, rounded down to a tick, before the epoch too.
constexpr Ticks fromWall(WallTime epoch, WallTime w) {
  const std::int64_t sixths = (w - epoch).count() * 6;
  return Ticks{sixths >= 0 ? sixths / 25 : -((-sixths + 24) / 25)};
}

// ISO 8601 with milliseconds and Z ("2026-11-22T10:00:00.000Z"), as HLS wants its dates. Rounded to the nearest ms.
std::string isoDate(WallTime w);

}  // namespace dvpe::base
