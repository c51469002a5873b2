// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/condition/loudness.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "tests/unit/node/condition/files.h"

namespace dvpe::condition {
namespace {

std::vector<float> sine(double hertz, double level, int samples) {
  std::vector<float> s;
  for (int i = 0; i < samples; ++i) {
    const auto v = static_cast<float>(level * std::sin(2 * 3.14159265358979 * hertz * i / 48000));
    s.push_back(v);
    s.push_back(v);
  }
  return s;
}

TEST(Loudness, OfAReferenceToneIsWhatTheStandardSays) {
  // EBU Tech 3341, case 1: 1 kHz at -23 dBFS in both channels for 20 s is -23 LUFS.
  const auto tone = sine(1000, std::pow(10, -23.0 / 20), 48000 * 20);
  ASSERT_TRUE(integratedLoudness(tone));
  EXPECT_NEAR(*integratedLoudness(tone), -23.0, 0.1);
}

TEST(Loudness, LeavesOutQuietPassages) {
  // EBU Tech 3341, case 3: quiet before and after do not count.
  auto s = sine(1000, std::pow(10, -36.0 / 20), 48000 * 10);
  const auto loud = sine(1000, std::pow(10, -23.0 / 20), 48000 * 60);
  s.insert(s.end(), loud.begin(), loud.end());
  const auto end = sine(1000, std::pow(10, -36.0 / 20), 48000 * 10);
  s.insert(s.end(), end.begin(), end.end());
  EXPECT_NEAR(*integratedLoudness(s), -23.0, 0.1);
}

TEST(Loudness, OfSilenceIsNothing) {
  EXPECT_FALSE(integratedLoudness({}));
  EXPECT_FALSE(integratedLoudness(std::vector<float>(96000)));
}

TEST(Loudness, OfLessThanABlockIsMeasuredWhole) {
  EXPECT_NEAR(*integratedLoudness(sine(1000, std::pow(10, -23.0 / 20), 9600)), -23.0, 0.3);
}

TEST(Loudness, AgreesWithFfmpegOnChangingSound) {
  const testing::TempFolder folder;
  ASSERT_TRUE(
      testing::ffmpeg("-f lavfi -i \"aevalsrc=0.3*sin(2*PI*200*t)*abs(sin(t))+0.1*random(0)|0.2*sin(2*PI*3000*t*t/9):"
                      "d=9:s=48000\" -c:a pcm_f32le " +
                      folder / "s.wav"));
  ASSERT_TRUE(testing::ffmpeg("-i " + folder / "s.wav" + " -f f32le " + folder / "s.raw"));
  const base::Bytes raw = testing::readFile(folder / "s.raw");
  std::vector<float> samples(raw.size() / 4);
  std::memcpy(samples.data(), raw.data(), samples.size() * 4);
  EXPECT_NEAR(*integratedLoudness(samples), testing::ebur128(folder / "s.wav"), 0.2);
}

}  // namespace
}  // namespace dvpe::condition
