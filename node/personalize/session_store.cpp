// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/session_store.h"

#include <cstring>
#include <fstream>
#include <vector>

#include "node/personalize/environment.h"
#include "shared/base/log.h"

namespace dvpe::personalize {

namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

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

// Earlier versions kept viewers under their pseudonyms, which must be in no file: what they wrote of viewers is
// deleted once. Players start new sessions, and caps begin anew; the log with its counters stays.
Result<void> dropOldFormat(const std::filesystem::path& folder) {
  const auto mark = folder / "format-2";
  std::error_code error;
  if (std::filesystem::exists(mark, error)) return base::success();
  bool dropped = false;
  for (const char* name : {"keys", "sessions", "viewers"}) {
    dropped = std::filesystem::remove_all(folder / name, error) > 0 || dropped;
    if (error) return fail(ErrorCode::kIo, (folder / name).string() + " cannot be deleted: " + error.message());
  }
  if (dropped) spdlog::warn("what an older version kept of viewers is deleted folder={}", folder.string());
  std::filesystem::create_directories(folder, error);
  std::ofstream out(mark);
  out << "viewers are stored under keyed digests\n" << std::flush;
  std::filesystem::permissions(mark, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  if (!out) return fail(ErrorCode::kIo, mark.string() + " cannot be written");
  return base::success();
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
  DVPE_CHECK(dropOldFormat(folder));
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

Result<void> SessionStore::eraseViewers(const std::set<privacy::Pseudonym>& viewers) {
  DVPE_CHECK(commit());
  DVPE_CHECK(commitViewers());
  std::vector<base::Bytes> dead;
  DVPE_CHECK(impl_->sessions->each([&](base::ByteView key, base::ByteView value) {
    privacy::Pseudonym viewer{};
    if (value.size() < viewer.size()) return;
    std::memcpy(viewer.data(), value.data(), viewer.size());
    if (viewers.contains(viewer)) dead.emplace_back(key.begin(), key.end());
  }));
  for (const auto& viewer : viewers) DVPE_CHECK(impl_->sealer->erase(viewer));  // the key: it opens all the rest
  for (const auto& viewer : viewers) DVPE_CHECK(impl_->viewers->erase(viewer));
  for (const auto& session : dead) DVPE_CHECK(impl_->sessions->erase(session));
  DVPE_CHECK(commit());
  DVPE_CHECK(commitViewers());
  // The keys first: what the others hold is sealed under them, but for the viewer's name.
  DVPE_CHECK(impl_->keys->scrub());
  DVPE_CHECK(impl_->sessions->scrub());
  return impl_->viewers->scrub();
}

}  // namespace dvpe::personalize
