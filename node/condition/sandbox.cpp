// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "node/condition/impl/output.h"
#include "node/condition/impl/prepare.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DVPE_SANITIZED 1
#endif

namespace dvpe::condition {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::size_t kMaxAnswer = 64 * 1024;
// Exit codes of the child when it could not lock itself in.
constexpr int kNotLocked = 97;

// ---- in the child

bool limit(int resource, std::uint64_t value) {
  const rlimit l{value, value};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &l) == 0;
}

bool applyLimits(const SandboxOptions& o) {
  bool ok = limit(RLIMIT_CPU, static_cast<std::uint64_t>(o.timeout.count())) && limit(RLIMIT_FSIZE, o.fileSize) &&
            limit(RLIMIT_NOFILE, 64) && limit(RLIMIT_CORE, 0);
#ifndef DVPE_SANITIZED  // sanitizers reserve terabytes of address space
  ok = ok && limit(RLIMIT_AS, o.memory);
#endif
  return ok;
}

// Keeps stderr and the pipe (as descriptor 3); everything else is closed, stdin and stdout are /dev/null.
bool keepOnly(int pipe) {
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(null, 1) < 0) {
    return false;
  }
  if (pipe != 3 && ::dup2(pipe, 3) < 0) {
    return false;
  }
  return ::syscall(SYS_close_range, 4U, ~0U, 0U) == 0;
}

bool allowPath(int ruleset, const std::string& path, std::uint64_t access) {
  landlock_path_beneath_attr rule{};
  rule.parent_fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0) {
    return false;
  }
  rule.allowed_access = access;
  const bool ok = ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0;
  ::close(rule.parent_fd);
  return ok;
}

// True also where the kernel has no Landlock: seccomp stands alone then.
bool restrictFiles(const SandboxOptions& o) {
  constexpr std::uint64_t kFile = LANDLOCK_ACCESS_FS_READ_FILE;
  constexpr std::uint64_t kFolder = kFile | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kFolder | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_SYM |
                                 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
  const auto ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0U));
  if (ruleset < 0) {
    return errno == ENOSYS || errno == EOPNOTSUPP;
  }
  bool ok = o.readable.empty() || allowPath(ruleset, o.readable, kFile) || errno == ENOENT;
  ok = ok && (o.writable.empty() || allowPath(ruleset, o.writable, kFolder) || errno == ENOENT);
  ok = ok && ::syscall(SYS_landlock_restrict_self, ruleset, 0U) == 0;
  ::close(ruleset);
  return ok;
}

// What decoding, encoding and writing files need, and no more.
constexpr const char* kAllowedCalls[] = {"read",
                                         "readv",
                                         "pread64",
                                         "preadv",
                                         "write",
                                         "writev",
                                         "pwrite64",
                                         "lseek",
                                         "close",
                                         "open",
                                         "openat",
                                         "dup",
                                         "fstat",
                                         "newfstatat",
                                         "stat",
                                         "lstat",
                                         "statx",
                                         "statfs",
                                         "fstatfs",
                                         "access",
                                         "faccessat",
                                         "faccessat2",
                                         "readlink",
                                         "readlinkat",
                                         "getdents64",
                                         "getcwd",
                                         "umask",
                                         "fcntl",
                                         "fsync",
                                         "fdatasync",
                                         "ftruncate",
                                         "fallocate",
                                         "fadvise64",
                                         "copy_file_range",
                                         "sendfile",
                                         "chmod",
                                         "fchmod",
                                         "fchmodat",
                                         "mkdir",
                                         "mkdirat",
                                         "rmdir",
                                         "unlink",
                                         "unlinkat",
                                         "rename",
                                         "renameat",
                                         "renameat2",
                                         "poll",
                                         "ppoll",
                                         "mmap",
                                         "munmap",
                                         "mremap",
                                         "mprotect",
                                         "madvise",
                                         "brk",
                                         "futex",
                                         "set_robust_list",
                                         "rseq",
                                         "set_tid_address",
                                         "membarrier",
                                         "rt_sigaction",
                                         "rt_sigprocmask",
                                         "rt_sigreturn",
                                         "sigaltstack",
                                         "restart_syscall",
                                         "exit",
                                         "exit_group",
                                         "getpid",
                                         "getppid",
                                         "gettid",
                                         "getuid",
                                         "geteuid",
                                         "getgid",
                                         "getegid",
                                         "clock_gettime",
                                         "clock_getres",
                                         "clock_nanosleep",
                                         "nanosleep",
                                         "gettimeofday",
                                         "time",
                                         "getrandom",
                                         "sched_getaffinity",
                                         "sched_yield",
                                         "getcpu",
                                         "getrusage",
                                         "getrlimit",
                                         "sysinfo",
                                         "uname",
                                         "times"};

bool addConditional(scmp_filter_ctx c) {
  const auto pid = static_cast<scmp_datum_t>(::getpid());
  // Threads, for an encoder with slices; not processes. clone3's arguments cannot be looked at: glibc falls back.
  return seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM)) == 0 &&
         seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
         // abort() signals itself.
         seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, pid)) == 0 &&
         // Reading limits, not setting them; naming threads, nothing else of prctl.
         seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0)) == 0 &&
         seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) == 0;
}

bool restrictCalls() {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (context == nullptr) {
    return false;
  }
  bool ok = addConditional(context);
  for (const char* name : kAllowedCalls) {
    const int number = seccomp_syscall_resolve_name(name);
    // A call that this architecture does not have needs no rule.
    if (number >= 0) {
      ok = ok && seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0) == 0;
    }
  }
  ok = ok && seccomp_load(context) == 0;
  seccomp_release(context);
  return ok;
}

void send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(3, text.data(), text.size());
    if (n < 0 && errno != EINTR) {
      ::_exit(kNotLocked);
    }
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
}

// Messages are a letter and a line: P progress, E error code and words, R the answer, which ends with the pipe.
[[noreturn]] void runChild(const SandboxOptions& options, const SandboxedWork& work, int pipe, pid_t parent) {
  const bool locked = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent && keepOnly(pipe) &&
                      applyLimits(options) && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                      ::prctl(PR_SET_DUMPABLE, 0) == 0 && restrictFiles(options) && restrictCalls();
  if (!locked) {
    ::_exit(kNotLocked);
  }
  ::signal(SIGXFSZ, SIG_IGN);  // a write that fails says more
  const auto answer = work([](double p) { send("P" + std::to_string(p) + "\n"); });
  if (answer) {
    send("R" + answer.value());
  } else {
    send("E" + std::to_string(static_cast<int>(answer.error().code)) + " " + answer.error().message + "\n");
  }
  ::_exit(0);
}

// ---- in the parent

// Takes the child's messages apart. Hostile: bounded, and nothing in it is trusted.
class Listener {
 public:
  explicit Listener(const std::function<void(double)>& progress) : progress_(progress) {}

  // False: too much.
  bool take(std::string_view bytes) {
    buffer_ += bytes;
    while (!buffer_.empty() && buffer_[0] != 'R') {
      const std::size_t end = buffer_.find('\n');
      if (end == std::string::npos) {
        break;
      }
      line(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
    }
    return buffer_.size() <= kMaxAnswer;
  }

  // Nothing: the child never finished what it had to say.
  std::optional<Result<std::string>> result() {
    if (error_) {
      return Result<std::string>(fail(error_->code, error_->message));
    }
    if (!buffer_.empty() && buffer_[0] == 'R') {
      return Result<std::string>(buffer_.substr(1));
    }
    return std::nullopt;
  }

 private:
  void line(const std::string& text) {
    if (text.size() > 1 && text[0] == 'P' && progress_) {
      const double p = std::strtod(text.c_str() + 1, nullptr);
      progress_(p >= 0 && p <= 1 ? p : 0);
    } else if (text.size() > 1 && text[0] == 'E' && text.size() < 1024) {
      char* end = nullptr;
      const long code = std::strtol(text.c_str() + 1, &end, 10);
      const bool known = code >= 0 && code <= static_cast<long>(ErrorCode::kInternal);
      error_ = base::Error{known ? static_cast<ErrorCode>(code) : ErrorCode::kInternal, *end == ' ' ? end + 1 : end};
    }
  }

  const std::function<void(double)>& progress_;
  std::string buffer_;
  std::optional<base::Error> error_;
};

enum class Listened { kEnd, kTimeout, kTooMuch };

Listened listen(int pipe, std::chrono::steady_clock::time_point deadline, Listener& listener) {
  char block[4096];
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Listened::kTimeout;
    }
    pollfd p{pipe, POLLIN, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000)));
    if (ready <= 0) {
      continue;
    }
    const ssize_t n = ::read(pipe, block, sizeof block);
    if (n == 0) {
      return Listened::kEnd;
    }
    if (n > 0 && !listener.take({block, static_cast<std::size_t>(n)})) {
      return Listened::kTooMuch;
    }
  }
}

Result<std::string> explain(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU || signal == SIGKILL) {
      return fail(ErrorCode::kUnavailable, "conditioning was stopped: it took too long or too much memory");
    }
    return fail(ErrorCode::kInvalidInput, std::string("the file made the decoder crash (") + ::strsignal(signal) + ")");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotLocked) {
    return fail(ErrorCode::kUnavailable, "the sandbox could not be set up on this system");
  }
  return fail(ErrorCode::kInternal, "the conditioning process ended without an answer");
}

}  // namespace

Result<std::string> runSandboxed(const SandboxOptions& options, const SandboxedWork& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail(ErrorCode::kUnavailable, std::string("no pipe: ") + std::strerror(errno));
  }
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    runChild(options, work, ends[1], parent);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return fail(ErrorCode::kUnavailable, std::string("no process: ") + std::strerror(errno));
  }
  Listener listener(options.progress);
  const Listened end = listen(ends[0], std::chrono::steady_clock::now() + options.timeout, listener);
  ::close(ends[0]);
  if (end != Listened::kEnd) {
    ::kill(child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (end == Listened::kTimeout) {
    return fail(ErrorCode::kUnavailable,
                "conditioning took longer than " + std::to_string(options.timeout.count()) + " s");
  }
  if (end == Listened::kTooMuch) {
    return fail(ErrorCode::kInvalidInput, "the conditioning process said too much");
  }
  const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  auto result = listener.result();
  return clean && result ? std::move(*result) : explain(status);
}

base::Result<ConditionReport> conditionSandboxed(const ConditionOptions& options, std::chrono::seconds timeout) {
  // Made here, so that it goes away here if the child does not live to do it.
  DVPE_TRY(auto folder, impl::OutputFolder::create(options.outFolder));
  SandboxOptions sandbox;
  sandbox.readable = options.file;
  sandbox.writable = options.outFolder;
  sandbox.timeout = timeout;
  sandbox.progress = options.progress;
  DVPE_TRY(
      const auto text,
      runSandboxed(sandbox, [&options, &folder](const std::function<void(double)>& progress) -> Result<std::string> {
        ConditionOptions inside = options;
        inside.progress = progress;
        DVPE_TRY(const auto report, impl::conditionInto(inside, folder));
        return impl::toJson(report);
      }));
  DVPE_TRY(auto report, impl::fromJson(text));
  if (report.id != options.id || report.profile != options.profile.id) {
    return fail(ErrorCode::kInvalidInput, "the conditioning process answers for another file");
  }
  std::error_code error;
  report.folder = (std::filesystem::absolute(options.outFolder, error) / report.digest.substr(0, 16)).string();
  return report;
}

}  // namespace dvpe::condition
