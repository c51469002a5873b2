// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Where wrapped data keys live, apart from the data that they open: erasing a viewer is erasing their key here, so this
// store is small and its backups are short-lived.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/privacy/secret.h"

namespace dvpe::privacy {

// One record (wrapped data key, at most 256 bytes) per viewer. Thread-safe.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // kNotFound: there is none, or no longer.
  virtual base::Result<base::Bytes> load(const Pseudonym& viewer) = 0;
  // Creates or replaces; on stable storage when it returns.
  virtual base::Result<void> save(const Pseudonym& viewer, base::ByteView record) = 0;
  // Whether there was one is not an error either way.
  virtual base::Result<void> erase(const Pseudonym& viewer) = 0;
};

// For tests, and for nodes that keep nothing.
class MemoryKeyStore final : public KeyStore {
 public:
  base::Result<base::Bytes> load(const Pseudonym& viewer) override;
  base::Result<void> save(const Pseudonym& viewer, base::ByteView record) override;
  base::Result<void> erase(const Pseudonym& viewer) override;

 private:
  std::mutex mutex_;
  std::map<Pseudonym, base::Bytes> records_;
};

// One file of mode 0600 per viewer below `folder`, in 256 sub-folders made when needed; for some thousands of viewers.
class FileKeyStore final : public KeyStore {
 public:
  explicit FileKeyStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  base::Result<base::Bytes> load(const Pseudonym& viewer) override;
  base::Result<void> save(const Pseudonym& viewer, base::ByteView record) override;
  base::Result<void> erase(const Pseudonym& viewer) override;

 private:
  std::filesystem::path pathOf(const Pseudonym& viewer) const;
  std::filesystem::path folder_;
};

}  // namespace dvpe::privacy
