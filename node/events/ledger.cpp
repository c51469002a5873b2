// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/ledger.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "node/events/batch.h"
#include "node/events/impl/disk.h"
#include "node/events/impl/ledger_format.h"
#include "node/events/impl/remembered.h"
#include "shared/base/log.h"

namespace dvpe::events {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock::time_point;

namespace {

constexpr std::size_t kReadBytes = 4U << 20U;
constexpr std::size_t kManyFiles = 32;   // from so many on the whole file system is flushed at once
constexpr std::size_t kLineBytes = 320;  // of one impression, about

const Disk kDisk;

auto ioFail(std::string what, int error) {
  const base::Error e = ioError(std::move(what), error);
  return fail(error == ENOSPC || error == EDQUOT ? ErrorCode::kUnavailable : e.code, e.message);
}

template <class T>
std::string_view bytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Result<std::string> contentOf(const fs::path& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, path.string() + " cannot be read");
  std::string text;
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error || size > most) return fail(ErrorCode::kLimitExceeded, path.string() + " is too large");
  text.resize(size);
  in.read(text.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::uint64_t>(in.gcount()) != size) return fail(ErrorCode::kIo, path.string() + " cannot be read");
  return text;
}

// A file that is being written: what stands in the manifest, what will, and what is not on disk yet.
struct Open {
  LedgerFile now;  // with `waiting`
  std::string waiting;
  Steady unsealed{};  // since when a line has had no seal
};

}  // namespace

struct Ledger::Impl {
  Impl(LedgerOptions o, SpoolSource& s, const release::PrivateKey& k, const privacy::SecretKey& i, const base::Clock& c,
       const Disk& d)
      : options(std::move(o)), source(s), key(k), ids(i.derive("impressions")), clock(c), disk(d) {}

  Result<void> load();
  Result<void> loadFiles();
  Result<void> removeStrangers();
  void rememberTail(const LedgerFile& file, std::size_t most);
  Result<void> step(std::chrono::milliseconds wait);
  Result<void> takeBatch(const Spool::Batch& batch);
  Result<void> take(const Event& event);
  Id idOf(const Event& event) const;
  Result<Open*> fileFor(const Event& event);
  void addLine(Open& file, std::string_view line);
  void seal(Open& file, bool final);
  void sealDue(bool all);
  Result<void> closeDays();
  Result<void> closeDay(std::int32_t day);
  Result<void> commit();
  Result<void> writeFiles();
  Result<void> writeWhole(const fs::path& path, const std::string& text);
  void deleteOld();
  void noteBytes();

  std::int32_t today() const { return dayOf(clock.wall()); }
  std::int64_t seconds() const {
    return std::chrono::floor<std::chrono::seconds>(clock.wall()).time_since_epoch().count();
  }

  const LedgerOptions options;
  SpoolSource& source;
  const release::PrivateKey& key;
  const privacy::SecretKey ids;
  const base::Clock& clock;
  const Disk& disk;
  File lock;

  bool loaded = false;
  Manifest manifest;       // the last one on disk, but for its files
  std::string previous;    // its hash
  std::uint64_t next = 0;  // event
  std::map<std::pair<std::int32_t, std::string>, Open> files;
  std::vector<LedgerFile> damaged;
  std::unique_ptr<Remembered> remembered;
  std::size_t waiting = 0;         // bytes
  std::uint64_t lines = 0;         // of them
  std::set<std::string> obsolete;  // closed days that the next manifest does not have any more
  bool changed = false;            // there is something that the manifest does not say
  Steady committed{};

  mutable std::mutex mutex;
  LedgerCounters counters;
};

// What the manifest says is; nothing else is.
Result<void> Ledger::Impl::load() {
  files.clear();
  damaged.clear();
  waiting = lines = 0;
  changed = false;
  remembered = std::make_unique<Remembered>(options.remembered);
  manifest = {};
  previous.clear();
  const fs::path path = options.folder / kManifestName;
  std::error_code error;
  if (fs::exists(path, error)) {
    DVPE_TRY(const auto text, contentOf(path, kMaxManifest));
    const auto read = parseManifest(text);
    if (!read) return fail(ErrorCode::kConflict, path.string() + ": " + read.error().message);
    if (!release::verify(key.publicKey(), release::Domain::kManifest, base::view(read.value().bytes),
                         read.value().signature)) {
      return fail(ErrorCode::kConflict, path.string() + " is not signed with this node's key");
    }
    manifest = read.value().manifest;
    previous = hashOf(text);
  }
  next = manifest.spool == textOf(source.id()) ? manifest.position : 0;
  DVPE_CHECK(removeStrangers());
  DVPE_CHECK(loadFiles());
  committed = clock.steady();
  loaded = true;
  noteBytes();
  source.shipped(next);
  return base::success();
}

// Files that a commit made which did not come to its end.
Result<void> Ledger::Impl::removeStrangers() {
  std::set<std::string> known;
  std::set<std::int32_t> days;
  for (const auto& file : manifest.files) known.insert(file.path), days.insert(file.day);
  for (const auto& day : manifest.closed) known.insert(day.path);
  const std::string mark = "-" + std::to_string(manifest.number + 1) + ".";
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(options.folder, error)) {
    if (!folder.is_directory(error) || !parseDay(folder.path().filename().string())) continue;
    for (const auto& file : fs::directory_iterator(folder.path(), error)) {
      const std::string name = file.path().filename().string();
      const std::string below = folder.path().filename().string() + "/" + name;
      if (name.find(mark) == std::string::npos || known.contains(below)) continue;
      std::error_code ignored;
      fs::remove(file.path(), ignored);
    }
  }
  if (error) return ioFail("read " + options.folder.string(), error.value());
  return base::success();
}

Result<void> Ledger::Impl::loadFiles() {
  const std::size_t share = manifest.files.empty() ? 0 : options.remembered / manifest.files.size() + 1;
  for (LedgerFile& entry : manifest.files) {
    const fs::path path = options.folder / entry.path;
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (entry.damaged || error || size < entry.bytes) {
      if (!entry.damaged) spdlog::error("a file of signed impressions lacks what was signed path={}", path.string());
      changed = changed || !entry.damaged;
      entry.damaged = true;
      damaged.push_back(std::move(entry));
      continue;
    }
    if (size > entry.bytes) {
      const File file = File::open(path, O_WRONLY);
      if (!file) return ioFail("open " + path.string(), errno);
      if (const int failed = disk.truncate(file.get(), entry.bytes)) return ioFail("cut " + path.string(), failed);
    }
    rememberTail(entry, share);
    auto where = std::pair{entry.day, entry.campaign};
    files.insert_or_assign(std::move(where), Open{std::move(entry), {}, clock.steady()});
  }
  manifest.files.clear();
  return base::success();
}

// The last lines of a file: what is told again is told soon after.
void Ledger::Impl::rememberTail(const LedgerFile& file, std::size_t most) {
  std::ifstream in(options.folder / file.path, std::ios::binary);
  const std::uint64_t wanted = std::min<std::uint64_t>(file.bytes, static_cast<std::uint64_t>(most) * kLineBytes);
  in.seekg(static_cast<std::streamoff>(file.bytes - wanted));
  std::string line;
  for (bool first = wanted < file.bytes; std::getline(in, line); first = false) {
    if (first || !line.starts_with("{\"n\":")) continue;
    if (const auto read = parseLine(line)) remembered->add(rememberedKey(read.value().id, read.value().state));
  }
}

// The same for all states of an impression, and nobody's who does not have the key: an event's own id can be made
// again by who knows a session.
Id Ledger::Impl::idOf(const Event& event) const {
  const Id what = event.breakNumber == 0
                      ? event.id
                      : impressionId(event.day, event.session, event.breakNumber, event.slot, Kind::kAdDecided);
  const auto hash = privacy::keyedHash(ids, {bytesOf(event.day), bytesOf(what)});
  Id id{};
  std::copy_n(hash.begin(), id.size(), id.begin());
  return id;
}

// Its name has the number of the manifest that is the first to list it, so that no two files are ever of one name.
Result<Open*> Ledger::Impl::fileFor(const Event& event) {
  auto where = std::pair{event.day, plain(event.place.campaign)};
  const auto found = files.find(where);
  if (found != files.end()) return &found->second;
  if (files.size() + damaged.size() >= options.mostFiles) {
    return fail(ErrorCode::kUnavailable, "there are too many files of signed impressions for the days that are open");
  }
  Open fresh;
  fresh.now.campaign = where.second;
  fresh.now.day = event.day;
  fresh.now.path =
      dayText(event.day) + "/" + digestOf(where.second) + "-" + std::to_string(manifest.number + 1) + ".ndjson";
  Open& file = files.emplace(std::move(where), std::move(fresh)).first->second;
  addLine(file, headerLine({key.id(), file.now.campaign, file.now.day}));
  return &file;
}

void Ledger::Impl::addLine(Open& file, std::string_view line) {
  file.now.hash = chained(file.now.hash, line);
  file.now.bytes += line.size() + 1;
  file.waiting.append(line);
  file.waiting.push_back('\n');
  waiting += line.size() + 1;
  changed = true;
}

void Ledger::Impl::seal(Open& file, bool final) {
  addLine(file, sealLine(file.now.lines, file.now.hash, seconds(), final, key));
  file.now.sealed = file.now.lines;
  const std::lock_guard guard(mutex);
  ++counters.seals;
}

void Ledger::Impl::sealDue(bool all) {
  const Steady now = clock.steady();
  for (auto& [where, file] : files) {
    if (file.now.lines > file.now.sealed && (all || now - file.unsealed >= options.sealEvery)) seal(file, false);
  }
}

Result<void> Ledger::Impl::take(const Event& event) {
  const std::string_view state = stateOf(event.kind);
  if (state.empty()) return base::success();
  const Id id = idOf(event);
  if (!remembered->add(rememberedKey(base::hex(base::ByteView(id).first(8)), state))) {
    const std::lock_guard guard(mutex);
    ++counters.repeated;
    return base::success();
  }
  DVPE_TRY(Open* const file, fileFor(event));
  if (file->now.lines == file->now.sealed) file->unsealed = clock.steady();
  static thread_local std::string line;
  line.clear();
  appendLine(line, ++file->now.lines, id, event, file->now.hash);
  addLine(*file, line);
  ++lines;
  if (file->now.lines - file->now.sealed >= options.sealLines) seal(*file, false);
  return base::success();
}

Result<void> Ledger::Impl::takeBatch(const Spool::Batch& batch) {
  std::uint64_t unreadable = batch.from - std::min(batch.from, next);
  std::uint64_t number = batch.from;
  base::ByteView rest = batch.events;
  for (; !rest.empty(); ++number) {
    const auto one = read(rest);
    if (!one) break;
    DVPE_CHECK(take(one.value().first));
    rest = rest.subspan(one.value().second);
  }
  if (batch.to > number) unreadable += batch.to - number;
  next = batch.to;
  const std::lock_guard guard(mutex);
  counters.unreadable += unreadable;
  return base::success();
}

Result<void> Ledger::Impl::step(std::chrono::milliseconds wait) {
  if (!loaded) DVPE_CHECK(load());
  bool drained = true;
  if (source.wait(next, wait)) {
    if (counters.bytes + waiting >= options.mostBytes) {
      deleteOld();
      if (changed) DVPE_CHECK(commit());
      if (counters.bytes >= options.mostBytes) {
        return fail(ErrorCode::kUnavailable, "there is no room for more signed impressions");
      }
    }
    DVPE_TRY(const auto batch, source.read(next, options.mostEvents, kReadBytes));
    drained = batch.to <= next;
    DVPE_CHECK(takeBatch(batch));
  }
  sealDue(false);
  if (drained) DVPE_CHECK(closeDays());
  const bool due = clock.steady() - committed >= options.commitEvery || waiting >= options.commitBytes;
  if (changed && due) return commit();
  if (!changed) source.shipped(next);
  return base::success();
}

// When all is taken: what is late comes before.
Result<void> Ledger::Impl::closeDays() {
  const std::int32_t last = today() - options.openDays;
  std::set<std::int32_t> days;
  for (const auto& [where, file] : files) {
    if (where.first < last) days.insert(where.first);
  }
  if (days.empty()) return base::success();
  for (const std::int32_t day : days) {
    for (auto& [where, file] : files) {
      if (where.first == day) seal(file, true);
    }
  }
  // One commit for all of it: a file with its last seal is never one that goes on.
  DVPE_CHECK(writeFiles());
  for (const std::int32_t day : days) DVPE_CHECK(closeDay(day));
  deleteOld();
  return commit();
}

// Its files in a signed list, which stands in the manifest in their place.
Result<void> Ledger::Impl::closeDay(std::int32_t day) {
  Manifest list;
  list.number = manifest.number + 1;
  list.key = key.id();
  list.at = seconds();
  list.from = day;
  ClosedDay closed{dayText(day) + "/day-" + std::to_string(list.number) + ".closed", day, 0, 0, {}};
  for (const auto& [where, file] : files) {
    if (where.first == day) list.files.push_back(file.now);
  }
  for (const auto& file : damaged) {
    if (file.day == day) list.files.push_back(file);
  }
  for (const auto& file : list.files) closed.bytes += file.bytes;
  closed.files = list.files.size();
  const std::string text = signedText(list, key);
  closed.hash = hashOf(text);
  DVPE_CHECK(writeWhole(options.folder / closed.path, text));
  std::erase_if(files, [&](const auto& file) { return file.first.first == day; });
  std::erase_if(damaged, [&](const auto& file) { return file.day == day; });
  manifest.closed.push_back(std::move(closed));
  changed = true;
  return base::success();
}

// Days that are old enough: the manifest lets go of them first, then the disk does.
void Ledger::Impl::deleteOld() {
  const std::int32_t from = today() - options.keepDays;
  for (const auto& day : manifest.closed) {
    if (day.day < from) obsolete.insert(dayText(day.day)), changed = true;
  }
  std::erase_if(manifest.closed, [&](const ClosedDay& day) { return day.day < from; });
}

Result<void> Ledger::Impl::writeFiles() {
  std::vector<Open*> dirty;
  for (auto& [where, file] : files) {
    if (!file.waiting.empty()) dirty.push_back(&file);
  }
  std::set<fs::path> folders;
  const bool many = dirty.size() > kManyFiles;
  for (const Open* const file : dirty) {
    const fs::path path = options.folder / file->now.path;
    const std::uint64_t at = file->now.bytes - file->waiting.size();
    if (at == 0) {
      std::error_code error;
      fs::create_directories(path.parent_path(), error);
      if (error) return ioFail("make " + path.parent_path().string(), error.value());
      folders.insert(path.parent_path());
    }
    const File out = File::open(path, O_WRONLY | (at == 0 ? O_CREAT | O_TRUNC : 0));
    if (!out) return ioFail("open " + path.string(), errno);
    int error = disk.write(out.get(), at, base::view(file->waiting));
    if (error == 0 && !many) error = disk.sync(out.get());
    if (error != 0) return ioFail("write " + path.string(), error);
  }
  if (many) {
    if (const int error = disk.syncAll(lock.get())) return ioFail("flush " + options.folder.string(), error);
  }
  if (!folders.empty()) folders.insert(options.folder);
  for (const auto& path : folders) {
    const File folder = File::open(path, O_RDONLY | O_DIRECTORY);
    if (!folder) return ioFail("open " + path.string(), errno);
    if (const int error = disk.syncFolder(folder.get())) return ioFail("flush " + path.string(), error);
  }
  for (Open* const file : dirty) std::string().swap(file->waiting);
  return base::success();
}

// All of it or nothing.
Result<void> Ledger::Impl::writeWhole(const fs::path& path, const std::string& text) {
  const fs::path unfinished = options.folder / "new";
  {
    const File file = File::open(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return ioFail("make " + unfinished.string(), errno);
    int error = disk.write(file.get(), 0, base::view(text));
    if (error == 0) error = disk.sync(file.get());
    if (error != 0) return ioFail("write " + unfinished.string(), error);
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return ioFail("make " + path.string(), errno);
  for (const fs::path& folder : {path.parent_path(), options.folder}) {
    const File opened = File::open(folder, O_RDONLY | O_DIRECTORY);
    if (!opened) return ioFail("open " + folder.string(), errno);
    if (const int error = disk.syncFolder(opened.get())) return ioFail("flush " + folder.string(), error);
  }
  return base::success();
}

Result<void> Ledger::Impl::commit() {
  DVPE_CHECK(writeFiles());
  ++manifest.number;
  manifest.previous = previous;
  manifest.key = key.id();
  manifest.at = seconds();
  manifest.from = today() - options.keepDays;
  manifest.spool = textOf(source.id());
  manifest.position = next;
  manifest.files = damaged;
  for (const auto& [where, file] : files) manifest.files.push_back(file.now);
  const std::string text = signedText(manifest, key);
  manifest.files.clear();
  if (text.size() > kMaxManifest) return fail(ErrorCode::kLimitExceeded, "the manifest is too large");
  DVPE_CHECK(writeWhole(options.folder / kManifestName, text));
  previous = hashOf(text);
  for (const auto& day : std::exchange(obsolete, {})) {
    std::error_code ignored;
    fs::remove_all(options.folder / day, ignored);
  }
  changed = false;
  waiting = 0;
  committed = clock.steady();
  {
    const std::lock_guard guard(mutex);
    counters.impressions += std::exchange(lines, 0);
    ++counters.commits;
  }
  noteBytes();
  source.shipped(next);
  return base::success();
}

void Ledger::Impl::noteBytes() {
  std::uint64_t bytes = 0;
  for (const auto& [where, file] : files) bytes += file.now.bytes;
  for (const auto& day : manifest.closed) bytes += day.bytes;
  const std::lock_guard guard(mutex);
  counters.bytes = bytes;
  counters.files = files.size();
  counters.damaged = damaged.size();
  counters.position = next;
}

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::~Ledger() = default;

Result<std::unique_ptr<Ledger>> Ledger::open(LedgerOptions options, SpoolSource& source, const release::PrivateKey& key,
                                             const privacy::SecretKey& ids, const base::Clock& clock) {
  return open(std::move(options), source, key, ids, clock, kDisk);
}

Result<std::unique_ptr<Ledger>> Ledger::open(LedgerOptions options, SpoolSource& source, const release::PrivateKey& key,
                                             const privacy::SecretKey& ids, const base::Clock& clock,
                                             const Disk& disk) {
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error) return ioFail("make " + options.folder.string(), error.value());
  auto impl = std::make_unique<Impl>(std::move(options), source, key, ids, clock, disk);
  impl->lock = File::open(impl->options.folder, O_RDONLY | O_DIRECTORY);
  if (!impl->lock) return ioFail("open " + impl->options.folder.string(), errno);
  if (::flock(impl->lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kConflict, "somebody else has " + impl->options.folder.string() + " open");
  }
  DVPE_CHECK(impl->load());
  return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

Result<void> Ledger::step(std::chrono::milliseconds wait) {
  auto done = impl_->step(wait);
  impl_->loaded = impl_->loaded && done;
  const std::lock_guard guard(impl_->mutex);
  impl_->counters.errors += done ? 0 : 1;
  impl_->counters.full = !done && done.error().code == ErrorCode::kUnavailable;
  return done;
}

Result<void> Ledger::finish() {
  if (!impl_->loaded) return base::success();
  impl_->sealDue(true);
  if (!impl_->changed) return base::success();
  auto done = impl_->commit();
  impl_->loaded = bool(done);
  return done;
}

LedgerCounters Ledger::counters() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->counters;
}

LedgerThread::LedgerThread(std::unique_ptr<Ledger> ledger)
    : ledger_(std::move(ledger)), thread_([this] {
        ::pthread_setname_np(::pthread_self(), "ledger");
        run();
      }) {}

LedgerThread::~LedgerThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  if (const auto done = ledger_->finish(); !done) {
    spdlog::warn("signed impressions are finished at the next start reason=\"{}\"", done.error().message);
  }
}

void LedgerThread::run() {
  std::chrono::milliseconds retry{200};
  std::string last;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto done = ledger_->step(100ms);
    lock.lock();
    if (done) {
      retry = 200ms;
      last.clear();
      continue;
    }
    if (done.error().message != last) {
      spdlog::error("impressions are not signed, the spool keeps them reason=\"{}\"", last = done.error().message);
    }
    stop_.wait_for(lock, retry, [this] { return stopping_; });
    retry = std::min<std::chrono::milliseconds>(retry * 2, 10'000ms);
  }
}

}  // namespace dvpe::events
