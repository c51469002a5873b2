// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace dvpe::personalize {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

auto lmdbFail(const char* doing, int rc) {
  const ErrorCode code = rc == MDB_MAP_FULL ? ErrorCode::kLimitExceeded : ErrorCode::kIo;
  return fail(code, std::string("the session journal cannot ") + doing + ": " + mdb_strerror(rc));
}

MDB_val val(base::ByteView bytes) { return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())}; }
base::ByteView view(const MDB_val& v) { return {static_cast<const std::uint8_t*>(v.mv_data), v.mv_size}; }

// A page's beginning in files of LMDB 0.9, whose format has not changed since 2013.
struct PageHeader {
  std::uint64_t number;
  std::uint16_t pad, flags;
  std::uint16_t lower, upper;  // of a branch or leaf: where the free room begins and ends
};
static_assert(sizeof(PageHeader) == 16 && MDB_VERSION_MAJOR == 0 && MDB_VERSION_MINOR == 9);
constexpr std::uint16_t kBranch = 1, kLeaf = 2, kOverflow = 4;

// The pages that the newest transaction has no use for.
Result<std::vector<std::uint64_t>> freePages(MDB_txn* txn) {
  constexpr MDB_dbi kFreeList = 0;  // pairs of a transaction and the list, with its length first, of what it left
  MDB_cursor* cursor = nullptr;
  if (const int rc = mdb_cursor_open(txn, kFreeList, &cursor); rc != 0) return lmdbFail("be scrubbed", rc);
  std::vector<std::uint64_t> out;
  MDB_val k{}, v{};
  int rc = 0;
  while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
    std::uint64_t count = 0;
    if (v.mv_size < sizeof count) continue;
    std::memcpy(&count, v.mv_data, sizeof count);
    count = std::min<std::uint64_t>(count, v.mv_size / sizeof count - 1);
    const std::size_t at = out.size();
    out.resize(at + count);
    if (count > 0) std::memcpy(&out[at], static_cast<const char*>(v.mv_data) + sizeof count, count * sizeof count);
  }
  mdb_cursor_close(cursor);
  if (rc != MDB_NOTFOUND) return lmdbFail("be scrubbed", rc);
  std::sort(out.begin(), out.end());
  return out;
}

// Zeroes a part of the file, unless it is zero.
Result<void> zero(int file, std::uint64_t from, std::uint64_t to, base::Bytes& room) {
  if (from >= to) return base::success();
  room.resize(to - from);
  const ssize_t got = ::pread(file, room.data(), room.size(), static_cast<off_t>(from));
  if (got < 0) return fail(ErrorCode::kIo, std::string("the session journal cannot be scrubbed: ") + ::strerror(errno));
  room.resize(static_cast<std::size_t>(got));  // what lies behind the file's end holds nothing
  if (std::all_of(room.begin(), room.end(), [](std::uint8_t b) { return b == 0; })) return base::success();
  std::fill(room.begin(), room.end(), std::uint8_t{0});
  if (::pwrite(file, room.data(), room.size(), static_cast<off_t>(from)) != static_cast<ssize_t>(room.size()))
    return fail(ErrorCode::kIo, std::string("the session journal cannot be scrubbed: ") + ::strerror(errno));
  return base::success();
}

// Every page is free, or one of a run of overflow pages, or a branch or leaf whose header says where its room is.
Result<void> scrubPages(int file, std::uint64_t pages, std::size_t size, const std::vector<std::uint64_t>& free) {
  base::Bytes room;
  for (std::uint64_t number = 2; number < pages; ++number) {  // 0 and 1: LMDB's own
    const std::uint64_t at = number * size;
    if (std::binary_search(free.begin(), free.end(), number)) {
      DVPE_CHECK(zero(file, at, at + size, room));
      continue;
    }
    PageHeader header{};
    if (::pread(file, &header, sizeof header, static_cast<off_t>(at)) != sizeof header || header.number != number)
      return fail(ErrorCode::kInternal, "a page of the session journal is not as LMDB 0.9 writes it");
    if (header.flags == kOverflow) {
      const std::uint64_t run = header.lower | static_cast<std::uint64_t>(header.upper) << 16U;
      number += std::max<std::uint64_t>(run, 1) - 1;
    } else if ((header.flags == kBranch || header.flags == kLeaf) && header.lower >= sizeof header &&
               header.lower <= header.upper && header.upper <= size) {
      DVPE_CHECK(zero(file, at + header.lower, at + header.upper, room));
    } else {
      return fail(ErrorCode::kInternal, "a page of the session journal is not as LMDB 0.9 writes it");
    }
  }
  return base::success();
}

}  // namespace

Result<std::unique_ptr<Environment>> Environment::open(const std::filesystem::path& folder, std::size_t megabytes) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  std::unique_ptr<Environment> out(new Environment(folder, megabytes));
  DVPE_CHECK(out->open());
  return out;
}

Result<void> Environment::open() {
  int rc = mdb_env_create(&env_);
  if (rc == 0) rc = mdb_env_set_mapsize(env_, megabytes_ << 20U);
  // NOMETASYNC: a power cut may cost the last transaction, never an older one; a crash of ours costs nothing.
  if (rc == 0) rc = mdb_env_open(env_, folder_.c_str(), MDB_NOMETASYNC | MDB_NOTLS, 0600);
  if (rc != 0) return lmdbFail("be opened", rc);
  DVPE_CHECK(begin());
  rc = mdb_dbi_open(txn_, nullptr, 0, &dbi_);
  if (rc != 0) return lmdbFail("be opened", rc);
  return commit();
}

void Environment::close() {
  abort();
  if (env_ != nullptr) mdb_env_close(env_);
  env_ = nullptr;
}

Environment::~Environment() { close(); }

Result<void> Environment::begin() {
  if (txn_ != nullptr) return base::success();
  if (env_ == nullptr) return fail(ErrorCode::kIo, "the session journal is not open");
  if (const int rc = mdb_txn_begin(env_, nullptr, 0, &txn_); rc != 0) return lmdbFail("begin", rc);
  return base::success();
}

Result<void> Environment::commit() {
  if (txn_ == nullptr) return base::success();
  const int rc = failed_ == 0 ? mdb_txn_commit(txn_) : failed_;
  if (failed_ != 0) mdb_txn_abort(txn_);
  txn_ = nullptr;
  failed_ = 0;
  if (rc != 0) return lmdbFail("be written", rc);
  return base::success();
}

void Environment::abort() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
  txn_ = nullptr;
  failed_ = 0;
}

Result<void> Environment::good() const {
  if (failed_ != 0) return lmdbFail("be written", failed_);
  return base::success();
}

Result<void> Environment::put(base::ByteView key, base::ByteView value) {
  DVPE_CHECK(begin());
  MDB_val k = val(key), v = val(value);
  return written(mdb_put(txn_, dbi_, &k, &v, 0));
}

Result<void> Environment::erase(base::ByteView key) {
  DVPE_CHECK(begin());
  MDB_val k = val(key);
  const int rc = mdb_del(txn_, dbi_, &k, nullptr);
  return written(rc == MDB_NOTFOUND ? 0 : rc);
}

Result<base::Bytes> Environment::get(base::ByteView key) {
  DVPE_CHECK(begin());
  MDB_val k = val(key), v{};
  const int rc = mdb_get(txn_, dbi_, &k, &v);
  if (rc == MDB_NOTFOUND) return fail(ErrorCode::kNotFound, "no such record");
  if (rc != 0) return lmdbFail("be read", rc);
  return base::Bytes(view(v).begin(), view(v).end());
}

Result<void> Environment::each(const std::function<void(base::ByteView, base::ByteView)>& take) {
  DVPE_CHECK(begin());
  MDB_cursor* cursor = nullptr;
  if (const int rc = mdb_cursor_open(txn_, dbi_, &cursor); rc != 0) return lmdbFail("be read", rc);
  MDB_val k{}, v{};
  while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) take(view(k), view(v));
  mdb_cursor_close(cursor);
  return base::success();
}

// LMDB writes pages from buffers that it uses again without clearing them, so that what one held may come into another
// page's free room: it is closed and opened first, which lets go of the buffers. The newest transaction must be on disk
// before pages are zeroed that the one before it used.
Result<void> Environment::scrub() {
  DVPE_CHECK(commit());
  close();
  DVPE_CHECK(open());
  if (const int rc = mdb_env_sync(env_, 1); rc != 0) return lmdbFail("be flushed", rc);
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); rc != 0) return lmdbFail("be scrubbed", rc);
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_filehandle_t file{};
  (void)mdb_env_info(env_, &info);
  (void)mdb_env_stat(env_, &stat);
  (void)mdb_env_get_fd(env_, &file);
  Result<void> done = base::success();
  if (auto free = freePages(txn)) {
    done = scrubPages(file, info.me_last_pgno + 1, stat.ms_psize, free.value());
  } else {
    done = free.as_failure();
  }
  mdb_txn_abort(txn);
  if (done && ::fdatasync(file) != 0) done = fail(ErrorCode::kIo, "the session journal cannot be flushed");
  return done;
}

Result<void> Environment::written(int rc) {
  if (rc == 0) return base::success();
  if (failed_ == 0) failed_ = rc;
  return lmdbFail("be written", rc);
}

}  // namespace dvpe::personalize
