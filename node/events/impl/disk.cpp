// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/impl/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace dvpe::events {

File File::open(const std::filesystem::path& path, int flags) {
  return File(::open(path.c_str(), flags | O_CLOEXEC, 0600));
}

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

int Disk::write(int file, std::uint64_t at, base::ByteView bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return 0;
}

int Disk::sync(int file) const { return ::fdatasync(file) == 0 ? 0 : errno; }

int Disk::syncFolder(int folder) const { return ::fsync(folder) == 0 ? 0 : errno; }

int Disk::syncAll(int folder) const { return ::syncfs(folder) == 0 ? 0 : errno; }

int Disk::truncate(int file, std::uint64_t bytes) const {
  return ::ftruncate(file, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
}

base::Error ioError(std::string what, int error) {
  return {base::ErrorCode::kIo, "cannot " + std::move(what) + ": " + std::generic_category().message(error)};
}

}  // namespace dvpe::events
