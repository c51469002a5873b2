// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include <array>

#include "shared/media/h264.h"
#include "tests/unit/shared/media/clips.h"

namespace dvpe::media {
namespace {

using testing::paint;
using testing::smallRung;

constexpr model::FrameRate kFps{30, 1};

// A segment of `frames` moving pictures from a fresh encoder, all pictures in one string of bytes.
base::Bytes segment(const model::Rung& rung, int frames, int first = 0) {
  auto encoder = makeH264Encoder(rung, kFps);
  EXPECT_TRUE(encoder) << encoder.error().message;
  Frame frame(rung.width, rung.height);
  base::Bytes all;
  for (int i = 0; i < frames; ++i) {
    paint(frame, first + i);
    auto picture = encoder.value()->encode(frame, false);
    EXPECT_TRUE(picture) << picture.error().message;
    all.insert(all.end(), picture.value().data.begin(), picture.value().data.end());
  }
  return all;
}

TEST(H264Encoder, GivesOnePictureForEachFrameAtOnce) {
  auto encoder = makeH264Encoder(smallRung(), kFps);
  ASSERT_TRUE(encoder) << encoder.error().message;
  Frame frame(640, 360);
  for (int i = 0; i < 20; ++i) {
    paint(frame, i);
    auto picture = encoder.value()->encode(frame, i == 12);
    ASSERT_TRUE(picture);
    EXPECT_FALSE(picture.value().data.empty());
    EXPECT_EQ(picture.value().key, i == 0 || i == 12) << i;
  }
}

TEST(H264Encoder, WritesSlicesAndNothingElse) {
  const base::Bytes all = segment(smallRung(), 10);
  auto nals = splitLengthPrefixed(all, 4);
  ASSERT_TRUE(nals);
  EXPECT_EQ(nals.value().size(), 10U);
  for (const base::ByteView nal : nals.value()) {
    EXPECT_THAT(nal[0] & 31, ::testing::AnyOf(1, 5));
  }
}

TEST(H264Encoder, TwoFreshEncodersGiveTheSameBytesForTheSameFrames) {
  EXPECT_EQ(base::sha256(segment(smallRung(), 30)), base::sha256(segment(smallRung(), 30)));
}

// x264's own slice threads do not: its buffer model looks at how far the other slices happen to be.
TEST(H264Encoder, GivesTheSameBytesHoweverManyThreadsARungAllows) {
  model::Rung rung = smallRung();
  const std::string one = base::sha256(segment(rung, 20));
  rung.threads = 3;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(base::sha256(segment(rung, 20)), one);
  }
}

TEST(H264Encoder, KeepsTheBufferModelOverASegment) {
  model::Rung rung = smallRung();
  rung.maxrate = 300'000;
  const base::Bytes bytes = segment(rung, 120);
  // Four seconds at maxrate and the half second that the buffer may hold at the start, with 3 % for x264's misses.
  EXPECT_LT(static_cast<double>(bytes.size()) * 8, 300'000 * 4.5 * 1.03);
  EXPECT_GT(bytes.size() * 8, 300'000U);
}

TEST(H264Encoder, HasOneSetOfParametersWhateverThePreset) {
  for (const char* preset : {"ultrafast", "superfast", "veryfast", "medium"}) {
    model::Rung rung = smallRung();
    rung.preset = preset;
    auto first = h264Parameters(rung, kFps);
    ASSERT_TRUE(first) << first.error().message;
    (void)segment(rung, 3, 77);
    EXPECT_EQ(first.value(), h264Parameters(rung, kFps).value());
    auto config = parseAvcc(first.value());
    ASSERT_TRUE(config);
    auto sps = parseSps(config.value().sps[0]);
    ASSERT_TRUE(sps);
    EXPECT_EQ(sps.value().profile, 100) << preset;
    EXPECT_EQ(sps.value().level, 30) << preset;
    EXPECT_EQ(sps.value().width, 640);
    EXPECT_EQ(sps.value().height, 360);
    EXPECT_TRUE(sps.value().neverReorders());
    EXPECT_EQ(sps.value().frameRateNum, 30 * sps.value().frameRateDen);
    EXPECT_EQ(codecString(first.value()).substr(0, 7), "avc1.64");
  }
}

TEST(H264Encoder, ASegmentDecodesWithTheSharedParametersToWhatWasEncoded) {
  const auto avcc = h264Parameters(smallRung(), kFps);
  ASSERT_TRUE(avcc);
  auto decoder = makeH264Decoder(avcc.value());
  ASSERT_TRUE(decoder) << decoder.error().message;
  for (int part = 0; part < 2; ++part) {  // two segments, one after the other, from encoders of their own
    auto encoder = makeH264Encoder(smallRung(), kFps);
    ASSERT_TRUE(encoder);
    Frame frame(640, 360);
    frame.fill(90, 100, 150);
    for (int i = 0; i < 5; ++i) {
      auto picture = encoder.value()->encode(frame, false);
      ASSERT_TRUE(picture);
      const base::Ticks at{(part * 5 + i) * 8000};
      ASSERT_TRUE(decoder.value()->decode(picture.value().data, at, at, picture.value().key));
      auto out = decoder.value()->receive();
      ASSERT_TRUE(out);
      ASSERT_TRUE(out.value()) << "a picture was held back";
      EXPECT_EQ(out.value()->pts, at);
      EXPECT_LT(testing::meanDifference(*out.value()->frame, frame), 2.0);
    }
  }
}

TEST(H264Encoder, RefusesOptionsThatTheLawFixes) {
  for (const char* option : {"bframes=2", "rc-lookahead=20", "scenecut=40", "keyint=10", "open-gop=1",
                             "repeat-headers=1", "stats=/tmp/x", "dump-yuv=/tmp/x", "threads=8", "cqmfile=/etc/passwd",
                             "vbv-bufsize=1", "sliced_threads=0", "fps=25", "no-8x8dct", "frame-threads", "opencl"}) {
    model::Rung rung = smallRung();
    rung.x264 = option;
    EXPECT_FALSE(makeH264Encoder(rung, kFps)) << option;
  }
}

TEST(H264Encoder, TakesTuningOptionsAndThoseThatRepeatTheLaw) {
  model::Rung rung = smallRung();
  rung.x264 = "crf=30:aq-mode=2:tune=film:bframes=0:keyint=250:no-psy:threads=1:scenecut=0";
  const auto encoder = makeH264Encoder(rung, kFps);
  EXPECT_TRUE(encoder) << encoder.error().message;
  model::Rung bad = smallRung();
  bad.preset = "warp";
  EXPECT_FALSE(makeH264Encoder(bad, kFps));
  bad = smallRung();
  bad.width = 641;
  EXPECT_FALSE(makeH264Encoder(bad, kFps));
  bad = smallRung();
  bad.maxrate = 0;
  EXPECT_FALSE(makeH264Encoder(bad, kFps));
}

TEST(H264Encoder, RefusesAFrameOfAnotherSize) {
  auto encoder = makeH264Encoder(smallRung(), kFps);
  ASSERT_TRUE(encoder);
  const Frame frame(320, 180);
  EXPECT_FALSE(encoder.value()->encode(frame, false));
}

// What one segment is made of: decoding, scaling with bars, encoding.
std::string wholeChain() {
  const model::Rung small = smallRung();
  model::Rung target;
  target.name = "v";
  target.width = 426;
  target.height = 320;
  target.maxrate = 400'000;
  auto encoder = makeH264Encoder(target, kFps);
  auto source = makeH264Encoder(small, kFps);
  auto decoder = makeH264Decoder(h264Parameters(small, kFps).value());
  auto scaler = makeScaler();
  Frame frame(640, 360), scaled(426, 320);
  base::Bytes all;
  for (int i = 0; i < 45; ++i) {
    paint(frame, i);
    auto first = source.value()->encode(frame, false);
    const base::Ticks at{i * 8000};
    EXPECT_TRUE(decoder.value()->decode(first.value().data, at, at, first.value().key));
    auto picture = decoder.value()->receive();
    EXPECT_TRUE(scaler->scale(*picture.value()->frame, scaled));
    auto second = encoder.value()->encode(scaled, false);
    all.insert(all.end(), first.value().data.begin(), first.value().data.end());
    all.insert(all.end(), second.value().data.begin(), second.value().data.end());
  }
  return base::sha256(all);
}

// Run by the next test in a process of its own, where neither libav, x264 nor the C library use vector code.
TEST(BaselineCpu, DISABLED_PrintsTheDigestOfASegment) {
  useBaselineCpu();
  std::printf("digest=%s\n", wholeChain().c_str());
}

TEST(BaselineCpu, GivesTheSameBytesAsAllThatTheCpuCan) {
  const std::string command =
      "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-SSE4_1,-SSE4_2 " +
      std::filesystem::read_symlink("/proc/self/exe").string() +
      " --gtest_also_run_disabled_tests --gtest_filter=BaselineCpu.DISABLED_PrintsTheDigestOfASegment";
  std::FILE* child = ::popen(command.c_str(), "r");
  ASSERT_NE(child, nullptr);
  std::string output;
  std::array<char, 256> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), child) != nullptr) {
    output += buffer.data();
  }
  ASSERT_EQ(::pclose(child), 0) << output;
  EXPECT_THAT(output, ::testing::HasSubstr("digest=" + wholeChain()));
}

}  // namespace
}  // namespace dvpe::media
