// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The release that this node has in force, on its own disk: with it a node starts when database, coordinator and studio
// are gone (law 6), and knows what it must never go back to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "node/control/hold_store.h"
#include "shared/release/bundle.h"

namespace dvpe::control {

// One thread. Files: <state>/release/current.json.
class ReleaseStore {
 public:
  // node: its name, as releases write it. root: the offline root's public key.
  ReleaseStore(const std::filesystem::path& state, std::string node, const release::PublicKey& root);

  // The last good release from disk, checked like one that has just come; nothing: there is none yet. An expired one is
  // still good here. kInvalidInput, kRefused: somebody has changed the file.
  base::Result<std::optional<release::Verified>> load();

  // Checks a release; keep() makes it the last good one. The bundle needs only what is new: keys after ringRevision(),
  // documents that has() does not know.
  base::Result<release::Verified> check(const release::Bundle& bundle, release::Time now) const;
  // Flushed before it answers: after this, what is lower is refused for ever.
  base::Result<void> keep(const release::Bundle& bundle, const release::Verified& verified);

  int ringRevision() const { return ring_.revision(); }
  const release::Order& order() const { return kept_.known.order; }
  bool has(const std::string& digest) const { return kept_.bundle.documents.contains(digest); }
  // The bundle with what is here already of its documents: another release may be kept before this one is.
  release::Bundle whole(const release::Bundle& fresh) const;
  const release::KeyRing& ring() const { return ring_; }
  // Whose a document in force is; nothing: there is none of that name.
  std::optional<HoldStore::Owned> owned(const release::DocumentName& name) const;

 private:
  std::filesystem::path file() const { return folder_ / "current.json"; }

  std::filesystem::path folder_;
  std::string node_;
  release::KeyRing empty_, ring_;
  release::Kept kept_;
  std::optional<release::Release> inForce_;  // kept_'s, which was believed
};

}  // namespace dvpe::control
