// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The Sealer: what personal data passes before it touches LMDB, spool or database (design, section 8). Each viewer has
// a data key; it is wrapped by a key-encryption key that is kept outside every store. Erasing a viewer is deleting
// their wrapped key: from then on nothing that was sealed for them can be opened, wherever a copy of it may be.
#pragma once

#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/privacy/key_store.h"
#include "shared/privacy/secret.h"

namespace dvpe::privacy {

namespace impl {
class AesGcm;
}

// Key-encryption keys: the current one wraps; the previous one still unwraps until rewrap has seen every viewer.
struct WrappingKeys {
  SecretKey current;
  std::optional<SecretKey> previous;
};

// AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; at most 2^32 seals under one data key (section 8.3), counted
// across restarts by reserving kReserve seals at a time in the viewer's record.
//
// A sealed value is bound to viewer, field and version: moved to another place it does not open. Layout: version byte
// 1, nonce 12, ciphertext, tag 16. Thread-safe; not for the request path (one lock, and a store behind it).
class Sealer {
 public:
  static constexpr std::size_t kOverhead = 29;  // bytes that sealing adds
  static constexpr std::size_t kMaxPlain = 16 * 1024 * 1024;
  static constexpr std::uint64_t kMaxSeals = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kReserve = 1024;

  // store and random must outlive it. cached: how many viewers' open keys are kept in memory, of about 180
  // bytes each. One that is not kept costs a read, and before the next seal a write, of the store.
  Sealer(WrappingKeys keys, KeyStore& store, base::Random& random, std::size_t cached = 65536);
  ~Sealer();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  // Makes the viewer's key when there is none. field: 1 to 64 characters. kLimitExceeded, kInvalidInput, kIo.
  base::Result<base::Bytes> seal(const Pseudonym& viewer, std::string_view field, std::uint32_t version,
                                 base::ByteView plain);
  // kNotFound: the viewer has no key (erased, or never known). kInvalidInput: not ours, or of another place.
  base::Result<base::Bytes> open(const Pseudonym& viewer, std::string_view field, std::uint32_t version,
                                 base::ByteView sealed);
  // Deletes the viewer's key. A later seal makes a new one, which opens nothing old.
  base::Result<void> erase(const Pseudonym& viewer);
  // Wraps the viewer's key with the current wrapping key. After all viewers, the previous one may be destroyed.
  base::Result<void> rewrap(const Pseudonym& viewer);

 private:
  struct DataKey;
  using Recent = std::list<std::pair<Pseudonym, std::unique_ptr<DataKey>>>;

  base::Result<DataKey*> obtain(const Pseudonym& viewer);  // open key from cache or store
  base::Result<DataKey*> make(const Pseudonym& viewer);
  DataKey* remember(const Pseudonym& viewer, std::unique_ptr<DataKey> key);
  base::Bytes wrap(const Pseudonym& viewer, const DataKey& key);
  base::Result<std::unique_ptr<DataKey>> unwrap(const Pseudonym& viewer, base::ByteView record);

  struct Wrapper;
  std::unique_ptr<Wrapper> current_, previous_;
  KeyStore& store_;
  base::Random& random_;
  std::unique_ptr<impl::AesGcm> cipher_;  // under the data key of the value at hand
  std::size_t cached_;
  std::mutex mutex_;
  Recent recent_;  // most recently used first
  // Pseudonyms are keyed hashes: any part of one is as good as another hash of it.
  struct Part {
    std::size_t operator()(const Pseudonym& viewer) const {
      std::size_t out = 0;
      std::memcpy(&out, viewer.data(), sizeof out);
      return out;
    }
  };
  std::unordered_map<Pseudonym, Recent::iterator, Part> index_;
};

}  // namespace dvpe::privacy
