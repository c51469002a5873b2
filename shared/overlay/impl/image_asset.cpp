// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/image_asset.h"

#include <QBuffer>
#include <QImage>
#include <QImageReader>
#include <QPainter>
#include <QSvgRenderer>
#include <algorithm>
#include <fstream>

#include "shared/overlay/impl/scale.h"
#include "shared/overlay/impl/svg_check.h"
#include "shared/overlay/painter.h"

namespace dvpe::overlay::impl {
namespace {

using base::ErrorCode;
using base::fail;

// The largest size of the given proportions inside of a box.
std::pair<int, int> fitted(std::int64_t w, std::int64_t h, int width, int height) {
  if (w * height >= h * width) {
    return {width, std::clamp(static_cast<int>((2 * h * width + w) / (2 * w)), 1, height)};
  }
  return {std::clamp(static_cast<int>((2 * w * height + h) / (2 * h)), 1, width), height};
}

bool isPng(const std::string& bytes) { return bytes.starts_with("\x89PNG\r\n\x1a\n"); }

base::Result<Pixels> decodePng(const std::string& bytes, int width, int height) {
  QByteArray data = QByteArray::fromRawData(bytes.data(), static_cast<qsizetype>(bytes.size()));
  QBuffer buffer(&data);
  buffer.open(QIODevice::ReadOnly);
  QImageReader reader(&buffer, "png");
  reader.setDecideFormatFromContent(false);
  const QSize size = reader.size();
  if (size.isEmpty()) return fail(ErrorCode::kInvalidInput, "the PNG has no usable header");
  if (size.width() > kMaxAssetPixels || size.height() > kMaxAssetPixels) {
    return fail(ErrorCode::kLimitExceeded, "the PNG is larger than 4096 x 4096 pixels");
  }
  const QImage image = reader.read();
  if (image.isNull() || image.size() != size) return fail(ErrorCode::kInvalidInput, "the PNG is damaged");
  Pixels pixels(size.width(), size.height());
  const bool plain = image.format() == QImage::Format_ARGB32 || image.format() == QImage::Format_RGB32;
  for (int y = 0; y < pixels.height; ++y) {
    const auto* line = reinterpret_cast<const std::uint32_t*>(image.constScanLine(y));
    for (int x = 0; x < pixels.width; ++x) {
      // QImage::pixel converts other formats one by one, without the SIMD paths that differ between CPUs.
      std::uint32_t argb = plain ? line[x] : image.pixel(x, y);
      if (image.format() == QImage::Format_RGB32) argb |= 0xff000000U;
      pixels.row(y)[x] = premultiplied(argb);
    }
  }
  const auto [w, h] = fitted(pixels.width, pixels.height, width, height);
  return scaledTo(pixels, w, h);
}

base::Result<Pixels> decodeSvg(const std::string& bytes, int width, int height) {
  DVPE_CHECK(checkSvg(bytes));
  QSvgRenderer renderer;
  if (!renderer.load(QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size())))) {
    return fail(ErrorCode::kInvalidInput, "the SVG cannot be drawn");
  }
  const QSize size = renderer.defaultSize();
  if (size.isEmpty() || size.width() > 100000 || size.height() > 100000) {
    return fail(ErrorCode::kInvalidInput, "the SVG has no usable size");
  }
  const auto [w, h] = fitted(size.width(), size.height(), width, height);
  QImage image(w, h, QImage::Format_ARGB32_Premultiplied);
  image.fill(0);
  QPainter painter(&image);
  painter.setRenderHint(QPainter::Antialiasing);
  renderer.render(&painter, QRectF(0, 0, w, h));
  painter.end();
  Pixels pixels(w, h);
  for (int y = 0; y < h; ++y) {
    const auto* line = reinterpret_cast<const std::uint32_t*>(image.constScanLine(y));
    std::copy(line, line + w, pixels.row(y));
  }
  return pixels;
}

}  // namespace

base::Result<std::string> readAsset(const std::filesystem::path& folder, const std::string& relative) {
  namespace fs = std::filesystem;
  const fs::path path(relative);
  const bool up = std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
  if (relative.empty() || relative.size() > 255 || path.is_absolute() || up ||
      relative.find('\0') != std::string::npos) {
    return fail(ErrorCode::kRefused, "the path of an asset must stay inside the assets folder");
  }
  std::error_code ec;
  const fs::path root = fs::canonical(folder, ec);
  if (ec) return fail(ErrorCode::kNotFound, "the assets folder does not exist");
  const fs::path file = fs::canonical(root / path, ec);
  if (ec) return fail(ErrorCode::kNotFound, "there is no such file");
  const auto inside = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (inside.first != root.end()) {
    return fail(ErrorCode::kRefused, "the path of an asset must stay inside the assets folder");
  }
  if (!fs::is_regular_file(file, ec)) return fail(ErrorCode::kInvalidInput, "it is not a file");
  const std::uintmax_t size = fs::file_size(file, ec);
  if (ec) return fail(ErrorCode::kIo, "its size cannot be read");
  if (size > kMaxPngBytes) return fail(ErrorCode::kLimitExceeded, "the file is larger than 16 MiB");
  std::ifstream in(file, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) return fail(ErrorCode::kIo, "it cannot be read");
  return bytes;
}

base::Result<Pixels> decodeImage(const std::string& bytes, int width, int height) {
  if (isPng(bytes)) return decodePng(bytes, width, height);
  const std::size_t start = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (start == std::string::npos || bytes[start] != '<')
    return fail(ErrorCode::kUnsupported, "it is neither PNG nor SVG");
  if (bytes.size() > kMaxSvgBytes) return fail(ErrorCode::kLimitExceeded, "the SVG is larger than 2 MiB");
  return decodeSvg(bytes, width, height);
}

}  // namespace dvpe::overlay::impl
