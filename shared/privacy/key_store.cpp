// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/key_store.h"

namespace dvpe::privacy {

using base::ErrorCode;
using base::fail;

base::Result<base::Bytes> MemoryKeyStore::load(const Pseudonym& viewer) {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(viewer);
  if (found == records_.end()) {
    return fail(ErrorCode::kNotFound, "no key for this viewer");
  }
  return found->second;
}

base::Result<void> MemoryKeyStore::save(const Pseudonym& viewer, base::ByteView record) {
  const std::lock_guard lock(mutex_);
  records_[viewer] = base::Bytes(record.begin(), record.end());
  return base::success();
}

base::Result<void> MemoryKeyStore::erase(const Pseudonym& viewer) {
  const std::lock_guard lock(mutex_);
  records_.erase(viewer);
  return base::success();
}

std::filesystem::path FileKeyStore::pathOf(const Pseudonym& viewer) const {
  const std::string name = base::hex(viewer);
  return folder_ / name.substr(0, 2) / name.substr(2);
}

base::Result<base::Bytes> FileKeyStore::load(const Pseudonym& viewer) {
  auto text = readSecretFile(pathOf(viewer), 256);
  if (!text) {
    // The file's name is the viewer's: it stays out of the message.
    return fail(text.error().code,
                text.error().code == ErrorCode::kNotFound ? "no key for this viewer" : "a viewer's key cannot be read");
  }
  const base::ByteView bytes = base::view(text.value());
  return base::Bytes(bytes.begin(), bytes.end());
}

base::Result<void> FileKeyStore::save(const Pseudonym& viewer, base::ByteView record) {
  const auto path = pathOf(viewer);
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) {
    return fail(ErrorCode::kIo, folder_.string() + ": " + error.message());
  }
  const std::string_view text{reinterpret_cast<const char*>(record.data()), record.size()};
  if (!writeSecretFile(path, text, IfExists::kReplace)) {
    return fail(ErrorCode::kIo, folder_.string() + ": a viewer's key cannot be written");
  }
  return base::success();
}

base::Result<void> FileKeyStore::erase(const Pseudonym& viewer) {
  std::error_code error;
  std::filesystem::remove(pathOf(viewer), error);
  if (error) {
    return fail(ErrorCode::kIo, folder_.string() + ": a viewer's key cannot be removed: " + error.message());
  }
  return base::success();
}

}  // namespace dvpe::privacy
