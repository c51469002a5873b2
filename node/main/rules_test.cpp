// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <boost/json.hpp>

#include "node/main/rules_input.h"
#include "node/main/rules_print.h"

namespace dvpe::node {

namespace json = boost::json;
using rehearsal::Named;
using rehearsal::Session;
using rehearsal::Unmet;

namespace {

json::object row(const Session& session, const rehearsal::Outcome& outcome, const Named& named,
                 const std::vector<Unmet>& unmet) {
  json::object out = sessionJson(session);
  out["units"] = outcome.units;
  out.insert_or_assign("gets", namedJson(named));
  if (session.expect.any()) out["asExpected"] = unmet.empty();
  json::array differences;
  for (const Unmet& each : unmet)
    differences.push_back(json::object{{"what", each.what}, {"expected", each.expected}, {"came", each.came}});
  if (!differences.empty()) out["differences"] = std::move(differences);
  return out;
}

void print(const Session& session, const Named& named, std::ostream& out) {
  out << session.line << "\t" << printable(session.id) << "\t" << named.cohort << "\t"
      << rehearsal::joined(named.overlays) << "\t" << rehearsal::joined(named.clips) << "\t"
      << (named.audio.empty() ? "-" : named.audio) << "\t" << rehearsal::joined(rehearsal::lineNames(named)) << "\t"
      << named.slateUnits << "\n";
}

struct Counts {
  std::int64_t sessions = 0, expecting = 0, unmet = 0;
};

class Tester {
 public:
  Tester(const RulesRelease& release, const Arguments& arguments, Console& console)
      : rehearsal_(release.rehearsal()),
        onlyUnmet_(arguments.flag("--expect")),
        json_(arguments.flag("--json")),
        console_(console) {}

  void look(const Session& session) {
    const rehearsal::Outcome outcome = rehearsal_.decide(session);
    const Named named = rehearsal::named(outcome);
    const auto unmet = rehearsal::unmet(session.expect, named);
    ++counts_.sessions;
    counts_.expecting += session.expect.any() ? 1 : 0;
    counts_.unmet += unmet.empty() ? 0 : 1;
    if (onlyUnmet_ && unmet.empty()) return;
    if (json_) {
      console_.out << row(session, outcome, named, unmet) << "\n";
      return;
    }
    if (!onlyUnmet_) print(session, named, console_.out);
    for (const Unmet& each : unmet) {
      (onlyUnmet_ ? console_.out : console_.err)
          << "line " << session.line << ", session " << printable(session.id) << ": " << each.what << ": expected "
          << printable(each.expected) << ", came " << printable(each.came) << "\n";
    }
  }

  const Counts& counts() const { return counts_; }
  bool knows(const Session& session) const { return rehearsal_.hasChannel(session.channel); }

 private:
  rehearsal::Rehearsal rehearsal_;
  const bool onlyUnmet_, json_;
  Console& console_;
  Counts counts_;
};

}  // namespace

int rulesTestCommand(const Arguments& arguments, Console& console) {
  RulesRecording recording(arguments.value("--sessions"));
  const auto release =
      openRelease(arguments.rest.front(), arguments.value("--plan"), arguments.value("--media"), console);
  if (!recording.open(console) || !release) return kExitFailed;
  remark(*release, console);
  Tester tester(*release, arguments, console);
  auto& reader = recording.reader();
  while (const auto session = reader.next()) {
    if (!tester.knows(*session)) {
      reader.mistake(*session, "/channel", "there is no channel \"" + session->channel + "\" in " + release->folder);
    } else if (reader.ok()) {  // after a mistake only further ones are looked for
      tester.look(*session);
    }
  }
  if (!recording.finish(console)) return kExitFailed;
  const Counts& counts = tester.counts();
  if (arguments.flag("--expect") && counts.expecting == 0) {
    complain(console, recording.name() + ": no line has \"expect\"");
    return kExitFailed;
  }
  if (!console.quiet) {
    console.err << counted(counts.sessions, "session") << ", " << counts.expecting
                << " with expectations: " << counts.unmet << (counts.unmet == 1 ? " is" : " are")
                << " not as expected.\n";
  }
  return counts.unmet == 0 ? kExitOk : kExitFailed;
}

}  // namespace dvpe::node
