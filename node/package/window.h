// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The window: the segments of one channel as files in the state directory, so that what was listed stays, even over a
// kill -9 (design, law 7).
//
//   <state>/<channel>/m/<profile>/base/<rendition>/init.mp4
//   <state>/<channel>/m/<profile>/<variant>/<rendition>/<start tick>.m4s (or .vtt)
//
// A file appears under its name when it is whole: written beside it as <name>.<n>.tmp, then renamed. Channel, profile,
// variant and rendition are names (names.h); nothing else becomes a path.
//
// Threads: pathOf, initPath, freeBytes: any. put, prune, list: any too, but the order of files is only as good as the
// callers' (one packaging thread per channel is meant). One Window, and one process, per channel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/base/ticks.h"
#include "shared/model/documents.h"

namespace dvpe::package {

// How paths and URLs name a profile: its id and revision ("main-3"), since another revision has other init segments.
std::string profileName(const model::Profile& profile);

inline constexpr std::string_view kBaseVariant = "base";

enum class SegmentType { kMedia, kText };  // .m4s, .vtt

// Which track of which variant.
struct TrackPath {
  std::string profile, variant, rendition;
  auto operator<=>(const TrackPath&) const = default;
};

// A segment that is there.
struct StoredSegment {
  TrackPath track;
  base::Ticks start{};
  SegmentType type = SegmentType::kMedia;
  std::uint64_t bytes = 0;
};

struct Pruned {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

class Window {
 public:
  // Makes the folder if need be and takes stock of it: half-written files are removed, other strangers left alone.
  // longest: no segment is longer; it bounds the end of those found, whose length is not known any more. kInvalidInput:
  // not a name; kIo: cannot be read or made.
  static base::Result<std::unique_ptr<Window>> open(const std::filesystem::path& state, std::string_view channel,
                                                    base::Ticks longest);

  // Stores [start, end). The same start again replaces the file (its bytes are the same by law 3). kIo: nothing is left
  // behind, and what stood under the name still does.
  base::Result<void> putSegment(const TrackPath& track, base::Ticks start, base::Ticks end, base::ByteView bytes,
                                SegmentType type = SegmentType::kMedia);

  // Stores the init segment of a rendition, on disk before it returns. kConflict when another one stands there:
  // segments that are listed were made with it.
  base::Result<void> putInit(std::string_view profile, std::string_view rendition, base::ByteView bytes);

  // Where a file is or would be. kInvalidInput when a name is none or the start is negative. Whether it is there,
  // opening it tells.
  base::Result<std::filesystem::path> pathOf(std::string_view profile, std::string_view variant,
                                             std::string_view rendition, base::Ticks start,
                                             SegmentType type = SegmentType::kMedia) const;
  base::Result<std::filesystem::path> initPath(std::string_view profile, std::string_view rendition) const;

  // Removes the segments that end before this tick; one that ends at it or later stays. Init segments stay.
  Pruned prune(base::Ticks before);

  // All that is there, by track and start.
  std::vector<StoredSegment> list() const;
  std::uint64_t bytes() const;

  // What the file system has left for us.
  base::Result<std::uint64_t> freeBytes() const;

 private:
  struct Entry {
    base::Ticks end{};
    std::uint64_t bytes = 0;
  };
  using Key = std::tuple<TrackPath, base::Ticks, SegmentType>;

  explicit Window(std::filesystem::path root) : root_(std::move(root)) {}
  base::Result<void> scan(base::Ticks longest);
  void scanTrack(const TrackPath& track, const std::filesystem::path& folder, base::Ticks longest);
  base::Result<void> write(const std::filesystem::path& path, base::ByteView bytes, bool durable);

  const std::filesystem::path root_;  // <state>/<channel>/m
  mutable std::mutex mutex_;          // guards index_ and total_; held for no file
  std::map<Key, Entry> index_;
  std::uint64_t total_ = 0;
  std::mutex folders_;           // guards temporary_, and the making and removing of folders
  std::uint64_t temporary_ = 0;  // numbers the files being written
};

// The start in a file name: decimal without leading zeros, at most 18 digits. False for anything else.
bool parseStart(std::string_view text, base::Ticks& out);

}  // namespace dvpe::package
