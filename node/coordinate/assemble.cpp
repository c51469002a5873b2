// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/assemble.h"

#include <algorithm>
#include <set>

#include "shared/decisions/decisions.h"
#include "shared/model/json.h"

namespace dvpe::coordinate {

using base::ErrorCode;
using base::fail;
using base::Result;
using release::DocumentName;
using release::Entry;
using release::Release;

namespace {

constexpr int kRounds = 16;  // of taking back what does not fit

std::string nameOf(const DocumentName& name) { return name.kind + "/" + name.id; }

// The statements that the next release stands on: those made for it, and those whose documents are still gone back.
std::map<std::string, const StoredRollback*> inEffect(const Wishes& wishes) {
  std::map<std::string, const StoredRollback*> out;
  const std::int64_t base = wishes.current ? wishes.current->order.sequence : 0;
  for (const auto& [digest, stored] : wishes.rollbacks) {
    const auto& carried = wishes.current ? wishes.current->rollbacks : std::vector<std::string>{};
    const bool used = std::find(carried.begin(), carried.end(), digest) != carried.end();
    if (stored.statement.base == base || used) out[digest] = &stored;
  }
  return out;
}

// Chooses an entry for each name. Whoever had a name first keeps it.
void choose(const Wishes& wishes, const std::map<std::string, const StoredRollback*>& rollbacks, Assembled& out) {
  std::map<DocumentName, Entry>& chosen = out.release.documents;
  const auto inForce = [&](const DocumentName& name) -> const Entry* {
    if (!wishes.current) return nullptr;
    const auto it = wishes.current->documents.find(name);
    return it == wishes.current->documents.end() ? nullptr : &it->second;
  };
  for (const Candidate& candidate : wishes.candidates) {
    if (candidate.name.kind == "hold") continue;  // nodes take holds themselves, at once
    const Entry* now = inForce(candidate.name);
    const bool taken =
        now != nullptr ? now->organisation != candidate.entry.organisation : chosen.contains(candidate.name);
    if (taken) {
      out.leftOut.push_back({candidate, "another organisation has a document of this name"});
      continue;
    }
    chosen[candidate.name] = candidate.entry;
  }
  for (const auto& [digest, stored] : rollbacks) {
    for (const auto& [name, revision] : stored->statement.revisions) {
      const auto at = chosen.find(name);
      if (at == chosen.end() || at->second.revision <= revision || at->second.accepted > stored->at) continue;
      const Entry* now = inForce(name);
      const auto to = wishes.rolledTo.find(name);
      if (to != wishes.rolledTo.end() && to->second.entry.revision == revision) {
        at->second = to->second.entry;
      } else if (now != nullptr && now->revision == revision) {
        at->second = *now;  // gone back before
      }
    }
  }
}

// Takes a document back to what is in force, or out. False: it is in force as it is.
bool takeBack(const Wishes& wishes, const DocumentName& name, const std::string& reason, Assembled& out) {
  const auto at = out.release.documents.find(name);
  if (at == out.release.documents.end()) return false;
  out.leftOut.push_back({{name, at->second}, reason});
  if (wishes.current) {
    const auto now = wishes.current->documents.find(name);
    if (now != wishes.current->documents.end() && now->second != at->second) {
      at->second = now->second;
      return true;
    }
    if (now != wishes.current->documents.end()) {  // what is in force does not hold any more: its key was taken away
      out.release.documents.erase(at);
      return false;
    }
  }
  out.release.documents.erase(at);
  return true;
}

// What the node's own reading says against the documents, by name; "" for what belongs to none of them. If nothing, the
// release's blobs are set.
std::map<std::string, std::string> readAll(Release& release, const release::Source& source) {
  std::vector<model::DocumentText> texts;
  for (const auto& [name, entry] : release.documents) {
    texts.push_back({nameOf(name), source.document(entry.digest)->document.bytes});
  }
  auto read = model::readDocuments(texts);
  std::vector<model::DocumentError> errors = std::move(read.errors);
  if (errors.empty()) {
    release.blobs = blobsOf(read.documents);
    errors = decisions::build(std::make_shared<const model::Documents>(std::move(read.documents))).errors;
  }
  std::map<std::string, std::string> out;
  for (const auto& error : errors) {
    std::string document = error.document;
    std::replace(document.begin(), document.end(), ' ', '/');
    std::string& text = out[document];
    if (text.size() < 5'000) text += (text.empty() ? "" : "\n") + error.path + ": " + error.message;
  }
  return out;
}

bool sameDocuments(const Release& a, const Release& b) {
  return a.documents == b.documents && a.blobs == b.blobs && a.rollbacks == b.rollbacks && a.order.keys == b.order.keys;
}

// Puts back what was withdrawn while others still need it. False: nothing was, or it would not be believed any more.
bool restore(const Wishes& wishes, const release::KeyRing& ring, const release::Source& source,
             const std::map<std::string, std::string>& wrong, Assembled& out) {
  if (!wishes.current) return false;
  std::string needed;
  for (const auto& [document, reason] : wrong) needed += (needed.empty() ? "" : ", ") + document;
  Release trial = *wishes.current;
  std::erase_if(trial.documents, [&](const auto& line) { return out.release.documents.contains(line.first); });
  for (const auto& refusal : release::checkDocuments(trial, ring, {}, source, trial.created)) {
    const std::size_t slash = refusal.part.find('/');
    if (slash != std::string::npos)
      trial.documents.erase({refusal.part.substr(0, slash), refusal.part.substr(slash + 1)});
  }
  for (const auto& [name, entry] : trial.documents) {
    out.release.documents[name] = entry;
    out.leftOut.push_back({{name, entry}, "it cannot be withdrawn yet, others refer to it: " + needed});
  }
  return !trial.documents.empty();
}

// One round of checks; true when nothing is left to complain about.
Result<bool> settle(const Wishes& wishes, const release::KeyRing& ring, const release::Source& source,
                    release::Time now, Assembled& out) {
  bool good = true;
  for (const auto& refusal :
       release::checkDocuments(out.release, ring, {}, source, now, wishes.current ? &*wishes.current : nullptr)) {
    if (refusal.part == "release") {
      // Without its statements everything is at least what it was.
      out.release.rollbacks.clear();
      good = false;
      continue;
    }
    const std::size_t slash = refusal.part.find('/');
    (void)takeBack(wishes, {refusal.part.substr(0, slash), refusal.part.substr(slash + 1)}, refusal.reason, out);
    good = false;
  }
  if (!good) return false;
  const auto wrong = readAll(out.release, source);
  if (wrong.empty()) return true;
  bool changed = false;
  for (const auto& [document, reason] : wrong) {
    const std::size_t slash = document.find('/');
    if (slash == std::string::npos) continue;
    const DocumentName name{document.substr(0, slash), document.substr(slash + 1)};
    const bool same = wishes.current && wishes.current->documents.contains(name) &&
                      out.release.documents.contains(name) &&
                      wishes.current->documents.at(name) == out.release.documents.at(name);
    // What is in force and has not changed suffers from what others have changed.
    if (!same) changed = takeBack(wishes, name, reason, out) || changed;
  }
  if (changed || restore(wishes, ring, source, wrong, out)) return false;
  std::string all;
  for (const auto& [document, reason] : wrong) all += document + reason + "\n";
  return fail(ErrorCode::kInvalidInput, all);
}

}  // namespace

std::vector<release::BlobRef> blobsOf(const model::Documents& documents) {
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& [id, media] : documents.media) {
    for (const auto& [name, file] : media.files) bytes[file.digest] = static_cast<std::uint64_t>(file.bytes);
  }
  for (const auto& [id, overlay] : documents.overlays) {
    for (const auto& [name, path] : overlay.assets) {
      if (const auto digest = model::assetDigest(path); !digest.empty()) bytes.emplace(digest, 0);
    }
  }
  std::vector<release::BlobRef> out;
  out.reserve(bytes.size());
  for (const auto& [digest, length] : bytes) out.push_back({digest, length});
  return out;
}

Result<Assembled> assemble(const Wishes& wishes, const release::KeyRing& ring, const release::Source& source,
                           release::Time now) {
  Assembled out;
  const auto rollbacks = inEffect(wishes);
  choose(wishes, rollbacks, out);
  out.release.base = wishes.current ? wishes.current->order.sequence : 0;
  out.release.order = {ring.revision(), out.release.base + 1};
  out.release.created = now;
  out.release.expires = now + kReleaseLife;
  for (const auto& [digest, stored] : rollbacks) {
    const auto holds = [&](const auto& line) {
      const auto at = out.release.documents.find(line.first);
      return at != out.release.documents.end() && at->second.revision == line.second;
    };
    if (std::any_of(stored->statement.revisions.begin(), stored->statement.revisions.end(), holds))
      out.release.rollbacks.push_back(digest);
  }
  bool good = false;
  for (int round = 0; round < kRounds && !good; ++round) {
    DVPE_TRY(good, settle(wishes, ring, source, now, out));
  }
  if (!good) return fail(ErrorCode::kInvalidInput, "what was signed does not hold together");
  out.changed = !wishes.current || !sameDocuments(*wishes.current, out.release) ||
                wishes.current->expires - now < kReleaseLife / 2;
  return out;
}

}  // namespace dvpe::coordinate
