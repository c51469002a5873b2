// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/hold.h"

#include <algorithm>

#include "shared/model/reader.h"

namespace dvpe::release {

using base::ErrorCode;
using base::fail;
using model::Need;
using model::ObjectReader;

namespace {

void readBody(ObjectReader& body, Hold& out) {
  if (body.find("holds", Need::kRequired) != nullptr) {
    ObjectReader of(body.at("holds"));
    if (of.isObject()) {
      of.choice<std::string>("kind", out.of.kind,
                             {{"overlay", "overlay"},
                              {"ruleset", "ruleset"},
                              {"campaign", "campaign"},
                              {"media", "media"},
                              {"content", "content"}},
                             Need::kRequired);
      of.name("id", out.of.id, Need::kRequired);
      of.finish();
    }
  }
  std::string until;
  base::WallTime at{};
  if (body.text("until", until, Need::kOptional, 64) && model::readInstant(body.at("until"), until, at)) {
    out.until = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  }
  body.flag("lifted", out.lifted);
}

}  // namespace

base::Result<Hold> parseHold(std::string_view text) {
  return model::readObject<Hold>(text, kMaxHoldBytes, "hold", [](ObjectReader& in, Hold& out) {
    if (in.text("kind", out.header.name.kind, Need::kRequired) && out.header.name.kind != "hold") {
      in.at("kind").mistake("expected \"hold\"");
    }
    in.name("id", out.header.name.id, Need::kRequired);
    in.name("organisation", out.header.organisation, Need::kRequired);
    in.integer("revision", out.header.revision, 1, 1'000'000'000, Need::kRequired);
    if (in.find("body", Need::kRequired) == nullptr) return;
    ObjectReader body(in.at("body"));
    if (!body.isObject()) return;
    readBody(body, out);
    body.finish();
  });
}

base::Result<CheckedHold> checkHold(const Signed& document, const KeyRing& ring, Time accepted) {
  if (document.bytes.size() > kMaxHoldBytes)
    return fail(ErrorCode::kLimitExceeded, "a hold has at most " + std::to_string(kMaxHoldBytes) + " bytes");
  DVPE_TRY(const Key* key, ring.signer(document, Domain::kDocument, rolesFor("hold"), accepted));
  DVPE_TRY(auto hold, parseHold(document.bytes));
  if (key->organisation != hold.header.organisation)
    return fail(ErrorCode::kRefused, key->person + " signs for another organisation");
  return CheckedHold{std::move(hold), {key->id, key->person, key->organisation, key->roles, key->channels}};
}

bool mayHold(const HoldSigner& signer, std::string_view kind, std::string_view organisation,
             const std::vector<std::string>& channels) {
  const bool onChannels = signer.channels.empty() || std::all_of(channels.begin(), channels.end(), [&](const auto& c) {
                            return signer.channels.contains(c);
                          });
  const bool adOperations = signer.roles.contains(Role::kAdOperations) && (kind == "campaign" || kind == "media");
  return onChannels && (signer.organisation == organisation || signer.roles.contains(Role::kAdmin) || adOperations);
}

}  // namespace dvpe::release
