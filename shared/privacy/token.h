// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The session in a playlist URL: base64url(AES-256-GCM(claims)), so that any node that has the key can serve the viewer
// without asking anybody, and nobody else can read who they are (design, section 8).
//
// Token: base64url without padding (RFC 4648, section 5) of key id (1 byte), nonce (12), ciphertext, tag (16). The key
// id is authenticated with a domain prefix. Claims inside are in a compact binary form, see impl/claims.h.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/model/documents.h"
#include "shared/privacy/purposes.h"
#include "shared/privacy/secret.h"

namespace dvpe::privacy {

inline constexpr std::size_t kMaxToken = 700;  // characters
// What fits into that: 525 bytes, less key id, nonce and tag.
inline constexpr std::size_t kMaxClaims = kMaxToken / 4 * 3 - 29;

// What a session token says.
struct SessionClaims {
  std::uint8_t keyId = 0;  // set by open; seal uses the current key
  SessionId sessionId{};
  Pseudonym pseudonym{};
  std::string channel;                     // [A-Za-z0-9_-]{1,64}
  model::Map attributes;                   // of the viewer, without "viewer."; nested at most 4 deep
  PurposeSet purposes = 0;                 // consented to, of kPurposes
  std::vector<std::string> otherPurposes;  // further words: at most 16 of 1 to 64 characters
  std::int64_t expiry = 0;                 // seconds since 1970

  // Adds a purpose by its word, wherever it belongs.
  void consent(std::string_view purposeWord);
  bool consented(std::string_view purposeWord) const;
};

// The same without copies: views into the opener's buffer, valid until its next call.
struct ClaimsView {
  std::uint8_t keyId = 0;
  SessionId sessionId{};
  Pseudonym pseudonym{};
  std::string_view channel;
  PurposeSet purposes = 0;
  std::int64_t expiry = 0;
  base::ByteView otherPurposes, attributes;  // still encoded; toClaims() decodes them
};

// Decodes what a view leaves encoded. kInvalidInput cannot happen to a view that an opener gave.
base::Result<SessionClaims> toClaims(const ClaimsView& view);

// Two keys are live at a time, so that a key can be changed without ending sessions: tokens are made with the current
// one and both open.
struct SessionKeys {
  struct Key {
    std::uint8_t id;
    SecretKey secret;
  };
  Key current;
  std::optional<Key> previous;
};

// The session key file: one or two lines "ID HEX", an id from 0 to 255 and 64 hexadecimal digits, the current key
// first; empty lines and lines that begin with '#' are passed over.
base::Result<SessionKeys> loadSessionKeys(const std::filesystem::path& path);
base::Result<SessionKeys> parseSessionKeys(std::string_view text);

// Opens tokens on the request path: no lock, no allocation, about a microsecond. One per loop; one thread at a time.
class TokenOpener {
 public:
  explicit TokenOpener(const SessionKeys& keys);
  ~TokenOpener();
  TokenOpener(TokenOpener&&) noexcept;

  // now: seconds since 1970. kInvalidInput: not a token of ours; kRefused: expired. Only failures allocate (a message).
  base::Result<void> openInto(std::string_view token, std::int64_t now, ClaimsView& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Makes tokens, and opens them where speed does not matter. Thread-safe.
class TokenSealer {
 public:
  // random must outlive it.
  TokenSealer(const SessionKeys& keys, base::Random& random);
  ~TokenSealer();

  // kLimitExceeded: the token would be longer than kMaxToken, or the key has made 2^32 tokens (SP 800-38D, 8.3);
  // kInvalidInput: the claims break a bound named at SessionClaims.
  base::Result<std::string> seal(const SessionClaims& claims);
  base::Result<SessionClaims> open(std::string_view token, std::int64_t now);

 private:
  struct Impl;
  std::mutex mutex_;
  std::unique_ptr<Impl> impl_;
  base::Random& random_;
};

}  // namespace dvpe::privacy
