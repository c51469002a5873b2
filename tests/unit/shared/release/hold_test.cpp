// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/hold.h"

#include <gmock/gmock.h>

#include "tests/unit/shared/release/support.h"

namespace dvpe::release {
namespace {

using namespace test;
using base::ErrorCode;
using testing::HasSubstr;

std::string text(const std::string& body, const std::string& organisation = "demo") {
  return R"({"kind":"hold","id":"h","organisation":")" + organisation + R"(","revision":2,"body":)" + body + "}";
}
std::string whyNot(const std::string& json) {
  const auto parsed = parseHold(json);
  return parsed ? "" : parsed.error().message;
}

TEST(AHold, SaysWhatIsHeldAndUntilWhen) {
  const auto hold = parseHold(text(R"({"holds":{"kind":"overlay","id":"banner"},"until":"2027-01-15T08:00:00Z"})"));
  ASSERT_TRUE(hold.has_value()) << hold.error().message;
  EXPECT_EQ(hold.value().header.revision, 2);
  EXPECT_EQ(hold.value().of, (DocumentName{"overlay", "banner"}));
  EXPECT_EQ(hold.value().until, 1'800'000'000);
  EXPECT_TRUE(hold.value().holdsAt(1'799'999'999));
  EXPECT_FALSE(hold.value().holdsAt(1'800'000'000));
}

TEST(AHold, LastsUntilItIsLifted) {
  EXPECT_TRUE(parseHold(text(R"({"holds":{"kind":"media","id":"m"}})")).value().holdsAt(kNow * 2));
  EXPECT_FALSE(parseHold(text(R"({"holds":{"kind":"media","id":"m"},"lifted":true})")).value().holdsAt(kNow));
}

TEST(AHold, NamesAllOfItsMistakes) {
  const std::string all =
      whyNot(text(R"({"holds":{"kind":"channel","id":"a b","x":1},"until":"tomorrow","lifted":1,"why":"?"})"));
  for (const char* place :
       {"/body/holds/kind", "/body/holds/id", "/body/holds/x", "/body/until", "/body/lifted", "/body/why"}) {
    EXPECT_THAT(all, HasSubstr(place));
  }
  EXPECT_THAT(whyNot(text("{}")), HasSubstr("holds"));
  EXPECT_THAT(whyNot(R"({"kind":"overlay","id":"h","organisation":"o","revision":1,"body":[]})"), HasSubstr("/kind"));
  EXPECT_NE(whyNot("{"), "");
  EXPECT_EQ(parseHold(text(R"({"holds":{"kind":"media","id":"m"}})") + std::string(kMaxHoldBytes, ' ')).error().code,
            ErrorCode::kLimitExceeded);
}

class HoldsOfPeople : public ::testing::Test {
 protected:
  HoldsOfPeople() {
    Key bound = people_.line("bea", {Role::kBroadcaster});
    bound.channels = {"one"};
    const auto listed =
        document(1, {people_.line("ada", {Role::kAdmin}), people_.line("cleo", {Role::kCreator}), bound,
                     people_.line("adam", {Role::kAdvertiser}, "shop"), people_.line("ann", {Role::kAnalyst}),
                     people_.line("olga", {Role::kAdOperations})});
    EXPECT_TRUE(ring_.advance(people_.sign(toJson(listed), Domain::kKeys, {"root"}), kNow).has_value());
  }
  base::Result<CheckedHold> check(const std::string& by, const std::string& organisation = "demo", Time at = kNow) {
    const std::string json = text(R"({"holds":{"kind":"overlay","id":"banner"}})", organisation);
    return checkHold(people_.sign(json, Domain::kDocument, {by}), ring_, at);
  }
  bool may(const std::string& by, const std::string& kind, const std::string& organisation,
           const std::vector<std::string>& channels = {}) {
    return mayHold(check(by, by == "adam" ? "shop" : "demo").value().signer, kind, organisation, channels);
  }

  People people_;
  KeyRing ring_{people_.key("root").publicKey()};
};

TEST_F(HoldsOfPeople, AreSignedByTheirOwnOrganisation) {
  EXPECT_TRUE(check("cleo").has_value());
  EXPECT_EQ(check("adam").error().code, ErrorCode::kRefused) << "he is of another";
  EXPECT_EQ(check("ann").error().code, ErrorCode::kRefused) << "analysts hold nothing";
  EXPECT_EQ(check("cleo", "demo", kNow + 2 * kDay).error().code, ErrorCode::kRefused) << "her key had ended";
  Signed changed = people_.sign(text(R"({"holds":{"kind":"overlay","id":"banner"}})"), Domain::kDocument, {"cleo"});
  changed.bytes.back() = ' ';
  EXPECT_EQ(checkHold(changed, ring_, kNow).error().code, ErrorCode::kRefused);
}

TEST_F(HoldsOfPeople, HoldTheirOwnDocumentsAndThoseInTheirCare) {
  EXPECT_TRUE(may("cleo", "overlay", "demo"));
  EXPECT_FALSE(may("cleo", "campaign", "shop"));
  EXPECT_FALSE(may("adam", "overlay", "demo"));
  EXPECT_TRUE(may("adam", "campaign", "shop"));
  EXPECT_TRUE(may("ada", "campaign", "shop")) << "an admin holds anything";
  EXPECT_TRUE(may("olga", "campaign", "shop"));
  EXPECT_TRUE(may("olga", "media", "shop"));
  EXPECT_FALSE(may("olga", "overlay", "shop"));
}

TEST_F(HoldsOfPeople, StayOnTheChannelsOfTheirKeys) {
  EXPECT_TRUE(may("bea", "ruleset", "demo", {"one"}));
  EXPECT_FALSE(may("bea", "ruleset", "demo", {"two"}));
  EXPECT_TRUE(may("bea", "overlay", "demo")) << "as whoever may author it";
}

}  // namespace
}  // namespace dvpe::release
