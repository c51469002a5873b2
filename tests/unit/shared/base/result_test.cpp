// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace dvpe::base {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(ErrorCode::kInvalidInput, std::to_string(n) + " is odd");
  return n / 2;
}

Result<int> quarter(int n) {
  DVPE_TRY(const int h, half(n));
  return half(h);
}

Result<void> check(int n) {
  DVPE_CHECK(quarter(n));
  return success();
}

TEST(AResult, IsAValueOrAnError) {
  EXPECT_EQ(half(8).value(), 4);
  const auto failed = half(3);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(failed.error().message, "3 is odd");
}

TEST(AResult, HandsErrorsOnFromWhereTheyHappened) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_TRUE(check(4));
  EXPECT_EQ(check(5).error().message, "5 is odd");
}

TEST(AResult, MovesWhatCannotBeCopied) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  auto made = make();
  ASSERT_TRUE(made);
  EXPECT_EQ(*std::move(made).value(), 7);
}

TEST(AResultDeathTest, EndsTheProgramWhenTheWrongHalfIsLookedAt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(half(3).value()), "");
}

TEST(ErrorCodes, HaveWordsOfTheirOwn) {
  std::set<std::string> words;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) words.insert(name(static_cast<ErrorCode>(i)));
  EXPECT_EQ(words.size(), static_cast<std::size_t>(ErrorCode::kInternal) + 1);
}

}  // namespace
}  // namespace dvpe::base
