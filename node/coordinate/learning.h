// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Learns from what nodes told of their choices, and makes the next model (shared/learning, docs/reference/learning.md).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "shared/base/clock.h"
#include "shared/database/connection.h"
#include "shared/learning/trainer.h"
#include "shared/release/signing.h"

namespace dvpe::coordinate {

// What is known, and the choice up to which it was learnt from. One thread at a time.
class Lessons {
 public:
  // What another coordinator has left; a state that cannot be read is begun anew, from what the database still has.
  static base::Result<Lessons> load(database::Connection& connection);

  // Learns from choices that are due, so many at most; how many it were.
  base::Result<std::size_t> learn(database::Connection& connection, std::size_t most);
  // The next model, in force kNotice later. Arms that nobody has chosen for days are forgotten.
  learning::Model next(std::string release, base::WallTime now);
  // kConflict: another coordinator leads.
  base::Result<void> store(database::Connection& connection, std::int64_t epoch);

  bool fresh() const { return fresh_; }  // something was learnt since the last store()
  static constexpr std::chrono::seconds kNotice{2};

 private:
  learning::Trainer trainer_;
  std::string due_ = "-infinity";  // as the database writes it
  std::int64_t id_ = 0;
  std::uint64_t number_ = 0;
  bool fresh_ = false;
};

inline constexpr std::chrono::seconds kModelEvery{60};

// A thread ("learning") with a connection of its own: solving for hundreds of arms is not for the thread that holds the
// lease. Works while somebody leads; errors of the database are logged and tried again.
class Learning {
 public:
  // every: between models.
  Learning(database::ConnectOptions connect, std::shared_ptr<const release::PrivateKey> key, const base::Clock& clock,
           std::chrono::milliseconds every = kModelEvery);
  ~Learning();
  Learning(const Learning&) = delete;
  Learning& operator=(const Learning&) = delete;

  // From another thread: by which epoch it leads, and what release is the newest; nothing: another coordinator leads,
  // whose lessons are read when this one leads again.
  void lead(std::optional<std::int64_t> epoch, const std::string& release);
  // From another thread: a model that was made since the last call, signed; null: none.
  std::shared_ptr<const release::Signed> next();

 private:
  void run();
  base::Result<void> step(std::int64_t epoch, const std::string& release);

  const database::ConnectOptions connect_;
  const std::shared_ptr<const release::PrivateKey> key_;
  const base::Clock& clock_;
  const std::chrono::milliseconds every_;
  std::optional<database::Connection> connection_;  // the thread's
  std::optional<Lessons> lessons_;
  std::chrono::steady_clock::time_point nextModel_{}, nextStore_{};
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::optional<std::int64_t> epoch_;
  std::string release_;
  std::shared_ptr<const release::Signed> made_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dvpe::coordinate
