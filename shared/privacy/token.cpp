// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/token.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>

#include "shared/privacy/impl/aes_gcm.h"
#include "shared/privacy/impl/base64url.h"
#include "shared/privacy/impl/claims.h"

namespace dvpe::privacy {

using base::ErrorCode;
using base::fail;
using impl::AesGcm;
using impl::decode64;
using impl::encode64;
using impl::kNonceSize;
using impl::kTagSize;
using impl::Nonce;

namespace {

constexpr std::size_t kHead = 1 + kNonceSize;
constexpr std::uint64_t kMaxSeals = std::uint64_t{1} << 32;
// What is authenticated beside the claims. The prefix keeps a token from being taken for anything else.
std::array<std::uint8_t, 16> additional(std::uint8_t keyId) {
  constexpr std::string_view kPrefix = "dvpe-session-v1";
  std::array<std::uint8_t, 16> data{};
  std::copy(kPrefix.begin(), kPrefix.end(), data.begin());
  data.back() = keyId;
  return data;
}

struct NumberedCipher {
  explicit NumberedCipher(const SessionKeys::Key& key) : id(key.id), cipher(key.secret.derive("session-token")) {}
  std::uint8_t id;
  AesGcm cipher;
};

}  // namespace

// ---- opening

struct TokenOpener::Impl {
  explicit Impl(const SessionKeys& keys) : current(keys.current) {
    if (keys.previous) previous.emplace(*keys.previous);
  }
  NumberedCipher current;
  std::optional<NumberedCipher> previous;
  std::array<std::uint8_t, kMaxToken> sealed{};
  std::array<std::uint8_t, kMaxToken> plain{};
};

TokenOpener::TokenOpener(const SessionKeys& keys) : impl_(std::make_unique<Impl>(keys)) {}
TokenOpener::~TokenOpener() = default;
TokenOpener::TokenOpener(TokenOpener&&) noexcept = default;

base::Result<void> TokenOpener::openInto(std::string_view token, std::int64_t now, ClaimsView& out) {
  Impl& m = *impl_;
  if (token.size() > kMaxToken) {
    return fail(ErrorCode::kInvalidInput, "not a session");
  }
  const auto size = decode64(token, m.sealed.data());
  if (!size || *size < kHead + kTagSize) {
    return fail(ErrorCode::kInvalidInput, "not a session");
  }
  const std::uint8_t id = m.sealed[0];
  NumberedCipher* key = id == m.current.id ? &m.current : m.previous && id == m.previous->id ? &*m.previous : nullptr;
  Nonce nonce{};
  std::copy_n(m.sealed.begin() + 1, nonce.size(), nonce.begin());
  const base::ByteView rest{m.sealed.data() + kHead, *size - kHead};
  if (key == nullptr || !key->cipher.open(nonce, additional(id), rest, m.plain.data()) ||
      !impl::decodeClaims({m.plain.data(), rest.size() - kTagSize}, out)) {
    return fail(ErrorCode::kInvalidInput, "not a session");
  }
  out.keyId = id;
  if (out.expiry <= now) {
    return fail(ErrorCode::kRefused, "expired");
  }
  return base::success();
}

// ---- sealing

struct TokenSealer::Impl {
  explicit Impl(const SessionKeys& keys) : current(keys.current), opener(keys) {}
  NumberedCipher current;
  TokenOpener opener;
  std::uint64_t made = 0;
};

TokenSealer::TokenSealer(const SessionKeys& keys, base::Random& random)
    : impl_(std::make_unique<Impl>(keys)), random_(random) {}
TokenSealer::~TokenSealer() = default;

base::Result<std::string> TokenSealer::seal(const SessionClaims& claims) {
  DVPE_TRY(const base::Bytes plain, impl::encodeClaims(claims));
  Nonce nonce{};
  random_.fill(nonce);
  base::Bytes sealed(kHead + plain.size() + kTagSize);
  const std::lock_guard lock(mutex_);
  if (impl_->made >= kMaxSeals) {
    return fail(ErrorCode::kLimitExceeded, "the session key has been used too often; change it");
  }
  ++impl_->made;
  sealed[0] = impl_->current.id;
  std::copy(nonce.begin(), nonce.end(), sealed.begin() + 1);
  if (!impl_->current.cipher.seal(nonce, additional(sealed[0]), plain, sealed.data() + kHead)) {
    return fail(ErrorCode::kInternal, "encryption failed");
  }
  return encode64(sealed);
}

base::Result<SessionClaims> TokenSealer::open(std::string_view token, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  ClaimsView view;
  DVPE_CHECK(impl_->opener.openInto(token, now, view));
  return toClaims(view);
}

// ---- keys

base::Result<SessionKeys> parseSessionKeys(std::string_view text) {
  std::vector<SessionKeys::Key> keys;
  int lineNumber = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++lineNumber;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = "line " + std::to_string(lineNumber) + ": ";
    const char* const lineEnd = line.data() + line.size();
    std::uint8_t id = 0;
    const auto [after, error] = std::from_chars(line.data(), lineEnd, id);
    if (error != std::errc{} || lineEnd - after != 65 || *after != ' ') {
      return fail(ErrorCode::kInvalidInput, where + "expected an id from 0 to 255, a space and 64 hexadecimal digits");
    }
    std::array<std::uint8_t, SecretKey::kSize> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char* digits = after + 1 + 2 * i;
      if (std::from_chars(digits, digits + 2, bytes[i], 16).ptr != digits + 2) {
        return fail(ErrorCode::kInvalidInput, where + "expected 64 hexadecimal digits after the id");
      }
    }
    keys.push_back({id, SecretKey(bytes)});
    OPENSSL_cleanse(bytes.data(), bytes.size());
  }
  if (keys.empty() || keys.size() > 2) {
    return fail(ErrorCode::kInvalidInput, "expected one or two session keys, found " + std::to_string(keys.size()));
  }
  if (keys.size() == 2 && keys[0].id == keys[1].id) {
    return fail(ErrorCode::kInvalidInput, "the two session keys have the same id");
  }
  SessionKeys out{keys[0], std::nullopt};
  if (keys.size() == 2) out.previous = keys[1];
  return out;
}

base::Result<SessionKeys> loadSessionKeys(const std::filesystem::path& path) {
  DVPE_TRY(std::string text, readSecretFile(path, 4096));
  auto keys = parseSessionKeys(text);
  OPENSSL_cleanse(text.data(), text.size());
  if (!keys) {
    return fail(keys.error().code, path.string() + ": " + keys.error().message);
  }
  return keys;
}

}  // namespace dvpe::privacy
