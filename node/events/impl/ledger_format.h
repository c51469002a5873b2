// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The bytes of signed impressions (docs/reference/impressions.md): one JSON object a line. Values and functions without
// state. What is read is bounded before it is parsed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/events/event.h"
#include "shared/base/result.h"
#include "shared/release/signing.h"

namespace dvpe::events {

using Hash = std::array<std::uint8_t, 32>;
inline constexpr std::size_t kMaxLedgerLine = 4096;
inline constexpr std::size_t kMaxManifest = 64U << 20U;
inline constexpr const char* kManifestName = "manifest";

// What a line makes of the hash before it: SHA-256 over that and the line without its end. Before the first: zeros.
Hash chained(const Hash& before, std::string_view line);
std::optional<Hash> parseHash(std::string_view hex);

// "2026-11-23"
std::string dayText(std::int32_t day);
std::optional<std::int32_t> parseDay(std::string_view text);
// The state of an impression as its line has it; empty: no state, it is not written.
std::string_view stateOf(Kind kind);
// The first 32 hexadecimal digits of the SHA-256 of a campaign's name.
std::string digestOf(std::string_view campaign);
// As names are written: printable ASCII; what is not, and what JSON would escape, becomes '?'.
std::string plain(std::string text);
void appendText(std::string& out, std::string_view text);  // plain, with quotes

// A file of the ledger, as far as it is vouched for.
struct LedgerFile {
  std::string path;  // below the ledger's folder
  std::string campaign;
  std::int32_t day = 0;
  std::uint64_t lines = 0;   // impressions
  std::uint64_t sealed = 0;  // of them: before the last seal
  std::uint64_t bytes = 0;
  Hash hash{};           // of all lines
  bool damaged = false;  // the node met it shorter than this
};

// Days that are over: their files stand in a signed list of their own.
struct ClosedDay {
  std::string path;
  std::int32_t day = 0;
  std::uint64_t files = 0, bytes = 0;
  std::string hash;  // of the list, as hashOf() makes it
};

// What a node vouches for at a moment; a list of a closed day has files alone.
struct Manifest {
  std::uint64_t number = 0;
  std::string previous;   // hash of the manifest before; empty: the first
  std::string key;        // id of the node's
  std::int64_t at = 0;    // seconds since 1970
  std::int32_t from = 0;  // days before were deleted when they were old enough
  std::string spool;      // whose events up to `position` are written
  std::uint64_t position = 0;
  std::vector<ClosedDay> closed;
  std::vector<LedgerFile> files;
};

// Signed text, and the hash by which the next one names it.
std::string signedText(const Manifest& manifest, const release::PrivateKey& key);
std::string hashOf(std::string_view signedText);

struct ReadManifest {
  Manifest manifest;
  std::string_view bytes;  // what is signed; of the text
  release::Signature signature{};
};
// kInvalidInput, kLimitExceeded. The signature is not checked. Paths lead nowhere but below the folder.
base::Result<ReadManifest> parseManifest(std::string_view text);

// Lines of a file, without their ends.
struct FileHeader {
  std::string key, campaign;
  std::int32_t day = 0;
};
std::string headerLine(const FileHeader& header);
std::string sealLine(std::uint64_t lines, const Hash& hash, std::int64_t at, bool final,
                     const release::PrivateKey& key);
// number from 1; `before` is the hash of the lines before.
void appendLine(std::string& out, std::uint64_t number, const Id& id, const Event& event, const Hash& before);

struct ReadLine {
  enum class Type { kHeader, kImpression, kSeal } type = Type::kImpression;
  FileHeader header;
  std::uint64_t number = 0;  // of an impression; of a seal: impressions before it
  std::string id, state, prev;
  Hash hash{};  // of a seal
  std::int64_t at = 0;
  bool final = false;
  std::string_view bytes;  // of a seal: what is signed; of the line
  release::Signature signature{};
};
base::Result<ReadLine> parseLine(std::string_view line);

// By which an impression's state is remembered: the first 16 digits of its id, and the state.
std::uint64_t rememberedKey(std::string_view hexId, std::string_view state);

}  // namespace dvpe::events
