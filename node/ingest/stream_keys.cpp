// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/stream_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <fstream>
#include <set>

namespace dvpe::ingest {
namespace {

using base::ErrorCode;

constexpr std::size_t kMaxFile = 4 * 1024 * 1024;
constexpr std::size_t kMaxChannel = 64;
constexpr std::size_t kHashSize = 64;

auto bad(const char* what) { return base::fail(ErrorCode::kInvalidInput, std::string("stream keys: ") + what); }

bool isChannel(std::string_view id) {
  return !id.empty() && id.size() <= kMaxChannel && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool isHash(std::string_view hash) {
  return hash.size() == kHashSize &&
         std::all_of(hash.begin(), hash.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string makeStreamKey(base::Random& random) {
  static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<std::uint8_t, 20> bytes{};
  random.fill(bytes);
  std::string key;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
    const unsigned two = bytes[bit / 8] * 256U + (bit / 8 + 1 < bytes.size() ? bytes[bit / 8 + 1] : 0U);
    key += kAlphabet[(two >> (11 - bit % 8)) & 31];
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

std::string hashStreamKey(base::ByteView pepper, std::string_view key) {
  std::array<std::uint8_t, 32> digest{};
  unsigned size = 0;
  const auto bytes = base::view(key);
  HMAC(EVP_sha256(), pepper.data(), static_cast<int>(pepper.size()), bytes.data(), bytes.size(), digest.data(), &size);
  return base::hex(digest);
}

base::Result<StreamKeys> StreamKeys::create(base::Bytes pepper, std::vector<Entry> entries) {
  if (pepper.size() < 16) {
    return bad("the pepper is shorter than 16 bytes");
  }
  if (entries.size() > kMaxEntries) {
    return base::fail(ErrorCode::kLimitExceeded, "stream keys: too many");
  }
  std::set<std::string_view> seen;
  for (const Entry& entry : entries) {
    if (!isChannel(entry.channel)) {
      return bad("a channel's id is not valid");
    }
    if (!isHash(entry.hash)) {
      return bad("a hash is not 64 lower-case hexadecimal characters");
    }
    if (!seen.insert(entry.hash).second) {
      return bad("a hash stands twice");
    }
  }
  return StreamKeys(std::move(pepper), std::move(entries));
}

base::Result<StreamKeys> StreamKeys::parse(std::string_view json, base::Bytes pepper) {
  if (json.size() > kMaxFile) {
    return base::fail(ErrorCode::kLimitExceeded, "stream keys: file too large");
  }
  boost::system::error_code ec;
  const boost::json::value document = boost::json::parse(json, ec);
  const auto* root = ec ? nullptr : document.if_object();
  const auto* found = root ? root->if_contains("keys") : nullptr;
  const auto* list = found ? found->if_array() : nullptr;
  if (list == nullptr) {
    return bad("not a JSON object with an array \"keys\"");
  }
  if (list->size() > kMaxEntries) {
    return base::fail(ErrorCode::kLimitExceeded, "stream keys: too many");
  }
  std::vector<Entry> entries;
  for (const boost::json::value& item : *list) {
    const auto* object = item.if_object();
    const auto* channel = object ? object->if_contains("channel") : nullptr;
    const auto* hash = object ? object->if_contains("hash") : nullptr;
    if (channel == nullptr || hash == nullptr || !channel->is_string() || !hash->is_string()) {
      return bad("an entry lacks \"channel\" or \"hash\"");
    }
    entries.push_back({std::string(channel->get_string()), std::string(hash->get_string())});
  }
  return create(std::move(pepper), std::move(entries));
}

base::Result<StreamKeys> StreamKeys::load(const std::string& path, base::Bytes pepper) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return base::fail(ErrorCode::kNotFound, "stream keys: cannot open " + path);
  }
  std::string text(kMaxFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse(text, std::move(pepper));
}

std::optional<std::string> StreamKeys::channelOf(std::string_view key) const {
  const std::string hash = hashStreamKey(pepper_, key);
  const Entry* match = nullptr;
  for (const Entry& entry : entries_) {  // all of them, always
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), kHashSize) == 0) {
      match = &entry;
    }
  }
  return match ? std::optional<std::string>(match->channel) : std::nullopt;
}

}  // namespace dvpe::ingest
