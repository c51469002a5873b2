// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A `hold`: something is paused or ended at once, without a release (design, section 5; docs/reference/documents.md).
// It needs no second person, only its owner; a later revision of the same hold replaces it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/release/keys.h"
#include "shared/release/release.h"

namespace dvpe::release {

inline constexpr std::size_t kMaxHoldBytes = 4 << 10;

struct Hold {
  Header header;              // what the hold calls itself
  DocumentName of;            // what it holds: an overlay, ruleset, campaign, media or content; it need not be there
  std::optional<Time> until;  // from then on it holds nothing; nothing: until it is lifted
  bool lifted = false;

  bool holdsAt(Time when) const { return !lifted && (!until || when < *until); }
};

// The whole document. Strict: unknown keys are mistakes, all of which are named. kInvalidInput, kLimitExceeded.
base::Result<Hold> parseHold(std::string_view json);

// Who has signed a hold, as far as that decides what it may hold. A hold outlives its signer's place among the keys.
struct HoldSigner {
  std::string key, person, organisation;
  std::set<Role> roles;
  std::set<std::string> channels;  // that the key is bound to; empty: all
};

// Length, signature, text, in that order: signed at `accepted` by somebody of the hold's own organisation who may sign
// holds. What it may hold is mayHold()'s to say. kRefused, kInvalidInput, kLimitExceeded.
struct CheckedHold {
  Hold hold;
  HoldSigner signer;
};
base::Result<CheckedHold> checkHold(const Signed& document, const KeyRing& ring, Time accepted);

// Whether this signer may hold a document: one of the own organisation; admins any; ad operations campaigns and media
// of anybody. A key that is bound to channels holds nothing that names other channels. organisation, channels: the
// document's.
bool mayHold(const HoldSigner& signer, std::string_view kind, std::string_view organisation,
             const std::vector<std::string>& channels);

}  // namespace dvpe::release
