// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// An LMDB environment with one database, as the session store uses it: at most one open transaction, one thread.
#pragma once

#include <lmdb.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::personalize {

class Environment {
 public:
  // The folder is made when there is none. kIo; kLimitExceeded: it is full.
  static base::Result<std::unique_ptr<Environment>> open(const std::filesystem::path& folder, std::size_t megabytes);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // LMDB's lock on what is written is its thread's: what one thread has begun, it ends.
  base::Result<void> begin();
  base::Result<void> commit();
  void abort();
  // Whether something could not be put since the last commit: the next one would fail.
  base::Result<void> good() const;

  base::Result<void> put(base::ByteView key, base::ByteView value);
  base::Result<void> erase(base::ByteView key);
  base::Result<base::Bytes> get(base::ByteView key);
  base::Result<void> each(const std::function<void(base::ByteView, base::ByteView)>& take);

  // Zeroes whatever the file holds besides the records that there are: pages that are free, and what is between the
  // records of others. Of what was erased no value is in the file after it; a key may be, as what
  // separates two pages. Commits; reads the whole file. Flushed when it returns.
  base::Result<void> scrub();

 private:
  Environment(std::filesystem::path folder, std::size_t megabytes)
      : folder_(std::move(folder)), megabytes_(megabytes) {}
  base::Result<void> open();
  void close();
  base::Result<void> written(int rc);

  const std::filesystem::path folder_;
  const std::size_t megabytes_;
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi dbi_ = 0;
  int failed_ = 0;  // the first failure in the open transaction
};

}  // namespace dvpe::personalize
