// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Secret keys: read from files that only their owner may read, wiped from memory when they go. Keyed hashes that turn
// what a platform calls a viewer into what DVPE calls them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::privacy {

// 128 bits that stand for a viewer. Not secret, but personal data all the same.
using Pseudonym = std::array<std::uint8_t, 16>;
// 128 bits that name a session.
using SessionId = std::array<std::uint8_t, 16>;

// 256 bits that are wiped on destruction. A value; never logged, never printed.
class SecretKey {
 public:
  static constexpr std::size_t kSize = 32;
  explicit SecretKey(const std::array<std::uint8_t, kSize>& bytes) : bytes_(bytes) {}
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  static SecretKey generate(base::Random& random);
  base::ByteView bytes() const { return bytes_; }
  // A key for one use, derived by HMAC-SHA-256: knowing it tells nothing about this one or about those for other uses.
  SecretKey derive(std::string_view use) const;

 private:
  std::array<std::uint8_t, kSize> bytes_;
};

// The text of a file with secrets, at most `limit` bytes. kRefused when it is not a regular file or when the group or
// others may read it (systemd's $CREDENTIALS_DIRECTORY excepted, whose access lists show as group bits); kNotFound,
// kIo.
base::Result<std::string> readSecretFile(const std::filesystem::path& path, std::size_t limit = 65536);

// Writes a new file with mode 0600, whole or not at all, and flushed. kConflict when it exists and replace is false.
enum class IfExists { kFail, kReplace };
base::Result<void> writeSecretFile(const std::filesystem::path& path, std::string_view content, IfExists ifExists);

// A key file holds 32 bytes, or 64 hexadecimal digits and perhaps a line end (`openssl rand -hex 32`).
base::Result<SecretKey> loadSecretKey(const std::filesystem::path& path);

// HMAC-SHA-256 (RFC 2104) over the parts, each preceded by its length, so that no two lists of parts collide.
std::array<std::uint8_t, 32> keyedHash(const SecretKey& key, std::initializer_list<std::string_view> parts);

// The viewer behind the `sub` of a platform's token; the same for as long as the key is.
Pseudonym pseudonym(const SecretKey& key, std::string_view subject);

// The session of this token (`jti`) on this channel: a repeated request is the same session (design, section 8).
SessionId sessionId(const SecretKey& key, std::string_view jti, std::string_view channel);

// Compares without telling by its time where they differ; the lengths are not hidden.
bool equalSecrets(std::string_view a, std::string_view b);

}  // namespace dvpe::privacy
