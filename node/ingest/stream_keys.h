// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Stream keys: 160 random bits, stored only as keyed hashes, compared in constant time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::ingest {

// A new key: 160 random bits as 32 characters of base32 (RFC 4648, lower case). Shown once, never stored.
std::string makeStreamKey(base::Random& random);

// HMAC-SHA-256 of the key under the node's pepper, as 64 hexadecimal characters.
std::string hashStreamKey(base::ByteView pepper, std::string_view key);

// Which channel a key opens. Immutable once loaded, so thread-safe; to rotate, load again and swap.
class StreamKeys {
 public:
  struct Entry {
    std::string channel;  // [A-Za-z0-9_-]{1,64}
    std::string hash;     // as hashStreamKey gives it
  };
  static constexpr std::size_t kMaxEntries = 10'000;

  // A channel may have several keys (rotation); a hash stands once.
  static base::Result<StreamKeys> create(base::Bytes pepper, std::vector<Entry> entries);
  // {"keys":[{"channel":"ch1","hash":"..."}]}, at most 4 MiB. kNotFound, kInvalidInput, kLimitExceeded.
  static base::Result<StreamKeys> load(const std::string& path, base::Bytes pepper);
  static base::Result<StreamKeys> parse(std::string_view json, base::Bytes pepper);

  // The channel of a key as received. Takes the same time whichever key it is, and whether it is known or not.
  std::optional<std::string> channelOf(std::string_view key) const;
  std::size_t size() const { return entries_.size(); }

 private:
  StreamKeys(base::Bytes pepper, std::vector<Entry> entries)
      : pepper_(std::move(pepper)), entries_(std::move(entries)) {}

  base::Bytes pepper_;
  std::vector<Entry> entries_;
};

}  // namespace dvpe::ingest
