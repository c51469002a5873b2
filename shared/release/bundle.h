// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A release with everything that it takes to believe it: revisions of the keys, the release, its documents and rollback
// statements. What nodes fetch, keep on disk, and are sent.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/release/release.h"

namespace dvpe::release {

inline constexpr std::size_t kMaxBundleBytes = std::size_t{512} << 20;

struct Bundle {
  std::vector<Signed> keys;  // revisions that follow what the reader has in force, ascending
  Signed release;
  std::map<std::string, StoredDocument> documents;  // by digest
  std::map<std::string, Signed> rollbacks;          // by digest
};

// What has been believed: the ring, the release and its documents' texts, each signed as it must be.
struct Verified {
  KeyRing ring;
  Release release;
  std::map<DocumentName, std::string> texts;
  Known known;  // for the next one
};

// Takes the bundle's keys into a copy of the ring, passing over those that do not count, then checks the release and
// all of its documents. The error names every refusal, one a line. believed: as in checkDocuments.
base::Result<Verified> verifyBundle(const Bundle& bundle, const KeyRing& ring, const Known& known,
                                    std::string_view node, Time now, const Release* believed = nullptr);

// JSON of a bundle and of what is known, for a node's own disk. Exact bytes come back: documents are UTF-8.
std::string toJson(const Bundle& bundle, const Known& known);
struct Kept {
  Bundle bundle;
  Known known;
};
base::Result<Kept> parseKept(std::string_view json);

}  // namespace dvpe::release
