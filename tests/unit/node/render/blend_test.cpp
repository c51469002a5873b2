// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/blend.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>

namespace dvpe::render {
namespace {

using overlay::Sprite;

Sprite solid(int x, int y, int width, int height, std::uint32_t argb) {
  return {x, y, width, height,
          std::vector<std::uint32_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), argb)};
}

// Every alpha and many colours, from a fixed generator.
Sprite noise(int x, int y, int width, int height) {
  Sprite sprite = solid(x, y, width, height, 0);
  std::uint32_t state = 12345;
  for (auto& pixel : sprite.argbPremultiplied) {
    state = state * 1664525 + 1013904223;
    const std::uint32_t a = state >> 24;
    const auto part = [&](unsigned shift) { return (state >> shift & 255) * a / 255 << shift; };
    pixel = a << 24 | part(16) | part(8) | part(0);
  }
  return sprite;
}

std::shared_ptr<media::Frame> gradient(int width, int height) {
  auto frame = std::make_shared<media::Frame>(width, height);
  for (int p = 0; p < 3; ++p) {
    const int w = p ? width / 2 : width, h = p ? height / 2 : height;
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x)
        frame->plane(p)[y * frame->stride(p) + x] = static_cast<std::uint8_t>(x * 7 + y * 13 + p);
    }
  }
  return frame;
}

int sample(const media::Frame& frame, int plane, int x, int y) {
  return frame.plane(plane)[y * frame.stride(plane) + x];
}

bool equal(const media::Frame& a, const media::Frame& b) {
  for (int p = 0; p < 3; ++p) {
    for (int y = 0; y < (p ? a.height() / 2 : a.height()); ++y) {
      for (int x = 0; x < (p ? a.width() / 2 : a.width()); ++x) {
        if (sample(a, p, x, y) != sample(b, p, x, y)) return false;
      }
    }
  }
  return true;
}

// The documented formula, in the plainest words, for one sample.
int reference(int target, int colour, int alpha, int opacity) {
  const int s = (colour * opacity + 128) / 256, a = (alpha * opacity + 128) / 256;
  return s + (2 * target * (255 - a) + 255) / 510;
}

TEST(Blend, GivesKnownColoursTheirTextbookValues) {
  struct Known {
    std::uint32_t argb;
    int y, u, v;
  };
  // BT.709 limited range, computed from the standard's matrix by hand.
  for (const Known k :
       {Known{0xff000000, 16, 128, 128}, Known{0xffffffff, 235, 128, 128}, Known{0xffff0000, 63, 102, 240},
        Known{0xff00ff00, 173, 42, 26}, Known{0xff0000ff, 32, 240, 118}, Known{0xff808080, 126, 128, 128}}) {
    const auto sprite = toYuva(solid(0, 0, 2, 2, k.argb));
    EXPECT_EQ(sprite.luma[0], k.y) << std::hex << k.argb;
    EXPECT_EQ(sprite.u[0], k.u) << std::hex << k.argb;
    EXPECT_EQ(sprite.v[0], k.v) << std::hex << k.argb;
    EXPECT_EQ(sprite.alpha[0], 255);
  }
}

TEST(Blend, LeavesTheFrameAloneWhereTheSpriteIsTransparent) {
  const auto frame = gradient(64, 32);
  EXPECT_TRUE(equal(*expectedPicture(*frame, toYuva(solid(8, 8, 16, 8, 0))), *frame));
  EXPECT_TRUE(equal(*expectedPicture(*frame, toYuva(noise(8, 8, 16, 8)), 0, 0, 0), *frame));
}

TEST(Blend, ReplacesTheFrameWhereTheSpriteIsOpaque) {
  const auto sprite = toYuva(solid(8, 8, 16, 8, 0xff3060a0));
  const auto picture = expectedPicture(*gradient(64, 32), sprite);
  for (int y = 8; y < 16; ++y) {
    for (int x = 8; x < 24; ++x) {
      EXPECT_EQ(sample(*picture, 0, x, y), sprite.luma[0]);
      EXPECT_EQ(sample(*picture, 1, x / 2, y / 2), sprite.u[0]);
      EXPECT_EQ(sample(*picture, 2, x / 2, y / 2), sprite.v[0]);
    }
  }
}

TEST(Blend, FollowsTheDocumentedFormulaForEverySampleAndOpacity) {
  const auto frame = gradient(80, 48);
  const auto sprite = toYuva(noise(6, 4, 62, 40));
  for (const int opacity : {0, 1, 2, 100, 128, 200, 255, 256}) {
    const auto picture = expectedPicture(*frame, sprite, 0, 0, opacity);
    for (int y = 0; y < sprite.height; ++y) {
      for (int x = 0; x < sprite.width; ++x) {
        const auto at = static_cast<std::size_t>(y * sprite.width + x);
        ASSERT_EQ(sample(*picture, 0, 6 + x, 4 + y),
                  reference(sample(*frame, 0, 6 + x, 4 + y), sprite.luma[at], sprite.alpha[at], opacity));
        const auto half = static_cast<std::size_t>(y / 2 * (sprite.width / 2) + x / 2);
        ASSERT_EQ(
            sample(*picture, 1, 3 + x / 2, 2 + y / 2),
            reference(sample(*frame, 1, 3 + x / 2, 2 + y / 2), sprite.u[half], sprite.chromaAlpha[half], opacity));
        ASSERT_EQ(
            sample(*picture, 2, 3 + x / 2, 2 + y / 2),
            reference(sample(*frame, 2, 3 + x / 2, 2 + y / 2), sprite.v[half], sprite.chromaAlpha[half], opacity));
      }
    }
  }
}

TEST(Blend, KeepsGreyOverGreyWithoutAColourCast) {
  media::Frame grey(16, 16);
  grey.fill(100, 128, 128);
  for (std::uint32_t a = 0; a < 256; ++a) {
    const std::uint32_t c = a / 2;
    const auto picture = expectedPicture(grey, toYuva(solid(0, 0, 16, 16, a << 24 | c << 16 | c << 8 | c)));
    EXPECT_EQ(sample(*picture, 1, 3, 3), 128) << a;
    EXPECT_EQ(sample(*picture, 2, 3, 3), 128) << a;
  }
}

TEST(Blend, CutsTheSpriteAtEveryEdgeOfTheFrame) {
  const auto frame = gradient(64, 32);
  const auto sprite = toYuva(solid(0, 0, 20, 12, 0xffffffff));
  EXPECT_EQ(difference(*frame, *expectedPicture(*frame, sprite, -10, -6)), (Bounds{0, 0, 10, 6}));
  EXPECT_EQ(difference(*frame, *expectedPicture(*frame, sprite, 54, 26)), (Bounds{54, 26, 10, 6}));
  EXPECT_EQ(touched(sprite, -10, 26, 64, 32), (Bounds{0, 26, 10, 6}));
  for (const auto& [dx, dy] : {std::pair{-20, 0}, {64, 0}, {0, -12}, {0, 32}, {-100000, 5}, {5, 100000}}) {
    EXPECT_TRUE(equal(*expectedPicture(*frame, sprite, dx, dy), *frame)) << dx << ',' << dy;
    EXPECT_EQ(touched(sprite, dx, dy, 64, 32), Bounds{});
  }
}

TEST(Blend, MovesByEvenStepsOnly) {
  const auto frame = gradient(64, 32);
  const auto sprite = toYuva(noise(10, 10, 12, 8));
  EXPECT_TRUE(equal(*expectedPicture(*frame, sprite, 3, 5), *expectedPicture(*frame, sprite, 2, 4)));
  EXPECT_TRUE(equal(*expectedPicture(*frame, sprite, -3, -5), *expectedPicture(*frame, sprite, -4, -6)));
}

TEST(Blend, KeepsTheTransparentPartsOfARowUntouchedWhileMoving) {
  Sprite sprite = solid(0, 0, 32, 8, 0);
  sprite.argbPremultiplied[5 * 32 + 21] = 0xffffffff;
  const auto frame = gradient(64, 32);
  const auto picture = expectedPicture(*frame, toYuva(sprite), 8, 4);
  EXPECT_EQ(difference(*frame, *picture), (Bounds{29, 9, 1, 1}));
}

TEST(Blend, NeverOverflowsWhateverItIsGiven) {
  media::Frame white(8, 8);
  white.fill(255, 255, 255);
  // Pixels that claim more colour than alpha are not premultiplied: they are kept within bounds.
  const auto sprite = toYuva(solid(0, 0, 8, 8, 0x40ffffff));
  for (std::size_t i = 0; i < sprite.luma.size(); ++i) EXPECT_LE(sprite.luma[i], sprite.alpha[i]);
  for (const int opacity : {-5, 1, 77, 256, 1000}) {
    EXPECT_GE(sample(*expectedPicture(white, sprite, 0, 0, opacity), 0, 4, 4), 200);
  }
}

TEST(Blend, RefusesSpritesThatContradictThemselves) {
  Sprite odd = solid(1, 0, 2, 2, 0xffffffff);
  EXPECT_TRUE(toYuva(odd).empty());
  Sprite small = solid(0, 0, 4, 4, 0xffffffff);
  small.argbPremultiplied.pop_back();
  EXPECT_TRUE(toYuva(small).empty());
  EXPECT_TRUE(toYuva(Sprite{}).empty());
}

// A figure for the log, with a bound that only a lost vectorisation or a sanitizer's weight could break.
TEST(Blend, IsQuickForALowerThird) {
  media::Frame frame(1280, 720);
  frame.fill(90, 120, 130);
  const auto sprite = toYuva(noise(0, 520, 1280, 160));
  for (const int opacity : {256, 200}) {
    double best = 1e9;
    for (int round = 0; round < 40; ++round) {
      const auto start = std::chrono::steady_clock::now();
      blend(frame, sprite, 0, 0, opacity);
      best =
          std::min(best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    std::printf("blend of 1280x160 at opacity %d: %.0f us\n", opacity, best);
    EXPECT_LT(best, 20000);
  }
}

}  // namespace
}  // namespace dvpe::render
