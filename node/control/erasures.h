// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Viewers who want to be forgotten (docs/decisions/0014): takes their requests, brings them to the database, and does
// what the database says that others have taken.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/clock.h"
#include "shared/database/connection.h"
#include "shared/privacy/erasure.h"

namespace dvpe::control {

// What a viewer asked, as it is kept and forwarded.
struct Erasure {
  std::string request;  // a UUID
  privacy::ViewerDigest digest{};
  std::vector<std::uint64_t> visitors;  // by which events are found
};

// Requests on this node's disk: those that the database has not got yet, and up to which one we have done what it
// tells. Files of mode 0600, whole or not at all, flushed. Thread-safe.
class ErasureStore {
 public:
  static constexpr std::size_t kMost = 1000;  // that wait for the database

  // kIo; kInvalidInput: a file is not as we write it.
  static base::Result<std::unique_ptr<ErasureStore>> open(const std::filesystem::path& folder);

  // On disk when it returns. A viewer who waits already keeps the request that there is: which one stands.
  // kUnavailable: too many wait.
  base::Result<std::string> add(Erasure erasure);
  std::vector<Erasure> waiting() const;
  // The database has it: it is deleted here.
  base::Result<void> forwarded(const std::string& request);

  std::int64_t doneUpTo() const;
  base::Result<void> done(std::int64_t upTo);

 private:
  explicit ErasureStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  base::Result<void> load();

  const std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::map<std::string, Erasure> waiting_;
  std::int64_t doneUpTo_ = 0;
};

struct ErasureCounters {
  std::atomic<std::uint64_t> asked{0};   // of this node by its viewers
  std::atomic<std::uint64_t> done{0};    // that the database told of
  std::atomic<std::uint64_t> errors{0};  // tries that failed; they are tried again
};

// start() begins its thread ("erasures"), which has a connection of its own. ask(): any thread.
class Erasures {
 public:
  // Forgets these viewers on this node, now; what is told twice is done twice. From catchUp() and from the thread.
  using Forget = std::function<base::Result<void>(const std::vector<privacy::ViewerDigest>&)>;

  // connect: as this node's own login; nothing: there is no database, and nobody else to tell. random outlives it.
  Erasures(std::unique_ptr<ErasureStore> store, std::optional<database::ConnectOptions> connect, base::Random& random);
  ~Erasures();

  // Before the node serves anybody: forgets whom it was asked to before it stopped, and then, if the database can be
  // reached, whom others were asked to meanwhile. False: it cannot be reached, or not in this time; that is done as
  // soon as it can. Errors are of what must be forgotten and could not be.
  base::Result<bool> catchUp(const Forget& forget, std::chrono::seconds most);
  void start(Forget forget);
  void stop();

  // Keeps the request, wakes the thread, and gives its id. It is for who calls to forget the viewer here at
  // once; when the database tells of the request, it is done once more. kUnavailable:
  // too many are waiting, or came in the last second; kIo.
  base::Result<std::string> ask(const privacy::ViewerDigest& digest, std::vector<std::uint64_t> visitors);

  const ErasureCounters& counters() const { return counters_; }
  std::size_t waiting() const { return store_->waiting().size(); }

 private:
  void run();
  base::Result<void> connect();
  base::Result<void> forward();
  base::Result<bool> take(const Forget& forget);  // whether there may be more

  const std::unique_ptr<ErasureStore> store_;
  const std::optional<database::ConnectOptions> options_;
  base::Random& random_;
  std::optional<database::Connection> connection_;
  Forget forget_;
  std::int64_t acknowledged_ = -1;
  std::string lastError_;  // is logged once
  ErasureCounters counters_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  bool asked_ = false;
  std::deque<std::chrono::steady_clock::time_point> recent_;  // requests of the last second
  std::thread thread_;
};

}  // namespace dvpe::control
