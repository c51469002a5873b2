// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

#include "shared/media/demuxer.h"
#include "shared/media/h264.h"
#include "tests/unit/shared/media/clips.h"

namespace dvpe::media {
namespace {

using base::Ticks;
using testing::ffmpeg;
using testing::TempFolder;

struct Clip {
  StreamInfo stream;
  std::vector<DemuxedPacket> packets;
};

// The video of a file made by ffmpeg with these options.
Clip makeClip(const std::string& options) {
  const TempFolder folder;
  const std::string path = folder / "clip.mp4";
  EXPECT_TRUE(ffmpeg("-f lavfi -i testsrc2=s=320x180:r=25:d=3 " + options + " " + path));
  Clip clip;
  auto file = openFile(path);
  EXPECT_TRUE(file) << file.error().message;
  clip.stream = file.value()->streams().at(0);
  while (true) {
    auto packet = file.value()->read();
    EXPECT_TRUE(packet);
    if (!packet.value()) {
      return clip;
    }
    clip.packets.push_back(std::move(*packet.value()));
  }
}

constexpr const char* kWithBFrames =
    "-c:v libx264 -preset fast -x264-params bframes=2:b-pyramid=none:keyint=25:threads=1";

// Every picture that the decoder gives now, as times.
std::vector<std::int64_t> take(VideoDecoder& decoder) {
  std::vector<std::int64_t> times;
  while (true) {
    auto picture = decoder.receive();
    EXPECT_TRUE(picture);
    if (!picture.value()) {
      return times;
    }
    times.push_back(picture.value()->pts.count());
  }
}

TEST(H264Decoder, GivesPicturesOfAStreamWithBFramesInPresentationOrderWithoutLosingOne) {
  const Clip clip = makeClip(kWithBFrames);
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder) << decoder.error().message;
  std::vector<std::int64_t> expected, got;
  bool reordered = false;
  for (std::size_t i = 0; i < clip.packets.size(); ++i) {
    const DemuxedPacket& p = clip.packets[i];
    reordered = reordered || (i > 0 && p.pts < clip.packets[i - 1].pts);
    expected.push_back(p.pts.count());
    ASSERT_TRUE(decoder.value()->decode(p.data, p.pts, p.dts, p.key));
    const auto now = take(*decoder.value());
    got.insert(got.end(), now.begin(), now.end());
    EXPECT_LE(i + 1 - got.size(), 1U) << "held back longer than the reorder depth";
  }
  decoder.value()->flush();
  const auto rest = take(*decoder.value());
  got.insert(got.end(), rest.begin(), rest.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_TRUE(reordered) << "the clip has no B-frames";
  EXPECT_EQ(got, expected);
}

TEST(H264Decoder, GivesEachPictureAtOnceWhenTheStreamHasNoBFrames) {
  const Clip clip = makeClip("-c:v libx264 -preset superfast -bf 0");
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder);
  for (const DemuxedPacket& p : clip.packets) {
    ASSERT_TRUE(decoder.value()->decode(p.data, p.pts, p.dts, p.key));
    EXPECT_THAT(take(*decoder.value()), ::testing::ElementsAre(p.pts.count()));
  }
}

TEST(H264Decoder, GoesOnAtTheNextKeyFrameAfterACorruptPacket) {
  Clip clip = makeClip("-c:v libx264 -preset superfast -bf 0 -x264-params keyint=25:scenecut=0");
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder);
  std::vector<std::int64_t> got;
  int errors = 0;
  for (std::size_t i = 0; i < clip.packets.size(); ++i) {
    DemuxedPacket& p = clip.packets[i];
    if (i == 30) {  // in the second group
      std::srand(7);
      for (std::size_t b = 12; b < p.data.size(); ++b) {
        p.data[b] = static_cast<std::uint8_t>(std::rand());
      }
    }
    errors += decoder.value()->decode(p.data, p.pts, p.dts, p.key) ? 0 : 1;
    const auto now = take(*decoder.value());
    got.insert(got.end(), now.begin(), now.end());
  }
  EXPECT_EQ(errors, 1);
  ASSERT_EQ(got.size(), 30U + 25U);  // 0-29, then the third group
  EXPECT_EQ(got[30], clip.packets[50].pts.count());
}

TEST(H264Decoder, RefusesLengthsThatLeadOutsideThePacket) {
  const Clip clip = makeClip("-c:v libx264 -preset superfast -bf 0");
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder);
  base::Bytes bad = clip.packets[0].data;
  bad[0] = 0x7F;
  EXPECT_FALSE(decoder.value()->decode(bad, Ticks{}, Ticks{}, true));
  EXPECT_FALSE(decoder.value()->decode(base::Bytes{0, 0}, Ticks{}, Ticks{}, true));
  // Still usable.
  EXPECT_TRUE(decoder.value()->decode(clip.packets[0].data, Ticks{5}, Ticks{5}, true));
  EXPECT_THAT(take(*decoder.value()), ::testing::ElementsAre(5));
}

TEST(H264Decoder, IgnoresWhatComesBeforeTheFirstKeyFrame) {
  const Clip clip = makeClip("-c:v libx264 -preset superfast -bf 0 -x264-params keyint=25:scenecut=0");
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder);
  std::vector<std::int64_t> got;
  for (std::size_t i = 3; i < 27; ++i) {
    const DemuxedPacket& p = clip.packets[i];
    ASSERT_TRUE(decoder.value()->decode(p.data, p.pts, p.dts, p.key));
    const auto now = take(*decoder.value());
    got.insert(got.end(), now.begin(), now.end());
  }
  EXPECT_THAT(got, ::testing::ElementsAre(clip.packets[25].pts.count(), clip.packets[26].pts.count()));
}

TEST(H264Decoder, CanBeResetForAnotherStream) {
  const Clip clip = makeClip(kWithBFrames);
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder);
  for (int round = 0; round < 2; ++round) {
    for (const DemuxedPacket& p : clip.packets) {
      ASSERT_TRUE(decoder.value()->decode(p.data, p.pts, p.dts, p.key));
    }
    decoder.value()->flush();
    EXPECT_FALSE(decoder.value()->decode(clip.packets[0].data, Ticks{}, Ticks{}, true));
    EXPECT_EQ(take(*decoder.value()).size(), clip.packets.size());
    decoder.value()->reset();
  }
}

TEST(H264Decoder, ConvertsOtherPixelFormats) {
  const Clip clip = makeClip("-pix_fmt yuv422p10le -c:v libx264 -preset superfast -bf 0 -frames:v 2");
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder) << decoder.error().message;
  const DemuxedPacket& p = clip.packets[0];
  ASSERT_TRUE(decoder.value()->decode(p.data, p.pts, p.dts, p.key));
  auto picture = decoder.value()->receive();
  ASSERT_TRUE(picture && picture.value());
  EXPECT_EQ(picture.value()->frame->width(), 320);
}

TEST(H264Decoder, BringsFullRangeIntoLimitedRange) {
  const TempFolder folder;
  ASSERT_TRUE(
      ffmpeg("-f lavfi -i color=white:s=64x64:r=25:d=0.2,format=yuvj420p -c:v libx264 -bf 0 " + folder / "w.mp4"));
  auto file = openFile(folder / "w.mp4");
  ASSERT_TRUE(file);
  auto decoder = makeH264Decoder(file.value()->streams()[0].config);
  auto packet = file.value()->read();
  ASSERT_TRUE(decoder.value()->decode(packet.value()->data, Ticks{}, Ticks{}, true));
  auto picture = decoder.value()->receive();
  ASSERT_TRUE(picture && picture.value());
  EXPECT_NEAR(picture.value()->frame->plane(0)[0], 235, 2);
}

// Writes a sequence parameter set of Baseline profile of this many macroblocks, without VUI.
class SpsWriter {
 public:
  base::Bytes make(unsigned widthMbs, unsigned heightMbs) {
    bits(66, 8);
    bits(0, 8);
    bits(51, 8);
    ue(0);  // id
    ue(0);  // log2_max_frame_num_minus4
    ue(2);  // poc type
    ue(1);  // references
    bits(0, 1);
    ue(widthMbs - 1);
    ue(heightMbs - 1);
    bits(1, 1);  // frames only
    bits(1, 1);  // direct 8x8
    bits(0, 1);  // no cropping
    bits(0, 1);  // no VUI
    bits(1, 1);
    while (count_ % 8 != 0) {
      bits(0, 1);
    }
    return bytes_;
  }

 private:
  void bits(unsigned v, int n) {
    for (int i = n - 1; i >= 0; --i, ++count_) {
      if (count_ % 8 == 0) {
        bytes_.push_back(0);
      }
      bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | (((v >> i) & 1U) << (7 - count_ % 8)));
    }
  }
  void ue(unsigned v) {
    int length = 0;
    for (unsigned x = v + 1; x > 1; x >>= 1) {
      ++length;
    }
    bits(0, length);
    bits(v + 1, length + 1);
  }
  base::Bytes bytes_{0x67};
  int count_ = 0;
};

base::Bytes avccOf(unsigned widthMbs, unsigned heightMbs) {
  return makeAvcc(SpsWriter().make(widthMbs, heightMbs), base::Bytes{0x68, 0xCE, 0x38, 0x80});
}

TEST(H264Decoder, RefusesSizesOverTheLimitsBeforeItOpens) {
  EXPECT_TRUE(makeH264Decoder(avccOf(120, 68)));
  const auto huge = makeH264Decoder(avccOf(512, 512));  // 8192x8192
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, base::ErrorCode::kLimitExceeded);
  EXPECT_THAT(huge.error().message, ::testing::HasSubstr("8192x8192"));
  EXPECT_FALSE(makeH264Decoder(avccOf(4000, 4000)));
  EXPECT_FALSE(makeH264Decoder(avccOf(120, 68), VideoLimits{1280, 720}));
}

TEST(H264Decoder, RefusesAnInBandChangeToASizeOverTheLimits) {
  const Clip clip = makeClip("-c:v libx264 -preset superfast -bf 0 -frames:v 2");
  auto decoder = makeH264Decoder(clip.stream.config);
  ASSERT_TRUE(decoder);
  const base::Bytes sps = SpsWriter().make(512, 512);
  base::Bytes packet{0, 0, 0, static_cast<std::uint8_t>(sps.size())};
  packet.insert(packet.end(), sps.begin(), sps.end());
  packet.insert(packet.end(), clip.packets[0].data.begin(), clip.packets[0].data.end());
  const auto refused = decoder.value()->decode(packet, Ticks{}, Ticks{}, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kLimitExceeded);
}

TEST(H264Decoder, FollowsAnInBandChangeOfSize) {
  const Clip a = makeClip("-c:v libx264 -preset superfast -bf 0 -frames:v 2");
  const Clip b = makeClip("-vf scale=640:360 -c:v libx264 -preset superfast -bf 0 -frames:v 2");
  auto decoder = makeH264Decoder(a.stream.config);
  ASSERT_TRUE(decoder);
  ASSERT_TRUE(decoder.value()->decode(a.packets[0].data, Ticks{0}, Ticks{0}, true));
  const auto config = parseAvcc(b.stream.config);
  ASSERT_TRUE(config);
  base::Bytes sets;
  for (const auto nal : {config.value().sps[0], config.value().pps[0]}) {
    sets.insert(sets.end(), {0, 0, 0, static_cast<std::uint8_t>(nal.size())});
    sets.insert(sets.end(), nal.begin(), nal.end());
  }
  ASSERT_TRUE(decoder.value()->decode(sets, Ticks{1}, Ticks{1}, false));  // on their own, as some encoders send them
  ASSERT_TRUE(decoder.value()->decode(b.packets[0].data, Ticks{1}, Ticks{1}, true));
  (void)decoder.value()->receive();
  auto picture = decoder.value()->receive();
  ASSERT_TRUE(picture && picture.value());
  EXPECT_EQ(picture.value()->frame->width(), 640);
}

TEST(H264Parsing, TakesNoBytesForGranted) {
  EXPECT_FALSE(parseAvcc({}));
  EXPECT_FALSE(parseAvcc(base::Bytes{1, 100, 0, 30, 0xFF, 0xE1, 0xFF, 0xFF, 1}));
  const Clip clip = makeClip("-c:v libx264 -preset superfast -frames:v 2");
  const base::Bytes& avcc = clip.stream.config;
  for (std::size_t n = 0; n < avcc.size(); ++n) {  // every cut, and every bit flipped: no crash, whatever the answer
    (void)makeH264Decoder(base::ByteView(avcc).first(n));
    base::Bytes flipped = avcc;
    flipped[n] ^= static_cast<std::uint8_t>(1U << n % 8);
    if (auto decoder = makeH264Decoder(flipped)) {
      (void)decoder.value()->decode(clip.packets[0].data, Ticks{}, Ticks{}, true);
    }
  }
}

TEST(H264Parsing, SplitsByteStreams) {
  const base::Bytes stream{0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 0, 1, 0x65, 9};
  const auto nals = splitAnnexB(stream);
  ASSERT_EQ(nals.size(), 3U);
  EXPECT_EQ(nals[0].size(), 3U);
  EXPECT_EQ(nals[1].size(), 2U);
  EXPECT_EQ(nals[2][0], 0x65);
}

}  // namespace
}  // namespace dvpe::media
