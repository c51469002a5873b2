// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <thread>

#include "tests/unit/shared/media/clips.h"

namespace dvpe::media {
namespace {

int luma(const Frame& f, int x, int y) { return f.plane(0)[y * f.stride(0) + x]; }
int chroma(const Frame& f, int x, int y) { return f.plane(1)[y / 2 * f.stride(1) + x / 2]; }

TEST(Scaler, FillsTheTargetWhenTheAspectsAgree) {
  Frame from(640, 360), to(1280, 720);
  from.fill(200, 90, 160);
  ASSERT_TRUE(makeScaler()->scale(from, to));
  for (const auto& [x, y] : {std::pair{0, 0}, {1279, 0}, {0, 719}, {1279, 719}, {640, 360}}) {
    EXPECT_EQ(luma(to, x, y), 200);
    EXPECT_EQ(chroma(to, x, y), 90);
  }
}

TEST(Scaler, PutsBlackAtTheSidesOfANarrowPicture) {
  Frame from(480, 360), to(640, 360);  // 4:3 into 16:9
  from.fill(200, 90, 160);
  to.fill(77, 77, 77);
  auto scaler = makeScaler();
  ASSERT_TRUE(scaler->scale(from, to));
  EXPECT_EQ(luma(to, 0, 100), 16);
  EXPECT_EQ(luma(to, 79, 100), 16);
  EXPECT_EQ(luma(to, 80, 100), 200);
  EXPECT_EQ(luma(to, 559, 359), 200);
  EXPECT_EQ(luma(to, 560, 100), 16);
  EXPECT_EQ(luma(to, 639, 359), 16);
  EXPECT_EQ(chroma(to, 10, 100), 128);
  EXPECT_EQ(chroma(to, 638, 100), 128);
}

TEST(Scaler, PutsBlackAboveAndBelowAWidePicture) {
  Frame from(640, 272), to(426, 240);
  from.fill(200, 90, 160);
  to.fill(77, 77, 77);
  ASSERT_TRUE(makeScaler()->scale(from, to));
  EXPECT_EQ(luma(to, 200, 0), 16);
  EXPECT_EQ(luma(to, 200, 239), 16);
  EXPECT_EQ(luma(to, 425, 120), 200);
  EXPECT_EQ(chroma(to, 425, 239), 128);
}

TEST(Scaler, TakesSizesThatChangeAndTheSmallest) {
  auto scaler = makeScaler();
  Frame to(320, 180);
  for (const auto& [w, h] : {std::pair{640, 360}, {16, 16}, {2, 2}, {1080, 1920}, {320, 180}}) {
    Frame from(w, h);
    from.fill(150, 128, 128);
    ASSERT_TRUE(scaler->scale(from, to)) << w << "x" << h;
    EXPECT_NEAR(luma(to, 160, 90), 150, 1) << w << "x" << h;
  }
}

TEST(FramePool, FreesWhatNobodyNeededForAWhile) {
  auto pool = FramePool::create(64, 32);
  {
    std::vector<std::shared_ptr<Frame>> behind;
    behind.reserve(20);
    for (int i = 0; i < 20; ++i) behind.push_back(pool->acquire());
  }
  EXPECT_EQ(pool->idle(), 20U);
  for (int i = 0; i < 2 * FramePool::kWindow; ++i) {
    const auto a = pool->acquire(), b = pool->acquire();
  }
  EXPECT_EQ(pool->idle(), 2U);
}

TEST(FramePool, GivesBuffersBackAndOutlivesNoFrame) {
  auto pool = FramePool::create(64, 32);
  auto a = pool->acquire();
  const std::uint8_t* memory = a->plane(0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a->plane(1)) % 64, 0U);
  a.reset();
  auto b = pool->acquire();
  EXPECT_EQ(b->plane(0), memory);
  auto c = pool->acquire();
  EXPECT_NE(c->plane(0), memory);
  pool.reset();
  b->fill(1, 2, 3);
  std::thread([last = std::move(b)]() mutable { last.reset(); }).join();
}

}  // namespace
}  // namespace dvpe::media
