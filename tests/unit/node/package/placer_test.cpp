// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/package/placer.h"

#include <gtest/gtest.h>

#include <random>

#include "node/package/segmenter.h"
#include "tests/unit/node/package/support.h"

namespace dvpe::package {
namespace {

using base::ErrorCode;
using base::Ticks;
using timeline::Grid;

struct Creatives {
  explicit Creatives(model::FrameRate fps) : profile(test::profileAt(fps)), grid(fps) {
    a = test::makeCreative(folder.path() / "a", profile, {.letter = 'a', .units = 12});
    b = test::makeCreative(folder.path() / "b", profile, {.letter = 'b', .units = 7});
  }
  test::TemporaryFolder folder;
  model::Profile profile;
  Grid grid;
  std::shared_ptr<const Creative> a, b;
};

class Placer : public testing::TestWithParam<model::FrameRate> {};
INSTANTIATE_TEST_SUITE_P(FrameRates, Placer,
                         testing::Values(model::FrameRate{30, 1}, model::FrameRate{30000, 1001},
                                         model::FrameRate{25, 1}, model::FrameRate{60000, 1001}),
                         [](const auto& rate) {
                           return std::to_string(rate.param.num / rate.param.den) + "over" +
                                  std::to_string(rate.param.den);
                         });

std::string text(const Bytes& segment, const SampleInfo& s) {
  return std::string(test::textOf(ByteView(segment).subspan(s.offset, s.size)));
}

std::vector<FragmentInfo> parse(const base::Result<Bytes>& segment) {
  EXPECT_TRUE(segment) << segment.error().message;
  if (!segment) return {};
  const auto read = parseSegment(segment.value());
  EXPECT_TRUE(read) << read.error().message;
  return read ? read.value() : std::vector<FragmentInfo>{};
}

// A break that starts at an odd frame, months after the epoch: cells of one creative, of two, and one cut short.
TEST_P(Placer, PutsEveryFrameOfTheCreativesOnTheNextTickWithoutAGap) {
  const Creatives c(GetParam());
  const Ticks u = c.grid.unit();
  const Ticks start = c.grid.frame() * 845'678'917;
  struct Cell {
    Ticks start, end;
    std::vector<Piece> pieces;
  };
  const std::vector<Cell> cells{
      {start, start + u * 4, {{c.a.get(), 0, 4}}},
      {start + u * 4, start + u * 8, {{c.a.get(), 4, 4}}},
      {start + u * 8, start + u * 12, {{c.a.get(), 8, 2}, {c.b.get(), 0, 2}}},
      {start + u * 12, start + u * 14 + c.grid.frame() * 11, {{c.b.get(), 2, 3}}},  // a return, in mid-unit
  };
  std::vector<std::string> expected;
  const auto perUnit = static_cast<std::size_t>(c.grid.framesPerUnit());
  for (std::size_t f = 0; f < perUnit * 10; ++f) expected.push_back(test::frameText('a', f));
  for (std::size_t f = 0; f < perUnit * 4 + 11; ++f) expected.push_back(test::frameText('b', f));

  auto next = static_cast<std::uint64_t>(start.count());
  std::vector<std::string> got;
  std::uint32_t lastSequence = 0;
  for (const Cell& cell : cells) {
    const auto segment = placeVideo(c.grid, "v", cell.start, cell.end, cell.pieces);
    for (const FragmentInfo& f : parse(segment)) {
      EXPECT_EQ(f.baseTime, next);
      EXPECT_EQ(f.sequence, videoSequence(c.grid, Ticks{static_cast<std::int64_t>(f.baseTime)}));
      EXPECT_GT(f.sequence, lastSequence);
      lastSequence = f.sequence;
      EXPECT_TRUE(f.samples[0].key);
      for (const SampleInfo& s : f.samples) {
        got.push_back(text(segment.value(), s));
        next += s.duration;
      }
    }
    EXPECT_EQ(next, static_cast<std::uint64_t>(cell.end.count()));
  }
  EXPECT_EQ(got, expected);
}

TEST_P(Placer, CopiesAWholeUnitToTheSameBytesAsWritingItAnew) {
  const Creatives c(GetParam());
  const Ticks at = c.grid.frame() * 77'777'777;
  const Piece piece{c.a.get(), 5, 1};
  const auto placed = placeVideo(c.grid, "v", at, at + c.grid.unit(), {&piece, 1});
  ASSERT_TRUE(placed);
  SegmentWriter writer(c.grid);
  writer.begin(at);
  for (int i = 0; i < c.grid.framesPerUnit(); ++i) {
    const std::string t = test::frameText('a', static_cast<std::size_t>(5 * c.grid.framesPerUnit() + i));
    ASSERT_TRUE(writer.add(at + c.grid.frame() * i, Bytes(t.begin(), t.end()), i == 0));
  }
  const auto written = writer.finish(at + c.grid.unit());
  ASSERT_TRUE(written);
  EXPECT_EQ(placed.value(), written.value());
}

// Law 4: whatever the cuts are, the slots of consecutive cells follow each other, and within a creative so do its
// frames.
TEST_P(Placer, AudioRunsUnbrokenOverRandomCutsAndCreatives) {
  const Creatives c(GetParam());
  std::mt19937 random(20'261'122);
  for (int round = 0; round < 60; ++round) {
    Ticks at = c.grid.frame() * static_cast<std::int64_t>(random() % 2'000'000'000);
    std::uint64_t nextTime = static_cast<std::uint64_t>(Grid::audioSlot(at)) * 1024;
    const Creative* open = nullptr;  // a creative that goes on in the next cell, and its next unit
    int unit = 0;
    char lastLetter = 0;
    std::size_t nextFrame = 0;
    for (int cell = 0; cell < 40; ++cell) {
      std::vector<Piece> pieces;
      int units = 0;
      const int wanted = 1 + static_cast<int>(random() % 4);
      while (units < wanted) {
        if (!open || unit == open->units()) {
          open = random() % 2 ? c.a.get() : c.b.get();
          unit = 0;
        }
        const int n = std::min(wanted - units, std::min(open->units() - unit, 1 + static_cast<int>(random() % 3)));
        pieces.push_back({open, unit, n});
        unit += n;
        units += n;
        if (random() % 3 == 0) open = nullptr;
      }
      Ticks end = at + c.grid.unit() * units;
      if (units > 1 && random() % 3 == 0) {  // cut inside the last unit: the break is over for this creative
        end -= c.grid.frame() * static_cast<std::int64_t>(random() % static_cast<unsigned>(c.grid.framesPerUnit()));
        open = nullptr;
      }
      const auto segment = placeAudio(c.grid, at, end, pieces);
      const auto fragments = parse(segment);
      ASSERT_EQ(fragments.size(), 1U);
      ASSERT_EQ(fragments[0].baseTime, nextTime);
      ASSERT_EQ(fragments[0].samples.size(), static_cast<std::size_t>(Grid::audioSlot(end) - Grid::audioSlot(at)));
      for (const SampleInfo& s : fragments[0].samples) {
        const std::string t = text(segment.value(), s);
        const std::size_t frame = std::stoul(t.substr(4));
        if (frame != 0) {
          ASSERT_EQ(t[0], lastLetter);
          ASSERT_EQ(frame, nextFrame) << t;
        }
        lastLetter = t[0];
        nextFrame = frame + 1;
      }
      nextTime += fragments[0].samples.size() * 1024;
      at = end;
    }
  }
}

// 7 units at 30 fps are 328.125 frames: where the slots fall so that 329 are asked for, a creative of 329 has them, and
// one of which only whole frames and the spare are there repeats the spare.
TEST(PlacerAudio, FillsTheSlotThatRoundingAddsFromTheSpareFrame) {
  const Creatives c({30, 1});
  int longer = 0;
  for (int frame = 0; frame < 200; ++frame) {
    const Ticks at = c.grid.frame() * (1'000'001 + frame);
    const std::array<Piece, 1> piece{Piece{c.b.get(), 0, 7}};
    const Ticks end = at + c.grid.unit() * 7;
    const auto slots = static_cast<std::size_t>(Grid::audioSlot(end) - Grid::audioSlot(at));
    const auto segment = placeAudio(c.grid, at, end, piece);
    const auto fragments = parse(segment);
    ASSERT_EQ(fragments.size(), 1U);
    ASSERT_EQ(fragments[0].samples.size(), slots);
    EXPECT_EQ(text(segment.value(), fragments[0].samples.back()), test::audioText('b', slots - 1));
    longer += slots == 329;
  }
  EXPECT_GT(longer, 0);
  EXPECT_LT(longer, 200);
}

TEST(PlacerLayout, RefusesPiecesThatAreNotTheCell) {
  const Creatives c({30, 1});
  const Ticks u = c.grid.unit();
  const Ticks at = u * 1000;
  const auto code = [&](Ticks from, Ticks to, std::vector<Piece> pieces) {
    const auto segment = placeVideo(c.grid, "v", from, to, pieces);
    const auto audio = placeAudio(c.grid, from, to, pieces);
    EXPECT_FALSE(audio);
    return segment ? ErrorCode::kInternal : segment.error().code;
  };
  const Creative* a = c.a.get();
  EXPECT_EQ(code(at, at + u * 4, {{a, 0, 3}}), ErrorCode::kInvalidInput);  // too few
  EXPECT_EQ(code(at, at + u * 4, {{a, 0, 5}}), ErrorCode::kInvalidInput);  // too many
  EXPECT_EQ(code(at, at + u * 4, {{a, 9, 4}}), ErrorCode::kInvalidInput);  // not there
  EXPECT_EQ(code(at, at + u * 4, {{a, -1, 4}}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(at, at + u * 4, {{a, 0, 2'000'000'000}}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(at, at + u * 4, {{a, 0, 0}, {a, 0, 4}}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(u * 2, u * 6, {{a, 3, 4}}), ErrorCode::kInvalidInput);  // from before the epoch
  EXPECT_EQ(code(at, at, {{a, 0, 1}}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(at, at + Ticks{1}, {{a, 0, 1}}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(at, at + u * 17, {{a, 0, 12}, {a, 0, 5}}), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(at, at + u * 4, {}), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code(at, at + u * 9, std::vector<Piece>(9, Piece{a, 0, 1})), ErrorCode::kLimitExceeded);
}

TEST(PlacerLayout, RefusesAnUnknownRungAndAnotherFrameRate) {
  const Creatives c({30, 1});
  const Ticks u = c.grid.unit();
  const std::array<Piece, 1> piece{Piece{c.a.get(), 0, 4}};
  const auto rung = placeVideo(c.grid, "w", u * 8, u * 12, piece);
  ASSERT_FALSE(rung);
  EXPECT_EQ(rung.error().code, ErrorCode::kNotFound);
  const Grid other(model::FrameRate{25, 1});
  const auto rate = placeVideo(other, "v", u * 8, u * 12, piece);
  ASSERT_FALSE(rate);
  EXPECT_EQ(rate.error().code, ErrorCode::kConflict);
}

TEST(PieceNames, AreReadAsTheyAreWritten) {
  const std::vector<PieceName> pieces{{"0123456789abcdef", 0, 3}, {"fedcba9876543210", 12, 9999}};
  const std::string text = formatPieces(pieces);
  EXPECT_EQ(text, "0123456789abcdef.0-3+fedcba9876543210.12-9999");
  const auto read = parsePieces(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read.value(), pieces);
}

TEST(PieceNames, HaveOneSpellingAndBounds) {
  const std::string c = "0123456789abcdef";
  for (const std::string& bad : std::vector<std::string>{std::string(),
                                                         c,
                                                         c + ".",
                                                         c + ".0",
                                                         c + ".0-",
                                                         c + ".-1",
                                                         c + ".-1-2",
                                                         c + ".0-0",
                                                         c + ".2-1",
                                                         c + ".00-1",
                                                         c + ".0-01",
                                                         c + ".0-10000",
                                                         c + ".+0-1",
                                                         c + ".0-1+",
                                                         "+" + c + ".0-1",
                                                         c + ".0-1++" + c + ".1-2",
                                                         c + ".0-1 ",
                                                         c + ".0x0-1",
                                                         "0123456789ABCDEF.0-1",
                                                         "0123456789abcde.0-1",
                                                         "0123456789abcdef0.0-1",
                                                         "../../../../etc/.0-1",
                                                         c + ".0-1-2",
                                                         c + "..0-1",
                                                         c + "-0.1"}) {
    EXPECT_FALSE(parsePieces(bad)) << bad;
  }
  std::string many = c + ".0-1";
  for (int i = 0; i < 7; ++i) many += "+" + c + ".0-1";
  EXPECT_TRUE(parsePieces(many));
  many += "+" + c + ".0-1";
  EXPECT_FALSE(parsePieces(many));
  EXPECT_FALSE(parsePieces(std::string(1'000'000, '+')));
}

}  // namespace
}  // namespace dvpe::package
