// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/job_worker.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "node/condition/condition.h"
#include "node/main/condition_program.h"
#include "node/package/creative.h"
#include "shared/base/log.h"
#include "shared/database/blobs.h"
#include "shared/database/check.h"
#include "shared/database/signed.h"
#include "shared/model/json.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr auto kHint = std::chrono::milliseconds(200);  // of waiting for one, before stop() is looked at
constexpr auto kLook = std::chrono::seconds(2);         // without a hint
constexpr auto kRetry = std::chrono::seconds(2);        // of the connection
constexpr auto kSay = std::chrono::seconds(10);         // a lease is of 60 s
constexpr auto kSayProgress = std::chrono::seconds(1);
constexpr int kConditioned = 90;  // percent of a job that conditioning is; the rest is sending
constexpr int kTries = 3;         // of storing, when another revision was faster

// A folder that goes when it is left.
class Folder {
 public:
  static Result<Folder> make(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (!fs::create_directories(path / "documents", error) || !fs::create_directories(path / "out", error))
      return fail(ErrorCode::kIo, path.string() + ": " + error.message());
    return Folder(path);
  }
  explicit Folder(fs::path path) : path_(std::move(path)) {}
  Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Folder& operator=(Folder&&) = delete;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }

 private:
  fs::path path_;
};

// One worker in a folder; held until the process ends, or this goes.
class Lock {
 public:
  static Result<Lock> take(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    const fs::path path = folder / "lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(ErrorCode::kIo, path.string() + ": " + std::strerror(errno));
    Lock out(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
      return fail(ErrorCode::kConflict, "another conditioner works in " + folder.string());
    return out;
  }
  explicit Lock(int fd) : fd_(fd) {}
  Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  int fd_;
};

std::string mediaType(const std::string& name) {
  if (name.ends_with(".json")) return "application/json";
  return name == "audio.mp4" ? "audio/mp4" : "video/mp4";
}

// What whoever asked is told.
std::string resultOf(const condition::ConditionReport& report) {
  boost::json::array notes;
  for (const std::string& note : report.notes) notes.emplace_back(note);
  boost::json::object out{{"digest", report.digest},     {"units", report.units}, {"trimmedMs", report.trimmedMs},
                          {"paddedMs", report.paddedMs}, {"gain", report.gain},   {"hasAudio", report.hasAudio},
                          {"notes", std::move(notes)}};
  out["loudness"] = report.loudness ? boost::json::value(*report.loudness) : boost::json::value();
  return boost::json::serialize(out);
}

// Our folders are nobody's business.
std::string withoutPaths(std::string text, const fs::path& folder) {
  for (const auto& [path, word] :
       {std::pair{(folder / "source").string(), "the file"}, {folder.string(), "the folder"}}) {
    for (std::size_t at = text.find(path); at != std::string::npos; at = text.find(path))
      text.replace(at, path.size(), word);
  }
  return text;
}

}  // namespace

void JobWorker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

// False: it is time to stop.
bool JobWorker::pause(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, most, [this] { return stopping_.load(); });
}

Result<void> JobWorker::run() {
  DVPE_TRY(const Lock lock, Lock::take(options_.folder));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.folder, error)) {
    if (entry.path().filename() != "lock") fs::remove_all(entry.path(), error);  // of one that was killed
  }
  auto nextLook = steady_clock::now();
  while (!stopping_) {
    Result<void> done = base::success();
    if (!connection_) done = connect();
    if (done && steady_clock::now() >= nextLook) {
      const auto job = lease();
      if (!job) {
        done = job.as_failure();
      } else if (job.value()) {
        lastError_.clear();
        work(*job.value());
        if (!connection_->usable()) connection_.reset();
        continue;
      } else {
        nextLook = steady_clock::now() + kLook;
      }
    }
    if (done) {
      const auto hint = connection_->waitForNotice(kHint);
      if (!hint) {
        done = hint.as_failure();
      } else if (hint.value()) {
        nextLook = steady_clock::now();
      }
    }
    if (done) {
      lastError_.clear();
      continue;
    }
    if (done.error().message != lastError_) {
      lastError_ = done.error().message;
      spdlog::warn("the database cannot be used; nothing is conditioned until it can reason=\"{}\"", lastError_);
    }
    connection_.reset();
    (void)pause(kRetry);
  }
  return base::success();
}

Result<void> JobWorker::connect() {
  DVPE_TRY(auto opened, database::openStrict(options_.connect));
  DVPE_CHECK(opened.query("LISTEN dvpe_job"));
  connection_ = std::move(opened);
  spdlog::info("ready to condition host={} database={}", options_.connect.host, options_.connect.database);
  return base::success();
}

Result<std::optional<JobWorker::Job>> JobWorker::lease() {
  DVPE_TRY(const auto rows, connection_->query("SELECT job::text, organisation, encode(source, 'hex'), media, profile, "
                                               "attempt FROM registry.lease_job()"));
  if (rows.empty()) return std::optional<Job>{};
  return std::optional(Job{std::string(rows.text(0, 0)), std::string(rows.text(0, 1)), std::string(rows.text(0, 2)),
                           std::string(rows.text(0, 3)), std::string(rows.text(0, 4)), rows.integer(0, 5)});
}

// Keeps the lease while something takes long.
Result<void> JobWorker::keepOn(const Job& job, int percent) {
  if (stopping_) return fail(ErrorCode::kUnavailable, "the conditioner was stopped");
  const auto now = steady_clock::now();
  if (now - said_ < (percent == percent_ ? std::chrono::seconds(kSay) : std::chrono::seconds(kSayProgress)))
    return base::success();
  said_ = now;
  percent_ = percent;
  DVPE_TRY(const auto rows, connection_->query("SELECT registry.job_progress($1::uuid, $2::bigint::int)",
                                               {job.id, std::int64_t{percent}}));
  if (rows.flag(0, 0)) return base::success();
  lost_ = true;
  return fail(ErrorCode::kConflict, "it was cancelled, or another has taken it over");
}

void JobWorker::work(const Job& job) {
  spdlog::info("conditioning job={} media={} profile={} attempt={}", job.id, job.media, job.profile, job.attempt);
  said_ = steady_clock::now();
  percent_ = 0;
  lost_ = false;
  const fs::path folder = options_.folder / job.id;
  Result<void> done = base::success();
  {
    const auto held = Folder::make(folder);
    done = held ? make(job, folder) : Result<void>(held.as_failure());
  }
  if (done) return;
  const std::string reason = withoutPaths(done.error().message, folder);
  spdlog::warn("a job was not done job={} media={} reason=\"{}\"", job.id, job.media, reason);
  if (lost_ || !connection_->usable()) return;
  const bool retry = done.error().code == ErrorCode::kUnavailable || done.error().code == ErrorCode::kIo;
  if (const auto said = connection_->query("SELECT registry.fail_job($1::uuid, $2, $3)", {job.id, reason, retry});
      !said)
    spdlog::warn("a job's end cannot be told job={} reason=\"{}\"", job.id, said.error().message);
}

Result<void> JobWorker::make(const Job& job, const fs::path& folder) {
  DVPE_CHECK(checkName(job));
  DVPE_TRY(const auto profile, fetchProfile(job, folder));
  const fs::path source = folder / "source";
  DVPE_CHECK(
      database::fetchBlob(*connection_, job.source, source, {database::kMaxBlobBytes, [&] { return keepOn(job, 0); }}));
  DVPE_TRY(const auto made, conditionApart({source, folder / "documents", folder / "out", job.media, job.profile},
                                           [&](int percent) { return keepOn(job, percent * kConditioned / 100); }));
  DVPE_TRY(const auto report, condition::readReport(made.string()));
  DVPE_TRY(auto media, putFiles(job, profile, made));
  DVPE_CHECK(finish(job, std::move(media), resultOf(report)));
  spdlog::info("conditioned job={} media={} digest={} units={}", job.id, job.media, report.digest.substr(0, 16),
               report.units);
  return base::success();
}

// A media document belongs to whose job made it: nobody's upload takes the place of another organisation's media.
Result<void> JobWorker::checkName(const Job& job) {
  DVPE_TRY(
      const auto rows,
      connection_->query(
          "SELECT EXISTS (SELECT FROM dvpe.job j WHERE j.media = $1 AND j.state = 'done' AND j.organisation <> $2) "
          "OR ($2 <> session.organisation() "
          "AND EXISTS (SELECT FROM dvpe.revision r WHERE r.kind = 'media' AND r.document = $1) "
          "AND NOT EXISTS (SELECT FROM dvpe.job j WHERE j.media = $1 AND j.state = 'done' AND j.organisation = $2))",
          {job.media, job.organisation}));
  if (rows.flag(0, 0)) return fail(ErrorCode::kRefused, "media cannot be called that here: choose another id");
  return base::success();
}

Result<model::Profile> JobWorker::fetchProfile(const Job& job, const fs::path& folder) {
  DVPE_TRY(const auto rows,
           connection_->query("SELECT r.contents FROM dvpe.revision r WHERE r.kind = 'profile' AND r.document = $1 "
                              "AND NOT r.withdrawn ORDER BY r.organisation = session.organisation() DESC, "
                              "r.revision DESC LIMIT 1",
                              {job.profile}));
  if (rows.empty()) return fail(ErrorCode::kNotFound, "there is no profile " + job.profile);
  const base::Bytes bytes = rows.bytes(0, 0);
  const std::string text(bytes.begin(), bytes.end());
  auto read = model::readDocuments({{"profile/" + job.profile, text}});
  const auto found = read.documents.profiles.find(job.profile);
  if (!read.ok() || found == read.documents.profiles.end())
    return fail(ErrorCode::kInvalidInput, model::describe(read.errors));
  const fs::path path = folder / "documents" / "profile.json";
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(ErrorCode::kIo, path.string() + " cannot be written");
  return found->second;
}

// What the program left is looked at as nodes will look at it, then stored.
Result<model::Media> JobWorker::putFiles(const Job& job, const model::Profile& profile, const fs::path& folder) {
  DVPE_TRY(const auto creative, package::Creative::load(folder, profile));
  model::Media media{job.media, 1, creative->digest(), job.profile, creative->units(), {}, {}};
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!fs::is_regular_file(entry.symlink_status(error)))
      return fail(ErrorCode::kInvalidInput, "conditioning left something that is no file");
    files.push_back(entry.path());
  }
  if (error) return fail(ErrorCode::kIo, folder.string() + ": " + error.message());
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const int percent = kConditioned + static_cast<int>(i * (100 - kConditioned) / files.size());
    const std::string name = files[i].filename().string();
    DVPE_TRY(const std::string digest,
             database::putBlob(*connection_, files[i], mediaType(name),
                               {database::kMaxBlobBytes, [&] { return keepOn(job, percent); }}));
    const std::uintmax_t bytes = fs::file_size(files[i], error);
    if (error) return fail(ErrorCode::kIo, name + ": " + error.message());
    media.files[name] = {digest, static_cast<std::int64_t>(bytes)};
  }
  return media;
}

// The document and the end of the job at once.
Result<void> JobWorker::finish(const Job& job, model::Media media, const std::string& result) {
  Result<void> done = base::success();
  for (int i = 0; i < kTries; ++i) {
    DVPE_CHECK(checkName(job));
    DVPE_TRY(
        const auto rows,
        connection_->query("SELECT session.organisation(), coalesce(max(r.revision), 0) FROM dvpe.revision r "
                           "WHERE r.kind = 'media' AND r.document = $1 AND r.organisation = session.organisation()",
                           {media.id}));
    media.revision = static_cast<int>(rows.integer(0, 1)) + 1;
    release::Signed document{model::toJson(media, rows.text(0, 0)), {}};
    release::addSignature(document, release::Domain::kDocument, *options_.key);
    done = connection_->transaction([&](database::Connection& c) -> Result<void> {
      DVPE_CHECK(c.query("SELECT registry.store('media', $1, $2::bigint::int, $3, $4, $5, NULL)",
                         {media.id, std::int64_t{media.revision}, database::bytesOf(document.bytes),
                          document.by.at(0).key, database::signatureOf(document)}));
      DVPE_CHECK(c.query("SELECT registry.finish_job($1::uuid, $2::jsonb)", {job.id, result}));
      return base::success();
    });
    if (done || done.error().code != ErrorCode::kConflict) break;
  }
  return done;
}

}  // namespace dvpe::node
