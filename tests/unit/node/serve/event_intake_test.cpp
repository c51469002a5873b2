// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/event_intake.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace dvpe::serve {
namespace {

using events::Kind;
using testing::HasSubstr;

constexpr std::int64_t kNow = 1'800'000'000;  // seconds since 1970, and the channel's beginning
constexpr Ticks kUnit{base::kTicksPerSecond};

privacy::SecretKey keyOf(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return privacy::SecretKey(bytes);
}

// A session with a break of two creatives, of 10 and 20 s, that begins now.
class AnIntake : public testing::Test {
 protected:
  AnIntake() {
    personalize::BoundPod pod{"b7", timeline::SpanKind::kBreak, Ticks{0}, kUnit * 30, 0, {}, 7};
    for (const auto& [name, units] : {std::pair{"first", 10}, std::pair{"second", 20}}) {
      pod.pieces.push_back({std::make_shared<const personalize::PlacedCreative>(personalize::PlacedCreative{
                                "0123", std::string("media-") + name, "tea", "tea/line", name}),
                            0, units});
    }
    view_.pods.push_back(std::make_shared<const personalize::BoundPod>(pod));
    claims_.sessionId = {1};
    claims_.pseudonym = {2};
    claims_.purposes = *privacy::purpose("ad_measurement");
  }

  EventIntake::Checked told(const std::string& json) {
    auto checked = intake_.check(boost::json::parse(json), claims_, view_);
    EXPECT_TRUE(checked) << checked.error().message;
    return checked ? std::move(checked).value() : EventIntake::Checked{};
  }
  // One event, with `at` now unless the text says it.
  static std::string one(const std::string& kind, std::uint64_t n, const std::string& more = "",
                         std::int64_t at = kNow * 1000) {
    return R"({"kind":")" + kind + R"(","n":)" + std::to_string(n) + R"(,"at":)" + std::to_string(at) + more + "}";
  }
  static std::string slot(int number, const std::string& span = "b7") {
    return R"(,"break":")" + span + R"(","slot":)" + std::to_string(number);
  }
  std::string refusal(const std::string& event) {
    const auto checked = told("[" + event + "]");
    EXPECT_TRUE(checked.events.empty());
    return checked.refused.empty() ? "it was taken" : std::string(checked.refused.at(0).at("why").as_string());
  }

  base::ManualClock clock_{base::WallTime{std::chrono::seconds(kNow)}};
  base::SystemRandom random_;
  events::Naming naming_{keyOf(1), {}, random_};
  EventIntake intake_{{{"one", base::WallTime{std::chrono::seconds(kNow)}, kUnit}}, naming_, clock_};
  personalize::SessionView view_;
  privacy::ClaimsView claims_;
};

TEST_F(AnIntake, KnowsWhatWasBoundForTheSlot) {
  const auto checked = told("[" + one("ad_started", 1, slot(1)) + "," + one("stall", 2, R"(,"value":850)") + "]");
  ASSERT_EQ(checked.events.size(), 2U);
  const events::Event& ad = checked.events[0];
  EXPECT_EQ(ad.kind, Kind::kAdStarted);
  EXPECT_EQ(ad.place.line, "tea/line");
  EXPECT_EQ(ad.place.creative, "first");
  EXPECT_EQ(ad.place.channel, "one");
  EXPECT_EQ(ad.breakNumber, 7);
  EXPECT_EQ(ad.session, claims_.sessionId);
  EXPECT_EQ(ad.id, events::impressionId(ad.day, ad.session, 7, 1, Kind::kAdStarted));
  EXPECT_EQ(checked.events[1].value, 850);
  EXPECT_TRUE(checked.refused.empty());
}

TEST_F(AnIntake, FindsTheSlotByTheChannelsTime) {
  clock_.advance(std::chrono::seconds(20));
  const auto at = [](double seconds) {
    return R"(,"tick":)" + std::to_string(static_cast<std::int64_t>(seconds * static_cast<double>(kUnit.count())));
  };
  const std::int64_t now = (kNow + 20) * 1000;
  const auto checked = told("[" + one("ad_started", 1, at(9.9), now) + "," + one("ad_started", 2, at(10), now) + "]");
  ASSERT_EQ(checked.events.size(), 2U);
  EXPECT_EQ(checked.events[0].place.creative, "first");
  EXPECT_EQ(checked.events[1].place.creative, "second");
  EXPECT_EQ(boost::json::serialize(checked.slots), R"([{"n":1,"units":10},{"n":2,"units":20}])");
  EXPECT_THAT(refusal(one("ad_started", 3, at(30), now)), HasSubstr("no slot then"));
  EXPECT_NE(refusal(one("ad_started", 4, R"(,"tick":-1)", now)), "it was taken");
}

TEST_F(AnIntake, RefusesSlotsThatTheSessionDoesNotHave) {
  for (const std::string& where : {slot(0), slot(3), slot(65'536), slot(1, "b8"), std::string()}) {
    EXPECT_NE(refusal(one("ad_started", 1, where)), "it was taken") << where;
  }
  view_.pods.clear();
  EXPECT_THAT(refusal(one("ad_started", 1, slot(1))), HasSubstr("no such slot"));
}

TEST_F(AnIntake, RefusesImpressionsBeforeTheyAreOnAirAndLongAfter) {
  EXPECT_THAT(refusal(one("ad_started", 1, slot(2))), HasSubstr("not on air yet"));
  clock_.advance(std::chrono::seconds(10));
  const std::int64_t later = (kNow + 10) * 1000;
  EXPECT_EQ(told("[" + one("ad_started", 1, slot(2), later) + "]").events.size(), 1U);
  clock_.advance(std::chrono::minutes(10) + std::chrono::seconds(21));
  EXPECT_THAT(refusal(one("ad_complete", 2, slot(2), (kNow + 631) * 1000)), HasSubstr("more than 10 minutes ago"));
}

TEST_F(AnIntake, RefusesWhatIsToComeAndWhatIsOld) {
  EXPECT_THAT(refusal(one("stall", 1, "", (kNow + 6) * 1000)), HasSubstr("to come"));
  EXPECT_THAT(refusal(one("stall", 1, "", (kNow - 601) * 1000)), HasSubstr("more than 10 minutes ago"));
  EXPECT_NE(refusal(one("stall", 1, "", -5)), "it was taken");
}

TEST_F(AnIntake, RefusesWhatPlayersCannotKnow) {
  for (const char* kind :
       {"ad_decided", "ad_delivered", "session_start", "heartbeat", "consent_given", "nothing", ""}) {
    EXPECT_NE(refusal(one(kind, 1, slot(1))), "it was taken") << kind;
  }
}

TEST_F(AnIntake, RefusesANumberThatWasUsed) {
  EXPECT_EQ(told("[" + one("stall", 5) + "," + one("stall", 5) + "]").events.size(), 1U);
  EXPECT_THAT(refusal(one("stall", 5)), HasSubstr("used before"));
  EXPECT_EQ(told("[" + one("stall", 4) + "," + one("stall", 100) + "," + one("stall", 37) + "]").events.size(), 3U)
      << "in whatever order they come";
  EXPECT_THAT(refusal(one("stall", 36)), HasSubstr("used before")) << "too far behind to know";
  claims_.sessionId = {9};
  EXPECT_EQ(told("[" + one("stall", 5) + "]").events.size(), 1U) << "another session's numbers are its own";
}

TEST_F(AnIntake, TakesWhatCouldNotBeWrittenOnceMore) {
  const auto checked = told("[" + one("stall", 5) + "," + one("stall", 7) + "]");
  intake_.giveBack(claims_.sessionId, checked.numbers);
  EXPECT_EQ(told("[" + one("stall", 5) + "," + one("stall", 7) + "]").events.size(), 2U);
}

TEST_F(AnIntake, RefusesWhatIsNoEventAndTakesTheRest) {
  const auto checked =
      told(R"([5, null, [], {}, {"kind":7}, {"kind":"stall"}, {"kind":"stall","n":-1,"at":0},
                                {"kind":"stall","n":1e300,"at":0}, )" +
           one("stall", 1, R"(,"value":"x")") + "," + one("stall", 2, R"(,"text":7)") + "," +
           one("error", 3, ",\"text\":\"" + std::string(257, 'x') + "\"") + "," + one("stall", 4) + "]");
  EXPECT_EQ(checked.events.size(), 1U);
  EXPECT_EQ(checked.refused.size(), 11U);
  for (const auto& each : checked.refused) EXPECT_FALSE(each.at("why").as_string().empty());
}

TEST_F(AnIntake, TakesALimitedNumberAtOnceAndOfASession) {
  boost::json::array many(101, boost::json::parse(one("stall", 1)));
  const auto refused = intake_.check(many, claims_, view_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kLimitExceeded);
  EXPECT_FALSE(intake_.check(boost::json::value("x"), claims_, view_));
  for (std::uint64_t n = 1; n <= EventIntake::kMostOfASession; ++n) (void)told("[" + one("stall", n) + "]");
  EXPECT_THAT(refusal(one("stall", 10'000)), HasSubstr("too many"));
}

TEST_F(AnIntake, TellsNothingOfAViewerWhoDidNotAgree) {
  claims_.purposes = 0;
  const auto checked = told("[" + one("ad_started", 1, slot(1)) + "," + one("stall", 2) + "]");
  ASSERT_EQ(checked.events.size(), 2U);
  EXPECT_NE(checked.events[0].session, claims_.sessionId);
  EXPECT_EQ(checked.events[1].session, events::Id{});
  EXPECT_EQ(checked.events[0].visitor, 0U);
  EXPECT_EQ(checked.events[0].place.line, "tea/line") << "what was shown is counted all the same";
}

}  // namespace
}  // namespace dvpe::serve
