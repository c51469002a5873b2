// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A release: the digests of all documents in force and of the conditioned media they need (design, section 5). The
// coordinator signs it; it chooses among signed documents but vouches for none of them.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/release/keys.h"
#include "shared/release/signing.h"

namespace dvpe::release {

inline constexpr std::size_t kMaxReleaseBytes = 4 << 20;
inline constexpr std::size_t kMaxReleaseDocuments = 10'000;
inline constexpr std::size_t kMaxReleaseTotal = 256 << 20;  // of all documents together
inline constexpr std::size_t kMaxReleaseDocument = 1 << 20;

// What a document calls itself. Two documents of one kind and id do not stand in one release.
struct DocumentName {
  std::string kind, id;
  auto operator<=>(const DocumentName&) const = default;  // NOLINT(modernize-use-nullptr): takes <=> for a pointer
};

// One line of a release.
struct Entry {
  std::string organisation;
  int revision = 0;
  std::string digest;  // SHA-256 of the exact bytes, 64 hexadecimal digits
  std::size_t bytes = 0;
  Time accepted = 0;  // when the database took it: what the signer's validity is judged by
  bool operator==(const Entry&) const = default;
};

// A file that documents need: conditioned media, an overlay's asset.
struct BlobRef {
  std::string digest;
  std::uint64_t bytes = 0;
  bool operator==(const BlobRef&) const = default;
};

// Releases are ordered by (revision of keys, sequence): two admins can end a stolen coordinator key's run.
struct Order {
  int keys = 0;
  std::int64_t sequence = 0;
  auto operator<=>(const Order&) const = default;  // NOLINT(modernize-use-nullptr): as above
};

// "3.17": revision of the keys, sequence. What people and logs call a release.
std::string toText(const Order& order);

struct Release {
  Order order;
  std::int64_t base = 0;           // the sequence that it was made from (compare-and-swap)
  Time created = 0, expires = 0;   // not taken after `expires`; what is in force stays
  std::vector<std::string> nodes;  // the audience by name; empty: all
  std::map<DocumentName, Entry> documents;
  std::vector<BlobRef> blobs;
  std::vector<std::string> rollbacks;  // digests of the admins' statements that lower revisions stand on
};

// Strict: unknown keys are mistakes, all of which are named. kInvalidInput, kLimitExceeded.
base::Result<Release> parseRelease(std::string_view json);
// What parseRelease reads; the bytes that are signed.
std::string toJson(const Release& release);

// The four words at the head of a document and what its kind demands.
struct Header {
  DocumentName name;
  std::string organisation;
  int revision = 0;
  std::vector<std::string> channels;  // that its body names, for keys that are bound to channels
};
base::Result<Header> parseHeader(std::string_view json);

// The roles of which one must have signed a document of this kind; empty: no such kind.
const std::set<Role>& rolesFor(std::string_view kind);
// Whether a second person with the role ad_operations must have signed it too.
bool needsCountersignature(std::string_view kind);

// The second signature of campaigns and creatives: this document, on these channels (none: all), until then.
struct Countersignature {
  std::string digest;
  std::vector<std::string> channels;
  Time expires = 0;
};
base::Result<Countersignature> parseCountersignature(std::string_view json);
std::string toJson(const Countersignature& statement);

// An admin's word that documents go back to lower revisions in the release after `base`. Later releases carry it as
// long as they keep those revisions: it counts for a node that has seen nothing newer than `base`.
struct Rollback {
  std::int64_t base = 0;
  std::map<DocumentName, int> revisions;
};
base::Result<Rollback> parseRollback(std::string_view json);
std::string toJson(const Rollback& statement);

// A document as it is stored and sent.
struct StoredDocument {
  Signed document;
  std::optional<Signed> countersignature;
};

// What a node was told before and must not forget: it is kept on disk beside the last good release.
struct Known {
  Order order;
  std::map<DocumentName, int> revisions;  // the last that was in force of each document, here or not now
};

// One reason why a release or a part of it is refused.
struct Refusal {
  std::string part;  // "release", or a document's "kind/id"
  std::string reason;
};

// Where the checker gets what the release names by digest; nullptr: it is not here.
struct Source {
  std::function<const StoredDocument*(const std::string& digest)> document;
  std::function<const Signed*(const std::string& digest)> rollback;
};

// Checks the release itself: size, signature by a coordinator, order, audience, expiry. Not yet its documents.
base::Result<Release> checkRelease(const Signed& release, const KeyRing& ring, const Known& known,
                                   std::string_view node, Time now);

// Checks every document of a release that has passed: present, of the digest, its header as listed, signed by the right
// role of its own organisation, countersigned where that is due, no lower revision without an admin's rollback. All
// refusals, none: it may be compiled. believed: a release that has passed already; where it says the same of a
// document, and was made with the same keys, only the second signature is looked at again, since that may have expired.
std::vector<Refusal> checkDocuments(const Release& release, const KeyRing& ring, const Known& known,
                                    const Source& source, Time now, const Release* believed = nullptr);

// What changed between two releases, in the order of names.
struct Change {
  enum class What { kAdded, kChanged, kRemoved };
  What what = What::kChanged;
  DocumentName name;
  int from = 0, to = 0;  // revisions; 0: was or is not there
};
std::vector<Change> difference(const Release& before, const Release& after);

}  // namespace dvpe::release
