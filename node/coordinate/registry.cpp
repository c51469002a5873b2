// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/registry.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "shared/base/log.h"
#include "shared/database/signed.h"
#include "shared/release/audit.h"

namespace dvpe::coordinate {

namespace json = boost::json;
using base::Result;
using release::Signed;

namespace {

constexpr std::size_t kRemembered = 50'000;  // documents

}  // namespace

Result<std::optional<std::int64_t>> Registry::holdLease() {
  DVPE_TRY(const auto rows, connection_.query("SELECT registry.hold_lease()"));
  return rows.null(0, 0) ? std::optional<std::int64_t>{} : std::optional(rows.integer(0, 0));
}

Result<void> Registry::listen() {
  DVPE_CHECK(connection_.query("LISTEN dvpe_documents"));
  return base::success();
}

// One admin alone may have stored a revision, and the database cannot tell: what does not count is passed over.
Result<void> Registry::refreshKeys(release::Time now) {
  DVPE_TRY(auto fresh, database::keysAfter(connection_, keysSeen_));
  for (auto& [revision, keys] : fresh) {
    keysSeen_ = revision;
    if (const auto taken = ring_.advance(keys, now); !taken) {
      spdlog::error("a revision of the keys does not count revision={} reason=\"{}\"", revision, taken.error().message);
      continue;
    }
    keys_.push_back(std::move(keys));
  }
  return base::success();
}

Result<std::optional<StoredRelease>> Registry::newest() {
  DVPE_TRY(const auto rows,
           connection_.query("SELECT r.contents, r.key, r.signature, e.statement, e.key, e.signature "
                             "FROM dvpe.release r LEFT JOIN dvpe.effective_statement e USING (sequence) "
                             "ORDER BY r.keys_revision DESC, r.sequence DESC LIMIT 1"));
  if (rows.empty()) return std::optional<StoredRelease>{};
  DVPE_TRY(auto release, database::signedAt(rows, 0, 0));
  DVPE_TRY(auto moment, database::signedAt(rows, 0, 3));
  return std::optional(StoredRelease{std::move(release).value(), std::move(moment)});
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
    // It may have been countersigned since.
    const auto known = documents_.find(needed.back());
    if (known != documents_.end() && !known->second.countersignature &&
        release::needsCountersignature(out.candidates.back().name.kind)) {
      documents_.erase(known);
    }
  }
  if (out.current) {
    for (const auto& [name, entry] : out.current->documents) needed.push_back(entry.digest);
  }
  const std::int64_t base = out.current ? out.current->order.sequence : 0;
  DVPE_TRY(const auto back, connection_.query("SELECT encode(digest, 'hex'), statement, key, signature, "
                                              "extract(epoch FROM at)::bigint FROM dvpe.rollback_statement "
                                              "ORDER BY at DESC LIMIT 100"));
  for (std::size_t i = 0; i < back.size(); ++i) {
    DVPE_TRY(auto statement, database::signedAt(back, i, 1));
    const auto parsed = release::parseRollback(statement->bytes);
    if (!parsed) continue;  // nodes would refuse it
    if (parsed.value().base == base) {
      for (const auto& [name, revision] : parsed.value().revisions) {
        DVPE_TRY(const auto to, revisionOf(name, revision));
        if (!to) continue;
        out.rolledTo[name] = *to;
        needed.push_back(to->entry.digest);
      }
    }
    const std::string digest(back.text(i, 0));
    out.rollbacks[digest] = {parsed.value(), back.integer(i, 4)};
    rollbacks_.insert_or_assign(digest, std::move(statement).value());
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
  std::vector<std::string> missing;
  std::copy_if(digests.begin(), digests.end(), std::back_inserter(missing),
               [this](const std::string& digest) { return !documents_.contains(digest); });
  DVPE_TRY(auto fetched, database::storedDocuments(connection_, missing));
  documents_.merge(fetched);
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
                                database::bytesOf(by.bytes), by.by.at(0).key, database::signatureOf(by), epoch}));
  return base::success();
}

Result<void> Registry::makeEffective(std::int64_t sequence, base::WallTime at, const Signed& statement,
                                     std::int64_t epoch) {
  DVPE_CHECK(connection_.query("SELECT registry.make_effective($1, $2::timestamptz, $3, $4, $5, $6)",
                               {sequence, base::isoDate(at), database::bytesOf(statement.bytes), statement.by.at(0).key,
                                database::signatureOf(statement), epoch}));
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
           connection_.query("SELECT m.name, p.endpoint, extract(epoch FROM clock_timestamp() - p.seen_at)::bigint "
                             "FROM dvpe.node_presence p JOIN dvpe.machine m ON m.id = p.node ORDER BY m.name"));
  std::vector<PresentNode> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.push_back(
        {std::string(rows.text(i, 0)), std::string(rows.text(i, 1)), std::chrono::seconds(rows.integer(i, 2))});
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
  DVPE_CHECK(connection_.query(
      "SELECT audit.store_head($1, $2, $3, $4)",
      {database::bytesOf(statement.bytes), statement.by.at(0).key, database::signatureOf(statement), epoch}));
  auditSigned_ = head.sequence;
  return base::success();
}

Result<std::int64_t> Registry::endOverdue(std::int64_t epoch) {
  DVPE_TRY(const auto rows, connection_.query("SELECT people.end_overdue($1)", {epoch}));
  return rows.integer(0, 0);
}

Result<std::string> Registry::retain(std::int64_t epoch) {
  DVPE_TRY(const auto rows, connection_.query("SELECT registry.retain($1)::text", {epoch}));
  return std::string(rows.text(0, 0));
}

Result<bool> Registry::erase(std::int64_t epoch) {
  DVPE_TRY(const auto rows, connection_.query("SELECT events.erase($1)", {epoch}));
  if (!rows.flag(0, 0)) DVPE_CHECK(connection_.query("SELECT registry.settle_erasures($1)", {epoch}));
  return rows.flag(0, 0);
}

Result<std::int64_t> Registry::rollEvents(std::int64_t mostBatches, std::int64_t epoch) {
  DVPE_TRY(const auto rows, connection_.query("SELECT events.roll($1::int, $2)", {mostBatches, epoch}));
  return rows.integer(0, 0);
}

Result<void> Registry::storePacing(const std::string& state, std::int64_t epoch) {
  DVPE_CHECK(connection_.query("SELECT registry.store_pacing($1, $2)", {database::bytesOf(state), epoch}));
  return base::success();
}

Result<std::optional<std::string>> Registry::pacing() {
  DVPE_TRY(const auto rows, connection_.query("SELECT * FROM registry.pacing()"));
  if (rows.size() == 0) return std::optional<std::string>{};
  const base::Bytes bytes = rows.bytes(0, 0);
  return std::optional<std::string>{std::in_place, bytes.begin(), bytes.end()};
}

}  // namespace dvpe::coordinate
