// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/cutter.h"

#include <gtest/gtest.h>

#include <random>

namespace dvpe::timeline {
namespace {

const Grid k30{model::FrameRate{30, 1}};
const Grid k2997{model::FrameRate{30000, 1001}};

CueOut breakAt(Ticks asked, int units, const char* id = "b1") { return {SpanKind::kBreak, id, "", asked, units}; }
std::vector<Ticks> times(const std::vector<Cut>& cuts) {
  std::vector<Ticks> out;
  for (const auto& c : cuts) out.push_back(c.at);
  return out;
}

TEST(Grid, CountsExactlyAtEveryFrameRate) {
  EXPECT_EQ(k30.unit(), Ticks{240000});
  EXPECT_EQ(k2997.unit(), Ticks{240240});
  EXPECT_EQ(k2997.framesPerUnit(), 30);
  EXPECT_EQ(Grid(model::FrameRate{25, 1}).frame(), Ticks{9600});
  EXPECT_EQ(Grid(model::FrameRate{60000, 1001}).unit(), Ticks{240240});
  EXPECT_EQ(Grid::audioSlot(Ticks{2559}), 0);
  EXPECT_EQ(Grid::audioSlot(Ticks{2560}), 1);
}

TEST(Cutter, StartsAtTheFirstKeyFrameAndJoinsAShortPieceToItsNeighbour) {
  Cutter cutter(k30);
  EXPECT_TRUE(cutter.advance(AudioPacket{0, Ticks{1}, {}}).empty());
  EXPECT_TRUE(cutter.advance(VideoPacket{Ticks{100}, {}, false, {}, {}}).empty());
  const Ticks start = k30.cell() * 10 + k30.unit() * 3;  // 1 U before the grid: under half a segment
  const auto first = cutter.advance(VideoPacket{start + Ticks{3}, {}, true, {}, {}});
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].at, start);
  EXPECT_EQ(first[0].msn, 10);
  // 1 U + 4 U are cut in two at a frame, then the grid goes on
  EXPECT_EQ(times(cutter.advanceTo(k30.cell() * 13)),
            (std::vector<Ticks>{start + k30.frame() * 75, k30.cell() * 12, k30.cell() * 13}));
}

TEST(Cutter, CutsABreakAtTheFrameItActsAtAndMovesAGridCutJustBeforeIt) {
  Cutter cutter(k30);
  cutter.advanceTo(k30.cell() * 2, true);
  cutter.advanceTo(k30.cell() * 2 + k30.unit());
  const Ticks asked = k30.cell() * 3 + k30.frame() * 7;  // 7 frames after a grid cut
  const auto span = cutter.announce(breakAt(asked, 30));
  ASSERT_TRUE(span);
  EXPECT_EQ(span.value().start, asked);
  EXPECT_EQ(span.value().end, asked + k30.unit() * 30);
  const auto cuts = cutter.advanceTo(asked + k30.unit() * 40);
  std::vector<Ticks> expected{asked - k30.unit()};
  for (int k = 0; k < 8; ++k) expected.push_back(asked + k30.cell() * k);
  expected.push_back(asked + k30.unit() * 30);  // the last cell is the 2 U that remain
  const Ticks back = asked + k30.unit() * 30;
  const Ticks grid = k30.nextGridCut(back);
  ASSERT_LT(grid - back, k30.unit() * 2);
  expected.push_back(back + k30.floorFrame((grid + k30.cell() - back) / 2));
  expected.push_back(grid + k30.cell());
  expected.push_back(grid + k30.cell() * 2);
  EXPECT_EQ(times(cuts), std::vector<Ticks>(expected));
  EXPECT_FALSE(cuts[0].span);
  EXPECT_EQ(cuts[1].span->id, "b1");
  EXPECT_FALSE(cuts[9].span);
}

TEST(Cutter, ActsNoEarlierThanAUnitAndAFrameAfterTheNewestTime) {
  Cutter cutter(k2997);
  cutter.advanceTo(k2997.cell() * 100 + Ticks{5}, true);
  cutter.advanceTo(k2997.cell() * 100 + Ticks{100001});
  const auto span = cutter.announce(breakAt(Ticks{0}, 5));
  ASSERT_TRUE(span);
  EXPECT_GE(span.value().start, k2997.cell() * 100 + Ticks{100001} + k2997.unit() + k2997.frame());
  EXPECT_LT(span.value().start, k2997.cell() * 100 + Ticks{100001} + k2997.unit() + k2997.frame() * 2);
  EXPECT_EQ(span.value().start % k2997.frame(), Ticks{0});
}

TEST(Cutter, MakesACutNoLaterThanThePictureThatMayTakeItsSlotEarly) {
  Cutter cutter(k30);
  const Ticks begin = k30.cell() * 5;
  cutter.advance(VideoPacket{begin, {}, true, {}, {}});
  const Ticks asked = begin + k30.frame() * 61;  // 2,033.3 ms, which RTMP rounds to 2,033
  ASSERT_TRUE(cutter.announce(breakAt(asked, 8)));
  const auto packet = [](Ticks pts) { return VideoPacket{pts, {}, false, {}, {}}; };
  EXPECT_TRUE(cutter.advance(packet(asked - k30.frame() - Ticks{80})).empty());
  EXPECT_EQ(times(cutter.advance(packet(asked - Ticks{80}))), std::vector<Ticks>{asked});
  const Ticks next = asked + k30.cell();
  EXPECT_TRUE(cutter.advance(packet(next - k30.frame())).empty());
  EXPECT_EQ(times(cutter.advance(packet(next - k30.frame() * 3 / 4 + Ticks{1}))), std::vector<Ticks>{next}) << "jitter";
}

TEST(Cutter, ReturnsEarlyAtAWholeUnitAfterTheNewestTime) {
  Cutter cutter(k30);
  cutter.advanceTo(k30.cell(), true);
  const auto span = cutter.announce(breakAt(k30.cell() * 2 + k30.frame(), 30)).value();
  cutter.advanceTo(span.start + k30.unit() * 5 + k30.frame() * 2);
  EXPECT_EQ(cutter.retract(CueIn{"b1", Ticks{0}}).value(), span.start + k30.unit() * 6);
  const auto cuts = cutter.advanceTo(span.start + k30.unit() * 6);
  ASSERT_EQ(cuts.size(), 1U);
  EXPECT_FALSE(cuts[0].span);
}

TEST(Cutter, RefusesABreakInsideABreakAndAnEndWithoutABeginning) {
  Cutter cutter(k30);
  EXPECT_EQ(cutter.announce(breakAt(Ticks{0}, 5)).error().code, base::ErrorCode::kUnavailable);
  cutter.advanceTo(k30.cell(), true);
  EXPECT_EQ(cutter.retract(CueIn{}).error().code, base::ErrorCode::kNotFound);
  ASSERT_TRUE(cutter.announce(breakAt(Ticks{0}, 5)));
  EXPECT_EQ(cutter.announce(breakAt(Ticks{0}, 5, "b2")).error().code, base::ErrorCode::kConflict);
  cutter.advanceTo(cutter.state().ahead->start);
  EXPECT_EQ(cutter.announce(breakAt(Ticks{0}, 5, "b2")).error().code, base::ErrorCode::kConflict);
  EXPECT_EQ(cutter.retract(CueIn{"other", {}}).error().code, base::ErrorCode::kNotFound);
}

TEST(Cutter, WithdrawsABreakThatHasNotBegun) {
  Cutter cutter(k30);
  cutter.advanceTo(k30.cell(), true);
  const auto span = cutter.announce(breakAt(k30.cell() * 5, 5)).value();
  EXPECT_EQ(cutter.retract(CueIn{"b1", {}}).value(), span.start);
  const auto cuts = cutter.advanceTo(k30.cell() * 6);
  for (const auto& cut : cuts) EXPECT_FALSE(cut.span);
}

TEST(Cutter, ABreakInsideAnEventEndsTheEventForGood) {
  Cutter cutter(k30);
  cutter.advanceTo(k30.cell(), true);
  const auto event = cutter.announce(CueOut{SpanKind::kEvent, "e1", "feature", Ticks{0}, 40}).value();
  cutter.advanceTo(event.start + k30.unit() * 6);
  const auto pause = cutter.announce(breakAt(event.start + k30.unit() * 8 + k30.frame() * 3, 4)).value();
  const auto cuts = cutter.advanceTo(pause.end + k30.cell() * 3);
  EXPECT_EQ(cuts[0].at, pause.start - k30.unit());  // event.start + 8 U would leave 3 frames
  EXPECT_EQ(cuts[0].span->id, "e1");
  EXPECT_EQ(cuts[1].at, pause.start);
  EXPECT_EQ(cuts[1].span->id, "b1");
  for (std::size_t i = 2; i < cuts.size(); ++i) EXPECT_FALSE(cuts[i].span);
}

TEST(Cutter, MarksTakeEffectAndEndAtCuts) {
  Cutter cutter(k30);
  cutter.advanceTo(k30.cell(), true);
  cutter.advance(Mark{"goal", true, k30.cell() + k30.unit(), {{"score", "1:0"}}});
  cutter.advanceTo(k30.cell() * 2);
  EXPECT_EQ(cutter.state().events.at("goal").from, k30.cell() * 2);
  cutter.advance(Mark{"goal", false, k30.cell() * 2 + k30.unit(), {}});
  cutter.advanceTo(k30.cell() * 3);
  EXPECT_EQ(cutter.state().events.at("goal").until, k30.cell() * 3);
  cutter.advanceTo(k30.cell() * 4);
  EXPECT_TRUE(cutter.state().events.empty());
}

// Any mixture of cues: cuts are increasing, whole frames, at most 4 U apart, breaks start and end at cuts, and a cutter
// that joins from a CutState agrees with one that saw it all.
TEST(Cutter, HoldsItsPromisesUnderAnyMixtureOfCues) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const Grid grid = round % 2 == 0 ? k30 : k2997;
    Cutter all(grid);
    std::vector<Cut> cuts = all.advanceTo(grid.cell() * 50 + Ticks{random() % 900000}, true);
    Cutter joined(grid, all.state());
    Ticks now = all.state().newest;
    for (int i = 0; i < 400; ++i) {
      now += Ticks{random() % 20000};
      const auto more = all.advanceTo(now);
      EXPECT_EQ(more, joined.advanceTo(now));
      cuts.insert(cuts.end(), more.begin(), more.end());
      switch (random() % 40) {
        case 0: {
          const CueOut cue{random() % 2 ? SpanKind::kBreak : SpanKind::kEvent, std::to_string(i), "e",
                           now + Ticks{random() % 1500000}, 1 + static_cast<int>(random() % 20)};
          EXPECT_EQ(all.announce(cue).has_value(), joined.announce(cue).has_value());
          break;
        }
        case 1:
          EXPECT_EQ(all.retract({}).has_value(), joined.retract({}).has_value());
          break;
        case 2:
          joined = Cutter(grid, all.state());
          break;
        default:
          break;
      }
    }
    for (std::size_t i = 1; i < cuts.size(); ++i) {
      ASSERT_EQ(cuts[i].msn, cuts[i - 1].msn + 1);
      ASSERT_GT(cuts[i].at, cuts[i - 1].at);
      ASSERT_LE(cuts[i].at - cuts[i - 1].at, grid.cell());
      ASSERT_EQ(cuts[i].at % grid.frame(), Ticks{0});
      if (cuts[i].span && !(cuts[i - 1].span && cuts[i - 1].span->id == cuts[i].span->id)) {
        ASSERT_EQ(cuts[i].at, cuts[i].span->start);
      }
    }
  }
}

}  // namespace
}  // namespace dvpe::timeline
