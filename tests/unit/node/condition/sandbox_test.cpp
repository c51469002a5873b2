// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/landlock.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "tests/unit/node/condition/files.h"

namespace dvpe::condition {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using ::testing::HasSubstr;
using Progress = std::function<void(double)>;

// Runs `attempt` inside, which gives errno, or 0 when it got its way.
std::string inside(const std::function<int()>& attempt, SandboxOptions options = {}) {
  const auto answer =
      runSandboxed(options, [&](const Progress&) -> Result<std::string> { return std::to_string(attempt()); });
  return answer ? answer.value() : answer.error().message;
}

int errnoOf(long result) { return result < 0 ? errno : 0; }

TEST(Sandbox, DeniesSockets) {
  EXPECT_EQ(inside([] { return errnoOf(::socket(AF_INET, SOCK_STREAM, 0)); }), std::to_string(EPERM));
  EXPECT_EQ(inside([] { return errnoOf(::socket(AF_UNIX, SOCK_STREAM, 0)); }), std::to_string(EPERM));
  EXPECT_EQ(inside([] {
              int ends[2];
              return errnoOf(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
            }),
            std::to_string(EPERM));
}

TEST(Sandbox, DeniesProcessesAndSignalsToOthers) {
  EXPECT_EQ(inside([] { return errnoOf(::fork()); }), std::to_string(EPERM));
  EXPECT_EQ(inside([] { return errnoOf(::execl("/bin/true", "true", nullptr)); }), std::to_string(EPERM));
  EXPECT_EQ(inside([] { return errnoOf(::kill(::getppid(), 0)); }), std::to_string(EPERM));
  EXPECT_EQ(inside([] { return errnoOf(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }), std::to_string(EPERM));
  EXPECT_EQ(inside([] { return errnoOf(::syscall(SYS_unshare, 0x10000000)); }), std::to_string(EPERM));
}

TEST(Sandbox, LetsThreadsRun) {
  EXPECT_EQ(inside([] {
              int sum = 0;
              std::thread([&] { sum = 42; }).join();
              return sum;
            }),
            "42");
}

TEST(Sandbox, ClosesWhatItsParentHadOpen) {
  const testing::TempFolder folder;
  testing::writeFile(folder / "secret", "x");
  const int fd = ::open((folder / "secret").c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(inside([fd] { return errnoOf(::fcntl(fd == 3 ? 4 : fd, F_GETFD)); }), std::to_string(EBADF));
  ::close(fd);
}

TEST(Sandbox, ReachesNoOtherFilesWhereTheKernelHasLandlock) {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) {
    GTEST_SKIP() << "this kernel has no Landlock";
  }
  const testing::TempFolder folder;
  std::filesystem::create_directory(folder / "out");
  testing::writeFile(folder / "in", "x");
  testing::writeFile(folder / "other", "x");
  SandboxOptions o;
  o.readable = folder / "in";
  o.writable = folder / "out";
  const auto open = [&](const std::string& name, int flags) {
    return inside([&] { return errnoOf(::open((folder / name).c_str(), flags, 0644)); }, o);
  };
  EXPECT_EQ(open("in", O_RDONLY), "0");
  EXPECT_EQ(open("in", O_WRONLY), std::to_string(EACCES));
  EXPECT_EQ(open("other", O_RDONLY), std::to_string(EACCES));
  EXPECT_EQ(open("new", O_WRONLY | O_CREAT), std::to_string(EACCES));
  EXPECT_EQ(open("out/new", O_WRONLY | O_CREAT), "0");
  EXPECT_EQ(inside([] { return errnoOf(::open("/etc/passwd", O_RDONLY)); }, o), std::to_string(EACCES));
}

TEST(Sandbox, ACrashIsAnError) {
  const auto answer = runSandboxed({}, [](const Progress&) -> Result<std::string> {
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
    return std::string("still here");
  });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidInput);
  EXPECT_THAT(answer.error().message, HasSubstr("crash"));
}

TEST(Sandbox, WhatTakesTooLongIsStopped) {
  SandboxOptions o;
  o.timeout = std::chrono::seconds(1);
  const auto answer = runSandboxed(o, [](const Progress&) -> Result<std::string> {
    ::pause();
    while (true) {
      ::usleep(1000);
    }
  });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST(Sandbox, MemoryIsLimited) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(inside([] {
              void* p = ::operator new (std::size_t{3} << 30, std::nothrow);
              return p == nullptr ? 1 : 0;
            }),
            "1");
#endif
}

TEST(Sandbox, PassesOnProgressErrorsAndAnswers) {
  std::vector<double> seen;
  SandboxOptions o;
  o.progress = [&](double p) { seen.push_back(p); };
  const auto good = runSandboxed(o, [](const Progress& progress) -> Result<std::string> {
    progress(0.25);
    progress(1);
    return std::string("line one\nEline two");
  });
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good.value(), "line one\nEline two");
  EXPECT_EQ(seen, (std::vector<double>{0.25, 1.0}));
  const auto bad = runSandboxed(
      {}, [](const Progress&) -> Result<std::string> { return fail(ErrorCode::kLimitExceeded, "too long"); });
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(bad.error().message, "too long");
  const auto flood = runSandboxed({}, [](const Progress&) -> Result<std::string> { return std::string(1 << 20, 'x'); });
  EXPECT_FALSE(flood);
}

}  // namespace
}  // namespace dvpe::condition
