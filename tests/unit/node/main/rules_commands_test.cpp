// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The commands on tests/data/rules: an evening of three sessions, and the documents on air.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "node/main/cli.h"
#include "tests/unit/node/main/support.h"

namespace dvpe::node {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Rules : public WithFolder {
 protected:
  int run(const std::vector<std::string>& words) {
    out.str("");
    err.str("");
    Console console{out, err, environmentOf({}), false, false, {}, {}, {}};
    std::vector<std::string> all{"rules"};
    all.insert(all.end(), words.begin(), words.end());
    return runCli(all, console);
  }
  int test(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"test", kOnAir, "--sessions", kEvening});
    return run(more);
  }
  // A copy of what is on air, with one text in one document replaced.
  std::string changed(const std::string& document, const std::string& from, const std::string& to) {
    const fs::path copy = folder / "proposed";
    if (!fs::exists(copy)) fs::copy(kOnAir, copy);
    std::string text = read(copy / document);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << document;
    write("proposed/" + document, text.replace(at, from.size(), to));
    return copy.string();
  }
  boost::json::value json() const { return boost::json::parse(out.str()); }

  const std::string kData = DVPE_SOURCE_DIR "/tests/data/rules";
  const std::string kOnAir = kData + "/on-air", kEvening = kData + "/evening.jsonl";
  std::ostringstream out, err;
};

TEST_F(Rules, AreAsTheRecordingExpects) {
  EXPECT_EQ(test(), kExitOk) << err.str();
  EXPECT_THAT(out.str(), StartsWith("1\tanna-tv\t"));
  EXPECT_THAT(out.str(), HasSubstr("\twelcome\tfeature=clip-goal\tde\tcar/fans, tea/evening\t0\n"
                                   "2\tben-phone\tbase\t-\t-\t-\tcar/reach\t0\n"));
  EXPECT_THAT(err.str(), HasSubstr("without --plan"));
  EXPECT_THAT(err.str(), HasSubstr("5 sessions, 5 with expectations: 0 are not as expected."));
  EXPECT_EQ(test({"--expect"}), kExitOk);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(test({"--quiet"}), kExitOk);
  EXPECT_EQ(err.str(), "");
}

TEST_F(Rules, AreLinesOfJsonForPrograms) {
  ASSERT_EQ(test({"--json"}), kExitOk);
  std::istringstream lines(out.str());
  std::string line;
  std::vector<boost::json::value> all;
  while (std::getline(lines, line)) all.push_back(boost::json::parse(line));
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[4].at("line"), 6);
  EXPECT_EQ(all[4].at("break"), 17);
  EXPECT_EQ(all[4].at("units"), 60);
  EXPECT_EQ(all[4].at("viewer"), "anna");
  EXPECT_EQ(all[4].at("asExpected"), true);
  EXPECT_EQ(boost::json::serialize(all[4].at("gets").at("slots")),
            R"([{"line":"car/reach","media":"ad-car-film","units":30},{"line":"house","media":"promo","units":10}])");
}

TEST_F(Rules, TellWhatIsNotAsExpectedAndFail) {
  const std::string proposed = changed("ruleset-main.json", "\\\"DE\\\"", "\\\"AT\\\"");
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening, "--expect"}), kExitFailed);
  EXPECT_EQ(out.str(),
            "line 1, session anna-tv: overlays: expected welcome, came -\n"
            "line 1, session anna-tv: audio: expected de, came -\n");
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("line 1, session anna-tv: audio: expected de, came -\n"));
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening, "--expect", "--json"}), kExitFailed);
  EXPECT_EQ(json().at("differences").at(0).at("what"), "overlays");
  const auto nothing = write("none.jsonl", "");
  EXPECT_EQ(run({"test", kOnAir, "--sessions", nothing.string(), "--expect"}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("none.jsonl: no line has \"expect\""));
}

TEST_F(Rules, TellEveryMistakeOfDocumentsAndRecordings) {
  changed("ruleset-main.json", "viewer.country ==", "viewer.county ==");
  const std::string proposed = changed("creative-tea-short.json", "\"media\"", "\"medium\"");
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening}), kExitFailed);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("creative-tea-short.json"));
  changed("creative-tea-short.json", "\"medium\"", "\"media\"");
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("ruleset main /body/rules/0/when"));
  EXPECT_THAT(err.str(), HasSubstr("did you mean viewer.country?"));
  const auto bad =
      write("bad.jsonl", "{\"session\": 1}\n" +
                             std::string(R"({"session":"a","channel":"mian","at":"2026-06-01T20:00:00Z"})") + "\nx\n");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"test", kOnAir}, {"explain", kOnAir, "--session", "2"}, {"replay", "--from", kOnAir, "--to", kOnAir}}) {
    auto all = words;
    all.insert(all.end(), {"--sessions", bad.string()});
    EXPECT_EQ(run(all), kExitFailed);
    EXPECT_EQ(out.str(), "");
    EXPECT_THAT(err.str(), HasSubstr("bad.jsonl:1 /session: "));
    EXPECT_THAT(err.str(), HasSubstr("bad.jsonl:2 /channel: there is no channel \"mian\""));
    EXPECT_THAT(err.str(), HasSubstr("bad.jsonl:3: not JSON"));
  }
}

TEST_F(Rules, NeedTheirFiles) {
  EXPECT_EQ(run({"test", kOnAir}), kExitUsage);
  EXPECT_EQ(run({"test", "--sessions", kEvening}), kExitUsage);
  EXPECT_EQ(run({"explain", kOnAir, "--sessions", kEvening}), kExitUsage);
  EXPECT_EQ(run({"replay", "--from", kOnAir, "--sessions", kEvening}), kExitUsage);
  EXPECT_EQ(run({"test", "nowhere", "--sessions", "nothing.jsonl"}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("nothing.jsonl: cannot be read"));
  EXPECT_THAT(err.str(), HasSubstr("nowhere"));
  EXPECT_EQ(run({"test", kOnAir, "--sessions", kOnAir}), kExitFailed) << "a folder";
  EXPECT_EQ(test({"--plan", kEvening}), kExitFailed) << "no plan";
  EXPECT_EQ(test({"--media", "nowhere"}), kExitFailed);
}

TEST_F(Rules, FollowAPlan) {
  const auto plan =
      write("plan.json", R"({"number":7,"release":"r","made":"2026-06-01T00:00:00Z","nodes":[],)"
                         R"("lines":[["car/reach",0,0,[]],["car/fans",1000000,9,[]],["tea/evening",0,0,[]]]})");
  ASSERT_EQ(test({"--plan", plan.string(), "--quiet"}), kExitFailed);
  EXPECT_THAT(out.str(), HasSubstr("\tcar/fans, house\t5\n"));
  EXPECT_EQ(run({"explain", kOnAir, "--sessions", kEvening, "--session", "2", "--plan", plan.string()}), kExitOk);
  EXPECT_THAT(out.str(), HasSubstr("plan: number 7 for release r\n"));
  EXPECT_THAT(out.str(), HasSubstr("car/reach: no: the plan stops it"));
}

TEST_F(Rules, KnowHowLongConditionedMediaAre) {
  const std::string proposed = changed("media-promo.json", "\"promo\"", "\"other\"");
  ASSERT_EQ(run({"test", proposed, "--sessions", kEvening}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("nothing is known of the length of 1 media (promo)"));
  fs::create_directories(folder / "media" / "x");
  write("media/x/media.json", R"({"kind":"media","id":"promo","units":10})");
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening, "--media", (folder / "media").string()}), kExitOk);
  EXPECT_THAT(err.str(), Not(HasSubstr("length")));
  write("media/x/media.json", "{}");
  EXPECT_EQ(run({"test", proposed, "--sessions", kEvening, "--media", (folder / "media").string()}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("is no conditioned media"));
}

TEST_F(Rules, ExplainASessionAfterThoseBeforeIt) {
  ASSERT_EQ(run({"explain", kOnAir, "--sessions", kEvening, "--session", "5"}), kExitOk) << err.str();
  EXPECT_THAT(out.str(), StartsWith("Line 5, session ben-phone\n"));
  EXPECT_THAT(out.str(), HasSubstr("shown before: 2 ads"));
  EXPECT_THAT(out.str(), HasSubstr("  main/german: no: viewer.country == \"DE\" is false: viewer.country is \"FR\"\n"));
  EXPECT_THAT(out.str(), HasSubstr("  car/reach: no: the line has been shown 2 times in a day\n"));
  EXPECT_THAT(out.str(), HasSubstr("  30: 15 units, 0.005 = tea/evening (ad-tea-short, 15) 0.005\n"));
  EXPECT_THAT(out.str(), HasSubstr("  0 to 15: tea/evening (ad-tea-short, 15)\n  15 to 25: house (promo, 10)\n"
                                   "  25 to 30: slate\n"));
  ASSERT_EQ(run({"explain", kOnAir, "--sessions", kEvening, "--session", "anna-phone", "--json"}), kExitOk);
  const auto said = json();
  EXPECT_EQ(said.at("inputs").at("line"), 6) << "the last of this session";
  EXPECT_EQ(said.at("inputs").at("shownBefore"), 2) << "also in the viewer's other sessions";
  EXPECT_EQ(said.at("inputs").at("attributes").at("viewer.country"), "DE");
  EXPECT_TRUE(said.at("plan").is_null());
  EXPECT_EQ(said.at("explanation").at("break").at("units"), 60);
  EXPECT_EQ(said.at("explanation").at("rules").as_array().size(), 3u);
}

TEST_F(Rules, ExplainOnlyWhatIsThere) {
  EXPECT_EQ(run({"explain", kOnAir, "--sessions", kEvening, "--session", "4"}), kExitFailed) << "a blank line";
  EXPECT_THAT(err.str(), HasSubstr("evening.jsonl has no session on line 4"));
  EXPECT_EQ(run({"explain", kOnAir, "--sessions", kEvening, "--session", "carl"}), kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("evening.jsonl has no session carl"));
}

TEST_F(Rules, AreReplayedAgainstThemselvesWithoutAChange) {
  ASSERT_EQ(run({"replay", "--from", kOnAir, "--to", kOnAir, "--sessions", kEvening, "--json"}), kExitOk) << err.str();
  const auto said = json();
  EXPECT_EQ(said.at("sessions"), 5);
  EXPECT_EQ(said.at("changed").at("sessions"), 0);
  EXPECT_EQ(said.at("from").at("units"), said.at("to").at("units"));
  EXPECT_EQ(said.at("from").at("revenueMicros"), 3 * 20'000 + 30'000 + 2 * 5'000);
  EXPECT_EQ(said.at("from").at("revenue"), "0.10");
  EXPECT_EQ(said.at("from").at("refused").at("cap"), 1);
  EXPECT_EQ(said.at("from").at("channels").at("main").at("variants"), 2);
  EXPECT_TRUE(said.at("examples").as_array().empty());
}

TEST_F(Rules, SayWhoChangesFromOneReleaseToAnother) {
  changed("ruleset-main.json", "\\\"DE\\\"", "\\\"FR\\\"");
  const std::string proposed = changed("campaign-car.json", "\"impressions\": 2,", "\"impressions\": 1,");
  ASSERT_EQ(run({"replay", "--from", kOnAir, "--to", proposed, "--sessions", kEvening, "--json", "--examples", "2"}),
            kExitOk);
  const auto said = json();
  EXPECT_EQ(said.at("changed").at("sessions"), 5);
  EXPECT_EQ(said.at("changed").at("overlays"), 5);
  EXPECT_EQ(said.at("changed").at("audio"), 5);
  EXPECT_EQ(said.at("changed").at("clips"), 0);
  EXPECT_EQ(said.at("changed").at("ads"), 1);
  EXPECT_EQ(said.at("to").at("refused").at("cap"), 2);
  ASSERT_EQ(said.at("examples").as_array().size(), 2u);
  EXPECT_EQ(said.at("examples").at(0).at("from").at("audio"), "de");
  for (const auto& line : said.at("lines").as_array())
    EXPECT_EQ(line.at("difference"), line.at("line") == "car/reach"     ? -1
                                     : line.at("line") == "tea/evening" ? 1
                                     : line.at("line") == "house"       ? 1
                                                                        : 0);
  ASSERT_EQ(run({"replay", "--from", kOnAir, "--to", proposed, "--sessions", kEvening}), kExitOk);
  EXPECT_THAT(out.str(),
              StartsWith("5 of 5 sessions change (100.0 %): 5 in overlays, 0 in clips, 5 in audio, 1 in ads"));
  EXPECT_THAT(out.str(), HasSubstr("line 3, session ben-phone\n"));
  EXPECT_THAT(out.str(),
              HasSubstr("  ads: car/reach (ad-car-film) -> tea/evening (ad-tea-short), house (promo), slate 5"));
}

TEST_F(Rules, CompareTwoPlans) {
  const auto plan = write("plan.json", R"({"number":7,"release":"r","made":"2026-06-01T00:00:00Z","nodes":[],)"
                                       R"("lines":[["car/reach",0,0,[]]]})");
  ASSERT_EQ(
      run({"replay", "--from", kOnAir, "--to", kOnAir, "--to-plan", plan.string(), "--sessions", kEvening, "--json"}),
      kExitOk);
  const auto said = json();
  EXPECT_TRUE(said.at("from").at("plan").is_null());
  EXPECT_EQ(said.at("to").at("plan"), 7);
  EXPECT_EQ(said.at("to").at("units").at("paid"), 0);
  EXPECT_GT(said.at("to").at("refused").at("plan").as_int64(), 0);
}

}  // namespace
}  // namespace dvpe::node
