// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Signed impressions: each written once whatever is killed when, and whatever is done to the files shows.
#include "node/events/ledger.h"

#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <set>

#include "node/events/impl/disk.h"
#include "node/events/impl/ledger_format.h"
#include "node/events/shared_source.h"
#include "node/events/verify.h"
#include "tests/support/folder.h"

namespace dvpe::events {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using State = FileVerdict::State;

constexpr std::int32_t kDay = 20'000;

Event impression(std::int64_t number, Kind kind = Kind::kAdDecided, const std::string& campaign = "spring") {
  Event e;
  e.kind = kind;
  e.day = kDay;
  e.at = base::WallTime{std::chrono::days{kDay} + std::chrono::seconds{number}};
  e.session = {1, static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8)};
  e.breakNumber = 7;
  e.slot = 1;
  e.id = impressionId(e.day, e.session, e.breakNumber, e.slot, kind);
  e.place.campaign = campaign;
  e.place.creative = "c1";
  return e;
}

// A spool in memory: what was let go of is gone.
class Source final : public SpoolSource {
 public:
  void add(const Event& event) {
    base::Bytes bytes;
    write(event, bytes);
    events.push_back(std::move(bytes));
  }
  Id id() const override { return {9}; }
  base::Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t) override {
    Spool::Batch batch;
    batch.from = batch.to = std::max(from, done);
    for (; batch.to < events.size() && batch.to - batch.from < mostEvents; ++batch.to) {
      batch.events.insert(batch.events.end(), events[batch.to].begin(), events[batch.to].end());
    }
    return batch;
  }
  bool wait(std::uint64_t from, std::chrono::milliseconds) override { return from < events.size(); }
  void shipped(std::uint64_t upTo) override { done = std::max(done, upTo); }

  std::vector<base::Bytes> events;
  std::uint64_t done = 0;
};

// A process that is killed after so many bytes and calls: nothing after that reaches the disk.
class MortalDisk final : public Disk {
 public:
  int write(int file, std::uint64_t at, base::ByteView bytes) const override {
    const auto some = std::min<std::uint64_t>(left, bytes.size());
    left -= some;
    (void)Disk::write(file, at, bytes.first(some));
    return some == bytes.size() ? 0 : EIO;
  }
  int sync(int) const override { return call(); }
  int syncFolder(int) const override { return call(); }
  int syncAll(int) const override { return call(); }
  int truncate(int file, std::uint64_t bytes) const override { return call() == 0 ? Disk::truncate(file, bytes) : EIO; }
  mutable std::uint64_t left = UINT64_MAX;

 private:
  int call() const {
    if (left == 0) return EIO;
    --left;
    return 0;
  }
};

class TheLedger : public testing::Test {
 protected:
  TheLedger() : key_(release::PrivateKey::generate()), id_(key_.id()), public_(key_.publicKey()) {}

  void open(const Disk& disk) {
    ledger_.reset();
    auto opened = Ledger::open(options_, source_, key_, privacy::SecretKey({5}), clock_, disk);
    ASSERT_TRUE(opened) << opened.error().message;
    ledger_ = std::move(opened).value();
  }
  void open() { open(disk_); }
  void step() {
    const auto done = ledger_->step(0ms);
    ASSERT_TRUE(done) << done.error().message;
  }
  void takeAll() {
    step();
    clock_.advance(61s);
    step();
    step();
  }
  KeyOf keyOf() const {
    return [this](const std::string& id, std::int64_t) {
      return id == id_ ? std::optional(public_) : std::optional<release::PublicKey>();
    };
  }
  Verdict verdict(const std::optional<fs::path>& kept = {}) {
    auto read = verifyFolder(options_.folder, keyOf(), kept);
    EXPECT_TRUE(read) << read.error().message;
    return read ? read.value() : Verdict{};
  }
  std::string wrong(const std::optional<fs::path>& kept = {}) {
    std::string out;
    for (const auto& file : verdict(kept).files) {
      if (file.state != State::kOk) out += std::string(nameOf(file.state)) + " " + file.path + ": " + file.why + "\n";
    }
    return out;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(options_.folder)) {
      if (entry.path().extension() == ".ndjson") out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::vector<std::string> linesOf(const fs::path& path) {
    std::ifstream in(path);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  static void put(const fs::path& path, const std::vector<std::string>& lines) {
    std::ofstream out(path, std::ios::binary);
    for (const auto& line : lines) out << line << '\n';
  }
  // Each (id, state) that stands anywhere, and how often.
  std::multiset<std::string> written() const {
    std::multiset<std::string> out;
    for (const auto& path : files()) {
      for (const auto& line : linesOf(path)) {
        const auto read = parseLine(line);
        if (read && read.value().type == ReadLine::Type::kImpression) out.insert(read.value().id + read.value().state);
      }
    }
    return out;
  }

  test::Folder folder_;
  Source source_;
  Disk disk_;
  base::ManualClock clock_{base::WallTime{std::chrono::days{kDay} + 12h}};
  LedgerOptions options_{.folder = folder_ / "ledger", .sealLines = 3};
  release::PrivateKey key_;
  std::string id_;
  release::PublicKey public_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(TheLedger, WritesEachImpressionOnceInAFileOfItsCampaign) {
  for (int i = 0; i < 5; ++i) source_.add(impression(i));
  for (int i = 0; i < 2; ++i) source_.add(impression(i, Kind::kAdStarted));
  source_.add(impression(1));  // told again
  source_.add(impression(9, Kind::kAdDelivered, "other"));
  source_.add(impression(9, Kind::kHeartbeat));
  open();
  takeAll();
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(verdict().lines, 8);
  EXPECT_EQ(files().size(), 2);
  EXPECT_EQ(written().size(), 8);
  EXPECT_EQ(ledger_->counters().repeated, 1);
  EXPECT_EQ(source_.done, 10);
  for (const auto& path : files()) EXPECT_EQ(verifyFile(path, keyOf()).state, State::kOk);
}

TEST_F(TheLedger, TellsNothingThatLeadsToASession) {
  source_.add(impression(3));
  source_.add(impression(3, Kind::kAdStarted));
  open();
  takeAll();
  const auto lines = linesOf(files().at(0));
  const Event e = impression(3);
  std::set<std::string> ids;
  for (const auto& line : lines) {
    EXPECT_EQ(line.find(base::hex(e.session)), std::string::npos);
    EXPECT_EQ(line.find(base::hex(e.id)), std::string::npos);
    const auto read = parseLine(line);
    ASSERT_TRUE(read);
    if (read.value().type == ReadLine::Type::kImpression) ids.insert(read.value().id);
  }
  EXPECT_EQ(ids.size(), 1);  // states of one impression belong together
}

TEST_F(TheLedger, GoesOnAfterARestartAndKnowsWhatWasTold) {
  for (int i = 0; i < 5; ++i) source_.add(impression(i));
  open();
  takeAll();
  for (int i = 3; i < 8; ++i) source_.add(impression(i));
  open();
  takeAll();
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(written().size(), 8);
  EXPECT_EQ(files().size(), 1);
}

TEST_F(TheLedger, IsExactlyOnceWhereverItIsKilled) {
  options_.commitEvery = 0ms;
  options_.mostEvents = 4;
  for (int i = 0; i < 12; ++i) source_.add(impression(i, Kind::kAdDecided, i % 3 == 0 ? "a" : "b"));
  const base::ManualClock start = clock_;
  std::uint64_t deaths = 0;
  for (std::uint64_t at = 0;; at += 13) {
    fs::remove_all(options_.folder);
    source_.done = 0;
    clock_ = start;
    MortalDisk mortal, whole;
    mortal.left = at;
    open(mortal);
    bool died = false;
    for (int i = 0; i < 6 && !died; ++i) {
      if (i == 4) clock_.advance(std::chrono::hours{24 * 4});  // the day is closed
      died = !ledger_->step(0ms);
    }
    deaths += died ? 1 : 0;
    open(whole);
    for (int i = 0; i < 6; ++i) step();
    ASSERT_TRUE(ledger_->finish());
    ASSERT_EQ(wrong(), "") << "killed after " << at;
    const auto all = written();
    ASSERT_EQ(all.size(), 12) << "killed after " << at;
    ASSERT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 12) << "killed after " << at;
    if (!died) break;
    ledger_.reset();
  }
  EXPECT_GT(deaths, 100);
}

TEST_F(TheLedger, GoesOnInTheSameProcessAfterADiskThatSaidNo) {
  options_.commitEvery = 0ms;
  for (int i = 0; i < 6; ++i) source_.add(impression(i));
  MortalDisk mortal;
  open(mortal);
  mortal.left = 700;
  EXPECT_FALSE(ledger_->step(0ms));
  EXPECT_EQ(source_.done, 0);
  mortal.left = UINT64_MAX;
  step();
  EXPECT_EQ(ledger_->counters().errors, 1);
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(written().size(), 6);
}

TEST_F(TheLedger, ShowsEveryChangeOfALine) {
  for (int i = 0; i < 7; ++i) source_.add(impression(i));
  open();
  takeAll();
  const auto path = files().at(0);
  const auto lines = linesOf(path);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto changed = lines;
    const auto at = changed[i].find_last_of("0123456789abcdef");
    changed[i][at] = changed[i][at] == '0' ? '1' : '0';
    put(path, changed);
    EXPECT_NE(wrong(), "") << "line " << i << " changed";
    EXPECT_EQ(verifyFile(path, keyOf()).state, State::kBroken) << "line " << i << " changed";
    changed = lines;
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
    put(path, changed);
    EXPECT_NE(wrong(), "") << "line " << i << " removed";
    if (i + 1 == lines.size()) continue;
    changed = lines;
    std::swap(changed[i], changed[i + 1]);
    put(path, changed);
    EXPECT_NE(wrong(), "") << "line " << i << " swapped";
  }
  put(path, lines);
  EXPECT_EQ(wrong(), "");
}

TEST_F(TheLedger, CountsOfABrokenFileOnlyWhatASealVouchesFor) {
  for (int i = 0; i < 7; ++i) source_.add(impression(i));
  open();
  takeAll();
  const auto path = files().at(0);
  auto lines = linesOf(path);  // a header, 3 impressions, a seal, 3 impressions, a seal, 1 impression, a seal
  lines.at(7).replace(lines.at(7).find("c1"), 2, "c2");
  put(path, lines);
  EXPECT_EQ(verdict().lines, 3);
  lines.at(4).replace(lines.at(4).find("signature") + 12, 4, "0000");
  put(path, lines);
  EXPECT_EQ(verdict().lines, 0);
  EXPECT_EQ(verifyFile(path, keyOf()).lines, 0);
}

TEST_F(TheLedger, ShowsAFileThatIsMissingAndOneThatIsExtra) {
  source_.add(impression(1, Kind::kAdDecided, "a"));
  source_.add(impression(2, Kind::kAdDecided, "b"));
  open();
  takeAll();
  const auto path = files().at(0);
  fs::rename(path, folder_ / "away");
  EXPECT_EQ(wrong().rfind("missing ", 0), 0) << wrong();
  fs::copy_file(files().at(0), path);  // another campaign's in its place
  EXPECT_EQ(wrong().rfind("broken ", 0), 0) << wrong();
  fs::remove(path);
  fs::rename(folder_ / "away", path);
  fs::copy_file(path, path.parent_path() / "0.ndjson");
  EXPECT_EQ(wrong().rfind("extra ", 0), 0) << wrong();
}

TEST_F(TheLedger, ShowsAManifestThatWasRolledBackToWhoKeptALaterOne) {
  const fs::path manifest = options_.folder / kManifestName;
  source_.add(impression(1));
  open();
  takeAll();
  fs::copy(options_.folder, folder_ / "before", fs::copy_options::recursive);
  fs::copy_file(manifest, folder_ / "first");
  source_.add(impression(2));
  takeAll();
  fs::copy_file(manifest, folder_ / "second");
  EXPECT_EQ(wrong(folder_ / "first"), "");
  EXPECT_EQ(wrong(folder_ / "second"), "");
  ledger_.reset();
  fs::remove_all(options_.folder);
  fs::copy(folder_ / "before", options_.folder, fs::copy_options::recursive);
  EXPECT_EQ(wrong(), "");  // all of it was signed
  EXPECT_NE(wrong(folder_ / "second").find("rolled back"), std::string::npos);
  source_.done = 0;  // and what is written instead does not hide it
  source_.events.pop_back();
  for (int i = 5; i < 9; ++i) source_.add(impression(i));
  open();
  takeAll();
  takeAll();
  EXPECT_EQ(wrong(), "");
  EXPECT_NE(wrong(folder_ / "second"), "");
}

TEST_F(TheLedger, ClosesDaysAndDeletesThemInTheEnd) {
  source_.add(impression(1));
  open();
  takeAll();
  fs::copy_file(options_.folder / kManifestName, folder_ / "kept");
  clock_.advance(std::chrono::hours{24 * 4});
  step();
  EXPECT_EQ(ledger_->counters().files, 0);
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(wrong(folder_ / "kept"), "");
  EXPECT_EQ(verdict().lines, 1);
  source_.add(impression(2));  // late
  takeAll();
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(verdict().lines, 2);
  const auto first = files().at(0);
  fs::rename(first, folder_ / "away");
  EXPECT_EQ(wrong().rfind("missing ", 0), 0) << wrong();
  fs::rename(folder_ / "away", first);
  clock_.advance(std::chrono::hours{24 * 400});
  Event late = impression(3);
  late.day = kDay + 404;
  source_.add(late);
  takeAll();
  clock_.advance(std::chrono::hours{24 * 4});
  step();
  EXPECT_EQ(files().size(), 1);
  EXPECT_EQ(wrong(), "");
}

TEST_F(TheLedger, GoesOnBesideAFileThatLostItsEnd) {
  for (int i = 0; i < 4; ++i) source_.add(impression(i));
  open();
  takeAll();
  ledger_.reset();
  const auto path = files().at(0);
  fs::resize_file(path, fs::file_size(path) - 40);
  source_.add(impression(7));
  open();
  takeAll();
  EXPECT_EQ(ledger_->counters().damaged, 1);
  EXPECT_EQ(files().size(), 2);
  EXPECT_NE(wrong().find("broken "), std::string::npos);  // and stays so
}

TEST_F(TheLedger, KeepsTheSpoolWhenItIsFull) {
  options_.mostBytes = 1500;
  for (int i = 0; i < 40; ++i) source_.add(impression(i));
  options_.mostEvents = 4;
  open();
  for (int i = 0; i < 20; ++i) (void)ledger_->step(0ms);
  EXPECT_TRUE(ledger_->counters().full);
  EXPECT_LT(source_.done, 40);
  options_.mostBytes = 1U << 20U;
  open();
  for (int i = 0; i < 12; ++i) step();
  ASSERT_TRUE(ledger_->finish());
  EXPECT_EQ(written().size(), 40);
  EXPECT_EQ(wrong(), "");
}

TEST_F(TheLedger, RefusesAManifestOfAnotherKey) {
  source_.add(impression(1));
  open();
  takeAll();
  ledger_.reset();
  const auto stranger = release::PrivateKey::generate();
  const auto other = Ledger::open(options_, source_, stranger, privacy::SecretKey({5}), clock_, disk_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, base::ErrorCode::kConflict);
}

TEST_F(TheLedger, RefusesManifestsThatLeadElsewhere) {
  Manifest manifest;
  manifest.files.push_back({.path = "../../etc/passwd.ndjson", .campaign = "a", .day = kDay});
  EXPECT_FALSE(parseManifest(signedText(manifest, key_)));
  manifest.files[0].path = "2024-10-04/x.ndjson";
  EXPECT_TRUE(parseManifest(signedText(manifest, key_)));
  EXPECT_FALSE(parseManifest(signedText(manifest, key_) + "x"));
  EXPECT_FALSE(parseManifest(""));
  EXPECT_FALSE(parseLine(std::string(kMaxLedgerLine + 1, ' ')));
}

TEST(ASharedSource, LetsGoOfWhatBothHaveDone) {
  Source source;
  SharedSource shared(source);
  shared.first().shipped(7);
  EXPECT_EQ(source.done, 0);
  shared.second().shipped(3);
  EXPECT_EQ(source.done, 3);
  shared.second().shipped(9);
  shared.second().shipped(2);
  EXPECT_EQ(source.done, 7);
}

}  // namespace
}  // namespace dvpe::events
