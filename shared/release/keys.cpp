// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/keys.h"

#include <array>
#include <boost/json/serialize.hpp>

#include "shared/model/reader.h"

namespace dvpe::release {

using base::ErrorCode;
using base::fail;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace {

constexpr std::size_t kMaxKeys = 10'000;
constexpr std::int64_t kLastTime = 253'402'300'799;  // the end of the year 9999

constexpr std::array<std::pair<Role, std::string_view>, 9> kRoles{{{Role::kCreator, "creator"},
                                                                   {Role::kAdvertiser, "advertiser"},
                                                                   {Role::kAdOperations, "ad_operations"},
                                                                   {Role::kAnalyst, "analyst"},
                                                                   {Role::kBroadcaster, "broadcaster"},
                                                                   {Role::kAdmin, "admin"},
                                                                   {Role::kCoordinator, "coordinator"},
                                                                   {Role::kConditioner, "conditioner"},
                                                                   {Role::kNode, "node"}}};

void readRoles(ObjectReader& in, Key& key) {
  in.array("roles", Need::kRequired, kRoles.size(), [&key](const Place& place) {
    std::string word;
    if (!model::readText(place, word, 64)) return;
    if (const auto known = role(word)) {
      key.roles.insert(*known);
    } else {
      place.mistake("there is no role \"" + word + "\"");
    }
  });
}

Key readKey(const Place& place) {
  Key key;
  ObjectReader in(place);
  if (!in.isObject()) return key;
  std::string publicKey;
  if (in.text("public", publicKey, Need::kRequired, 64)) {
    if (const auto parsed = parsePublicKey(publicKey)) {
      key.publicKey = parsed.value();
      key.id = keyId(key.publicKey);
    } else {
      in.at("public").mistake(parsed.error().message);
    }
  }
  in.name("person", key.person, Need::kRequired);
  in.name("organisation", key.organisation, Need::kRequired);
  readRoles(in, key);
  std::vector<std::string> channels;
  in.names("channels", channels, Need::kOptional, 1000);
  key.channels.insert(channels.begin(), channels.end());
  in.integer("not_before", key.notBefore, 0, kLastTime, Need::kRequired);
  in.integer("not_after", key.notAfter, 0, kLastTime, Need::kRequired);
  if (in.has("compromised_from")) {
    in.integer("compromised_from", key.compromisedFrom.emplace(), 0, kLastTime, Need::kOptional);
  }
  if (in.text("curve", key.curve, Need::kOptional, 40) && key.curve.size() != 40) {
    in.at("curve").mistake("a CURVE key has 40 characters (Z85)");
  }
  in.finish();
  return key;
}

}  // namespace

std::string_view name(Role role) {
  for (const auto& [known, word] : kRoles) {
    if (known == role) return word;
  }
  return {};
}

std::optional<Role> role(std::string_view word) {
  for (const auto& [known, text] : kRoles) {
    if (text == word) return known;
  }
  return std::nullopt;
}

base::Result<KeyDocument> parseKeys(std::string_view text) {
  return model::readObject<KeyDocument>(text, kMaxKeysBytes, "keys", [](ObjectReader& in, KeyDocument& out) {
    std::string kind;
    if (in.text("kind", kind, Need::kRequired) && kind != "keys") in.at("kind").mistake("expected \"keys\"");
    in.integer("revision", out.revision, 1, 1'000'000'000, Need::kRequired);
    in.array("keys", Need::kRequired, kMaxKeys, [&out](const Place& place) {
      Key key = readKey(place);
      const std::string id = key.id;
      if (!id.empty() && !out.keys.emplace(id, std::move(key)).second) {
        place.mistake("the key " + id + " stands here twice");
      }
    });
  });
}

std::string toJson(const KeyDocument& keys) {
  boost::json::array list;
  for (const auto& [id, key] : keys.keys) {
    boost::json::array roles;
    for (const Role r : key.roles) roles.emplace_back(name(r));
    boost::json::object o{{"public", base::hex(key.publicKey)}, {"person", key.person},
                          {"organisation", key.organisation},   {"roles", std::move(roles)},
                          {"not_before", key.notBefore},        {"not_after", key.notAfter}};
    if (!key.channels.empty()) o["channels"] = boost::json::array(key.channels.begin(), key.channels.end());
    if (key.compromisedFrom) o["compromised_from"] = *key.compromisedFrom;
    if (!key.curve.empty()) o["curve"] = key.curve;
    list.push_back(std::move(o));
  }
  return boost::json::serialize(
      boost::json::object{{"kind", "keys"}, {"revision", keys.revision}, {"keys", std::move(list)}});
}

const Key* KeyRing::speaker(std::string_view curve, Time now, std::optional<Role> role) const {
  if (curve.empty()) return nullptr;
  for (const auto& [id, key] : keys_.keys) {
    if (key.curve == curve && key.validAt(now) && (!role || key.has(*role))) return &key;
  }
  return nullptr;
}

std::string KeyRing::curveOf(std::string_view person, Role role, Time now) const {
  for (const auto& [id, key] : keys_.keys) {
    if (key.person == person && key.has(role) && !key.curve.empty() && key.validAt(now)) return key.curve;
  }
  return {};
}

const Key* KeyRing::find(std::string_view id) const {
  const auto it = keys_.keys.find(id);
  return it == keys_.keys.end() ? nullptr : &it->second;
}

base::Result<void> KeyRing::advance(const Signed& keys, Time now) {
  if (keys.bytes.size() > kMaxKeysBytes) return fail(ErrorCode::kLimitExceeded, "the keys document is too large");
  bool byRoot = false;
  std::set<std::string> admins;  // persons: one with two keys is one
  for (const auto& by : keys.by) {
    const auto bytes = base::view(keys.bytes);
    if (by.key == keyId(root_)) {
      byRoot = byRoot || verify(root_, Domain::kKeys, bytes, by.signature);
    } else if (const Key* key = find(by.key); key != nullptr && key->has(Role::kAdmin) && key->validAt(now) &&
                                              verify(key->publicKey, Domain::kKeys, bytes, by.signature)) {
      admins.insert(key->person);
    }
  }
  if (!byRoot && admins.size() < 2) {
    return fail(ErrorCode::kRefused,
                "the keys document is signed neither by the root nor by two admins of the revision before");
  }
  DVPE_TRY(auto parsed, parseKeys(keys.bytes));
  if (parsed.revision <= revision()) {
    return fail(ErrorCode::kConflict, "revision " + std::to_string(parsed.revision) +
                                          " of the keys is not higher than what is in force, " +
                                          std::to_string(revision()));
  }
  if (!byRoot && parsed.revision != revision() + 1) {
    return fail(ErrorCode::kConflict, "revision " + std::to_string(parsed.revision) + " of the keys does not follow " +
                                          std::to_string(revision()) + ", and the root has not signed it");
  }
  keys_ = std::move(parsed);
  return base::success();
}

base::Result<const Key*> KeyRing::signer(const Signed& document, Domain domain, const std::set<Role>& roles,
                                         Time when) const {
  std::string why = "it is not signed";
  for (const auto& by : document.by) {
    const Key* key = find(by.key);
    if (key == nullptr) {
      why = "its signer " + by.key + " is not among the keys";
      continue;
    }
    if (!verify(key->publicKey, domain, base::view(document.bytes), by.signature)) {
      why = "the signature of " + key->person + " does not hold";
      continue;
    }
    if (!key->validAt(when)) {
      why = "the key of " + key->person + " was not valid then";
      continue;
    }
    for (const Role r : key->roles) {
      if (roles.contains(r)) return key;
    }
    why = key->person + " has no role that may sign this";
  }
  return fail(ErrorCode::kRefused, why);
}

}  // namespace dvpe::release
