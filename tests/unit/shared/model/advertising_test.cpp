// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What stands around campaigns: creatives, experiments, the monetisation policy, and the channels that show them.
#include "shared/model/campaigns.h"

#include <fstream>

#include "tests/unit/shared/model/texts.h"

namespace dvpe::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kProfile =
    doc("profile", "p", R"({"fps":"25","rungs":[{"name":"v","width":640,"height":360,"maxrate":900000}]})");

std::string channel(const std::string& keys) { return doc("channel", "c", R"({"profile":"p")" + keys + "}"); }

std::string campaign(const std::string& id, const std::string& keys, const std::string& lineKeys = "") {
  return doc("campaign", id,
             "{" + keys + R"("lines":[{)" + lineKeys + R"("id":"l","creatives":[{"creative":"ad"}]}]})");
}

std::string arm(const std::string& experiment, const std::string& name) {
  return R"("arm":{"experiment":")" + experiment + R"(","arm":")" + name + R"("})";
}

std::string experiment(const std::string& id, const std::string& arms, const std::string& group = "") {
  return doc("experiment", id,
             "{" + (group.empty() ? "" : R"("group":")" + group + R"(",)") + R"("arms":[)" + arms + "]}");
}

std::string policy(const std::string& keys, const std::string& id = "money") {
  return doc("policy", id, R"({"policy":"monetisation")" + keys + "}");
}

// ---- creatives

TEST(Creatives, AreReadInFull) {
  const Loaded loaded =
      read({doc("creative", "ad", R"({"title":"Spring","media":"ad-1","categories":["cars"],"minAge":18,
      "caps":[{"impressions":3,"per":"day"}],"clickThrough":"https://example.com/a?b=c#d"})"),
            doc("creative", "short", R"({"media":"ad-2"})")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Creative& creative = loaded.documents.creatives.at("ad");
  EXPECT_EQ(creative.id, "ad");
  EXPECT_EQ(creative.revision, 7);
  EXPECT_EQ(creative.title, "Spring");
  EXPECT_EQ(creative.media, "ad-1");
  EXPECT_THAT(creative.categories, ElementsAre("cars"));
  EXPECT_EQ(creative.minAge, 18);
  EXPECT_THAT(creative.caps, ElementsAre(Cap{3, CapPeriod::kDay}));
  EXPECT_EQ(creative.clickThrough, "https://example.com/a?b=c#d");
  const Creative& few = loaded.documents.creatives.at("short");
  EXPECT_EQ(few.title, "");
  EXPECT_THAT(few.categories, IsEmpty());
  EXPECT_EQ(few.minAge, 0);
  EXPECT_THAT(few.caps, IsEmpty());
  EXPECT_EQ(few.clickThrough, "");
}

TEST(Creatives, RefuseWhatCannotBeShown) {
  expectMistakes("creative", {{"{}", "/body", "\"media\" is missing"},
                              {R"({"media":"a b"})", "/body/media", "expected a name"},
                              {R"({"media":"m","minAge":22})", "/body/minAge", "from 0 to 21, found 22"},
                              {R"({"media":"m","minAge":-1})", "/body/minAge", "from 0 to 21"},
                              {R"({"media":"m","categories":"cars"})", "/body/categories", "expected a list"},
                              {R"({"media":"m","clickthrough":"https://x"})", "/body/clickthrough",
                               "did you mean \"clickThrough\"?"}});
  for (const std::string address : {"http://example.com", "example.com", "javascript:alert(1)", "https://", "",
                                    "HTTPS://example.com", "https://example.com/a b", "https://example.com/\\n",
                                    "https://example.com/\\\"onload=", "https://exämple.com"}) {
    expectMistakes("creative", {{R"({"media":"m","clickThrough":")" + address + R"("})", "/body/clickThrough",
                                 "begins with https://"}});
  }
}

TEST(Creatives, ShowMediaThatIsThere) {
  const auto errors =
      readDocuments({{"a", doc("creative", "ad", R"({"media":"film-2"})")}}, {std::set<std::string>{}}).errors;
  EXPECT_THAT(errors, ElementsAre(mistake("creative ad", "/body/media", "there is no media \"film-2\"")));
  EXPECT_THAT(readDocuments({{"a", kCreative}}, {std::set<std::string>{"m"}}).errors, IsEmpty());
}

TEST(Lines, NameCreativesThatAreThere) {
  const auto errors = read({campaign("k", ""), doc("creative", "ax", R"({"media":"m"})")}).errors;
  EXPECT_THAT(errors, ElementsAre(mistake("campaign k", "/body/lines/0/creatives/0/creative",
                                          "there is no creative \"ad\"; did you mean \"ax\"?")))
      << describe(errors);
}

// ---- experiments

TEST(Experiments, AreReadInFull) {
  const Loaded loaded = read({doc("experiment", "e", R"({"title":"Which one","group":"spring","arms":[
      {"id":"old","buckets":[[0,500],[9000,10000]]},{"id":"new","buckets":[[500,501]]},{"id":"later","buckets":[]}]})"),
                              doc("experiment", "f", R"({"arms":[{"id":"a","buckets":[[0,10000]]}]})")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Experiment& full = loaded.documents.experiments.at("e");
  EXPECT_EQ(full.id, "e");
  EXPECT_EQ(full.revision, 7);
  EXPECT_EQ(full.title, "Which one");
  EXPECT_EQ(full.group, "spring");
  ASSERT_THAT(full.arms, SizeIs(3));
  EXPECT_EQ(full.arms[0].id, "old");
  EXPECT_THAT(full.arms[0].buckets, ElementsAre(Buckets{0, 500}, Buckets{9000, 10000}));
  EXPECT_THAT(full.arms[1].buckets, ElementsAre(Buckets{500, 501}));
  EXPECT_THAT(full.arms[2].buckets, IsEmpty());
  EXPECT_EQ(loaded.documents.experiments.at("f").group, "");
}

TEST(Experiments, RefuseBucketsThatAreNone) {
  const auto buckets = [](const std::string& text) { return R"({"arms":[{"id":"a","buckets":[)" + text + "]}]}"; };
  for (const std::string pair : {"[0]", "[0,1,2]", "[]", "[5,5]", "[6,5]", "[-1,5]", "[0,10001]", "[0,1.0]",
                                 "[\"0\",\"1\"]", "[0,18446744073709551615]", "[null,1]", "5", "{}"}) {
    expectMistakes("experiment", {{buckets(pair), "/body/arms/0/buckets/0", "with 0 <= from < until <= 10000"}});
  }
  expectMistakes("experiment",
                 {{"{}", "/body", "\"arms\" is missing"},
                  {R"({"arms":["a"]})", "/body/arms/0", "expected an object"},
                  {R"({"arms":[{"buckets":[[0,1]]}]})", "/body/arms/0", "\"id\" is missing"},
                  {R"({"arms":[{"id":"a"}]})", "/body/arms/0", "\"buckets\" is missing"},
                  {R"({"arms":[{"id":"a","buckets":[[0,1]],"share":5}]})", "/body/arms/0/share", "unknown key"},
                  {R"({"arms":[{"id":"a","buckets":[[0,1]]},{"id":"a","buckets":[[1,2]]}]})", "/body/arms/1/id",
                   "another arm has the id \"a\" too"}});
}

TEST(Experiments, HaveEachViewerInOneArm) {
  const auto errors =
      read({experiment("e", R"({"id":"a","buckets":[[0,100],[50,60]]},{"id":"b","buckets":[[99,100]]})")}).errors;
  const std::string words = "these buckets are those of arm \"a\" of experiment \"e\" too";
  EXPECT_THAT(errors, UnorderedElementsAre(mistake("experiment e", "/body/arms/0/buckets/1", words),
                                           mistake("experiment e", "/body/arms/1/buckets/0", words)))
      << describe(errors);
  EXPECT_THAT(
      read({experiment("e", R"({"id":"a","buckets":[[0,100],[200,300]]},{"id":"b","buckets":[[100,200]]})")}).errors,
      IsEmpty());
}

TEST(Experiments, OfOneGroupShareNoViewer) {
  const std::string low = R"({"id":"a","buckets":[[0,6000]]})";
  const std::string high = R"({"id":"b","buckets":[[5999,10000]]})";
  const std::string words = "these buckets are those of arm \"a\" of experiment \"e\" too";
  EXPECT_THAT(read({experiment("e", low, "g"), experiment("f", high, "g")}).errors,
              ElementsAre(mistake("experiment f", "/body/arms/0/buckets/0", words)));
  // In groups of their own, one by its id, they are independent of each other.
  EXPECT_THAT(read({experiment("e", low, "g"), experiment("f", high, "h")}).errors, IsEmpty());
  EXPECT_THAT(read({experiment("e", low), experiment("f", high)}).errors, IsEmpty());
  // Without a group an experiment's id is its group.
  EXPECT_THAT(read({experiment("e", low), experiment("f", high, "e")}).errors,
              ElementsAre(mistake("experiment f", "/body/arms/0/buckets/0", words)));
}

TEST(Arms, AreNamedByLinesAndRules) {
  const std::string ruleset = R"({"channel":"c","rules":[{"id":"a","when":"true","actions":[],)" + arm("e", "new") +
                              R"(},{"id":"b","when":"true","actions":[]}]})";
  const Loaded loaded =
      read({kProfile, channel(""), kCreative, doc("ruleset", "r", ruleset), campaign("k", "", arm("e", "new") + ","),
            experiment("e", R"({"id":"new","buckets":[[0,5000]]})")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const std::vector<Rule>& rules = loaded.documents.rulesets.at("r").rules;
  EXPECT_EQ(rules[0].arm.experiment, "e");
  EXPECT_EQ(rules[0].arm.arm, "new");
  EXPECT_TRUE(rules[1].arm.empty());
  EXPECT_EQ(loaded.documents.campaigns.at("k").lines[0].arm.arm, "new");
}

TEST(Arms, MustBeThere) {
  const std::string rules = R"({"channel":"c","rules":[{"id":"a","when":"true","actions":[],)" + arm("test1", "new") +
                            R"(},{"id":"b","when":"true","actions":[],)" + arm("test", "knew") +
                            R"(},{"id":"c","when":"true","actions":[],)" + arm("test", "other") + "}]}";
  const auto errors =
      read({kProfile, channel(""), kCreative, doc("ruleset", "r", rules), campaign("k", "", arm("tests", "new") + ","),
            campaign("l", "", arm("test", "now") + ","), experiment("test", R"({"id":"new","buckets":[[0,1]]})")})
          .errors;
  EXPECT_THAT(errors,
              UnorderedElementsAre(
                  mistake("ruleset r", "/body/rules/0/arm/experiment",
                          "there is no experiment \"test1\"; did you mean \"test\"?"),
                  mistake("ruleset r", "/body/rules/1/arm/arm", "\"test\" has no arm \"knew\"; did you mean \"new\"?"),
                  mistake("ruleset r", "/body/rules/2/arm/arm", "experiment \"test\" has no arm \"other\""),
                  mistake("campaign k", "/body/lines/0/arm/experiment",
                          "there is no experiment \"tests\"; did you mean \"test\"?"),
                  mistake("campaign l", "/body/lines/0/arm/arm", "has no arm \"now\"; did you mean \"new\"?")))
      << describe(errors);
}

TEST(Arms, AreNamedInFull) {
  const auto errors = read({kCreative, campaign("a", "", R"("arm":{},)"), campaign("b", "", R"("arm":"new",)"),
                            campaign("c", "", R"("arm":{"experiment":"e"},)"),
                            campaign("d", "", R"("arm":{"experiment":"e","arm":"a b"},)"),
                            campaign("e", "", R"("arm":{"experiment":"e","arm":"a","share":1},)"),
                            experiment("e", R"({"id":"a","buckets":[[0,1]]})")})
                          .errors;
  EXPECT_THAT(errors, ElementsAre(mistake("1.json", "/body/lines/0/arm", "\"experiment\" is missing"),
                                  mistake("1.json", "/body/lines/0/arm", "\"arm\" is missing"),
                                  mistake("2.json", "/body/lines/0/arm", "expected an object, found a string"),
                                  mistake("3.json", "/body/lines/0/arm", "\"arm\" is missing"),
                                  mistake("4.json", "/body/lines/0/arm/arm", "expected a name"),
                                  mistake("5.json", "/body/lines/0/arm/share", "unknown key")))
      << describe(errors);
}

// ---- the monetisation policy

TEST(MonetisationPolicies, AreReadInFull) {
  const Loaded loaded = read({policy(R"(,"currency":"CHF","rates":{"EUR":"0.95","JPY":"0.006123","XAU":"1000000"},
      "advertisers":{"shop":{"currency":"EUR","caps":[{"impressions":9,"per":"hour"}]},"bank":{}})")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  ASSERT_TRUE(loaded.documents.monetisation);
  const Monetisation& money = *loaded.documents.monetisation;
  EXPECT_EQ(money.id, "money");
  EXPECT_EQ(money.revision, 7);
  EXPECT_EQ(money.currency, "CHF");
  EXPECT_THAT(money.rates, ElementsAre(Pair("EUR", 950'000), Pair("JPY", 6'123), Pair("XAU", 1'000'000'000'000)));
  ASSERT_THAT(money.advertisers, SizeIs(2));
  EXPECT_EQ(money.advertisers.at("shop").currency, "EUR");
  EXPECT_THAT(money.advertisers.at("shop").caps, ElementsAre(Cap{9, CapPeriod::kHour}));
  EXPECT_EQ(money.advertisers.at("bank").currency, "");
  EXPECT_THAT(money.advertisers.at("bank").caps, IsEmpty());
}

TEST(MonetisationPolicies, AreInEuroUnlessTheySayOtherwise) {
  EXPECT_FALSE(read({kCreative}).documents.monetisation);
  const Loaded loaded = read({policy("")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  EXPECT_EQ(loaded.documents.monetisation->currency, "EUR");
}

TEST(MonetisationPolicies, AreTheOnlyOnes) {
  EXPECT_THAT(read({policy(""), policy("", "more")}).errors,
              ElementsAre(mistake("1.json", "/body", "there is a monetisation policy already: \"money\"")));
  const std::string words = "expected an object with \"policy\": \"monetisation\"";
  expectMistakes("policy", {{R"({"policy":"privacy"})", "/body", words},
                            {R"({"policy":["monetisation"]})", "/body", words},
                            {R"({"currency":"EUR"})", "/body", words},
                            {"{}", "/body", words},
                            {"[]", "/body", words}});
  EXPECT_THAT(read({R"({"kind":"policy","id":"money","organisation":"o","revision":1})"}).errors,
              ElementsAre(mistake("0.json", "", "\"body\" is missing")));
}

TEST(MonetisationPolicies, RefuseRatesThatAreNoMoney) {
  for (const std::string rate : {"\"0\"", "\"-1\"", "\"NaN\"", "\"1e3\"", "\"0.9200001\"", "\"1000000.1\"", "\"\""}) {
    expectMistakes("policy", {{R"({"policy":"monetisation","rates":{"USD":)" + rate + "}}", "/body/rates/USD",
                               "expected a rate such as \"0.92\": what one USD is worth"}});
  }
  expectMistakes(
      "policy", {{R"({"policy":"monetisation","rates":{"USD":0.92}})", "/body/rates/USD", "expected a string"},
                 {R"({"policy":"monetisation","rates":{"usd":"0.92"}})", "/body/rates/usd", "ISO 4217"},
                 {R"({"policy":"monetisation","rates":["USD"]})", "/body/rates", "expected an object"},
                 {R"({"policy":"monetisation","currency":"Euro"})", "/body/currency", "ISO 4217 such as EUR"},
                 {R"({"policy":"monetisation","advertisers":{"shop":{"currency":"eur"}}})",
                  "/body/advertisers/shop/currency", "ISO 4217 such as EUR"},
                 {R"({"policy":"monetisation","advertisers":{"shop":{"cap":[]}}})", "/body/advertisers/shop/cap",
                  "did you mean \"caps\"?"},
                 {R"({"policy":"monetisation","advertisers":{"shop":"EUR"}})", "/body/advertisers/shop", "an object"}});
}

TEST(Currencies, AreThreeCapitals) {
  for (const std::string text : {"eur", "EURO", "EU", "", "E R", "€", "E1R"}) {
    expectMistakes("campaign", {{R"({"creatives":["m"],"currency":")" + text + R"("})", "/body/currency", "ISO 4217"}});
  }
}

TEST(Currencies, NeedARate) {
  const std::string usd = campaign("k", R"("currency":"USD",)");
  const std::string words = "the monetisation policy has no rate for USD";
  EXPECT_THAT(read({kCreative, usd}).errors, ElementsAre(mistake("campaign k", "/body/currency", words)));
  EXPECT_THAT(read({kCreative, usd, policy("")}).errors, ElementsAre(mistake("campaign k", "/body/currency", words)));
  EXPECT_THAT(read({kCreative, usd, policy(R"(,"rates":{"USD":"0.92"})")}).errors, IsEmpty());
  EXPECT_THAT(read({kCreative, usd, policy(R"(,"currency":"USD")")}).errors, IsEmpty());
  EXPECT_THAT(read({kCreative, campaign("k", R"("currency":"EUR",)")}).errors, IsEmpty());
  // A campaign in short has no money.
  EXPECT_THAT(read({doc("campaign", "k", R"({"creatives":["m"],"currency":"USD"})")}).errors, IsEmpty());
}

TEST(Currencies, AreOneForAnAdvertiser) {
  const std::string rates = R"(,"rates":{"USD":"0.92"})";
  const std::string usd = campaign("b", R"("currency":"USD",)");
  EXPECT_THAT(read({kCreative, campaign("a", ""), usd, policy(rates)}).errors,
              ElementsAre(mistake("campaign b", "/body/currency",
                                  "expected one currency for advertiser \"aventa\": campaign \"a\" has EUR")));
  EXPECT_THAT(read({kCreative, campaign("a", R"("advertiser":"shop",)"), usd, policy(rates)}).errors, IsEmpty());
  EXPECT_THAT(read({kCreative, campaign("a", R"("currency":"USD",)"), usd, policy(rates)}).errors, IsEmpty());
}

TEST(Currencies, MayBeFixedByThePolicy) {
  const std::string fixed = policy(R"(,"rates":{"USD":"0.92"},"advertisers":{"aventa":{"currency":"USD"}})");
  EXPECT_THAT(read({kCreative, campaign("a", ""), campaign("b", R"("currency":"USD",)"), fixed}).errors, IsEmpty());
  EXPECT_THAT(read({kCreative, campaign("a", R"("currency":"EUR",)"), fixed}).errors,
              ElementsAre(mistake("campaign a", "/body/currency", "advertiser \"aventa\" has the currency USD")));
  EXPECT_THAT(read({kCreative, campaign("a", ""), policy(R"(,"advertisers":{"aventa":{"currency":"USD"}})")}).errors,
              ElementsAre(mistake("campaign a", "/body/currency", "has no rate for USD")));
}

// ---- channels and rules

TEST(Channels, SayWhatAdvertisingTheyMayShow) {
  const Loaded loaded =
      read({kProfile, channel(R"(,"rating":"FSK 12","audienceAge":12,"blockedCategories":["betting","alcohol"],
      "maxBreakUnits":100,"defaultBreakUnits":20,"breakLengths":[10,40])")});
  ASSERT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  const Channel& full = loaded.documents.channels.at("c");
  EXPECT_EQ(full.rating, "FSK 12");
  EXPECT_EQ(full.audienceAge, 12);
  EXPECT_THAT(full.blockedCategories, ElementsAre("betting", "alcohol"));
  EXPECT_THAT(full.breakLengths, ElementsAre(10, 20, 40, 100));
}

TEST(Channels, HaveDefaultsForAdvertising) {
  const auto lengths = [](const std::string& keys) {
    const Loaded loaded = read({kProfile, channel(keys)});
    EXPECT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
    return loaded.documents.channels.at("c").breakLengths;
  };
  EXPECT_THAT(lengths(""), ElementsAre(15, 30, 60, 90, 120));
  EXPECT_THAT(lengths(R"(,"maxBreakUnits":45)"), ElementsAre(15, 30, 45));
  EXPECT_THAT(lengths(R"(,"maxBreakUnits":10)"), ElementsAre(10));
  EXPECT_THAT(lengths(R"(,"defaultBreakUnits":20,"maxBreakUnits":300)"), ElementsAre(15, 20, 30, 60, 90, 120, 300));
  EXPECT_THAT(lengths(R"(,"breakLengths":[])"), ElementsAre(30, 120));
  EXPECT_THAT(lengths(R"(,"breakLengths":[30,120])"), ElementsAre(30, 120));
  const Loaded loaded = read({kProfile, channel("")});
  const Channel& few = loaded.documents.channels.at("c");
  EXPECT_EQ(few.rating, "");
  EXPECT_EQ(few.audienceAge, 18);
  EXPECT_THAT(few.blockedCategories, IsEmpty());
}

TEST(Channels, RefuseBreakLengthsThatDoNotAscendOrAreTooLong) {
  const auto expect = [](const std::string& keys, const std::string& path, const std::string& words) {
    const auto errors = read({kProfile, channel("," + keys)}).errors;
    EXPECT_THAT(errors, ElementsAre(mistake("1.json", path, words))) << keys << "\n" << describe(errors);
  };
  expect(R"("breakLengths":[30,15])", "/body/breakLengths/1", "from 31 to 120, ascending");
  expect(R"("breakLengths":[30,30])", "/body/breakLengths/1", "from 31 to 120, ascending");
  expect(R"("breakLengths":[0,15])", "/body/breakLengths/0", "from 1 to 120, ascending");
  expect(R"("breakLengths":[15,121])", "/body/breakLengths/1", "from 16 to 120, ascending");
  expect(R"("breakLengths":[15,90],"maxBreakUnits":60)", "/body/breakLengths/1", "from 16 to 60, ascending");
  expect(R"("breakLengths":[15.5])", "/body/breakLengths/0", "from 1 to 120, ascending");
  expect(R"("breakLengths":["15"])", "/body/breakLengths/0", "from 1 to 120, ascending");
  expect(R"("breakLengths":15)", "/body/breakLengths", "expected a list");
  expect(R"("breakLengths":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17])", "/body/breakLengths", "at most 16 entries");
  expect(R"("rating":12)", "/body/rating", "expected a string");
  expect(R"("audienceAge":22)", "/body/audienceAge", "from 0 to 21, found 22");
  expect(R"("audienceAge":"18")", "/body/audienceAge", "from 0 to 21");
  expect(R"("blockedCategories":["a","a"])", "/body/blockedCategories/1", "listed twice");
}

TEST(FillBreaks, MayLetInAllCampaigns) {
  const auto rules = [](const std::string& fill) {
    return doc("ruleset", "r",
               R"({"channel":"c","rules":[{"id":"a","when":"true","actions":[{"fillBreaks":)" + fill + "}]}]}");
  };
  const auto fillOf = [&](const std::string& fill) {
    const Loaded loaded = read({kProfile, channel(""), kCreative, campaign("k", ""), rules(fill)});
    EXPECT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
    return std::get<FillBreaks>(loaded.documents.rulesets.at("r").rules[0].actions[0]);
  };
  EXPECT_TRUE(fillOf(R"({"all":true})").all);
  EXPECT_THAT(fillOf(R"({"all":true})").campaigns, IsEmpty());
  EXPECT_TRUE(fillOf(R"({"all":true,"campaigns":["k"]})").all);
  EXPECT_THAT(fillOf(R"({"all":true,"campaigns":["k"]})").campaigns, ElementsAre("k"));
  EXPECT_FALSE(fillOf(R"({"campaigns":["k"]})").all);
  const std::string path = "/body/rules/0/actions/0/fillBreaks";
  for (const std::string fill : {"{}", R"({"all":false})"}) {
    EXPECT_THAT(read({kProfile, channel(""), rules(fill)}).errors,
                ElementsAre(mistake("2.json", path, "\"campaigns\" is missing")));
  }
  EXPECT_THAT(read({kProfile, channel(""), rules(R"({"all":1,"campaigns":[]})")}).errors,
              ElementsAre(mistake("2.json", path + "/all", "expected true or false")));
}

// ---- the reference

// The documents in docs/reference/campaigns.md.
TEST(TheReference, HasExamplesThatAreRead) {
  std::ifstream file{DVPE_SOURCE_DIR "/docs/reference/campaigns.md"};
  std::vector<std::string> texts;
  bool inside = false;
  for (std::string row; std::getline(file, row);) {
    if (row == "```json") texts.emplace_back();
    if (inside && row != "```") texts.back() += row + "\n";
    inside = row == "```json" || (inside && row != "```");
  }
  const Loaded loaded = read(texts);
  EXPECT_THAT(loaded.errors, IsEmpty()) << describe(loaded.errors);
  EXPECT_THAT(loaded.documents.campaigns, SizeIs(1));
  EXPECT_THAT(loaded.documents.creatives, SizeIs(2));
  EXPECT_THAT(loaded.documents.experiments, SizeIs(1));
  EXPECT_TRUE(loaded.documents.monetisation);
}

}  // namespace
}  // namespace dvpe::model
