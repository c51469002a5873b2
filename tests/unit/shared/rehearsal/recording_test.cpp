// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/recording.h"

#include <gmock/gmock.h>

#include <sstream>

namespace dvpe::rehearsal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct ReadAll {
  std::vector<Session> sessions;
  std::vector<model::DocumentError> mistakes;
};

ReadAll readAll(const std::string& text) {
  std::istringstream in(text);
  RecordingReader reader(in, "r.jsonl");
  ReadAll out;
  while (auto session = reader.next()) out.sessions.push_back(std::move(*session));
  out.mistakes = reader.takeMistakes();
  return out;
}

// A line of a session at a minute after eight, with more keys.
std::string line(const std::string& session, int minute = 0, const std::string& more = "") {
  return R"({"session":")" + session + R"(","channel":"main","at":"2026-06-01T20:)" + (minute < 10 ? "0" : "") +
         std::to_string(minute) + R"(:00Z")" + more + "}\n";
}

TEST(ARecording, GivesEachLineWithWhatItSays) {
  const auto all = readAll(line(
      "a", 1,
      R"(,"viewer":"anna","break":17,"units":60,"attributes":{"country":"DE","interests":{"sports":0.9}},)"
      R"("consent":["personalised_content","our_own"],"expect":{"overlays":["o"],"audio":"de","clips":{"e":"m"}})"));
  ASSERT_THAT(all.mistakes, IsEmpty());
  ASSERT_EQ(all.sessions.size(), 1u);
  const Session& s = all.sessions[0];
  EXPECT_EQ(s.line, 1);
  EXPECT_EQ(s.id, "a");
  EXPECT_EQ(s.viewer, "anna");
  EXPECT_EQ(s.attributes.identity(), "anna");
  EXPECT_EQ(s.breakNumber, 17u);
  EXPECT_EQ(s.units, 60);
  EXPECT_EQ(std::get<std::string>(s.attributes.find("viewer.country")->v), "DE");
  EXPECT_EQ(std::get<double>(s.attributes.find("viewer.interests.sports")->v), 0.9);
  EXPECT_TRUE(s.attributes.consents("our_own"));
  EXPECT_FALSE(s.attributes.consents("personalised_ads"));
  EXPECT_THAT(*s.expect.overlays, ElementsAre("o"));
  EXPECT_EQ(s.expect.audio, "de");
  EXPECT_EQ(s.expect.clips->at("e"), "m");
  EXPECT_FALSE(s.expect.slots);
  EXPECT_FALSE(s.expect.cohort);
}

TEST(ARecording, PassesOverBlankLinesAndTakesALastLineWithoutItsEnd) {
  std::string text = "\n" + line("a") + "  \r\n" + line("b");
  text.pop_back();
  const auto all = readAll(text);
  EXPECT_THAT(all.mistakes, IsEmpty());
  ASSERT_EQ(all.sessions.size(), 2u);
  EXPECT_EQ(all.sessions[1].line, 4);
  EXPECT_THAT(readAll("").sessions, IsEmpty());
  EXPECT_THAT(readAll("").mistakes, IsEmpty());
}

TEST(ARecording, CountsTheBreaksOfAViewerWhereNoneIsNamed) {
  const auto all = readAll(line("a", 0, R"(,"viewer":"x")") + line("b", 0) + line("c", 1, R"(,"viewer":"x")") +
                           line("c", 2, R"(,"viewer":"x","break":40)") + line("c", 3, R"(,"viewer":"x")"));
  ASSERT_EQ(all.sessions.size(), 5u);
  std::vector<std::uint64_t> breaks, viewers;
  for (const Session& s : all.sessions) {
    breaks.push_back(s.breakNumber);
    viewers.push_back(s.viewerNumber);
  }
  EXPECT_THAT(breaks, ElementsAre(1, 1, 2, 40, 41));
  EXPECT_THAT(viewers, ElementsAre(0, 1, 0, 0, 0));
}

TEST(ARecording, KeepsAViewerApartFromASessionOfTheSameName) {
  const auto all = readAll(line("x") + line("a", 0, R"(,"viewer":"x")"));
  ASSERT_EQ(all.sessions.size(), 2u);
  EXPECT_NE(all.sessions[0].viewerNumber, all.sessions[1].viewerNumber);
}

TEST(ARecording, TakesTheIdsOfNodesForTheirBytes) {
  const auto all =
      readAll(line("00ff10a0b0c0d0e0f001020304050607") + line("00FF10A0B0C0D0E0F001020304050607") + line("00ff"));
  ASSERT_EQ(all.sessions.size(), 3u);
  EXPECT_EQ(all.sessions[0].drawId,
            std::string("\x00\xff\x10\xa0\xb0\xc0\xd0\xe0\xf0\x01\x02\x03\x04\x05\x06\x07", 16));
  EXPECT_EQ(all.sessions[0].attributes.identity(), "00ff10a0b0c0d0e0f001020304050607");
  EXPECT_EQ(all.sessions[1].drawId, all.sessions[1].id) << "nodes write small letters";
  EXPECT_EQ(all.sessions[2].drawId, "00ff");
}

TEST(ARecording, TellsEveryMistakeWithItsLineAndPlace) {
  const auto all =
      readAll(line("good") + "{\n" + R"({"sesion":"a","channel":"main","at":"today","units":-1})" + "\n" + "[]\n" +
              line("b", 0, R"(,"attributes":{"1":2},"consent":["",3],"expect":{"slot":[]})") + line("also good"));
  EXPECT_EQ(all.sessions.size(), 2u);
  std::vector<std::string> told;
  for (const auto& m : all.mistakes) told.push_back(m.document + " " + m.path);
  EXPECT_THAT(told, ElementsAre("r.jsonl:2 ", "r.jsonl:3 ", "r.jsonl:3 /at", "r.jsonl:3 /units", "r.jsonl:3 /sesion",
                                "r.jsonl:4 ", "r.jsonl:5 /attributes", "r.jsonl:5 /consent/0", "r.jsonl:5 /consent/1",
                                "r.jsonl:5 /expect/slot"));
  EXPECT_THAT(all.mistakes[1].message, HasSubstr("session"));
  EXPECT_THAT(all.mistakes[4].message, HasSubstr("session")) << "what was probably meant";
}

TEST(ARecording, RefusesAViewerWhoGoesBackInTime) {
  const auto all = readAll(line("a", 5) + line("b", 1) + line("a", 4) + line("a", 5));
  EXPECT_EQ(all.sessions.size(), 3u);
  ASSERT_EQ(all.mistakes.size(), 1u);
  EXPECT_EQ(all.mistakes[0].document + all.mistakes[0].path, "r.jsonl:3/at");
}

TEST(ARecording, RefusesALineThatIsTooLongAndGoesOn) {
  const std::string blanks(kMaxLineBytes - line("a").size() + 1, ' ');
  std::string longest = line("a");
  longest.insert(1, blanks);  // without its end: exactly as long as it may be
  const auto good = readAll(longest);
  EXPECT_THAT(good.mistakes, IsEmpty());
  EXPECT_EQ(good.sessions.size(), 1u);
  longest.insert(1, " ");
  const auto all = readAll(longest + std::string(3 * kMaxLineBytes, 'x') + "\n" + line("b"));
  ASSERT_EQ(all.mistakes.size(), 2u);
  EXPECT_THAT(all.mistakes[0].message, HasSubstr("65536 bytes"));
  EXPECT_EQ(all.mistakes[1].document, "r.jsonl:2");
  ASSERT_EQ(all.sessions.size(), 1u);
  EXPECT_EQ(all.sessions[0].line, 3);
}

TEST(ARecording, KeepsAThousandMistakesAndCountsTheRest) {
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "x\n";
  std::istringstream in(text);
  RecordingReader reader(in, "r.jsonl");
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.mistakeCount(), 1500u);
  EXPECT_EQ(reader.takeMistakes().size(), model::kMaxDocumentErrors);
}

}  // namespace
}  // namespace dvpe::rehearsal
