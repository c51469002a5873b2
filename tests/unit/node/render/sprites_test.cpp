// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/sprites.h"

#include <gtest/gtest.h>

#include "tests/unit/node/render/overlays.h"

namespace dvpe::render {
namespace {

constexpr base::WallTime kEpoch{std::chrono::seconds(1700000000)};
constexpr Ticks kSecond{base::kTicksPerSecond};
constexpr int kWidth = 320, kHeight = 192;

class SpritesTest : public ::testing::Test {
 protected:
  Sprites make(const std::vector<ActiveOverlay>& overlays) {
    auto made = Sprites::create(shop_, overlays, kEpoch, kWidth, kHeight);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(made).value();
  }
  static std::string pixels(const media::Frame& f) {
    std::string text;
    for (int y = 0; y < f.height(); ++y)
      text.append(reinterpret_cast<const char*>(f.plane(0) + y * f.stride(0)), static_cast<std::size_t>(f.width()));
    return text;
  }
  static std::string shown(Sprites& sprites, Ticks at) {
    media::Frame frame(kWidth, kHeight);
    frame.fill(100, 128, 128);
    sprites.blendInto(frame, at);
    return pixels(frame);
  }
  std::string freshly(const std::vector<ActiveOverlay>& overlays, Ticks at) {
    Sprites sprites = make(overlays);
    return shown(sprites, at);
  }
  PainterShop shop_{"/nonexistent", {30, 1}};
};

ActiveOverlay active(const std::string& words, Ticks from = Ticks{0}, std::optional<Ticks> until = std::nullopt,
                     int outMs = 0) {
  return {test::shared(test::overlay("o-" + words, words, outMs)), {}, {}, from, until, {}};
}

// A segment that begins now shows what one that began earlier shows: so are clocks and countdowns on two nodes.
TEST_F(SpritesTest, ShowTheSameWhereverTheSegmentBegan) {
  const std::vector<ActiveOverlay> overlays{active("{clock} {countdown}", kSecond * 10, kSecond * 20 + Ticks{80000})};
  Sprites running = make(overlays);
  for (Ticks at = kSecond * 15; at < kSecond * 21; at += Ticks{8000}) {
    ASSERT_EQ(shown(running, at), freshly(overlays, at)) << base::seconds(at);
  }
}

TEST_F(SpritesTest, CountSecondsThatHaveBegun) {
  const Ticks end = kSecond * 20 + Ticks{80000};
  const std::vector<ActiveOverlay> overlays{active("{countdown}", kSecond * 10, end)};
  const std::string three = freshly(overlays, end - kSecond * 3);
  EXPECT_EQ(freshly(overlays, end - kSecond * 2 - Ticks{8000}), three) << "0:03 stands for its whole second";
  EXPECT_NE(freshly(overlays, end - kSecond * 2), three);
  EXPECT_NE(freshly(overlays, end - kSecond * 3 - Ticks{8000}), three);
  EXPECT_EQ(freshly(overlays, end - Ticks{8000}), freshly(overlays, end - kSecond)) << "0:01 to the very end";
}

TEST_F(SpritesTest, ChangeTheClockAtWholeSecondsOfWallTime) {
  const std::vector<ActiveOverlay> overlays{active("{clock}")};
  const std::string now = freshly(overlays, kSecond * 50);
  EXPECT_EQ(freshly(overlays, kSecond * 51 - Ticks{8000}), now);
  EXPECT_NE(freshly(overlays, kSecond * 51), now);
}

TEST_F(SpritesTest, ChangeNothingOutsideOfTheOverlaysRectangle) {
  media::Frame before(kWidth, kHeight), after(kWidth, kHeight);
  before.fill(100, 128, 128);
  after.fill(100, 128, 128);
  Sprites sprites = make({active("")});
  sprites.blendInto(after, kSecond);
  const Bounds changed = difference(before, after);
  EXPECT_GE(changed.x, kWidth / 4 - 2);
  EXPECT_GE(changed.y, kHeight / 2 - 2);
  EXPECT_LE(changed.x + changed.width, kWidth * 3 / 4 + 2);
  EXPECT_LE(changed.y + changed.height, kHeight * 3 / 4 + 2);
  EXPECT_GT(changed.width, kWidth / 2 - 6);
}

TEST_F(SpritesTest, FadeOutBeforeTheEndAndAreGoneAfterIt) {
  const Ticks end = kSecond * 20;
  const std::vector<ActiveOverlay> overlays{active("", kSecond * 10, end, 500)};
  media::Frame plain(kWidth, kHeight);
  plain.fill(100, 128, 128);
  const std::string whole = freshly(overlays, end - kSecond);
  const std::string fading = freshly(overlays, end - Ticks{60000});
  EXPECT_NE(whole, pixels(plain));
  EXPECT_NE(fading, whole);
  EXPECT_NE(fading, pixels(plain));
  EXPECT_EQ(freshly(overlays, end), pixels(plain));
}

TEST_F(SpritesTest, NameTheOverlayThatCannotBePainted) {
  auto broken = test::overlay("broken");
  broken.layers[0].colour = "red-ish";
  EXPECT_FALSE(
      Sprites::create(shop_, {{test::shared(broken), {}, {}, Ticks{0}, std::nullopt, {}}}, kEpoch, kWidth, kHeight));
}

}  // namespace
}  // namespace dvpe::render
