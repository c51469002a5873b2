// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/spool.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include "node/events/impl/disk.h"
#include "node/events/impl/segment.h"
#include "tests/support/folder.h"

namespace dvpe::events {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Result;
using std::chrono::milliseconds;

constexpr std::size_t kAll = 1'000'000'000;
constexpr milliseconds kLong{5000};

base::SystemRandom systemRandom;

Event event(std::int64_t number, Kind kind = Kind::kAdDecided) {
  Event e;
  e.kind = kind;
  e.id = sessionEventId(Id{7}, kind, static_cast<std::uint64_t>(number));
  e.value = number;
  e.place.channel = "one";
  return e;
}

std::vector<Event> events(std::int64_t from, std::int64_t to, Kind kind = Kind::kAdDecided) {
  std::vector<Event> out;
  for (; from < to; ++from) out.push_back(event(from, kind));
  return out;
}

std::size_t bytesOf(const std::vector<Event>& all) {
  base::Bytes bytes;
  for (const Event& e : all) write(e, bytes);
  return bytes.size();
}

std::vector<Event> parsed(base::ByteView bytes) {
  std::vector<Event> out;
  while (!bytes.empty()) {
    auto one = read(bytes);
    if (!one) throw std::runtime_error("what is not an event was read");
    bytes = bytes.subspan(one.value().second);
    out.push_back(std::move(one).value().first);
  }
  return out;
}

// A disk that says no, or waits, when a test wants it to.
class TestDisk final : public Disk {
 public:
  int write(int file, std::uint64_t at, base::ByteView bytes) const override {
    if (shortWrite == 0) return Disk::write(file, at, bytes);
    (void)Disk::write(file, at, bytes.first(std::min<std::size_t>(bytes.size(), shortWrite)));
    return ENOSPC;
  }
  int sync(int file) const override {
    ++syncs;
    synced = file;
    while (held) std::this_thread::yield();
    return syncError != 0 ? syncError.load() : Disk::sync(file);
  }
  int truncate(int file, std::uint64_t bytes) const override {
    return truncateError != 0 ? truncateError.load() : Disk::truncate(file, bytes);
  }

  std::atomic<std::size_t> shortWrite = 0;  // bytes that are written before it says no; 0: all, and it says yes
  std::atomic<int> syncError = 0, truncateError = 0;
  std::atomic<bool> held = false;
  mutable std::atomic<int> syncs = 0, synced = -1;
};

class TheSpool : public testing::Test {
 protected:
  void open() {
    spool_.reset();
    auto opened = Spool::open(options_, systemRandom, disk_);
    ASSERT_TRUE(opened) << opened.error().message;
    spool_ = std::move(opened).value();
  }
  // What became of it, when it is known.
  Result<void> append(const std::vector<Event>& all) {
    std::promise<Result<void>> done;
    DVPE_CHECK(spool_->append(all, [&](Result<void> result) { done.set_value(std::move(result)); }));
    auto future = done.get_future();
    if (future.wait_for(kLong) != std::future_status::ready) throw std::runtime_error("no answer");
    return future.get();
  }
  // The events' values by their numbers.
  std::map<std::uint64_t, std::int64_t> content(std::size_t mostEvents = kAll, std::size_t mostBytes = kAll) {
    std::map<std::uint64_t, std::int64_t> out;
    const std::uint64_t end = spool_->counters().next;
    for (std::uint64_t at = 0; at < end;) {
      auto batch = spool_->read(at, mostEvents, mostBytes);
      if (!batch) throw std::runtime_error(batch.error().message);
      std::uint64_t number = batch.value().from;
      for (const Event& e : parsed(batch.value().events)) out[number++] = e.value;
      EXPECT_EQ(number, batch.value().to);
      EXPECT_GT(batch.value().to, at);
      at = batch.value().to;
    }
    return out;
  }
  void expectWhole(std::int64_t count) {
    const auto all = content();
    ASSERT_EQ(all.size(), count);
    for (const auto& [number, value] : all) EXPECT_EQ(static_cast<std::int64_t>(number), value);
  }
  std::vector<fs::path> segments() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(options_.folder)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string bytesAt(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  static void damage(const fs::path& path, std::size_t at) {
    std::string bytes = bytesAt(path);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 0x40);
    put(path, bytes);
  }

  test::Folder folder_;
  TestDisk disk_;
  SpoolOptions options_{.folder = folder_ / "spool", .commitEvery = milliseconds{1}};
  std::unique_ptr<Spool> spool_;
};

TEST_F(TheSpool, KeepsEventsAndItsIdOverARestart) {
  open();
  EXPECT_EQ(spool_->counters().next, 0);
  ASSERT_TRUE(append(events(0, 3)));
  const Id id = spool_->id();
  EXPECT_NE(id, Id{});
  open();
  ASSERT_TRUE(append(events(3, 5)));
  EXPECT_EQ(spool_->id(), id);
  expectWhole(5);
  const auto batch = spool_->read(0, kAll, kAll);
  EXPECT_EQ(parsed(batch.value().events), events(0, 5));
  open();
  expectWhole(5);
  spool_.reset();
  fs::remove_all(options_.folder);
  open();
  EXPECT_NE(spool_->id(), id) << "it was lost";
}

TEST_F(TheSpool, WritesWhatIsWaitingBeforeItEnds) {
  options_.commitEvery = kLong;
  open();
  ASSERT_TRUE(append(events(0, 1)));
  bool told = false;
  ASSERT_TRUE(spool_->append(events(1, 2), [&](const Result<void>& result) { told = result.has_value(); }));
  spool_.reset();
  EXPECT_TRUE(told);
  open();
  expectWhole(2);
}

TEST_F(TheSpool, IsOpenOnce) {
  open();
  const auto second = Spool::open(options_, systemRandom);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
}

TEST_F(TheSpool, ReadsInBatchesOfAnySize) {
  options_.segmentBytes = 1000;
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(events(i * 7, i * 7 + 7)));
  EXPECT_GT(segments().size(), 3);
  for (const std::size_t most : {1, 2, 3, 7, 8, 20, 1000}) EXPECT_EQ(content(most).size(), 70) << most;
  for (const std::size_t most : {0, 1, 100, 500, 5000}) EXPECT_EQ(content(kAll, most).size(), 70) << most;
  const auto middle = spool_->read(33, 4, kAll);
  EXPECT_EQ(middle.value().from, 33);
  EXPECT_EQ(parsed(middle.value().events), events(33, 37));
  const auto end = spool_->read(70, 4, kAll);
  EXPECT_EQ(end.value().to, 70);
  EXPECT_TRUE(end.value().events.empty());
  EXPECT_EQ(spool_->read(71, 4, kAll).error().code, ErrorCode::kConflict);
}

TEST_F(TheSpool, WaitsForWhatIsOnDisk) {
  open();
  EXPECT_FALSE(spool_->wait(0, milliseconds{1}));
  std::thread later([&] { (void)spool_->append(events(0, 2), {}); });
  EXPECT_TRUE(spool_->wait(1, kLong));
  EXPECT_FALSE(spool_->wait(2, milliseconds{1}));
  later.join();
}

TEST_F(TheSpool, SaysYesAfterTheFlushAlone) {
  open();
  disk_.held = true;
  const int before = disk_.syncs;
  std::atomic<int> told = 0;
  ASSERT_TRUE(spool_->append(events(0, 1), [&](const Result<void>&) { ++told; }));
  while (disk_.syncs == before) std::this_thread::yield();
  // These wait for the next flush, and share it.
  for (int i = 1; i < 5; ++i) ASSERT_TRUE(spool_->append(events(i, i + 1), [&](const Result<void>&) { ++told; }));
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(spool_->wait(0, milliseconds{1})) << "nobody reads what is not on disk";
  EXPECT_TRUE(spool_->read(0, kAll, kAll).value().events.empty());
  EXPECT_GT(spool_->counters().waiting, 0);
  disk_.held = false;
  ASSERT_TRUE(spool_->wait(4, kLong));
  spool_.reset();
  EXPECT_EQ(told, 5);
  EXPECT_EQ(disk_.syncs, before + 2);
}

TEST_F(TheSpool, CutsOffATornEndAtEachOfItsBytes) {
  open();
  ASSERT_TRUE(append(events(0, 3)));
  const std::size_t whole = fs::file_size(segments().front());
  ASSERT_TRUE(append(events(3, 5)));
  spool_.reset();
  const fs::path path = segments().front();
  const std::string bytes = bytesAt(path);
  for (std::size_t n = whole; n < bytes.size(); ++n) {
    put(path, bytes.substr(0, n));
    open();
    ASSERT_EQ(spool_->counters().next, 3) << n;
    EXPECT_EQ(fs::file_size(path), whole) << n;
  }
  // The length has grown and the bytes have not come.
  put(path, bytes.substr(0, whole + 50) + std::string(bytes.size() - whole - 50, '\0'));
  open();
  EXPECT_EQ(spool_->counters().damaged, 0) << "nobody was told that they were there";
  ASSERT_TRUE(append(events(3, 9)));
  expectWhole(9);
}

TEST_F(TheSpool, PassesOverADamagedBlockAndKeepsTheNumbers) {
  open();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(append(events(i * 2, i * 2 + 2)));
  spool_.reset();
  const fs::path path = segments().front();
  const std::string bytes = bytesAt(path);
  const std::size_t block = (bytes.size() - sizeof(SegmentHeader)) / 4;
  for (std::size_t at = sizeof(SegmentHeader) + block; at < sizeof(SegmentHeader) + 2 * block; ++at) {
    put(path, bytes);
    damage(path, at);
    open();
    ASSERT_EQ(spool_->counters().next, 8) << at;
    EXPECT_EQ(spool_->counters().damaged, 2) << at;
    const auto before = spool_->read(0, kAll, kAll);
    EXPECT_EQ(before.value().to, 2) << at;
    const auto behind = spool_->read(2, kAll, kAll);
    EXPECT_EQ(behind.value().from, 4) << at;
    EXPECT_EQ(parsed(behind.value().events), events(4, 8)) << at;
    ASSERT_EQ(spool_->counters().damaged, 2) << "counted once";
  }
  ASSERT_TRUE(append(events(8, 9)));
  EXPECT_EQ(content().rbegin()->first, 8);
}

TEST_F(TheSpool, FindsDamageInOldSegmentsWhenItReadsThem) {
  options_.segmentBytes = 400;
  open();
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(append(events(i * 2, i * 2 + 2)));
  spool_.reset();
  const auto all = segments();
  ASSERT_GT(all.size(), 3);
  put(all[1], bytesAt(all[1]).substr(0, 60));  // nothing in it
  open();
  EXPECT_EQ(spool_->counters().damaged, 0);
  const auto left = content();
  EXPECT_EQ(left.size() + spool_->counters().damaged, 18);
  EXPECT_GT(spool_->counters().damaged, 0);
  for (const auto& [number, value] : left) EXPECT_EQ(static_cast<std::int64_t>(number), value);
  spool_.reset();
  fs::remove(all[1]);
  open();
  EXPECT_EQ(content(), left);
}

TEST_F(TheSpool, ReadsWhatStandsBehindADamagedHeader) {
  open();
  ASSERT_TRUE(append(events(0, 3)));
  spool_.reset();
  damage(segments().front(), 20);
  open();
  ASSERT_TRUE(append(events(3, 5)));
  EXPECT_EQ(segments().size(), 2);
  expectWhole(5);
  open();
  expectWhole(5);
}

TEST_F(TheSpool, RefusesSegmentsOfAnotherSpool) {
  open();
  ASSERT_TRUE(append(events(0, 3)));
  spool_.reset();
  const std::string bytes = bytesAt(segments().front());
  fs::remove_all(options_.folder);
  open();
  spool_.reset();
  put(options_.folder / "0000000001.events", bytes);
  const auto opened = Spool::open(options_, systemRandom);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kConflict);
}

TEST_F(TheSpool, CutsOffWhatAWriteThatFailsHasLeft) {
  open();
  ASSERT_TRUE(append(events(0, 2)));
  const auto size = fs::file_size(segments().front());
  for (const std::size_t bytes : {1, 31, 32, 100, 10'000}) {
    disk_.shortWrite = bytes;
    const auto refused = append(events(2, 5));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kIo);
    EXPECT_EQ(fs::file_size(segments().front()), size);
  }
  EXPECT_EQ(spool_->counters().lost, 15);
  EXPECT_EQ(spool_->counters().failures, 5);
  disk_.shortWrite = 0;
  ASSERT_TRUE(append(events(2, 4)));
  EXPECT_EQ(segments().size(), 1);
  expectWhole(4);
  open();
  expectWhole(4);
}

TEST_F(TheSpool, LeavesAFileThatItCannotCut) {
  open();
  ASSERT_TRUE(append(events(0, 2)));
  disk_.shortWrite = 10'000;  // all of it is there, and the disk says no
  disk_.truncateError = EIO;
  ASSERT_FALSE(append(events(100, 105)));
  disk_.shortWrite = 0;
  disk_.truncateError = 0;
  ASSERT_TRUE(append(events(2, 4)));
  EXPECT_EQ(segments().size(), 2);
  expectWhole(4);
  open();
  expectWhole(4);
}

TEST_F(TheSpool, NeverTrustsAFileAgainThatCouldNotBeFlushed) {
  open();
  ASSERT_TRUE(append(events(0, 2)));
  disk_.syncError = EIO;
  disk_.truncateError = EIO;
  EXPECT_FALSE(append(events(100, 103)));
  EXPECT_FALSE(append(events(200, 203))) << "nor can another be made";
  EXPECT_EQ(segments().size(), 1);
  disk_.syncError = 0;
  ASSERT_TRUE(append(events(2, 4)));
  EXPECT_EQ(segments().size(), 2);
  expectWhole(4);
  open();
  expectWhole(4);
  EXPECT_EQ(spool_->counters().damaged, 0);
}

// Those of the system itself: no file of the child's may grow beyond so many bytes.
TEST_F(TheSpool, GoesOnWhenTheSystemHasNoRoomForAWhile) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    open();
    if (!append(events(0, 5))) ::_exit(1);
    struct rlimit limit {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t most = std::exchange(limit.rlim_cur, 1000);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto refused = append(events(5, 100));
    limit.rlim_cur = most;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const bool well = !refused && refused.error().code == ErrorCode::kIo && append(events(5, 9));
    spool_.reset();
    ::_exit(well ? 0 : 2);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  open();
  expectWhole(9);
}

TEST_F(TheSpool, DeletesWhatWasShipped) {
  options_.segmentBytes = 1000;
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(events(i * 7, i * 7 + 7)));
  const std::size_t all = segments().size();
  const std::uint64_t bytes = spool_->counters().bytes;
  spool_->shipped(1);
  EXPECT_EQ(segments().size(), all) << "others are in the same file";
  spool_->shipped(35);
  EXPECT_LT(segments().size(), all);
  EXPECT_LT(spool_->counters().bytes, bytes);
  const std::uint64_t oldest = spool_->counters().oldest;
  EXPECT_GT(oldest, 0);
  EXPECT_LE(oldest, 35);
  const auto batch = spool_->read(0, 3, kAll);
  EXPECT_EQ(batch.value().from, oldest);
  EXPECT_EQ(parsed(batch.value().events).front().value, static_cast<std::int64_t>(oldest));
  open();
  EXPECT_EQ(spool_->counters().oldest, oldest);
  spool_->shipped(70);
  EXPECT_EQ(segments().size(), 1) << "the newest stays";
  const Id id = spool_->id();
  open();
  EXPECT_EQ(spool_->counters().next, 70);
  EXPECT_EQ(spool_->id(), id);
}

class AFullSpool : public TheSpool {
 protected:
  static constexpr std::uint64_t kMost = 400'000;
  void SetUp() override {
    options_.mostBytes = kMost;
    options_.segmentBytes = kMost;
    open();
  }
  // Up to so many hundredths.
  void fill(std::uint64_t percent) {
    while (spool_->counters().bytes <= kMost / 100 * percent) {
      ASSERT_TRUE(append(events(next_, next_ + 25)));
      next_ += 25;
    }
  }
  std::int64_t next_ = 0;
};

TEST_F(AFullSpool, KeepsFewerHeartbeatsThatStandForMore) {
  for (const auto& [percent, oneOf] : std::map<std::uint64_t, int>{{71, 2}, {81, 4}, {91, 16}}) {
    fill(percent);
    const SpoolCounters before = spool_->counters();
    std::vector<Event> mixed = events(0, 200, Kind::kHeartbeat);
    mixed.push_back(event(next_++));
    ASSERT_TRUE(append(mixed));
    const SpoolCounters after = spool_->counters();
    const auto kept = parsed(spool_->read(before.next, kAll, kAll).value().events);
    ASSERT_EQ(kept.size(), after.next - before.next);
    EXPECT_EQ(kept.size() + (after.sampledOut - before.sampledOut), mixed.size());
    EXPECT_EQ(kept.back().weight, 1);
    double sum = 0;
    for (const Event& e : kept) {
      if (e.kind != Kind::kHeartbeat) continue;
      EXPECT_EQ(e.weight, static_cast<float>(oneOf));
      sum += static_cast<double>(e.weight);
    }
    EXPECT_NEAR(sum, 200, 100) << percent;
  }
}

TEST_F(AFullSpool, LetsTheSameOnesStay) {
  fill(71);
  const auto keptOf = [&] {
    const std::uint64_t from = spool_->counters().next;
    EXPECT_TRUE(append(events(0, 50, Kind::kQuality)));
    std::vector<std::int64_t> out;
    for (const Event& e : parsed(spool_->read(from, kAll, kAll).value().events)) out.push_back(e.value);
    return out;
  };
  const auto first = keptOf();
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(keptOf(), first);
}

TEST_F(AFullSpool, RefusesWhatSomebodyPaysForAndSwallowsTheRest) {
  fill(98);
  while (append(events(next_, next_ + 1))) ++next_;
  const SpoolCounters before = spool_->counters();
  EXPECT_LE(before.bytes, kMost);
  EXPECT_GT(before.bytes, kMost / 100 * 99);
  std::vector<Event> mixed = events(0, 3, Kind::kHeartbeat);
  mixed.push_back(event(0));
  const auto refused = append(mixed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(append(events(0, 3, Kind::kHeartbeat)));
  const SpoolCounters after = spool_->counters();
  EXPECT_EQ(after.refused, before.refused + 4);
  EXPECT_EQ(after.sampledOut, before.sampledOut + 3);
  EXPECT_EQ(after.next, before.next);
  // Whatever it holds, when all of it was shipped there is room.
  spool_->shipped(after.next);
  EXPECT_LT(spool_->counters().bytes, kMost / 3);
  EXPECT_TRUE(append(events(next_, next_ + 5)));
  EXPECT_EQ(content().rbegin()->second, next_ + 4);
}

TEST_F(TheSpool, RefusesAtOnceWhatItCannotHoldInMemory) {
  options_.mostWaiting = 10'000;
  open();
  disk_.held = true;
  std::uint64_t taken = 0;
  Result<void> last = base::success();
  while ((last = spool_->append(events(static_cast<std::int64_t>(taken), static_cast<std::int64_t>(taken) + 2), {}))) {
    taken += 2;
  }
  EXPECT_EQ(last.error().code, ErrorCode::kUnavailable);
  EXPECT_LE(spool_->counters().waiting, 10'000);
  EXPECT_NEAR(static_cast<double>(taken), 10'000.0 / static_cast<double>(bytesOf(events(0, 1))), 10);
  EXPECT_EQ(spool_->counters().refused, 2);
  disk_.held = false;
  ASSERT_TRUE(spool_->wait(taken - 1, kLong));
  expectWhole(static_cast<std::int64_t>(taken));
}

TEST_F(TheSpool, RefusesAnAppendThatFillsABlock) {
  open();
  Event large = event(0);
  large.sealed.assign(kMaxSealed, 1);
  const auto refused = append(std::vector<Event>(2100, large));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
  ASSERT_TRUE(append(std::vector<Event>(1900, large)));
  ASSERT_TRUE(append(std::vector<Event>(100, large)));
  EXPECT_EQ(spool_->counters().next, 2000);
  open();
  EXPECT_EQ(content(kAll, 1 << 20).size(), 2000);
}

TEST_F(TheSpool, NumbersWhatManyThreadsAppendWithoutGaps) {
  options_.segmentBytes = 100'000;
  open();
  constexpr int kThreads = 4, kAppends = 250, kEach = 8;
  std::atomic<int> told = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; i < kAppends; ++i) {
        const std::int64_t from = t * 1'000'000 + i * kEach;
        const auto count = [&](const Result<void>& result) { told += result ? 1 : 0; };
        if (!spool_->append(events(from, from + kEach), count)) return;
      }
    });
  }
  // Somebody reads and ships meanwhile.
  constexpr std::uint64_t kCount = std::uint64_t{kThreads} * kAppends * kEach;
  std::vector<std::vector<std::int64_t>> seen(kThreads);
  for (std::uint64_t at = 0; at < kCount && spool_->wait(at, kLong);) {
    const auto batch = spool_->read(at, 100, kAll);
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch.value().from, at);
    for (const Event& e : parsed(batch.value().events)) seen[e.value / 1'000'000].push_back(e.value % 1'000'000);
    at = batch.value().to;
    spool_->shipped(at);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(spool_->counters().next, kCount);
  EXPECT_LT(spool_->counters().commits, kThreads * kAppends) << "many share a flush";
  spool_.reset();
  EXPECT_EQ(told, kThreads * kAppends);
  for (const auto& of : seen) {
    ASSERT_EQ(of.size(), kAppends * kEach);
    for (std::size_t i = 0; i < of.size(); ++i) ASSERT_EQ(of[i], i);
  }
}

// Appends until it is killed, and writes how many events are acknowledged each time that some are.
[[noreturn]] void appendUntilKilled(const SpoolOptions& options, std::int64_t from, int pipe) {
  auto spool = Spool::open(options, systemRandom);
  if (!spool) ::_exit(1);
  for (std::int64_t at = from;; at += 3) {
    const auto tell = [pipe, at](const Result<void>& result) {
      const std::int64_t acknowledged = at + 3;
      if (!result || ::write(pipe, &acknowledged, sizeof acknowledged) != sizeof acknowledged) ::_exit(2);
    };
    while (!spool.value()->append(events(at, at + 3), tell)) std::this_thread::yield();
  }
}

TEST_F(TheSpool, HasEverythingThatWasAcknowledgedBeforeKill9) {
  options_.segmentBytes = 20'000;
  options_.mostWaiting = 20'000;
  std::int64_t there = 0;
  for (int round = 0; round < 20; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) appendUntilKilled(options_, there, pipe[1]);
    ::close(pipe[1]);
    std::int64_t acknowledged = 0;
    for (int i = 0; i<20 + 37 * round&& ::read(pipe[0], &acknowledged, sizeof acknowledged)> 0; ++i) continue;
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    while (::read(pipe[0], &acknowledged, sizeof acknowledged) > 0) continue;
    ::close(pipe[0]);
    open();
    ASSERT_GT(acknowledged, there);
    ASSERT_GE(spool_->counters().next, static_cast<std::uint64_t>(acknowledged));
    ASSERT_EQ(spool_->counters().damaged, 0);
    there = static_cast<std::int64_t>(spool_->counters().next);
    expectWhole(there);
    spool_.reset();
  }
}

}  // namespace
}  // namespace dvpe::events
