// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/placed_cache.h"

#include <gtest/gtest.h>

namespace dvpe::serve {
namespace {

PlacedCache::Placed of(const std::string& path, std::size_t bytes) {
  return {path, base::share(base::Bytes(bytes, 'x')), "video/mp4"};
}

TEST(PlacedCache, FindsWhatWasAddedAndNothingElse) {
  PlacedCache cache(1000, 60);
  EXPECT_EQ(cache.add(of("a", 10), 1).bytes->size(), 10U);
  ASSERT_NE(cache.find("a", 1), nullptr);
  EXPECT_EQ(cache.find("a", 1)->path, "a");
  EXPECT_EQ(cache.find("b", 1), nullptr);
}

TEST(PlacedCache, DropsWhatWasUsedLongestAgoWhenItIsFull) {
  PlacedCache cache(100, 60);
  cache.add(of("a", 40), 1);
  cache.add(of("b", 40), 1);
  (void)cache.find("a", 2);
  cache.add(of("c", 40), 2);
  EXPECT_NE(cache.find("a", 2), nullptr);
  EXPECT_EQ(cache.find("b", 2), nullptr);
  EXPECT_EQ(cache.bytes(), 80U);
  EXPECT_EQ(cache.add(of("large", 500), 3).bytes->size(), 500U) << "one that is larger than all is still given";
  EXPECT_EQ(cache.size(), 1U);
}

TEST(PlacedCache, ForgetsABreakThatIsOver) {
  PlacedCache cache(1000, 60);
  for (int i = 0; i < 10; ++i) cache.add(of("old" + std::to_string(i), 10), 100);
  (void)cache.find("old3", 130);
  cache.add(of("new", 10), 161);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_NE(cache.find("old3", 161), nullptr) << "asked for 31 s ago";
}

}  // namespace
}  // namespace dvpe::serve
