// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The next release, chosen from what people have signed: pure. The coordinator vouches for nothing; what nodes would
// refuse it leaves out, so that one person's mistake keeps nobody else's change off the air.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/model/documents.h"
#include "shared/release/release.h"

namespace dvpe::coordinate {

// A revision that may be in the next release: of each document and organisation the newest one.
struct Candidate {
  release::DocumentName name;
  release::Entry entry;
};

// An admin's rollback statement as it was stored.
struct StoredRollback {
  release::Rollback statement;
  release::Time at = 0;  // revisions accepted up to then are what it goes back from
};

// What the database holds.
struct Wishes {
  std::optional<release::Release> current;              // the newest release; nothing: there is none
  std::vector<Candidate> candidates;                    // in the order in which they were accepted, of each name
  std::map<std::string, StoredRollback> rollbacks;      // by digest
  std::map<release::DocumentName, Candidate> rolledTo;  // what unused statements go back to, by name
};

// A revision that is not in the release though it is the newest, and why.
struct LeftOut {
  Candidate candidate;
  std::string reason;
};

struct Assembled {
  release::Release release;  // order, base, created and expires are set too
  std::vector<LeftOut> leftOut;
  bool changed = false;  // it says something else than the current one, or that one is about to expire
};

inline constexpr release::Time kReleaseLife = 30 * 86'400;  // renewed when half of it is over

// The files that nodes fetch for these documents: those of media, and blobs that are assets of overlays, whose length
// nobody has vouched for (bytes 0). By digest, each once.
std::vector<release::BlobRef> blobsOf(const model::Documents& documents);

// Chooses, checks as nodes check (keys, signatures, countersignatures, references, conditions), and puts what fails
// back to what is in force. kInvalidInput: nothing that could be published holds together; the message says why.
base::Result<Assembled> assemble(const Wishes& wishes, const release::KeyRing& ring, const release::Source& source,
                                 release::Time now);

}  // namespace dvpe::coordinate
