// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A conditioned creative, clip or slate as the packager uses it: whole units, one closed GOP and one fragment each
// (design, law 2), its files mapped into memory. Everything is checked when it is loaded, nothing when it is placed.
//
// A folder holds media.json
//   {"kind": "media", "id": "...", "digest": "<64 hex>", "profile": {"id": "...", "revision": n}, "units": n,
//    "tracks": {"v720": "v720.mp4", ..., "audio": "audio.mp4"}}        (other keys are passed over)
// and the track files: CMAF, track_ID 1. Video in ticks: fragment u holds unit u, framesPerUnit samples of one frame's
// length, the first of them an IDR. Audio in samples: AAC-LC, frame k covers samples [1024 k, 1024 (k + 1)) of the
// creative, no priming; frames up to the end of the last unit and usually one of silence to spare.
//
// The files must not be changed or cut while they are loaded; to replace a creative, write another folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node/package/cmaf.h"
#include "node/timeline/grid.h"
#include "shared/base/result.h"
#include "shared/model/documents.h"

namespace dvpe::package {

// A whole file, mapped read-only.
class MappedFile {
 public:
  // kNotFound, kIo; kLimitExceeded over 2 GiB; kInvalidInput when it is empty or not a plain file.
  static base::Result<std::unique_ptr<MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ByteView bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  const std::uint8_t* data_;
  std::size_t size_;
};

// One track file and where its samples are.
struct MediaTrack {
  std::unique_ptr<const MappedFile> file;
  TrackFile info;
  std::vector<SampleInfo> frames;  // audio only: all frames in order, whatever fragments they came in

  ByteView bytes(const FragmentInfo& f) const { return file->bytes().subspan(f.offset, f.size); }
  ByteView bytes(const SampleInfo& s) const { return file->bytes().subspan(s.offset, s.size); }
};

// Immutable once loaded: any thread, without locks.
class Creative {
 public:
  // Every rung of the profile and the audio must be there, fit its size and frame rate, and have exactly the units that
  // media.json names. The error names the file and what is wrong with it. Whether the parameter sets equal the
  // channel's is for the caller to compare: video(rung)->info.config.
  static base::Result<std::shared_ptr<const Creative>> load(const std::filesystem::path& folder,
                                                            const model::Profile& profile);

  const std::string& id() const { return id_; }
  const std::string& digest() const { return digest_; }
  // As URLs name it: the first 16 characters of the digest.
  std::string_view name() const { return std::string_view(digest_).substr(0, 16); }
  int units() const { return units_; }
  const timeline::Grid& grid() const { return grid_; }
  const MediaTrack* video(std::string_view rung) const;  // nullptr: not a rung of the profile
  const MediaTrack& audio() const { return audio_; }
  std::uint64_t bytes() const;  // of all files

 private:
  explicit Creative(timeline::Grid grid) : grid_(grid) {}

  std::string id_, digest_;
  int units_ = 0;
  timeline::Grid grid_;
  std::map<std::string, MediaTrack, std::less<>> video_;
  MediaTrack audio_;
};

}  // namespace dvpe::package
