// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Worlds from a seed for forecast.py, as files that PostgreSQL copies.
//
//   bench_forecast weeks FOLDER SEED TODAY [--lines N]    TODAY: days since 1970
//   bench_forecast audience FOLDER SEED TODAY
//
// weeks: 120,000 people and 40 channels, eight weeks. A person has a country, a device, an interest (Zipf), an age, a
// channel that fits the interest, an hour and a likelihood to watch on a day. Each channel has its weekdays, a level
// that drifts from week to week (deviation 3 %) and good and bad days of its own (10 %); all of them have good and bad
// days together (3 %). Breaks of 60 s are each ten minutes. 70 % agreed to be sampled; a quarter of those is. Each of
// the last three weeks has campaigns of its own; the last is known to nobody when it is forecast. What a campaign
// delivers comes from every viewer's every break, one after the other in time: the lines that fit the viewer, the
// channel, the hour and the caps are drawn with their rates and placed in the order of their claims while there is
// room. Lines with a goal are paced each hour, by what they still need and have won so far, and a little ahead; their
// claim rises with what they need.
//
// audience: a million viewers on each of seven days, an eighth of whom is sampled, and conditions that about 10,000 of
// them fulfil.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "day_world.h"
#include "node/events/sample.h"
#include "shared/rules/sql.h"

namespace {

using namespace dvpe;
using bench::Chance;

constexpr int kPeople = 120'000, kPlaces = 40, kWeeks = 8, kBreakSeconds = 60, kHours = 24;
constexpr double kConsent = 0.7, kWatch = 0.3;
constexpr std::array<std::int64_t, 5> kAges = {18, 25, 35, 50, 65};

model::Field field(const char* path, model::FieldType type, const char* prefix, int many) {
  model::Field out;
  out.path = path;
  out.type = type;
  out.forecastable = true;
  for (int i = 0; i < many; ++i) out.values.emplace_back(prefix + std::to_string(i));
  return out;
}

const std::vector<model::Field>& fields() {
  static const std::vector<model::Field> all = [] {
    std::vector<model::Field> out = {field("viewer.country", model::FieldType::kString, "c", 6),
                                     field("viewer.device", model::FieldType::kString, "d", 3),
                                     field("viewer.interest", model::FieldType::kString, "i", 5),
                                     field("viewer.age", model::FieldType::kInt, "", 0)};
    out[3].steps.assign(kAges.begin(), kAges.end());
    return out;
  }();
  return all;
}

int zipf(Chance& chance, int many) {
  double all = 0;
  for (int i = 1; i <= many; ++i) all += 1.0 / i;
  double left = chance.unit() * all;
  int at = 0;
  while (at + 1 < many && left >= 1.0 / (at + 1)) left -= 1.0 / ++at;
  return at;
}

struct Who {
  int country = 0, device = 0, interest = 0, age = 18;
  std::size_t key() const { return static_cast<std::size_t>(((country * 3 + device) * 5 + interest) * 100 + age); }
};
constexpr std::size_t kKeys = 6 * 3 * 5 * 100;

Who someone(Chance& chance) {
  Who out;
  out.country = zipf(chance, 6);
  out.device = zipf(chance, 3);
  out.interest = zipf(chance, 5);
  out.age = 18 + static_cast<int>(70 * std::pow(chance.unit(), 1.3));
  return out;
}

rules::Attributes attributesOf(const Who& who) {
  rules::Attributes out;
  const bool set = out.set("viewer.country", {"c" + std::to_string(who.country)}) &&
                   out.set("viewer.device", {"d" + std::to_string(who.device)}) &&
                   out.set("viewer.interest", {"i" + std::to_string(who.interest)}) &&
                   out.set("viewer.age", {static_cast<std::int64_t>(who.age)});
  if (!set) std::abort();
  return out;
}

std::string some(Chance& chance, const char* path, const char* prefix, int many, int values) {
  std::vector<int> all(static_cast<std::size_t>(values));
  std::iota(all.begin(), all.end(), 0);
  std::string out;
  for (int i = 0; i < many; ++i) {
    std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(i + chance.below(values - i))]);
    out += (i > 0 ? ", \"" : "\"") + std::string{prefix} + std::to_string(all[static_cast<std::size_t>(i)]) + "\"";
  }
  return std::string{path} + " in [" + out + "]";
}

// A condition that looks at so many attributes.
std::string conditionOf(Chance& chance, int looks) {
  std::array<bool, 4> used{};
  std::string out;
  for (int i = 0; i < looks; ++i) {
    const int which = chance.below(4);
    if (std::exchange(used[static_cast<std::size_t>(which)], true)) continue;
    std::string part;
    if (which == 0) part = some(chance, "viewer.country", "c", 1 + chance.below(3), 6);
    if (which == 1) part = some(chance, "viewer.device", "d", 1 + chance.below(2), 3);
    if (which == 2) part = some(chance, "viewer.interest", "i", 1 + chance.below(3), 5);
    if (which == 3) {
      const int first = chance.below(5);
      part = "viewer.age >= " + std::to_string(kAges[static_cast<std::size_t>(first)]);
      if (const int end = first + 1 + chance.below(5 - first); end < 5)
        part += " && viewer.age < " + std::to_string(kAges[static_cast<std::size_t>(end)]);
    }
    if (chance.in(0.1)) part = "!(" + part + ")";
    out += (out.empty() ? "(" : " && (") + part + ")";
  }
  return out.empty() ? "true" : out;
}

struct Compiled {
  std::string tree;
  std::vector<bool> fits;  // by Who::key()
};

Compiled compiled(const std::string& text) {
  const auto condition = rules::compile(text, fields(), rules::Use::kCampaign);
  if (!condition) std::abort();
  const auto tree = rules::toSampleTree(condition.value(), fields(), rules::Use::kCampaign, "");
  if (!tree) std::abort();
  Compiled out{tree.value(), std::vector<bool>(kKeys)};
  Who who;
  for (who.country = 0; who.country < 6; ++who.country)
    for (who.device = 0; who.device < 3; ++who.device)
      for (who.interest = 0; who.interest < 5; ++who.interest)
        for (who.age = 18; who.age < 90; ++who.age)
          out.fits[who.key()] = rules::evaluate(condition.value(), attributesOf(who)) == rules::Verdict::kTrue;
  return out;
}

// ---- weeks

struct Person {
  Who who;
  int place = 0, other = 0;
  double watches = 0, hour = 0;
  bool agreed = false;
};

// Somebody's day on a channel.
struct Session {
  std::uint32_t person = 0;
  std::uint8_t place = 0;
  std::uint16_t first = 0;  // of the day's 144 breaks
  std::uint8_t many = 0;
};

struct Line {
  Compiled condition;
  std::uint64_t places = 0;  // bits
  int fromDay = 0, toDay = 7, fromHour = 0, toHour = 24;
  int units = 20, cap = 0, tier = 1;
  double worth = 1, share = 1;
  std::int64_t goal = 0;  // 0: none
  // as the week goes
  double raw = 0;                   // viewers' breaks that it fits, in the week before
  std::array<double, 168> rawAt{};  // of that, in each hour
  double rawSoFar = 0, seen = 0;    // then and now, up to the hour
  double offered = 0, won = 0, need = 0, rate = 1, claim = 0;
  std::int64_t delivered = 0;
  std::array<std::int64_t, 7> byDay{};
  bool plays(int day, int hour) const { return day >= fromDay && day < toDay && hour >= fromHour && hour < toHour; }
};

class Weeks {
 public:
  Weeks(std::uint64_t seed, std::string folder, int today, int lines)
      : chance_(seed * 7919 + 13),
        draws_(seed * 15485863 + 7),
        folder_(std::move(folder)),
        today_(today),
        lineCount_(lines) {}

  void run() {
    makePeople();
    std::ofstream rollups(folder_ + "/rollups.tsv");
    std::vector<std::vector<Session>> before;
    for (int week = 0; week < kWeeks; ++week) {
      std::vector<std::vector<Session>> days = makeWeek(week);
      const int first = today_ + 7 * (week - (kWeeks - 1));
      if (week < kWeeks - 1) writeWatched(rollups, days, first);
      if (week >= kWeeks - 4 && week < kWeeks - 1) writeSample(days, first, week == kWeeks - 4);
      if (week >= kWeeks - 3) {
        const int number = week - (kWeeks - 3);
        makeLines(before);
        writeLines(number, first);
        play(days);
        if (number < 2) {
          writeDelivered(rollups, number, first);
        } else {
          writeTruth();
        }
      }
      before = std::move(days);
    }
  }

 private:
  void makePeople() {
    for (int i = 0; i < kPlaces; ++i) popularity_.push_back(std::exp(0.6 * chance_.normal()));
    for (auto& each : weekdays_)
      for (double& day : each) day = std::exp(0.12 * chance_.normal());
    people_.resize(kPeople);
    for (Person& each : people_) {
      each.who = someone(chance_);
      // Half of those who like something watch one of its channels.
      do each.place = pick();
      while (each.place % 5 != each.who.interest && chance_.in(0.5));
      each.other = pick();
      each.watches = kWatch * std::min(2.5, std::exp(0.5 * chance_.normal()));
      const double usual = each.who.age < 35 ? 20.5 : 18;
      each.hour = usual + 3.5 * chance_.normal();
      each.agreed = chance_.in(kConsent);
    }
  }

  int pick() {
    double left = chance_.unit() * std::accumulate(popularity_.begin(), popularity_.end(), 0.0);
    int at = 0;
    while (at + 1 < kPlaces && left >= popularity_[static_cast<std::size_t>(at)])
      left -= popularity_[static_cast<std::size_t>(at++)];
    return at;
  }

  std::vector<std::vector<Session>> makeWeek(int week) {
    for (double& each : drift_) each *= std::exp((week == 0 ? 0 : 0.03) * chance_.normal());
    std::vector<std::vector<Session>> out(7);
    for (std::size_t day = 0; day < 7; ++day) {
      const double together = std::exp(0.03 * chance_.normal());
      std::array<double, kPlaces> level{};
      for (std::size_t i = 0; i < kPlaces; ++i)
        level[i] = together * drift_[i] * weekdays_[i][day] * std::exp(0.10 * chance_.normal());
      for (std::uint32_t i = 0; i < people_.size(); ++i) {
        const Person& who = people_[i];
        const int place = chance_.in(0.25) ? who.other : who.place;
        if (!chance_.in(std::min(0.95, who.watches * level[static_cast<std::size_t>(place)]))) continue;
        const double hour = std::fmod(who.hour + 1.5 * chance_.normal() + 48, 24);
        const double minutes = -45 * std::log(1 - chance_.unit());
        const double begins = hour * 6 + chance_.unit(), ends = std::min(begins + minutes / 10, 144.0);
        Session session;
        session.person = i;
        session.place = static_cast<std::uint8_t>(place);
        session.first = static_cast<std::uint16_t>(std::ceil(begins));
        session.many = static_cast<std::uint8_t>(std::max(0.0, std::ceil(ends) - std::ceil(begins)));
        out[day].push_back(session);
      }
    }
    return out;
  }

  std::int64_t bucket(int day) const { return static_cast<std::int64_t>(day) * 86400; }
  static std::string name(int place) { return "ch" + std::to_string(place); }

  void writeWatched(std::ofstream& out, const std::vector<std::vector<Session>>& days, int first) const {
    for (std::size_t day = 0; day < 7; ++day) {
      std::array<double, kPlaces> sessions{}, breaks{};
      for (const Session& each : days[day]) {
        sessions[each.place] += 1;
        breaks[each.place] += each.many;
      }
      for (std::size_t i = 0; i < kPlaces; ++i) {
        const auto row = [&](int kind, double count, double value) {
          out << "channel\t" << name(static_cast<int>(i)) << "\tday\t" << bucket(first + static_cast<int>(day))
              << "\t{}\t" << kind << '\t' << count << '\t' << value << '\n';
        };
        row(1, sessions[i], 0);
        row(2, breaks[i], breaks[i] * 600);
      }
    }
  }

  void writeSample(const std::vector<std::vector<Session>>& days, int first, bool fresh) {
    std::ofstream out(folder_ + "/sample.tsv", fresh ? std::ios::trunc : std::ios::app);
    constexpr std::int64_t kThreshold = events::kWholeSample / 4;
    for (std::size_t day = 0; day < 7; ++day) {
      std::vector<std::int64_t> draws(people_.size());
      for (std::int64_t& each : draws) each = static_cast<std::int64_t>(chance_.bits() >> 33);
      for (const Session& each : days[day]) {
        const Person& who = people_[each.person];
        if (!who.agreed || draws[each.person] >= kThreshold) continue;
        std::array<int, kHours> hours{};
        for (int i = each.first; i < each.first + each.many; ++i)
          ++hours[static_cast<std::size_t>(std::min(i / 6, 23))];
        out << first + static_cast<int>(day) << '\t' << name(each.place) << '\t' << each.person + 1 << '\t'
            << draws[each.person] << '\t' << events::coarseAttributes(fields(), attributesOf(who.who)) << "\t{";
        for (std::size_t i = 0; i < kHours; ++i) out << (i > 0 ? "," : "") << hours[i];
        out << "}\n";
      }
    }
  }

  // Others than the week before, of the same kinds.
  void makeLines(const std::vector<std::vector<Session>>& before) {
    lines_.clear();
    for (int i = 0; i < lineCount_; ++i) {
      Line line;
      line.condition = compiled(conditionOf(chance_, chance_.below(4)));
      const double kind = chance_.unit();
      const int places = kind < 0.5 ? 1 + chance_.below(4) : kind < 0.8 ? 5 + chance_.below(11) : kPlaces;
      while (std::popcount(line.places) < places) line.places |= std::uint64_t{1} << chance_.below(kPlaces);
      if (chance_.in(0.2)) {
        line.fromDay = chance_.below(4);
        line.toDay = line.fromDay + 2 + chance_.below(6 - line.fromDay);
      }
      if (chance_.in(0.25)) {
        line.fromHour = 6 * chance_.below(4);
        line.toHour = std::min(24, line.fromHour + 6 + chance_.below(7));
      }
      constexpr std::array<int, 6> kLengths = {10, 15, 20, 20, 30, 15};
      line.units = kLengths[static_cast<std::size_t>(chance_.below(6))];
      if (chance_.in(0.4)) line.cap = 1 + chance_.below(4);
      const double tier = chance_.unit();
      line.tier = tier < 0.1 ? 0 : tier < 0.8 ? 1 : 2;
      line.worth = std::exp(0.6 * chance_.normal());
      line.share = 0.05 + 0.45 * chance_.unit();
      for (const auto& day : before) {
        const int number = static_cast<int>(&day - before.data());
        for (const Session& each : day) {
          if ((line.places >> each.place & 1) == 0 || !line.condition.fits[people_[each.person].who.key()]) continue;
          for (int b = each.first; b < each.first + each.many; ++b) {
            const int hour = std::min(b / 6, 23);
            if (line.plays(number, hour)) line.rawAt[static_cast<std::size_t>(number * 24 + hour)] += 1;
          }
        }
      }
      line.raw = std::accumulate(line.rawAt.begin(), line.rawAt.end(), 0.0);
      const double wants = 0.02 + 0.28 * chance_.unit();
      if (chance_.in(0.35)) {
        line.goal = std::max<std::int64_t>(100, static_cast<std::int64_t>(line.raw * wants));
        line.share = 1;
      }
      if (line.raw >= 2000) {  // nobody books what hardly anybody sees
        lines_.push_back(std::move(line));
      } else {
        --i;
      }
    }
  }

  void writeLines(int number, int first) const {
    std::ofstream out(folder_ + "/lines" + std::to_string(number) + ".json");
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const Line& line = lines_[i];
      out << (i > 0 ? ",\n" : "[") << "{\"line\":\"k" << number << '-' << i << "/l\",\"when\":" << line.condition.tree
          << ",\"units\":" << line.units << ",\"break\":" << kBreakSeconds << ",\"tier\":" << line.tier
          << ",\"worth\":" << line.worth << ",\"share\":" << line.share;
      if (line.cap > 0) out << ",\"cap\":" << line.cap;
      if (line.goal > 0) out << ",\"goal\":" << line.goal;
      if (std::popcount(line.places) < kPlaces) {
        std::string list;
        for (int p = 0; p < kPlaces; ++p)
          if ((line.places >> p & 1) != 0) list += (list.empty() ? "\"" : ",\"") + name(p) + "\"";
        out << ",\"channels\":[" << list << "]";
      }
      if (line.fromHour > 0 || line.toHour < 24) {
        std::string list;
        for (int day = 0; day < 7; ++day)
          for (int hour = line.fromHour; hour < line.toHour; ++hour)
            list += (list.empty() ? "" : ",") + std::to_string(day * 24 + hour);
        out << ",\"hours\":[" << list << "]";
      }
      if (line.fromDay > 0 || line.toDay < 7)
        out << ",\"fromDay\":" << first + line.fromDay << ",\"toDay\":" << first + line.toDay;
      out << "}";
    }
    out << "]\n";
  }

  // All breaks of the week in the order of time.
  void play(const std::vector<std::vector<Session>>& days) {
    std::vector<std::uint16_t> order(lines_.size());
    std::iota(order.begin(), order.end(), std::uint16_t{0});
    for (int day = 0; day < 7; ++day) {
      const auto& sessions = days[static_cast<std::size_t>(day)];
      std::vector<std::vector<std::uint8_t>> seen(sessions.size());
      std::vector<std::vector<std::uint32_t>> at(144);
      for (std::uint32_t i = 0; i < sessions.size(); ++i)
        for (int b = sessions[i].first; b < sessions[i].first + sessions[i].many; ++b)
          at[static_cast<std::size_t>(std::min(b, 143))].push_back(i);
      for (int slot = 0; slot < 144; ++slot) {
        if (slot % 6 == 0) pace(order, static_cast<std::size_t>(day * 24 + slot / 6));
        for (const std::uint32_t i : at[static_cast<std::size_t>(slot)])
          fill(sessions[i], seen[i], day, slot / 6, order);
      }
    }
  }

  // What is to come is as it was the week before, times how this week has been against that so far.
  void pace(std::vector<std::uint16_t>& order, std::size_t hour) {
    for (Line& each : lines_) {
      if (each.goal > 0) {
        const double left = static_cast<double>(each.goal - each.delivered);
        const double trend = std::clamp((each.seen + 200) / (each.rawSoFar + 200), 0.5, 2.0);
        each.need = left / std::max((each.raw - each.rawSoFar) * trend, 1.0);
        const double wins = each.offered > 50 ? std::max(each.won / each.offered, 0.02) : 1;
        each.rate = std::clamp(1.15 * each.need / wins, 0.0, 1.0);
      } else {
        each.rate = each.share;
      }
      each.rawSoFar += each.rawAt[hour];
      each.claim = std::log(each.worth) + 2 * std::min(each.need, 1.5) - 100 * each.tier;
    }
    std::sort(order.begin(), order.end(),
              [&](std::uint16_t a, std::uint16_t b) { return lines_[a].claim > lines_[b].claim; });
  }

  void fill(const Session& session, std::vector<std::uint8_t>& seen, int day, int hour,
            const std::vector<std::uint16_t>& order) {
    if (seen.empty()) seen.resize(lines_.size());
    const std::size_t key = people_[session.person].who.key();
    int room = kBreakSeconds;
    for (const std::uint16_t i : order) {
      Line& line = lines_[i];
      if ((line.places >> session.place & 1) == 0 || !line.plays(day, hour) || !line.condition.fits[key]) continue;
      line.seen += 1;
      if (line.goal > 0 && line.delivered >= line.goal) continue;
      if (line.cap > 0 && seen[i] >= line.cap) continue;
      if (!draws_.in(line.rate)) continue;
      line.offered += 1;
      if (line.units > room) continue;
      room -= line.units;
      line.won += 1;
      ++line.delivered;
      ++line.byDay[static_cast<std::size_t>(day)];
      ++seen[i];
    }
  }

  void writeDelivered(std::ofstream& out, int number, int first) const {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      for (int day = 0; day < 7; ++day) {
        out << "campaign_creative\tk" << number << '-' << i << "\tday\t" << bucket(first + day) << "\t{any,l,c}\t21\t"
            << lines_[i].byDay[static_cast<std::size_t>(day)] << "\t0\n";
      }
    }
  }

  void writeTruth() const {
    std::ofstream out(folder_ + "/truth.json");
    for (std::size_t i = 0; i < lines_.size(); ++i)
      out << (i > 0 ? "," : "{") << "\"k2-" << i << "/l\":" << lines_[i].delivered;
    out << "}\n";
  }

  Chance chance_, draws_;  // of the world; of what lines are drawn
  const std::string folder_;
  const int today_, lineCount_;
  std::vector<double> popularity_;
  std::array<std::array<double, 7>, kPlaces> weekdays_{};
  std::array<double, kPlaces> drift_ = [] {
    std::array<double, kPlaces> out{};
    out.fill(1);
    return out;
  }();
  std::vector<Person> people_;
  std::vector<Line> lines_;
};

// ---- audience

void audience(std::uint64_t seed, const std::string& folder, int today) {
  constexpr int kViewers = 1'000'000, kConditions = 20;
  constexpr std::uint64_t kThreshold = events::kWholeSample / 8;
  Chance chance(seed * 104729 + 5);
  std::vector<double> many(kKeys);  // of the week
  std::vector<std::string> coarse(kKeys);
  std::ofstream out(folder + "/sample.tsv");
  for (int day = 0; day < 7; ++day) {
    for (int i = 0; i < kViewers; ++i) {
      const Who who = someone(chance);
      many[who.key()] += 1;
      const std::uint64_t draw = chance.bits() >> 33;
      if (draw >= kThreshold) continue;
      std::string& text = coarse[who.key()];
      if (text.empty()) text = events::coarseAttributes(fields(), attributesOf(who));
      out << today - 7 + day << "\tone\t" << (chance.bits() >> 1 | 1) << '\t' << draw << '\t' << text
          << "\t{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,3,0,0,0}\n";
    }
  }
  std::ofstream conditions(folder + "/conditions.json");
  for (int found = 0; found < kConditions;) {
    const std::string text = conditionOf(chance, 3 + chance.below(3));
    const Compiled made = compiled(text);
    double truth = 0;
    for (std::size_t key = 0; key < kKeys; ++key) truth += made.fits[key] ? many[key] / 7 : 0;
    if (truth < 8'000 || truth > 12'500) continue;
    conditions << (found++ > 0 ? ",\n" : "[") << "{\"text\":" << rules::jsonOf(model::Scalar{text})
               << ",\"when\":" << made.tree << ",\"truth\":" << truth << "}";
  }
  conditions << "]\n";
}

}  // namespace

int main(int count, char** words) {
  if (count < 5) return 2;
  const std::string what = words[1];
  const auto seed = static_cast<std::uint64_t>(std::atoll(words[3]));
  const int today = std::atoi(words[4]);
  if (what == "audience") {
    audience(seed, words[2], today);
  } else {
    Weeks(seed, words[2], today, count == 7 ? std::atoi(words[6]) : 200).run();
  }
  return 0;
}
