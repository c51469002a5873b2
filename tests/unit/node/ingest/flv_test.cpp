// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/flv.h"

#include "node/ingest/rtmp/avc.h"
#include "tests/unit/node/ingest/support.h"

namespace dvpe::ingest::rtmp {
namespace {

using base::Bytes;
using base::ErrorCode;
using test::avcTag;
using test::nal;

// Enhanced video: first byte, FourCC, body.
Bytes enhanced(int frameType, int packetType, std::string_view codec, const Bytes& body) {
  Bytes b(codec.size() + 1, static_cast<std::uint8_t>(0x80 | (frameType << 4) | packetType));
  std::copy(codec.begin(), codec.end(), b.begin() + 1);
  b.insert(b.end(), body.begin(), body.end());
  return b;
}

TEST(FlvVideo, ReadsClassicAvc) {
  const auto format = parseVideoTag(avcTag(true, 0, {1, 2, 3})).value();
  EXPECT_EQ(format.kind, VideoTag::Kind::kFormat);
  EXPECT_EQ(format.data.size(), 3U);
  const Bytes tag = avcTag(false, 1, nal(5), -40);
  const auto frame = parseVideoTag(tag).value();
  EXPECT_EQ(frame.kind, VideoTag::Kind::kFrame);
  EXPECT_FALSE(frame.key);
  EXPECT_EQ(frame.compositionMs, -40);
  EXPECT_EQ(frame.data.size(), 9U);
  EXPECT_EQ(parseVideoTag(avcTag(true, 1, nal(5), 0x7FFFFF)).value().compositionMs, 0x7FFFFF);
  EXPECT_EQ(parseVideoTag(avcTag(true, 2, {})).value().kind, VideoTag::Kind::kNothing);
  EXPECT_EQ(parseVideoTag(Bytes{}).value().kind, VideoTag::Kind::kNothing);
  EXPECT_EQ(parseVideoTag(Bytes{0x57, 0}).value().kind, VideoTag::Kind::kNothing) << "an info frame";
}

TEST(FlvVideo, ReadsEnhancedAvc) {
  EXPECT_EQ(parseVideoTag(enhanced(1, 0, "avc1", {1, 2})).value().kind, VideoTag::Kind::kFormat);
  const Bytes coded = enhanced(1, 1, "avc1", {0xFF, 0xFF, 0xD8, 9, 9});
  const auto frame = parseVideoTag(coded).value();
  EXPECT_TRUE(frame.key);
  EXPECT_EQ(frame.compositionMs, -40);
  EXPECT_EQ(frame.data.size(), 2U);
  const Bytes codedX = enhanced(2, 3, "avc1", {9, 9});
  const auto frameX = parseVideoTag(codedX).value();
  EXPECT_FALSE(frameX.key);
  EXPECT_EQ(frameX.compositionMs, 0);
  EXPECT_EQ(frameX.data.size(), 2U);
  EXPECT_EQ(parseVideoTag(enhanced(1, 2, "avc1", {})).value().kind, VideoTag::Kind::kNothing);
  EXPECT_EQ(parseVideoTag(enhanced(1, 4, "avc1", {2})).value().kind, VideoTag::Kind::kNothing);
}

TEST(FlvVideo, SkipsPacketModifiers) {
  // Two modifiers: a nanosecond offset of three bytes, and one of 256 bytes; then CodedFramesX.
  Bytes b{0x80 | (1 << 4) | 7, 2, 0, 0, 5, 0x07, 255, 0, 255};
  b.resize(b.size() + 256);
  b.insert(b.end(), {0x03, 'a', 'v', 'c', '1', 1, 2, 3, 4});
  const auto tag = parseVideoTag(b);
  ASSERT_TRUE(tag) << tag.error().message;
  EXPECT_EQ(tag.value().kind, VideoTag::Kind::kFrame);
  EXPECT_EQ(tag.value().data.size(), 4U);
  EXPECT_FALSE(parseVideoTag(Bytes(40, 0x97))) << "modifiers without end";
}

TEST(FlvVideo, TakesTheFirstOfManyTracks) {
  Bytes b{0x80 | (1 << 4) | 6, 0x13, 'a', 'v', 'c', '1'};      // many tracks, CodedFramesX
  b.insert(b.end(), {1, 0, 0, 2, 7, 7, 0, 0, 0, 3, 8, 8, 8});  // track 1, then track 0
  const auto tag = parseVideoTag(b).value();
  ASSERT_EQ(tag.kind, VideoTag::Kind::kFrame);
  EXPECT_EQ(tag.data.size(), 3U);
  EXPECT_FALSE(parseVideoTag(Bytes{0x96, 0x16})) << "multitrack inside multitrack";
  EXPECT_FALSE(parseVideoTag(Bytes{0x96, 0x31})) << "unknown kind of multitrack";
}

TEST(FlvVideo, RefusesOtherCodecsByName) {
  const auto hevc = parseVideoTag(enhanced(1, 0, "hvc1", {1}));
  ASSERT_FALSE(hevc);
  EXPECT_EQ(hevc.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(hevc.error().message.find("hvc1"), std::string::npos);
  EXPECT_EQ(parseVideoTag(Bytes{0x12, 0}).error().code, ErrorCode::kUnsupported) << "Sorenson H.263";
  EXPECT_EQ(parseVideoTag(enhanced(1, 0, std::string_view("\n\x01\xff\"", 4), {})).error().message.find('\n'),
            std::string::npos);
}

TEST(FlvVideo, RefusesCutOffTags) {
  const Bytes classic = avcTag(true, 1, {});
  for (std::size_t n = 1; n < classic.size(); ++n) {
    EXPECT_FALSE(parseVideoTag(base::ByteView(classic).first(n))) << n;
  }
  const Bytes modern = enhanced(1, 1, "avc1", {0, 0, 0});
  for (std::size_t n = 1; n < modern.size(); ++n) {
    EXPECT_FALSE(parseVideoTag(base::ByteView(modern).first(n))) << n;
  }
  EXPECT_FALSE(parseVideoTag(avcTag(true, 3, {}))) << "unknown packet type";
}

TEST(FlvAudio, ReadsAacAndItsTracks) {
  const Bytes classic{0xAF, 1, 1, 2, 3};
  const auto tags = parseAudioTag(classic).value();
  ASSERT_EQ(tags.size(), 1U);
  EXPECT_EQ(tags[0].data.size(), 3U);
  const auto format = parseAudioTag(Bytes{0xAF, 0, 0x11, 0x90}).value();
  EXPECT_EQ(format[0].kind, AudioTag::Kind::kFormat);
  EXPECT_TRUE(parseAudioTag(Bytes{}).value().empty()) << "silence";
  EXPECT_TRUE(parseAudioTag(Bytes{0xAF, 1}).value().empty());
  const Bytes modern{0x91, 'm', 'p', '4', 'a', 5};
  EXPECT_EQ(parseAudioTag(modern).value()[0].data.size(), 1U);
  // Many tracks of many codecs, coded frames.
  Bytes many{0x95, 0x21};
  many.insert(many.end(), {'m', 'p', '4', 'a', 0, 0, 0, 1, 9, 'm', 'p', '4', 'a', 3, 0, 0, 2, 9, 9});
  const auto two = parseAudioTag(many).value();
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[1].track, 3);
  EXPECT_EQ(two[1].data.size(), 2U);
  // One track, several bytes to the end.
  EXPECT_EQ(parseAudioTag(Bytes{0x95, 0x01, 'm', 'p', '4', 'a', 1, 7, 7, 7}).value()[0].data.size(), 3U);
}

TEST(FlvAudio, RefusesOtherCodecsAndBadConfigurations) {
  EXPECT_EQ(parseAudioTag(Bytes{0x2F, 1}).error().code, ErrorCode::kUnsupported) << "MP3";
  EXPECT_EQ(parseAudioTag(Bytes{0x90, 'O', 'p', 'u', 's', 1, 2}).error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(parseAudioTag(Bytes{0xAF, 0}));
  EXPECT_FALSE(parseAudioTag(Bytes{0xAF, 0, 0x11}));
  EXPECT_FALSE(parseAudioTag(Bytes{0xAF}));
  EXPECT_FALSE(parseAudioTag(Bytes{0xAF, 2, 1}));
  EXPECT_FALSE(parseAudioTag(Bytes{0x95, 0x11, 'm', 'p', '4', 'a', 0, 0xFF, 0xFF, 0xFF, 1})) << "beyond the tag";
}

TEST(Avc, ReadsPictureSizes) {
  const auto small = parseAvcc(test::smallAvcc());
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small.value().width, 320);
  EXPECT_EQ(small.value().height, 180);
  EXPECT_EQ(small.value().profile, 77);
  EXPECT_EQ(small.value().nalLengthSize, 4);
  const auto interlaced = parseAvcc(test::interlacedAvcc());
  ASSERT_TRUE(interlaced) << interlaced.error().message;
  EXPECT_EQ(interlaced.value().width, 320);
  EXPECT_EQ(interlaced.value().height, 180);
  const auto cropped =
      parseAvcc(test::fromHex("014d4028ffe10019674d4028eca03c0113d4d80880000003008000001907"
                              "8c18cb01000468ce0fc8"));
  ASSERT_TRUE(cropped) << cropped.error().message;
  EXPECT_EQ(cropped.value().width, 1918);
  EXPECT_EQ(cropped.value().height, 1078);
}

TEST(Avc, RefusesEveryPrefixAndSurvivesEveryFlippedByte) {
  for (const Bytes& avcc : {test::smallAvcc(), test::interlacedAvcc()}) {
    // The last field that we need is the first picture parameter set.
    for (std::size_t n = 0; n < avcc.size() - 4; ++n) {
      EXPECT_FALSE(parseAvcc(base::ByteView(avcc).first(n))) << n;
    }
    for (std::size_t i = 0; i < avcc.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        Bytes flipped = avcc;
        flipped[i] ^= static_cast<std::uint8_t>(1 << bit);
        if (const auto config = parseAvcc(flipped)) {
          EXPECT_GT(config.value().width, 0);
          EXPECT_LE(config.value().width, 65536);
        }
      }
    }
  }
}

TEST(Avc, RefusesThreeByteLengthsAndMissingParameterSets) {
  Bytes avcc = test::smallAvcc();
  avcc[4] = 0xFE;
  EXPECT_FALSE(parseAvcc(avcc));
  EXPECT_FALSE(parseAvcc(Bytes{1, 0x4d, 0x40, 0x0c, 0xFF, 0xE0, 0}));
}

// Reliability, row 16.
TEST(Avc, ChecksNalLengthsAgainstTheTag) {
  Bytes two = nal(5);
  const Bytes second = nal(300, 0x41);
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_TRUE(checkNalUnits(two, 4));
  for (std::size_t n = 0; n < two.size(); ++n) {
    EXPECT_EQ(static_cast<bool>(checkNalUnits(base::ByteView(two).first(n), 4)), n == 9) << n;
  }
  EXPECT_FALSE(checkNalUnits(nal(0), 4)) << "an empty unit";
  EXPECT_FALSE(checkNalUnits(Bytes{0xFF, 0xFF, 0xFF, 0xFF, 1}, 4));
  EXPECT_TRUE(checkNalUnits(Bytes{0, 1, 9}, 2));
  EXPECT_TRUE(checkNalUnits(Bytes{1, 9}, 1));
}

TEST(FlvAggregate, SplitsIntoTags) {
  Bytes b{9, 0, 0, 2, 0, 0, 10, 0, 0, 0, 0, 7, 7, 0, 0, 0, 13};
  b.insert(b.end(), {8, 0, 0, 1, 0, 0, 30, 1, 0, 0, 0, 5, 0, 0, 0, 12});
  const auto tags = splitAggregate(b).value();
  ASSERT_EQ(tags.size(), 2U);
  EXPECT_EQ(tags[0].timestampMs, 10U);
  EXPECT_EQ(tags[1].type, 8);
  EXPECT_EQ(tags[1].timestampMs, 0x0100001EU);
  EXPECT_EQ(tags[1].payload.size(), 1U);
  for (const std::size_t n : {1u, 11u, 13u, 16u, 20u}) {
    EXPECT_FALSE(splitAggregate(base::ByteView(b).first(n))) << n;
  }
  Bytes flood;
  for (int i = 0; i < 1025; ++i) {
    flood.resize(flood.size() + 15);
  }
  EXPECT_EQ(splitAggregate(flood).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace dvpe::ingest::rtmp
