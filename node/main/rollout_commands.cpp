// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node release stages|resume|schedule: how releases reach nodes, and when a revision may.
#include <boost/json.hpp>

#include "node/coordinate/stages.h"
#include "node/main/sign_in.h"
#include "node/main/signed_files.h"
#include "shared/database/grants.h"

namespace dvpe::node {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kUtc = "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'";

Result<void> showStages(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const auto plans, who.connection().query("SELECT plan::text FROM dvpe.rollout_plan"));
  DVPE_TRY(const auto halts,
           who.connection().query("SELECT sequence, to_char(at AT TIME ZONE 'UTC', " + std::string(kUtc) +
                                  "), reason FROM dvpe.rollout_halt ORDER BY sequence"));
  const std::string plan(plans.empty() ? "{}" : plans.text(0, 0));
  if (arguments.flag("--json")) {
    json::array halted;
    for (std::size_t i = 0; i < halts.size(); ++i)
      halted.push_back(
          json::object{{"sequence", halts.integer(i, 0)}, {"at", halts.text(i, 1)}, {"reason", halts.text(i, 2)}});
    console.out << json::object{{"plan", json::parse(plan)}, {"halted", std::move(halted)}} << "\n";
    return base::success();
  }
  console.out << plan << "\n";
  for (std::size_t i = 0; i < halts.size() && !console.quiet; ++i)
    console.err << "Release " << halts.integer(i, 0) << " is halted since " << halts.text(i, 1) << ": "
                << halts.text(i, 2) << "\n";
  return base::success();
}

// The plan is read here as the coordinator will read it: the grant is for exactly these bytes.
Result<void> setStages(const Arguments& arguments, Console& console) {
  DVPE_TRY(const std::string plan, readFile(arguments.rest.at(0)));
  DVPE_TRY(const auto parsed, coordinate::parseRolloutPlan(plan));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string grant, who.grant({database::changeName({"release.rollout", plan})}));
  DVPE_CHECK(who.connection().query("SELECT registry.set_rollout($1, $2::uuid)", {plan, grant}));
  if (arguments.flag("--json")) console.out << plan << "\n";
  if (!console.quiet) {
    if (parsed.stages.empty()) {
      console.err << "Releases go to all nodes at once from now on.\n";
    } else {
      console.err << "Releases go out in " << parsed.stages.size() + 1 << " stages from now on.\n";
    }
  }
  return base::success();
}

Result<void> resume(const Arguments& arguments, Console& console) {
  DVPE_TRY(const std::int64_t sequence,
           numberFrom(arguments.rest.at(0), "a release is named by its sequence, a number from 1"));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_TRY(const std::string grant, who.grant({database::changeName({"release.resume", std::to_string(sequence)})}));
  DVPE_CHECK(who.connection().query("SELECT registry.resume($1, $2::uuid)", {sequence, grant}));
  if (!console.quiet) console.err << "Release " << sequence << " goes on to the next stage.\n";
  return base::success();
}

Result<void> schedule(const Arguments& arguments, Console& console) {
  const std::string& name = arguments.rest.at(0);
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return fail(ErrorCode::kInvalidInput, "which document? KIND/ID is expected");
  DVPE_TRY(const std::int64_t revision, numberFrom(arguments.rest.at(1), "a revision is a number from 1"));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_CHECK(who.connection().query("SET TIME ZONE 'UTC'"));
  DVPE_TRY(const auto rows,
           who.connection().query("SELECT to_char($1::timestamptz AT TIME ZONE 'UTC', " + std::string(kUtc) + ")",
                                  {arguments.value("--at")}));
  const std::string at(rows.text(0, 0));
  DVPE_CHECK(who.connection().query("SELECT registry.schedule($1, $2, $3::bigint::int, $4::timestamptz)",
                                    {name.substr(0, slash), name.substr(slash + 1), revision, at}));
  if (!console.quiet) console.err << name << " revision " << revision << " is in no release before " << at << ".\n";
  return base::success();
}

}  // namespace

int releaseStagesCommand(const Arguments& arguments, Console& console) {
  return exitOf(console, arguments.rest.empty() ? showStages(arguments, console) : setStages(arguments, console));
}
int releaseResumeCommand(const Arguments& arguments, Console& console) {
  return exitOf(console, resume(arguments, console));
}
int releaseScheduleCommand(const Arguments& arguments, Console& console) {
  return exitOf(console, schedule(arguments, console));
}

}  // namespace dvpe::node
