// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node jobs request|list|cancel: what conditioners are asked to make.
#include <boost/json.hpp>
#include <filesystem>
#include <thread>

#include "node/main/sign_in.h"
#include "shared/database/blobs.h"
#include "shared/model/json.h"

namespace dvpe::node {

namespace {

constexpr auto kAsk = std::chrono::milliseconds(500);

struct State {
  std::string state, reason, result;
  std::int64_t progress = 0;
};

base::Result<State> stateOf(database::Connection& connection, const std::string& job) {
  DVPE_TRY(const auto rows, connection.query("SELECT state, reason, coalesce(result::text, ''), progress FROM dvpe.job "
                                             "WHERE id = $1::uuid",
                                             {job}));
  if (rows.empty()) return base::fail(base::ErrorCode::kNotFound, "there is no job " + job);
  return State{std::string(rows.text(0, 0)), std::string(rows.text(0, 1)), std::string(rows.text(0, 2)),
               rows.integer(0, 3)};
}

// Until it is done or has failed; says on standard error how far it is.
base::Result<State> waitFor(database::Connection& connection, const std::string& job, Console& console) {
  std::string said;
  for (;;) {
    DVPE_TRY(auto now, stateOf(connection, job));
    if (now.state == "done" || now.state == "failed") return now;
    const std::string line = now.state == "queued"
                                 ? "waiting for a conditioner" + (now.reason.empty() ? "" : ": " + now.reason)
                                 : std::to_string(now.progress) + " %";
    if (!console.quiet && line != said) console.err << line << "\n" << std::flush;
    said = line;
    std::this_thread::sleep_for(kAsk);
  }
}

struct Requested {
  std::string job, source;
  std::optional<State> end;
};

base::Result<Requested> request(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  Requested out;
  out.source = arguments.value("--source");
  std::error_code error;
  if (!model::isDigest(out.source) || std::filesystem::exists(out.source, error)) {
    DVPE_TRY(out.source, database::putBlob(who.connection(), out.source, "application/octet-stream"));
  }
  DVPE_TRY(const auto rows,
           who.connection().query("SELECT registry.request_job(decode($1, 'hex'), $2, $3)::text",
                                  {out.source, arguments.value("--media"), arguments.value("--profile")}));
  out.job = std::string(rows.text(0, 0));
  if (arguments.flag("--wait")) {
    DVPE_TRY(out.end, waitFor(who.connection(), out.job, console));
  }
  return out;
}

base::Result<void> cancel(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_CHECK(who.connection().query("SELECT registry.cancel_job($1::uuid)", {arguments.rest.at(0)}));
  return base::success();
}

}  // namespace

int jobsRequestCommand(const Arguments& arguments, Console& console) {
  const auto done = request(arguments, console);
  if (!done) return failed(console, done.error());
  const auto& [job, source, end] = done.value();
  if (end && end->state == "failed") {
    complain(console, "the job has failed: " + end->reason);
    return kExitFailed;
  }
  if (arguments.flag("--json")) {
    boost::json::object line{{"job", job}, {"source", source}};
    if (end) line["result"] = boost::json::parse(end->result);
    console.out << line << "\n";
  } else {
    console.out << job << "\n";
  }
  return kExitOk;
}

int jobsListCommand(const Arguments& arguments, Console& console) {
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  const auto printed = printRows(who.value().connection(),
                                 "SELECT id AS job, state, progress, media, profile, organisation, encode(source, "
                                 "'hex') AS source, attempts, reason, "
                                 "requested_at FROM dvpe.job ORDER BY requested_at",
                                 {}, arguments.flag("--json"), console);
  return printed ? kExitOk : failed(console, printed.error());
}

int jobsCancelCommand(const Arguments& arguments, Console& console) {
  const std::string& job = arguments.rest.at(0);
  if (const auto done = cancel(arguments, console); !done) return failed(console, done.error());
  if (arguments.flag("--json")) {
    console.out << boost::json::object{{"cancelled", job}} << "\n";
  } else if (!console.quiet) {
    console.err << "The job is cancelled.\n";
  }
  return kExitOk;
}

}  // namespace dvpe::node
