// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A node's line to the database: releases that nobody has brought it, holds, its presence, what it acknowledges, and
// grants that it uses up. When the database is gone the node serves on, and the line is tried again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>

#include "node/control/releases.h"
#include "shared/database/connection.h"

namespace dvpe::control {

struct DatabaseLinkOptions {
  database::ConnectOptions connect;  // as this node's own login
  std::string version;               // of the program
  std::filesystem::path heads;       // a file for the signed heads of the audit log; empty: they are not kept
};

// start() begins its thread; everything that waits for the database waits there. Other calls: any thread.
class DatabaseLink {
 public:
  // releases outlives it.
  DatabaseLink(DatabaseLinkOptions options, Releases& releases);
  ~DatabaseLink();

  void start();
  void stop();

  // Where this node listens for the coordinator, told to the database from now on.
  void listensAt(std::string endpoint, std::string curveKey);

  // Uses up a person's grant for a change; false: there is none. kUnavailable: the database cannot be asked in time.
  base::Result<bool> useGrant(const std::string& grant, const std::string& person, const std::string& change);

  bool connected() const { return connected_; }

 private:
  using Task = std::function<void(database::Connection*)>;  // nullptr: there is no connection
  void run();
  base::Result<void> connect();
  base::Result<void> look();
  bool meant(const release::Signed& release) const;
  base::Result<void> take(std::int64_t sequence, const release::Signed& release, const release::Signed* moment);
  base::Result<void> acknowledge(std::int64_t sequence, const char* state, const std::string& reason);
  base::Result<void> present();
  base::Result<void> keepHeads();
  base::Result<void> lookForHolds();
  void runTasks();

  const DatabaseLinkOptions options_;
  Releases& releases_;
  std::optional<database::Connection> connection_;
  std::map<std::int64_t, std::chrono::steady_clock::time_point> refused_;  // sequence -> not to be tried before
  std::map<std::pair<std::string, std::string>, int> holdsSeen_;           // organisation, id -> revision
  bool holdsRefused_ = false;                         // some of them; another release may change that
  release::Order holdsFor_;                           // what was in force when they were looked at
  std::int64_t headKept_ = 0;                         // a line of the audit log
  std::map<std::int64_t, std::string> acknowledged_;  // the newest few
  std::string lastError_;                             // is logged once
  std::atomic<bool> connected_{false}, stopping_{false};
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  std::string endpoint_, curveKey_;
  bool tell_ = true;
  std::thread thread_;
};

}  // namespace dvpe::control
