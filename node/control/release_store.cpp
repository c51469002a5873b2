// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/release_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace dvpe::control {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using release::Bundle;
using release::Verified;

namespace {

base::Result<void> ioError(const fs::path& path) {
  return fail(ErrorCode::kIo, path.string() + ": " + std::strerror(errno));
}

base::Result<void> flush(const fs::path& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return ioError(path);
  const bool done = ::fsync(file) == 0;
  ::close(file);
  return done ? base::Result<void>(base::success()) : ioError(path);
}

// Whole or not at all, and on the disk before it answers.
base::Result<void> replaceFile(const fs::path& path, const std::string& text) {
  const fs::path fresh = path.string() + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return ioError(fresh);
  DVPE_CHECK(flush(fresh, O_RDWR));
  std::error_code error;
  fs::rename(fresh, path, error);
  if (error) return fail(ErrorCode::kIo, path.string() + ": " + error.message());
  return flush(path.parent_path(), O_RDONLY | O_DIRECTORY);
}

}  // namespace

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
  return std::optional<Verified>(std::move(verified));
}

// What is new, and of what is here already the documents that it may need.
Bundle ReleaseStore::whole(const Bundle& fresh) const {
  Bundle out = fresh;
  out.documents.insert(kept_.bundle.documents.begin(), kept_.bundle.documents.end());
  return out;
}

base::Result<Verified> ReleaseStore::check(const Bundle& bundle, release::Time now) const {
  return release::verifyBundle(whole(bundle), ring_, kept_.known, node_, now);
}

base::Result<void> ReleaseStore::keep(const Bundle& bundle, const Verified& verified) {
  release::Kept next{whole(bundle), verified.known};
  std::erase_if(next.bundle.documents, [&](const auto& d) {
    return std::none_of(verified.release.documents.begin(), verified.release.documents.end(),
                        [&](const auto& line) { return line.second.digest == d.first; });
  });
  // The whole chain of keys, so that load() can begin at the root.
  next.bundle.keys.insert(next.bundle.keys.begin(), kept_.bundle.keys.begin(), kept_.bundle.keys.end());
  std::error_code error;
  fs::create_directories(folder_, error);
  DVPE_CHECK(replaceFile(file(), release::toJson(next.bundle, next.known)));
  kept_ = std::move(next);
  ring_ = verified.ring;
  return base::success();
}

}  // namespace dvpe::control
