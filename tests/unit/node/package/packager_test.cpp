// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/packager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/thread_pool.hpp>
#include <csignal>

#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

namespace fs = std::filesystem;
using base::Ticks;
using testing::ElementsAre;
using timeline::Cell;
using timeline::Cut;
using timeline::Span;
using timeline::SpanKind;

constexpr Ticks kCell{240000 * 4};

// What was told, in order: "cut 5", "cell 5", "announced b", "ends b".
class Diary final : public timeline::FeedListener {
 public:
  void spanAnnounced(const Span& s) override { lines.push_back("announced " + s.id); }
  void spanEnds(const std::string& id, Ticks) override { lines.push_back("ends " + id); }
  void cutMade(const Cut& c) override { lines.push_back("cut " + std::to_string(c.msn)); }
  void cellFinished(std::shared_ptr<const Cell> c) override {
    lines.push_back("cell " + std::to_string(c->msn));
    cells.push_back(std::move(c));
  }
  std::vector<std::string> lines;
  std::vector<std::shared_ptr<const Cell>> cells;
};

// While it lives, no file of ours may grow.
class FullDisk {
 public:
  FullDisk() {
    old_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, old_);
  }

 private:
  rlimit before_{};
  sighandler_t old_ = nullptr;
};

class PackagerTest : public testing::Test {
 protected:
  PackagerTest() { reopen(); }
  ~PackagerTest() override {
    packager_->wait();
    pool_.join();
  }
  void reopen(std::vector<std::string> captions = {}, int tracks = 1, int windowSeconds = 60) {
    if (packager_) packager_->wait();
    packager_.reset();
    journal_.reset();
    window_ = std::move(Window::open(folder_.path(), "ch", kCell)).value();
    journal_ = std::move(timeline::Journal::open(folder_.path() / "ch" / "journal")).value();
    ChannelShape shape{"ch", test::profileAt({30, 1}), tracks, std::move(captions), windowSeconds};
    packager_ = std::make_unique<Packager>(shape, *window_, *journal_, pool_.get_executor(),
                                           std::vector<timeline::FeedListener*>{&diary_});
  }
  static Ticks at(int msn) { return kCell * msn; }
  void begin(int msn, bool rendered = true, std::vector<std::string> variants = {"base"},
             std::vector<std::uint16_t> cohorts = {}) {
    timeline::CutState state;
    state.last = Cut{msn, at(msn), std::nullopt};
    state.newest = at(msn);
    packager_->begin(state, rendered, std::move(variants), std::move(cohorts), {});
  }
  void video(int msn, const std::string& variant = "base", const std::string& what = "picture") {
    packager_->video(msn, variant, "v", at(msn), at(msn + 1), base::Bytes(what.begin(), what.end()));
  }
  void lose(int msn, const std::string& variant) {
    packager_->video(msn, variant, "v", at(msn), at(msn), base::fail(base::ErrorCode::kInternal, "no"));
  }
  // All slots up to the one that the cut before this cell's end falls on.
  void sound(int untilMsn, int track = 0) {
    const std::int64_t end = timeline::Grid::audioSlot(at(untilMsn));
    auto& next = slots_[track];
    if (next == 0) next = timeline::Grid::audioSlot(at(10));
    for (; next < end; ++next)
      packager_->audio(track, next, base::share(base::Bytes(20, static_cast<std::uint8_t>(next))));
  }
  const std::vector<std::string>& told() {
    packager_->wait();
    return diary_.lines;
  }
  bool stored(const std::string& variant, const std::string& rendition, int msn,
              SegmentType type = SegmentType::kMedia) {
    return fs::exists(window_->pathOf("test-3", variant, rendition, at(msn), type).value());
  }

  test::TemporaryFolder folder_;
  boost::asio::thread_pool pool_{2};
  Diary diary_;
  std::unique_ptr<Window> window_;
  std::unique_ptr<timeline::Journal> journal_;
  std::unique_ptr<Packager> packager_;
  std::map<int, std::int64_t> slots_;
};

TEST_F(PackagerTest, ListsACellWhenAllItsPartsAreThereAndInOrder) {
  begin(10);
  begin(11);
  begin(12);
  video(11);
  sound(12);
  EXPECT_THAT(told(), ElementsAre("cut 10", "cut 11", "cut 12"));
  video(10);
  EXPECT_THAT(told(), ElementsAre("cut 10", "cut 11", "cut 12", "cell 10", "cell 11"));
  EXPECT_TRUE(stored("base", "v", 10));
  EXPECT_TRUE(stored("base", "a0", 11));
  EXPECT_EQ(diary_.cells[0]->end, at(11));
  EXPECT_FALSE(diary_.cells[0]->hole);
}

TEST_F(PackagerTest, WaitsForSoundThatComesAfterThePicture) {
  begin(10);
  video(10);
  begin(11);
  EXPECT_THAT(told(), ElementsAre("cut 10", "cut 11"));
  sound(11);
  EXPECT_THAT(told(), ElementsAre("cut 10", "cut 11", "cell 10"));
}

TEST_F(PackagerTest, WaitsForEverySoundTrack) {
  reopen({}, 2);
  begin(10);
  video(10);
  begin(11);
  sound(11, 0);
  EXPECT_TRUE(told().back() == "cut 11");
  sound(11, 1);
  EXPECT_EQ(told().back(), "cell 10");
  EXPECT_TRUE(stored("base", "a1", 10));
}

TEST_F(PackagerTest, MakesACellThatNobodyRenderedAHoleAndGoesOnAfterIt) {
  begin(9, false);
  begin(10);
  video(10);
  sound(11);
  begin(11);
  ASSERT_THAT(told(), ElementsAre("cut 9", "cut 10", "cell 9", "cut 11", "cell 10"));
  EXPECT_TRUE(diary_.cells[0]->hole);
  EXPECT_FALSE(diary_.cells[1]->hole);
  EXPECT_EQ(packager_->counters().holes, 1U);
}

TEST_F(PackagerTest, TakesAVariantThatIsLostOffTheCellAndNothingElse) {
  begin(10, true, {"base", "x", "y"}, {0, 1, 2, 1});
  video(10);
  lose(10, "x");
  video(10, "y");
  sound(11);
  begin(11);
  ASSERT_EQ(told().back(), "cell 10");
  const Cell& cell = *diary_.cells[0];
  EXPECT_FALSE(cell.hole);
  EXPECT_THAT(cell.variantOfCohort, ElementsAre(0, 0, 2, 0));
  EXPECT_THAT(cell.fallbacks, ElementsAre(1, 3));
}

TEST_F(PackagerTest, MakesACellWithoutItsBaseAHole) {
  begin(10);
  lose(10, "base");
  sound(11);
  begin(11);
  ASSERT_EQ(told().back(), "cell 10");
  EXPECT_TRUE(diary_.cells[0]->hole);
}

TEST_F(PackagerTest, ListsNothingThatIsNotJournalledAndTriesAgain) {
  begin(10);
  video(10);
  begin(11);
  EXPECT_EQ(told().back(), "cut 11");
  {
    const FullDisk full;
    packager_->cohort(0, "c0");
    sound(11);  // segment and journal both fail
    EXPECT_EQ(told().back(), "cut 11");
    EXPECT_TRUE(journal_->content().cells.empty());
  }
  begin(12);
  video(11);
  sound(12);
  ASSERT_THAT(told(), ElementsAre("cut 10", "cut 11", "cut 12", "cell 10", "cell 11"));
  EXPECT_TRUE(diary_.cells[0]->hole) << "its sound could not be stored";
  EXPECT_FALSE(diary_.cells[1]->hole);
  EXPECT_EQ(journal_->content().cells.size(), 2U);
  EXPECT_THAT(journal_->content().cohorts, ElementsAre("c0")) << "tried again before the cell that may name it";
}

TEST_F(PackagerTest, JournalsTheCutBeforeItTells) {
  begin(10);
  (void)told();
  ASSERT_TRUE(journal_->content().state && journal_->content().state->last);
  EXPECT_EQ(journal_->content().state->last->msn, 10);
}

TEST_F(PackagerTest, TellsOfSpansInTheSameOrderAsCuts) {
  begin(10);
  packager_->spanAnnounced({SpanKind::kBreak, "b", "", at(11), at(12)});
  begin(11);
  packager_->spanEnds("b", at(12));
  EXPECT_THAT(told(), ElementsAre("cut 10", "announced b", "cut 11", "ends b"));
}

TEST_F(PackagerTest, StoresCaptionsOfEachCellEvenOfAHole) {
  reopen({"en"});
  packager_->caption({0, "en", at(10) + Ticks{1000}, at(10) + Ticks{300000}, "Good evening"});
  begin(10);
  video(10);
  sound(11);
  begin(11, false);
  begin(12);
  ASSERT_EQ(told().back(), "cell 11");
  ASSERT_TRUE(stored("base", "s0", 10, SegmentType::kText));
  const auto text = test::readFile(window_->pathOf("test-3", "base", "s0", at(10), SegmentType::kText).value());
  EXPECT_NE(std::string(test::textOf(text)).find("Good evening"), std::string::npos);
  EXPECT_TRUE(stored("base", "s0", 11, SegmentType::kText)) << "it is listed";
}

TEST_F(PackagerTest, RemovesWhatHasLongLeftTheWindow) {
  reopen({}, 1, 8);
  begin(10);
  for (int msn = 10; msn < 40; ++msn) {
    video(msn);
    sound(msn + 1);
    begin(msn + 1);
  }
  (void)told();
  ASSERT_EQ(diary_.cells.size(), 30U);
  EXPECT_FALSE(stored("base", "v", 10));
  // 2 x 8 s + 30 s before the end of cell 39
  EXPECT_FALSE(stored("base", "v", 27));
  EXPECT_TRUE(stored("base", "v", 28));
  EXPECT_TRUE(stored("base", "a0", 39));
}

TEST_F(PackagerTest, LeavesOutSoundFromBeforeTheFirstCell) {
  const std::int64_t first = timeline::Grid::audioSlot(at(10));
  for (std::int64_t s = first - 50; s < first; ++s) packager_->audio(0, s, base::share(base::Bytes(20, 9)));
  slots_[0] = first;
  begin(10);
  video(10);
  sound(11);
  begin(11);
  ASSERT_EQ(told().back(), "cell 10");
  EXPECT_FALSE(diary_.cells[0]->hole);
}

TEST_F(PackagerTest, MakesACellWhoseSoundBeginsLateAHole) {
  slots_[0] = timeline::Grid::audioSlot(at(10)) + 5;
  begin(10);
  video(10);
  sound(11);
  begin(11);
  video(11);
  sound(12);
  begin(12);
  ASSERT_EQ(told().back(), "cell 11");
  EXPECT_TRUE(diary_.cells[0]->hole) << "better slate than a gap in the sound";
  EXPECT_FALSE(diary_.cells[1]->hole);
}

}  // namespace
}  // namespace dvpe::package
