// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A day of pacing: goals that can just be reached, and 130 % of what can. Prints one line of JSON. day.py says what is
// measured.
//
//   bench_day [--viewers N] [--campaigns N] [--seed N] [--threads N] [--talk] [--first-day] [--only goals|overbooked]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>

#include "day_flow.h"
#include "day_run.h"

namespace dvpe::bench {

namespace {

constexpr double kSpare = 1.1, kOverbooked = 1.3;
constexpr double kAsked = 1.05;  // of the time that can safely be sold: more than can be had by all
constexpr std::int64_t kTiny = 1000;

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What each line asks for: its share of the breaks that it could be in, of all lines together a certain part of the
// time.
std::vector<double> wishes(const World& world, std::int64_t capacity, Chance chance) {
  // Breaks by who is there, as a line sees them.
  std::vector<double> out;
  const std::size_t step = std::max<std::size_t>(world.people.size() / 20'000, 1);
  for (const Sold& line : world.lines) {
    std::int64_t views = 0;
    for (std::size_t i = 0; i < world.people.size(); i += step) {
      const Person& who = world.people[i];
      const auto window = static_cast<int>(who.arrival) / kWindowSeconds;
      if ((line.target.windows >> window & 1U) != 0 && world.wants(line, who, who.channel)) views += kBreaks;
    }
    out.push_back(line.share * static_cast<double>(views) * static_cast<double>(step));
  }
  double units = 0;
  for (std::size_t i = 0; i < out.size(); ++i) units += out[i] * world.lines[i].longest();
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] *= kAsked * static_cast<double>(capacity) / units;
    if (world.lines[i].tiny) out[i] = std::min(out[i], 20.0 + chance.below(970));
  }
  return out;
}

// All lines grow together, so that none gets everything that several could have.
std::vector<std::int64_t> feasible(Flow& flow, const std::vector<double>& wishes) {
  constexpr int kSteps = 20;
  std::vector<std::int64_t> out(wishes.size());
  for (int step = 1; step <= kSteps; ++step) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::int64_t>(wishes[i] * step / kSteps);
      flow.spread(i, out[i]);
    }
  }
  flow.raise(out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(flow.carried(i)) / kSpare), 1);
  }
  return out;
}

// The value that could be had at most: lines of the highest price for their time first. With one kind of goods that is
// the best there is, since what flows serve is a polymatroid; a few lines at a time count with the best of their
// prices.
double bestValue(Flow& flow, const World& world, const std::vector<std::int64_t>& goals) {
  constexpr std::size_t kTogether = 6;
  const auto price = [&](std::size_t i) {
    return static_cast<double>(world.lines[i].worth) / static_cast<double>(flow.units(i));
  };
  std::vector<std::size_t> order(goals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return price(a) > price(b); });
  double out = 0;
  std::vector<std::int64_t> wanted(goals.size());
  for (std::size_t at = 0; at < order.size(); at += kTogether) {
    for (std::size_t k = at; k < std::min(at + kTogether, order.size()); ++k) wanted[order[k]] = goals[order[k]];
    const std::int64_t before = flow.carriedUnits();
    flow.raise(wanted);
    out += static_cast<double>(flow.carriedUnits() - before) * price(order[at]);
  }
  return out;
}

struct Off {
  std::size_t line = 0;
  double off = 0;
};

std::vector<Off> offGoal(const DayResult& day, const std::vector<std::int64_t>& goals) {
  std::vector<Off> out;
  for (std::size_t i = 0; i < goals.size(); ++i) {
    out.push_back({i, static_cast<double>(std::abs(day.delivered[i] - goals[i])) /
                          static_cast<double>(std::max(goals[i], kTiny))});
  }
  std::sort(out.begin(), out.end(), [](const Off& a, const Off& b) { return a.off > b.off; });
  return out;
}

int run(std::uint32_t viewers, int campaigns, const DayOptions& options, const std::string& only) {
  const auto start = std::chrono::steady_clock::now();
  const auto say = [&](const char* what) {
    if (options.talk) std::fprintf(stderr, "%6.1f s: %s\n", since(start), what);
  };
  const World world(options.seed, viewers, campaigns);
  say("world");
  std::vector<std::int64_t> goals;
  std::int64_t capacity = 0, sold = 0;
  std::size_t classes = 0, edges = 0;
  {
    Flow flow(world, Bound::kSafe);
    say("flow built");
    capacity = flow.capacity();
    classes = flow.classes();
    edges = flow.edges();
    goals = feasible(flow, wishes(world, capacity, Chance{options.seed + 9}));
    say("goals");
  }
  double carried = 0;
  {
    // From nothing once more: every goal with what is to spare.
    Flow flow(world, Bound::kSafe);
    double all = 0;
    std::vector<std::int64_t> most;
    most.reserve(goals.size());
    for (const std::int64_t goal : goals) most.push_back(static_cast<std::int64_t>(static_cast<double>(goal) * kSpare));
    flow.raise(most);
    for (std::size_t i = 0; i < goals.size(); ++i) {
      carried += static_cast<double>(flow.carried(i));
      all += static_cast<double>(most[i]);
      sold += goals[i] * flow.units(i);
    }
    carried /= all;
    say("goals checked");
  }
  std::string json = "{";
  const auto put = [&](const char* format, auto... values) {
    char text[512];
    std::snprintf(text, sizeof text, format, values...);
    json += text;
  };
  const auto ll = [](auto value) { return static_cast<long long>(value); };
  const auto tiny = std::count_if(goals.begin(), goals.end(), [](std::int64_t goal) { return goal < kTiny; });
  if (only != "overbooked") {
    const DayResult day = playDay(world, goals, options);
    say("day");
    const auto off = offGoal(day, goals);
    const std::int64_t delivered = std::accumulate(day.delivered.begin(), day.delivered.end(), std::int64_t{0});
    put("\"max_off_goal\":%.5f,\"caps_broken\":%lld,\"fill_lost_to_caps_unknown\":%.5f,\"filled_share\":%.4f,",
        off[0].off, ll(day.capsBroken), day.lostToCapsUnknown, day.filled);
    put("\"off_goal_p99\":%.5f,\"off_goal_p90\":%.5f,\"over_1_percent\":%lld,", off[off.size() / 100].off,
        off[off.size() / 10].off, ll(std::count_if(off.begin(), off.end(), [](const Off& o) { return o.off > 0.01; })));
    json += "\"worst\":[";
    for (std::size_t k = 0; k < 8 && k < off.size(); ++k) {
      const std::size_t i = off[k].line;
      put("%s[\"%s\",%lld,%lld]", k == 0 ? "" : ",", world.lines[i].name.c_str(), ll(goals[i]), ll(day.delivered[i]));
    }
    for (std::size_t k = 0; options.talk && k < 30 && k < off.size(); ++k) {
      const Sold& line = world.lines[off[k].line];
      std::fprintf(
          stderr,
          "%-8s goal %lld delivered %lld half %lld worth %lld u%d windows %02x caps %zu %zu %zu %zu category %d\n",
          line.name.c_str(), ll(goals[off[k].line]), ll(day.delivered[off[k].line]), ll(day.atHalf[off[k].line]),
          ll(line.worth), line.longest(), line.target.windows, line.caps.size(), line.creativeCaps.size(),
          world.campaignCaps[static_cast<std::size_t>(line.campaign)].size(),
          world.advertiserCaps[static_cast<std::size_t>(line.advertiser)].size(), line.category);
    }
    double half = 0, whole = 0;
    for (std::size_t i = 0; i < goals.size(); ++i) {
      if (world.lines[i].target.windows != (1U << kWindows) - 1) continue;
      half += static_cast<double>(day.atHalf[i]);
      whole += static_cast<double>(goals[i]);
    }
    put("],\"delivered\":%lld,\"bound\":%lld,\"returned\":%lld,\"lost_with_node\":%lld,\"contingencies\":%lld,",
        ll(delivered), ll(day.bound), ll(day.returned), ll(day.lost), ll(day.contingencies));
    put("\"decided_again\":%lld,\"inexact_pods\":%lld,\"caps_checked\":%lld,\"views\":%lld,\"views_caps_unknown\":%"
        "lld,",
        ll(day.decidedAgain), ll(day.inexact), ll(day.capsChecked), ll(day.views), ll(day.unknownViews));
    put("\"delivered_at_half\":%.4f,\"spike\":%.1f,", half / std::max(whole, 1.0), day.spike);
  }
  if (only != "goals") {
    std::vector<std::int64_t> more;
    more.reserve(goals.size());
    for (const std::int64_t goal : goals)
      more.push_back(std::llround(static_cast<double>(goal) * kSpare * kOverbooked));
    const DayResult day = playDay(world, more, options);
    say("overbooked day");
    Flow flow(world, Bound::kMost);
    const double best = bestValue(flow, world, more);
    say("best value");
    double value = 0;
    for (std::size_t i = 0; i < more.size(); ++i)
      value += static_cast<double>(day.delivered[i]) * static_cast<double>(world.lines[i].worth);
    put("\"value_share\":%.4f,\"overbooked\":{\"filled_share\":%.4f,\"caps_broken\":%lld,\"contingencies\":%lld},",
        value / best, day.filled, ll(day.capsBroken), ll(day.contingencies));
  }
  put("\"feasible_with_spare\":%.6f,\"booked\":%.4f,\"campaigns\":%d,\"lines\":%zu,\"tiny_goals\":%lld,\"goals\":%lld,",
      carried, static_cast<double>(sold) / static_cast<double>(capacity), campaigns, goals.size(), ll(tiny),
      ll(std::accumulate(goals.begin(), goals.end(), std::int64_t{0})));
  put("\"classes\":%zu,\"edges\":%zu,\"viewers\":%u,\"seed\":%llu,\"threads\":%d,\"seconds\":%.1f}", classes, edges,
      viewers, static_cast<unsigned long long>(options.seed), options.threads, since(start));
  std::puts(json.c_str());
  return 0;
}

}  // namespace

}  // namespace dvpe::bench

int main(int argc, char** argv) {
  std::uint32_t viewers = 1'000'000;
  int campaigns = 500;
  dvpe::bench::DayOptions options;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const auto is = [&](const char* name) { return std::strcmp(argv[i], name) == 0 && i + 1 < argc; };
    if (is("--viewers")) {
      viewers = static_cast<std::uint32_t>(std::stoul(argv[++i]));
    } else if (is("--campaigns")) {
      campaigns = std::stoi(argv[++i]);
    } else if (is("--seed")) {
      options.seed = std::stoull(argv[++i]);
    } else if (is("--threads")) {
      options.threads = std::max(std::stoi(argv[++i]), 1);
    } else if (is("--only")) {
      only = argv[++i];
    } else if (std::strcmp(argv[i], "--talk") == 0) {
      options.talk = true;
    } else if (std::strcmp(argv[i], "--first-day") == 0) {
      options.yesterday = false;
    } else {
      std::fprintf(stderr, "bench_day: unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  return dvpe::bench::run(viewers, campaigns, options, only);
}
