// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/spool.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "node/events/impl/store.h"
#include "shared/base/log.h"

namespace dvpe::events {

namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::size_t kMostAppend = kMaxBlock / 2;
// From so many bytes on the next append begins a block of its own: what damage may cost, and what one reads at once.
constexpr std::size_t kBlock = 256U << 10U;

const Disk kDisk;

// How much of the disk is used, and of how many events that may be sampled one stays; 0: none.
struct Thinning {
  std::uint64_t percent;
  std::uint32_t oneOf;
};
constexpr Thinning kThinning[] = {{97, 0}, {90, 16}, {80, 4}, {70, 2}, {0, 1}};

std::uint32_t oneOf(std::uint64_t used, std::uint64_t most) {
  for (const Thinning& t : kThinning) {
    if (used > most / 100 * t.percent) return t.oneOf;
  }
  return 1;
}

// The same on every node and at every attempt; and who stays as one of 16 has stayed as one of 4.
bool stays(const Id& id, std::uint32_t oneOf) {
  std::uint64_t halves[2];
  static_assert(sizeof halves == sizeof id);
  std::memcpy(halves, id.data(), sizeof halves);
  const std::uint64_t mixed = (halves[0] ^ (halves[1] * 0x9E3779B97F4A7C15U)) * 0xD6E8FEB86659FD93U;
  return (mixed >> 32U) % oneOf == 0;
}

}  // namespace

struct Spool::Impl {
  Impl(SpoolOptions o, std::unique_ptr<Store> s) : options(std::move(o)), store(std::move(s)) {
    thread = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "spool");
      run();
    });
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    work.notify_one();
    thread.join();
  }

  Result<void> take(std::span<const Event> events, Done& done);
  std::optional<std::size_t> encode(std::span<const Event> events, std::uint32_t oneOf);
  void run();
  void commit(Draft& taken, std::vector<Done>& answers);

  bool idle() const { return draft.bytes.empty() && dones.empty(); }
  bool rests() const { return idle() && !turning; }
  std::size_t drafted() const { return draft.bytes.size() + dones.size() * sizeof(Done); }
  bool urgent() const { return drafted() > options.mostWaiting / 4; }

  const SpoolOptions options;
  const std::unique_ptr<Store> store;

  std::mutex mutex;  // what follows; before the store's own
  std::condition_variable work, durable;
  Draft draft;
  std::vector<Done> dones;
  std::size_t committing = 0;  // bytes that were drafted
  SpoolCounters counters;
  bool stopping = false, turning = false;

  std::thread thread;
};

// Writes those that stay behind what is drafted, all into one block, and says how many. Nothing: it cannot hold them.
std::optional<std::size_t> Spool::Impl::encode(std::span<const Event> events, std::uint32_t oneOf) {
  const std::size_t begin = draft.bytes.size();
  std::size_t count = 0;
  for (const Event& event : events) {
    const bool sampled = oneOf != 1 && mayBeSampled(event.kind);
    if (sampled && (oneOf == 0 || !stays(event.id, oneOf))) continue;
    if (count == 0 && (draft.blocks.empty() || begin - draft.blocks.back().at >= kBlock)) {
      draft.blocks.push_back({begin, 0});
      draft.bytes.resize(begin + sizeof(BlockHeader));
    }
    write(event, draft.bytes, sampled ? static_cast<float>(oneOf) : 1.0F);
    ++draft.blocks.back().count;
    ++count;
    if (draft.bytes.size() - begin > kMostAppend) return std::nullopt;
  }
  return count;
}

Result<void> Spool::Impl::take(std::span<const Event> events, Done& done) {
  const std::size_t waiting = drafted() + committing;
  if (waiting >= options.mostWaiting) return fail(ErrorCode::kUnavailable, "the disk does not keep up with events");

  const std::size_t begin = draft.bytes.size();
  const std::size_t blocks = draft.blocks.size();
  const std::uint32_t count = blocks == 0 ? 0 : draft.blocks.back().count;
  const auto undo = [&] {
    draft.bytes.resize(begin);
    draft.blocks.resize(blocks);
    if (blocks > 0) draft.blocks.back().count = count;
  };
  const std::uint64_t used = store->bytes() + draft.bytes.size() + committing;
  const auto kept = encode(events, oneOf(used, options.mostBytes));
  const std::uint64_t added = draft.bytes.size() - begin;
  if (!kept) {
    undo();
    return fail(ErrorCode::kLimitExceeded, "these are too many events for one append");
  }
  if (used + added > options.mostBytes) {
    undo();
    const bool sampled = std::all_of(events.begin(), events.end(), [](const Event& e) { return mayBeSampled(e.kind); });
    if (!sampled) return fail(ErrorCode::kUnavailable, "the spool of events is full");
    counters.sampledOut += events.size();
  } else if (waiting + added > options.mostWaiting) {
    undo();
    return fail(ErrorCode::kUnavailable, "the disk does not keep up with events");
  } else {
    counters.sampledOut += events.size() - *kept;
  }
  if (done) dones.push_back(std::move(done));
  return base::success();
}

void Spool::Impl::run() {
  Draft taken;
  std::vector<Done> answers;
  bool failed = false;
  std::unique_lock lock(mutex);
  for (;;) {
    work.wait(lock, [&] { return stopping || !rests(); });
    if (rests()) return;
    std::swap(taken, draft);
    std::swap(answers, dones);
    committing = taken.bytes.size() + answers.size() * sizeof(Done);
    const bool turn = std::exchange(turning, false);
    lock.unlock();
    commit(taken, answers);
    const auto turned = turn ? store->turn() : base::success();
    if (!turned && !failed) spdlog::error("the spool cannot begin a new file why={}", turned.error().message);
    failed = !turned;
    lock.lock();
    turning = turning || (!turned && !stopping);  // tried again
    work.wait_for(lock, options.commitEvery, [&] { return stopping || urgent(); });
  }
}

// Without the lock. Leaves both empty.
void Spool::Impl::commit(Draft& taken, std::vector<Done>& answers) {
  const bool any = !taken.blocks.empty();
  const Result<void> done = any ? store->commit(taken) : base::success();
  {
    const std::lock_guard lock(mutex);
    committing = 0;
    counters.commits += any ? 1 : 0;
    counters.failures += done ? 0 : 1;
    (done ? counters.accepted : counters.lost) += taken.events();
  }
  durable.notify_all();
  if (!done) spdlog::error("events could not be kept count={} why={}", taken.events(), done.error().message);
  for (const Done& answer : answers) {
    try {
      answer(done);
    } catch (const std::exception& error) {
      spdlog::error("an answer of the spool failed why={}", error.what());
    }
  }
  taken.clear();
  answers.clear();
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Spool::~Spool() = default;

Result<std::unique_ptr<Spool>> Spool::open(SpoolOptions options, base::Random& random) {
  return open(std::move(options), random, kDisk);
}

// The newest segment is never deleted, and grows beyond its size by one commit: with both bounded, a spool of which
// everything was shipped is never full.
Result<std::unique_ptr<Spool>> Spool::open(SpoolOptions options, base::Random& random, const Disk& disk) {
  options.segmentBytes = std::min(options.segmentBytes, options.mostBytes / 8);
  options.mostWaiting = std::min(options.mostWaiting, options.mostBytes / 8);
  DVPE_TRY(auto store, Store::open(options.folder, options.segmentBytes, random, disk));
  return std::unique_ptr<Spool>(new Spool(std::make_unique<Impl>(std::move(options), std::move(store))));
}

const Id& Spool::id() const { return impl_->store->id(); }

Result<void> Spool::append(std::span<const Event> events, Done done) {
  bool wake = false;
  {
    const std::lock_guard lock(impl_->mutex);
    const bool idle = impl_->idle(), urgent = impl_->urgent();
    auto taken = impl_->take(events, done);
    if (!taken) {
      impl_->counters.refused += events.size();
      return taken;
    }
    wake = (idle && !impl_->idle()) || (!urgent && impl_->urgent());
  }
  if (wake) impl_->work.notify_one();
  return base::success();
}

Result<Spool::Batch> Spool::read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes) {
  return impl_->store->read(from, mostEvents, mostBytes);
}

bool Spool::wait(std::uint64_t from, std::chrono::milliseconds most) {
  std::unique_lock lock(impl_->mutex);
  return impl_->durable.wait_for(lock, most, [&] { return impl_->store->next() > from; });
}

void Spool::shipped(std::uint64_t upTo) { impl_->store->drop(upTo); }

void Spool::turn() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->turning = true;
  }
  impl_->work.notify_one();
}

SpoolCounters Spool::counters() const {
  const std::lock_guard lock(impl_->mutex);
  SpoolCounters counters = impl_->counters;
  counters.bytes = impl_->store->bytes();
  counters.waiting = impl_->drafted() + impl_->committing;
  counters.oldest = impl_->store->oldest();
  counters.next = impl_->store->next();
  counters.damaged = impl_->store->damaged();
  return counters;
}

}  // namespace dvpe::events
