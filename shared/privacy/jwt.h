// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The tokens with which platforms start sessions for their viewers: JSON Web Tokens (RFC 7519) in JWS compact form
// (RFC 7515), checked against a JSON Web Key Set (RFC 7517).
//
// Two algorithms, and the key says which: EdDSA with Ed25519 (RFC 8037) and ES256 (RFC 7518, 3.4). A token whose header
// names another algorithm than its key's is refused, so `none`, HS* and RS* never work. Nothing here logs.
//
// Claims: `exp`, `jti` (1 to 128 characters) and `sub` (1 to 256) are required; `nbf`, `iat`, `aud` and `iss` are
// checked when present; `"dvpe": {"channel": ID, "attributes": {...}, "consent": [...]}` says what else is known of the
// viewer, each part optional. Clocks may differ by kLeeway.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"

namespace dvpe::privacy {

inline constexpr std::size_t kMaxJwt = 8192;    // characters
inline constexpr std::int64_t kJwtLeeway = 60;  // seconds
inline constexpr std::size_t kMaxPlatformKeys = 64;

// What a valid token says.
struct PlatformClaims {
  std::string issuer;   // `iss`; empty: none. When the key is bound to one, it is that one
  std::string subject;  // personal data
  std::string id;       // `jti`
  std::int64_t expiry = 0;
  std::string channel;  // the only channel that it is for; empty: any
  model::Map attributes;
  std::vector<std::string> consent;
};

// The platforms' public keys. Immutable once parsed: thread-safe, cheap to copy.
class PlatformKeys {
 public:
  // A key set of at most 64 KB and kMaxPlatformKeys. Members read of each key: kty, crv, x, y, kid, use, key_ops, alg,
  // and `iss`, an addition of ours: the key signs for that issuer alone. Keys of other types and uses are passed over
  // (RFC 7517, 5). kInvalidInput: not a key set, no usable key, a private key among them, or several keys of which one
  // has no `kid` of its own.
  static base::Result<PlatformKeys> parse(std::string_view jwks);

  std::size_t size() const;     // usable keys
  std::size_t ignored() const;  // those that were passed over

  // The payload of a token whose signature is right, whatever it says. All errors are kRefused.
  base::Result<std::string> open(std::string_view token) const;

  // The claims of a token that is valid at `now` (seconds since 1970). audience: what `aud` must name; empty: `aud` is
  // not looked at. All errors are kRefused; their messages hold nothing of the token.
  base::Result<PlatformClaims> verify(std::string_view token, std::int64_t now, std::string_view audience) const;

 private:
  struct Key;
  struct Set;
  struct Opened;
  explicit PlatformKeys(std::shared_ptr<const Set> set) : set_(std::move(set)) {}
  base::Result<Opened> check(std::string_view token) const;

  std::shared_ptr<const Set> set_;
};

}  // namespace dvpe::privacy
