// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/release_store.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "shared/privacy/secret.h"

namespace dvpe::control {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using release::Bundle;
using release::Verified;

ReleaseStore::ReleaseStore(const fs::path& state, std::string node, const release::PublicKey& root)
    : folder_(state / "release"), node_(std::move(node)), empty_(root), ring_(root) {}

base::Result<std::optional<Verified>> ReleaseStore::load() {
  std::error_code error;
  if (!fs::exists(file(), error)) return std::optional<Verified>{};
  std::ifstream in(file(), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorCode::kIo, file().string() + " cannot be read");
  DVPE_TRY(auto kept, release::parseKept(text.str()));
  // Judged as of when it was made: a last good release does not stop being one.
  DVPE_TRY(const auto parsed, release::parseRelease(kept.bundle.release.bytes));
  DVPE_TRY(auto verified, release::verifyBundle(kept.bundle, empty_, {}, node_, parsed.created));
  verified.known = kept.known;
  ring_ = verified.ring;
  kept_ = std::move(kept);
  inForce_ = verified.release;
  return std::optional<Verified>(std::move(verified));
}

// What is new, and of what is here already the documents that it may need.
Bundle ReleaseStore::whole(const Bundle& fresh) const {
  Bundle out = fresh;
  out.documents.insert(kept_.bundle.documents.begin(), kept_.bundle.documents.end());
  return out;
}

std::optional<HoldStore::Owned> ReleaseStore::owned(const release::DocumentName& name) const {
  if (!inForce_) return std::nullopt;
  const auto line = inForce_->documents.find(name);
  if (line == inForce_->documents.end()) return std::nullopt;
  const auto stored = kept_.bundle.documents.find(line->second.digest);
  if (stored == kept_.bundle.documents.end()) return std::nullopt;
  const auto header = release::parseHeader(stored->second.document.bytes);
  if (!header) return std::nullopt;
  return HoldStore::Owned{line->second.organisation, header.value().channels};
}

base::Result<Verified> ReleaseStore::check(const Bundle& bundle, release::Time now) const {
  return release::verifyBundle(whole(bundle), ring_, kept_.known, node_, now, inForce_ ? &*inForce_ : nullptr);
}

base::Result<void> ReleaseStore::keep(const Bundle& bundle, const Verified& verified) {
  release::Kept next{whole(bundle), verified.known};
  std::erase_if(next.bundle.documents, [&](const auto& d) {
    return std::none_of(verified.release.documents.begin(), verified.release.documents.end(),
                        [&](const auto& line) { return line.second.digest == d.first; });
  });
  // The whole chain of keys, so that load() can begin at the root; another release may have brought some of them.
  std::erase_if(next.bundle.keys, [this](const release::Signed& keys) {
    const auto parsed = release::parseKeys(keys.bytes);
    return !parsed || parsed.value().revision <= ring_.revision();
  });
  next.bundle.keys.insert(next.bundle.keys.begin(), kept_.bundle.keys.begin(), kept_.bundle.keys.end());
  std::error_code error;
  fs::create_directories(folder_, error);
  DVPE_CHECK(privacy::writeSecretFile(file(), release::toJson(next.bundle, next.known), privacy::IfExists::kReplace));
  kept_ = std::move(next);
  ring_ = verified.ring;
  inForce_ = verified.release;
  return base::success();
}

}  // namespace dvpe::control
