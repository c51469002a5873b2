// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Whole playlists as viewers get them. Channel time 0 is 2026-01-01T00:00:00Z.
#include "node/serve/playlists/assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace dvpe::serve {
namespace {

using personalize::BoundPod;
using personalize::SessionView;
using testing::ElementsAre;
using testing::HasSubstr;
using timeline::Cell;
using timeline::Span;
using timeline::SpanKind;

class PlaylistTest : public testing::Test {
 protected:
  explicit PlaylistTest(model::FrameRate fps = {30, 1}) : grid_(fps) {
    facts_.id = "ch";
    facts_.profile = "p-1";
    facts_.epoch = base::WallTime{std::chrono::seconds(1767225600)};
    facts_.grid = grid_;
    facts_.fps = fps;
    facts_.renditions = {{Rendition::Kind::kVideo, "v720", "avc1.64001f", "", 1280, 720, 3000000},
                         {Rendition::Kind::kVideo, "v360", "avc1.64001e", "", 640, 360, 800000},
                         {Rendition::Kind::kAudio, "a0", "mp4a.40.2", "de", 0, 0, 0},
                         {Rendition::Kind::kAudio, "a1", "mp4a.40.2", "en", 0, 0, 0},
                         {Rendition::Kind::kText, "s0", "", "de", 0, 0, 0}};
    facts_.slate = "dddddddddddddddd";
    facts_.slateUnits = 3;
    skeleton_ = std::make_unique<Skeleton>(facts_);
  }
  Ticks unit(std::int64_t n) const { return grid_.unit() * n; }
  // The next cell ends here; variants x (cohort 1) and y (cohort 2).
  void cell(Ticks end, std::optional<Span> span = std::nullopt, bool hole = false) {
    auto c = std::make_shared<Cell>();
    c->msn = msn_++;
    c->start = at_;
    c->end = at_ = end;
    c->span = std::move(span);
    c->hole = hole;
    c->variants = hole ? std::vector<std::string>{"base"} : std::vector<std::string>{"base", "x", "y"};
    if (!hole) c->variantOfCohort = {0, 1, 2};
    window_ = skeleton_->add(std::move(c));
  }
  std::string playlist(const SessionView& session, const std::string& rendition = "v360") const {
    std::string body;
    for (std::size_t i = 0; i < facts_.renditions.size(); ++i) {
      if (facts_.renditions[i].name == rendition) assemble(facts_, *window_, i, session, body);
    }
    return body;
  }
  static std::vector<std::string> uris(const std::string& body) {
    std::vector<std::string> found;
    std::istringstream in(body);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line[0] != '#') found.push_back(line);
    }
    return found;
  }
  // What follows "/c/ch/p-1/v360/": "<start in units>/<pieces>", or the variant's name.
  std::vector<std::string> seen(const SessionView& session) const {
    std::vector<std::string> found;
    for (const std::string& uri : uris(playlist(session))) {
      const std::string own = "/c/ch/p-1/v360/";
      found.push_back(uri.starts_with(own) ? uri.substr(uri.rfind('/') + 1) : uri.substr(10, uri.find('/', 10) - 10));
    }
    return found;
  }
  static SessionView session(std::uint16_t cohort = 1, std::int64_t from = 0) {
    SessionView s;
    s.cohort = cohort;
    s.fromMsn = from;
    return s;
  }
  void give(SessionView& s, const Span& span, const std::vector<personalize::PodPiece>& pieces, int firstUnit = 0) {
    s.pods.push_back(std::make_shared<const BoundPod>(
        BoundPod{span.id, span.kind, span.start, span.end, firstUnit, {pieces.begin(), pieces.end()}}));
  }
  static personalize::PodPiece piece(char name, int units, int from = 0) {
    return {std::make_shared<const personalize::PlacedCreative>(
                personalize::PlacedCreative{std::string(16, name), "", "", "", ""}),
            from, units};
  }

  ChannelFacts facts_;
  const timeline::Grid grid_;
  std::unique_ptr<Skeleton> skeleton_;
  std::shared_ptr<const Window> window_;
  std::int64_t msn_ = 100;
  Ticks at_{240000 * 400};
};

const std::string kA(16, 'a'), kB(16, 'b'), kC(16, 'c'), kSlate(16, 'd');

TEST_F(PlaylistTest, ShowsNoCaptionsOfTheProgrammeOverAViewersOwn) {
  const Span pause{SpanKind::kBreak, "b", "", unit(404), unit(412)};
  cell(unit(404));
  cell(unit(408), pause);
  cell(unit(412), pause);
  cell(unit(416));
  SessionView s = session(1, 101);
  const std::vector<std::string> programme = uris(playlist(s, "s0"));
  ASSERT_EQ(programme.size(), 4U);
  EXPECT_TRUE(programme[1].starts_with("/m/ch/p-1/base/s0/")) << "who has nothing of their own reads on";
  give(s, pause, {piece('a', 8)});
  const std::vector<std::string> own = uris(playlist(s, "s0"));
  const std::string start = std::to_string(unit(404).count());
  EXPECT_EQ(
      own, (std::vector<std::string>{programme[0], "/c/ch/p-1/s0/" + start + "/none.vtt",
                                     "/c/ch/p-1/s0/" + std::to_string(unit(408).count()) + "/none.vtt", programme[3]}));
}

TEST_F(PlaylistTest, IsTheProgrammeThenTheViewersOwnAndTheirAdsWithSlateForTheRest) {
  const Span pause{SpanKind::kBreak, "b", "", unit(408), unit(418)};
  cell(unit(404));
  cell(unit(408));
  cell(unit(412), pause);
  cell(unit(416), pause);
  cell(unit(418), pause);
  cell(unit(420));
  SessionView s = session(1, 101);
  give(s, pause, {piece('a', 5), piece('b', 4)});
  EXPECT_EQ(
      playlist(s),
      "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-INDEPENDENT-SEGMENTS\n"
      "#EXT-X-MAP:URI=\"/m/ch/p-1/base/v360/init.mp4\"\n"
      "#EXTINF:4.00000,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:06:40.000Z\n/m/ch/p-1/base/v360/96000000.m4s\n"
      "#EXTINF:4.00000,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:06:44.000Z\n/m/ch/p-1/x/v360/96960000.m4s\n"
      "#EXTINF:4.00000,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:06:48.000Z\n"
      "/c/ch/p-1/v360/97920000/aaaaaaaaaaaaaaaa.0-4.m4s\n"
      "#EXTINF:4.00000,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:06:52.000Z\n"
      "/c/ch/p-1/v360/98880000/aaaaaaaaaaaaaaaa.4-5+bbbbbbbbbbbbbbbb.0-3.m4s\n"
      "#EXTINF:2.00000,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:06:56.000Z\n"
      "/c/ch/p-1/v360/99840000/bbbbbbbbbbbbbbbb.3-4+dddddddddddddddd.0-1.m4s\n"
      "#EXTINF:2.00000,\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:06:58.000Z\n/m/ch/p-1/x/v360/100320000.m4s\n");
  EXPECT_THAT(
      uris(playlist(s, "a1")),
      ElementsAre("/m/ch/p-1/base/a1/96000000.m4s", "/m/ch/p-1/base/a1/96960000.m4s",
                  "/c/ch/p-1/a1/97920000/" + kA + ".0-4.m4s", "/c/ch/p-1/a1/98880000/" + kA + ".4-5+" + kB + ".0-3.m4s",
                  "/c/ch/p-1/a1/99840000/" + kB + ".3-4+" + kSlate + ".0-1.m4s", "/m/ch/p-1/base/a1/100320000.m4s"))
      << "sound is the same for all variants";
}

TEST_F(PlaylistTest, ShowsEachCellAsTheCohortSawItThatTheViewerWasIn) {
  for (int i = 1; i <= 5; ++i) cell(unit(400 + 4 * i));
  const SessionView other = session(2, 100);
  SessionView s = session(2, 101);
  s.former = {{1, unit(408)}, {0, unit(412)}};
  const auto first = seen(session(1, 100)), last = seen(other), base = seen(session(9, 100));
  EXPECT_EQ(seen(s), (std::vector<std::string>{base[0], first[1], base[2], last[3], last[4]}));
  EXPECT_NE(first[1], last[1]);
}

TEST_F(PlaylistTest, DiffersBetweenViewersInUrisOnly) {
  const Span pause{SpanKind::kBreak, "b", "", unit(404), unit(414)};
  cell(unit(404));
  cell(unit(408), pause);
  cell(unit(412), pause, true);
  cell(unit(414), pause);
  cell(unit(417));
  std::vector<SessionView> viewers{session(0), session(1), session(2, 103), session(9)};
  give(viewers[1], pause, {piece('a', 10)});
  give(viewers[2], pause, {piece('b', 3)}, 4);
  for (const char* rendition : {"v720", "v360", "a0", "s0"}) {
    const auto facts = [&](const SessionView& s) {
      std::string text;
      std::istringstream in(playlist(s, rendition));
      for (std::string line; std::getline(in, line);) text += line[0] == '#' ? line + "\n" : "URI\n";
      return text;
    };
    for (const auto& v : viewers) EXPECT_EQ(facts(v), facts(viewers[0])) << rendition;
  }
}

TEST_F(PlaylistTest, NamesOneUriForEachNumberAsLongAsItIsListed) {
  const Span pause{SpanKind::kBreak, "b", "", unit(420), unit(430)};
  SessionView s = session(1, 103);
  give(s, pause, {piece('a', 7)});
  std::map<std::int64_t, std::string> known;
  std::int64_t last = 0;
  for (int i = 0; i < 60; ++i) {
    const Ticks next = at_ == pause.start + unit(8) ? pause.end
                       : at_ + unit(4) == unit(434) ? unit(432)
                                                    : at_ + unit(4);
    const bool in = at_ >= pause.start && at_ < pause.end;
    cell(next, in ? std::optional(pause) : std::nullopt, i == 20 || i == 21);
    const std::string body = playlist(s);
    std::int64_t number = std::stoll(body.substr(body.find("SEQUENCE:") + 9));
    EXPECT_GE(number, last);
    last = number;
    for (const auto& uri : uris(body)) {
      const auto [it, fresh] = known.emplace(number++, uri);
      EXPECT_EQ(it->second, uri) << it->first;
    }
    EXPECT_EQ(number, msn_);
  }
  EXPECT_EQ(known.size(), 60U);
  EXPECT_GT(last, 140) << "the window is a minute";
}

TEST_F(PlaylistTest, HoldsAMinuteOfTheChannel) {
  for (int i = 0; i < 40; ++i) cell(at_ + unit(4));
  EXPECT_EQ(uris(playlist(session())).size(), 15U);
}

TEST_F(PlaylistTest, BeginsAnotherListWhenNumbersDoNotContinue) {
  cell(unit(404));
  cell(unit(408));
  msn_ = 110;
  cell(unit(412));
  EXPECT_THAT(playlist(session()), HasSubstr("SEQUENCE:110\n"));
  EXPECT_EQ(uris(playlist(session())).size(), 1U);
}

TEST_F(PlaylistTest, FillsAHoleWithSlateForEverybody) {
  cell(unit(404));
  cell(unit(408), std::nullopt, true);
  cell(unit(412));
  for (const std::uint16_t cohort : {0, 1, 7}) {
    EXPECT_EQ(seen(session(cohort))[1], kSlate + ".0-3+" + kSlate + ".0-1.m4s");
  }
  EXPECT_EQ(uris(playlist(session(), "a0"))[1], "/c/ch/p-1/a0/96960000/" + kSlate + ".0-3+" + kSlate + ".0-1.m4s");
  EXPECT_EQ(uris(playlist(session(), "s0"))[1], "/m/ch/p-1/base/s0/96960000.vtt");
}

TEST_F(PlaylistTest, CutsTheAdsWhereABreakEndsEarly) {
  const Span planned{SpanKind::kBreak, "b", "", unit(404), unit(424)};
  Span shorter = planned;
  cell(unit(404));
  cell(unit(408), planned);
  shorter.end = unit(409);
  cell(unit(409), shorter);
  cell(unit(412));
  SessionView s = session();
  give(s, planned, {piece('a', 20)});
  EXPECT_THAT(seen(s), ElementsAre("x", kA + ".0-4.m4s", kA + ".4-5.m4s", "x"));
}

TEST_F(PlaylistTest, ShowsTheProgrammeInABreakThatNothingIsBoundFor) {
  const Span pause{SpanKind::kBreak, "b", "", unit(404), unit(408)};
  cell(unit(404));
  cell(unit(408), pause);
  EXPECT_THAT(seen(session()), ElementsAre("x", "x"));
}

TEST_F(PlaylistTest, ShowsWhoJoinsInABreakTheirAdsFromTheirFirstCut) {
  const Span pause{SpanKind::kBreak, "b", "", unit(404), unit(416)};
  cell(unit(404));
  cell(unit(408), pause);
  cell(unit(412), pause);
  cell(unit(416), pause);
  SessionView s = session(1, 102);
  give(s, pause, {piece('a', 5), piece('b', 3)}, 4);
  EXPECT_THAT(seen(s), ElementsAre("base", "base", kA + ".0-4.m4s", kA + ".4-5+" + kB + ".0-3.m4s"));
}

TEST_F(PlaylistTest, ReturnsToTheProgrammeWhenAClipIsShorterThanItsEvent) {
  const Span half{SpanKind::kEvent, "e", "half", unit(404), unit(416)};
  cell(unit(404));
  cell(unit(408), half);
  cell(unit(412), half);
  cell(unit(416), half);
  SessionView s = session();
  give(s, half, {piece('c', 6)});
  EXPECT_THAT(seen(s), ElementsAre("x", kC + ".0-4.m4s", kC + ".4-6+" + kSlate + ".0-2.m4s", "x"));
}

TEST_F(PlaylistTest, EndsAClipForGoodWhereABreakBegins) {
  const Ticks start = unit(410) + grid_.frame() * 7;  // 6 units and 7 frames into the event
  const Span half{SpanKind::kEvent, "e", "half", unit(404), start};
  const Span pause{SpanKind::kBreak, "b", "", start, start + unit(2)};
  cell(unit(404));
  cell(unit(408), half);
  cell(start, half);
  cell(pause.end, pause);
  cell(unit(416));
  SessionView s = session();
  give(s, half, {piece('c', 16)});
  give(s, pause, {piece('a', 2)});
  EXPECT_THAT(seen(s), ElementsAre("x", kC + ".0-4.m4s", kC + ".4-7.m4s", kA + ".0-2.m4s", "x"))
      << "of the unit that the break cuts, the first frames are kept";
}

TEST_F(PlaylistTest, ShowsTheProgrammeBetweenACutThatABreakMovedAndTheBreak) {
  const Ticks start = unit(412) + grid_.frame() * 7;
  const Span half{SpanKind::kEvent, "e", "half", unit(404), start};
  cell(unit(404));
  cell(unit(408), half);
  cell(start - unit(1), half);  // the cut at 412 s would be less than a unit before the break
  cell(start, half);
  SessionView s = session();
  give(s, half, {piece('c', 16)});
  EXPECT_THAT(seen(s), ElementsAre("x", kC + ".0-4.m4s", kC + ".4-8.m4s", "x"));
}

class NtscPlaylistTest : public PlaylistTest {
 protected:
  NtscPlaylistTest() : PlaylistTest({30000, 1001}) { at_ = grid_.cell() * 100 + grid_.frame() * 11; }
};

TEST_F(NtscPlaylistTest, CountsInUnitsOfThirtyFrames) {
  const Span pause{SpanKind::kBreak, "b", "", at_, at_ + unit(6)};
  cell(at_ + unit(4), pause);
  cell(at_ + unit(2), pause);
  SessionView s = session();
  give(s, pause, {piece('a', 5)});
  const std::string body = playlist(s);
  EXPECT_THAT(body, HasSubstr("#EXT-X-TARGETDURATION:4\n"));
  EXPECT_THAT(body, HasSubstr("#EXTINF:4.00400,\n"));
  EXPECT_THAT(body, HasSubstr("#EXTINF:2.00200,\n"));
  EXPECT_THAT(seen(s), ElementsAre(kA + ".0-4.m4s", kA + ".4-5+" + kSlate + ".0-1.m4s"));
}

TEST_F(PlaylistTest, NamesEveryRenditionInTheMultivariantPlaylist) {
  EXPECT_EQ(skeleton_->multivariant(1),
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"de\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="
            "\"2\",URI=\"a0.m3u8\"\n"
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"en\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,"
            "CHANNELS=\"2\",URI=\"a1.m3u8\"\n"
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"captions\",NAME=\"de\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,"
            "URI=\"s0.m3u8\"\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=4692000,AVERAGE-BANDWIDTH=3128000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION="
            "1280x720,"
            "FRAME-RATE=30.000,AUDIO=\"audio\",SUBTITLES=\"captions\",CLOSED-CAPTIONS=NONE\nv720.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=1392000,AVERAGE-BANDWIDTH=928000,CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION="
            "640x360,"
            "FRAME-RATE=30.000,AUDIO=\"audio\",SUBTITLES=\"captions\",CLOSED-CAPTIONS=NONE\nv360.m3u8\n");
}

}  // namespace
}  // namespace dvpe::serve
