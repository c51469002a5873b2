// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "tests/unit/shared/overlay/sample.h"

#include <unistd.h>

#include <QImage>
#include <fstream>

#include "shared/base/bytes.h"

namespace dvpe::overlay::sample {

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "dvpe-overlay-XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

Folder::~Folder() {
  std::error_code ec;
  std::filesystem::remove_all(path_, ec);
}

void Folder::write(const std::string& name, const std::string& bytes) const {
  std::ofstream(path_ / name, std::ios::binary) << bytes;
}

model::Layer text(double x, double y, double width, double height, const std::string& words, double size,
                  model::Anchor align) {
  model::Layer layer;
  layer.kind = model::LayerKind::kText;
  layer.x = x, layer.y = y, layer.width = width, layer.height = height;
  layer.text = words;
  layer.size = size;
  layer.align = align;
  return layer;
}

model::Layer shape(double x, double y, double width, double height, const std::string& colour, model::ShapeKind kind,
                   double radius) {
  model::Layer layer;
  layer.kind = model::LayerKind::kShape;
  layer.x = x, layer.y = y, layer.width = width, layer.height = height;
  layer.colour = colour;
  layer.shape = kind;
  layer.radius = radius;
  return layer;
}

model::Layer image(double x, double y, double width, double height, const std::string& asset) {
  model::Layer layer;
  layer.kind = model::LayerKind::kImage;
  layer.x = x, layer.y = y, layer.width = width, layer.height = height;
  layer.image = asset;
  layer.align = model::Anchor::kCentre;
  return layer;
}

model::Overlay overlayOf(std::vector<model::Layer> layers) {
  model::Overlay overlay;
  overlay.id = "test";
  overlay.layers = std::move(layers);
  return overlay;
}

void writeImages(const Folder& folder) {
  QImage plain(40, 30, QImage::Format_ARGB32), palette(40, 30, QImage::Format_Indexed8),
      deep(40, 30, QImage::Format_RGBA64);
  for (int i = 0; i < 256; ++i) palette.setColor(i, qRgba(i, 255 - i, i * 7 & 255, 255 - i / 2));
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) {
      const int n = x * 37 + y * 101;
      plain.setPixel(x, y, qRgba(n & 255, n * 3 & 255, n * 7 & 255, n * 13 & 255));
      palette.setPixel(x, y, static_cast<uint>(n & 255));
      deep.setPixelColor(x, y,
                         QColor::fromRgba64(qRgba64(static_cast<quint16>(n * 331), static_cast<quint16>(n * 977),
                                                    static_cast<quint16>(n * 41), static_cast<quint16>(n * 613))));
    }
  }
  ASSERT_TRUE(plain.save(QString::fromStdString((folder.path() / "plain.png").string())));
  ASSERT_TRUE(palette.save(QString::fromStdString((folder.path() / "palette.png").string())));
  ASSERT_TRUE(deep.save(QString::fromStdString((folder.path() / "deep.png").string())));
  folder.write("logo.svg", R"svg(
<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" viewBox="0 0 200 100">
  <defs>
    <linearGradient id="g" x1="0" y1="0" x2="1" y2="1">
      <stop offset="0" stop-color="#ff2040"/><stop offset="1" stop-color="#2040ff" stop-opacity="0.3"/>
    </linearGradient>
    <radialGradient id="r"><stop offset="0" stop-color="#fff"/><stop offset="1" stop-color="#080"/></radialGradient>
  </defs>
  <rect width="200" height="100" rx="17" fill="url(#g)"/>
  <circle cx="60" cy="50" r="33" fill="url(#r)" opacity="0.7"/>
  <g opacity="0.5">
    <path d="M100 20 C 140 0 180 90 110 80 Z" fill="#ff0" stroke="#000" stroke-width="3.3"/>
  </g>
  <g transform="rotate(13 100 50)">
    <rect id="bar" x="20" y="70" width="120" height="9" fill="#0ff" fill-opacity=".6"/>
  </g>
  <text x="30" y="60" font-family="Noto Sans" font-size="22" fill="#fff">SVG text</text>
</svg>)svg");
}

model::Overlay everything() {
  using A = model::Anchor;
  auto overlay = overlayOf({
      shape(50, 760, 900, 150, "#0b1d3ae6", model::ShapeKind::kRounded, 24),
      shape(800, 30, 150, 100, "#d81e2c80", model::ShapeKind::kEllipse),
      text(75, 770, 420, 70, "{name}", 54),
      text(505, 770, 430, 70, "ليلى حداد", 54, A::kRight),
      text(75, 845, 420, 50, "עברית, हिन्दी, 日本語, ไทย", 34),
      text(505, 845, 430, 50, "كبيرة المراسلين في بيروت — 2026", 34, A::kRight),
      text(300, 300, 300, 200, "A long paragraph that breaks where the box allows it, with {score}", 47.3, A::kCentre),
      text(20, 20, 300, 200, "BIG", 220),
      text(610, 30, 150, 60, "{clock}", 40),
      image(100, 300, 150, 150, "plain"),
      image(650, 300, 13, 13, "palette"),
      image(700, 300, 100, 60, "deep"),
      image(650, 500, 271, 203, "logo"),
  });
  overlay.layers[1].opacity = 0.77;
  overlay.layers[4].font = "serif";
  overlay.layers[8].font = "mono";
  overlay.layers[2].weight = 700;
  overlay.layers[9].opacity = 0.5;
  overlay.layers[12].opacity = 0.9;
  overlay.fields = {{"name", {"Layla", "Zoë"}, false, "Layla"}, {"score", {}, true, "0:0"}};
  overlay.assets = {{"plain", "plain.png"}, {"palette", "palette.png"}, {"deep", "deep.png"}, {"logo", "logo.svg"}};
  return overlay;
}

Sprite paint(const model::Overlay& overlay, int width, int height, const std::filesystem::path& assets,
             const std::map<std::string, std::string>& values, const ProgrammeValues& programme) {
  const auto painter = Painter::create(overlay, assets, width, height, k30);
  if (!painter) {
    ADD_FAILURE() << painter.error().message;
    return {};
  }
  return painter.value()->paint(values, programme);
}

base::Error refusal(const model::Overlay& overlay, const std::filesystem::path& assets) {
  const auto painter = Painter::create(overlay, assets, 1280, 720, k30);
  if (painter) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  return painter.error();
}

std::string digest(const Sprite& sprite) {
  base::Bytes bytes;
  const auto put = [&](std::uint32_t v) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  };
  for (const int v : {sprite.x, sprite.y, sprite.width, sprite.height}) put(static_cast<std::uint32_t>(v));
  for (const std::uint32_t pixel : sprite.argbPremultiplied) put(pixel);
  return base::sha256(bytes);
}

}  // namespace dvpe::overlay::sample
