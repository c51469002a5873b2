// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/database_link.h"

#include <pthread.h>

#include <fstream>
#include <iterator>

#include "shared/base/log.h"
#include "shared/database/check.h"
#include "shared/database/signed.h"
#include "shared/release/audit.h"

namespace dvpe::control {

using base::ErrorCode;
using base::fail;
using base::Result;
using release::Signed;
using std::chrono::steady_clock;

namespace {

constexpr auto kWait = std::chrono::milliseconds(200);  // for a hint, before the queue of tasks is looked at
constexpr auto kLook = std::chrono::seconds(2);         // without a hint
constexpr auto kPresent = std::chrono::seconds(5);
constexpr auto kHeads = std::chrono::seconds(30);
constexpr std::uintmax_t kMostHeadBytes = 8 << 20;        // about three weeks of them; then the older half goes
constexpr auto kRetry = std::chrono::seconds(2);          // of the connection
constexpr auto kAgain = std::chrono::seconds(30);         // of a release that was refused
constexpr auto kGrantPatience = std::chrono::seconds(5);  // of who waits for a grant to be used up

// What this node lacks for a release. What is not there is left out.
Result<release::Bundle> fetchBundle(database::Connection& connection, const Signed& release,
                                    const protocol::Need& need) {
  release::Bundle out;
  out.release = release;
  DVPE_TRY(auto keys, database::keysAfter(connection, need.keysAfter));
  for (auto& [revision, one] : keys) {
    if (revision <= need.order.keys) out.keys.push_back(std::move(one));
  }
  DVPE_TRY(out.documents, database::storedDocuments(connection, need.documents));
  for (const std::string& digest : need.rollbacks) {
    DVPE_TRY(const auto rows, connection.query("SELECT statement, key, signature FROM dvpe.rollback_statement "
                                               "WHERE digest = decode($1, 'hex')",
                                               {digest}));
    if (rows.empty()) continue;
    DVPE_TRY(auto statement, database::signedAt(rows, 0, 0));
    out.rollbacks.insert_or_assign(digest, std::move(statement).value());
  }
  return out;
}

}  // namespace

DatabaseLink::DatabaseLink(DatabaseLinkOptions options, Releases& releases)
    : options_(std::move(options)), releases_(releases) {}

DatabaseLink::~DatabaseLink() { stop(); }

void DatabaseLink::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "database");
    run();
  });
}

void DatabaseLink::stop() {
  stopping_ = true;
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DatabaseLink::listensAt(std::string endpoint, std::string curveKey) {
  const std::lock_guard lock(mutex_);
  endpoint_ = std::move(endpoint);
  curveKey_ = std::move(curveKey);
  tell_ = true;
}

Result<bool> DatabaseLink::useGrant(const std::string& grant, const std::string& person, const std::string& change) {
  auto answer = std::make_shared<std::promise<Result<bool>>>();
  auto future = answer->get_future();
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back([=](database::Connection* connection) {
      if (connection == nullptr)
        return answer->set_value(fail(ErrorCode::kUnavailable, "the database cannot be asked"));
      const auto rows = connection->query("SELECT session.use_grant_for($1::uuid, $2, $3)", {grant, person, change});
      answer->set_value(rows ? Result<bool>(rows.value().flag(0, 0)) : Result<bool>(rows.as_failure()));
    });
  }
  wake_.notify_all();
  if (future.wait_for(kGrantPatience) != std::future_status::ready)
    return fail(ErrorCode::kUnavailable, "the database does not answer");
  return future.get();
}

void DatabaseLink::runTasks() {
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) task(connection_ ? &*connection_ : nullptr);
}

void DatabaseLink::run() {
  auto nextLook = steady_clock::now(), nextPresence = nextLook, nextHeads = nextLook + kPresent;
  while (!stopping_) {
    Result<void> done = base::success();
    if (!connection_) done = connect();
    runTasks();
    if (done && connection_) {
      const auto now = steady_clock::now();
      bool tell = false;
      {
        const std::lock_guard lock(mutex_);
        tell = std::exchange(tell_, false);
      }
      if (tell || now >= nextPresence) {
        done = present();
        nextPresence = now + kPresent;
      }
      if (done && now >= nextHeads) {
        done = keepHeads();
        nextHeads = now + kHeads;
      }
      if (done && now >= nextLook) {
        done = lookForHolds();
        if (done) done = look();
        if (done && releases_.snapshot().inForce != holdsFor_) done = lookForHolds();  // of what has just come
        nextLook = steady_clock::now() + kLook;
      }
      if (done) {
        const auto hint = connection_->waitForNotice(kWait);
        if (!hint) {
          done = hint.as_failure();
        } else if (hint.value()) {
          nextLook = steady_clock::now();
        }
      }
    }
    if (done) {
      lastError_.clear();
      continue;
    }
    if (done.error().message != lastError_) {
      lastError_ = done.error().message;
      spdlog::warn("the database cannot be used; the node goes on without reason=\"{}\"", lastError_);
    }
    connection_.reset();
    connected_ = false;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kRetry, [this] { return stopping_.load(); });
  }
}

Result<void> DatabaseLink::connect() {
  DVPE_TRY(auto opened, database::openStrict(options_.connect));
  DVPE_CHECK(opened.query("LISTEN dvpe_release"));
  DVPE_CHECK(opened.query("LISTEN dvpe_documents"));  // of which holds concern us
  connection_ = std::move(opened);
  connected_ = true;
  spdlog::info("connected to the database host={} database={}", options_.connect.host, options_.connect.database);
  const std::lock_guard lock(mutex_);
  tell_ = true;
  return base::success();
}

Result<void> DatabaseLink::present() {
  std::string endpoint, curve;
  {
    const std::lock_guard lock(mutex_);
    endpoint = endpoint_;
    curve = curveKey_;
  }
  DVPE_CHECK(connection_->query("SELECT registry.present($1, $2, $3, $4)",
                                {endpoint, curve, options_.version, releases_.snapshot().inForce.sequence}));
  return base::success();
}

// Oldest first: what is in force elsewhere, and the newest, whose moment may still have to be named.
Result<void> DatabaseLink::look() {
  const release::Order inForce = releases_.snapshot().inForce;
  // However it came here. A database that was set back does not know it: that is no reason to do without.
  if (inForce.sequence > 0) {
    if (auto told = acknowledge(inForce.sequence, "effective", ""); !told && !connection_->usable()) return told;
  }
  DVPE_TRY(const auto rows,
           connection_->query("SELECT r.sequence, r.contents, r.key, r.signature, e.statement, e.key, e.signature "
                              "FROM dvpe.release r LEFT JOIN dvpe.effective_statement e USING (sequence) "
                              "WHERE (r.keys_revision, r.sequence) > ($1::int, $2) "
                              "ORDER BY r.keys_revision DESC, r.sequence DESC LIMIT 32",
                              {std::int64_t{inForce.keys}, inForce.sequence}));
  std::vector<std::size_t> wanted;  // the newest that is for this node, and the newest such that has its moment
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!wanted.empty() && rows.null(i, 4)) continue;
    DVPE_TRY(const auto release, database::signedAt(rows, i, 1));
    if (!meant(*release)) continue;
    wanted.push_back(i);
    if (!rows.null(i, 4)) break;
  }
  for (auto at = wanted.rbegin(); at != wanted.rend(); ++at) {
    DVPE_TRY(const auto release, database::signedAt(rows, *at, 1));
    DVPE_TRY(const auto moment, database::signedAt(rows, *at, 4));
    DVPE_CHECK(take(rows.integer(*at, 0), *release, moment ? &*moment : nullptr));
  }
  return base::success();
}

// The newest revision of each hold that was not handed over yet. One that is withdrawn stays where it was seen. Those
// that were refused are tried again with the next release: whose documents are, and whose keys, it says.
Result<void> DatabaseLink::lookForHolds() {
  const release::Order inForce = releases_.snapshot().inForce;
  if (inForce.sequence == 0) return base::success();  // nobody's keys are known yet, and nothing is on air
  if (inForce != holdsFor_ && std::exchange(holdsRefused_, false)) holdsSeen_.clear();
  holdsFor_ = inForce;
  DVPE_TRY(const auto rows,
           connection_->query("SELECT DISTINCT ON (organisation, document) organisation, document, revision, "
                              "encode(digest, 'hex'), extract(epoch FROM accepted)::bigint FROM dvpe.revision "
                              "WHERE kind = 'hold' AND NOT withdrawn ORDER BY organisation, document, revision DESC"));
  std::map<std::string, std::size_t> fresh;  // digest -> row
  std::vector<std::string> digests;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto seen = holdsSeen_.find({std::string(rows.text(i, 0)), std::string(rows.text(i, 1))});
    if (seen != holdsSeen_.end() && seen->second >= rows.integer(i, 2)) continue;
    fresh.emplace(rows.text(i, 3), i);
    digests.emplace_back(rows.text(i, 3));
  }
  if (fresh.empty()) return base::success();
  DVPE_TRY(const auto documents, database::storedDocuments(*connection_, digests));
  std::vector<HoldStore::Arrival> arrivals;
  std::vector<std::size_t> from;
  for (const auto& [digest, stored] : documents) {
    const std::size_t row = fresh.at(digest);
    arrivals.push_back({stored.document, rows.integer(row, 4)});
    from.push_back(row);
  }
  const auto outcomes = releases_.hold(arrivals);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const bool disk = !outcomes[i] && outcomes[i].error().code == ErrorCode::kIo;
    if (disk) continue;  // tried again at the next look
    holdsRefused_ = holdsRefused_ || !outcomes[i];
    holdsSeen_[{std::string(rows.text(from[i], 0)), std::string(rows.text(from[i], 1))}] =
        static_cast<int>(rows.integer(from[i], 2));
  }
  return base::success();
}

// What cannot be read is refused where that is said.
bool DatabaseLink::meant(const Signed& release) const {
  const auto parsed = release::parseRelease(release.bytes);
  if (!parsed || parsed.value().nodes.empty()) return true;
  const auto& nodes = parsed.value().nodes;
  return std::find(nodes.begin(), nodes.end(), releases_.node()) != nodes.end();
}

// An error is the database's; what is wrong with the release is acknowledged.
Result<void> DatabaseLink::take(std::int64_t sequence, const Signed& release, const Signed* moment) {
  const auto later = refused_.find(sequence);
  if (later != refused_.end() && steady_clock::now() < later->second) return base::success();
  const auto refuse = [&](const base::Error& error) {
    refused_[sequence] = steady_clock::now() + kAgain;
    return acknowledge(sequence, "refused", error.message);
  };
  const auto lacking = releases_.offer(release);
  if (!lacking) return lacking.error().code == ErrorCode::kConflict ? base::success() : refuse(lacking.error());
  if (!lacking.value().prepared) {
    DVPE_TRY(const auto bundle, fetchBundle(*connection_, release, lacking.value().need));
    if (const auto prepared = releases_.prepare(bundle); !prepared) return refuse(prepared.error());
    refused_.erase(sequence);
  }
  DVPE_CHECK(acknowledge(sequence, "prepared", ""));
  if (moment == nullptr) return base::success();
  if (const auto done = releases_.effective(*moment); !done) return refuse(done.error());
  return acknowledge(sequence, "effective", "");
}

// A witness outside of the database: whoever cuts the log there and rewrites its end is found out by any node's file.
Result<void> DatabaseLink::keepHeads() {
  if (options_.heads.empty()) return base::success();
  DVPE_TRY(const auto rows,
           connection_->query("SELECT sequence, statement, key, signature FROM dvpe.audit_head_signature "
                              "WHERE sequence > $1 ORDER BY sequence DESC LIMIT 100",
                              {headKept_}));
  std::string lines;
  for (std::size_t i = rows.size(); i-- > 0;) {
    DVPE_TRY(const auto head, database::signedAt(rows, i, 1));
    const auto by = releases_.ring()->signer(*head, release::Domain::kAuditHead, {release::Role::kCoordinator},
                                             base::SystemClock().wallSeconds());
    if (!by) {
      spdlog::error("a signed head of the audit log is not believed line={} reason=\"{}\"", rows.integer(i, 0),
                    by.error().message);
      continue;
    }
    lines += release::toLine(*head) + "\n";
  }
  if (rows.empty()) return base::success();
  headKept_ = rows.integer(0, 0);
  std::error_code ignored;
  if (std::filesystem::file_size(options_.heads, ignored) > kMostHeadBytes && !ignored) {
    std::ifstream in(options_.heads, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(kMostHeadBytes / 2));
    std::string rest;
    std::getline(in, rest);  // the rest of a line
    rest.assign(std::istreambuf_iterator<char>(in), {});
    in.close();
    std::ofstream(options_.heads, std::ios::binary | std::ios::trunc) << rest;
  }
  std::ofstream out(options_.heads, std::ios::binary | std::ios::app);
  out << lines << std::flush;
  if (!out) spdlog::warn("signed heads of the audit log cannot be kept file={}", options_.heads.string());
  return base::success();
}

Result<void> DatabaseLink::acknowledge(std::int64_t sequence, const char* state, const std::string& reason) {
  std::string& said = acknowledged_[sequence];
  if (said == state + reason) return base::success();
  DVPE_CHECK(connection_->query("SELECT registry.acknowledge($1, $2, $3)", {sequence, state, reason}));
  said = state + reason;
  if (acknowledged_.size() > 16) acknowledged_.erase(acknowledged_.begin());
  return base::success();
}

}  // namespace dvpe::control
