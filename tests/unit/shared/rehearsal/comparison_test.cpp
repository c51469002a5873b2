// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/comparison.h"

#include <gmock/gmock.h>

#include "shared/rehearsal/totals.h"

namespace dvpe::rehearsal {
namespace {

using ::testing::IsEmpty;

const Named kCame{"0123456789abcdef", "de", {"b", "a"}, {{"goal", "clip"}}, {{"k/a", "m", 15}, {"h", "n", 10}}, 5};

TEST(AnExpectation, IsMetByWhatItSaysAlone) {
  EXPECT_THAT(unmet({}, kCame), IsEmpty());
  EXPECT_FALSE(Expectation{}.any());
  Expectation expected;
  expected.cohort = "0123456789abcdef";
  expected.overlays = {"a", "b"};
  expected.audio = "de";
  expected.clips = std::map<std::string, std::string>{{"goal", "clip"}};
  expected.slots = {"k/a", "h"};
  EXPECT_THAT(unmet(expected, kCame), IsEmpty()) << "overlays are painted in an order of their own";
}

TEST(AnExpectation, TellsEachThingThatIsOtherwise) {
  Expectation expected;
  expected.cohort = "base";
  expected.overlays = {"a"};
  expected.audio = "";
  expected.clips.emplace();
  expected.slots = {"h", "k/a"};
  std::string told;
  for (const Unmet& each : unmet(expected, kCame)) told += each.what + ": " + each.expected + " | " + each.came + "\n";
  EXPECT_EQ(told,
            "cohort: base | 0123456789abcdef\noverlays: a | a, b\nclips: - | goal=clip\naudio: - | de\n"
            "slots: h, k/a | k/a, h\n");
}

TEST(AChange, SaysInWhatTwoReleasesDiffer) {
  EXPECT_FALSE(changeOf(kCame, kCame).any());
  Named other = kCame;
  other.cohort = "base";
  EXPECT_TRUE(changeOf(kCame, other).overlays);
  other = kCame;
  other.clips.clear();
  EXPECT_TRUE(changeOf(kCame, other).clips);
  other = kCame;
  other.audio = "en";
  EXPECT_TRUE(changeOf(kCame, other).audio);
  other = kCame;
  other.slots[0].media = "another creative";
  const Change change = changeOf(kCame, other);
  EXPECT_TRUE(change.ads);
  EXPECT_FALSE(change.overlays || change.clips || change.audio);
}

TEST(Money, IsRoundedHalfToEven) {
  EXPECT_EQ(money(0), "0.00");
  EXPECT_EQ(money(5'000), "0.00");
  EXPECT_EQ(money(5'001), "0.01");
  EXPECT_EQ(money(15'000), "0.02");
  EXPECT_EQ(money(25'000), "0.02");
  EXPECT_EQ(money(1'234'565'000), "1234.56");
  EXPECT_EQ(money(1'234'575'000), "1234.58");
  EXPECT_EQ(money(-15'000), "-0.02");
  EXPECT_EQ(money(-4'000), "0.00");
}

}  // namespace
}  // namespace dvpe::rehearsal
