// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/media_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "shared/base/log.h"
#include "shared/database/blobs.h"
#include "shared/model/json.h"

namespace dvpe::control {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMostAssetBytes = std::int64_t{32} << 20;
constexpr std::size_t kNamed = 20;  // of what is lacking, in an error
constexpr const char* kList = "media.json";

Result<void> flushFolder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const std::string reason = done ? "" : std::strerror(errno);
  if (fd >= 0) ::close(fd);
  if (!done) return fail(ErrorCode::kIo, folder.string() + ": " + reason);
  return base::success();
}

// Whether its files are here, of the right lengths. Of media.json only whether it is: two organisations that condition
// the same file have the same tracks, and each calls them by a name of its own.
bool isHere(const fs::path& folder, const model::Media& media) {
  std::error_code error;
  return std::all_of(media.files.begin(), media.files.end(), [&](const auto& file) {
    const auto bytes = fs::file_size(folder / file.first, error);
    return !error && (file.first == kList || bytes == static_cast<std::uint64_t>(file.second.bytes));
  });
}

fs::file_time_type fileTime(base::WallTime at) { return fs::file_time_type::clock::from_sys(at); }

// What documents name below <state>/media and <state>/blobs.
std::set<std::string> namesOf(const model::Documents& documents) {
  std::set<std::string> out;
  for (const auto& [id, media] : documents.media) {
    if (!media.files.empty()) out.insert(media.digest.substr(0, 16));
  }
  for (const auto& [id, overlay] : documents.overlays) {
    for (const auto& [name, path] : overlay.assets) {
      if (!model::assetDigest(path).empty()) out.insert(path);
    }
  }
  return out;
}

}  // namespace

OpenBlobs databaseBlobs(database::ConnectOptions options, std::function<bool()> stop) {
  return [options = std::move(options), stop = std::move(stop)]() -> Result<FetchBlob> {
    DVPE_TRY(auto opened, database::Connection::open(options));
    // A FetchBlob is copied; the connection is one.
    auto connection = std::make_shared<database::Connection>(std::move(opened));
    const auto goOn = [stop]() -> Result<void> {
      if (stop()) return fail(ErrorCode::kUnavailable, "the node is stopping");
      return base::success();
    };
    return FetchBlob([connection, goOn](const std::string& digest, std::int64_t most, const fs::path& to) {
      return database::fetchBlob(*connection, digest, to, {most, goOn});
    });
  };
}

MediaStore::MediaStore(const fs::path& state, std::uint64_t mostBytes, OpenBlobs blobs)
    : state_(state),
      media_(state / "media"),
      blobs_(state / "blobs"),
      parts_(state / "media" / ".part"),
      mostBytes_(mostBytes),
      open_(std::move(blobs)) {}

fs::path MediaStore::folderOf(const fs::path& state, const model::Media& media) {
  return state / "media" / media.digest.substr(0, 16);
}

Result<void> MediaStore::fetch(const std::string& digest, std::int64_t most, const fs::path& to) {
  if (!fetch_) {
    if (!open_) return fail(ErrorCode::kUnavailable, "this node has no database to fetch it from");
    DVPE_TRY(fetch_, open_());
    std::error_code error;
    for (const fs::path& folder : {media_, blobs_, parts_}) fs::create_directories(folder, error);
  }
  return fetch_(digest, most, to);
}

Result<void> MediaStore::completeMedia(const model::Media& media) {
  const fs::path folder = folderOf(state_, media);
  if (isHere(folder, media)) return base::success();
  std::error_code error;
  for (const auto& [name, file] : media.files) {
    const fs::path part = parts_ / file.digest;  // there: it was verified
    if (fs::exists(part, error)) continue;
    if (const auto done = fetch(file.digest, file.bytes, part); !done)
      return fail(done.error().code, name + ": " + done.error().message);
  }
  const fs::path whole = parts_ / folder.filename();
  fs::remove_all(whole, error);
  if (!fs::create_directory(whole, error)) return fail(ErrorCode::kIo, whole.string() + ": " + error.message());
  for (const auto& [name, file] : media.files) {
    fs::create_hard_link(parts_ / file.digest, whole / name, error);
    if (error) return fail(ErrorCode::kIo, (whole / name).string() + ": " + error.message());
  }
  if (!isHere(whole, media)) return fail(ErrorCode::kConflict, "its files have other lengths than it says");
  DVPE_CHECK(flushFolder(whole));
  fs::remove_all(folder, error);  // damaged
  fs::rename(whole, folder, error);
  if (error) return fail(ErrorCode::kIo, folder.string() + ": " + error.message());
  DVPE_CHECK(flushFolder(media_));
  for (const auto& [name, file] : media.files) fs::remove(parts_ / file.digest, error);
  spdlog::info("media fetched media={} digest={} files={}", media.id, media.digest.substr(0, 16), media.files.size());
  return base::success();
}

Result<void> MediaStore::completeAsset(const std::string& path, const std::string& digest) {
  std::error_code error;
  if (fs::exists(blobs_ / path, error)) return base::success();
  return fetch(digest, kMostAssetBytes, blobs_ / path);
}

Result<void> MediaStore::complete(const model::Documents& documents) {
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& [id, media] : documents.media) {
    for (const auto& [name, file] : media.files) bytes[file.digest] = static_cast<std::uint64_t>(file.bytes);
  }
  std::uint64_t total = 0;
  for (const auto& [digest, length] : bytes) total += length;
  if (total > mostBytes_) {
    return fail(ErrorCode::kLimitExceeded, "its media have " + std::to_string(total) +
                                               " bytes; limits.media_bytes is " + std::to_string(mostBytes_));
  }
  std::size_t lacking = 0;
  std::string all;
  bool gone = false;  // the database: the rest need not be tried
  const auto take = [&](const std::string& what, const Result<void>& done) {
    if (done) return;
    gone = done.error().code == ErrorCode::kUnavailable;
    if (++lacking <= kNamed) all += (all.empty() ? "" : "\n") + what + ": " + done.error().message;
  };
  for (const auto& [id, media] : documents.media) {
    if (!gone && !media.files.empty()) take("media " + id, completeMedia(media));
  }
  for (const auto& [id, overlay] : documents.overlays) {
    for (const auto& [name, path] : overlay.assets) {
      const std::string digest(model::assetDigest(path));
      if (!gone && !digest.empty()) take("overlay " + id + ": " + name, completeAsset(path, digest));
    }
  }
  fetch_ = nullptr;
  if (lacking == 0) return base::success();
  if (lacking > kNamed) all += "\nand " + std::to_string(lacking - kNamed) + " more";
  return fail(ErrorCode::kUnavailable, "files cannot be had:\n" + all);
}

void MediaStore::leave(const model::Documents& documents, base::WallTime now) {
  std::error_code error;
  for (const std::string& name : namesOf(documents)) {
    for (const fs::path& at : {media_ / name, blobs_ / name}) fs::last_write_time(at, fileTime(now), error);
  }
}

void MediaStore::sweep(const model::Documents& inForce, std::chrono::seconds keep, base::WallTime now) {
  std::error_code error;
  fs::remove_all(parts_, error);
  const std::set<std::string> named = namesOf(inForce);
  const auto before = fileTime(now) - keep;
  for (const fs::path& folder : {media_, blobs_}) {
    std::vector<fs::path> old;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (named.contains(entry.path().filename().string())) continue;
      const auto left = fs::last_write_time(entry.path(), error);
      if (!error && left < before) old.push_back(entry.path());
    }
    for (const fs::path& path : old) {
      fs::remove_all(path, error);
      spdlog::info("what no release names any more is deleted file={}", path.filename().string());
    }
  }
}

}  // namespace dvpe::control
