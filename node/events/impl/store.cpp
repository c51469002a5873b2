// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/impl/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "shared/base/log.h"

namespace dvpe::events {

namespace {

namespace fs = std::filesystem;
using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::size_t kKeptMemory = 8U << 20U;
constexpr std::string_view kExtension = ".events";
constexpr std::string_view kUnfinished = "new";

template <class T>
ByteView bytesOf(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

auto ioFail(std::string what, int error) {
  return BOOST_OUTCOME_V2_NAMESPACE::failure(ioError(std::move(what), error));
}

// "0000000012.events" -> 12.
std::optional<std::uint64_t> serialOf(std::string_view name) {
  if (!name.ends_with(kExtension)) return std::nullopt;
  name.remove_suffix(kExtension.size());
  std::uint64_t serial = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), serial);
  const bool ours = error == std::errc{} && end == name.data() + name.size() && name.size() >= 10;
  return ours ? std::optional{serial} : std::nullopt;
}

Result<std::vector<std::uint64_t>> serialsIn(const fs::path& folder) {
  std::vector<std::uint64_t> serials;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (const auto serial = serialOf(at->path().filename().native())) serials.push_back(*serial);
  }
  if (error) return ioFail("read " + folder.string(), error.value());
  std::sort(serials.begin(), serials.end());
  return serials;
}

Result<std::uint64_t> sizeOf(const File& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return ioFail("read " + path.string(), errno);
  return static_cast<std::uint64_t>(status.st_size);
}

std::optional<SegmentHeader> headerOf(const File& file) {
  std::array<std::uint8_t, sizeof(SegmentHeader)> bytes{};
  const ssize_t n = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  return readSegmentHeader(ByteView(bytes).first(static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
}

// Of a block's events those that the batch still lacks, as far as it may grow. Whether it has them all.
bool copy(const BlockHeader& header, ByteView events, std::size_t mostEvents, std::size_t mostBytes,
          Spool::Batch& batch) {
  const auto skipped = lengthOf(events, batch.to - header.from);
  if (!skipped) return true;  // cannot be: the block is whole
  events = events.subspan(*skipped);
  std::size_t taken = 0;
  for (; batch.to < header.to(); ++batch.to) {
    const std::size_t length = lengthOf(events.subspan(taken), 1).value_or(0);
    const std::uint64_t count = batch.to - batch.from;
    if (count > 0 && (count >= mostEvents || batch.events.size() + taken + length > mostBytes)) break;
    taken += length;
  }
  batch.events.insert(batch.events.end(), events.begin(), events.begin() + static_cast<std::ptrdiff_t>(taken));
  return batch.to == header.to();
}

}  // namespace

std::uint64_t Draft::events() const {
  std::uint64_t count = 0;
  for (const Block& block : blocks) count += block.count;
  return count;
}

void Draft::clear() {
  if (bytes.capacity() > kKeptMemory) base::Bytes{}.swap(bytes);
  bytes.clear();
  blocks.clear();
}

Result<std::unique_ptr<Store>> Store::open(const fs::path& folder, std::uint64_t segmentBytes, base::Random& random,
                                           const Disk& disk) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return ioFail("make " + folder.string(), error.value());
  std::unique_ptr<Store> store(new Store(folder, segmentBytes, disk));
  store->lock_ = File::open(folder, O_RDONLY | O_DIRECTORY);
  if (!store->lock_) return ioFail("open " + folder.string(), errno);
  if (::flock(store->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kConflict, "somebody else has " + folder.string() + " open");
  }
  DVPE_CHECK(store->load(random));
  return store;
}

Result<void> Store::load(base::Random& random) {
  std::error_code ignored;
  fs::remove(folder_ / kUnfinished, ignored);
  DVPE_TRY(const auto serials, serialsIn(folder_));
  std::optional<Id> id;
  for (const std::uint64_t serial : serials) DVPE_CHECK(take(serial, id));
  if (id) {
    id_ = *id;
  } else {
    random.fill(id_);
  }
  return segments_.empty() ? beginSegment() : resume();
}

// A segment whose header cannot be read begins with its first whole block.
Result<void> Store::take(std::uint64_t serial, std::optional<Id>& id) {
  const fs::path path = pathOf(serial);
  const File file = File::open(path, O_RDONLY);
  if (!file) return ioFail("open " + path.string(), errno);
  DVPE_TRY(const std::uint64_t size, sizeOf(file, path));
  nextSerial_ = serial + 1;
  Segment segment{serial, 0, size, true};
  if (const auto header = headerOf(file)) {
    if (id && *id != header->spool) return fail(ErrorCode::kConflict, path.string() + " is of another spool");
    id = header->spool;
    segment.first = header->first;
  } else {
    spdlog::error("a segment of the spool has a damaged beginning path={}", path.string());
    Blocks blocks(file.get(), {.end = std::max<std::uint64_t>(size, sizeof(SegmentHeader))});
    const auto block = blocks.next();
    if (!block) return base::success();
    segment.first = block->from;
    segment.hasHeader = false;
  }
  if (!segments_.empty() && segment.first < segments_.back().first) {
    return fail(ErrorCode::kConflict, path.string() + " does not follow the segment before it");
  }
  segments_.push_back(segment);
  bytes_ += size;
  return base::success();
}

// What is whole in the newest segment is there, whoever wrote it. It may have been written and not flushed: what is
// read from here on must not vanish in a power cut.
Result<void> Store::resume() {
  Segment& newest = segments_.back();
  const fs::path path = pathOf(newest.serial);
  File file = File::open(path, O_RDWR);
  if (!file) return ioFail("open " + path.string(), errno);
  next_ = newest.first;
  Blocks blocks(file.get(), {.end = newest.bytes, .next = newest.first});
  while (const auto block = blocks.next()) {
    if (block->from > next_) noteHole(next_, block->from);
    next_ = block->to();
  }
  // What the disk does not give now is not cut off: it may give it later.
  if (blocks.error() != 0) return ioFail("read " + path.string(), blocks.error());
  if (blocks.end() < newest.bytes) {
    spdlog::warn("the end of the spool was half written and is cut off path={} bytes={} next={}", path.string(),
                 newest.bytes - blocks.end(), next_);
    if (const int error = disk_.truncate(file.get(), blocks.end())) return ioFail("cut " + path.string(), error);
    bytes_ -= newest.bytes - blocks.end();
    newest.bytes = blocks.end();
  }
  if (const int error = disk_.sync(file.get())) return ioFail("flush " + path.string(), error);
  if (newest.hasHeader) file_ = std::move(file);
  return base::success();
}

Result<void> Store::beginSegment() {
  const fs::path unfinished = folder_ / kUnfinished;
  const fs::path path = pathOf(nextSerial_);
  File file = File::open(unfinished, O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return ioFail("make " + unfinished.string(), errno);
  const SegmentHeader header = sealed(SegmentHeader{.spool = id_, .first = next()});
  int error = disk_.write(file.get(), 0, bytesOf(header));
  if (error == 0) error = disk_.sync(file.get());
  if (error == 0 && ::rename(unfinished.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) error = disk_.syncFolder(lock_.get());
  if (error != 0) {
    ::unlink(unfinished.c_str());
    ::unlink(path.c_str());
    return ioFail("make " + path.string(), error);
  }
  file_ = std::move(file);
  const std::lock_guard lock(mutex_);
  segments_.push_back({nextSerial_++, header.first, sizeof header, true});
  bytes_ += sizeof header;
  return base::success();
}

Result<void> Store::commit(Draft& draft) {
  const auto size = [&] {
    const std::lock_guard lock(mutex_);
    return segments_.back().bytes;
  };
  if (!file_ || size() >= segmentBytes_) DVPE_CHECK(beginSegment());
  const std::uint64_t at = size();
  std::uint64_t number = next();
  for (std::size_t i = 0; i < draft.blocks.size(); ++i) {
    const auto& block = draft.blocks[i];
    const std::size_t end = i + 1 < draft.blocks.size() ? draft.blocks[i + 1].at : draft.bytes.size();
    const std::size_t begin = block.at + sizeof(BlockHeader);
    const auto header =
        sealed(BlockHeader{.from = number, .count = block.count}, ByteView(draft.bytes).subspan(begin, end - begin));
    std::memcpy(draft.bytes.data() + block.at, &header, sizeof header);
    number += block.count;
  }
  if (const int error = disk_.write(file_.get(), at, draft.bytes)) {
    if (disk_.truncate(file_.get(), at) != 0) file_ = {};
    return ioFail("write events", error);
  }
  if (const int error = disk_.sync(file_.get())) {
    (void)disk_.truncate(file_.get(), at);
    file_ = {};
    return ioFail("flush events", error);
  }
  const std::lock_guard lock(mutex_);
  segments_.back().bytes += draft.bytes.size();
  bytes_ += draft.bytes.size();
  next_ = number;
  return base::success();
}

Result<void> Store::turn() {
  std::uint64_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    if (segments_.back().first == next_) return base::success();
    dropped = dropped_;
  }
  DVPE_CHECK(beginSegment());
  drop(dropped);
  return base::success();
}

// Where the batch goes on: in a segment, or, after it was moved to what is still there, nowhere.
Result<std::optional<Store::Place>> Store::locate(Spool::Batch& batch) const {
  const std::lock_guard lock(mutex_);
  if (batch.to > next_) {
    return fail(ErrorCode::kConflict,
                "the spool ends at " + std::to_string(next_) + ", before " + std::to_string(batch.to));
  }
  if (const std::uint64_t oldest = segments_.front().first; batch.to < oldest) {
    if (!batch.events.empty()) return std::optional<Place>{};
    batch.from = batch.to = oldest;
  }
  if (batch.to == next_) return std::optional<Place>{};
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), batch.to,
                                      [](std::uint64_t number, const Segment& s) { return number < s.first; });
  Place place{*std::prev(after), {}};
  place.range.end = place.segment.bytes;
  place.range.next = place.segment.first;
  place.range.until = after == segments_.end() ? next_ : after->first;
  if (cursor_.serial == place.segment.serial && cursor_.at != 0 && cursor_.number <= batch.to) {
    place.range.at = cursor_.at;
    place.range.next = cursor_.number;
  }
  return std::optional{place};
}

Result<Spool::Batch> Store::read(std::uint64_t from, std::size_t mostEvents, std::size_t mostBytes) {
  Spool::Batch batch{from, from, {}};
  for (;;) {
    DVPE_TRY(const auto place, locate(batch));
    if (!place) return batch;
    const fs::path path = pathOf(place->segment.serial);
    const File file = File::open(path, O_RDONLY);
    if (!file && errno != ENOENT) return ioFail("open " + path.string(), errno);
    if (!file && oldest() > batch.to) continue;  // it was shipped meanwhile
    if (file && readSegment(file.get(), *place, {mostEvents, mostBytes}, batch)) return batch;
    if (batch.to < place->range.until && !passOver(place->range.until, batch)) return batch;
  }
}

// Whether the batch ends here: it is as large as it may be, or a hole follows.
bool Store::readSegment(int file, const Place& place, Limits limits, Spool::Batch& batch) {
  Blocks blocks(file, place.range);
  Cursor cursor{place.segment.serial, 0, 0};
  bool ends = false;
  while (!ends) {
    const auto block = blocks.next();
    if (!block) break;
    if (block->from > batch.to && !passOver(block->from, batch)) {
      ends = true;
    } else if (block->to() > batch.to && !copy(*block, blocks.events(), limits.events, limits.bytes, batch)) {
      ends = true;
    }
    cursor.at = ends ? blocks.begin() : blocks.end();
    cursor.number = ends ? block->from : block->to();
  }
  const std::lock_guard lock(mutex_);
  if (cursor.at != 0) cursor_ = cursor;
  return ends;
}

// Events up to this one cannot be read. A batch that has some ends before them: false.
bool Store::passOver(std::uint64_t to, Spool::Batch& batch) {
  noteHole(batch.to, to);
  if (!batch.events.empty()) return false;
  batch.from = batch.to = to;
  return true;
}

void Store::noteHole(std::uint64_t from, std::uint64_t to) {
  const std::lock_guard lock(mutex_);
  if (!holes_.insert(from).second) return;
  damaged_ += to - from;
  spdlog::error("events of the spool are damaged and passed over from={} to={}", from, to);
}

void Store::drop(std::uint64_t upTo) {
  std::vector<fs::path> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped_ = std::max(dropped_, upTo);
    for (; segments_.size() > 1 && segments_[1].first <= upTo; segments_.pop_front()) {
      dropped.push_back(pathOf(segments_.front().serial));
      bytes_ -= segments_.front().bytes;
    }
    holes_.erase(holes_.begin(), holes_.lower_bound(segments_.front().first));
  }
  for (const fs::path& path : dropped) {
    if (::unlink(path.c_str()) != 0) spdlog::warn("{}", ioError("delete " + path.string(), errno).message);
  }
}

std::uint64_t Store::oldest() const {
  const std::lock_guard lock(mutex_);
  return segments_.front().first;
}

std::uint64_t Store::next() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

std::uint64_t Store::damaged() const {
  const std::lock_guard lock(mutex_);
  return damaged_;
}

fs::path Store::pathOf(std::uint64_t serial) const {
  const std::string digits = std::to_string(serial);
  return folder_ / (std::string(10 - std::min<std::size_t>(digits.size(), 10), '0') + digits).append(kExtension);
}

}  // namespace dvpe::events
