// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The decoder between the real encoder and a list. Each picture is of one grey that says its number.
#include "node/decode/decoder.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "node/timeline/cutter.h"

namespace dvpe::decode {
namespace {

using timeline::AudioFormat;
using timeline::AudioPacket;
using timeline::Cut;
using timeline::Grid;
using timeline::SourceBack;
using timeline::SourceLost;
using timeline::TimePasses;
using timeline::VideoFormat;
using timeline::VideoPacket;

const Grid kGrid{model::FrameRate{30, 1}};
constexpr Ticks kBegin{240000 * 100};  // 100 s: a grid cut

model::Rung rungOf(int width, int height) {
  model::Rung r;
  r.name = "v";
  r.width = width;
  r.height = height;
  r.maxrate = 400'000;
  return r;
}

std::uint8_t grey(int number) { return static_cast<std::uint8_t>(40 + number % 20 * 8); }

// Access units of one encoder: number -> bytes; the first is the key frame.
std::vector<base::SharedBytes> encoded(int frames, int first = 0, int width = 160, int height = 96) {
  auto encoder = std::move(media::makeH264Encoder(rungOf(width, height), {30, 1})).value();
  std::vector<base::SharedBytes> out;
  media::Frame frame(width, height);
  for (int i = 0; i < frames; ++i) {
    frame.fill(grey(first + i), 128, 128);
    out.push_back(base::share(std::move(encoder->encode(frame, false).value().data)));
  }
  return out;
}

base::SharedBytes avcc(int width = 160, int height = 96) {
  return base::share(std::move(media::h264Parameters(rungOf(width, height), {30, 1})).value());
}

base::SharedBytes aac(int number) {
  base::Bytes b = media::silentAacFrame();
  b.push_back(static_cast<std::uint8_t>(number));  // passed through untouched, so that it may say which it is
  return base::share(std::move(b));
}

class DecoderTest : public ::testing::Test {
 protected:
  DecoderTest() {
    auto s = std::make_shared<media::Frame>(160, 96);
    s->fill(235, 128, 128);
    slate_ = s;
    decoder_ = std::make_unique<Decoder>(kGrid, slate_, 128000, 1);
  }
  void give(const timeline::StampedMessage& m) {
    const auto cuts = cutter_.advance(m);
    for (const auto& c : cuts) cuts_.push_back(c.at);
    decoder_->process(m, cuts, out_);
  }
  static Ticks at(int frame) { return kBegin + kGrid.frame() * frame; }
  // The access units from frame number `from` of the timeline on.
  void video(const std::vector<base::SharedBytes>& units, int from, Ticks shift = Ticks{0}) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      const Ticks t = at(from + static_cast<int>(i)) + shift;
      give(VideoPacket{t, t, i == 0, units[i], {}});
    }
  }
  std::vector<SlottedFrame> frames() const {
    std::vector<SlottedFrame> found;
    for (const auto& s : out_) {
      if (const auto* f = std::get_if<SlottedFrame>(&s)) found.push_back(*f);
    }
    return found;
  }
  std::vector<SlottedAudio> sounds() const {
    std::vector<SlottedAudio> found;
    for (const auto& s : out_) {
      if (const auto* a = std::get_if<SlottedAudio>(&s)) found.push_back(*a);
    }
    return found;
  }
  static int shade(const SlottedFrame& f) { return f.frame->plane(0)[f.frame->stride(0) * 10 + 10]; }
  void expectUnbroken() const {
    const auto all = frames();
    for (std::size_t i = 1; i < all.size(); ++i) ASSERT_EQ(all[i].at - all[i - 1].at, kGrid.frame()) << i;
    const auto sound = sounds();
    for (std::size_t i = 1; i < sound.size(); ++i) ASSERT_EQ(sound[i].slot, sound[i - 1].slot + 1) << i;
  }

  timeline::Cutter cutter_{kGrid};
  media::FramePtr slate_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<Slotted> out_;
  std::vector<Ticks> cuts_;
};

TEST_F(DecoderTest, PutsPicturesThatJitterOnTheirSlots) {
  give(VideoFormat{avcc()});
  const auto units = encoded(60);
  for (int i = 0; i < 60; ++i) {
    const Ticks t = at(i) + Ticks{i == 0 ? 0 : (i * 977) % 3000 - 1500};
    give(VideoPacket{t, t, i == 0, units[static_cast<std::size_t>(i)], {}});
  }
  const auto all = frames();
  ASSERT_EQ(all.size(), 60U);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(all[static_cast<std::size_t>(i)].at, at(i));
    EXPECT_NEAR(shade(all[static_cast<std::size_t>(i)]), grey(i), 3) << i;
  }
  EXPECT_EQ(decoder_->counters().repeated, 0U);
  EXPECT_EQ(decoder_->counters().dropped, 0U);
}

// Its hysteresis has carried this node's slots 0.6 of a slot away from the source, on the one side or the other; a node
// that joins knows nothing of that.
class JoiningDrift : public DecoderTest, public ::testing::WithParamInterface<int> {};

TEST_P(JoiningDrift, ShowsTheSamePicturesFromTheNextCutOnAsANodeThatWasThereBefore) {
  const auto units = encoded(100), later = encoded(200, 100);
  Decoder joiner(kGrid, slate_, 128000, 1);
  std::vector<Slotted> there, joined;
  std::vector<Ticks> cuts;
  const auto both = [&](const timeline::StampedMessage& m, bool toJoiner) {
    const auto made = cutter_.advance(m);
    for (const auto& c : made) cuts.push_back(c.at);
    decoder_->process(m, made, there);
    if (toJoiner) joiner.process(m, made, joined);
  };
  both(VideoFormat{avcc()}, true);
  for (int i = 0; i < 300; ++i) {
    const Ticks t = at(i) + kGrid.frame() * (GetParam() * std::min(i, 60)) / 100;  // +-0.6 slot from picture 60 on
    const auto& unit = i < 100 ? units[static_cast<std::size_t>(i)] : later[static_cast<std::size_t>(i - 100)];
    both(VideoPacket{t, t, i % 100 == 0, unit, {}}, i >= 100);
  }
  const auto cut = std::find_if(cuts.begin(), cuts.end(), [](Ticks c) { return c > at(102); });
  ASSERT_NE(cut, cuts.end());
  std::map<Ticks, int> shown;
  for (const auto& s : there) {
    if (const auto* f = std::get_if<SlottedFrame>(&s)) shown[f->at] = shade(*f);
  }
  int compared = 0;
  for (const auto& s : joined) {
    const auto* f = std::get_if<SlottedFrame>(&s);
    if (f == nullptr || f->at < *cut) continue;
    EXPECT_EQ(shown.at(f->at), shade(*f)) << base::seconds(f->at - at(0));
    ++compared;
  }
  EXPECT_GT(compared, 60);
}

INSTANTIATE_TEST_SUITE_P(BothWays, JoiningDrift, ::testing::Values(-1, 1));

// What lets the channel begin a cell before the pictures of a message: law 1's 3/4 slot on both sides.
TEST_F(DecoderTest, PutsNoPictureWhereACutIsStillToBeMade) {
  const auto units = encoded(900);
  std::minstd_rand random(7);
  std::uniform_int_distribution<int> jitter(-70, 70), gap(0, 40);
  give(VideoFormat{avcc()});
  int skipped = 0;
  for (int i = 0; i < 900; ++i) {
    const Ticks t = at(i + skipped) + kGrid.frame() * (i == 0 ? 0 : jitter(random)) / 100;
    if (i % 200 == 100) give(timeline::CueOut{timeline::SpanKind::kBreak, std::to_string(i), {}, t, 3});
    give(VideoPacket{t, t, i == 0, units[static_cast<std::size_t>(i)], {}});
    const auto all = frames();
    ASSERT_FALSE(all.empty());
    ASSERT_LT(all.back().at, cutter_.nextCut()) << i;
    if (i % 90 == 89) skipped += gap(random);
  }
  EXPECT_GT(cuts_.size(), 8U);
  expectUnbroken();
}

TEST_F(DecoderTest, RepeatsThePictureBeforeAGap) {
  give(VideoFormat{avcc()});
  video(encoded(10), 0);
  video(encoded(10, 10), 20);
  const auto all = frames();
  ASSERT_EQ(all.size(), 30U);
  expectUnbroken();
  for (std::size_t i = 10; i < 20; ++i) {
    EXPECT_EQ(all[i].frame, all[9].frame);
    EXPECT_FALSE(all[i].slate);
  }
  EXPECT_EQ(decoder_->counters().repeated, 10U);
}

TEST_F(DecoderTest, ShowsSlateFromTheNextCutAfterTheSourceIsLostAndNotBefore) {
  give(VideoFormat{avcc()});
  video(encoded(60), 0);  // 2 s into a cell of 4 s
  give(SourceLost{at(59)});
  for (int t = 75; t <= 160; t += 3) give(TimePasses{at(t)});
  expectUnbroken();
  for (const auto& f : frames()) {
    EXPECT_EQ(f.slate, f.at >= at(120)) << base::seconds(f.at - kBegin);
    EXPECT_EQ(f.frame == slate_, f.slate);
  }
}

TEST_F(DecoderTest, ReturnsToTheProgrammeAtACutThatFindsAPicture) {
  give(VideoFormat{avcc()});
  video(encoded(60), 0);
  give(SourceLost{at(59)});
  for (int t = 75; t <= 150; t += 3) give(TimePasses{at(t)});
  give(SourceBack{at(150)});
  video(encoded(120, 5), 155);
  expectUnbroken();
  for (const auto& f : frames()) EXPECT_EQ(f.slate, f.at >= at(120) && f.at < at(240)) << base::seconds(f.at - kBegin);
}

TEST_F(DecoderTest, KeepsTheLastPictureOverAnInterruptionWithoutACut) {
  give(VideoFormat{avcc()});
  video(encoded(30), 0);
  give(SourceLost{at(29)});
  for (int t = 45; t <= 55; t += 3) give(TimePasses{at(t)});
  give(SourceBack{at(55)});
  video(encoded(40), 60);
  expectUnbroken();
  for (const auto& f : frames()) EXPECT_FALSE(f.slate) << base::seconds(f.at - kBegin);
}

TEST_F(DecoderTest, KeepsTheSlateAtACutThatFindsNoNewPicture) {
  give(VideoFormat{avcc()});
  video(encoded(60), 0);
  give(SourceLost{at(59)});
  for (int t = 75; t <= 225; t += 3) give(TimePasses{at(t)});
  give(SourceBack{at(225)});
  give(
      VideoPacket{at(280), at(280), false, base::share({1, 2, 3}), {}});  // not decodable: no picture at the cut at 240
  for (const auto& f : frames()) {
    if (f.at < at(120)) continue;
    EXPECT_TRUE(f.slate) << base::seconds(f.at - kBegin);
  }
}

TEST_F(DecoderTest, GoesOnInTheMiddleOfAGroupOfPicturesWhenTheSourceOnlyStalled) {
  give(VideoFormat{avcc()});
  const auto units = encoded(200);
  for (int i = 0; i < 60; ++i) give(VideoPacket{at(i), at(i), i == 0, units[static_cast<std::size_t>(i)], {}});
  give(SourceLost{at(59)});
  for (int t = 75; t <= 100; t += 3) give(TimePasses{at(t)});
  give(SourceBack{at(99)});
  for (int i = 60; i < 200; ++i) give(VideoPacket{at(i), at(i), false, units[static_cast<std::size_t>(i)], {}});
  expectUnbroken();
  const auto all = frames();
  ASSERT_EQ(all.size(), 200U);
  for (std::size_t i = 100; i < 200; ++i) EXPECT_NEAR(shade(all[i]), grey(static_cast<int>(i)), 3) << i;
}

TEST_F(DecoderTest, ShowsSlateWhileNobodyHasPublishedSinceTheRestart) {
  timeline::CutState state;
  state.last = Cut{25, kBegin, std::nullopt};
  state.newest = kBegin;
  cutter_ = timeline::Cutter(kGrid, state);
  for (int t = 30; t <= 60; t += 3) give(TimePasses{at(t)});
  const auto all = frames();
  ASSERT_FALSE(all.empty());
  for (const auto& f : all) EXPECT_TRUE(f.slate);
  expectUnbroken();
}

TEST_F(DecoderTest, RepeatsThePictureUntilTheNextKeyFrameAfterACorruptPacket) {
  give(VideoFormat{avcc()});
  auto units = encoded(30);
  units[10] = base::share({0, 0, 255, 255, 1});  // a length that leads outside
  video(units, 0);
  video(encoded(10, 30), 30);
  // The end: what waits for a unit's time is filled up.
  const auto all = frames();
  ASSERT_EQ(all.size(), 40U);
  expectUnbroken();
  for (std::size_t i = 10; i < 30; ++i) EXPECT_EQ(all[i].frame, all[9].frame) << i;
  EXPECT_NEAR(shade(all[30]), grey(30), 3);
  EXPECT_EQ(decoder_->counters().corrupt, 1U);
}

TEST_F(DecoderTest, TakesANewSizeAtItsFirstKeyFrame) {
  give(VideoFormat{avcc()});
  video(encoded(10), 0);
  give(VideoFormat{avcc(320, 192)});
  video(encoded(10, 10, 320, 192), 10);
  const auto all = frames();
  ASSERT_EQ(all.size(), 20U);
  EXPECT_EQ(all[9].frame->width(), 160);
  EXPECT_EQ(all[10].frame->width(), 320);
  expectUnbroken();
}

TEST_F(DecoderTest, KeepsPictureGoingWhenOnlySoundIsSent) {
  give(VideoFormat{avcc()});
  give(AudioFormat{0, "und", base::share(base::Bytes(media::aacLcStereoConfig()))});
  video(encoded(30), 0);
  const std::int64_t first = Grid::audioSlot(kBegin);
  for (int i = 0; i < 470; ++i) give(AudioPacket{0, timeline::kAudioSlot * (first + i), aac(i)});  // 10 s
  expectUnbroken();
  EXPECT_GE(frames().back().at, at(200));
  EXPECT_LT(frames().back().at, at(300));
}

TEST_F(DecoderTest, SnapsPassedSoundToTheNearestSlotUntouched) {
  give(VideoFormat{avcc()});
  give(AudioFormat{0, "und", base::share(base::Bytes(media::aacLcStereoConfig()))});
  video(encoded(1), 0);
  const std::int64_t first = Grid::audioSlot(kBegin);
  for (int i = 0; i < 100; ++i) {
    give(AudioPacket{0, timeline::kAudioSlot * (first + i) + Ticks{i % 3 * 120 - 120}, aac(i)});
  }
  const auto all = sounds();
  ASSERT_GE(all.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(all[static_cast<std::size_t>(i)].slot, first + i);
    EXPECT_EQ(*all[static_cast<std::size_t>(i)].data, *aac(i));
  }
  EXPECT_EQ(decoder_->counters().audioPassed, 100U);
}

// 1,000 frames of a clock that is wrong by 0.2 % are two frames too many or too few.
class SoundDrift : public DecoderTest, public ::testing::WithParamInterface<int> {};

TEST_P(SoundDrift, DropsOrRepeatsOneFrameAtATimeAndStaysOnTheSlots) {
  give(VideoFormat{avcc()});
  give(AudioFormat{0, "und", base::share(base::Bytes(media::aacLcStereoConfig()))});
  video(encoded(1), 0);
  const std::int64_t first = Grid::audioSlot(kBegin);
  for (int i = 0; i < 1000; ++i) {
    give(
        AudioPacket{0, timeline::kAudioSlot * (first + i) + Ticks{std::int64_t{5120} * i * GetParam() / 1000}, aac(i)});
  }
  expectUnbroken();
  const auto& c = decoder_->counters();
  EXPECT_EQ(c.audioSilent, 0U);
  if (GetParam() > 0) {
    EXPECT_NEAR(static_cast<double>(c.audioRepeated), 2, 1);
    EXPECT_EQ(c.audioDropped, 0U);
  } else {
    EXPECT_NEAR(static_cast<double>(c.audioDropped), 2, 1);
    EXPECT_EQ(c.audioRepeated, 0U);
  }
}
INSTANTIATE_TEST_SUITE_P(BothWays, SoundDrift, ::testing::Values(-2, 2));

TEST_F(DecoderTest, FillsMissingSoundWithSilence) {
  give(VideoFormat{avcc()});
  give(AudioFormat{0, "und", base::share(base::Bytes(media::aacLcStereoConfig()))});
  video(encoded(1), 0);
  const std::int64_t first = Grid::audioSlot(kBegin);
  for (int i = 0; i < 60; ++i) {
    if (i < 20 || i >= 30) give(AudioPacket{0, timeline::kAudioSlot * (first + i), aac(i)});
  }
  expectUnbroken();
  const auto all = sounds();
  ASSERT_GE(all.size(), 60U);
  for (std::size_t i = 20; i < 30; ++i) EXPECT_EQ(*all[i].data, media::silentAacFrame());
  EXPECT_EQ(*all[30].data, *aac(30));
}

TEST_F(DecoderTest, IsSilentWhenThereIsNoSoundAtAll) {
  give(VideoFormat{avcc()});
  video(encoded(90), 0);
  expectUnbroken();
  const auto all = sounds();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front().slot, Grid::audioSlot(kBegin));
  EXPECT_GE(timeline::kAudioSlot * (all.back().slot + 2), at(59)) << "at the latest one unit after its time";
  for (const auto& s : all) EXPECT_EQ(*s.data, media::silentAacFrame());
}

TEST_F(DecoderTest, MutesTheSlate) {
  give(VideoFormat{avcc()});
  give(AudioFormat{0, "und", base::share(base::Bytes(media::aacLcStereoConfig()))});
  give(TimePasses{kBegin - kGrid.frame()});
  give(TimePasses{at(10)});
  const std::int64_t first = Grid::audioSlot(at(12));
  for (int i = 0; i < 10; ++i) give(AudioPacket{0, timeline::kAudioSlot * (first + i), aac(i)});
  for (const auto& s : sounds()) EXPECT_EQ(*s.data, media::silentAacFrame());
}

TEST_F(DecoderTest, RefusesAFrameOfSoundThatNoSegmentCanHold) {
  give(VideoFormat{avcc()});
  give(AudioFormat{0, "und", base::share(base::Bytes(media::aacLcStereoConfig()))});
  video(encoded(1), 0);
  give(AudioPacket{0, kBegin, base::share(base::Bytes(9000, 1))});
  EXPECT_EQ(decoder_->counters().corrupt, 1U);
  EXPECT_EQ(decoder_->counters().audioPassed, 0U);
}

TEST_F(DecoderTest, EncodesSoundOfAnotherFormatOntoTheSlots) {
  give(VideoFormat{avcc()});
  // The same sound, said to be mono: AAC-LC, 48 kHz, one channel (11 88).
  give(AudioFormat{0, "und", base::share({0x11, 0x88})});
  video(encoded(1), 0);
  const base::Bytes mono{0x01, 0x18, 0x20, 0x07};  // silence
  const std::int64_t first = Grid::audioSlot(kBegin);
  for (int i = 0; i < 60; ++i) give(AudioPacket{0, timeline::kAudioSlot * (first + i), base::share(base::Bytes(mono))});
  EXPECT_EQ(decoder_->counters().audioPassed, 0U);
  expectUnbroken();
  EXPECT_GT(decoder_->counters().audioEncoded + decoder_->counters().corrupt, 0U);
}

TEST_F(DecoderTest, GivesEqualSlotsForEqualStreams) {
  const auto units = encoded(60);
  std::vector<timeline::StampedMessage> stream{VideoFormat{avcc()}};
  for (int i = 0; i < 60; ++i) {
    stream.push_back(VideoPacket{at(i), at(i), i == 0, units[static_cast<std::size_t>(i)], {}});
  }
  stream.push_back(SourceLost{at(59)});
  for (int t = 75; t <= 260; t += 3) stream.push_back(TimePasses{at(t)});
  const auto run = [&] {
    Decoder decoder(kGrid, slate_, 128000, 1);
    timeline::Cutter cutter(kGrid);
    std::vector<Slotted> out;
    for (const auto& m : stream) decoder.process(m, cutter.advance(m), out);
    std::string text;
    for (const auto& s : out) {
      if (const auto* f = std::get_if<SlottedFrame>(&s)) {
        text += std::to_string(f->at.count()) + (f->slate ? "s" : "p") + std::to_string(shade(*f)) + " ";
      } else {
        text += "a" + std::to_string(std::get<SlottedAudio>(s).slot) + " ";
      }
    }
    return text;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace dvpe::decode
