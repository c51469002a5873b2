// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/release.h"

#include <algorithm>
#include <array>

namespace dvpe::release {

using base::ErrorCode;
using base::fail;

namespace {

struct KindRule {
  std::string_view kind;
  std::set<Role> signers;
  bool countersigned = false;
};

const std::vector<KindRule>& kindRules() {
  static const std::vector<KindRule> rules{
      {"profile", {Role::kAdmin}},
      {"channel", {Role::kAdmin}},
      {"policy", {Role::kAdmin}},
      {"ruleset", {Role::kCreator}},
      {"overlay", {Role::kCreator}},
      {"audience", {Role::kCreator}},
      {"content", {Role::kCreator}},
      {"experiment", {Role::kCreator}},
      {"schedule", {Role::kCreator}},
      {"campaign", {Role::kAdvertiser}, true},
      {"creative", {Role::kAdvertiser}, true},
      {"media", {Role::kConditioner}},
      {"plan", {Role::kCoordinator}},
      {"model", {Role::kCoordinator}},
      {"hold", {Role::kCreator, Role::kAdvertiser, Role::kAdOperations, Role::kBroadcaster, Role::kAdmin}}};
  return rules;
}

const KindRule* ruleFor(std::string_view kind) {
  const auto& rules = kindRules();
  const auto it = std::find_if(rules.begin(), rules.end(), [&](const KindRule& r) { return r.kind == kind; });
  return it == rules.end() ? nullptr : &*it;
}

bool subset(const std::vector<std::string>& some, const std::set<std::string>& of) {
  return of.empty() || std::all_of(some.begin(), some.end(), [&](const auto& s) { return of.contains(s); });
}

// The second pair of eyes: another person, ad operations, for these channels, in time.
base::Result<void> checkCountersignature(const StoredDocument& stored, const Entry& entry, const Header& header,
                                         const Key& author, const KeyRing& ring, Time now) {
  if (!stored.countersignature) return fail(ErrorCode::kRefused, "ad operations have not countersigned it");
  const auto second =
      ring.signer(*stored.countersignature, Domain::kCountersignature, {Role::kAdOperations}, entry.accepted);
  if (!second) return fail(ErrorCode::kRefused, "its countersignature: " + second.error().message);
  if (second.value()->person == author.person) return fail(ErrorCode::kRefused, "its author cannot countersign it");
  DVPE_TRY(const auto statement, parseCountersignature(stored.countersignature->bytes));
  if (statement.digest != entry.digest) return fail(ErrorCode::kRefused, "its countersignature is for other contents");
  if (statement.expires <= now) return fail(ErrorCode::kRefused, "its countersignature has expired");
  const std::set<std::string> allowed(statement.channels.begin(), statement.channels.end());
  if (!subset(header.channels, allowed) || !subset(statement.channels, second.value()->channels)) {
    return fail(ErrorCode::kRefused, "its countersignature is for other channels");
  }
  return base::success();
}

// One document against its line in the release. Length, digest, signature, then text.
base::Result<void> checkDocument(const DocumentName& name, const Entry& entry, const KeyRing& ring,
                                 const Source& source, Time now) {
  const StoredDocument* stored = source.document(entry.digest);
  if (stored == nullptr) return fail(ErrorCode::kNotFound, "it is not here");
  const std::string& bytes = stored->document.bytes;
  if (bytes.size() != entry.bytes || base::sha256(base::view(bytes)) != entry.digest) {
    return fail(ErrorCode::kRefused, "its bytes are not those of the release");
  }
  const KindRule* rule = ruleFor(name.kind);
  if (rule == nullptr) return fail(ErrorCode::kUnsupported, "there is no such kind of document");
  DVPE_TRY(const Key* author, ring.signer(stored->document, Domain::kDocument, rule->signers, entry.accepted));
  DVPE_TRY(const Header header, parseHeader(bytes));
  if (header.name != name || header.organisation != entry.organisation || header.revision != entry.revision) {
    return fail(ErrorCode::kRefused, "it calls itself something else than the release does");
  }
  if (author->organisation != header.organisation) {
    return fail(ErrorCode::kRefused, author->person + " signs for another organisation");
  }
  if (!subset(header.channels, author->channels)) {
    return fail(ErrorCode::kRefused, author->person + " may not sign for its channels");
  }
  if (rule->countersigned) return checkCountersignature(*stored, entry, header, *author, ring, now);
  return base::success();
}

// The lower revisions that admins have agreed to.
base::Result<std::map<DocumentName, int>> allowedRollbacks(const Release& release, const KeyRing& ring,
                                                           const Known& known, const Source& source) {
  std::map<DocumentName, int> out;
  for (const std::string& digest : release.rollbacks) {
    const Signed* statement = source.rollback ? source.rollback(digest) : nullptr;
    if (statement == nullptr || base::sha256(base::view(statement->bytes)) != digest) {
      return fail(ErrorCode::kNotFound, "a rollback statement is not here");
    }
    DVPE_CHECK(ring.signer(*statement, Domain::kRollback, {Role::kAdmin}, release.created));
    DVPE_TRY(auto parsed, parseRollback(statement->bytes));
    if (parsed.base > release.base) return fail(ErrorCode::kRefused, "a rollback statement is for another release");
    if (parsed.base != release.base && known.order.sequence > parsed.base) continue;  // it has had its effect here
    out.merge(parsed.revisions);
  }
  return out;
}

}  // namespace

std::string toText(const Order& order) { return std::to_string(order.keys) + "." + std::to_string(order.sequence); }

const std::set<Role>& rolesFor(std::string_view kind) {
  static const std::set<Role> none;
  const KindRule* rule = ruleFor(kind);
  return rule == nullptr ? none : rule->signers;
}

bool needsCountersignature(std::string_view kind) {
  const KindRule* rule = ruleFor(kind);
  return rule != nullptr && rule->countersigned;
}

base::Result<Release> checkRelease(const Signed& release, const KeyRing& ring, const Known& known,
                                   std::string_view node, Time now) {
  if (release.bytes.size() > kMaxReleaseBytes) return fail(ErrorCode::kLimitExceeded, "the release is too large");
  DVPE_TRY(const Key* by, ring.signer(release, Domain::kRelease, {Role::kCoordinator}, now));
  (void)by;
  DVPE_TRY(auto parsed, parseRelease(release.bytes));
  if (parsed.order.keys != ring.revision()) {
    return fail(ErrorCode::kRefused, "the release was made with revision " + std::to_string(parsed.order.keys) +
                                         " of the keys, in force is " + std::to_string(ring.revision()));
  }
  if (parsed.order <= known.order) {
    return fail(ErrorCode::kConflict,
                "release " + std::to_string(parsed.order.sequence) + " is not newer than what is known");
  }
  if (parsed.expires <= now) return fail(ErrorCode::kRefused, "the release has expired");
  if (!parsed.nodes.empty() && std::find(parsed.nodes.begin(), parsed.nodes.end(), node) == parsed.nodes.end()) {
    return fail(ErrorCode::kRefused, "the release is for other nodes");
  }
  std::size_t total = 0;
  for (const auto& [name, entry] : parsed.documents) total += entry.bytes;
  if (total > kMaxReleaseTotal)
    return fail(ErrorCode::kLimitExceeded, "the release's documents are too large together");
  return parsed;
}

std::vector<Refusal> checkDocuments(const Release& release, const KeyRing& ring, const Known& known,
                                    const Source& source, Time now, const Release* believed) {
  if (believed != nullptr && believed->order.keys != release.order.keys) believed = nullptr;
  const auto same = [&](const DocumentName& name, const Entry& entry) {
    if (believed == nullptr || needsCountersignature(name.kind) || source.document(entry.digest) == nullptr)
      return false;
    const auto it = believed->documents.find(name);
    return it != believed->documents.end() && it->second == entry;
  };
  std::vector<Refusal> refusals;
  const auto back = allowedRollbacks(release, ring, known, source);
  if (!back) refusals.push_back({"release", back.error().message});
  for (const auto& [name, entry] : release.documents) {
    const std::string what = name.kind + "/" + name.id;
    if (same(name, entry)) continue;
    if (const auto good = checkDocument(name, entry, ring, source, now); !good) {
      refusals.push_back({what, good.error().message});
      continue;
    }
    const auto highest = known.revisions.find(name);
    if (highest == known.revisions.end() || entry.revision >= highest->second) continue;
    const auto agreed = back ? back.value().find(name) : std::map<DocumentName, int>::const_iterator{};
    if (!back || agreed == back.value().end() || agreed->second != entry.revision) {
      refusals.push_back({what, "revision " + std::to_string(entry.revision) + " is lower than " +
                                    std::to_string(highest->second) + ", and no admin has signed a rollback"});
    }
  }
  return refusals;
}

std::vector<Change> difference(const Release& before, const Release& after) {
  std::vector<Change> out;
  for (const auto& [name, entry] : after.documents) {
    const auto old = before.documents.find(name);
    if (old == before.documents.end()) {
      out.push_back({Change::What::kAdded, name, 0, entry.revision});
    } else if (old->second.digest != entry.digest) {
      out.push_back({Change::What::kChanged, name, old->second.revision, entry.revision});
    }
  }
  for (const auto& [name, entry] : before.documents) {
    if (!after.documents.contains(name)) out.push_back({Change::What::kRemoved, name, entry.revision, 0});
  }
  std::sort(out.begin(), out.end(), [](const Change& a, const Change& b) { return a.name < b.name; });
  return out;
}

}  // namespace dvpe::release
