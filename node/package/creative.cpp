// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/creative.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "node/package/names.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 31;
constexpr std::size_t kMaxDocument = 64 * 1024;
constexpr int kMaxUnits = 9'999;  // as URLs can name them

struct Document {
  std::string id, digest, profile;
  std::int64_t revision = 0;
  int units = 0;
  std::map<std::string, std::string> tracks;
};

std::string text(const boost::json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::int64_t number(const boost::json::object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v && v->is_int64() ? v->get_int64() : -1;
}

Result<Document> readDocument(ByteView bytes) {
  if (bytes.size() > kMaxDocument) return fail(ErrorCode::kLimitExceeded, "media.json: over 64 KiB");
  boost::json::parse_options options;
  options.max_depth = 8;
  boost::json::error_code error;
  const auto value =
      boost::json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, error, {}, options);
  if (error || !value.is_object()) return fail(ErrorCode::kInvalidInput, "media.json: not a JSON object");
  const auto& o = value.get_object();

  Document d;
  if (text(o, "kind") != "media") return fail(ErrorCode::kInvalidInput, "media.json: kind is not \"media\"");
  d.id = text(o, "id");
  if (!isName(d.id)) return fail(ErrorCode::kInvalidInput, "media.json: id is missing or not a name");
  d.digest = text(o, "digest");
  if (!isHex(d.digest, 64)) return fail(ErrorCode::kInvalidInput, "media.json: digest is not 64 hexadecimal digits");
  if (const auto* p = o.if_contains("profile"); p && p->is_object()) {
    d.profile = text(p->get_object(), "id");
    d.revision = number(p->get_object(), "revision");
  }
  if (!isName(d.profile) || d.revision < 1) return fail(ErrorCode::kInvalidInput, "media.json: profile is missing");
  const std::int64_t units = number(o, "units");
  if (units < 1 || units > kMaxUnits) return fail(ErrorCode::kInvalidInput, "media.json: units is not 1 to 9999");
  d.units = static_cast<int>(units);
  if (const auto* t = o.if_contains("tracks"); t && t->is_object()) {
    for (const auto& [key, file] : t->get_object()) {
      const std::string_view name = file.is_string() ? std::string_view(file.get_string()) : std::string_view();
      if (!isName(key) || !name.ends_with(".mp4") || !isName(name.substr(0, name.size() - 4))) {
        return fail(ErrorCode::kInvalidInput, "media.json: a track is not a name and a file name ending in .mp4");
      }
      d.tracks.emplace(key, name);
    }
  }
  return d;
}

Result<MediaTrack> openTrack(const std::filesystem::path& path) {
  MediaTrack track;
  DVPE_TRY(track.file, MappedFile::open(path));
  DVPE_TRY(track.info, parseTrackFile(track.file->bytes()));
  if (track.info.edited) return fail(ErrorCode::kUnsupported, "has an edit list");
  for (const FragmentInfo& f : track.info.fragments) {
    for (const SampleInfo& s : f.samples) {
      if (s.size == 0) return fail(ErrorCode::kInvalidInput, "has an empty sample");
      if (s.compositionOffset != 0) return fail(ErrorCode::kUnsupported, "shows its samples in another order");
    }
  }
  return track;
}

std::string ofUnit(std::size_t unit, const std::string& what) { return "unit " + std::to_string(unit) + ": " + what; }

// Each fragment is one unit, from its IDR on, frame by frame (law 2): what lets a prefix of it be placed on its own.
Result<void> checkVideo(const TrackFile& info, const model::Rung& rung, const timeline::Grid& grid, int units) {
  const TrackConfig& c = info.config;
  if (c.kind != TrackKind::kVideo) return fail(ErrorCode::kInvalidInput, "is not video");
  if (c.timescale != kVideoTimescale) return fail(ErrorCode::kUnsupported, "timescale is not 240000");
  if (c.width != rung.width || c.height != rung.height) {
    return fail(ErrorCode::kInvalidInput, "is " + std::to_string(c.width) + "x" + std::to_string(c.height) +
                                              ", the profile's is " + std::to_string(rung.width) + "x" +
                                              std::to_string(rung.height));
  }
  if (info.fragments.size() != static_cast<std::size_t>(units)) {
    return fail(ErrorCode::kInvalidInput,
                "has " + std::to_string(info.fragments.size()) + " fragments for " + std::to_string(units) + " units");
  }
  for (std::size_t u = 0; u < info.fragments.size(); ++u) {
    const FragmentInfo& f = info.fragments[u];
    if (f.samples.size() != static_cast<std::size_t>(grid.framesPerUnit())) {
      return fail(ErrorCode::kInvalidInput,
                  ofUnit(u, std::to_string(f.samples.size()) + " frames, not " + std::to_string(grid.framesPerUnit())));
    }
    if (f.baseTime != u * static_cast<std::uint64_t>(grid.unit().count())) {
      return fail(ErrorCode::kInvalidInput, ofUnit(u, "does not start where it should"));
    }
    if (!f.samples[0].key) return fail(ErrorCode::kInvalidInput, ofUnit(u, "does not start with a key frame"));
    for (const SampleInfo& s : f.samples) {
      if (s.duration != static_cast<std::uint32_t>(grid.frame().count())) {
        return fail(ErrorCode::kInvalidInput, ofUnit(u, "a frame is not one frame long"));
      }
    }
  }
  return base::success();
}

// AAC-LC, 48 kHz, stereo (ISO/IEC 14496-3, 1.6.2.1): object type 2, frequency index 3, channels 2.
bool isAacLcStereo48(const Bytes& asc) { return asc.size() >= 2 && asc[0] == 0x11 && (asc[1] & 0xf8) == 0x90; }

Result<void> checkAudio(MediaTrack& track, const timeline::Grid& grid, int units) {
  const TrackConfig& c = track.info.config;
  if (c.kind != TrackKind::kAudio) return fail(ErrorCode::kInvalidInput, "is not audio");
  if (c.timescale != kAudioTimescale || !isAacLcStereo48(c.config)) {
    return fail(ErrorCode::kUnsupported, "is not AAC-LC, 48 kHz, stereo");
  }
  for (const FragmentInfo& f : track.info.fragments) {
    if (f.baseTime != track.frames.size() * 1024) return fail(ErrorCode::kInvalidInput, "has a gap or an overlap");
    for (const SampleInfo& s : f.samples) {
      if (s.duration != 1024) return fail(ErrorCode::kInvalidInput, "a frame is not 1024 samples long");
      track.frames.push_back(s);
    }
  }
  const auto needed =
      static_cast<std::size_t>((grid.unit() * units + timeline::kAudioSlot - base::Ticks{1}) / timeline::kAudioSlot);
  if (track.frames.size() < needed) {
    return fail(ErrorCode::kInvalidInput,
                "has " + std::to_string(track.frames.size()) + " frames, needs " + std::to_string(needed));
  }
  return base::success();
}

// Puts the file's name before an error from it.
auto inFile(const std::string& file, const base::Error& e) { return fail(e.code, file + ": " + e.message); }

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                std::string("cannot open: ") + strerror(errno));
  }
  struct stat st {};
  const bool known = ::fstat(fd, &st) == 0;
  void* at = MAP_FAILED;
  const bool usable = known && S_ISREG(st.st_mode) && st.st_size > 0;
  const bool large = usable && static_cast<std::uint64_t>(st.st_size) > kMaxFile;
  if (usable && !large) at = ::mmap(nullptr, static_cast<std::size_t>(st.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (large) return fail(ErrorCode::kLimitExceeded, "over 2 GiB");
  if (known && !usable) return fail(ErrorCode::kInvalidInput, "empty or not a plain file");
  if (at == MAP_FAILED) return fail(ErrorCode::kIo, "cannot be mapped");
  return std::unique_ptr<MappedFile>(
      new MappedFile(static_cast<const std::uint8_t*>(at), static_cast<std::size_t>(st.st_size)));
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::uint8_t*>(data_), size_); }

Result<std::shared_ptr<const Creative>> Creative::load(const std::filesystem::path& folder,
                                                       const model::Profile& profile) {
  auto json = MappedFile::open(folder / "media.json");
  if (!json) return inFile("media.json", json.error());
  DVPE_TRY(const Document document, readDocument(json.value()->bytes()));
  if (document.profile != profile.id || document.revision != profile.revision) {
    return fail(ErrorCode::kConflict, "conditioned for profile " + document.profile + " revision " +
                                          std::to_string(document.revision) + ", not " + profile.id + " revision " +
                                          std::to_string(profile.revision));
  }
  std::shared_ptr<Creative> creative(new Creative(timeline::Grid(profile.fps)));
  creative->id_ = document.id;
  creative->digest_ = document.digest;
  creative->units_ = document.units;

  const auto open = [&](const std::string& name, const auto& check) -> Result<MediaTrack> {
    const auto at = document.tracks.find(name);
    if (at == document.tracks.end()) return fail(ErrorCode::kInvalidInput, "media.json: no track \"" + name + "\"");
    auto track = openTrack(folder / at->second);
    if (!track) return inFile(at->second, track.error());
    if (const Result<void> ok = check(track.value()); !ok) return inFile(at->second, ok.error());
    return track;
  };
  for (const model::Rung& rung : profile.rungs) {
    DVPE_TRY(auto track, open(rung.name, [&](const MediaTrack& t) {
               return checkVideo(t.info, rung, creative->grid_, document.units);
             }));
    creative->video_.insert_or_assign(rung.name, std::move(track));
  }
  DVPE_TRY(creative->audio_,
           open("audio", [&](MediaTrack& t) { return checkAudio(t, creative->grid_, document.units); }));
  return std::shared_ptr<const Creative>(std::move(creative));
}

const MediaTrack* Creative::video(std::string_view rung) const {
  const auto at = video_.find(rung);
  return at == video_.end() ? nullptr : &at->second;
}

std::uint64_t Creative::bytes() const {
  std::uint64_t n = audio_.file->bytes().size();
  for (const auto& [name, track] : video_) n += track.file->bytes().size();
  return n;
}

}  // namespace dvpe::package
