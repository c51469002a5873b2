// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "node/events/impl/segment.h"
#include "tests/unit/node/events/spool_fixture.h"

namespace dvpe::events {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Result;

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
