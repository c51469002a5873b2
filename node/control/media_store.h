// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The files that a release's documents need, on this node's disk: conditioned media in <state>/media/<first 16 digits
// of the digest>/, assets of overlays in <state>/blobs/<digest>.<ext>. What is lacking is fetched, checked by its
// digest, and appears whole or not at all.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/database/connection.h"
#include "shared/model/documents.h"

namespace dvpe::control {

// Brings a blob of at most so many bytes into a file, which appears whole and verified or not at all.
using FetchBlob =
    std::function<base::Result<void>(const std::string& digest, std::int64_t most, const std::filesystem::path& to)>;
// Where blobs come from; called when something is lacking, and no sooner. kUnavailable: nobody can be asked.
using OpenBlobs = std::function<base::Result<FetchBlob>()>;

// Over a connection of its own, which is open as long as there is something to fetch. stop: asked between chunks.
OpenBlobs databaseBlobs(database::ConnectOptions options, std::function<bool()> stop);

// One thread at a time. Blocks for as long as fetching takes.
class MediaStore {
 public:
  // mostBytes: of all the media of one release.
  MediaStore(const std::filesystem::path& state, std::uint64_t mostBytes, OpenBlobs blobs);

  // Makes sure that everything is here. kUnavailable: something cannot be had, each on a line of the message;
  // kLimitExceeded. What has been fetched until then stays, for the next try.
  base::Result<void> complete(const model::Documents& documents);

  // Where a media document's files are once complete() has brought them.
  static std::filesystem::path folderOf(const std::filesystem::path& state, const model::Media& media);

  // These documents are no longer in force: from now on counts for how long their files are kept.
  void leave(const model::Documents& documents, base::WallTime now);
  // Deletes what these documents do not name and what left longer ago than `keep`: nothing lists it any more. For the
  // start, before anything is loaded.
  void sweep(const model::Documents& inForce, std::chrono::seconds keep, base::WallTime now);

 private:
  base::Result<void> fetch(const std::string& digest, std::int64_t most, const std::filesystem::path& to);
  base::Result<void> completeMedia(const model::Media& media);
  base::Result<void> completeAsset(const std::string& path, const std::string& digest);

  const std::filesystem::path state_, media_, blobs_, parts_;
  const std::uint64_t mostBytes_;
  const OpenBlobs open_;
  FetchBlob fetch_;  // while complete() runs
};

}  // namespace dvpe::control
