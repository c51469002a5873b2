// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/window.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::Ticks;

constexpr Ticks kSecond{base::kTicksPerSecond};
const TrackPath kTrack{"main-3", "base", "v720"};

class WindowTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    auto window = Window::open(folder_.path(), "ch1", kSecond * 4);
    ASSERT_TRUE(window) << window.error().message;
    window_ = std::move(window.value());
  }
  base::Result<void> put(std::int64_t second, std::string_view text = "segment", const TrackPath& track = kTrack) {
    return window_->putSegment(track, kSecond * second, kSecond * (second + 4), base::view(text));
  }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& e : fs::recursive_directory_iterator(folder_.path())) {
      if (e.is_regular_file()) out.push_back(fs::relative(e.path(), folder_.path()));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<Window> window_;
};

TEST_F(WindowTest, KeepsASegmentUnderItsStartTick) {
  ASSERT_TRUE(put(4));
  EXPECT_EQ(files(), std::vector<std::string>{"ch1/m/main-3/base/v720/960000.m4s"});
  const auto path = window_->pathOf("main-3", "base", "v720", kSecond * 4);
  ASSERT_TRUE(path);
  EXPECT_EQ(test::textOf(test::readFile(path.value())), "segment");
  EXPECT_EQ(window_->bytes(), 7U);
}

TEST_F(WindowTest, GivesNoPathForWhatIsNotAName) {
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a.b"),
        std::string("a\0b", 3), std::string("%2e"), std::string(65, 'a'), std::string("\xc3\xa4")}) {
    EXPECT_FALSE(window_->pathOf(bad, "base", "v720", kSecond)) << bad;
    EXPECT_FALSE(window_->pathOf("main-3", bad, "v720", kSecond)) << bad;
    EXPECT_FALSE(window_->pathOf("main-3", "base", bad, kSecond)) << bad;
    EXPECT_FALSE(window_->initPath("main-3", bad)) << bad;
    EXPECT_FALSE(put(0, "x", {"main-3", bad, "v720"})) << bad;
    EXPECT_FALSE(Window::open(folder_.path(), bad, kSecond)) << bad;
  }
  EXPECT_FALSE(window_->pathOf("main-3", "base", "v720", Ticks{-1}));
  EXPECT_TRUE(files().empty());
}

TEST_F(WindowTest, ReadsStartsInOneSpelling) {
  Ticks t{};
  EXPECT_TRUE(parseStart("0", t));
  EXPECT_TRUE(parseStart("960000", t));
  EXPECT_EQ(t, Ticks{960000});
  for (const char* bad : {"", "-1", "+1", "01", "1 ", " 1", "1.0", "0x1", "9999999999999999999", "1e3"}) {
    EXPECT_FALSE(parseStart(bad, t)) << bad;
  }
}

TEST_F(WindowTest, RefusesAnInitSegmentThatDiffersFromTheOneInUse) {
  ASSERT_TRUE(window_->putInit("main-3", "v720", base::view("init")));
  EXPECT_TRUE(window_->putInit("main-3", "v720", base::view("init")));
  const auto other = window_->putInit("main-3", "v720", base::view("INIT"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(window_->putInit("main-4", "v720", base::view("INIT")));
  EXPECT_EQ(test::textOf(test::readFile(window_->initPath("main-3", "v720").value())), "init");
}

TEST_F(WindowTest, PrunesWhatEndedBeforeTheLimitAndKeepsInits) {
  ASSERT_TRUE(window_->putInit("main-3", "v720", base::view("init")));
  for (const std::int64_t second : {0, 4, 8, 12}) ASSERT_TRUE(put(second));
  ASSERT_TRUE(put(0, "variant", {"main-3", "cohort-1", "v720"}));
  const Pruned pruned = window_->prune(kSecond * 8);  // [4, 8) ends at the limit: kept
  EXPECT_EQ(pruned.files, 2U);
  EXPECT_EQ(pruned.bytes, 14U);
  EXPECT_EQ(files(),
            (std::vector<std::string>{"ch1/m/main-3/base/v720/1920000.m4s", "ch1/m/main-3/base/v720/2880000.m4s",
                                      "ch1/m/main-3/base/v720/960000.m4s", "ch1/m/main-3/base/v720/init.mp4"}));
  EXPECT_FALSE(fs::exists(folder_.path() / "ch1/m/main-3/cohort-1"));
  EXPECT_EQ(window_->bytes(), 21U);
}

TEST_F(WindowTest, TakesStockAfterARestart) {
  for (const std::int64_t second : {0, 4}) ASSERT_TRUE(put(second));
  ASSERT_TRUE(window_->putSegment({"main-3", "base", "en"}, kSecond * 4, kSecond * 8, base::view("WEBVTT"),
                                  SegmentType::kText));
  const fs::path folder = folder_.path() / "ch1/m/main-3/base/v720";
  test::writeFile(folder / "1920000.m4s.7.tmp", base::view("half"));
  test::writeFile(folder / "1920000.m4s", {});
  test::writeFile(folder / "notes.txt", base::view("a stranger"));
  fs::create_directory_symlink("/", folder_.path() / "ch1/m/main-3/base/link");
  reopen();
  const auto list = window_->list();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].track.rendition, "en");
  EXPECT_EQ(list[0].type, SegmentType::kText);
  EXPECT_EQ(list[1].start, Ticks{0});
  EXPECT_EQ(list[2].start, kSecond * 4);
  EXPECT_FALSE(fs::exists(folder / "1920000.m4s.7.tmp"));
  EXPECT_FALSE(fs::exists(folder / "1920000.m4s"));
  EXPECT_TRUE(fs::exists(folder / "notes.txt"));

  // The first ends where the second starts; the second no later than a cell after its start.
  EXPECT_EQ(window_->prune(kSecond * 5).files, 1U);
  EXPECT_EQ(window_->prune(kSecond * 8).files, 0U);
  EXPECT_EQ(window_->prune(kSecond * 8 + Ticks{1}).files, 2U);
}

// A full disk, as far as a process can make one: files may grow to a size only.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_F(WindowTest, LeavesNothingHalfWrittenWhenTheDiskIsFull) {
  ASSERT_TRUE(put(0, "whole"));
  const std::string large(100'000, 'x');
  {
    const FileSizeLimit limit(4096);
    for (const std::int64_t second : {0, 4}) {
      const auto result = put(second, large);
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, ErrorCode::kIo);
    }
    EXPECT_FALSE(window_->putInit("main-3", "v720", base::view(large)));
    EXPECT_TRUE(put(8, "small"));
  }
  EXPECT_EQ(files(), (std::vector<std::string>{"ch1/m/main-3/base/v720/0.m4s", "ch1/m/main-3/base/v720/1920000.m4s"}));
  EXPECT_EQ(test::textOf(test::readFile(folder_.path() / "ch1/m/main-3/base/v720/0.m4s")), "whole");
  EXPECT_EQ(window_->list().size(), 2U);
  EXPECT_TRUE(put(4, large));
}

TEST_F(WindowTest, ShowsReadersOnlyWholeFiles) {
  const std::string one(200'000, '1'), two(200'000, '2');
  ASSERT_TRUE(put(0, one));
  const fs::path path = window_->pathOf("main-3", "base", "v720", Ticks{0}).value();
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::thread reader([&] {
    while (!stop) {
      const base::Bytes bytes = test::readFile(path);
      const std::string_view text = test::textOf(bytes);
      if (text != one && text != two) ++torn;
    }
  });
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(0, i % 2 ? one : two));
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(WindowTest, LetsSegmentsComeWhilePruningEmptiesTheirFolders) {
  std::atomic<bool> stop{false};
  std::thread pruner([&] {
    while (!stop) window_->prune(kSecond * 1000);
  });
  int failed = 0;
  for (int i = 0; i < 500; ++i) failed += put(i % 7, "x", {"main-3", "cohort", "v720"}).has_value() ? 0 : 1;
  stop = true;
  pruner.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(WindowTest, KnowsTheFreeSpace) {
  const auto free = window_->freeBytes();
  ASSERT_TRUE(free);
  EXPECT_GT(free.value(), 0U);
}

TEST(WindowNames, SayTheRevisionOfTheProfile) { EXPECT_EQ(profileName(test::profileAt({30, 1})), "test-3"); }

}  // namespace
}  // namespace dvpe::package
