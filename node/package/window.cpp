// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/window.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

#include "node/package/names.h"

namespace dvpe::package {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

constexpr std::size_t kMaxFiles = 1'000'000;
constexpr std::size_t kMaxInit = 1 << 20;

std::string_view extension(SegmentType type) { return type == SegmentType::kMedia ? ".m4s" : ".vtt"; }

std::string fileName(Ticks start, SegmentType type) { return std::to_string(start.count()).append(extension(type)); }

// "<start>.m4s" -> start and type.
bool parseFileName(std::string_view name, Ticks& start, SegmentType& type) {
  for (const SegmentType t : {SegmentType::kMedia, SegmentType::kText}) {
    if (!name.ends_with(extension(t))) continue;
    type = t;
    return parseStart(name.substr(0, name.size() - extension(t).size()), start);
  }
  return false;
}

auto osError(const char* what, int error) {
  return fail(ErrorCode::kIo, std::string(what) + ": " + std::strerror(error));
}

// Writes all of it. The answer is errno, or 0.
int writeAll(int fd, base::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

// Fills and closes a new file. The answer is errno, or 0; on an error the file is gone.
int fill(int fd, const fs::path& path, base::ByteView bytes, bool durable) {
  int error = writeAll(fd, bytes);
  if (!error && durable && ::fsync(fd) != 0) error = errno;
  if (::close(fd) != 0 && !error) error = errno;
  if (error) ::unlink(path.c_str());
  return error;
}

Result<base::Bytes> readSmall(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, "cannot be opened");
  base::Bytes bytes(kMaxInit + 1);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

// The folders in a folder that have names of ours. Links are not followed.
std::vector<fs::path> foldersIn(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    if (at->symlink_status(unknown).type() == fs::file_type::directory && isName(at->path().filename().native())) {
      out.push_back(at->path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string profileName(const model::Profile& profile) { return profile.id + "-" + std::to_string(profile.revision); }

bool parseStart(std::string_view text, Ticks& out) {
  if (text.empty() || text.size() > 18 || (text.size() > 1 && text[0] == '0') || text[0] == '-') return false;
  std::int64_t ticks = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ticks);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  out = Ticks{ticks};
  return true;
}

Result<std::unique_ptr<Window>> Window::open(const fs::path& state, std::string_view channel, Ticks longest) {
  if (!isName(channel)) return fail(ErrorCode::kInvalidInput, "the channel's id is not a name");
  std::unique_ptr<Window> window(new Window(state / std::string(channel) / "m"));
  std::error_code error;
  fs::create_directories(window->root_, error);
  if (error) return fail(ErrorCode::kIo, "cannot make " + window->root_.string() + ": " + error.message());
  DVPE_CHECK(window->scan(longest));
  return window;
}

Result<void> Window::scan(Ticks longest) {
  for (const fs::path& profile : foldersIn(root_)) {
    for (const fs::path& variant : foldersIn(profile)) {
      for (const fs::path& rendition : foldersIn(variant)) {
        scanTrack({profile.filename(), variant.filename(), rendition.filename()}, rendition, longest);
        if (index_.size() > kMaxFiles) return fail(ErrorCode::kLimitExceeded, "over a million files in the window");
      }
    }
  }
  // A segment ends where the next one of its track starts, at the latest.
  for (auto at = index_.begin(); at != index_.end(); ++at) {
    const auto& [track, start, type] = at->first;
    auto next = std::next(at);
    while (next != index_.end() && std::get<Ticks>(next->first) == start) ++next;
    if (next == index_.end() || std::get<TrackPath>(next->first) != track) continue;
    at->second.end = std::min(at->second.end, std::get<Ticks>(next->first));
  }
  return base::success();
}

void Window::scanTrack(const TrackPath& track, const fs::path& folder, Ticks longest) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    if (at->symlink_status(unknown).type() != fs::file_type::regular || unknown) continue;
    const std::string name = at->path().filename();
    const std::uint64_t size = at->file_size(unknown);
    Ticks start{};
    SegmentType type = SegmentType::kMedia;
    const bool segment = parseFileName(name, start, type);
    // Left by a node that was ended while it wrote, or emptied by a loss of power after the rename.
    if (name.ends_with(".tmp") || (segment && !unknown && size == 0)) {
      fs::remove(at->path(), unknown);
    } else if (segment && !unknown) {
      index_.insert_or_assign({track, start, type}, Entry{start + longest, size});
      total_ += size;
    }
  }
}

Result<fs::path> Window::pathOf(std::string_view profile, std::string_view variant, std::string_view rendition,
                                Ticks start, SegmentType type) const {
  if (!isName(profile) || !isName(variant) || !isName(rendition) || start < Ticks{0}) {
    return fail(ErrorCode::kInvalidInput, "not the name of a segment");
  }
  return root_ / profile / variant / rendition / fileName(start, type);
}

Result<fs::path> Window::initPath(std::string_view profile, std::string_view rendition) const {
  if (!isName(profile) || !isName(rendition)) return fail(ErrorCode::kInvalidInput, "not the name of an init segment");
  return root_ / profile / kBaseVariant / rendition / "init.mp4";
}

Result<void> Window::write(const fs::path& path, base::ByteView bytes, bool durable) {
  fs::path temporary = path;
  int fd = -1;
  {
    // prune may not remove a folder between its making and its first file.
    const std::lock_guard lock(folders_);
    temporary += "." + std::to_string(temporary_++) + ".tmp";
    std::error_code made;
    fs::create_directories(path.parent_path(), made);
    if (made) return osError("cannot make the folder of a segment", made.value());
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return osError("cannot make a file in the window", errno);
  }
  if (const int error = fill(fd, temporary, bytes, durable)) return osError("cannot write to the window", error);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return osError("cannot name a file in the window", error);
  }
  return base::success();
}

Result<void> Window::putSegment(const TrackPath& track, Ticks start, Ticks end, base::ByteView bytes,
                                SegmentType type) {
  DVPE_TRY(const fs::path path, pathOf(track.profile, track.variant, track.rendition, start, type));
  if (bytes.empty() || end <= start) return fail(ErrorCode::kInvalidInput, "an empty segment");
  DVPE_CHECK(write(path, bytes, false));
  const std::lock_guard lock(mutex_);
  Entry& entry = index_[{track, start, type}];
  total_ += bytes.size() - entry.bytes;
  entry = {end, bytes.size()};
  return base::success();
}

Result<void> Window::putInit(std::string_view profile, std::string_view rendition, base::ByteView bytes) {
  DVPE_TRY(const fs::path path, initPath(profile, rendition));
  if (bytes.empty() || bytes.size() > kMaxInit) return fail(ErrorCode::kInvalidInput, "not an init segment");
  if (const auto there = readSmall(path); there && !there.value().empty()) {
    if (std::ranges::equal(there.value(), bytes)) return base::success();
    return fail(ErrorCode::kConflict, "profile " + std::string(profile) + ", rendition " + std::string(rendition) +
                                          ": the init segment differs from the one that listed segments were made "
                                          "with; give the profile a new revision");
  }
  return write(path, bytes, true);
}

Pruned Window::prune(Ticks before) {
  std::vector<std::pair<fs::path, std::uint64_t>> old;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = index_.begin(); at != index_.end();) {
      if (at->second.end >= before) {
        ++at;
        continue;
      }
      const auto& [track, start, type] = at->first;
      old.emplace_back(root_ / track.profile / track.variant / track.rendition / fileName(start, type),
                       at->second.bytes);
      total_ -= at->second.bytes;
      at = index_.erase(at);
    }
  }
  Pruned pruned;
  std::set<fs::path> folders;
  for (const auto& [path, size] : old) {
    std::error_code error;
    if (fs::remove(path, error)) {
      ++pruned.files;
      pruned.bytes += size;
    }
    folders.insert(path.parent_path());
  }
  // Variants come and go: their empty folders go too (rmdir refuses those that are not empty).
  const std::lock_guard lock(folders_);
  for (const fs::path& folder : folders) {
    if (::rmdir(folder.c_str()) == 0) ::rmdir(folder.parent_path().c_str());
  }
  return pruned;
}

std::vector<StoredSegment> Window::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredSegment> out;
  out.reserve(index_.size());
  for (const auto& [key, entry] : index_) {
    out.push_back({std::get<TrackPath>(key), std::get<Ticks>(key), std::get<SegmentType>(key), entry.bytes});
  }
  return out;
}

std::uint64_t Window::bytes() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

Result<std::uint64_t> Window::freeBytes() const {
  struct statvfs info {};
  if (::statvfs(root_.c_str(), &info) != 0) return osError("cannot ask for free space", errno);
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace dvpe::package
