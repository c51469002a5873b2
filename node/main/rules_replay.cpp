// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>

#include "node/main/rules_input.h"
#include "node/main/rules_print.h"
#include "shared/rehearsal/totals.h"

namespace dvpe::node {

namespace json = boost::json;
using rehearsal::Change;
using rehearsal::LineTotals;
using rehearsal::Named;
using rehearsal::Session;
using rehearsal::Sums;

namespace {

constexpr std::int64_t kMostExamples = 10'000;

// One release's side.
struct Side {
  explicit Side(const RulesRelease& r) : release(r), rehearsal(r.rehearsal()) {}
  Named decide(const Session& session) {
    const auto outcome = rehearsal.decide(session);
    totals.add(session, outcome);
    return rehearsal::named(outcome);
  }
  const RulesRelease& release;
  rehearsal::Rehearsal rehearsal;
  rehearsal::Totals totals;
};

struct Example {
  Session session;
  Change change;
  Named from, to;
};

struct Changes {
  std::int64_t sessions = 0, overlays = 0, clips = 0, audio = 0, ads = 0;
  std::vector<Example> examples;

  void add(const Session& session, const Change& change, const Named& from, const Named& to, std::size_t most) {
    sessions += change.any() ? 1 : 0;
    overlays += change.overlays ? 1 : 0;
    clips += change.clips ? 1 : 0;
    audio += change.audio ? 1 : 0;
    ads += change.ads ? 1 : 0;
    if (change.any() && examples.size() < most) examples.push_back({session, change, from, to});
  }
};

// A line on both sides; nothing where the release has no such line.
struct Row {
  std::string name;
  LineTotals from, to;
};

std::vector<Row> rowsOf(const Sums& from, const Sums& to) {
  std::map<std::string, Row> rows;
  for (const auto& [name, line] : from.lines) rows[name].from = line;
  for (const auto& [name, line] : to.lines) rows[name].to = line;
  std::vector<Row> out;
  for (auto& [name, row] : rows) {
    row.name = name;
    out.push_back(std::move(row));
  }
  return out;
}

LineTotals allLines(const Sums& sums) {
  LineTotals out;
  for (const auto& [name, line] : sums.lines) out.add(line);
  return out;
}

// ---- JSON

json::object refused(const LineTotals& line) {
  return {{"cap", line.cap}, {"draw", line.draw}, {"plan", line.plan}, {"others", line.others}, {"rest", line.rest}};
}

json::object asJson(const LineTotals& line) {
  return {{"impressions", line.impressions},
          {"units", line.units},
          {"revenue", rehearsal::money(line.revenue)},
          {"refused", refused(line)}};
}

json::object asJson(const Sums& sums, const RulesRelease& release) {
  json::object channels;
  for (const auto& [id, channel] : sums.channels) {
    channels[id] = json::object{
        {"sessions", channel.sessions}, {"variants", channel.variants}, {"variantsAtOnce", channel.variantsAtOnce}};
  }
  json::value plan;
  if (release.given) plan = release.plan->number;
  return {{"documents", release.folder},
          {"plan", std::move(plan)},
          {"units",
           {{"all", sums.units}, {"paid", sums.paidUnits}, {"house", sums.houseUnits}, {"slate", sums.slateUnits}}},
          {"currency", release.currency()},
          {"revenue", rehearsal::money(sums.revenue)},
          {"revenueMicros", sums.revenue},
          {"refused", refused(allLines(sums))},
          {"channels", std::move(channels)}};
}

json::object asJson(const Example& example) {
  json::object out = sessionJson(example.session);
  json::array in;
  if (example.change.overlays) in.emplace_back("overlays");
  if (example.change.clips) in.emplace_back("clips");
  if (example.change.audio) in.emplace_back("audio");
  if (example.change.ads) in.emplace_back("ads");
  out["in"] = std::move(in);
  out["from"] = namedJson(example.from);
  out["to"] = namedJson(example.to);
  return out;
}

json::object asJson(const Side& from, const Side& to, const Changes& changes) {
  const Sums before = from.totals.sums(), after = to.totals.sums();
  json::array examples, lines;
  for (const Example& each : changes.examples) examples.push_back(asJson(each));
  for (const Row& row : rowsOf(before, after)) {
    lines.push_back(json::object{{"line", row.name},
                                 {"from", asJson(row.from)},
                                 {"to", asJson(row.to)},
                                 {"difference", row.to.impressions - row.from.impressions}});
  }
  return {{"sessions", before.sessions},
          {"changed",
           {{"sessions", changes.sessions},
            {"overlays", changes.overlays},
            {"clips", changes.clips},
            {"audio", changes.audio},
            {"ads", changes.ads}}},
          {"from", asJson(before, from.release)},
          {"to", asJson(after, to.release)},
          {"lines", std::move(lines)},
          {"examples", std::move(examples)}};
}

// ---- text

class Text {
 public:
  Text(const Side& from, const Side& to, std::ostream& out)
      : from_(from.totals.sums()),
        to_(to.totals.sums()),
        fromRelease_(from.release),
        toRelease_(to.release),
        out_(out) {}

  void print(const Changes& changes) {
    out_ << changes.sessions << " of " << counted(from_.sessions, "session") << " change ("
         << share(changes.sessions, from_.sessions) << "): " << changes.overlays << " in overlays, " << changes.clips
         << " in clips, " << changes.audio << " in audio, " << changes.ads << " in ads\n\n";
    row("", fromRelease_.folder, toRelease_.folder);
    row("break units", std::to_string(from_.units), std::to_string(to_.units));
    filled("  paid", &Sums::paidUnits);
    filled("  house", &Sums::houseUnits);
    filled("  slate", &Sums::slateUnits);
    row("revenue", rehearsal::money(from_.revenue) + " " + fromRelease_.currency(),
        rehearsal::money(to_.revenue) + " " + toRelease_.currency());
    reasons();
    variants();
    lines();
    for (const Example& each : changes.examples) print(each);
  }

 private:
  void row(const std::string& what, const std::string& from, const std::string& to) {
    out_ << std::left << std::setw(28) << what << std::right << " " << std::setw(20) << from << " " << std::setw(20)
         << to << "\n";
  }
  void row(const std::string& what, std::int64_t from, std::int64_t to) {
    row(what, std::to_string(from), std::to_string(to));
  }

  void filled(const std::string& what, std::int64_t Sums::*part) {
    row(what, share(from_.*part, from_.units), share(to_.*part, to_.units));
  }

  void reasons() {
    const LineTotals from = allLines(from_), to = allLines(to_);
    out_ << "lines not shown, by their first reason\n";
    row("  cap reached", from.cap, to.cap);
    row("  not drawn", from.draw, to.draw);
    row("  the plan", from.plan, to.plan);
    row("  others worth more", from.others, to.others);
    row("  flight, arm, creatives", from.rest, to.rest);
  }

  void variants() {
    auto all = from_.channels;
    all.insert(to_.channels.begin(), to_.channels.end());
    const auto said = [](const Sums& sums, const std::string& id) {
      const auto found = sums.channels.find(id);
      if (found == sums.channels.end()) return std::string{"-"};
      return std::to_string(found->second.variants) + ", at once " + std::to_string(found->second.variantsAtOnce);
    };
    for (const auto& [id, unused] : all) row("variants of " + id, said(from_, id), said(to_, id));
  }

  void lines() {
    out_ << "\nimpressions\n";
    for (const Row& each : rowsOf(from_, to_)) {
      const std::int64_t difference = each.to.impressions - each.from.impressions;
      row("  " + each.name, std::to_string(each.from.impressions),
          std::to_string(each.to.impressions) +
              (difference == 0 ? ""
                               : " (" + std::string(difference > 0 ? "+" : "") + std::to_string(difference) + ")"));
    }
  }

  void print(const Example& example) {
    const Named &from = example.from, &to = example.to;
    out_ << "\nline " << example.session.line << ", session " << printable(example.session.id) << "\n";
    const auto differs = [&](const char* what, const std::string& was, const std::string& is) {
      out_ << "  " << what << ": " << (was.empty() ? "-" : was) << " -> " << (is.empty() ? "-" : is) << "\n";
    };
    if (example.change.overlays)
      differs("overlays", rehearsal::joined(from.overlays) + " (" + from.cohort + ")",
              rehearsal::joined(to.overlays) + " (" + to.cohort + ")");
    if (example.change.clips) differs("clips", rehearsal::joined(from.clips), rehearsal::joined(to.clips));
    if (example.change.audio) differs("audio", from.audio, to.audio);
    if (example.change.ads) differs("ads", ads(from), ads(to));
  }

  static std::string ads(const Named& named) {
    std::vector<std::string> all;
    for (const auto& slot : named.slots) all.push_back(slot.line + " (" + slot.media + ")");
    if (named.slateUnits > 0) all.push_back("slate " + std::to_string(named.slateUnits));
    return rehearsal::joined(all);
  }

  const Sums from_, to_;
  const RulesRelease &fromRelease_, &toRelease_;
  std::ostream& out_;
};

}  // namespace

int rulesReplayCommand(const Arguments& arguments, Console& console) {
  const auto most = numberOf(arguments, "--examples", 5);
  if (!most) return failed(console, most.error());
  const std::string plan = arguments.value("--plan"), otherPlan = arguments.value("--to-plan");
  const std::string media = arguments.value("--media");
  RulesRecording recording(arguments.value("--sessions"));
  const auto fromRelease = openRelease(arguments.value("--from"), plan, media, console);
  const auto toRelease = openRelease(arguments.value("--to"), otherPlan.empty() ? plan : otherPlan, media, console);
  if (!recording.open(console) || !fromRelease || !toRelease) return kExitFailed;
  remark(*fromRelease, console);
  remark(*toRelease, console);
  Side from(*fromRelease), to(*toRelease);
  Changes changes;
  auto& reader = recording.reader();
  while (const auto session = reader.next()) {
    if (!from.rehearsal.hasChannel(session->channel) && !to.rehearsal.hasChannel(session->channel)) {
      reader.mistake(*session, "/channel", "there is no channel \"" + session->channel + "\" in either folder");
    } else if (reader.ok()) {  // after a mistake only further ones are looked for
      const Named was = from.decide(*session), is = to.decide(*session);
      changes.add(*session, rehearsal::changeOf(was, is), was, is,
                  static_cast<std::size_t>(std::min(most.value(), kMostExamples)));
    }
  }
  if (!recording.finish(console)) return kExitFailed;
  if (arguments.flag("--json")) {
    console.out << asJson(from, to, changes) << "\n";
  } else {
    Text(from, to, console.out).print(changes);
  }
  return kExitOk;
}

}  // namespace dvpe::node
