// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The border to the file system: what the spool asks of a disk that may say no. Tests put one that does in its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::events {

// An open file, closed with it. Not thread-safe.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  // As open(2) has it. An empty one: errno says why.
  static File open(const std::filesystem::path& path, int flags);
  ~File() { close(); }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  void close();

 private:
  int descriptor_ = -1;
};

// Thread-safe; each answers errno, or 0.
class Disk {
 public:
  virtual ~Disk() = default;
  // All of the bytes, from byte `at` of the file; on an error some of them may be there.
  virtual int write(int file, std::uint64_t at, base::ByteView bytes) const;
  // What was written is there after a power cut. After an error nobody knows what is.
  virtual int sync(int file) const;
  // The same for which files are in a folder.
  virtual int syncFolder(int folder) const;
  // The same as sync() for all files of the folder's file system, at once: cheaper than many.
  virtual int syncAll(int folder) const;
  virtual int truncate(int file, std::uint64_t bytes) const;
};

// kIo: "cannot <what>: <what the system says>".
base::Error ioError(std::string what, int error);

}  // namespace dvpe::events
