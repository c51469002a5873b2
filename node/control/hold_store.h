// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What people have held, on this node's own disk: a hold once seen stays until its owner lifts it or it expires, across
// restarts, new releases and changes of keys. Only a key that is listed as compromised before a hold was accepted ends
// it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shared/release/hold.h"

namespace dvpe::control {

// One thread. File: <state>/release/holds.json.
class HoldStore {
 public:
  explicit HoldStore(const std::filesystem::path& state);

  // Before anything else. ring: the keys of the last good release. kInvalidInput, kRefused: somebody has changed the
  // file.
  base::Result<void> load(const release::KeyRing& ring);

  // A document in force, as far as a hold must know it.
  struct Owned {
    std::string organisation;
    std::vector<std::string> channels;
  };
  using Owners = std::function<std::optional<Owned>(const release::DocumentName&)>;  // nothing: it is not in force

  struct Arrival {
    release::Signed document;
    release::Time accepted = 0;  // when its signer's key must have been valid
  };
  // Takes holds in and flushes them. An outcome for each: success also for what is here already. kConflict: a lower
  // revision, or another text of the same; kRefused: the signature, the document in force is not the signer's to
  // hold, or it is another one than the revision before holds; kInvalidInput; kLimitExceeded: an organisation has too
  // many; kIo: nothing was taken.
  std::vector<base::Result<void>> take(const std::vector<Arrival>& arrivals, const release::KeyRing& ring,
                                       const Owners& owners, release::Time now);

  // What is held of the documents in force. What a hold's signer may not hold, is not.
  std::set<release::DocumentName> heldAt(release::Time now, const release::KeyRing& ring, const Owners& owners) const;
  // The first moment after `now` at which a hold ends by itself.
  std::optional<release::Time> nextExpiry(release::Time now) const;

 private:
  using Name = std::pair<std::string, std::string>;  // organisation, id: two organisations may use one id
  struct Kept {
    release::Signed document;
    release::Time accepted = 0;
    release::CheckedHold checked;
  };
  // Of what was lifted or has expired only the revision is kept, so that nothing older comes back.
  struct Settled {
    int revision = 0;
    release::Time at = 0;  // accepted
  };
  struct State {
    std::map<Name, Kept> holds;
    std::map<Name, Settled> settled;
  };

  static base::Result<void> takeOne(const Arrival& arrival, const release::KeyRing& ring, const Owners& owners,
                                    release::Time now, State& state);
  static void settle(release::Time now, State& state);
  static base::Result<State> parse(std::string_view json);
  static std::string toJson(const State& state);
  std::filesystem::path file() const { return folder_ / "holds.json"; }

  std::filesystem::path folder_;
  State state_;
};

}  // namespace dvpe::control
