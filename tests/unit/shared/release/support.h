// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// An organisation's people with their keys, and documents that they sign.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "shared/release/release.h"

namespace dvpe::release::test {

inline constexpr Time kNow = 1'800'000'000;
inline constexpr Time kDay = 86'400;

// One key for each name, made when it is first asked for.
class People {
 public:
  PrivateKey& key(const std::string& person) {
    auto it = keys_.find(person);
    if (it == keys_.end()) it = keys_.emplace(person, PrivateKey::generate()).first;
    return it->second;
  }
  // A line of the keys document.
  Key line(const std::string& person, std::set<Role> roles, const std::string& organisation = "demo") {
    Key k;
    k.publicKey = key(person).publicKey();
    k.id = keyId(k.publicKey);
    k.person = person;
    k.organisation = organisation;
    k.roles = std::move(roles);
    k.notBefore = kNow - kDay;
    k.notAfter = kNow + kDay;
    return k;
  }
  Signed sign(std::string bytes, Domain domain, std::initializer_list<std::string> by) {
    Signed out{std::move(bytes), {}};
    for (const auto& person : by) addSignature(out, domain, key(person));
    return out;
  }

 private:
  std::map<std::string, PrivateKey> keys_;
};

inline KeyDocument document(int revision, std::initializer_list<Key> keys) {
  KeyDocument out;
  out.revision = revision;
  for (const auto& k : keys) out.keys.emplace(k.id, k);
  return out;
}

}  // namespace dvpe::release::test
