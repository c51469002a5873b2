// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A conditioner: takes jobs from the database, has their files conditioned in a program of its own, stores what comes
// out and signs for it. Whatever ends it, nothing is left half done: the document and the job's end are one
// transaction, and a job whose worker went away is another's after a minute.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "shared/base/result.h"
#include "shared/database/connection.h"
#include "shared/model/documents.h"
#include "shared/release/signing.h"

namespace dvpe::node {

struct JobWorkerOptions {
  database::ConnectOptions connect;  // as a conditioner's login
  std::shared_ptr<const release::PrivateKey> key;
  std::filesystem::path folder;  // for files at work; the worker's alone, and emptied by it
};

// run() on one thread; stop() on any.
class JobWorker {
 public:
  explicit JobWorker(JobWorkerOptions options) : options_(std::move(options)) {}

  // Until stop(). kConflict: another works in this folder; kIo. A database that is gone is waited for.
  base::Result<void> run();
  void stop();

 private:
  struct Job {
    std::string id, organisation, source, media, profile;
    std::int64_t attempt = 0;
  };
  base::Result<void> connect();
  base::Result<std::optional<Job>> lease();
  void work(const Job& job);
  base::Result<void> make(const Job& job, const std::filesystem::path& folder);
  base::Result<model::Profile> fetchProfile(const Job& job, const std::filesystem::path& folder);
  base::Result<void> checkName(const Job& job);
  base::Result<model::Media> putFiles(const Job& job, const model::Profile& profile,
                                      const std::filesystem::path& folder);
  base::Result<void> finish(const Job& job, model::Media media, const std::string& result);
  base::Result<void> keepOn(const Job& job, int percent);
  bool pause(std::chrono::milliseconds most);

  const JobWorkerOptions options_;
  std::optional<database::Connection> connection_;
  std::string lastError_;  // is logged once
  std::chrono::steady_clock::time_point said_;
  int percent_ = 0;
  bool lost_ = false;  // the job is not ours any more
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace dvpe::node
