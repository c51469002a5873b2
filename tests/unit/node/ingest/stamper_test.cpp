// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/stamper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvpe::ingest {
namespace {

using base::Ticks;
using timeline::AudioPacket;
using timeline::CueOut;
using timeline::CutState;
using timeline::SourceBack;
using timeline::SourceLost;
using timeline::SpanKind;
using timeline::TimePasses;
using timeline::VideoPacket;

constexpr Ticks kMs{base::kTicksPerMillisecond};

class Tape final : public timeline::StampedSink {
 public:
  void push(timeline::StampedMessage message) override { all.push_back(std::move(message)); }
  template <class T>
  std::vector<T> of() const {
    std::vector<T> found;
    for (const auto& m : all) {
      if (const auto* t = std::get_if<T>(&m)) found.push_back(*t);
    }
    return found;
  }
  std::vector<timeline::StampedMessage> all;
};

class StamperTest : public ::testing::Test {
 protected:
  StamperTest() {
    channel_.id = "news";
    channel_.epoch = kStart - std::chrono::hours(1);
    channel_.defaultBreakUnits = 30;
    channel_.maxBreakUnits = 60;
  }
  Stamper& stamper() {
    if (!stamper_) stamper_ = std::make_unique<Stamper>(channel_, grid_, clock_, tape_, resume_);
    return *stamper_;
  }
  std::unique_ptr<Publication> publish() {
    auto p = stamper().open();
    EXPECT_TRUE(p);
    return std::move(p).value();
  }
  static base::SharedBytes bytes() { return std::make_shared<const base::Bytes>(8, std::uint8_t{1}); }

  // Frames of 30 fps with times in whole ms, as RTMP has them, sent as time passes. from: the first's number.
  void send(Publication& p, int from, int frames, std::int64_t offsetMs = 0) {
    for (int i = from; i < from + frames; ++i) {
      p.video(offsetMs + i * 1000 / 30, 0, i % 30 == 0, bytes(), {});
      clock_.advance(std::chrono::microseconds(1000000 / 30));
      stamper().tick();
    }
  }
  void pass(std::chrono::milliseconds time) {
    for (std::chrono::milliseconds t{0}; t < time; t += std::chrono::milliseconds(50)) {
      clock_.advance(std::chrono::milliseconds(50));
      stamper().tick();
    }
  }

  static constexpr base::WallTime kStart{std::chrono::seconds(1800000000)};
  model::Channel channel_;
  const timeline::Grid grid_{model::FrameRate{30, 1}};
  base::ManualClock clock_{kStart + std::chrono::microseconds(7777)};
  Tape tape_;
  std::optional<CutState> resume_;
  std::unique_ptr<Stamper> stamper_;
};

TEST_F(StamperTest, PutsTheFirstKeyFrameOnTheFrameOfNow) {
  auto p = publish();
  p->video(5000, 0, false, bytes(), {});
  EXPECT_TRUE(tape_.of<VideoPacket>().empty()) << "nothing can be shown before a key frame";
  p->video(5033, 0, true, bytes(), {});
  ASSERT_EQ(tape_.of<VideoPacket>().size(), 1U);
  const Ticks at = tape_.of<VideoPacket>()[0].pts;
  EXPECT_EQ(at % grid_.frame(), Ticks{0});
  EXPECT_LE(std::chrono::abs(at - stamper().now()), grid_.frame());
}

TEST_F(StamperTest, KeepsMillisecondJitterWithinAQuarterOfAFrameOfTheGrid) {
  auto p = publish();
  send(*p, 0, 900);
  const auto packets = tape_.of<VideoPacket>();
  ASSERT_EQ(packets.size(), 900U);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const Ticks slot = packets[0].pts + grid_.frame() * static_cast<std::int64_t>(i);
    ASSERT_LE(std::chrono::abs(packets[i].pts - slot) * 4, grid_.frame()) << i;
  }
  EXPECT_EQ(stamper().counters().anchors, 1U);
}

TEST_F(StamperTest, StampsPicturesThatAreReorderedByTheirOwnTimes) {
  auto p = publish();
  p->video(0, 67, true, bytes(), {});
  p->video(33, 133, false, bytes(), {});  // shown after the two that follow
  p->video(67, 33, false, bytes(), {});
  p->video(100, 67, false, bytes(), {});
  const auto packets = tape_.of<VideoPacket>();
  ASSERT_EQ(packets.size(), 4U);
  EXPECT_EQ(packets[0].pts % grid_.frame(), Ticks{0}) << "the key frame is on the grid by the time that it is shown at";
  EXPECT_EQ(packets[1].pts - packets[0].pts, kMs * 99);
  EXPECT_EQ(packets[2].pts - packets[0].pts, kMs * 33);
  EXPECT_EQ(packets[0].pts - packets[0].dts, kMs * 67);
}

TEST_F(StamperTest, WritesTheCutStateAtEachUnit) {
  auto p = publish();
  send(*p, 0, 300);
  const auto states = tape_.of<CutState>();
  EXPECT_GE(states.size(), 10U);
  EXPECT_LE(states.size(), 12U);
  for (const auto& s : states) EXPECT_TRUE(s.last);
}

TEST_F(StamperTest, SaysThatTheSourceIsLostAfterHalfASecondAndThenLetsTimePassEachTenthOfOne) {
  auto p = publish();
  send(*p, 0, 60);
  pass(std::chrono::milliseconds(450));
  EXPECT_TRUE(tape_.of<SourceLost>().empty());
  pass(std::chrono::milliseconds(100));
  ASSERT_EQ(tape_.of<SourceLost>().size(), 1U);
  EXPECT_TRUE(stamper().lost());
  const std::size_t before = tape_.of<TimePasses>().size();
  pass(std::chrono::milliseconds(2000));
  const auto passes = tape_.of<TimePasses>();
  EXPECT_NEAR(static_cast<double>(passes.size() - before), 20, 1);
  for (std::size_t i = 1; i < passes.size(); ++i) EXPECT_GE(passes[i].at - passes[i - 1].at, kMs * 100);
}

TEST_F(StamperTest, GoesOnInTheSameTimelineWhenThePublisherComesBack) {
  auto p = publish();
  send(*p, 0, 60);
  p.reset();
  EXPECT_FALSE(stamper().publishing());
  pass(std::chrono::milliseconds(3000));
  const Ticks before = stamper().state().newest;
  p = publish();
  send(*p, 0, 2, 987654);
  ASSERT_EQ(tape_.of<SourceBack>().size(), 1U);
  const Ticks back = tape_.of<VideoPacket>()[60].pts;
  EXPECT_GT(back, before);
  EXPECT_LT(back - before, kMs * 200);
  EXPECT_EQ(back % grid_.frame(), Ticks{0});
}

TEST_F(StamperTest, BeginsAnewInTheSameTimelineWithoutTheOldFormats) {
  auto p = publish();
  p->videoFormat(bytes());
  p->audioFormat(0, "eng", bytes());
  send(*p, 0, 60);
  const Ticks before = stamper().state().newest;
  const std::size_t said = tape_.all.size();
  stamper().restart();
  EXPECT_TRUE(p->revoked());
  EXPECT_FALSE(stamper().publishing());
  ASSERT_EQ(tape_.all.size(), said + 3);
  EXPECT_TRUE(std::holds_alternative<SourceLost>(tape_.all[said]));
  EXPECT_EQ(std::get<timeline::VideoFormat>(tape_.all[said + 1]).avcc, nullptr);
  EXPECT_EQ(std::get<timeline::AudioFormat>(tape_.all[said + 2]).asc, nullptr);
  pass(std::chrono::milliseconds(1000));
  EXPECT_GT(stamper().state().newest, before);
  auto again = publish();
  send(*again, 0, 2, 5000);
  EXPECT_EQ(tape_.of<SourceBack>().size(), 1U);
  EXPECT_GT(tape_.of<VideoPacket>()[60].pts, before);
}

TEST_F(StamperTest, RefusesASecondPublisherUnlessTheChannelLetsItTakeOver) {
  auto first = publish();
  EXPECT_EQ(stamper().open().error().code, base::ErrorCode::kConflict);
  EXPECT_EQ(stamper().counters().refused, 1U);
  EXPECT_FALSE(first->revoked());
}

TEST_F(StamperTest, LetsASecondPublisherTakeOverAndPassesOverTheFirst) {
  channel_.takeover = true;
  auto first = publish();
  send(*first, 0, 30);
  auto second = publish();
  EXPECT_TRUE(first->revoked());
  const std::size_t before = tape_.all.size();
  first->video(2000, 0, true, bytes(), {});
  EXPECT_EQ(tape_.all.size(), before);
  first.reset();
  EXPECT_TRUE(stamper().publishing());
  send(*second, 0, 1);
  EXPECT_GT(tape_.of<VideoPacket>().back().pts, tape_.of<VideoPacket>()[29].pts);
}

TEST_F(StamperTest, KeepsTheTimesOfABurstAfterAStall) {
  auto p = publish();
  send(*p, 0, 60);
  pass(std::chrono::milliseconds(3000));
  for (int i = 60; i < 150; ++i) p->video(i * 1000 / 30, 0, i % 30 == 0, bytes(), {});
  const auto packets = tape_.of<VideoPacket>();
  ASSERT_EQ(packets.size(), 150U);
  EXPECT_EQ(packets[149].pts - packets[0].pts, kMs * 4966);
  EXPECT_EQ(stamper().counters().anchors, 1U);
  EXPECT_FALSE(stamper().lost());
}

TEST_F(StamperTest, AnchorsAgainWhenTheSourcesTimeJumps) {
  auto p = publish();
  send(*p, 0, 60);
  send(*p, 60, 30, 3600000);  // an hour on
  EXPECT_EQ(stamper().counters().anchors, 2U);
  send(*p, 0, 30, 500);  // and back to where it was: less than 10 s from the start
  EXPECT_EQ(stamper().counters().anchors, 3U);
  const auto packets = tape_.of<VideoPacket>();
  for (std::size_t i = 1; i < packets.size(); ++i) {
    ASSERT_GT(packets[i].pts, packets[i - 1].pts) << i;
    ASSERT_LE(packets[i].pts - packets[i - 1].pts, grid_.frame() * 3) << i;
  }
}

TEST_F(StamperTest, AnchorsAgainWhenTheSourceJumpsBackByAFewSeconds) {
  auto p = publish();
  send(*p, 0, 150, 10000);
  send(*p, 0, 30, 10000);
  EXPECT_EQ(stamper().counters().anchors, 2U);
  EXPECT_GT(tape_.of<VideoPacket>().back().pts, tape_.of<VideoPacket>()[149].pts);
}

// A source whose clock runs by 1 in 2000 wrong drifts by 30 ms a minute.
class Drift : public StamperTest, public ::testing::WithParamInterface<double> {};

TEST_P(Drift, IsSlewedUntilTheDelayIsAsItWas) {
  auto p = publish();
  const double rate = GetParam();
  constexpr int kFrames = 30 * 600;
  std::int64_t last = 0;
  Ticks worst{0};
  for (int i = 0; i < kFrames; ++i) {
    const auto ms = static_cast<std::int64_t>(i * rate * 1000 / 30);
    const Ticks before = tape_.of<VideoPacket>().empty() ? Ticks{0} : std::get<VideoPacket>(tape_.all.back()).pts;
    tape_.all.clear();
    p->video(ms, 0, i % 30 == 0, bytes(), {});
    std::erase_if(tape_.all, [](const auto& m) { return !std::holds_alternative<VideoPacket>(m); });
    const Ticks now = std::get<VideoPacket>(tape_.all.back()).pts;
    if (i > 0) worst = std::max(worst, std::chrono::abs(now - before - kMs * (ms - last)));
    last = ms;
    clock_.advance(std::chrono::microseconds(1000000 / 30));
  }
  const Ticks end = std::get<VideoPacket>(tape_.all.back()).pts;
  EXPECT_LE(std::chrono::abs(stamper().now() - end), kMs * 100) << "uncorrected it would be 300 ms";
  EXPECT_LE(worst, kMs * 11) << "1 ms a second, in steps of 10 s";
  EXPECT_EQ(stamper().counters().anchors, 1U);
}

INSTANTIATE_TEST_SUITE_P(BothWays, Drift, ::testing::Values(0.9995, 1.0005));

TEST_F(StamperTest, AsksASourceThatSendsFasterThanTimePassesToWait) {
  auto p = publish();
  for (int i = 0; i < 45; ++i) p->video(i * 1000 / 30, 0, i % 30 == 0, bytes(), {});
  EXPECT_TRUE(p->wantsMore());
  for (int i = 45; i < 70; ++i) p->video(i * 1000 / 30, 0, i % 30 == 0, bytes(), {});
  EXPECT_FALSE(p->wantsMore());
  pass(std::chrono::milliseconds(700));
  EXPECT_TRUE(p->wantsMore());
  EXPECT_TRUE(tape_.of<SourceLost>().empty()) << "whom we ask to wait is not lost";
}

TEST_F(StamperTest, AsksTheSourceToWaitWhileTheQueueFills) {
  auto p = publish();
  bool busy = false;
  stamper().setBackPressure([&busy] { return busy; });
  EXPECT_TRUE(p->wantsMore());
  busy = true;
  EXPECT_FALSE(p->wantsMore());
}

class SteppingClock final : public base::Clock {
 public:
  base::WallTime wall() const override { return inner.wall() + step; }
  std::chrono::steady_clock::time_point steady() const override { return inner.steady(); }
  base::ManualClock inner{base::WallTime{std::chrono::seconds(1800000000)}};
  std::chrono::microseconds step{0};
};

TEST_F(StamperTest, IsNotMovedByAWallClockThatIsSetByAnHour) {
  SteppingClock clock;
  Stamper stamper(channel_, grid_, clock, tape_, std::nullopt);
  auto p = std::move(stamper.open()).value();
  for (int i = 0; i < 90; ++i) {
    if (i == 30) clock.step = std::chrono::hours(1);
    if (i == 60) clock.step = std::chrono::hours(-1);
    p->video(i * 1000 / 30, 0, i % 30 == 0, bytes(), {});
    clock.inner.advance(std::chrono::microseconds(33333));
    stamper.tick();
  }
  EXPECT_EQ(stamper.counters().anchors, 1U);
  EXPECT_EQ(tape_.of<VideoPacket>()[89].pts - tape_.of<VideoPacket>()[0].pts, kMs * 2966);
}

TEST_F(StamperTest, TakesSoundWithThePictureAndNothingBeforeIt) {
  auto p = publish();
  p->audio(0, 10, bytes());
  EXPECT_TRUE(tape_.of<AudioPacket>().empty());
  p->video(40, 0, true, bytes(), {});
  p->audio(0, 61, bytes());
  ASSERT_EQ(tape_.of<AudioPacket>().size(), 1U);
  EXPECT_EQ(tape_.of<AudioPacket>()[0].pts - tape_.of<VideoPacket>()[0].pts, kMs * 21);
}

TEST_F(StamperTest, NamesTheLanguagesOfTracksAsTheChannelDoes) {
  channel_.languages = {"de", "en"};
  auto p = publish();
  p->audioFormat(1, "fr", bytes());
  p->audioFormat(2, "", bytes());
  const auto formats = tape_.of<timeline::AudioFormat>();
  ASSERT_EQ(formats.size(), 2U);
  EXPECT_EQ(formats[0].language, "en");
  EXPECT_EQ(formats[1].language, "und");
}

TEST_F(StamperTest, AnswersACueWithTheSpanThatTheChannelsCutterMakesOfIt) {
  auto p = publish();
  send(*p, 0, 60);
  const auto span = stamper().cueOut({SpanKind::kBreak, "b1", "", Ticks{0}, 0});
  ASSERT_TRUE(span);
  EXPECT_EQ(span.value().end - span.value().start, grid_.unit() * 30) << "the channel's default";
  timeline::Cutter cutter(grid_);
  for (const auto& m : tape_.all) cutter.advance(m);
  EXPECT_EQ(cutter.state().ahead, span.value());
}

TEST_F(StamperTest, RefusesCuesThatCannotBe) {
  EXPECT_EQ(stamper().cueOut({SpanKind::kBreak, "", "", Ticks{0}, 10}).error().code, base::ErrorCode::kUnavailable);
  EXPECT_EQ(stamper().mark({"goal", true, Ticks{0}, {}}).error().code, base::ErrorCode::kUnavailable);
  auto p = publish();
  send(*p, 0, 30);
  EXPECT_EQ(stamper().cueOut({SpanKind::kBreak, "", "", Ticks{0}, 61}).error().code, base::ErrorCode::kInvalidInput);
  EXPECT_EQ(stamper().cueOut({SpanKind::kBreak, "", "", Ticks{0}, -1}).error().code, base::ErrorCode::kInvalidInput);
  EXPECT_EQ(stamper().cueOut({SpanKind::kBreak, "", "", stamper().now() + kMs * 3700000, 5}).error().code,
            base::ErrorCode::kInvalidInput);
  EXPECT_EQ(stamper().cueIn({"", Ticks{0}}).error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(stamper().mark({"", true, Ticks{0}, {}}).error().code, base::ErrorCode::kInvalidInput);
  ASSERT_TRUE(stamper().cueOut({SpanKind::kBreak, "x", "", Ticks{0}, 5}));
  EXPECT_EQ(stamper().cueOut({SpanKind::kBreak, "y", "", Ticks{0}, 5}).error().code, base::ErrorCode::kConflict);
  EXPECT_EQ(tape_.of<CueOut>().size(), 1U) << "a refused cue is not in the stream";
}

TEST_F(StamperTest, RefusesAnIdThatHasBeenUsed) {
  auto p = publish();
  send(*p, 0, 30);
  ASSERT_TRUE(stamper().cueOut({SpanKind::kBreak, "x", "", Ticks{0}, 2}));
  send(*p, 30, 150);
  EXPECT_EQ(stamper().cueOut({SpanKind::kBreak, "x", "", Ticks{0}, 2}).error().code, base::ErrorCode::kConflict);
  EXPECT_TRUE(stamper().cueOut({SpanKind::kBreak, "y", "", Ticks{0}, 2}));
}

TEST_F(StamperTest, GivesEachBreakOfASourceThatAlwaysSaysTheSameIdOneOfItsOwn) {
  auto p = publish();
  send(*p, 0, 30);
  SourceCue cue;
  cue.id = "ad";
  cue.durationSeconds = 2;
  p->cue(cue);
  send(*p, 30, 150);
  p->cue(cue);
  const auto cues = tape_.of<CueOut>();
  ASSERT_EQ(cues.size(), 2U);
  EXPECT_EQ(cues[0].id, "ad");
  EXPECT_NE(cues[1].id, "ad");
  EXPECT_EQ(cues[1].units, 2);
}

TEST_F(StamperTest, AnnouncesScheduledBreaksFiveSecondsAheadAndEachOnce) {
  channel_.breaks.push_back({60, 10, 5});
  auto p = publish();
  send(*p, 0, 30 * 150);
  const auto cues = tape_.of<CueOut>();
  ASSERT_EQ(cues.size(), 3U);
  EXPECT_EQ(cues[0].asked, Ticks{3610 * base::kTicksPerSecond});
  EXPECT_EQ(cues[1].asked, Ticks{3670 * base::kTicksPerSecond});
  EXPECT_EQ(cues[2].asked, Ticks{3730 * base::kTicksPerSecond});
  EXPECT_EQ(cues[0].units, 5);
  Ticks newest{0};
  for (const auto& m : tape_.all) {
    if (const auto* v = std::get_if<VideoPacket>(&m)) newest = v->pts;
    if (const auto* c = std::get_if<CueOut>(&m)) {
      EXPECT_NEAR(base::seconds(c->asked - newest), 5, 0.2);
    }
  }
}

TEST_F(StamperTest, LetsTimePassFromTheFirstTickWhenTheChannelWasOnAirBefore) {
  CutState state;
  state.last = timeline::Cut{900, grid_.cell() * 890, std::nullopt};
  state.newest = state.last->at + grid_.unit();
  resume_ = state;
  stamper().tick();
  ASSERT_GE(tape_.all.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<CutState>(tape_.all[0]));
  EXPECT_TRUE(std::holds_alternative<SourceLost>(tape_.all[1]));
  ASSERT_EQ(tape_.of<TimePasses>().size(), 1U);
  EXPECT_EQ(tape_.of<TimePasses>()[0].at, stamper().now());
  auto p = publish();
  send(*p, 0, 1);
  EXPECT_EQ(tape_.of<SourceBack>().size(), 1U);
  EXPECT_GT(stamper().state().last->msn, 900);
}

}  // namespace
}  // namespace dvpe::ingest
