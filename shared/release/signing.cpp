// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/signing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace dvpe::release {

using base::ErrorCode;
using base::fail;

namespace {

constexpr std::size_t kMaxPem = 8192;
constexpr std::uint64_t kScryptCost = 1 << 14;  // more is over the memory that OpenSSL allows itself when it decrypts

std::string_view prefix(Domain domain) {
  using namespace std::string_view_literals;
  switch (domain) {
    case Domain::kDocument:
      return "dvpe-document-v1\0"sv;
    case Domain::kCountersignature:
      return "dvpe-countersignature-v1\0"sv;
    case Domain::kKeys:
      return "dvpe-keys-v1\0"sv;
    case Domain::kRelease:
      return "dvpe-release-v1\0"sv;
    case Domain::kRollback:
      return "dvpe-rollback-v1\0"sv;
    case Domain::kCommand:
      return "dvpe-command-v1\0"sv;
    case Domain::kAuditHead:
      return "dvpe-audit-head-v1\0"sv;
    case Domain::kPlan:
      return "dvpe-plan-v1\0"sv;
    case Domain::kImpressions:
      return "dvpe-impressions-v1\0"sv;
    case Domain::kManifest:
      return "dvpe-impression-manifest-v1\0"sv;
    case Domain::kModel:
      return "dvpe-model-v1\0"sv;
  }
  std::abort();
}

// PureEdDSA hashes the message twice, so it must lie in one piece.
base::Bytes message(Domain domain, base::ByteView bytes) {
  const std::string_view head = prefix(domain);
  base::Bytes out;
  out.reserve(head.size() + bytes.size());
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

template <auto F>
struct With {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};
using Context = std::unique_ptr<EVP_MD_CTX, With<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, With<BIO_free_all>>;

Bio memory() { return Bio(BIO_new(BIO_s_mem())); }

template <std::size_t N>
base::Result<std::array<std::uint8_t, N>> fromHex(std::string_view text, const char* what) {
  std::array<std::uint8_t, N> out{};
  bool good = text.size() == 2 * N;
  for (std::size_t i = 0; good && i < N; ++i) {
    const char* at = text.data() + 2 * i;
    good = std::from_chars(at, at + 2, out[i], 16).ptr == at + 2;
  }
  if (!good)
    return fail(ErrorCode::kInvalidInput, std::string(what) + " has " + std::to_string(2 * N) + " hexadecimal digits");
  return out;
}

}  // namespace

std::string keyId(const PublicKey& key) { return base::sha256(key).substr(0, 16); }

bool verify(const PublicKey& key, Domain domain, base::ByteView bytes, const Signature& signature) {
  const std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const Context context(EVP_MD_CTX_new());
  if (!pkey || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) != 1)
    return false;
  const base::Bytes text = message(domain, bytes);
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), text.data(), text.size()) == 1;
}

void PrivateKey::Free::operator()(void* key) const { EVP_PKEY_free(static_cast<EVP_PKEY*>(key)); }

PrivateKey::PrivateKey(void* key) : key_(key) {
  std::size_t size = public_.size();
  if (EVP_PKEY_get_raw_public_key(static_cast<EVP_PKEY*>(key), public_.data(), &size) != 1) std::abort();
}
PrivateKey::~PrivateKey() = default;
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;

PrivateKey PrivateKey::generate() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) std::abort();  // no randomness: nothing that we do after this would be safe
  return PrivateKey(key);
}

Signature PrivateKey::sign(Domain domain, base::ByteView bytes) const {
  const Context context(EVP_MD_CTX_new());
  const base::Bytes text = message(domain, bytes);
  Signature out{};
  std::size_t size = out.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, static_cast<EVP_PKEY*>(key_.get())) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, text.data(), text.size()) != 1 || size != out.size()) {
    std::abort();
  }
  return out;
}

base::Result<std::string> PrivateKey::seal(std::string_view passphrase) const {
  if (passphrase.empty()) return fail(ErrorCode::kInvalidInput, "a private key needs a passphrase");
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, With<PKCS8_PRIV_KEY_INFO_free>> plain(
      EVP_PKEY2PKCS8(static_cast<EVP_PKEY*>(key_.get())));
  // Salt and initialization vector: random, made by OpenSSL.
  X509_ALGOR* scheme = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptCost, 8, 1);
  if (!plain || scheme == nullptr) return fail(ErrorCode::kInternal, "the key cannot be encrypted");
  const std::unique_ptr<X509_SIG, With<X509_SIG_free>> sealed(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), plain.get(), scheme));
  if (!sealed) {
    X509_ALGOR_free(scheme);
    return fail(ErrorCode::kInternal, "the key cannot be encrypted");
  }
  const Bio out = memory();
  if (!out || PEM_write_bio_PKCS8(out.get(), sealed.get()) != 1) {
    return fail(ErrorCode::kInternal, "the key cannot be written");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

base::Result<PrivateKey> PrivateKey::open(std::string_view pem, std::string_view passphrase) {
  const auto refused = [] {
    return fail(ErrorCode::kRefused, "not an encrypted Ed25519 key, or its passphrase is another");
  };
  if (pem.size() > kMaxPem || !pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")) return refused();
  const Bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!in) return fail(ErrorCode::kInternal, "no memory");
  const std::unique_ptr<X509_SIG, With<X509_SIG_free>> sealed(PEM_read_bio_PKCS8(in.get(), nullptr, nullptr, nullptr));
  if (!sealed) return refused();
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, With<PKCS8_PRIV_KEY_INFO_free>> plain(
      PKCS8_decrypt(sealed.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  if (!plain) return refused();
  EVP_PKEY* key = EVP_PKCS82PKEY(plain.get());
  if (key == nullptr) return refused();
  if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
    EVP_PKEY_free(key);
    return refused();
  }
  return PrivateKey(key);
}

void addSignature(Signed& document, Domain domain, const PrivateKey& key) {
  document.by.push_back({key.id(), key.sign(domain, base::view(document.bytes))});
}

base::Result<Signature> parseSignature(std::string_view hex) { return fromHex<64>(hex, "a signature"); }
base::Result<PublicKey> parsePublicKey(std::string_view hex) { return fromHex<32>(hex, "a public key"); }

}  // namespace dvpe::release
