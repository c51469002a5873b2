// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/painter.h"

#include <gtest/gtest.h>

#include "tests/unit/shared/overlay/sample.h"

namespace dvpe::overlay {
namespace {

using base::ErrorCode;
using model::ShapeKind;
using sample::overlayOf;
using sample::paint;
using sample::refusal;
using sample::shape;
using sample::text;

// The pixel of the picture, whether the sprite covers it or not.
std::uint32_t pixel(const Sprite& sprite, int x, int y) {
  x -= sprite.x, y -= sprite.y;
  return x < 0 || y < 0 || x >= sprite.width || y >= sprite.height ? 0 : sprite.at(x, y);
}

TEST(Painter, CropsToTheSmallestEvenRectangle) {
  // 100.1 thousandths of 1280 is column 128; the shape spans an odd number of pixels at odd places.
  const Sprite sprite = paint(overlayOf({shape(7.04, 9.73, 2.35, 4.17, "#ff0000")}));
  EXPECT_EQ(sprite.x, 8);
  EXPECT_EQ(sprite.y, 6);
  EXPECT_EQ(sprite.width % 2 + sprite.height % 2, 0);
  EXPECT_EQ(pixel(sprite, 9, 7), 0xffff0000);
  EXPECT_EQ(pixel(sprite, 8, 7), 0U);
  EXPECT_EQ(pixel(sprite, 9, 6), 0U);
  EXPECT_EQ(pixel(sprite, 11, 9), 0xffff0000);
  EXPECT_EQ(pixel(sprite, 12, 9), 0U);
  EXPECT_EQ(sprite.argbPremultiplied.size(), static_cast<std::size_t>(sprite.width * sprite.height));
}

TEST(Painter, PaintsNothingWhereNothingShows) {
  EXPECT_TRUE(paint(overlayOf({})).empty());
  EXPECT_TRUE(paint(overlayOf({shape(0, 0, 500, 500, "#ffffff00")})).empty());
  EXPECT_TRUE(paint(overlayOf({shape(1000, 0, 500, 500, "#ffffff")})).empty());
  auto clear = shape(0, 0, 500, 500, "#ffffff");
  clear.opacity = 0;
  EXPECT_TRUE(paint(overlayOf({clear})).empty());
}

TEST(Painter, MultipliesColourAlphaAndOpacity) {
  auto layer = shape(0, 0, 100, 100, "#ff8000ff");
  layer.opacity = 0.5;  // 128 of 255
  EXPECT_EQ(pixel(paint(overlayOf({layer})), 5, 5), 0x80804000U);
  layer.colour = "#ffffff80";
  EXPECT_EQ(pixel(paint(overlayOf({layer})), 5, 5), 0x40404040U);
}

TEST(Painter, PutsLaterLayersOverEarlierOnes) {
  const Sprite sprite = paint(overlayOf({shape(0, 0, 100, 100, "#ff0000"), shape(0, 0, 50, 100, "#00ff0080")}));
  EXPECT_EQ(pixel(sprite, 5, 5), 0xff7f8000U);
  EXPECT_EQ(pixel(sprite, 100, 5), 0xffff0000U);
}

TEST(Painter, RoundsCornersAndEllipses) {
  const Sprite round = paint(overlayOf({shape(0, 0, 200, 200, "#ffffff", ShapeKind::kRounded, 50)}));
  EXPECT_EQ(pixel(round, 0, 0), 0U);
  EXPECT_EQ(pixel(round, 128, 0), 0xffffffffU);
  EXPECT_EQ(pixel(round, 128, 72), 0xffffffffU);
  EXPECT_EQ(pixel(round, 0, 72), 0xffffffffU);
  const Sprite ellipse = paint(overlayOf({shape(0, 0, 200, 200, "#ffffff", ShapeKind::kEllipse)}));
  // The area of an ellipse, within a part in a thousand; and it is symmetric.
  double area = 0;
  for (const auto p : ellipse.argbPremultiplied) area += (p >> 24) / 255.0;
  EXPECT_NEAR(area, 3.14159265 * 128 * 72, 3.14159265 * 128 * 72 / 1000);
  for (int y = 0; y < 144; ++y) {
    for (int x = 0; x < 256; ++x) {
      ASSERT_EQ(pixel(ellipse, x, y), pixel(ellipse, 255 - x, y));
      ASSERT_EQ(pixel(ellipse, x, y), pixel(ellipse, x, 143 - y));
    }
  }
}

TEST(Painter, KeepsColoursBelowTheirAlpha) {
  sample::Folder folder;
  sample::writeImages(folder);
  for (const auto p : paint(sample::everything(), 1280, 720, folder.path()).argbPremultiplied) {
    const auto a = p >> 24;
    ASSERT_TRUE((p >> 16 & 255) <= a && (p >> 8 & 255) <= a && (p & 255) <= a) << std::hex << p;
  }
}

TEST(Painter, StaysInsideThePictureForEveryRung) {
  sample::Folder folder;
  sample::writeImages(folder);
  auto overlay = sample::everything();
  overlay.layers.push_back(shape(-300, -300, 1600, 400, "#0000ff40", ShapeKind::kEllipse));
  overlay.layers.push_back(text(900, 950, 300, 100, "over the edge", 60));
  for (const auto& [w, h] : {std::pair{1920, 1080}, {1280, 720}, {854, 480}, {640, 360}, {426, 240}, {2, 2}}) {
    const auto painter = Painter::create(overlay, folder.path(), w, h, sample::k30);
    ASSERT_TRUE(painter);
    const Sprite sprite = painter.value()->paint({}, {});
    EXPECT_GE(sprite.x, 0);
    EXPECT_GE(sprite.y, 0);
    EXPECT_LE(sprite.x + sprite.width, w);
    EXPECT_LE(sprite.y + sprite.height, h);
    EXPECT_EQ((sprite.x | sprite.y | sprite.width | sprite.height) % 2, 0);
    const Rectangle bounds = painter.value()->bounds();
    EXPECT_GE(sprite.x, bounds.x);
    EXPECT_LE(sprite.x + sprite.width, bounds.x + bounds.width);
    EXPECT_LE(sprite.y + sprite.height, bounds.y + bounds.height);
  }
}

TEST(Painter, TakesValuesFromTheirDomainOnly) {
  auto overlay = overlayOf({text(0, 0, 500, 100, "{team}")});
  overlay.fields = {{"team", {"red", "blue"}, false, "none"}};
  const auto with = [&](const std::map<std::string, std::string>& values) {
    return paint(overlay, 1280, 720, "/", values);
  };
  auto plain = [&](const std::string& words) { return paint(overlayOf({text(0, 0, 500, 100, words)})); };
  EXPECT_EQ(with({{"team", "red"}}), plain("red"));
  EXPECT_EQ(with({{"team", "blue"}}), plain("blue"));
  EXPECT_EQ(with({{"team", "evil"}}), plain("none"));
  EXPECT_EQ(with({}), plain("none"));
}

TEST(Painter, TakesProgrammeFieldsFromTheProgrammeOnly) {
  auto overlay = overlayOf({text(0, 0, 500, 100, "{score}")});
  overlay.fields = {{"score", {}, true, "0:0"}};
  ProgrammeValues programme;
  programme.values["score"] = "3:2";
  EXPECT_EQ(paint(overlay, 1280, 720, "/", {{"score", "9:9"}}, programme),
            paint(overlayOf({text(0, 0, 500, 100, "3:2")})));
  EXPECT_EQ(paint(overlay, 1280, 720, "/", {{"score", "9:9"}}), paint(overlayOf({text(0, 0, 500, 100, "0:0")})));
}

TEST(Painter, ShowsClockAndCountdownOfTheProgramme) {
  auto plain = [&](const std::string& words) { return paint(overlayOf({text(0, 0, 500, 100, words)})); };
  ProgrammeValues programme;
  programme.wall = base::WallTime{std::chrono::microseconds{45296'999'999}};
  programme.utcOffsetMinutes = 90;
  programme.countdownSeconds = 65;
  const auto clock = overlayOf({text(0, 0, 500, 100, "{clock}")});
  EXPECT_EQ(paint(clock, 1280, 720, "/", {}, programme), plain("14:04:56"));
  const auto countdown = overlayOf({text(0, 0, 500, 100, "{countdown}")});
  EXPECT_EQ(paint(countdown, 1280, 720, "/", {}, programme), plain("1:05"));
  EXPECT_TRUE(paint(countdown).empty());
  EXPECT_TRUE(Painter::create(clock, "/", 1280, 720, sample::k30).value()->needsRepaintEverySecond());
  EXPECT_FALSE(Painter::create(overlayOf({text(0, 0, 9, 9, "x")}), "/", 1280, 720, sample::k30)
                   .value()
                   ->needsRepaintEverySecond());
}

TEST(Painter, SlidesWhollyOutOfThePicture) {
  auto overlay = overlayOf({shape(50, 760, 900, 150, "#0b1d3ae6")});
  overlay.in = {model::AnimationKind::kSlideUp, 1000};
  const auto painter = Painter::create(overlay, "/", 1280, 720, sample::k30).value();
  EXPECT_EQ(painter->bounds(), (Rectangle{64, 546, 1152, 110}));
  EXPECT_GT(painter->motion(base::Ticks{0}, std::nullopt).dy, 120);
  EXPECT_EQ(painter->motion(base::Ticks{240000}, std::nullopt), Motion{});
}

TEST(Painter, RefusesWhatIsOutOfBoundsAndSaysWhere) {
  const auto with = [](auto change) {
    auto layer = text(0, 0, 100, 100, "x");
    layer.name = "title";
    change(layer);
    return refusal(overlayOf({shape(0, 0, 10, 10, "#000000"), layer}));
  };
  EXPECT_EQ(with([](auto& l) { l.width = 0; }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.x = 1e300; }).code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(with([](auto& l) { l.height = std::numeric_limits<double>::quiet_NaN(); }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.opacity = 1.5; }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.size = 1001; }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.weight = 0; }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.colour = "red"; }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.font = "comic"; }).code, ErrorCode::kUnsupported);
  EXPECT_EQ(with([](auto& l) { l.text = "{nobody}"; }).code, ErrorCode::kInvalidInput);
  EXPECT_EQ(with([](auto& l) { l.text = "{nobody}"; }).message,
            "overlay test, layer 2 (title): the text names a field that is not declared: nobody");
}

TEST(Painter, RefusesTooMuch) {
  EXPECT_EQ(refusal(overlayOf(std::vector<model::Layer>(65, shape(0, 0, 1, 1, "#000000")))).code,
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(refusal(overlayOf(std::vector<model::Layer>(17, shape(0, 0, 1000, 1000, "#000000")))).code,
            ErrorCode::kLimitExceeded);
  auto fields = overlayOf({});
  fields.fields = {{"f", std::vector<std::string>(65, "v"), false, ""}};
  EXPECT_EQ(refusal(fields).code, ErrorCode::kLimitExceeded);
  auto slow = overlayOf({});
  slow.in = {model::AnimationKind::kFade, 10001};
  EXPECT_EQ(refusal(slow).code, ErrorCode::kLimitExceeded);
  for (const auto& [w, h] : {std::pair{0, 720}, {1279, 720}, {1280, 8192}, {-2, 2}}) {
    EXPECT_EQ(Painter::create(overlayOf({}), "/", w, h, sample::k30).error().code, ErrorCode::kInvalidInput);
  }
}

}  // namespace
}  // namespace dvpe::overlay
