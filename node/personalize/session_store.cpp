// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/session_store.h"

#include <lmdb.h>

#include <cstring>
#include <vector>

#include "shared/base/log.h"

namespace dvpe::personalize {

namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

auto lmdbFail(const char* doing, int rc) {
  const ErrorCode code = rc == MDB_MAP_FULL ? ErrorCode::kLimitExceeded : ErrorCode::kIo;
  return fail(code, std::string("the session journal cannot ") + doing + ": " + mdb_strerror(rc));
}

MDB_val val(base::ByteView bytes) { return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())}; }
base::ByteView view(const MDB_val& v) { return {static_cast<const std::uint8_t*>(v.mv_data), v.mv_size}; }

// One LMDB environment with one database and at most one open write transaction. One thread.
class Environment {
 public:
  static Result<std::unique_ptr<Environment>> open(const std::filesystem::path& folder, std::size_t megabytes) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    auto e = std::make_unique<Environment>();
    int rc = mdb_env_create(&e->env_);
    if (rc == 0) rc = mdb_env_set_mapsize(e->env_, megabytes << 20U);
    // NOMETASYNC: a power cut may cost the last transaction, never an older one; a crash of ours costs nothing.
    if (rc == 0) rc = mdb_env_open(e->env_, folder.c_str(), MDB_NOMETASYNC | MDB_NOTLS, 0600);
    if (rc != 0) return lmdbFail("be opened", rc);
    DVPE_CHECK(e->begin());
    rc = mdb_dbi_open(e->txn_, nullptr, 0, &e->dbi_);
    if (rc != 0) return lmdbFail("be opened", rc);
    DVPE_CHECK(e->commit());
    return e;
  }
  ~Environment() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
    if (env_ != nullptr) mdb_env_close(env_);
  }

  // LMDB's lock on what is written is its thread's: what one thread has begun, it ends.
  Result<void> begin() {
    if (txn_ != nullptr) return base::success();
    if (const int rc = mdb_txn_begin(env_, nullptr, 0, &txn_); rc != 0) return lmdbFail("begin", rc);
    return base::success();
  }
  Result<void> commit() {
    if (txn_ == nullptr) return base::success();
    const int rc = failed_ == 0 ? mdb_txn_commit(txn_) : failed_;
    if (failed_ != 0) mdb_txn_abort(txn_);
    txn_ = nullptr;
    failed_ = 0;
    if (rc != 0) return lmdbFail("be written", rc);
    return base::success();
  }
  void abort() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
    txn_ = nullptr;
    failed_ = 0;
  }
  // Whether something could not be put since the last commit: the next one would fail.
  Result<void> good() const {
    if (failed_ != 0) return lmdbFail("be written", failed_);
    return base::success();
  }
  Result<void> put(base::ByteView key, base::ByteView value) {
    DVPE_CHECK(begin());
    MDB_val k = val(key), v = val(value);
    return written(mdb_put(txn_, dbi_, &k, &v, 0));
  }
  Result<void> erase(base::ByteView key) {
    DVPE_CHECK(begin());
    MDB_val k = val(key);
    const int rc = mdb_del(txn_, dbi_, &k, nullptr);
    return written(rc == MDB_NOTFOUND ? 0 : rc);
  }
  Result<base::Bytes> get(base::ByteView key) {
    DVPE_CHECK(begin());
    MDB_val k = val(key), v{};
    const int rc = mdb_get(txn_, dbi_, &k, &v);
    if (rc == MDB_NOTFOUND) return fail(ErrorCode::kNotFound, "no such record");
    if (rc != 0) return lmdbFail("be read", rc);
    return base::Bytes(view(v).begin(), view(v).end());
  }
  Result<void> each(const std::function<void(base::ByteView, base::ByteView)>& take) {
    DVPE_CHECK(begin());
    MDB_cursor* cursor = nullptr;
    if (const int rc = mdb_cursor_open(txn_, dbi_, &cursor); rc != 0) return lmdbFail("be read", rc);
    MDB_val k{}, v{};
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) take(view(k), view(v));
    mdb_cursor_close(cursor);
    return base::success();
  }

 private:
  Result<void> written(int rc) {
    if (rc == 0) return base::success();
    if (failed_ == 0) failed_ = rc;
    return lmdbFail("be written", rc);
  }

  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi dbi_ = 0;
  int failed_ = 0;  // the first failure in the open transaction
};

// The wrapped keys; they are committed before the records that they open.
class LmdbKeyStore final : public privacy::KeyStore {
 public:
  explicit LmdbKeyStore(Environment& env) : env_(env) {}
  Result<base::Bytes> load(const privacy::Pseudonym& viewer) override { return env_.get(viewer); }
  Result<void> save(const privacy::Pseudonym& viewer, base::ByteView record) override {
    return env_.put(viewer, record);
  }
  Result<void> erase(const privacy::Pseudonym& viewer) override {
    DVPE_CHECK(env_.erase(viewer));
    return env_.commit();
  }

 private:
  Environment& env_;
};

constexpr std::uint32_t kRecordVersion = 1;

// Keys of the log: 'e' and the number, big-endian so that they sort; 'c' and a counter's name.
base::Bytes entryKey(std::uint64_t number) {
  base::Bytes key{'e'};
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<std::uint8_t>(number >> shift));
  return key;
}
std::optional<std::uint64_t> entryNumber(base::ByteView key) {
  if (key.size() != 9 || key[0] != 'e') return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t i = 1; i < key.size(); ++i) number = number << 8 | key[i];
  return number;
}
base::Bytes counterKey(std::string_view name) {
  base::Bytes key{'c'};
  key.insert(key.end(), name.begin(), name.end());
  return key;
}

}  // namespace

struct SessionStore::Impl {
  Impl(privacy::WrappingKeys k, base::Random& r) : wrapping(std::move(k)), random(r) {}
  const privacy::WrappingKeys wrapping;
  base::Random& random;
  std::unique_ptr<Environment> keys, sessions, viewers, log;
  struct Numbers {
    std::uint64_t newest = 0;   // entry of the log
    std::uint64_t dropped = 0;  // all up to this one are gone
  };
  Numbers numbers, committed;
  std::unique_ptr<LmdbKeyStore> keyStore;
  std::unique_ptr<privacy::Sealer> sealer;
};

SessionStore::SessionStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SessionStore::~SessionStore() = default;

Result<std::unique_ptr<SessionStore>> SessionStore::open(const std::filesystem::path& folder,
                                                         privacy::WrappingKeys keys, base::Random& random,
                                                         std::size_t megabytes) {
  auto impl = std::make_unique<Impl>(std::move(keys), random);
  DVPE_TRY(impl->keys, Environment::open(folder / "keys", std::max<std::size_t>(megabytes / 2, 16)));
  DVPE_TRY(impl->sessions, Environment::open(folder / "sessions", std::max<std::size_t>(megabytes, 16)));
  DVPE_TRY(impl->viewers, Environment::open(folder / "viewers", std::max<std::size_t>(megabytes, 16)));
  DVPE_TRY(impl->log, Environment::open(folder / "breaks", std::max<std::size_t>(megabytes, 16)));
  bool first = true;
  DVPE_CHECK(impl->log->each([&](base::ByteView key, base::ByteView) {
    const auto number = entryNumber(key);
    if (!number) return;
    if (std::exchange(first, false)) impl->numbers.dropped = *number - 1;
    impl->numbers.newest = *number;
  }));
  impl->committed = impl->numbers;
  impl->keyStore = std::make_unique<LmdbKeyStore>(*impl->keys);
  impl->sealer = std::make_unique<privacy::Sealer>(impl->wrapping, *impl->keyStore, random);
  return std::unique_ptr<SessionStore>(new SessionStore(std::move(impl)));
}

Result<void> SessionStore::put(const privacy::SessionId& id, const privacy::Pseudonym& viewer, base::ByteView record) {
  DVPE_TRY(auto sealed, impl_->sealer->seal(viewer, "session", kRecordVersion, record));
  base::Bytes value(viewer.begin(), viewer.end());
  value.insert(value.end(), sealed.begin(), sealed.end());
  return impl_->sessions->put(id, value);
}

Result<void> SessionStore::erase(const privacy::SessionId& id) { return impl_->sessions->erase(id); }

// What could not be put is known before the first of them is committed. The keys first, since they open the rest; the
// log last: what it tells is true when all before it is on disk.
Result<void> SessionStore::commit() {
  const auto all = {impl_->keys.get(), impl_->sessions.get(), impl_->log.get()};
  Result<void> done = good();
  for (Environment* each : all) {
    if (done) done = each->commit();
  }
  if (!done) {
    abort();
    return done;
  }
  impl_->committed = impl_->numbers;
  return done;
}

Result<void> SessionStore::commitViewers() {
  if (auto keys = impl_->keys->commit(); !keys) {
    abort();
    return keys;
  }
  return impl_->viewers->commit();
}

void SessionStore::abort() {
  for (Environment* each : {impl_->keys.get(), impl_->sessions.get(), impl_->log.get(), impl_->viewers.get()}) {
    each->abort();
  }
  impl_->numbers = impl_->committed;
  // It remembers keys that did not reach the disk.
  impl_->sealer = std::make_unique<privacy::Sealer>(impl_->wrapping, *impl_->keyStore, impl_->random);
}

Result<void> SessionStore::good() const {
  for (const Environment* each : {impl_->keys.get(), impl_->sessions.get(), impl_->log.get()}) DVPE_CHECK(each->good());
  return base::success();
}

std::uint64_t SessionStore::newestEntry() const { return impl_->numbers.newest; }

Result<void> SessionStore::each(const std::function<bool(const privacy::SessionId&, base::ByteView)>& take) {
  std::vector<privacy::SessionId> dead;
  std::size_t closed = 0;
  DVPE_CHECK(impl_->sessions->each([&](base::ByteView key, base::ByteView value) {
    privacy::SessionId id{};
    privacy::Pseudonym viewer{};
    if (key.size() != id.size() || value.size() < viewer.size()) return;
    std::memcpy(id.data(), key.data(), id.size());
    std::memcpy(viewer.data(), value.data(), viewer.size());
    auto record = impl_->sealer->open(viewer, "session", kRecordVersion, value.subspan(viewer.size()));
    if (record ? !take(id, record.value()) : record.error().code == ErrorCode::kNotFound) {
      dead.push_back(id);
    } else if (!record) {
      ++closed;
    }
  }));
  if (closed > 0) spdlog::error("sessions cannot be opened: is the viewers' key the right one? sessions={}", closed);
  for (const auto& id : dead) DVPE_CHECK(impl_->sessions->erase(id));
  return commit();
}

Result<void> SessionStore::putViewer(const privacy::Pseudonym& viewer, base::ByteView record) {
  DVPE_TRY(const auto sealed, impl_->sealer->seal(viewer, "viewer", kRecordVersion, record));
  return impl_->viewers->put(viewer, sealed);
}

Result<std::optional<base::Bytes>> SessionStore::viewer(const privacy::Pseudonym& viewer) {
  const auto sealed = impl_->viewers->get(viewer);
  if (!sealed) {
    if (sealed.error().code == ErrorCode::kNotFound) return std::optional<base::Bytes>{};
    return sealed.as_failure();
  }
  auto record = impl_->sealer->open(viewer, "viewer", kRecordVersion, sealed.value());
  if (!record) return std::optional<base::Bytes>{};
  return std::optional<base::Bytes>{std::move(record).value()};
}

Result<std::uint64_t> SessionStore::append(base::ByteView entry) {
  const std::uint64_t number = impl_->numbers.newest + 1;
  DVPE_CHECK(impl_->log->put(entryKey(number), entry));
  return impl_->numbers.newest = number;
}

Result<void> SessionStore::eachEntry(const std::function<void(std::uint64_t, base::ByteView)>& take) {
  return impl_->log->each([&](base::ByteView key, base::ByteView value) {
    if (const auto number = entryNumber(key)) take(*number, value);
  });
}

Result<void> SessionStore::dropEntries(std::uint64_t upTo) {
  auto& [newest, dropped] = impl_->numbers;
  for (; dropped < upTo && dropped + 1 < newest; ++dropped) DVPE_CHECK(impl_->log->erase(entryKey(dropped + 1)));
  return base::success();
}

Result<base::Bytes> SessionStore::sealFor(const privacy::Pseudonym& viewer, base::ByteView plain) {
  return impl_->sealer->seal(viewer, "break", kRecordVersion, plain);
}

Result<base::Bytes> SessionStore::openFor(const privacy::Pseudonym& viewer, base::ByteView sealed) {
  return impl_->sealer->open(viewer, "break", kRecordVersion, sealed);
}

Result<void> SessionStore::putCounter(std::string_view name, base::ByteView value) {
  return impl_->log->put(counterKey(name), value);
}

Result<void> SessionStore::eachCounter(const std::function<void(std::string_view, base::ByteView)>& take) {
  return impl_->log->each([&](base::ByteView key, base::ByteView value) {
    if (key.empty() || key[0] != 'c') return;
    take({reinterpret_cast<const char*>(key.data()) + 1, key.size() - 1}, value);
  });
}

Result<void> SessionStore::eraseViewer(const privacy::Pseudonym& viewer) { return impl_->sealer->erase(viewer); }

}  // namespace dvpe::personalize
