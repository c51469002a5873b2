// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/segmenter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using base::Ticks;
using testing::HasSubstr;
using testing::Not;
using timeline::Caption;
using timeline::Grid;

const Grid kGrid(model::FrameRate{30000, 1001});

base::Result<void> add(SegmentWriter& w, Ticks at, bool key) { return w.add(at, Bytes{1, 2, 3}, key); }

TEST(SegmentWriter, WritesOneFragmentPerUnitFromTheSegmentsStartAndTheRestLast) {
  const Ticks cut = kGrid.frame() * 987'654'321;  // not a multiple of a unit
  SegmentWriter w(kGrid);
  w.begin(cut);
  for (int i = 0; i < 67; ++i) ASSERT_TRUE(add(w, cut + kGrid.frame() * i, i == 0));
  const auto segment = w.finish(cut + kGrid.frame() * 67);
  ASSERT_TRUE(segment) << segment.error().message;
  const auto read = parseSegment(segment.value());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read.value().size(), 3U);
  std::size_t sizes[]{30, 30, 7};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read.value()[i].samples.size(), sizes[i]);
    EXPECT_EQ(read.value()[i].baseTime, static_cast<std::uint64_t>((cut + kGrid.unit() * static_cast<int>(i)).count()));
  }
  EXPECT_EQ(test::outline(segment.value()),
            "styp moof(mfhd traf(tfhd tfdt trun)) mdat moof(mfhd traf(tfhd tfdt trun)) mdat "
            "moof(mfhd traf(tfhd tfdt trun)) mdat");
}

TEST(SegmentWriter, MakesTheSameBytesWhateverItWroteBefore) {
  const auto write = [](SegmentWriter& w, Ticks cut) {
    w.begin(cut);
    for (int i = 0; i < 40; ++i) EXPECT_TRUE(add(w, cut + kGrid.frame() * i, i == 0));
    return w.finish(cut + kGrid.frame() * 40).value();
  };
  SegmentWriter used(kGrid), fresh(kGrid);
  write(used, kGrid.frame() * 100);
  used.begin(kGrid.frame() * 500);
  ASSERT_TRUE(add(used, kGrid.frame() * 500, true));  // given up
  EXPECT_EQ(write(used, kGrid.frame() * 1000), write(fresh, kGrid.frame() * 1000));
}

TEST(SegmentWriter, RefusesAFrameOutOfItsPlaceAndLosesTheSegment) {
  SegmentWriter w(kGrid);
  const Ticks cut = kGrid.frame() * 90;
  for (const int wrong : {0, 2}) {
    w.begin(cut);
    ASSERT_TRUE(add(w, cut, true));
    EXPECT_FALSE(add(w, cut + kGrid.frame() * wrong, false));
    EXPECT_FALSE(add(w, cut + kGrid.frame(), false));
    EXPECT_FALSE(w.finish(cut + kGrid.frame()));
  }
}

TEST(SegmentWriter, RefusesAFirstFrameThatIsNoKeyFrameAndAnEndWithoutItsFrames) {
  SegmentWriter w(kGrid);
  EXPECT_FALSE(add(w, Ticks{0}, true));  // not begun
  w.begin(kGrid.frame() * 3);
  EXPECT_FALSE(add(w, kGrid.frame() * 3, false));
  w.begin(kGrid.frame() * 3);
  ASSERT_TRUE(add(w, kGrid.frame() * 3, true));
  EXPECT_FALSE(w.finish(kGrid.frame() * 5));
}

TEST(AudioSegment, PutsFramesOnTheirSlots) {
  const Bytes frame{0x21, 0x10, 0x04};
  const std::vector<ByteView> frames(47, frame);
  const auto segment = buildAudioSegment(5'000'000'000, frames);
  ASSERT_TRUE(segment);
  const auto read = parseSegment(segment.value());
  ASSERT_TRUE(read);
  ASSERT_EQ(read.value().size(), 1U);
  EXPECT_EQ(read.value()[0].baseTime, 5'120'000'000'000U);
  EXPECT_EQ(read.value()[0].sequence, static_cast<std::uint32_t>(5'000'000'000));
  EXPECT_EQ(read.value()[0].samples.size(), 47U);
  EXPECT_TRUE(read.value()[0].samples[46].key);
}

TEST(AudioSegment, RefusesNothingEmptyFramesAndNegativeSlots) {
  const Bytes frame{1};
  const std::vector<ByteView> one{frame}, empty{ByteView{}};
  EXPECT_FALSE(buildAudioSegment(0, {}));
  EXPECT_FALSE(buildAudioSegment(0, empty));
  EXPECT_FALSE(buildAudioSegment(-1, one));
  EXPECT_TRUE(buildAudioSegment(0, one));
}

constexpr Ticks at(std::int64_t seconds, std::int64_t ms = 0) {
  return Ticks{seconds * base::kTicksPerSecond + ms * base::kTicksPerMillisecond};
}
Caption caption(Ticks start, Ticks end, std::string text) { return {0, "en", start, end, std::move(text)}; }

// 28,000,000 s are 7777 h 46 m 40 s: cue time 0 is hour 7776.
TEST(VttSegment, MapsCueTimesToTheClockOfTheVideo) {
  const std::vector<Caption> captions{caption(at(28'000'001, 500), at(28'000'003), "Hello")};
  const std::string vtt = vttSegment(at(28'000'000), at(28'000'004), captions);
  const std::int64_t mpegts = std::int64_t{7776} * 3600 * 90'000 % (std::int64_t{1} << 33);
  EXPECT_TRUE(vtt.starts_with("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:" + std::to_string(mpegts) + ",LOCAL:00:00:00.000\n\n"));
  EXPECT_THAT(vtt, HasSubstr("\n01:46:41.500 --> 01:46:43.000\nHello\n"));
}

// What a player does (hls.js, webvtt-parser): cue time + MPEGTS, minus the first video time, brought by 2^33 next to
// the fragment.
TEST(VttSegment, LandsOnTheCaptionsTimeAfterThePlayersArithmetic) {
  for (const std::int64_t second : {0, 3'599, 3'600, 95'440, 95'445, 28'000'000, 900'000'000}) {
    const std::vector<Caption> captions{caption(at(second, 250), at(second + 1), "x")};
    const std::string vtt = vttSegment(at(second), at(second + 4), captions);
    const double mpegts = std::stod(vtt.substr(vtt.find("MPEGTS:") + 7)) / 90'000;
    const std::string cue = vtt.substr(vtt.find(" --> ") - 12, 12);
    const double local =
        std::stod(cue.substr(0, 2)) * 3600 + std::stod(cue.substr(3, 2)) * 60 + std::stod(cue.substr(6));
    constexpr double kWrap = 8589934592.0 / 90'000;
    const double fragment = static_cast<double>(second);
    double time = local + mpegts;
    while (std::abs(time - fragment) > kWrap / 2) time += time < fragment ? kWrap : -kWrap;
    EXPECT_NEAR(time, fragment + 0.25, 0.0005) << second;
  }
}

TEST(VttSegment, RepeatsACaptionThatSpansCellsUnderOneNameAndTime) {
  const std::vector<Caption> captions{caption(at(1'000'002), at(1'000'006), "spans"),
                                      caption(at(1'000'008), at(1'000'009), "later")};
  const std::string first = vttSegment(at(1'000'000), at(1'000'004), captions);
  const std::string second = vttSegment(at(1'000'004), at(1'000'008), captions);
  EXPECT_EQ(first, second);
  EXPECT_THAT(first, HasSubstr("spans"));
  EXPECT_THAT(first, Not(HasSubstr("later")));
}

TEST(VttSegment, WithoutCaptionsIsStillAFile) {
  EXPECT_EQ(vttSegment(at(0), at(4), {}), "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n");
}

TEST(VttSegment, MakesTextHarmlessThatWouldEndItsCue) {
  const auto body = [](std::string text) {
    const std::vector<Caption> captions{caption(at(1), at(2), std::move(text))};
    const std::string vtt = vttSegment(at(0), at(4), captions);
    const auto arrow = vtt.find(" --> ");
    if (arrow == vtt.npos) return std::string();
    const auto line = vtt.find('\n', arrow) + 1;
    return vtt.substr(line, vtt.size() - line - 1);
  };
  EXPECT_EQ(body("one\r\n\r\n\ntwo\n\n"), "one\ntwo");
  EXPECT_EQ(body("a --> b"), "a --&gt; b");
  EXPECT_EQ(body(std::string("nul\0bell\a", 9)), "nulbell");
  EXPECT_EQ(body("\xff\xfe ok \xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd ok \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(body("\xd9\x85\xd8\xb1 \xf0\x9f\x98\x80"), "\xd9\x85\xd8\xb1 \xf0\x9f\x98\x80");
  EXPECT_EQ(body("\n\n"), "");
  EXPECT_LE(body(std::string(100'000, 'x')).size(), 4096U);
}

}  // namespace
}  // namespace dvpe::package
