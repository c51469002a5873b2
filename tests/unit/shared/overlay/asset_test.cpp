// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <gtest/gtest.h>

#include <QByteArray>
#include <QImage>
#include <array>
#include <fstream>

#include "shared/overlay/impl/image_asset.h"
#include "shared/overlay/impl/scale.h"
#include "shared/overlay/impl/svg_check.h"
#include "tests/unit/shared/overlay/sample.h"

namespace dvpe::overlay {
namespace {

using base::ErrorCode;
using sample::Folder;

model::Overlay showing(const std::string& path) {
  auto overlay = sample::overlayOf({sample::image(100, 100, 200, 200, "a")});
  overlay.assets["a"] = path;
  return overlay;
}

ErrorCode refusedAs(const Folder& folder, const std::string& path) {
  return sample::refusal(showing(path), folder.path()).code;
}

std::string svg(const std::string& inside) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"10\" "
         "height=\"10\">" +
         inside + "</svg>";
}

std::string be32(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

std::string chunk(const std::string& kind, const std::string& body) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : kind + body) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return be32(static_cast<std::uint32_t>(body.size())) + kind + body + be32(~crc);
}

// A PNG with a true header, and what data there is.
std::string png(std::uint32_t width, std::uint32_t height, const std::string& data) {
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", be32(width) + be32(height) + std::string("\x08\x06\x00\x00\x00", 5)) +
         chunk("IDAT", data) + chunk("IEND", "");
}

TEST(Assets, ShowAPngWithoutDistortionWhereTheAnchorSays) {
  Folder folder;
  QImage wide(20, 10, QImage::Format_ARGB32);
  wide.fill(qRgba(255, 0, 0, 255));
  ASSERT_TRUE(wide.save(QString::fromStdString((folder.path() / "wide.png").string())));
  const Sprite sprite = sample::paint(showing("wide.png"), 1000, 1000, folder.path());
  EXPECT_EQ((std::array{sprite.x, sprite.y, sprite.width, sprite.height}), (std::array{100, 150, 200, 100}));
  for (const auto p : sprite.argbPremultiplied) ASSERT_EQ(p, 0xffff0000U);
}

TEST(Assets, ShowAnSvg) {
  Folder folder;
  folder.write("a.svg", svg("<rect width='10' height='10' fill='#00ff00'/>"));
  const Sprite sprite = sample::paint(showing("a.svg"), 1000, 1000, folder.path());
  EXPECT_EQ(sprite.width, 200);
  EXPECT_EQ(sprite.at(100, 100), 0xff00ff00U);
}

TEST(Assets, AreReadFromTheirFolderOnly) {
  Folder folder;
  std::filesystem::create_directory(folder.path() / "assets");
  folder.write("secret.svg", svg(""));
  std::filesystem::create_symlink(folder.path() / "secret.svg", folder.path() / "assets" / "link.svg");
  std::filesystem::create_directory_symlink(folder.path(), folder.path() / "assets" / "up");
  const auto refused = [&](const std::string& path) {
    return sample::refusal(showing(path), folder.path() / "assets").code;
  };
  EXPECT_EQ(refused("../secret.svg"), ErrorCode::kRefused);
  EXPECT_EQ(refused("../../etc/passwd"), ErrorCode::kRefused);
  EXPECT_EQ(refused("x/../../secret.svg"), ErrorCode::kRefused);
  EXPECT_EQ(refused("/etc/passwd"), ErrorCode::kRefused);
  EXPECT_EQ(refused("link.svg"), ErrorCode::kRefused);
  EXPECT_EQ(refused("up/secret.svg"), ErrorCode::kRefused);
  EXPECT_EQ(refused(""), ErrorCode::kRefused);
  EXPECT_EQ(refused(std::string("a\0b", 3)), ErrorCode::kRefused);
  EXPECT_EQ(refused(std::string(300, 'a')), ErrorCode::kRefused);
  EXPECT_EQ(refused("missing.png"), ErrorCode::kNotFound);
  EXPECT_EQ(refused("up"), ErrorCode::kRefused);
  EXPECT_EQ(refused("."), ErrorCode::kInvalidInput);
  EXPECT_EQ(sample::refusal(showing("../../etc/passwd"), folder.path()).message,
            "overlay test, layer 1: the path of an asset must stay inside the assets folder");
}

TEST(Assets, RefuseAPngBombByItsHeader) {
  Folder folder;
  folder.write("bomb.png", png(30000, 30000, "x"));
  folder.write("wide.png", png(4097, 1, "x"));
  folder.write("huge.png", png(0x7fffffff, 0x7fffffff, "x"));
  folder.write("zero.png", png(0, 10, "x"));
  EXPECT_EQ(refusedAs(folder, "bomb.png"), ErrorCode::kLimitExceeded);
  EXPECT_EQ(refusedAs(folder, "wide.png"), ErrorCode::kLimitExceeded);
  EXPECT_NE(sample::refusal(showing("bomb.png"), folder.path()).message.find("4096"), std::string::npos);
  EXPECT_EQ(refusedAs(folder, "zero.png"), ErrorCode::kInvalidInput);
  const ErrorCode huge = refusedAs(folder, "huge.png");
  EXPECT_TRUE(huge == ErrorCode::kLimitExceeded || huge == ErrorCode::kInvalidInput);
}

TEST(Assets, RefuseDamagedPngs) {
  Folder folder;
  sample::writeImages(folder);
  std::ifstream in(folder.path() / "plain.png", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (const std::size_t n : {std::size_t{8}, std::size_t{20}, std::size_t{33}, whole.size() / 2}) {
    folder.write("cut.png", whole.substr(0, n));
    EXPECT_EQ(refusedAs(folder, "cut.png"), ErrorCode::kInvalidInput) << n;
  }
  folder.write("junk.png", png(100, 100, std::string(500, '\x55')));
  EXPECT_EQ(refusedAs(folder, "junk.png"), ErrorCode::kInvalidInput);
}

TEST(Assets, RefuseOtherKindsOfFiles) {
  Folder folder;
  folder.write("a.gif", "GIF89a");
  folder.write("a.svgz", std::string("\x1f\x8b\x08\0", 4));
  folder.write("empty.png", "");
  folder.write("big.png", std::string((16u << 20) + 1, ' '));
  folder.write("big.svg", "<svg>" + std::string(3u << 20, ' ') + "</svg>");
  for (const char* name : {"a.gif", "a.svgz", "empty.png"})
    EXPECT_EQ(refusedAs(folder, name), ErrorCode::kUnsupported) << name;
  EXPECT_EQ(refusedAs(folder, "big.png"), ErrorCode::kLimitExceeded);
  EXPECT_EQ(refusedAs(folder, "big.svg"), ErrorCode::kLimitExceeded);
}

TEST(Svg, MayNotReachOutOfItself) {
  for (const auto& inside : {
           "<image xlink:href='/etc/passwd' width='9' height='9'/>",
           "<image href='data:image/png;base64,AAAA'/>",
           "<use xlink:href='other.svg#x'/>",
           "<use href='http://example.com/x.svg#x'/>",
           "<rect fill='url(http://example.com/#x)'/>",
           "<rect style='fill: URL( \"file:///etc/passwd#x\" )'/>",
           "<style>@import 'x.css';</style>",
           "<style>rect { fill: url(x.svg#y) }</style>",
           "<style><![CDATA[rect { fill: u\\72l(x.svg#y) }]]></style>",
           "<style>rect { fill: u<![CDATA[rl(x.svg#y) }]]></style>",
           "<style>rect { stroke-dasharray: 0.0001 }</style>",
           "<script>alert(1)</script>",
           "<rect onload='x()'/>",
           "<foreignObject/>",
           "<a href='#x'/>",
           "<rect><animate attributeName='x'/></rect>",
           "<?xml-stylesheet href='/etc/passwd'?>",
           "<line stroke-dasharray='0.0001'/>",
       }) {
    const auto done = impl::checkSvg(svg(inside));
    ASSERT_FALSE(done) << inside;
    EXPECT_EQ(done.error().code, ErrorCode::kUnsupported) << inside;
  }
  EXPECT_EQ(impl::checkSvg("<!DOCTYPE svg [<!ENTITY a 'aaaa'>]>" + svg("<text>&amp;</text>")).error().code,
            ErrorCode::kUnsupported);
}

TEST(Svg, MayReferToItself) {
  EXPECT_TRUE(
      impl::checkSvg(svg("<defs><linearGradient id='g'/></defs><rect fill='url(#g)' style='stroke:url( \"#g\")'/>"
                         "<g id='s'><rect/></g><use href='#s'/><use xlink:href='#s'/>")));
}

TEST(Svg, IsBoundedInDepthSizeAndRepetition) {
  std::string deep, many, uses = "<g id='x'>";
  for (int i = 0; i < 100; ++i) deep += "<g>";
  for (int i = 0; i < 100; ++i) deep += "</g>";
  EXPECT_EQ(impl::checkSvg(svg(deep)).error().code, ErrorCode::kLimitExceeded);
  for (int i = 0; i < 20001; ++i) many += "<g/>";
  EXPECT_EQ(impl::checkSvg(svg(many)).error().code, ErrorCode::kLimitExceeded);
  for (int i = 0; i < 1000; ++i) uses += "<g/>";
  uses += "</g>";
  for (int i = 0; i < 60; ++i) uses += "<use href='#x'/>";
  EXPECT_EQ(impl::checkSvg(svg(uses)).error().code, ErrorCode::kLimitExceeded);
  // A <use> of a <use> doubles with each level, or never ends.
  EXPECT_EQ(impl::checkSvg(svg("<g id='a'><use href='#a'/></g>")).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(impl::checkSvg(svg("<g id='a'><use id='b' href='#c'/></g><use href='#a'/>")).error().code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(impl::checkSvg(svg("<use id='b' href='#c'/><use id='c' href='#b'/>")).error().code,
            ErrorCode::kUnsupported);
}

TEST(Svg, MustBeWellFormed) {
  for (const char* bad : {"<svg>", "<svg></g>", "<html></html>", "", "<", "<svg><rect width=5/></svg>"}) {
    const auto done = impl::checkSvg(bad);
    ASSERT_FALSE(done) << bad;
    EXPECT_EQ(done.error().code, ErrorCode::kInvalidInput) << bad;
  }
}

TEST(Scale, KeepsOneColourOneColourWhateverTheSizes) {
  for (const auto& [from, to] : {std::pair{7, 3}, {3, 7}, {100, 99}, {1, 50}, {50, 1}, {4096, 5}}) {
    impl::Pixels source(from, 2);
    for (auto& p : source.argb) p = 0x80402010;
    for (const auto p : impl::scaledTo(source, to, 3).argb) ASSERT_EQ(p, 0x80402010U) << from << " to " << to;
  }
}

TEST(Scale, AveragesWhatItReduces) {
  impl::Pixels source(64, 64);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) source.row(y)[x] = (x + y) % 2 ? 0xffffffff : 0xff000000;
  }
  for (const auto p : impl::scaledTo(source, 8, 8).argb) {
    EXPECT_NEAR(p & 255, 127, 2);
    EXPECT_EQ(p >> 24, 255U);
  }
}

TEST(Scale, BlendsBetweenNeighboursWhenItEnlarges) {
  impl::Pixels source(2, 1);
  source.argb = {0xff000000, 0xff0000ff};
  const auto wide = impl::scaledTo(source, 8, 1);
  for (int x = 1; x < 8; ++x) EXPECT_GE(wide.row(0)[x] & 255, wide.row(0)[x - 1] & 255);
  EXPECT_EQ(wide.row(0)[0] & 255, 0U);
  EXPECT_EQ(wide.row(0)[7] & 255, 255U);
  EXPECT_NEAR(wide.row(0)[3] & 255, 96, 2);
}

}  // namespace
}  // namespace dvpe::overlay
