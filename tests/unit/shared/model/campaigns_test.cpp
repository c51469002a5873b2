// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/model/campaigns.h"

#include "tests/unit/shared/model/texts.h"

namespace dvpe::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// A campaign of one line with these further keys ("" or "\"price\":...,").
std::string line(const std::string& keys) {
  return R"({"lines":[{)" + keys + R"("id":"l","creatives":[{"creative":"ad"}]}]})";
}

// Keys of a line, and the mistake below the line.
void expectLineMistakes(std::vector<Wrong> all) {
  for (Wrong& each : all) {
    each.body = line(each.body + ",");
    each.path = "/body/lines/0" + each.path;
  }
  expectMistakes("campaign", all);
}

Line lineOf(const std::string& keys) {
  const Loaded loaded = read({doc("campaign", "it", line(keys)), kCreative});
  EXPECT_THAT(loaded.errors, IsEmpty()) << keys << "\n" << describe(loaded.errors);
  const auto found = loaded.documents.campaigns.find("it");
  return found == loaded.documents.campaigns.end() || found->second.lines.empty() ? Line{} : found->second.lines[0];
}

LocalTime local(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  return std::chrono::local_days{std::chrono::year{year} / month / day} + std::chrono::hours{hour} +
         std::chrono::minutes{minute} + std::chrono::seconds{second};
}

// ---- campaigns and lines

TEST(Campaigns, AreReadInFull) {
  const Loaded loaded =
      read({doc("campaign", "autumn", R"({"title":"Autumn","when":"viewer.age >= 18","advertiser":"car-maker",
        "timezone":"Europe/Berlin","currency":"CHF","flight":{"from":"2026-09-01T06:00:00","until":"2026-12-01T00:00:00"},
        "budget":{"total":"250000.00","day":"0.000001"},"caps":[{"impressions":6,"per":"day"},{"impressions":40,"per":"flight"}],
        "categories":["cars","leasing"],"exclude":{"channels":["kids"],"ratings":["FSK 0","FSK 6"]},
        "lines":[{"id":"first","title":"First","when":"viewer.country == \"DE\"",
          "flight":{"from":"2026-09-02T01:02:03","until":"2026-10-01T00:00:00"},
          "dayparts":[{"days":["mon","sun"],"from":"18:30","until":"23:00"}],"goal":{"impressions":1000000000000},
          "price":{"cpm":"12.50"},"budget":{"total":"1000000000000","day":"3"},"caps":[{"impressions":2,"per":"hour"}],
          "priority":"sponsorship","position":"first","rotation":"weighted","billOn":"confirmed","pacing":"fast",
          "arm":{"experiment":"e","arm":"new"},"creatives":[{"creative":"ad","weight":3},{"creative":"b"}]},
         {"id":"second","creatives":[{"creative":"b"}]}]})"),
            kCreative, doc("creative", "b", R"({"media":"n"})"),
            doc("experiment", "e", R"({"arms":[{"id":"new","buckets":[[0,1]]}]})"),
            doc("policy", "money", R"({"policy":"monetisation","rates":{"CHF":"1.05"}})")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Campaign& campaign = loaded.documents.campaigns.at("autumn");
  EXPECT_EQ(campaign.id, "autumn");
  EXPECT_EQ(campaign.revision, 7);
  EXPECT_EQ(campaign.title, "Autumn");
  EXPECT_EQ(campaign.when, "viewer.age >= 18");
  EXPECT_EQ(campaign.advertiser, "car-maker");
  EXPECT_EQ(campaign.timezone, "Europe/Berlin");
  EXPECT_EQ(campaign.currency, "CHF");
  EXPECT_EQ(campaign.flight, (Flight{local(2026, 9, 1, 6), local(2026, 12, 1)}));
  EXPECT_EQ(campaign.budget.total, 250'000'000'000);
  EXPECT_EQ(campaign.budget.day, 1);
  EXPECT_THAT(campaign.caps, ElementsAre(Cap{6, CapPeriod::kDay}, Cap{40, CapPeriod::kFlight}));
  EXPECT_THAT(campaign.categories, ElementsAre("cars", "leasing"));
  EXPECT_THAT(campaign.excludeChannels, ElementsAre("kids"));
  EXPECT_THAT(campaign.excludeRatings, ElementsAre("FSK 0", "FSK 6"));
  EXPECT_THAT(campaign.creatives, IsEmpty());
  ASSERT_THAT(campaign.lines, SizeIs(2));
  const Line& first = campaign.lines[0];
  EXPECT_EQ(first.id, "first");
  EXPECT_EQ(first.title, "First");
  EXPECT_EQ(first.when, "viewer.country == \"DE\"");
  EXPECT_EQ(first.flight, (Flight{local(2026, 9, 2, 1, 2, 3), local(2026, 10, 1)}));
  EXPECT_THAT(first.dayparts, ElementsAre(Daypart{0b1000001, 18 * 60 + 30, 23 * 60}));
  EXPECT_EQ(first.goal.kind, GoalKind::kImpressions);
  EXPECT_EQ(first.goal.amount, 1'000'000'000'000);
  EXPECT_EQ(first.price.kind, PriceKind::kCpm);
  EXPECT_EQ(first.price.micros, 12'500'000);
  EXPECT_EQ(first.budget.total, 1'000'000'000'000'000'000);
  EXPECT_EQ(first.budget.day, 3'000'000);
  EXPECT_THAT(first.caps, ElementsAre(Cap{2, CapPeriod::kHour}));
  EXPECT_EQ(first.priority, Priority::kSponsorship);
  EXPECT_EQ(first.position, BreakPosition::kFirst);
  EXPECT_EQ(first.rotation, Rotation::kWeighted);
  EXPECT_EQ(first.billOn, BillOn::kConfirmed);
  EXPECT_EQ(first.pacing, Pacing::kFast);
  EXPECT_EQ(first.arm.experiment, "e");
  EXPECT_EQ(first.arm.arm, "new");
  ASSERT_THAT(first.creatives, SizeIs(2));
  EXPECT_EQ(first.creatives[0].creative, "ad");
  EXPECT_EQ(first.creatives[0].weight, 3);
  EXPECT_EQ(first.creatives[1].creative, "b");
  EXPECT_EQ(first.creatives[1].weight, 1);
}

TEST(Campaigns, OfAFewKeysAreForEverybodyAtAllTimes) {
  const Loaded loaded = read({doc("campaign", "k", line("")), kCreative});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Campaign& campaign = loaded.documents.campaigns.at("k");
  EXPECT_EQ(campaign.title, "");
  EXPECT_EQ(campaign.when, "true");
  EXPECT_EQ(campaign.timezone, "UTC");
  EXPECT_EQ(campaign.currency, "");
  EXPECT_EQ(campaign.flight, Flight{});
  EXPECT_EQ(campaign.budget.total, 0);
  EXPECT_EQ(campaign.budget.day, 0);
  EXPECT_THAT(campaign.caps, IsEmpty());
  EXPECT_THAT(campaign.categories, IsEmpty());
  EXPECT_THAT(campaign.excludeChannels, IsEmpty());
  EXPECT_THAT(campaign.excludeRatings, IsEmpty());
  const Line& only = campaign.lines.at(0);
  EXPECT_EQ(only.title, "");
  EXPECT_EQ(only.when, "true");
  EXPECT_EQ(only.flight, Flight{});
  EXPECT_THAT(only.dayparts, IsEmpty());
  EXPECT_EQ(only.goal.kind, GoalKind::kHouse);
  EXPECT_EQ(only.price.kind, PriceKind::kNone);
  EXPECT_EQ(only.budget.total, 0);
  EXPECT_THAT(only.caps, IsEmpty());
  EXPECT_EQ(only.priority, Priority::kStandard);
  EXPECT_EQ(only.position, BreakPosition::kAny);
  EXPECT_EQ(only.rotation, Rotation::kEven);
  EXPECT_EQ(only.billOn, BillOn::kDelivered);
  EXPECT_EQ(only.pacing, Pacing::kEven);
  EXPECT_TRUE(only.arm.empty());
}

TEST(Campaigns, AreOfTheOrganisationThatSignsThemUnlessTheySayOtherwise) {
  const Loaded loaded = read({doc("campaign", "own", R"({"creatives":["m"]})", "agency"),
                              doc("campaign", "other", R"({"creatives":["m"],"advertiser":"shop"})", "agency")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  EXPECT_EQ(loaded.documents.campaigns.at("own").advertiser, "agency");
  EXPECT_EQ(loaded.documents.campaigns.at("other").advertiser, "shop");
}

TEST(Campaigns, HaveEitherCreativesOrLines) {
  const std::string lines = R"("lines":[{"id":"l","creatives":[{"creative":"ad"}]}])";
  expectMistakes("campaign",
                 {{"{}", "/body", "\"creatives\" is missing"},
                  {R"({"lines":[]})", "/body/lines", "expected at least one"},
                  {R"({"lines":{}})", "/body/lines", "expected a list"},
                  {R"({"creatives":["m"],)" + lines + "}", "/body/creatives", "either creatives or lines"},
                  {R"({"creatives":["m"],"budget":{"total":"1"}})", "/body/budget", "only a campaign with lines"}});
  const Loaded loaded = read({doc("campaign", "k", R"({"creatives":["m","n"]})")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  EXPECT_THAT(loaded.documents.campaigns.at("k").creatives, ElementsAre("m", "n"));
}

TEST(Campaigns, RefuseWhatIsNoKeyOrOfTheWrongKind) {
  expectMistakes(
      "campaign",
      {{R"({"creatives":["m"],"advertisr":"x"})", "/body/advertisr", "did you mean \"advertiser\"?"},
       {R"({"creatives":["m"],"advertiser":"a b"})", "/body/advertiser", "expected a name"},
       {R"({"creatives":["m"],"when":true})", "/body/when", "expected a string"},
       {R"({"creatives":["m"],"timezone":1})", "/body/timezone", "expected a string"},
       {R"({"creatives":["m"],"categories":["a","a"]})", "/body/categories/1", "listed twice"},
       {R"({"creatives":["m"],"exclude":["kids"]})", "/body/exclude", "expected an object"},
       {R"({"creatives":["m"],"exclude":{"channel":["kids"]}})", "/body/exclude/channel", "did you mean \"channels\"?"},
       {R"({"creatives":["m"],"exclude":{"ratings":[6]}})", "/body/exclude/ratings/0", "expected a string"},
       {R"({"creatives":["m"],"flight":"always"})", "/body/flight", "expected an object"},
       {R"({"creatives":["m"],"caps":{"day":1}})", "/body/caps", "expected a list"}});
}

TEST(Lines, RefuseWhatIsNoKeyOrOfTheWrongKind) {
  expectLineMistakes({{R"("goals":{})", "/goals", "did you mean \"goal\"?"},
                      {R"("priority":"first")", "/priority", "expected one of sponsorship, standard, bulk"},
                      {R"("position":"middle")", "/position", "expected one of any, first, last"},
                      {R"("rotation":"random")", "/rotation", "expected one of even, weighted, sequential, optimised"},
                      {R"("billOn":"shown")", "/billOn", "expected one of delivered, confirmed"},
                      {R"("pacing":"slow")", "/pacing", "expected one of even, fast"}});
  expectMistakes(
      "campaign",
      {{R"({"lines":["l"]})", "/body/lines/0", "expected an object, found a string"},
       {R"({"lines":[{"creatives":[{"creative":"ad"}]}]})", "/body/lines/0", "\"id\" is missing"},
       {R"({"lines":[{"id":"a/b","creatives":[{"creative":"ad"}]}]})", "/body/lines/0/id", "a name"},
       {R"({"lines":[{"id":"l","creatives":[{"creative":"ad"}]},{"id":"l","creatives":[{"creative":"ad"}]}]})",
        "/body/lines/1/id", "another line has the id \"l\" too"}});
}

TEST(Lines, NameEachOfTheirCreativesOnce) {
  const auto creatives = [](const std::string& list) { return R"({"lines":[{"id":"l","creatives":)" + list + "}]}"; };
  expectMistakes(
      "campaign",
      {{R"({"lines":[{"id":"l"}]})", "/body/lines/0", "\"creatives\" is missing"},
       {creatives("[]"), "/body/lines/0/creatives", "expected at least one"},
       {creatives("{}"), "/body/lines/0/creatives", "expected a list"},
       {creatives(R"(["ad"])"), "/body/lines/0/creatives/0", "expected an object, found a string"},
       {creatives(R"([{"creative":"ad"},{"creative":"ad"}])"), "/body/lines/0/creatives/1/creative",
        "\"ad\" is listed twice"},
       {creatives(R"([{"weight":2}])"), "/body/lines/0/creatives/0", "\"creative\" is missing"},
       {creatives(R"([{"creative":"ad","weight":0}])"), "/body/lines/0/creatives/0/weight", "from 1 to 1000"},
       {creatives(R"([{"creative":"ad","weight":1001}])"), "/body/lines/0/creatives/0/weight", "1 to 1000"},
       {creatives(R"([{"creative":"ad","wait":2}])"), "/body/lines/0/creatives/0/wait", "unknown key"}});
}

TEST(Campaigns, TellAllMistakesAtOnce) {
  const Loaded loaded = read({doc("campaign", "k", R"({"currency":"euro","flight":{"from":"today"},"lines":[
      {"id":"a","price":{"cpm":9},"goal":{"shareOfVoice":101},"creatives":[{},{}]},
      {"id":"b","budget":{"total":"1"},"price":{"flat":"1"},"creatives":[{"creative":"add"}]}]})"),
                              kCreative});
  EXPECT_THAT(loaded.errors, UnorderedElementsAre(mistake("0.json", "/body/currency", "ISO 4217"),
                                                  mistake("0.json", "/body/flight/from", "date and time"),
                                                  mistake("0.json", "/body/lines/0/price/cpm", "expected a string"),
                                                  mistake("0.json", "/body/lines/0/goal/shareOfVoice", "from 1 to 100"),
                                                  mistake("0.json", "/body/lines/0/creatives/0", "missing"),
                                                  mistake("0.json", "/body/lines/0/creatives/1", "missing"),
                                                  mistake("0.json", "/body/lines/1/budget", "can use up a budget"),
                                                  mistake("0.json", "/body/lines/1/price", "a flat price needs a goal"),
                                                  mistake("campaign k", "/body/lines/1/creatives/0/creative",
                                                          "there is no creative \"add\"")))
      << describe(loaded.errors);
}

// ---- times

TEST(Flights, AreOpenWhereTheySayNothing) {
  EXPECT_EQ(lineOf(R"("flight":{},)").flight, Flight{});
  EXPECT_EQ(lineOf(R"("flight":{"from":"2026-06-01T00:00:00"},)").flight,
            (Flight{local(2026, 6, 1), LocalTime::max()}));
  EXPECT_EQ(lineOf(R"("flight":{"until":"2028-02-29T23:59:59"},)").flight,
            (Flight{LocalTime::min(), local(2028, 2, 29, 23, 59, 59)}));
}

TEST(Flights, DoNotEndBeforeTheyStart) {
  const std::string words = "the flight ends before it starts";
  expectLineMistakes({{R"("flight":{"from":"2026-06-02T00:00:00","until":"2026-06-01T00:00:00"})", "/flight", words},
                      {R"("flight":{"from":"2026-06-01T00:00:00","until":"2026-06-01T00:00:00"})", "/flight", words}});
  expectMistakes("campaign",
                 {{R"({"creatives":["m"],"flight":{"from":"2026-06-01T00:00:01","until":"2026-06-01T00:00:00"}})",
                   "/body/flight", words}});
}

TEST(Flights, AreInLocalTimeToTheSecond) {
  for (const std::string text :
       {"2026-06-01", "2026-06-01T00:00:00Z", "2026-06-01T00:00:00+02:00", "2026-06-01 00:00:00", "2026-06-01T00:00",
        "2026-02-30T00:00:00", "2026-06-01T24:00:00", "2026-06-01T00:60:00", "2026-06-01T00:00:60",
        "1969-12-31T23:59:59", "2200-01-01T00:00:00", "2026-06-01T 1:00:00", "2026-06-01T+1:00:00",
        "+026-06-01T00:00:00", ""}) {
    expectLineMistakes({{R"("flight":{"until":")" + text + R"("})", "/flight/until",
                         "such as 2026-06-01T00:00:00, in the campaign's time zone"}});
  }
  expectLineMistakes({{R"("flight":{"from":1780272000})", "/flight/from", "expected a string, found a number"},
                      {R"("flight":{"till":"2026-06-01T00:00:00"})", "/flight/till", "unknown key"}});
}

TEST(Dayparts, MayGoOverMidnight) {
  EXPECT_THAT(
      lineOf(R"("dayparts":[{"days":["sat","fri"],"from":"22:00","until":"02:30"},{"from":"06:05"},{"until":"00:01"},
        {"days":["tue","wed","thu"]},{"from":"12:00","until":"24:00"},{"from":"23:59","until":"00:00"},{}],)")
          .dayparts,
      ElementsAre(Daypart{0b0110000, 22 * 60, 2 * 60 + 30}, Daypart{0x7F, 6 * 60 + 5, 24 * 60}, Daypart{0x7F, 0, 1},
                  Daypart{0b0001110, 0, 24 * 60}, Daypart{0x7F, 12 * 60, 24 * 60}, Daypart{0x7F, 23 * 60 + 59, 0},
                  Daypart{}));
}

TEST(Dayparts, HaveALengthAndDays) {
  expectLineMistakes({{R"("dayparts":[{"from":"08:00","until":"08:00"}])", "/dayparts/0", "has no length"},
                      {R"("dayparts":[{},{"until":"00:00"}])", "/dayparts/1", "has no length"},
                      {R"("dayparts":[{"from":"24:00","until":"00:00"}])", "/dayparts/0/from", "such as 18:30"},
                      {R"("dayparts":[{"days":[]}])", "/dayparts/0/days", "expected at least one"},
                      {R"("dayparts":[{"days":["mon","mon"]}])", "/dayparts/0/days/1", "\"mon\" is listed twice"},
                      {R"("dayparts":[{"days":["Mon"]}])", "/dayparts/0/days/0", "one of mon, tue, wed, thu, fri"},
                      {R"("dayparts":[{"days":[1]}])", "/dayparts/0/days/0", "expected a string"},
                      {R"("dayparts":[{"day":["mon"]}])", "/dayparts/0/day", "did you mean \"days\"?"},
                      {R"("dayparts":["evening"])", "/dayparts/0", "expected an object"},
                      {R"("dayparts":[{"from":8}])", "/dayparts/0/from", "expected a string"}});
}

TEST(Dayparts, AreInHoursAndMinutes) {
  for (const std::string text : {"8:00", "08:60", "24:01", "25:00", "-1:00", " 8:00", "8: 00", "+8:00", "08.00",
                                 "08:00:00", "0800", "noon", ""}) {
    expectLineMistakes({{R"("dayparts":[{"until":")" + text + R"("}])", "/dayparts/0/until", "such as 18:30"}});
  }
}

// ---- money

TEST(Money, IsDecimalText) {
  const std::pair<const char*, Micros> amounts[] = {
      {"1", 1'000'000},          {"0.1", 100'000},      {"0.000001", 1},
      {"12.345678", 12'345'678}, {"007.50", 7'500'000}, {"1000000000000.000000", 1'000'000'000'000'000'000}};
  for (const auto& [text, micros] : amounts) {
    EXPECT_EQ(lineOf(std::string{R"("price":{"cpm":")"} + text + R"("},)").price.micros, micros) << text;
  }
}

TEST(Money, IsRefusedAsAnythingElse) {
  for (const std::string text : {"NaN",
                                 "nan",
                                 "Infinity",
                                 "-1",
                                 "+1",
                                 "1e3",
                                 "0x10",
                                 "1,50",
                                 "1.000,00",
                                 " 1",
                                 "1 ",
                                 "1.",
                                 ".5",
                                 ".",
                                 "",
                                 "1.2.3",
                                 "1.0000001",
                                 "0",
                                 "0.000000",
                                 "EUR 5",
                                 "1000000000000.000001",
                                 "1000000000001",
                                 "99999999999999",
                                 "18446744073709551617",
                                 "9223372036854775807"}) {
    expectLineMistakes(
        {{R"("price":{"cpm":")" + text + R"("})", "/price/cpm", "expected an amount such as \"12.50\""}});
  }
  for (const std::string number : {"1", "12.5", "-1", "1e400", "true", "null", "[\"1\"]"}) {
    expectLineMistakes({{R"("price":{"cpm":)" + number + "}", "/price/cpm", "expected a string, found "}});
  }
  expectLineMistakes({{R"("price":{"cpm":"1"},"budget":{"total":5})", "/budget/total", "found a number"},
                      {R"("price":{"cpm":"1"},"budget":{"day":"-5"})", "/budget/day", "more than 0"},
                      {R"("price":{"cpm":"1"},"budget":{"day":"1e12"})", "/budget/day", "at most 1000000000000"}});
  const auto errors = read({doc("campaign", "k", line(R"("price":{"cpm":NaN},)")), kCreative}).errors;
  EXPECT_THAT(errors, ElementsAre(mistake("0.json", "", "not JSON"))) << describe(errors);
}

TEST(Prices, AreForThousandImpressionsAViewOrTheWholeFlight) {
  EXPECT_EQ(lineOf(R"("price":{"cpm":"1"},)").price.kind, PriceKind::kCpm);
  EXPECT_EQ(lineOf(R"("price":{"cpcv":"0.02"},)").price.kind, PriceKind::kCpcv);
  const Line flat = lineOf(R"("price":{"flat":"5000"},"goal":{"impressions":1},)");
  EXPECT_EQ(flat.price.kind, PriceKind::kFlat);
  EXPECT_EQ(flat.price.micros, 5'000'000'000);
  expectLineMistakes({{R"("price":{})", "/price", "expected one of cpm, cpcv, flat"},
                      {R"("price":{"cpc":"1"})", "/price", "expected one of cpm, cpcv, flat"},
                      {R"("price":{"cpm":"1","cpcv":"1"})", "/price", "only one of cpm and cpcv"},
                      {R"("price":{"cpm":"1","currency":"EUR"})", "/price/currency", "unknown key"},
                      {R"("price":"12.50")", "/price", "expected an object, found a string"},
                      {R"("price":{"flat":"1"})", "/price", "a flat price needs a goal"}});
}

TEST(Budgets, AreForLinesWhoseImpressionsCostSomething) {
  const Line line = lineOf(R"("price":{"cpcv":"0.02"},"budget":{"day":"10"},)");
  EXPECT_EQ(line.budget.total, 0);
  EXPECT_EQ(line.budget.day, 10'000'000);
  const std::string words = "only a line with a price for impressions or views";
  expectLineMistakes({{R"("budget":{"total":"1"})", "/budget", words},
                      {R"("budget":{"total":"1"},"price":{"flat":"1"},"goal":{"impressions":1})", "/budget", words},
                      {R"("price":{"cpm":"1"},"budget":{})", "/budget", "expected \"total\", \"day\" or both"},
                      {R"("price":{"cpm":"1"},"budget":"9")", "/budget", "expected an object"},
                      {R"("price":{"cpm":"1"},"budget":{"total":"1","week":"1"})", "/budget/week", "unknown key"},
                      // A price that is wrong is one mistake.
                      {R"("price":{},"budget":{"total":"1"})", "/price", "expected one of"}});
}

TEST(Goals, AreOneOfThree) {
  EXPECT_EQ(lineOf(R"("goal":{"completedViews":5},)").goal.kind, GoalKind::kCompletedViews);
  EXPECT_EQ(lineOf(R"("goal":{"completedViews":5},)").goal.amount, 5);
  EXPECT_EQ(lineOf(R"("goal":{"shareOfVoice":1},)").goal.kind, GoalKind::kShareOfVoice);
  EXPECT_EQ(lineOf(R"("goal":{"shareOfVoice":100},)").goal.amount, 100);
  const std::string percent = "expected a whole number from 1 to 100";
  expectLineMistakes(
      {{R"("goal":{"shareOfVoice":0})", "/goal/shareOfVoice", percent + ", found 0"},
       {R"("goal":{"shareOfVoice":101})", "/goal/shareOfVoice", percent + ", found 101"},
       {R"("goal":{"shareOfVoice":-5})", "/goal/shareOfVoice", percent},
       {R"("goal":{"shareOfVoice":0.5})", "/goal/shareOfVoice", percent},
       {R"("goal":{"shareOfVoice":"50"})", "/goal/shareOfVoice", percent},
       {R"("goal":{"impressions":0})", "/goal/impressions", "from 1 to 1000000000000"},
       {R"("goal":{"impressions":1000000000001})", "/goal/impressions", "from 1 to 1000000000000"},
       {R"("goal":{"completedViews":-1})", "/goal/completedViews", "from 1 to 1000000000000"},
       {R"("goal":{})", "/goal", "expected one of impressions, completedViews, shareOfVoice"},
       {R"("goal":{"clicks":5})", "/goal", "expected one of impressions"},
       {R"("goal":{"impressions":5,"shareOfVoice":5})", "/goal", "only one of impressions and shareOfVoice"},
       {R"("goal":5)", "/goal", "expected an object"},
       {R"("goal":{"impressions":5,"per":"day"})", "/goal/per", "unknown key"},
       // A goal that is wrong is one mistake, also for a flat price.
       {R"("goal":{},"price":{"flat":"1"})", "/goal", "expected one of"}});
}

TEST(Caps, AreOneForEachPeriod) {
  EXPECT_THAT(lineOf(R"("caps":[{"impressions":1,"per":"hour"},{"impressions":1000000,"per":"flight"}],)").caps,
              ElementsAre(Cap{1, CapPeriod::kHour}, Cap{1'000'000, CapPeriod::kFlight}));
  const std::string twice =
      R"([{"impressions":1,"per":"hour"},{"impressions":2,"per":"day"},{"impressions":3,"per":"hour"}])";
  const std::string words = "there is a cap for this period already";
  expectLineMistakes(
      {{R"("caps":)" + twice, "/caps/2", words},
       {R"("caps":[{"per":"day"}])", "/caps/0", "\"impressions\" is missing"},
       {R"("caps":[{"impressions":1}])", "/caps/0", "\"per\" is missing"},
       {R"("caps":[{"impressions":0,"per":"day"}])", "/caps/0/impressions", "from 1 to 1000000, found 0"},
       {R"("caps":[{"impressions":1000001,"per":"day"}])", "/caps/0/impressions", "from 1 to 1000000"},
       {R"("caps":[{"impressions":1,"per":"day","of":"x"}])", "/caps/0/of", "unknown key"},
       {R"("caps":[3])", "/caps/0", "expected an object"},
       // A period that is wrong is no second cap for another.
       {R"("caps":[{"impressions":1,"per":"week"},{"impressions":1,"per":"day"}])", "/caps/0/per",
        "expected one of hour, day, flight"}});
  expectMistakes("campaign", {{R"({"creatives":["m"],"caps":)" + twice + "}", "/body/caps/2", words}});
  expectMistakes("creative", {{R"({"media":"m","caps":)" + twice + "}", "/body/caps/2", words}});
  expectMistakes("policy", {{R"({"policy":"monetisation","advertisers":{"a/b":{}}})", "/body/advertisers/a~1b",
                             "expected the name of an advertiser"},
                            {R"({"policy":"monetisation","advertisers":{"shop":{"caps":)" + twice + "}}}",
                             "/body/advertisers/shop/caps/2", words}});
}

}  // namespace
}  // namespace dvpe::model
