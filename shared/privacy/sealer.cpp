// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/sealer.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>

#include "shared/privacy/impl/aes_gcm.h"

namespace dvpe::privacy {

using base::ErrorCode;
using base::fail;
using impl::AesGcm;
using impl::kNonceSize;
using impl::kTagSize;
using impl::Nonce;

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kKeyIdSize = 4;
// version, seals reserved, id of the wrapping key, nonce, wrapped key, tag
constexpr std::size_t kRecordSize = 1 + 8 + kKeyIdSize + kNonceSize + SecretKey::kSize + kTagSize;

void append(base::Bytes& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift & 255));
  }
}

void append(base::Bytes& out, base::ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

base::Bytes fieldData(const Pseudonym& viewer, std::string_view field, std::uint32_t version) {
  base::Bytes data;
  data.reserve(13 + viewer.size() + 2 + field.size() + 4);
  append(data, base::view("dvpe-field-v1"));
  append(data, viewer);
  append(data, field.size(), 2);
  append(data, base::view(field));
  append(data, version, 4);
  return data;
}

base::Bytes wrapData(const Pseudonym& viewer) {
  base::Bytes data;
  append(data, base::view("dvpe-wrap-v1"));
  append(data, viewer);
  return data;
}

Nonce nonceAt(base::ByteView from) {
  Nonce nonce{};
  std::copy_n(from.data(), nonce.size(), nonce.begin());
  return nonce;
}

}  // namespace

struct Sealer::Wrapper {
  explicit Wrapper(const SecretKey& key) : cipher(key.derive("wrap")) {
    const auto digest = keyedHash(key, {"dvpe-key-id-v1"});
    std::copy_n(digest.begin(), id.size(), id.begin());
  }
  AesGcm cipher;
  std::array<std::uint8_t, kKeyIdSize> id{};  // tells which key wrapped a record
};

struct Sealer::DataKey {
  explicit DataKey(const SecretKey& k) : key(k) {}
  SecretKey key;
  std::uint64_t used = 0;      // seals made, counting every one that a former process had reserved
  std::uint64_t reserved = 0;  // seals that the store knows of
};

Sealer::Sealer(WrappingKeys keys, KeyStore& store, base::Random& random, std::size_t cached)
    : current_(std::make_unique<Wrapper>(keys.current)),
      previous_(keys.previous ? std::make_unique<Wrapper>(*keys.previous) : nullptr),
      store_(store),
      random_(random),
      cipher_(std::make_unique<AesGcm>(SecretKey({}))),
      cached_(std::max<std::size_t>(cached, 1)) {}

Sealer::~Sealer() = default;

base::Bytes Sealer::wrap(const Pseudonym& viewer, const DataKey& key) {
  base::Bytes record;
  record.reserve(kRecordSize);
  record.push_back(kVersion);
  append(record, key.reserved, 8);
  append(record, current_->id);
  Nonce nonce{};
  random_.fill(nonce);
  append(record, nonce);
  const std::size_t at = record.size();
  record.resize(kRecordSize);
  if (!current_->cipher.seal(nonce, wrapData(viewer), key.key.bytes(), record.data() + at)) {
    std::abort();  // OpenSSL cannot encrypt 32 bytes: ours, and nothing after it would be safe
  }
  return record;
}

base::Result<std::unique_ptr<Sealer::DataKey>> Sealer::unwrap(const Pseudonym& viewer, base::ByteView record) {
  if (record.size() != kRecordSize || record[0] != kVersion) {
    return fail(ErrorCode::kInvalidInput, "a viewer's key record is damaged");
  }
  std::uint64_t reserved = 0;
  for (std::size_t i = 1; i <= 8; ++i) {
    reserved = reserved << 8 | record[i];
  }
  const base::ByteView id = record.subspan(9, kKeyIdSize);
  for (Wrapper* wrapper : {current_.get(), previous_.get()}) {
    if (wrapper == nullptr || !std::equal(id.begin(), id.end(), wrapper->id.begin())) {
      continue;
    }
    std::array<std::uint8_t, SecretKey::kSize> plain{};
    const base::ByteView rest = record.subspan(9 + kKeyIdSize);
    const bool ok = wrapper->cipher.open(nonceAt(rest), wrapData(viewer), rest.subspan(kNonceSize), plain.data());
    auto key = std::make_unique<DataKey>(SecretKey(plain));
    OPENSSL_cleanse(plain.data(), plain.size());
    if (!ok) {
      break;
    }
    key->used = key->reserved = reserved;
    return key;
  }
  return fail(ErrorCode::kInvalidInput, "a viewer's key was not wrapped by the wrapping keys given, or it is damaged");
}

Sealer::DataKey* Sealer::remember(const Pseudonym& viewer, std::unique_ptr<DataKey> key) {
  recent_.emplace_front(viewer, std::move(key));
  index_[viewer] = recent_.begin();
  while (recent_.size() > cached_) {
    index_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return recent_.front().second.get();
}

base::Result<Sealer::DataKey*> Sealer::obtain(const Pseudonym& viewer) {
  if (const auto found = index_.find(viewer); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return recent_.front().second.get();
  }
  DVPE_TRY(const base::Bytes record, store_.load(viewer));
  DVPE_TRY(auto key, unwrap(viewer, record));
  return remember(viewer, std::move(key));
}

base::Result<Sealer::DataKey*> Sealer::make(const Pseudonym& viewer) {
  auto key = std::make_unique<DataKey>(SecretKey::generate(random_));
  key->reserved = kReserve;
  DVPE_CHECK(store_.save(viewer, wrap(viewer, *key)));
  return remember(viewer, std::move(key));
}

base::Result<base::Bytes> Sealer::seal(const Pseudonym& viewer, std::string_view field, std::uint32_t version,
                                       base::ByteView plain) {
  if (field.empty() || field.size() > 64) {
    return fail(ErrorCode::kInvalidInput, "a field's name has 1 to 64 characters");
  }
  if (plain.size() > kMaxPlain) {
    return fail(ErrorCode::kLimitExceeded, "too much to seal at once");
  }
  const std::lock_guard lock(mutex_);
  auto got = obtain(viewer);
  if (!got && got.error().code == ErrorCode::kNotFound) {
    got = make(viewer);
  }
  if (!got) {
    return fail(got.error().code, got.error().message);
  }
  DataKey& key = *got.value();
  if (key.used >= kMaxSeals) {
    return fail(ErrorCode::kLimitExceeded, "this viewer's key has been used too often");
  }
  if (key.used == key.reserved) {
    key.reserved += kReserve;
    if (auto saved = store_.save(viewer, wrap(viewer, key)); !saved) {
      key.reserved -= kReserve;
      return fail(saved.error().code, saved.error().message);
    }
  }
  ++key.used;
  Nonce nonce{};
  random_.fill(nonce);
  base::Bytes out;
  out.reserve(plain.size() + kOverhead);
  out.push_back(kVersion);
  append(out, nonce);
  out.resize(plain.size() + kOverhead);
  cipher_->rekey(key.key);
  if (!cipher_->seal(nonce, fieldData(viewer, field, version), plain, out.data() + 1 + kNonceSize)) {
    return fail(ErrorCode::kInternal, "encryption failed");
  }
  return out;
}

base::Result<base::Bytes> Sealer::open(const Pseudonym& viewer, std::string_view field, std::uint32_t version,
                                       base::ByteView sealed) {
  if (sealed.size() < kOverhead || sealed.size() > kMaxPlain + kOverhead || sealed[0] != kVersion ||
      field.size() > 64) {
    return fail(ErrorCode::kInvalidInput, "this is not a sealed value");
  }
  const std::lock_guard lock(mutex_);
  DVPE_TRY(DataKey * key, obtain(viewer));
  base::Bytes plain(sealed.size() - kOverhead);
  cipher_->rekey(key->key);
  if (!cipher_->open(nonceAt(sealed.subspan(1)), fieldData(viewer, field, version), sealed.subspan(1 + kNonceSize),
                     plain.data())) {
    return fail(ErrorCode::kInvalidInput, "this was not sealed for this viewer, field and version");
  }
  return plain;
}

base::Result<void> Sealer::erase(const Pseudonym& viewer) {
  const std::lock_guard lock(mutex_);
  // Out of memory first: should the store fail, nothing of the key is left in use, and the caller tries again.
  if (const auto found = index_.find(viewer); found != index_.end()) {
    recent_.erase(found->second);
    index_.erase(found);
  }
  cipher_->rekey(SecretKey({}));
  return store_.erase(viewer);
}

base::Result<void> Sealer::rewrap(const Pseudonym& viewer) {
  const std::lock_guard lock(mutex_);
  DVPE_TRY(DataKey * key, obtain(viewer));
  return store_.save(viewer, wrap(viewer, *key));
}

}  // namespace dvpe::privacy
