// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/file/file_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace dvpe::ingest {
namespace {

using std::chrono::milliseconds;

// What a publication was given, in order.
struct Heard {
  std::vector<std::int64_t> video;
  std::map<int, std::vector<std::int64_t>> audio;
  std::map<int, std::string> languages;
  std::vector<std::string> captions;
  std::vector<std::int64_t> captionStarts;
  bool formatBeforeVideo = false;
  bool busy = false;
};

class FakePublication final : public Publication {
 public:
  explicit FakePublication(Heard& heard) : heard_(heard) {}
  void videoFormat(base::SharedBytes avcc) override {
    heard_.formatBeforeVideo = heard_.video.empty() && !avcc->empty();
  }
  void video(std::int64_t dts, std::int32_t, bool, base::SharedBytes, std::chrono::steady_clock::time_point) override {
    heard_.video.push_back(dts);
  }
  void audioFormat(int track, std::string language, base::SharedBytes) override {
    heard_.languages[track] = std::move(language);
  }
  void audio(int track, std::int64_t pts, base::SharedBytes) override { heard_.audio[track].push_back(pts); }
  void cue(SourceCue) override {}
  void caption(int, std::string, std::int64_t start, std::int64_t, std::string text) override {
    heard_.captions.push_back(std::move(text));
    heard_.captionStarts.push_back(start);
  }
  bool wantsMore() const override { return !heard_.busy; }
  bool revoked() const override { return false; }

 private:
  Heard& heard_;
};

class FileSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "dvpe-file-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ / "c.vtt") << "WEBVTT\n\n00:00.500 --> 00:01.000\nhello\n";
    // two seconds, two languages, captions
    const std::string make = "cd " + folder_.string() +
                             " && ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=s=160x90:r=25:d=2 -f lavfi -i "
                             "sine=d=2:r=48000 -f lavfi "
                             "-i sine=f=880:d=2:r=48000 -i c.vtt -map 0 -map 1 -map 2 -map 3 -c:v libx264 -preset "
                             "ultrafast -bf 2 -g 25 -c:a aac "
                             "-ac 2 -c:s webvtt -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu two.mkv";
    ASSERT_EQ(std::system(make.c_str()), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Lets the time pass in small steps and pumps at each.
  void play(FileSource& source, milliseconds time) {
    for (milliseconds t{0}; t < time; t += milliseconds(10)) {
      ASSERT_TRUE(source.pump());
      clock_.advance(milliseconds(10));
    }
  }

  std::filesystem::path folder_;
  base::ManualClock clock_{base::WallTime{}};
  Heard heard_;
};

TEST_F(FileSourceTest, PlaysEveryTrackInRealTimeAndGoesOnWithoutAJumpWhenItLoops) {
  auto source = FileSource::open(folder_ / "two.mkv", clock_).value();
  source->start(std::make_unique<FakePublication>(heard_));
  play(*source, milliseconds(1000));
  EXPECT_TRUE(heard_.formatBeforeVideo);
  EXPECT_NEAR(static_cast<double>(heard_.video.size()), 25, 4);
  EXPECT_EQ(heard_.languages.size(), 2U);
  EXPECT_NE(heard_.languages[0], heard_.languages[1]);
  ASSERT_EQ(heard_.captions, std::vector<std::string>{"hello"});
  EXPECT_NEAR(static_cast<double>(heard_.captionStarts[0]), 500, 25);  // the file begins with the encoder's priming
  play(*source, milliseconds(4000));
  EXPECT_GE(source->rounds(), 2U);
  for (std::size_t i = 1; i < heard_.video.size(); ++i) {
    EXPECT_GE(heard_.video[i], heard_.video[i - 1]);
    EXPECT_LT(heard_.video[i] - heard_.video[i - 1], 200);  // B pictures at the seam
  }
  for (const auto& [track, times] : heard_.audio) {
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GT(times[i], times[i - 1]) << "track " << track;
  }
}

TEST_F(FileSourceTest, GoesOnWhereItWasWithAnotherPublication) {
  auto source = FileSource::open(folder_ / "two.mkv", clock_).value();
  source->start(std::make_unique<FakePublication>(heard_));
  play(*source, milliseconds(800));
  const std::int64_t last = heard_.video.back();
  const std::size_t before = heard_.video.size();
  clock_.advance(milliseconds(5000));
  heard_.languages.clear();
  source->start(std::make_unique<FakePublication>(heard_));
  play(*source, milliseconds(400));
  EXPECT_EQ(heard_.languages.size(), 2U) << "the formats are sent again";
  EXPECT_GE(heard_.video.at(before), last);
  EXPECT_LT(heard_.video.at(before) - last, 200);
  EXPECT_NEAR(static_cast<double>(heard_.video.size() - before), 10, 4) << "in real time";
}

TEST_F(FileSourceTest, WaitsWhileTheNodeIsBehind) {
  auto source = FileSource::open(folder_ / "two.mkv", clock_).value();
  source->start(std::make_unique<FakePublication>(heard_));
  heard_.busy = true;
  play(*source, milliseconds(500));
  EXPECT_TRUE(heard_.video.empty());
  heard_.busy = false;
  play(*source, milliseconds(20));
  EXPECT_GE(heard_.video.size(), 10U);
}

TEST_F(FileSourceTest, RefusesWhatItCannotPlayAndSaysWhy) {
  EXPECT_FALSE(FileSource::open(folder_ / "none.mp4", clock_));
  std::ofstream(folder_ / "list.m3u8") << "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n";
  EXPECT_FALSE(FileSource::open(folder_ / "list.m3u8", clock_));
  ASSERT_EQ(
      std::system(
          ("ffmpeg -nostdin -loglevel error -f lavfi -i sine=d=1 -c:a aac " + (folder_ / "a.mp4").string()).c_str()),
      0);
  EXPECT_EQ(FileSource::open(folder_ / "a.mp4", clock_).error().code, base::ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace dvpe::ingest
