// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/verify.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "node/events/impl/ledger_format.h"

namespace dvpe::events {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::Result;
using State = FileVerdict::State;

namespace {

constexpr std::uint64_t kMaxClosed = 1000;        // lists of days that a manifest may name
constexpr std::uint64_t kMaxLines = 100'000'000;  // of one file
constexpr std::size_t kMaxFound = 1'000'000;      // files below a folder

// What is known of a file from a list. Before these bytes it must be exactly so.
struct Expected {
  std::string campaign, key;
  std::int32_t day = 0;
  std::uint64_t lines = 0, bytes = 0;
  Hash hash{};
};

Expected expectedOf(const LedgerFile& file, const std::string& key) {
  return {file.campaign, key, file.day, file.lines, file.bytes, file.hash};
}

// A line with its end, at most so long. false: the file ends; `whole`: it has its end.
bool nextLine(std::istream& in, std::string& line, bool& whole) {
  line.resize(kMaxLedgerLine + 2);
  in.getline(line.data(), static_cast<std::streamsize>(line.size()));
  const auto count = static_cast<std::size_t>(in.gcount());
  const bool long_ = in.fail() && count > 0;
  whole = !in.eof() && !long_;
  line.resize(whole && count > 0 ? count - 1 : count);
  if (long_) in.setstate(std::ios::eofbit);
  return count > 0;
}

// Follows a file's chain line by line.
class Chain {
 public:
  Chain(const KeyOf& keyOf, std::vector<Expected> marks) : keyOf_(keyOf), marks_(std::move(marks)) {
    std::sort(marks_.begin(), marks_.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  }

  // Empty, or what is wrong.
  std::string take(std::string_view line) {
    const auto read = parseLine(line);
    if (!read) return read.error().message;
    const ReadLine& one = read.value();
    std::string wrong;
    if ((bytes_ == 0) != (one.type == ReadLine::Type::kHeader)) return "the header is not the first line";
    if (final_) return "something follows the last seal of the day";
    switch (one.type) {
      case ReadLine::Type::kHeader:
        header_ = one.header;
        break;
      case ReadLine::Type::kImpression:
        wrong = impression(one);
        break;
      case ReadLine::Type::kSeal:
        wrong = seal(one);
        break;
    }
    if (!wrong.empty()) return wrong;
    hash_ = chained(hash_, line);
    bytes_ += line.size() + 1;
    ++behind_;
    if (one.type == ReadLine::Type::kSeal) sealed_ = number_, behind_ = 0;
    return atMarks();
  }
  // Marks that the file did not reach.
  bool lacks() const { return passed_ < marks_.size(); }
  bool doubled() {
    std::sort(seen_.begin(), seen_.end());
    return std::adjacent_find(seen_.begin(), seen_.end()) != seen_.end();
  }
  bool vouched() const { return !marks_.empty() && bytes_ >= marks_.back().bytes; }

  const FileHeader& header() const { return header_; }
  std::uint64_t lines() const { return number_; }
  std::uint64_t sealed() const { return sealed_; }
  std::uint64_t behindSeal() const { return behind_; }

 private:
  std::string impression(const ReadLine& one) {
    if (one.number != number_ + 1) {
      return "number " + std::to_string(number_ + 1) + " is expected, not " + std::to_string(one.number);
    }
    if (one.prev != base::hex(base::ByteView(hash_).first(8))) return "it does not follow the line before it";
    if (number_ >= kMaxLines) return "it has too many lines";
    ++number_;
    seen_.push_back(rememberedKey(one.id, one.state));
    return {};
  }
  std::string seal(const ReadLine& one) {
    if (one.hash != hash_ || one.number != number_) return "the seal is of other lines";
    const auto key = keyOf_(header_.key, one.at);
    if (!key) return "key " + header_.key + " is not known, or did not count at the time of the seal";
    if (!release::verify(*key, release::Domain::kImpressions, base::view(one.bytes), one.signature)) {
      return "the seal's signature is not of key " + header_.key;
    }
    final_ = one.final;
    return {};
  }
  std::string atMarks() {
    for (; passed_ < marks_.size() && marks_[passed_].bytes <= bytes_; ++passed_) {
      const Expected& mark = marks_[passed_];
      if (mark.bytes != bytes_ || mark.hash != hash_ || mark.lines != number_) {
        return "up to here it is not what was signed";
      }
      if (mark.campaign != header_.campaign || mark.day != header_.day || mark.key != header_.key) {
        return "it is another campaign's, day's or node's than was signed";
      }
    }
    return {};
  }

  const KeyOf& keyOf_;
  std::vector<Expected> marks_;
  std::size_t passed_ = 0;
  FileHeader header_;
  Hash hash_{};
  std::uint64_t bytes_ = 0, number_ = 0, sealed_ = 0, behind_ = 0;
  bool final_ = false;
  std::vector<std::uint64_t> seen_;
};

FileVerdict verifyLines(const fs::path& path, const std::string& name, const KeyOf& keyOf,
                        const std::vector<Expected>& marks) {
  FileVerdict out{State::kOk, name, {}, {}, 0, 0, {}};
  if (!marks.empty()) out.campaign = marks.front().campaign, out.day = dayText(marks.front().day);
  std::error_code error;
  std::ifstream in(path, std::ios::binary);
  if (!fs::is_regular_file(path, error) || !in) {
    out.state = State::kMissing;
    out.why = "it is signed for, and not there";
    return out;
  }
  Chain chain(keyOf, marks);
  const auto broken = [&](std::uint64_t line, const std::string& why) {
    out.state = State::kBroken;
    out.lines = chain.sealed();
    out.why = "line " + std::to_string(line) + ": " + why;
    return out;
  };
  std::string line;
  std::uint64_t number = 0;
  bool whole = true;
  while (nextLine(in, line, whole)) {
    ++number;
    const bool vouched = chain.vouched();
    if (!whole && (vouched || marks.empty()) && line.size() <= kMaxLedgerLine) {
      ++out.behind;  // half written
      break;
    }
    if (!whole) return broken(number, "it has no end, or is too long");
    if (vouched) ++out.behind;
    if (const std::string wrong = chain.take(line); !wrong.empty()) return broken(number, wrong);
    if (!vouched) out.lines = chain.lines();
  }
  if (in.bad()) return broken(number, "it cannot be read");
  if (chain.lacks()) return broken(number, "lines that are signed for are missing at the end");
  if (chain.doubled()) return broken(number, "an impression stands in it twice");
  if (marks.empty()) {
    out.campaign = chain.header().campaign;
    out.day = dayText(chain.header().day);
    out.lines = chain.sealed();
    out.behind += chain.behindSeal();
    if (number == 0 || (out.lines == 0 && out.behind > 0)) return broken(number, "no seal vouches for any line");
  }
  return out;
}

// A signed list, checked.
Result<std::pair<Manifest, std::string>> readList(const fs::path& path, const KeyOf& keyOf) {
  std::error_code error;
  const auto size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (error || size == 0) return fail(ErrorCode::kNotFound, "it is not there");
  if (size > kMaxManifest) return fail(ErrorCode::kLimitExceeded, "it is too large");
  std::string text(size, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(size));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  DVPE_TRY(auto read, parseManifest(text));
  const auto key = keyOf(read.manifest.key, read.manifest.at);
  if (!key) return fail(ErrorCode::kRefused, "key " + read.manifest.key + " is not known, or did not count then");
  if (!release::verify(*key, release::Domain::kManifest, base::view(read.bytes), read.signature)) {
    return fail(ErrorCode::kRefused, "its signature is not of key " + read.manifest.key);
  }
  return std::pair{std::move(read.manifest), hashOf(text)};
}

// The files that a manifest and the lists it names vouch for, by path.
using Files = std::map<std::string, std::vector<Expected>>;

class Folder {
 public:
  Folder(const fs::path& folder, const KeyOf& keyOf, Verdict& out) : folder_(folder), keyOf_(keyOf), out_(out) {}

  void expect(const Manifest& manifest, bool kept) {
    for (const auto& file : manifest.files) add(file, manifest.key, kept);
    std::size_t count = 0;
    for (const auto& day : manifest.closed) {
      if (++count > kMaxClosed) return finding(kManifestName, State::kBroken, "it names too many closed days");
      if (day.day < from_ || !lists_.insert(day.path).second) continue;
      const auto list = readList(folder_ / day.path, keyOf_);
      if (!list) {
        finding(day.path, list.error().code == ErrorCode::kNotFound ? State::kMissing : State::kBroken,
                list.error().message);
      } else if (list.value().second != day.hash || list.value().first.key != manifest.key) {
        finding(day.path, State::kBroken, "it is not the list that was signed for");
      } else {
        for (const auto& file : list.value().first.files) add(file, manifest.key, false);
      }
    }
  }
  void keepFrom(std::int32_t day) { from_ = day; }
  void finding(std::string path, State state, std::string why) {
    out_.files.push_back({state, std::move(path), {}, {}, 0, 0, std::move(why)});
  }
  void verify() {
    for (const auto& [path, marks] : files_) {
      out_.files.push_back(verifyLines(folder_ / path, path, keyOf_, marks));
      out_.lines += out_.files.back().lines;
    }
  }
  // What nobody vouches for.
  void findExtra() {
    std::error_code error;
    std::size_t count = 0;
    for (fs::recursive_directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
      if (++count > kMaxFound) return finding(".", State::kBroken, "there are too many files");
      const std::string path = it->path().lexically_relative(folder_).string();
      std::error_code ignored;
      if (it->is_directory(ignored) && !it->is_symlink(ignored)) continue;
      if (path == kManifestName || path == "new" || files_.contains(path) || lists_.contains(path)) continue;
      finding(path, State::kExtra, "no manifest names it");
    }
    if (error) finding(".", State::kBroken, "the folder cannot be read: " + error.message());
  }
  // Files that the earlier manifest has and neither the present one nor a list of a closed day.
  void left(const Files& before) {
    for (const auto& [path, marks] : before) {
      if (!files_.contains(path)) finding(path, State::kMissing, "the kept manifest has it, the present one does not");
    }
  }
  void alsoExpect(const Manifest& kept) {
    Files before;
    for (const auto& file : kept.files) {
      if (file.day >= from_) before[file.path].push_back(expectedOf(file, kept.key));
    }
    left(before);
    for (auto& [path, marks] : before) {
      if (const auto found = files_.find(path); found != files_.end()) {
        found->second.insert(found->second.end(), marks.begin(), marks.end());
      }
    }
    std::set<std::string> known = lists_;
    for (const auto& day : kept.closed) {
      if (day.day >= from_ && !known.contains(day.path)) {
        finding(day.path, State::kMissing, "the kept manifest has it, the present one does not");
      }
    }
  }

 private:
  void add(const LedgerFile& file, const std::string& key, bool) {
    auto& marks = files_[file.path];
    if (!marks.empty()) return finding(file.path, State::kBroken, "it is listed twice");
    marks.push_back(expectedOf(file, key));
  }

  const fs::path& folder_;
  const KeyOf& keyOf_;
  Verdict& out_;
  std::int32_t from_ = INT32_MIN;
  Files files_;
  std::set<std::string> lists_;
};

// Whether the present manifest can be what came of the kept one.
std::string followed(const Manifest& kept, const std::string& keptHash, const Manifest& now, const std::string& hash) {
  if (kept.key != now.key) return "the kept manifest is another node's, or of another key";
  if (now.number < kept.number) {
    return "it was rolled back: it is number " + std::to_string(now.number) + ", and number " +
           std::to_string(kept.number) + " was kept";
  }
  if (now.number == kept.number && hash != keptHash) return "two manifests of one number differ";
  if (now.number == kept.number + 1 && now.previous != keptHash) return "it does not follow the kept manifest";
  return {};
}

}  // namespace

std::string_view nameOf(State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kBroken:
      return "broken";
    case State::kMissing:
      return "missing";
    case State::kExtra:
      return "extra";
  }
  return "";
}

bool Verdict::ok() const {
  return std::all_of(files.begin(), files.end(), [](const auto& file) { return file.state == State::kOk; });
}

Result<Verdict> verifyFolder(const fs::path& folder, const KeyOf& keyOf, const std::optional<fs::path>& kept) {
  Verdict out;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return fail(ErrorCode::kNotFound, folder.string() + " is not a folder");
  Folder all(folder, keyOf, out);
  const auto now = readList(folder / kManifestName, keyOf);
  if (!now && now.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, folder.string() + " has no manifest");
  }
  if (!now) {
    all.finding(kManifestName, State::kBroken, now.error().message);
    return out;
  }
  const auto& [manifest, hash] = now.value();
  out.number = manifest.number;
  out.hash = hash;
  all.keepFrom(manifest.from);
  all.expect(manifest, false);
  if (kept) {
    const auto before = readList(*kept, keyOf);
    if (!before) return fail(before.error().code, kept->string() + ": " + before.error().message);
    if (auto wrong = followed(before.value().first, before.value().second, manifest, hash); !wrong.empty()) {
      all.finding(kManifestName, State::kBroken, std::move(wrong));
    }
    all.alsoExpect(before.value().first);
  }
  all.verify();
  all.findExtra();
  return out;
}

FileVerdict verifyFile(const fs::path& file, const KeyOf& keyOf) {
  return verifyLines(file, file.filename().string(), keyOf, {});
}

}  // namespace dvpe::events
