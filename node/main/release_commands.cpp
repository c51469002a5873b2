// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node release: what is on air and what was, and the way back. The coordinator makes releases; people only sign.
#include "shared/release/release.h"

#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "node/main/sign_in.h"
#include "node/main/signed_files.h"
#include "shared/base/clock.h"
#include "shared/database/grants.h"
#include "shared/database/signed.h"

namespace dvpe::node {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;
using database::Connection;
using release::Release;

namespace {

constexpr auto kLook = std::chrono::milliseconds(500);

Result<std::int64_t> sequenceOf(const std::string& text) {
  return numberFrom(text, "a release is named by its sequence, a number from 1");
}

Result<Release> parsed(const database::Rows& rows, const std::string& which) {
  if (rows.empty()) return fail(ErrorCode::kNotFound, "there is no " + which + ", or none that your role may read");
  const base::Bytes bytes = rows.bytes(0, 0);
  return release::parseRelease({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<Release> numbered(Connection& connection, std::int64_t sequence) {
  DVPE_TRY(const auto rows, connection.query("SELECT contents FROM dvpe.release WHERE sequence = $1", {sequence}));
  return parsed(rows, "release " + std::to_string(sequence));
}

// 0: the newest, 1: the one before.
Result<Release> newest(Connection& connection, std::int64_t before) {
  DVPE_TRY(const auto rows,
           connection.query("SELECT contents FROM dvpe.release ORDER BY keys_revision DESC, sequence DESC "
                            "LIMIT 1 OFFSET $1",
                            {before}));
  return parsed(rows, before == 0 ? "release" : "release before the newest");
}

std::string_view word(release::Change::What what) {
  switch (what) {
    case release::Change::What::kAdded:
      return "added";
    case release::Change::What::kRemoved:
      return "removed";
    case release::Change::What::kChanged:
      break;
  }
  return "changed";
}

json::array listOf(const std::vector<release::Change>& changes) {
  json::array out;
  for (const auto& c : changes) {
    out.push_back(
        json::object{{"what", word(c.what)}, {"kind", c.name.kind}, {"id", c.name.id}, {"from", c.from}, {"to", c.to}});
  }
  return out;
}

void print(const std::vector<release::Change>& changes, std::ostream& out) {
  for (const auto& c : changes)
    out << word(c.what) << "\t" << c.name.kind << "/" << c.name.id << "\t" << c.from << "\t" << c.to << "\n";
}

// A SELECT for whoever has signed in.
int select(const Arguments& arguments, Console& console, const std::string& sql,
           const std::vector<database::Param>& params, std::string_view nothing) {
  auto who = SignIn::open(arguments, console);
  if (!who) return failed(console, who.error());
  const auto printed = printRows(who.value().connection(), sql, params, arguments.flag("--json"), console);
  if (!printed) return failed(console, printed.error());
  if (printed.value() == 0 && !console.quiet) console.err << nothing << "\n";
  return kExitOk;
}

Result<void> list(const Arguments& arguments, Console& console) {
  DVPE_TRY(const std::int64_t most, numberOf(arguments, "--most", 20));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  Connection& connection = who.connection();
  // Names of machines are for admins; others see the ids of nodes.
  DVPE_TRY(const auto admin, connection.query("SELECT session.has_role('admin')"));
  const bool names = admin.flag(0, 0), asJson = arguments.flag("--json");
  const std::string node = names ? "m.name" : "a.node::text";
  const std::string said = asJson ? "coalesce(jsonb_object_agg(" + node + ", a.state), '{}')"
                                  : "string_agg(" + node + " || ':' || a.state, ',' ORDER BY " + node + ")";
  const auto utc = [](const std::string& column) {
    return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS " + column;
  };
  DVPE_TRY(
      const std::size_t printed,
      printRows(connection,
                "SELECT sequence, keys_revision, " + utc("at") + ", " + utc("effective_at") +
                    ", jsonb_array_length(convert_from(contents, 'UTF8')::jsonb->'documents') AS documents, "
                    "(SELECT " +
                    said + " FROM dvpe.acknowledgement a" + (names ? " JOIN dvpe.machine m ON m.id = a.node" : "") +
                    " WHERE a.sequence = r.sequence) AS nodes FROM dvpe.release r "
                    "ORDER BY keys_revision DESC, sequence DESC LIMIT $1",
                {most}, asJson, console));
  if (printed == 0 && !console.quiet) console.err << "There is no release, or none that your role may read.\n";
  return base::success();
}

Result<void> diff(const Arguments& arguments, Console& console) {
  if (arguments.rest.size() == 1)
    return fail(ErrorCode::kInvalidInput, "between which two releases? Name both or none");
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  Release before, after;
  if (arguments.rest.empty()) {
    DVPE_TRY(after, newest(who.connection(), 0));
    DVPE_TRY(before, newest(who.connection(), 1));
  } else {
    DVPE_TRY(const std::int64_t a, sequenceOf(arguments.rest.at(0)));
    DVPE_TRY(const std::int64_t b, sequenceOf(arguments.rest.at(1)));
    DVPE_TRY(before, numbered(who.connection(), a));
    DVPE_TRY(after, numbered(who.connection(), b));
  }
  const auto changes = release::difference(before, after);
  if (arguments.flag("--json")) {
    console.out << json::object{{"from", before.order.sequence},
                                {"to", after.order.sequence},
                                {"changes", listOf(changes)}}
                << "\n";
  } else {
    print(changes, console.out);
    if (!console.quiet)
      console.err << changes.size() << (changes.size() == 1 ? " document differs" : " documents differ")
                  << " between release " << before.order.sequence << " and " << after.order.sequence << ".\n";
  }
  return base::success();
}

// ---- the way back

// What an admin signs, and what it comes to.
struct WayBack {
  release::Rollback statement;
  std::vector<release::Change> changes;
};

// Documents that have a lower revision there. What is new since then stays, and what is gone does not come back.
Result<WayBack> wayBack(const Release& now, const Release& then) {
  WayBack out;
  out.statement.base = now.order.sequence;
  for (const auto& change : release::difference(now, then)) {
    if (change.what != release::Change::What::kChanged || change.to >= change.from) continue;
    out.statement.revisions[change.name] = change.to;
    out.changes.push_back(change);
  }
  if (out.changes.empty())
    return fail(ErrorCode::kConflict, "no document has a lower revision in release " +
                                          std::to_string(then.order.sequence) + " than in the newest, " +
                                          std::to_string(now.order.sequence));
  DVPE_CHECK(release::parseRollback(release::toJson(out.statement)));
  return out;
}

// Nodes will look at this signature: one that cannot count is refused here.
Result<void> checkSigner(Connection& connection, const release::PrivateKey& key) {
  DVPE_TRY(const auto rows, connection.query("SELECT contents FROM dvpe.keys_revision ORDER BY revision DESC LIMIT 1"));
  if (rows.empty()) return fail(ErrorCode::kNotFound, "there are no keys in the database");
  const base::Bytes bytes = rows.bytes(0, 0);
  DVPE_TRY(const auto keys, release::parseKeys({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  const auto found = keys.keys.find(key.id());
  if (found == keys.keys.end() || !found->second.has(release::Role::kAdmin) ||
      !found->second.validAt(base::SystemClock().wallSeconds()))
    return fail(ErrorCode::kRefused, "the key " + key.id() + " is no admin's that is valid now");
  return base::success();
}

// The release that carries the statement and is in force, by its sequence.
Result<std::int64_t> inForce(Connection& connection, std::int64_t base, const std::string& digest,
                             std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  std::string seen = "no new release";
  do {
    DVPE_TRY(const auto rows,
             connection.query("SELECT sequence, coalesce(effective_at <= clock_timestamp(), false), "
                              "coalesce(convert_from(contents, 'UTF8')::jsonb->'rollbacks' ? $2, false) "
                              "FROM dvpe.release WHERE base = $1 ORDER BY sequence LIMIT 1",
                              {base, digest}));
    if (!rows.empty()) {
      if (!rows.flag(0, 2))
        return fail(ErrorCode::kConflict, "release " + std::to_string(rows.integer(0, 0)) +
                                              " came first and does not go back: look at it, and try again");
      if (rows.flag(0, 1)) return rows.integer(0, 0);
      seen = "release " + std::to_string(rows.integer(0, 0)) + " is not in force yet";
    }
    std::this_thread::sleep_for(kLook);
  } while (std::chrono::steady_clock::now() < end);
  return fail(ErrorCode::kUnavailable, "the statement is stored, but " + seen + ": does a coordinator run?");
}

Result<void> rollback(const Arguments& arguments, Console& console) {
  DVPE_TRY(const std::int64_t to, sequenceOf(arguments.value("--to")));
  DVPE_TRY(const std::int64_t seconds, numberOf(arguments, "--timeout", 60));
  DVPE_TRY(const auto key, openKey(arguments));
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  Connection& connection = who.connection();
  DVPE_TRY(const Release now, newest(connection, 0));
  DVPE_TRY(const Release then, numbered(connection, to));
  DVPE_TRY(const WayBack way, wayBack(now, then));
  DVPE_CHECK(checkSigner(connection, key));
  if (!console.quiet) print(way.changes, console.err);  // before the one-time password is typed
  release::Signed statement{release::toJson(way.statement), {}};
  addSignature(statement, release::Domain::kRollback, key);
  const std::string digest = base::sha256(base::view(statement.bytes));
  json::object out{{"base", way.statement.base}, {"digest", digest}, {"changes", listOf(way.changes)}};
  if (!arguments.flag("--dry-run")) {
    DVPE_TRY(const std::string grant, who.grant({database::changeName({"release.rollback", digest})}));
    DVPE_CHECK(connection.query(
        "SELECT registry.store_rollback($1, $2, $3, $4::uuid)",
        {database::bytesOf(statement.bytes), statement.by.at(0).key, database::signatureOf(statement), grant}));
    if (arguments.flag("--wait")) {
      DVPE_TRY(const std::int64_t release,
               inForce(connection, way.statement.base, digest, std::chrono::seconds(seconds)));
      out["inForce"] = release;
    }
  }
  if (arguments.flag("--json")) {
    console.out << out << "\n";
  } else {
    console.out << digest << "\n";
  }
  if (console.quiet) return base::success();
  if (arguments.flag("--dry-run")) {
    console.err << "Nothing was changed.\n";
  } else if (const auto* release = out.if_contains("inForce")) {
    console.err << "Release " << *release << " is in force and goes back.\n";
  } else {
    console.err << "The next release goes back; the coordinator makes it.\n";
  }
  return base::success();
}

}  // namespace

int releaseListCommand(const Arguments& arguments, Console& console) {
  return exitOf(console, list(arguments, console));
}

int releaseShowCommand(const Arguments& arguments, Console& console) {
  std::int64_t sequence = 0;  // the newest
  if (!arguments.rest.empty()) {
    const auto named = sequenceOf(arguments.rest.at(0));
    if (!named) return failed(console, named.error());
    sequence = named.value();
  }
  return select(arguments, console,
                "SELECT d->>'kind' AS kind, d->>'id' AS id, (d->>'revision')::int AS revision, "
                "d->>'organisation' AS organisation, d->>'digest' AS digest FROM (SELECT contents FROM dvpe.release "
                "WHERE $1 IN (0, sequence) ORDER BY keys_revision DESC, sequence DESC LIMIT 1) r, "
                "jsonb_array_elements(convert_from(contents, 'UTF8')::jsonb->'documents') d ORDER BY 1, 2",
                {sequence}, "There is no such release, or none that your role may read.");
}

int releaseDiffCommand(const Arguments& arguments, Console& console) {
  return exitOf(console, diff(arguments, console));
}

int releaseLeftOutCommand(const Arguments& arguments, Console& console) {
  return select(arguments, console,
                "SELECT kind, document AS id, revision, organisation, "
                "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at, reason "
                "FROM dvpe.left_out ORDER BY 1, 2",
                {}, "Nothing that you may read is left out.");
}

int releaseRollbackCommand(const Arguments& arguments, Console& console) {
  return exitOf(console, rollback(arguments, console));
}

}  // namespace dvpe::node
