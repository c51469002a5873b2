// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include "shared/media/demuxer.h"
#include "tests/unit/shared/media/clips.h"

namespace dvpe::media {
namespace {

using testing::tone;

double power(const Samples& s, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from * 2; i < to * 2; ++i) {
    sum += static_cast<double>(s[i]) * s[i];
  }
  return sum / static_cast<double>((to - from) * 2);
}

TEST(Aac, WhatIsEncodedComesBackPrimingLater) {
  auto encoder = makeAacEncoder(128000);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EXPECT_EQ(encoder.value()->priming() % 1024, 0);
  auto decoder = makeAacDecoder(aacLcStereoConfig());
  ASSERT_TRUE(decoder) << decoder.error().message;
  Samples in, out;
  std::vector<base::Bytes> frames;
  for (int i = 0; i < 30; ++i) {
    const Samples s = tone(i);
    in.insert(in.end(), s.begin(), s.end());
    auto got = encoder.value()->encode(s);
    ASSERT_TRUE(got);
    EXPECT_LE(got.value().size(), 1U);
    frames.insert(frames.end(), got.value().begin(), got.value().end());
  }
  auto rest = encoder.value()->flush();
  ASSERT_TRUE(rest);
  frames.insert(frames.end(), rest.value().begin(), rest.value().end());
  EXPECT_EQ(frames.size(), 31U);
  for (const base::Bytes& f : frames) {
    auto got = decoder.value()->decode(f);
    ASSERT_TRUE(got);
    EXPECT_EQ(got.value().size(), 2048U);
    out.insert(out.end(), got.value().begin(), got.value().end());
  }
  // The tone, shifted by the priming, is what went in.
  const auto shift = static_cast<std::size_t>(encoder.value()->priming());
  double error = 0;
  for (std::size_t i = 4096; i < 20000; ++i) {
    error = std::max(error, static_cast<double>(std::abs(out[2 * (i + shift)] - in[2 * i])));
  }
  EXPECT_LT(error, 0.02);
}

TEST(Aac, TheSilentFrameIsSilenceAnywhereInAStream) {
  auto encoder = makeAacEncoder(128000);
  auto decoder = makeAacDecoder(aacLcStereoConfig());
  ASSERT_TRUE(encoder && decoder);
  for (int i = 0; i < 5; ++i) {
    auto frames = encoder.value()->encode(tone(i));
    for (const auto& f : frames.value()) {
      ASSERT_TRUE(decoder.value()->decode(f));
    }
  }
  ASSERT_TRUE(decoder.value()->decode(silentAacFrame()));  // the tone's last half window fades out
  auto silent = decoder.value()->decode(silentAacFrame());
  ASSERT_TRUE(silent);
  ASSERT_EQ(silent.value().size(), 2048U);
  EXPECT_EQ(power(silent.value(), 0, 1024), 0.0);
}

TEST(Aac, ConvertsOtherRatesAndChannelCounts) {
  const testing::TempFolder folder;
  ASSERT_TRUE(testing::ffmpeg("-f lavfi -i sine=440:r=44100:d=2 -ac 1 -c:a aac " + folder / "mono.mp4"));
  auto file = openFile(folder / "mono.mp4");
  ASSERT_TRUE(file);
  const StreamInfo& s = file.value()->streams()[0];
  EXPECT_EQ(s.sampleRate, 44100);
  EXPECT_EQ(s.channels, 1);
  auto decoder = makeAudioDecoder(s);
  ASSERT_TRUE(decoder) << decoder.error().message;
  Samples all;
  while (true) {
    auto packet = file.value()->read();
    ASSERT_TRUE(packet);
    if (!packet.value()) {
      break;
    }
    auto got = decoder.value()->decode(packet.value()->data);
    ASSERT_TRUE(got);
    all.insert(all.end(), got.value().begin(), got.value().end());
  }
  EXPECT_NEAR(static_cast<double>(all.size()) / 2, 96000, 4000);
  EXPECT_GT(power(all, 48000, 52800), 0.001);
  EXPECT_EQ(all[100000], all[100001]);
}

TEST(Aac, ReadsItsConfiguration) {
  const auto ours = parseAudioSpecificConfig(aacLcStereoConfig());
  ASSERT_TRUE(ours);
  EXPECT_TRUE(ours.value().passable());
  const auto other = parseAudioSpecificConfig(base::Bytes{0x12, 0x10});  // 44.1 kHz stereo
  ASSERT_TRUE(other);
  EXPECT_EQ(other.value().sampleRate, 44100);
  EXPECT_FALSE(other.value().passable());
  EXPECT_FALSE(parseAudioSpecificConfig({}));
  EXPECT_FALSE(parseAudioSpecificConfig(base::Bytes{0x11}));
  EXPECT_FALSE(parseAudioSpecificConfig(base::Bytes{0x00, 0x00}));
  EXPECT_FALSE(parseAudioSpecificConfig(base::Bytes(2000, 0x11)));
}

TEST(Aac, CorruptFramesAreErrorsAndTheDecoderGoesOn) {
  auto decoder = makeAacDecoder(aacLcStereoConfig());
  ASSERT_TRUE(decoder);
  EXPECT_FALSE(decoder.value()->decode({}));
  int errors = 0;
  for (int i = 0; i < 50; ++i) {
    base::Bytes noise(200);
    for (std::size_t b = 0; b < noise.size(); ++b) {
      noise[b] = static_cast<std::uint8_t>((b * 131 + static_cast<std::size_t>(i) * 977) >> 3);
    }
    errors += decoder.value()->decode(noise) ? 0 : 1;
  }
  EXPECT_GT(errors, 10);
  EXPECT_TRUE(decoder.value()->decode(silentAacFrame()));
}

TEST(Aac, RefusesAFrameOfAnotherLengthAndImpossibleRates) {
  auto encoder = makeAacEncoder(128000);
  ASSERT_TRUE(encoder);
  EXPECT_FALSE(encoder.value()->encode(Samples(100)));
  EXPECT_FALSE(makeAacEncoder(1000));
  EXPECT_FALSE(makeAacEncoder(10'000'000));
}

}  // namespace
}  // namespace dvpe::media
