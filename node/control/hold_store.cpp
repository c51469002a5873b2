// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/hold_store.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "shared/base/log.h"
#include "shared/privacy/secret.h"

namespace dvpe::control {

namespace fs = std::filesystem;
namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;
using release::DocumentName;
using release::KeyRing;
using release::Time;

namespace {

constexpr std::size_t kMostHolds = 1'000;    // of an organisation, in effect
constexpr std::size_t kMostSettled = 1'000;  // of an organisation, of which the revision is remembered

template <class Map>
std::size_t countOf(const Map& map, const std::string& organisation) {
  return static_cast<std::size_t>(
      std::count_if(map.begin(), map.end(), [&](const auto& line) { return line.first.first == organisation; }));
}

// Whether `next` may hold whatever `before` may, for what is in no release now. Both are of one organisation.
bool asAble(const release::HoldSigner& before, const release::HoldSigner& next) {
  using release::Role;
  if (next.roles.contains(Role::kAdmin)) return true;
  return !before.roles.contains(Role::kAdmin) &&
         (!before.roles.contains(Role::kAdOperations) || next.roles.contains(Role::kAdOperations));
}

json::array words(const std::set<std::string>& set) { return json::array(set.begin(), set.end()); }

}  // namespace

HoldStore::HoldStore(const fs::path& state) : folder_(state / "release") {}

Result<void> HoldStore::load(const KeyRing& ring) {
  std::error_code error;
  if (!fs::exists(file(), error)) return base::success();
  std::ifstream in(file(), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorCode::kIo, file().string() + " cannot be read");
  DVPE_TRY(auto state, parse(text.str()));
  for (const auto& [name, kept] : state.holds) {
    for (const auto& by : kept.document.by) {
      const release::Key* key = ring.find(by.key);  // whoever is not among the keys any more was when it was taken
      if (key != nullptr &&
          !release::verify(key->publicKey, release::Domain::kDocument, base::view(kept.document.bytes), by.signature)) {
        return fail(ErrorCode::kRefused, file().string() + " was changed: the hold " + name.second + " of " +
                                             name.first + " is not as it was signed");
      }
    }
  }
  state_ = std::move(state);
  return base::success();
}

Result<void> HoldStore::takeOne(const Arrival& arrival, const KeyRing& ring, const Owners& owners, Time now,
                                State& state) {
  DVPE_TRY(auto checked, release::checkHold(arrival.document, ring, arrival.accepted));
  const release::Hold& hold = checked.hold;
  const Name name{hold.header.organisation, hold.header.name.id};
  const auto known = state.holds.find(name);
  const auto settled = state.settled.find(name);
  const int revision = known != state.holds.end()       ? known->second.checked.hold.header.revision
                       : settled != state.settled.end() ? settled->second.revision
                                                        : 0;
  if (hold.header.revision < revision) {
    return fail(ErrorCode::kConflict, "revision " + std::to_string(hold.header.revision) + " is lower than " +
                                          std::to_string(revision) + ", which is known");
  }
  if (hold.header.revision == revision) {
    if (known == state.holds.end() || known->second.document.bytes == arrival.document.bytes) return base::success();
    return fail(ErrorCode::kConflict, "revision " + std::to_string(revision) + " is known with another text");
  }
  // Else whoever may hold something could lift what others of the organisation hold.
  if (known != state.holds.end() && known->second.checked.hold.of != hold.of)
    return fail(ErrorCode::kRefused, "it holds something else than the revision before: make another hold");
  const auto owned = owners(hold.of);
  const bool may = owned ? release::mayHold(checked.signer, hold.of.kind, owned->organisation, owned->channels)
                         : known == state.holds.end() || asAble(known->second.checked.signer, checked.signer);
  if (!may) {
    return fail(ErrorCode::kRefused,
                checked.signer.person + " may not hold " + hold.of.kind + "/" + hold.of.id + ", which is another's");
  }
  if (known == state.holds.end() && hold.holdsAt(now) && countOf(state.holds, name.first) >= kMostHolds)
    return fail(ErrorCode::kLimitExceeded, name.first + " holds too many things");
  spdlog::info("a hold is taken hold={}/{} revision={} of={}/{} lifted={} until={} person={}", name.first, name.second,
               hold.header.revision, hold.of.kind, hold.of.id, hold.lifted ? 1 : 0, hold.until.value_or(0),
               checked.signer.person);
  state.settled.erase(name);
  state.holds.insert_or_assign(name, Kept{arrival.document, arrival.accepted, std::move(checked)});
  return base::success();
}

void HoldStore::settle(Time now, State& state) {
  std::set<std::string> organisations;
  std::erase_if(state.holds, [&](const auto& line) {
    const Kept& kept = line.second;
    if (kept.checked.hold.holdsAt(now)) return false;
    state.settled[line.first] = {kept.checked.hold.header.revision, kept.accepted};
    organisations.insert(line.first.first);
    return true;
  });
  for (const std::string& organisation : organisations) {
    while (countOf(state.settled, organisation) > kMostSettled) {
      auto oldest = state.settled.end();
      for (auto it = state.settled.begin(); it != state.settled.end(); ++it) {
        if (it->first.first == organisation && (oldest == state.settled.end() || it->second.at < oldest->second.at))
          oldest = it;
      }
      state.settled.erase(oldest);
    }
  }
}

std::vector<Result<void>> HoldStore::take(const std::vector<Arrival>& arrivals, const KeyRing& ring,
                                          const Owners& owners, Time now) {
  std::vector<Result<void>> out;
  State next = state_;
  for (const Arrival& arrival : arrivals) out.push_back(takeOne(arrival, ring, owners, now, next));
  settle(now, next);
  const std::string text = toJson(next);
  if (text == toJson(state_)) return out;
  std::error_code error;
  fs::create_directories(folder_, error);
  const auto written = privacy::writeSecretFile(file(), text, privacy::IfExists::kReplace);
  if (!written) return std::vector<Result<void>>(arrivals.size(), written);
  state_ = std::move(next);
  return out;
}

std::set<DocumentName> HoldStore::heldAt(Time now, const KeyRing& ring, const Owners& owners) const {
  std::set<DocumentName> out;
  for (const auto& [name, kept] : state_.holds) {
    const release::CheckedHold& checked = kept.checked;
    const release::Key* key = ring.find(checked.signer.key);
    const bool stolen = key != nullptr && key->compromisedFrom && kept.accepted >= *key->compromisedFrom;
    if (stolen || !checked.hold.holdsAt(now)) continue;
    const auto owned = owners(checked.hold.of);
    if (owned && release::mayHold(checked.signer, checked.hold.of.kind, owned->organisation, owned->channels))
      out.insert(checked.hold.of);
  }
  return out;
}

std::optional<Time> HoldStore::nextExpiry(Time now) const {
  std::optional<Time> out;
  for (const auto& [name, kept] : state_.holds) {
    const auto& until = kept.checked.hold.until;
    if (until && *until > now && (!out || *until < *out)) out = until;
  }
  return out;
}

std::string HoldStore::toJson(const State& state) {
  json::array holds, settled;
  for (const auto& [name, kept] : state.holds) {
    const release::HoldSigner& signer = kept.checked.signer;
    json::array roles;
    for (const release::Role r : signer.roles) roles.emplace_back(release::name(r));
    holds.push_back(json::object{{"text", kept.document.bytes},
                                 {"by", release::toJson(kept.document.by)},
                                 {"accepted", kept.accepted},
                                 {"key", signer.key},
                                 {"person", signer.person},
                                 {"organisation", signer.organisation},
                                 {"roles", std::move(roles)},
                                 {"channels", words(signer.channels)}});
  }
  for (const auto& [name, one] : state.settled) {
    settled.push_back(json::array{name.first, name.second, one.revision, one.at});
  }
  return json::serialize(json::object{{"holds", std::move(holds)}, {"settled", std::move(settled)}});
}

Result<HoldStore::State> HoldStore::parse(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return fail(ErrorCode::kInvalidInput, "the kept holds cannot be read: " + why);
  };
  try {
    const json::value parsed = json::parse(text);
    State out;
    for (const auto& line : parsed.at("holds").as_array()) {
      Kept kept;
      kept.document.bytes = std::string(line.at("text").as_string());
      DVPE_TRY(kept.document.by, release::parseSignatures(line.at("by")));
      kept.accepted = line.at("accepted").to_number<Time>();
      DVPE_TRY(kept.checked.hold, release::parseHold(kept.document.bytes));
      release::HoldSigner& signer = kept.checked.signer;
      signer.key = std::string(line.at("key").as_string());
      signer.person = std::string(line.at("person").as_string());
      signer.organisation = std::string(line.at("organisation").as_string());
      for (const auto& word : line.at("roles").as_array()) {
        const auto known = release::role(word.as_string());
        if (!known) return bad("there is no such role");
        signer.roles.insert(*known);
      }
      for (const auto& channel : line.at("channels").as_array()) signer.channels.emplace(channel.as_string());
      const release::Header& header = kept.checked.hold.header;
      Name name{header.organisation, header.name.id};
      out.holds.insert_or_assign(std::move(name), std::move(kept));
    }
    for (const auto& line : parsed.at("settled").as_array()) {
      const auto& one = line.as_array();
      out.settled[{std::string(one.at(0).as_string()), std::string(one.at(1).as_string())}] = {
          one.at(2).to_number<int>(), one.at(3).to_number<Time>()};
    }
    return out;
  } catch (const std::exception& e) {
    return bad(e.what());
  }
}

}  // namespace dvpe::control
