// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/registry.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "shared/base/log.h"
#include "shared/release/audit.h"

namespace dvpe::coordinate {

namespace json = boost::json;
using base::Result;
using database::Rows;
using release::Signed;

namespace {

constexpr std::size_t kAtOnce = 500;         // documents to a query
constexpr std::size_t kRemembered = 50'000;  // documents

base::Bytes bytesOf(const std::string& text) { return {text.begin(), text.end()}; }

// Columns: bytes, key, signature; not NULL.
Result<Signed> signedAt(const Rows& rows, std::size_t row, int column) {
  const base::Bytes bytes = rows.bytes(row, column);
  Signed out{{bytes.begin(), bytes.end()}, {}};
  DVPE_TRY(const auto signature, release::parseSignature(base::hex(rows.bytes(row, column + 2))));
  out.by.push_back({std::string(rows.text(row, column + 1)), signature});
  return out;
}

base::Bytes signatureOf(const Signed& document) {
  const auto& signature = document.by.at(0).signature;
  return {signature.begin(), signature.end()};
}

}  // namespace

Result<std::optional<std::int64_t>> Registry::holdLease() {
  DVPE_TRY(const auto rows, connection_.query("SELECT registry.hold_lease()"));
  return rows.null(0, 0) ? std::optional<std::int64_t>{} : std::optional(rows.integer(0, 0));
}

Result<void> Registry::listen() {
  DVPE_CHECK(connection_.query("LISTEN dvpe_documents"));
  return base::success();
}

Result<void> Registry::refreshKeys(release::Time now) {
  DVPE_TRY(const auto rows, connection_.query("SELECT revision, contents, signatures::text FROM dvpe.keys_revision "
                                              "WHERE revision > $1 ORDER BY revision",
                                              {std::int64_t{keys_.empty() ? 0 : keys_.rbegin()->first}}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const base::Bytes bytes = rows.bytes(i, 1);
    json::error_code error;
    const auto by = json::parse(rows.text(i, 2), error);
    if (error) return base::fail(base::ErrorCode::kInvalidInput, "the signatures of keys cannot be read");
    DVPE_TRY(auto signatures, release::parseSignatures(by));
    Signed keys{{bytes.begin(), bytes.end()}, std::move(signatures)};
    DVPE_CHECK(ring_.advance(keys, now));
    keys_.emplace(static_cast<int>(rows.integer(i, 0)), std::move(keys));
  }
  return base::success();
}

std::vector<Signed> Registry::keysAfter(int revision) const {
  std::vector<Signed> out;
  for (auto it = keys_.upper_bound(revision); it != keys_.end(); ++it) out.push_back(it->second);
  return out;
}

Result<std::optional<StoredRelease>> Registry::newest() {
  DVPE_TRY(const auto rows,
           connection_.query("SELECT r.contents, r.key, r.signature, e.statement, e.key, e.signature, r.keys_revision "
                             "FROM dvpe.release r LEFT JOIN dvpe.effective_statement e USING (sequence) "
                             "ORDER BY r.keys_revision DESC, r.sequence DESC LIMIT 1"));
  if (rows.empty()) return std::optional<StoredRelease>{};
  StoredRelease out;
  DVPE_TRY(out.release, signedAt(rows, 0, 0));
  if (!rows.null(0, 3)) {
    DVPE_TRY(out.moment, signedAt(rows, 0, 3));
  }
  out.keysRevision = static_cast<int>(rows.integer(0, 6));
  return std::optional(std::move(out));
}

Result<Wishes> Registry::wishes(const std::optional<StoredRelease>& newest) {
  Wishes out;
  if (newest) {
    DVPE_TRY(out.current, release::parseRelease(newest->release.bytes));
  }
  DVPE_TRY(const auto rows,
           connection_.query("SELECT organisation, kind, document, revision, encode(digest, 'hex'), bytes, "
                             "extract(epoch FROM accepted)::bigint FROM registry.candidates()"));
  std::vector<std::string> needed;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.candidates.push_back(
        {{std::string(rows.text(i, 1)), std::string(rows.text(i, 2))},
         {std::string(rows.text(i, 0)), static_cast<int>(rows.integer(i, 3)), std::string(rows.text(i, 4)),
          static_cast<std::size_t>(rows.integer(i, 5)), rows.integer(i, 6)}});
    needed.push_back(out.candidates.back().entry.digest);
  }
  if (out.current) {
    for (const auto& [name, entry] : out.current->documents) needed.push_back(entry.digest);
  }
  const std::int64_t base = out.current ? out.current->order.sequence : 0;
  DVPE_TRY(const auto back, connection_.query("SELECT encode(digest, 'hex'), statement, key, signature, "
                                              "extract(epoch FROM at)::bigint FROM dvpe.rollback_statement "
                                              "ORDER BY at DESC LIMIT 100"));
  for (std::size_t i = 0; i < back.size(); ++i) {
    DVPE_TRY(auto statement, signedAt(back, i, 1));
    const auto parsed = release::parseRollback(statement.bytes);
    if (!parsed) continue;  // nodes would refuse it
    const std::string digest(back.text(i, 0));
    for (const auto& [name, revision] : parsed.value().revisions) {
      if (parsed.value().base != base) break;
      DVPE_TRY(const auto to, revisionOf(name, revision));
      if (!to) continue;
      out.rolledTo[name] = *to;
      needed.push_back(to->entry.digest);
    }
    out.rollbacks[digest] = {parsed.value(), back.integer(i, 4)};
    rollbacks_.insert_or_assign(digest, std::move(statement));
  }
  DVPE_CHECK(fetch(needed));
  return out;
}

Result<std::optional<Candidate>> Registry::revisionOf(const release::DocumentName& name, int revision) {
  DVPE_TRY(
      const auto rows,
      connection_.query("SELECT organisation, encode(digest, 'hex'), length(contents), "
                        "extract(epoch FROM accepted)::bigint FROM dvpe.revision WHERE kind = $1 AND document = $2 "
                        "AND revision = $3 ORDER BY accepted LIMIT 1",
                        {name.kind, name.id, std::int64_t{revision}}));
  if (rows.empty()) return std::optional<Candidate>{};
  return std::optional(Candidate{name,
                                 {std::string(rows.text(0, 0)), revision, std::string(rows.text(0, 1)),
                                  static_cast<std::size_t>(rows.integer(0, 2)), rows.integer(0, 3)}});
}

Result<void> Registry::fetch(const std::vector<std::string>& digests) {
  if (documents_.size() > kRemembered) documents_.clear();
  std::set<std::string> missing;
  for (const std::string& digest : digests) {
    if (!documents_.contains(digest) || waitsForSecond_.contains(digest)) missing.insert(digest);
  }
  for (auto it = missing.begin(); it != missing.end();) {
    std::vector<std::string> some;
    for (; it != missing.end() && some.size() < kAtOnce; ++it) some.push_back(*it);
    DVPE_TRY(
        const auto rows,
        connection_.query("SELECT encode(r.digest, 'hex'), r.contents, r.key, r.signature, c.statement, c.key, "
                          "c.signature, r.kind FROM dvpe.revision r LEFT JOIN dvpe.countersignature c USING (digest) "
                          "WHERE r.digest = ANY (ARRAY(SELECT decode(d, 'hex') FROM unnest($1::text[]) d))",
                          {some}));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string digest(rows.text(i, 0));
      release::StoredDocument stored;
      DVPE_TRY(stored.document, signedAt(rows, i, 1));
      if (!rows.null(i, 4)) {
        DVPE_TRY(stored.countersignature, signedAt(rows, i, 4));
        waitsForSecond_.erase(digest);
      } else if (release::needsCountersignature(rows.text(i, 7))) {
        waitsForSecond_.insert(digest);
      }
      documents_.insert_or_assign(digest, std::move(stored));
    }
  }
  return base::success();
}

void Registry::forget(const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) documents_.erase(digest);
}

release::Source Registry::source() const {
  return {[this](const std::string& digest) -> const release::StoredDocument* {
            const auto it = documents_.find(digest);
            return it == documents_.end() ? nullptr : &it->second;
          },
          [this](const std::string& digest) -> const Signed* {
            const auto it = rollbacks_.find(digest);
            return it == rollbacks_.end() ? nullptr : &it->second;
          }};
}

Result<void> Registry::publish(const release::Release& release, const Signed& by, std::int64_t epoch) {
  DVPE_CHECK(connection_.query("SELECT registry.publish($1, $2, $3::int, $4, $5, $6, $7)",
                               {release.base, release.order.sequence, std::int64_t{release.order.keys},
                                bytesOf(by.bytes), by.by.at(0).key, signatureOf(by), epoch}));
  return base::success();
}

Result<void> Registry::makeEffective(std::int64_t sequence, base::WallTime at, const Signed& statement,
                                     std::int64_t epoch) {
  DVPE_CHECK(connection_.query(
      "SELECT registry.make_effective($1, $2::timestamptz, $3, $4, $5, $6)",
      {sequence, base::isoDate(at), bytesOf(statement.bytes), statement.by.at(0).key, signatureOf(statement), epoch}));
  return base::success();
}

Result<void> Registry::leaveOut(const std::vector<LeftOut>& leftOut, std::int64_t epoch) {
  json::array list;
  for (const LeftOut& l : leftOut) {
    list.push_back(json::object{{"organisation", l.candidate.entry.organisation},
                                {"kind", l.candidate.name.kind},
                                {"document", l.candidate.name.id},
                                {"revision", l.candidate.entry.revision},
                                {"reason", l.reason}});
  }
  DVPE_CHECK(connection_.query("SELECT registry.leave_out($1::jsonb, $2)", {json::serialize(list), epoch}));
  return base::success();
}

Result<std::vector<PresentNode>> Registry::nodes() {
  DVPE_TRY(const auto rows,
           connection_.query(
               "SELECT m.name, p.endpoint, p.in_force, extract(epoch FROM clock_timestamp() - p.seen_at)::bigint "
               "FROM dvpe.node_presence p JOIN dvpe.machine m ON m.id = p.node ORDER BY m.name"));
  std::vector<PresentNode> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.push_back({std::string(rows.text(i, 0)), std::string(rows.text(i, 1)), rows.integer(i, 2),
                   std::chrono::seconds(rows.integer(i, 3))});
  }
  return out;
}

Result<std::vector<std::string>> Registry::acknowledged(std::int64_t sequence) {
  DVPE_TRY(const auto rows,
           connection_.query("SELECT m.name FROM dvpe.acknowledgement a JOIN dvpe.machine m ON m.id = a.node "
                             "WHERE a.sequence = $1 AND a.state IN ('prepared', 'effective')",
                             {sequence}));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.emplace_back(rows.text(i, 0));
  return out;
}

Result<RolloutPlan> Registry::rolloutPlan() {
  DVPE_TRY(const auto rows, connection_.query("SELECT plan::text FROM dvpe.rollout_plan"));
  return rows.empty() ? RolloutPlan{} : parseRolloutPlan(rows.text(0, 0));
}

Result<bool> Registry::halted(std::int64_t sequence) {
  DVPE_TRY(const auto rows, connection_.query("SELECT FROM dvpe.rollout_halt WHERE sequence = $1", {sequence}));
  return !rows.empty();
}

Result<void> Registry::halt(std::int64_t sequence, const std::string& reason, std::int64_t epoch) {
  DVPE_CHECK(connection_.query("SELECT registry.halt($1, $2, $3)", {sequence, reason, epoch}));
  return base::success();
}

Result<void> Registry::signAuditHead(const release::PrivateKey& key, release::Time now, std::int64_t epoch) {
  DVPE_TRY(const auto rows, connection_.query("SELECT sequence, encode(hash, 'hex') FROM audit.head()"));
  const release::AuditHead head{rows.integer(0, 0), std::string(rows.text(0, 1)), now};
  if (head.sequence == 0 || head.sequence == auditSigned_) return base::success();
  Signed statement{release::toJson(head), {}};
  addSignature(statement, release::Domain::kAuditHead, key);
  DVPE_CHECK(connection_.query("SELECT audit.store_head($1, $2, $3, $4)",
                               {bytesOf(statement.bytes), statement.by.at(0).key, signatureOf(statement), epoch}));
  auditSigned_ = head.sequence;
  return base::success();
}

Result<std::int64_t> Registry::endOverdue(std::int64_t epoch) {
  DVPE_TRY(const auto rows, connection_.query("SELECT people.end_overdue($1)", {epoch}));
  return rows.integer(0, 0);
}

}  // namespace dvpe::coordinate
