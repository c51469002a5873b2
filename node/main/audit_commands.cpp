// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node audit search|verify: what was done, and whether the log of it is whole.
#include <boost/json.hpp>
#include <charconv>
#include <fstream>

#include "node/main/sign_in.h"
#include "node/main/signed_files.h"
#include "shared/base/clock.h"
#include "shared/database/signed.h"
#include "shared/release/audit.h"

namespace dvpe::node {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;
using database::Connection;

namespace {

constexpr std::int64_t kPage = 1000;  // entries; each page is one statement of its own

// ---- search

constexpr const char* kSearch =
    "SELECT * FROM (SELECT sequence, at, who, organisation, address, what, object, before, after FROM dvpe.audit_entry "
    "WHERE ($1::text = '' OR strpos(lower(object), lower($1::text)) > 0) AND ($2::text = '' OR starts_with(what, "
    "$2::text)) "
    "AND ($3::text = '' OR who = $3::text) AND ($4::text = '' OR at >= nullif($4::text, '')::timestamptz) "
    "AND ($5::text = '' OR at < nullif($5::text, '')::timestamptz) ORDER BY sequence DESC LIMIT $6) newest ORDER BY "
    "sequence";

Result<std::size_t> search(const Arguments& arguments, Console& console) {
  std::int64_t most = 1000;
  if (const std::string text = arguments.value("--most"); !text.empty()) {
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, most).ptr != end || most < 1 || most > 100'000) {
      return fail(ErrorCode::kInvalidInput, "--most is a number from 1 to 100000");
    }
  }
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_CHECK(who.connection().query("SET TIME ZONE 'UTC'"));
  return printRows(who.connection(), kSearch,
                   {arguments.value("--object"), arguments.value("--what"), arguments.value("--person"),
                    arguments.value("--since"), arguments.value("--until"), most},
                   arguments.flag("--json"), console);
}

// ---- verify

// Who may sign heads: the keys documents that were given, else those that the database has.
Result<std::optional<release::KeyRing>> keyRing(const Arguments& arguments, Connection& connection) {
  const std::string hex = arguments.value("--root");
  if (hex.empty()) return std::optional<release::KeyRing>();
  DVPE_TRY(const auto root, release::parsePublicKey(hex));
  release::KeyRing ring(root);
  const release::Time now = base::SystemClock().wallSeconds();
  for (const std::string& file : arguments.rest) {
    DVPE_TRY(const auto keys, readSigned(file));
    DVPE_CHECK(ring.advance(keys, now));
  }
  if (arguments.rest.empty()) {
    DVPE_TRY(const auto stored, database::keysAfter(connection, 0));
    Result<void> passedOver = base::success();  // one that does not count is none
    for (const auto& [revision, keys] : stored) {
      if (auto taken = ring.advance(keys, now); !taken) passedOver = std::move(taken);
    }
    if (ring.revision() == 0) DVPE_CHECK(passedOver);
  }
  return std::optional(std::move(ring));
}

// Signed heads: those of the database, and those that nodes have kept (--heads).
Result<std::vector<release::Signed>> signedHeads(const Arguments& arguments, Connection& connection) {
  std::vector<release::Signed> out;
  DVPE_TRY(const auto rows,
           connection.query("SELECT statement, key, signature FROM dvpe.audit_head_signature ORDER BY sequence"));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    DVPE_TRY(auto head, database::signedAt(rows, i, 0));
    out.push_back(std::move(head).value());
  }
  const std::string file = arguments.value("--heads");
  if (file.empty()) return out;
  std::ifstream in(file);
  if (!in) return fail(ErrorCode::kNotFound, file + " cannot be read");
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    DVPE_TRY(auto head, release::parseAuditLine(line));
    out.push_back(std::move(head));
  }
  return out;
}

using Break = release::AuditChain::Break;

// Tells the chain what to expect; a head that nobody entitled has signed is a finding too.
Result<std::optional<Break>> expectHeads(const std::vector<release::Signed>& heads,
                                         const std::optional<release::KeyRing>& ring, release::AuditChain& chain) {
  std::optional<Break> worst;
  for (const auto& statement : heads) {
    DVPE_TRY(const auto head, release::parseAuditHead(statement.bytes));
    std::string wrong;
    if (ring) {
      const auto by = ring->signer(statement, release::Domain::kAuditHead, {release::Role::kCoordinator}, head.at);
      if (!by)
        wrong =
            "nobody entitled has signed the head of line " + std::to_string(head.sequence) + ": " + by.error().message;
    }
    if (wrong.empty() && !chain.expect(head)) {
      wrong = "two signed heads of line " + std::to_string(head.sequence) + " differ";
    }
    if (!wrong.empty() && (!worst || head.sequence < worst->sequence)) worst = Break{head.sequence, wrong};
  }
  return worst;
}

release::AuditEntry entryOf(const database::Rows& rows, std::size_t i) {
  release::AuditEntry e;
  e.sequence = rows.integer(i, 0);
  int column = 1;
  for (std::string* field :
       {&e.at, &e.login, &e.person, &e.who, &e.organisation, &e.address, &e.what, &e.object, &e.before, &e.after}) {
    *field = rows.text(i, column++);
  }
  e.hash = rows.bytes(i, column);
  return e;
}

struct Verdict {
  std::int64_t lines = 0, signedUpTo = 0;
  bool signatures = false;
  std::optional<Break> broken;
};

Result<Verdict> verify(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  Connection& c = who.connection();
  DVPE_TRY(const auto ring, keyRing(arguments, c));
  // The chain only grows: what is verified is all that there was when we began, without a long transaction.
  DVPE_TRY(const auto head, c.query("SELECT sequence, hash FROM audit.head()"));
  DVPE_TRY(const auto heads, signedHeads(arguments, c));
  const std::int64_t last = head.integer(0, 0);
  release::AuditChain chain;
  DVPE_TRY(const auto unsignedHead, expectHeads(heads, ring, chain));
  for (std::int64_t from = 1; from <= last;) {
    DVPE_TRY(const auto rows, c.query("SELECT * FROM audit.entries($1, $2::bigint::int)", {from, kPage}));
    if (rows.empty()) break;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto entry = entryOf(rows, i);
      if (entry.sequence <= last) chain.take(entry);
      from = entry.sequence + 1;
    }
  }
  Verdict out{chain.lines(), 0, ring.has_value(), chain.finish(last, head.bytes(0, 1))};
  out.signedUpTo = chain.signedUpTo();
  if (unsignedHead && (!out.broken || unsignedHead->sequence < out.broken->sequence)) out.broken = unsignedHead;
  return out;
}

}  // namespace

int auditSearchCommand(const Arguments& arguments, Console& console) {
  const auto found = search(arguments, console);
  if (!found) return failed(console, found.error());
  if (!console.quiet && !arguments.flag("--json")) console.err << found.value() << " lines.\n";
  return kExitOk;
}

int auditVerifyCommand(const Arguments& arguments, Console& console) {
  if (arguments.value("--root").empty() && !arguments.rest.empty()) {
    complain(console, "revisions of the keys are of use with --root only");
    return kExitUsage;
  }
  const auto verified = verify(arguments, console);
  if (!verified) return failed(console, verified.error());
  const Verdict& v = verified.value();
  if (arguments.flag("--json")) {
    json::object out{
        {"ok", !v.broken}, {"lines", v.lines}, {"signedUpTo", v.signedUpTo}, {"signaturesChecked", v.signatures}};
    if (v.broken) {
      out["firstBad"] = v.broken->sequence;
      out["reason"] = v.broken->reason;
    }
    console.out << out << "\n";
  } else if (v.broken) {
    console.out << v.broken->sequence << "\t" << v.broken->reason << "\n";
  }
  if (!console.quiet) {
    if (v.broken) {
      console.err << "The audit log is broken from line " << v.broken->sequence << " on.\n";
    } else {
      console.err << "All " << v.lines << " lines are as they were written; signed heads vouch for those up to "
                  << v.signedUpTo << ".\n";
    }
    if (!v.signatures) console.err << "Without --root the signatures of heads were not checked.\n";
  }
  return v.broken ? kExitFailed : kExitOk;
}

}  // namespace dvpe::node
