// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/learning/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/learning/trainer.h"

namespace dvpe::learning {
namespace {

using testing::HasSubstr;

constexpr base::WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};

Model made() {
  Trainer trainer;
  Features features;
  features.add("country=DE");
  trainer.learn("creative/tea/spring", features, 1, kStart);
  trainer.learn("creative/tea/winter", features, 0, kStart);
  return trainer.model(3, "4.17", kStart + std::chrono::seconds{60}, kStart + std::chrono::seconds{70});
}

std::string without(std::string text, const std::string& what, const std::string& instead) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), instead);
}

TEST(LearntModel, IsReadAsItWasWritten) {
  const Model model = made();
  const auto read = parseModel(toJson(model));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read.value(), model);
  EXPECT_EQ(model.arms.size(), 3u) << "two and their kind";
}

TEST(LearntModel, FindsAnArmAndExpectsOfAnUnknownOneWhatItsKindDoes) {
  const Model model = made();
  EXPECT_EQ(model.candidate("creative/tea/spring").arm->name, "creative/tea/spring");
  EXPECT_EQ(model.candidate("creative/tea/autumn").arm->name, "creative");
  EXPECT_EQ(model.candidate("creative/tea/autumn").count, 0);
  EXPECT_EQ(model.candidate("overlay/x").arm, nullptr);
}

TEST(LearntModel, RefusesWhatIsNotOne) {
  const std::string good = toJson(made());
  for (const std::string& bad :
       {std::string{"{}"}, std::string{"[1]"}, without(good, "\"noise\":1000", "\"noise\":-1"),
        without(good, "\"dimension\":64", "\"dimension\":65"),
        without(good, "\"dimension\":64", "\"dimension\":1000000"),
        without(good, "creative/tea/spring", "creative/tea/xspring"), without(good, "\"number\":3", "\"number\":0"),
        without(good, "creative/tea/spring", "creative//spring"), without(good, "\"gamma\":24000", "\"gamma\":1e99"),
        without(good, "\"from\":\"2026-06-01T00:01:10Z\"", "\"from\":\"2026-05-01T00:01:10Z\"")}) {
    EXPECT_FALSE(parseModel(bad)) << bad.substr(0, 200);
  }
  EXPECT_THAT(parseModel(without(good, "\"noise\":1000", "\"noise\":-1")).error().message, HasSubstr("noise"));
}

TEST(ArmNames, AreTwoToFourNamesOrAKind) {
  for (const char* good : {"creative", "creative/a", "creative/tea/spring", "a/b/c/d"})
    EXPECT_TRUE(isArmName(good)) << good;
  for (const char* bad : {"", "/", "a/", "/a", "a//b", "a/b/c/d/e", "a b"}) EXPECT_FALSE(isArmName(bad)) << bad;
}

}  // namespace
}  // namespace dvpe::learning
