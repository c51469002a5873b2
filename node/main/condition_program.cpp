// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/condition_program.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr int kAskMilliseconds = 500;
constexpr std::size_t kMostWords = 1 << 20;  // that the program may say without a line's end
constexpr int kNice = 10;                    // programmes on air come first

// After fork() in a process with threads: nothing but system calls.
[[noreturn]] void become(char* const* words, int out, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpriority(PRIO_PROCESS, 0, kNice);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0 || ::dup2(nothing, STDERR_FILENO) < 0 ||
      ::dup2(out, STDOUT_FILENO) < 0) {
    ::_exit(127);
  }
  ::syscall(SYS_close_range, 3U, ~0U, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC));
  ::execv("/proc/self/exe", words);
  ::_exit(127);
}

ErrorCode codeOf(std::string_view word) {
  for (int code = 0; code < static_cast<int>(ErrorCode::kInternal); ++code) {
    if (base::name(static_cast<ErrorCode>(code)) == word) return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kInternal;
}

// What the program says, line by line.
class Listener {
 public:
  void take(std::string_view bytes) {
    buffer_ += bytes;
    for (std::size_t end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
      line(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end + 1);
    }
  }
  bool tooMuch() const { return buffer_.size() > kMostWords; }
  int percent() const { return percent_; }
  const std::optional<base::Error>& error() const { return error_; }
  const std::string& folder() const { return folder_; }

 private:
  void line(std::string_view text) {
    boost::json::error_code ignored;
    const auto json = boost::json::parse(text, ignored);
    const auto* object = json.if_object();
    if (ignored || object == nullptr) return;
    if (const auto* progress = object->if_contains("progress"); progress != nullptr && progress->is_int64())
      percent_ = static_cast<int>(std::clamp<std::int64_t>(progress->get_int64(), 0, 100));
    const auto word = [&](const char* key) {
      const auto* value = object->if_contains(key);
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    if (!word("folder").empty()) folder_ = word("folder");
    if (!word("error").empty()) error_ = base::Error{codeOf(word("code")), word("error")};
  }

  std::string buffer_, folder_;
  int percent_ = 0;
  std::optional<base::Error> error_;
};

// Until the program has closed its output.
Result<void> listen(int pipe, Listener& listener, const ConditionWatch& watch) {
  std::array<char, 4096> block{};
  for (;;) {
    pollfd ready{pipe, POLLIN, 0};
    const int some = ::poll(&ready, 1, kAskMilliseconds);
    DVPE_CHECK(watch(listener.percent()));
    if (some <= 0) continue;
    const ssize_t n = ::read(pipe, block.data(), block.size());
    if (n == 0) return base::success();
    if (n > 0) listener.take({block.data(), static_cast<std::size_t>(n)});
    if (listener.tooMuch()) return fail(ErrorCode::kInvalidInput, "the conditioning program said too much");
  }
}

}  // namespace

Result<fs::path> conditionApart(const ConditionTask& task, const ConditionWatch& watch) {
  std::vector<std::string> words{"dvpe-node",  "condition",       "--json",
                                 "--progress", "--quiet",         "--profile",
                                 task.profile, "--documents",     task.documents.string(),
                                 "--out",      task.out.string(), "--id",
                                 task.id,      task.file.string()};
  std::vector<char*> raw;
  raw.reserve(words.size() + 1);
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(ErrorCode::kUnavailable, std::string("no pipe: ") + std::strerror(errno));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(raw.data(), ends[1], parent);
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return fail(ErrorCode::kUnavailable, std::string("no process: ") + std::strerror(errno));
  }
  Listener listener;
  const auto heard = listen(ends[0], listener, watch);
  ::close(ends[0]);
  if (!heard) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!heard) return heard.as_failure();
  if (listener.error()) return fail(listener.error()->code, listener.error()->message);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || listener.folder().empty())
    return fail(ErrorCode::kUnavailable, "the conditioning program ended without an answer");
  return fs::path(listener.folder());
}

}  // namespace dvpe::node
