// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Signatures: Ed25519 (RFC 8032), detached, over the exact stored bytes. There is no canonical form: who changes a byte
// needs a new signature. Each is made for one domain, so that what was signed for one use is never valid for another.
// Thread-safe: values and functions without state.
#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::release {

// What signed bytes are. The domain's name, "dvpe-document-v1" and so on, and a zero byte go before them.
enum class Domain {
  kDocument,
  kCountersignature,
  kKeys,
  kRelease,
  kRollback,
  kCommand,
  kAuditHead,
  kPlan,
  kImpressions,
  kManifest,
  kModel
};

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

// The name of a key: the first 16 hexadecimal digits of the SHA-256 of its public half. Whoever names another key with
// it has found a collision of 64 bits; the keys document refuses two keys of one name.
std::string keyId(const PublicKey& key);

// Whether this key made the signature, over these bytes and for this domain.
bool verify(const PublicKey& key, Domain domain, base::ByteView bytes, const Signature& signature);

// A private key: wiped when it goes. Moves, does not copy.
class PrivateKey {
 public:
  static PrivateKey generate();
  ~PrivateKey();
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;

  const PublicKey& publicKey() const { return public_; }
  std::string id() const { return keyId(public_); }
  Signature sign(Domain domain, base::ByteView bytes) const;

  // PKCS #8 (RFC 5958) under a passphrase: PBES2 with scrypt (RFC 7914; N = 2^14, r = 8, p = 1) and AES-256-CBC, as
  // PEM, which `openssl pkey` reads too. An empty passphrase is refused (kInvalidInput).
  base::Result<std::string> seal(std::string_view passphrase) const;
  // kRefused: another passphrase, or not such a key. At most 8 KiB of text.
  static base::Result<PrivateKey> open(std::string_view pem, std::string_view passphrase);

 private:
  struct Free {
    void operator()(void* key) const;
  };
  explicit PrivateKey(void* key);
  std::unique_ptr<void, Free> key_;
  PublicKey public_{};
};

// Bytes with the signatures that came with them; nothing is checked yet.
struct Signed {
  struct By {
    std::string key;  // keyId
    Signature signature{};
  };
  std::string bytes;
  std::vector<By> by;
};

// Signs `bytes` once more.
void addSignature(Signed& document, Domain domain, const PrivateKey& key);

// Signatures as JSON: [{"key", "signature"}].
boost::json::array toJson(const std::vector<Signed::By>& by);
base::Result<std::vector<Signed::By>> parseSignatures(const boost::json::value& json);

// Hexadecimal: 128 digits and 64.
base::Result<Signature> parseSignature(std::string_view hex);
base::Result<PublicKey> parsePublicKey(std::string_view hex);

}  // namespace dvpe::release
