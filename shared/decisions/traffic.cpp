// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/impl/traffic.h"

#include <algorithm>
#include <cmath>

namespace dvpe::decisions::impl {

namespace {

constexpr double kNewDay = 1.0 / 3;
constexpr double kMostGrowth = 3;  // a spike is not what every day will be like

double seconds(std::chrono::microseconds span) { return std::chrono::duration<double>(span).count(); }

std::int64_t binOf(base::WallTime at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch() / Traffic::kBin;
}

std::size_t ofDay(std::int64_t bin) {
  return static_cast<std::size_t>(bin % static_cast<std::int64_t>(Traffic::kBins));
}

}  // namespace

void Traffic::add(base::WallTime at, double breaks) {
  const std::int64_t bin = std::max<std::int64_t>(binOf(at), 0);
  if (bin > state_.bin) {
    close();
    const bool next = state_.bin >= 0 && bin == state_.bin + 1;
    state_.bin = bin;
    state_.since = next ? std::max(state_.last, base::WallTime{kBin * bin}) : at;
    state_.breaks = 0;
  }
  // Nodes report by turns: time passes only once.
  if (at > state_.last) {
    const double passed = state_.last == base::WallTime{} ? 0 : seconds(at - state_.last);
    const double keep = std::exp(-passed / seconds(kRecent));
    state_.recent *= keep;
    state_.recentTime = state_.recentTime * keep + std::min(passed, seconds(kRecent));
    state_.last = at;
  }
  state_.recent += breaks;
  state_.breaks += breaks;
}

double Traffic::now() const { return state_.recentTime > 0 ? state_.recent / state_.recentTime : 0; }

// What was heard of the half-hour at hand becomes what is known of it.
void Traffic::close() {
  if (state_.bin < 0 || state_.last - state_.since < kBin / 2) return;
  const double rate = state_.breaks / seconds(state_.last - state_.since);
  double& known = state_.rates[ofDay(state_.bin)];
  known = known < 0 ? rate : known + kNewDay * (std::min(rate, kMostGrowth * std::max(known, average())) - known);
}

double Traffic::average() const {
  double breaks = 0, time = 0;
  for (const double rate : state_.rates) {
    if (rate < 0) continue;
    breaks += rate * seconds(kBin);
    time += seconds(kBin);
  }
  if (state_.bin >= 0 && state_.rates[ofDay(state_.bin)] < 0) {
    breaks += state_.breaks;
    time += std::max(seconds(state_.last - state_.since), 10.0);
  }
  return time > 0 ? breaks / time : 0;
}

double Traffic::expected(base::WallTime from, base::WallTime until) const {
  if (until <= from) return 0;
  const double otherwise = average();
  const auto rate = [&](std::int64_t bin) {
    const double known = state_.rates[ofDay(bin)];
    return known < 0 ? otherwise : known;
  };
  double out = 0;
  const double more = now() - rate(std::max<std::int64_t>(binOf(from), 0));
  if (more > 0 && from - state_.last < kStays) {
    out += more * seconds(std::min<std::chrono::microseconds>(until - from, kStays));
  }
  const auto day = std::chrono::microseconds{std::chrono::hours{24}};
  if (const auto whole = (until - from) / day; whole > 0) {
    double all = 0;
    for (std::size_t bin = 0; bin < kBins; ++bin) all += rate(static_cast<std::int64_t>(bin)) * seconds(kBin);
    out += all * static_cast<double>(whole);
    from += day * whole;
  }
  while (from < until) {
    const std::int64_t bin = std::max<std::int64_t>(binOf(from), 0);
    const base::WallTime end = std::min(until, base::WallTime{kBin * (bin + 1)});
    out += rate(bin) * seconds(end - from);
    from = end;
  }
  return out;
}

}  // namespace dvpe::decisions::impl
