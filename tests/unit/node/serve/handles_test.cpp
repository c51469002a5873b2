// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/handles.h"

#include <gtest/gtest.h>

#include <set>

namespace dvpe::serve {
namespace {

class OneTimeHandles : public ::testing::Test {
 protected:
  base::ManualClock clock{base::WallTime{std::chrono::seconds(1'800'000'000)}};
  base::SystemRandom random;
  Handles handles{clock, random};
};

TEST_F(OneTimeHandles, OpenTheSameSessionForAMinuteAndNotLonger) {
  const std::string handle = handles.issue("news", "session-1");
  EXPECT_EQ(handle.size(), 32u);
  EXPECT_EQ(handles.redeem("news", handle), "session-1");
  clock.advance(std::chrono::seconds(59));
  EXPECT_EQ(handles.redeem("news", handle), "session-1");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(handles.redeem("news", handle), "");
}

TEST_F(OneTimeHandles, OpenNothingOnAnotherChannelOrWhenTheyAreMadeUp) {
  const std::string handle = handles.issue("news", "session-1");
  EXPECT_EQ(handles.redeem("sports", handle), "");
  for (const std::string& wrong :
       {std::string(), std::string(32, '0'), handle.substr(1), handle + "0", std::string(8000, 'x')}) {
    EXPECT_EQ(handles.redeem("news", wrong), "");
  }
}

TEST_F(OneTimeHandles, AreNeverTwiceTheSame) {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(all.insert(handles.issue("news", "s")).second);
}

TEST_F(OneTimeHandles, AreBoundedInNumberUntilTheOldestExpire) {
  for (std::size_t i = 0; i < Handles::kMost / 2; ++i) ASSERT_NE(handles.issue("news", "old"), "");
  clock.advance(std::chrono::seconds(30));
  for (std::size_t i = 0; i < Handles::kMost / 2; ++i) ASSERT_NE(handles.issue("news", "new"), "");
  EXPECT_EQ(handles.issue("news", "one too many"), "");
  clock.advance(std::chrono::seconds(30));
  const std::string handle = handles.issue("news", "again");
  EXPECT_EQ(handles.redeem("news", handle), "again");
}

}  // namespace
}  // namespace dvpe::serve
