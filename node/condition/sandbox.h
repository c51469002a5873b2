// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Work on hostile bytes in a child process that can do little: limits on memory, time and file sizes; no new
// privileges; a list of allowed system calls (seccomp), which has no socket, no exec, no fork and no signals to others;
// and, where the kernel has Landlock, no file but the one to read and the folder to write. What the list does not name
// fails with EPERM.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "shared/base/result.h"

namespace dvpe::condition {

struct SandboxOptions {
  std::string readable;  // one file
  std::string writable;  // one folder, with what is below it
  std::uint64_t memory = std::uint64_t{2} << 30;
  std::uint64_t fileSize = std::uint64_t{2} << 30;
  std::chrono::seconds timeout{3600};  // of the clock, and of the CPU
  std::function<void(double)> progress;
};

// Runs `work` in the child; its answer, at most 64 KiB of text, comes back through a pipe, and so does what it reports
// to the function that it is given. Blocks. The calling program must not have started threads. kUnavailable: no child
// could be made, or it took too long; kInvalidInput: the child died; otherwise the work's own error.
using SandboxedWork = std::function<base::Result<std::string>(const std::function<void(double)>& progress)>;
base::Result<std::string> runSandboxed(const SandboxOptions& options, const SandboxedWork& work);

}  // namespace dvpe::condition
