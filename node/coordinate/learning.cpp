// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/learning.h"

#include <pthread.h>

#include <charconv>

#include "shared/base/log.h"
#include "shared/database/check.h"

namespace dvpe::coordinate {

using base::Result;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kArms = 1'024;      // 50 KB each, in memory and in the database
constexpr std::size_t kAtOnce = 5'000;    // choices
constexpr std::chrono::seconds kLook{1};  // for choices that are due
// What was learnt since is learnt again by who leads next: choices are kept for longer.
constexpr std::chrono::minutes kStoreEvery{5};

learning::TrainerOptions options() {
  learning::TrainerOptions out;
  out.arms = kArms;
  return out;
}

}  // namespace

Result<Lessons> Lessons::load(database::Connection& connection) {
  Lessons out;
  out.trainer_ = learning::Trainer{options()};
  DVPE_TRY(const auto rows, connection.query("SELECT state, due, id, number FROM events.learning()"));
  if (rows.empty()) return out;
  out.number_ = static_cast<std::uint64_t>(rows.integer(0, 3));
  if (auto restored = learning::Trainer::restore(rows.bytes(0, 0), options())) {
    out.trainer_ = std::move(restored).value();
    out.due_ = rows.text(0, 1);
    out.id_ = rows.integer(0, 2);
  } else {
    spdlog::error("what was learnt cannot be read; it is learnt anew reason=\"{}\"", restored.error().message);
  }
  return out;
}

Result<std::size_t> Lessons::learn(database::Connection& connection, std::size_t most) {
  DVPE_TRY(const auto rows,
           connection.query("SELECT next_due, next_id, at, arm, facts, reward FROM events.examples($1, $2, $3::int)",
                            {due_, id_, static_cast<std::int64_t>(most)}));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.null(i, 4) || rows.null(i, 5)) continue;  // nobody has told that it was shown
    const auto facts = learning::unpack(rows.bytes(i, 4));
    const std::string_view text = rows.text(i, 5);
    double reward = 0;
    if (!facts || std::from_chars(text.data(), text.data() + text.size(), reward).ec != std::errc{}) continue;
    const base::WallTime at{std::chrono::microseconds{rows.integer(i, 2)}};
    fresh_ = trainer_.learn(rows.text(i, 3), facts.value(), reward, at) || fresh_;
  }
  if (!rows.empty()) {
    due_ = rows.text(rows.size() - 1, 0);
    id_ = rows.integer(rows.size() - 1, 1);
  }
  return rows.size();
}

learning::Model Lessons::next(std::string release, base::WallTime now) {
  const auto made = std::chrono::floor<std::chrono::seconds>(now);
  // By the clock, so that whoever leads next does not give a number again.
  number_ =
      std::max(number_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(made.time_since_epoch().count(), 1)));
  learning::Model out = trainer_.model(number_, std::move(release), made, made + kNotice);
  std::set<std::string, std::less<>> alive;
  for (const learning::Arm& arm : out.arms) {
    if (arm.count > 0) alive.insert(arm.name);
  }
  trainer_.keep(alive);
  return out;
}

Result<void> Lessons::store(database::Connection& connection, std::int64_t epoch) {
  DVPE_CHECK(connection.query("SELECT events.store_learning($1, $2, $3, $4, $5)",
                              {trainer_.state(), due_, id_, static_cast<std::int64_t>(number_), epoch}));
  fresh_ = false;
  return base::success();
}

Learning::Learning(database::ConnectOptions connect, std::shared_ptr<const release::PrivateKey> key,
                   const base::Clock& clock, std::chrono::milliseconds every)
    : connect_(std::move(connect)), key_(std::move(key)), clock_(clock), every_(every) {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "learning");
    run();
  });
}

Learning::~Learning() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Learning::lead(std::optional<std::int64_t> epoch, const std::string& release) {
  const std::lock_guard lock(mutex_);
  epoch_ = epoch;
  release_ = release;
  if (!epoch) made_.reset();
}

std::shared_ptr<const release::Signed> Learning::next() {
  const std::lock_guard lock(mutex_);
  return std::exchange(made_, nullptr);
}

void Learning::run() {
  std::optional<std::int64_t> led;
  std::string last;  // error
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto epoch = epoch_;
    const std::string release = release_;
    lock.unlock();
    if (epoch != led) lessons_.reset();
    led = epoch;
    if (!epoch) connection_.reset();
    const auto done = epoch ? step(*epoch, release) : Result<void>(base::success());
    if (done) {
      last.clear();
    } else {
      if (done.error().message != last) spdlog::error("nothing is learnt reason=\"{}\"", last = done.error().message);
      lessons_.reset();
      connection_.reset();
    }
    lock.lock();
    wake_.wait_for(lock, std::min<std::chrono::milliseconds>(kLook, every_), [this] { return stopping_; });
  }
}

Result<void> Learning::step(std::int64_t epoch, const std::string& release) {
  if (!connection_) {
    DVPE_TRY(auto connection, database::openStrict(connect_));
    connection_.emplace(std::move(connection));
  }
  if (!lessons_) {
    DVPE_TRY(auto lessons, Lessons::load(*connection_));
    lessons_.emplace(std::move(lessons));
    nextStore_ = steady_clock::now() + kStoreEvery;
    nextModel_ = {};
  }
  const auto late = steady_clock::now() + every_;  // a model is made though there is more to learn from
  std::size_t some = 0;
  do {
    DVPE_TRY(some, lessons_->learn(*connection_, kAtOnce));
  } while (some == kAtOnce && steady_clock::now() < late);
  const auto now = steady_clock::now();
  if (now >= nextModel_) {
    nextModel_ = now + every_;
    release::Signed made{toJson(lessons_->next(release, clock_.wall())), {}};
    addSignature(made, release::Domain::kModel, *key_);
    const std::lock_guard lock(mutex_);
    if (epoch_ == epoch) made_ = std::make_shared<const release::Signed>(std::move(made));
  }
  if (lessons_->fresh() && now >= nextStore_) {
    nextStore_ = now + kStoreEvery;
    DVPE_CHECK(lessons_->store(*connection_, epoch));
  }
  return base::success();
}

}  // namespace dvpe::coordinate
