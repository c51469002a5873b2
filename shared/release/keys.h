// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The `keys` document (design, section 5): who may sign what. Everything that a node believes hangs on it, and it on
// the offline root, whose public key stands in the node's configuration.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/release/signing.h"

namespace dvpe::release {

// Seconds since 1970, UTC.
using Time = std::int64_t;

// What a key may sign, and a machine or person may do (design, section 7).
enum class Role {
  kCreator,
  kAdvertiser,
  kAdOperations,
  kAnalyst,
  kBroadcaster,
  kAdmin,
  kCoordinator,
  kConditioner,
  kNode
};

// "ad_operations" and so on; nothing for another word.
std::string_view name(Role role);
std::optional<Role> role(std::string_view word);

struct Key {
  std::string id;  // keyId(publicKey)
  PublicKey publicKey{};
  std::string person;        // or the machine's name
  std::string organisation;  // signs for this one only
  std::set<Role> roles;
  std::set<std::string> channels;  // empty: all
  Time notBefore = 0, notAfter = 0;
  std::optional<Time> compromisedFrom;  // what was accepted at or after this moment does not count
  std::string curve;                    // its CURVE public key in Z85 (40 characters); empty: none

  // Whether something accepted at this time counts.
  bool validAt(Time when) const {
    return when >= notBefore && when < notAfter && (!compromisedFrom || when < *compromisedFrom);
  }
  bool has(Role r) const { return roles.contains(r); }
};

// At most 1 MiB and 10,000 keys.
struct KeyDocument {
  int revision = 0;
  std::map<std::string, Key, std::less<>> keys;  // by id
};

inline constexpr std::size_t kMaxKeysBytes = 1 << 20;

// All mistakes at once, one a line. kInvalidInput, kLimitExceeded.
base::Result<KeyDocument> parseKeys(std::string_view json);
std::string toJson(const KeyDocument& keys);

// The keys in force, in the order of their revisions.
//
// Revision n+1 needs signatures of two different persons who are admins by revision n, or of the root; the first needs
// the root. A revision that the root has signed may follow any lower one. A value; not thread-safe while it advances.
class KeyRing {
 public:
  explicit KeyRing(const PublicKey& root) : root_(root) {}

  // Takes a revision into force. Length, then signatures, then text are looked at. kRefused: signatures; kConflict: not
  // higher than what is in force, or not the next one without the root; kInvalidInput. The ring is unchanged then.
  base::Result<void> advance(const Signed& keys, Time now);

  int revision() const { return keys_.revision; }
  const KeyDocument& keys() const { return keys_; }
  const Key* find(std::string_view id) const;
  // A key, valid now, whose owner speaks with this CURVE key, and has the role if one is named; nullptr: nobody does.
  const Key* speaker(std::string_view curve, Time now, std::optional<Role> role = std::nullopt) const;
  // How to speak to a machine of this name and role: its CURVE key; empty: it has none that is valid now.
  std::string curveOf(std::string_view person, Role role, Time now) const;

  // The key of the first signature over bytes that holds, whose key is valid at `when` and has one of the roles.
  // kRefused says what was wrong with the best candidate.
  base::Result<const Key*> signer(const Signed& document, Domain domain, const std::set<Role>& roles, Time when) const;

 private:
  PublicKey root_;
  KeyDocument keys_;
};

}  // namespace dvpe::release
