// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <iomanip>
#include <sstream>

#include "node/main/rules_input.h"
#include "node/main/rules_print.h"

namespace dvpe::node {

namespace json = boost::json;
using decisions::LineReport;
using decisions::Ready;
using decisions::RuleReport;
using decisions::Slot;
using rehearsal::Rehearsal;
using rehearsal::Session;

namespace {

constexpr std::size_t kMostLineDigits = 9;  // more is an id

// A line's number; 0: it is a session's id.
std::int64_t lineNumber(const std::string& text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = error == std::errc{} && end == text.data() + text.size() && text.size() <= kMostLineDigits;
  return whole && n > 0 ? n : 0;
}

// Micro-units, in units: "0.0185".
std::string worth(std::int64_t micros) {
  std::string part = std::to_string(micros % 1'000'000);
  part.insert(0, 6 - part.size(), '0');
  while (part.size() > 2 && part.back() == '0') part.pop_back();
  return std::to_string(micros / 1'000'000) + "." + part;
}

// Millionths.
std::string rate(std::uint32_t millionths) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(4) << millionths / 1e6;
  return out.str();
}

json::value plain(const model::Value& value) {
  struct Plain {
    json::value operator()(std::monostate) const { return nullptr; }
    json::value operator()(bool b) const { return b; }
    json::value operator()(std::int64_t n) const { return n; }
    json::value operator()(double d) const { return d; }
    json::value operator()(const std::string& s) const { return json::string(s); }
    json::value operator()(const std::shared_ptr<const model::List>& list) const {
      json::array out;
      for (const auto& each : *list) out.push_back(plain(each));
      return out;
    }
    json::value operator()(const std::shared_ptr<const model::Map>& map) const {
      json::object out;
      for (const auto& [key, each] : *map) out[key] = plain(each);
      return out;
    }
  };
  return std::visit(Plain{}, value.v);
}

// As people write it: 0.9, "DE", ["a", "b"].
std::string text(const model::Value& value) {
  if (const auto* number = std::get_if<double>(&value.v)) {
    std::array<char, 32> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr};
  }
  if (const auto* list = std::get_if<std::shared_ptr<const model::List>>(&value.v)) {
    std::string out;
    for (const model::Value& each : **list) out += (out.empty() ? "" : ", ") + text(each);
    return "[" + out + "]";
  }
  return json::serialize(plain(value));
}

class Text {
 public:
  Text(const Session& session, const Rehearsal::Explained& explained, const RulesRelease& release, std::ostream& out)
      : session_(session),
        terms_(*explained.terms),
        report_(explained.report),
        seen_(explained.seen),
        release_(release),
        out_(out) {}

  void print() {
    inputs();
    gets();
    out_ << "\nRules\n";
    for (const RuleReport& rule : report_.rules) print(rule);
    out_ << "\nLines\n";
    for (const LineReport& line : report_.lines) print(line);
    out_ << "\nPods (worth in " << release_.currency() << ", without priorities)\n";
    for (const Ready::Pod& pod : report_.ready.pods) print(pod);
    if (!report_.ready.spare.empty()) out_ << "  in reserve: " << names(report_.ready.spare) << "\n";
    if (!report_.ready.house.empty()) out_ << "  house: " << names(report_.ready.house) << "\n";
  }

 private:
  void inputs() {
    out_ << "Line " << session_.line << ", session " << printable(session_.id);
    if (!session_.viewer.empty()) out_ << ", viewer " << printable(session_.viewer);
    out_ << "\n  " << moment(session_.at) << " on " << session_.channel << ", break " << session_.breakNumber << " of "
         << counted(report_.units, "unit") << ", shown before: " << counted(static_cast<std::int64_t>(seen_), "ad")
         << "\n";
    for (const auto& each : session_.attributes.entries())
      out_ << "  " << each.path << " = " << printable(text(each.value)) << "\n";
    out_ << "  consent: " << rehearsal::joined(session_.attributes.purposes()) << "\n  documents: " << release_.folder
         << "\n  plan: ";
    if (release_.given) {
      out_ << "number " << release_.plan->number << " for release " << printable(release_.plan->release) << "\n";
    } else {
      out_ << "none given, every line in flight plays and is worth its price\n";
    }
  }

  void gets() {
    out_ << "\nGets\n  cohort " << report_.choice.cohort << "\n";
    for (const auto& each : report_.choice.overlays)
      out_ << "  overlay " << each.overlay->id << (each.event.empty() ? "" : " during " + each.event) << ", by "
           << each.ruleId << "\n";
    for (const auto& [event, clip] : report_.choice.clips)
      out_ << "  clip " << clip.media << " in place of " << event << ", by " << clip.ruleId << "\n";
    if (!report_.choice.audioLanguage.empty()) out_ << "  audio " << report_.choice.audioLanguage << "\n";
    int from = 0;
    for (const Slot& slot : report_.bound.slots) {
      out_ << "  " << from << " to " << from + slot.units << ": " << name(slot) << "\n";
      from += slot.units;
    }
    if (report_.bound.slateUnits > 0) out_ << "  " << from << " to " << from + report_.bound.slateUnits << ": slate\n";
  }

  void print(const RuleReport& rule) {
    out_ << "  " << rule.ruleset << "/" << rule.rule << ": ";
    if (!rule.why.empty()) {
      out_ << "no: " << printable(rule.why);
    } else if (rule.condition.verdict == rules::Verdict::kTrue) {
      out_ << "yes: " << printable(rule.condition.text);
    } else {
      out_ << "no: " << printable(decisions::firstLosing(rule.condition));
    }
    out_ << "\n";
    for (const auto& action : rule.actions) {
      out_ << "    " << printable(action.what) << (action.used ? "" : ", not used");
      if (!action.why.empty()) out_ << ": " << printable(action.why);
      out_ << "\n";
    }
  }

  void print(const LineReport& line) {
    out_ << "  " << line.name << ": " << (line.why.empty() ? "may be shown" : "no: " + printable(line.why));
    if (line.why.empty() && !line.house)
      out_ << " (draw " << rate(line.draw) << " under rate " << rate(line.rate) << ", worth " << worth(line.worth)
           << ")";
    out_ << "\n";
    for (const auto& creative : line.creatives) {
      out_ << "    " << creative.media << ", " << counted(creative.units, "unit") << ": ";
      if (creative.fromUnit) {
        out_ << "from unit " << *creative.fromUnit;
      } else {
        out_ << "no: " << printable(creative.why);
      }
      out_ << "\n";
    }
  }

  void print(const Ready::Pod& pod) {
    std::int64_t sum = 0;
    int units = 0;
    std::string terms;
    for (int i = 0; i < pod.count; ++i) {
      const Slot& slot = report_.ready.slots[static_cast<std::size_t>(pod.first + i)];
      const std::int64_t each = terms_.of(slot.line).worth;
      sum += each;
      units += slot.units;
      terms += (terms.empty() ? "" : " + ") + name(slot) + " " + worth(each);
    }
    out_ << "  " << pod.length << ": " << counted(units, "unit") << ", " << worth(sum) << " = " << terms
         << (pod.exact ? "" : " (the best that was found in time)") << "\n";
  }

  std::string name(const Slot& slot) const {
    const auto& line = terms_.channel().lines[slot.line];
    return line.name + " (" + line.creatives[slot.creative].media + ", " + std::to_string(slot.units) + ")";
  }
  template <class List>
  std::string names(const List& slots) const {
    std::vector<std::string> all;
    for (const Slot& slot : slots) all.push_back(name(slot));
    return rehearsal::joined(all);
  }

  const Session& session_;
  const decisions::Terms& terms_;
  const decisions::Report& report_;
  const std::size_t seen_;
  const RulesRelease& release_;
  std::ostream& out_;
};

json::object asJson(const Session& session, const Rehearsal::Explained& explained, const RulesRelease& release) {
  json::object inputs = sessionJson(session);
  inputs["units"] = explained.report.units;
  json::object attributes;
  for (const auto& each : session.attributes.entries()) attributes[each.path] = plain(each.value);
  inputs["attributes"] = std::move(attributes);
  inputs["consent"] = json::array(session.attributes.purposes().begin(), session.attributes.purposes().end());
  inputs["shownBefore"] = explained.seen;
  json::value plan;
  if (release.given) plan = json::object{{"number", release.plan->number}, {"release", release.plan->release}};
  return {{"inputs", std::move(inputs)},
          {"documents", release.folder},
          {"plan", std::move(plan)},
          {"currency", release.currency()},
          {"explanation", json::parse(toJson(explained.report, *explained.terms))}};
}

// Where the line is, and of which viewer. Everything is read, so that every mistake is told.
std::optional<Session> find(const std::string& wanted, const RulesRelease& release, RulesRecording& recording,
                            Console& console) {
  const std::int64_t number = lineNumber(wanted);
  const Rehearsal rehearsal = release.rehearsal();
  std::optional<Session> found;
  auto& reader = recording.reader();
  while (auto session = reader.next()) {
    if (number != 0 ? session->line != number : session->id != wanted) continue;
    if (!rehearsal.hasChannel(session->channel))
      reader.mistake(*session, "/channel", "there is no channel \"" + session->channel + "\" in " + release.folder);
    found = std::move(session);
  }
  if (!recording.finish(console)) return std::nullopt;
  if (!found)
    complain(console, recording.name() + " has no " + (number != 0 ? "session on line " : "session ") + wanted);
  return found;
}

}  // namespace

int rulesExplainCommand(const Arguments& arguments, Console& console) {
  const std::string file = arguments.value("--sessions");
  RulesRecording first(file), again(file);
  const auto release =
      openRelease(arguments.rest.front(), arguments.value("--plan"), arguments.value("--media"), console);
  if (!first.open(console) || !release) return kExitFailed;
  remark(*release, console);
  const auto wanted = find(arguments.value("--session"), *release, first, console);
  if (!wanted || !again.open(console)) return kExitFailed;
  Rehearsal rehearsal = release->rehearsal();
  while (const auto session = again.reader().next()) {
    if (session->viewerNumber != wanted->viewerNumber) continue;
    if (session->line < wanted->line) {
      rehearsal.decide(*session);
      continue;
    }
    const auto explained = rehearsal.explain(*session);
    if (arguments.flag("--json")) {
      console.out << asJson(*session, explained, *release) << "\n";
    } else {
      Text(*session, explained, *release, console.out).print();
    }
    return kExitOk;
  }
  complain(console, file + ": it is read twice and was not the same: expected a file, not a pipe");
  return kExitFailed;
}

}  // namespace dvpe::node
