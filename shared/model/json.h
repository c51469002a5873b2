// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// JSON (RFC 8259) -> documents (documents.h), with every mistake reported at once; docs/reference/documents.md is the
// format. Each file is {"kind", "id", "organisation", "revision", "body"}.
// Bounded before it is parsed: a file up to 1 MiB, 32 levels deep, up to 10,000 files; mistakes beyond 1,000 are
// counted and not kept. Unknown keys are mistakes. Thread-safe: functions without state.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"

namespace dvpe::model {

inline constexpr std::size_t kMaxDocumentBytes = 1 << 20;
inline constexpr std::size_t kMaxDocuments = 10'000;
inline constexpr std::size_t kMaxDocumentDepth = 32;
inline constexpr std::size_t kMaxDocumentErrors = 1'000;
inline constexpr std::size_t kMaxDomain = 64;  // values of one overlay field
inline constexpr std::size_t kMaxMediaFiles = 64;
inline constexpr std::int64_t kMaxMediaFileBytes = std::int64_t{1} << 31;
inline constexpr std::uint64_t kMaxOverlayLooks = 4'096;  // product of an overlay's domains

// One mistake: the file's name, the place in it as a JSON pointer (RFC 6901; "" is the whole document), and a sentence
// that says what was expected.
struct DocumentError {
  std::string document;
  std::string path;
  std::string message;
  bool operator==(const DocumentError&) const = default;
};

// "demo.json /body/fps: ...", one line for each.
std::string describe(const std::vector<DocumentError>& errors);

struct LoadOptions {
  // The media ids that are known besides the `media` documents (conditioned files). Without it, references to media are
  // not checked: what a rule or campaign names may be conditioned later.
  std::optional<std::set<std::string>> media;
};

// What was read. documents holds all that could be read, for tools; it may be used on air only when ok().
struct Loaded {
  Documents documents;
  std::vector<DocumentError> errors;
  std::size_t dropped = 0;  // mistakes beyond kMaxDocumentErrors
  bool ok() const { return errors.empty(); }
};

// A document's name (for messages) and its bytes.
struct DocumentText {
  std::string name;
  std::string text;
};

// Reads and checks documents that are already in memory. Their order does not matter, except to the order of messages.
Loaded readDocuments(const std::vector<DocumentText>& texts, const LoadOptions& options = {});

// Reads all *.json of a folder (not of folders below it), in the order of their names. A folder or file that cannot be
// read is a mistake as well.
Loaded loadDocuments(const std::filesystem::path& folder, const LoadOptions& options = {});

// The same as a Result, whose error message holds all mistakes, one a line.
base::Result<Documents> loadDocumentsOrFail(const std::filesystem::path& folder, const LoadOptions& options = {});

// Checks references between documents and what a single document cannot know. readDocuments includes it.
std::vector<DocumentError> checkReferences(const Documents& documents, const LoadOptions& options = {});

// One JSON value (an attribute, a list of them) within the same bounds. A whole number that fits is int64, any other
// number is double.
base::Result<Value> parseValue(std::string_view text);

// A media document, as the conditioner writes it: indented, ends with a newline.
std::string toJson(const Media& media, std::string_view organisation);

// The digest in the path of an overlay's asset that is a blob, "<64 hex>.png" or ".svg"; otherwise empty.
std::string_view assetDigest(std::string_view path);

// [A-Za-z0-9_-]{1,64}
bool isName(std::string_view text);

// 64 hexadecimal digits in lower case: a SHA-256.
bool isDigest(std::string_view text);

// The path in a value that is exactly one template, "{viewer.country}" -> "viewer.country"; otherwise empty.
std::string_view templatePath(std::string_view value);

}  // namespace dvpe::model
