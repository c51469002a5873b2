// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/painter.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "shared/overlay/impl/canvas.h"
#include "shared/overlay/impl/image_asset.h"
#include "shared/overlay/impl/placeholders.h"
#include "shared/overlay/impl/shape_layer.h"
#include "shared/overlay/impl/text_layer.h"
#include "shared/overlay/text_engine.h"

namespace dvpe::overlay {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kMaxDomain = 64;
constexpr std::int64_t kMaxPictures = 16;  // what all layers may cover together
constexpr double kFarthest = 2000;         // thousandths: nothing reaches farther than one picture beyond the picture

int thousandths(double value, int size) { return static_cast<int>(std::lround(value * size / 1000)); }

// "#rrggbb" or "#rrggbbaa" as 0xAARRGGBB.
std::optional<std::uint32_t> colourOf(const std::string& text) {
  if ((text.size() != 7 && text.size() != 9) || text[0] != '#') return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(1)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return text.size() == 7 ? value | 0xff000000U : value >> 8 | value << 24;
}

// A layer in pixels of the rung, checked; what does not depend on values is made already.
struct PreparedLayer {
  model::LayerKind kind = model::LayerKind::kText;
  Rectangle box;  // may reach beyond the picture
  std::uint32_t colour = 0, opacity = 255;
  impl::Template text;
  impl::TextStyle style;
  impl::Mask shape;
  impl::Pixels image;
  int imageX = 0, imageY = 0;
};

base::Result<void> checkGeometry(const model::Layer& layer) {
  for (const double v : {layer.x, layer.y, layer.width, layer.height, layer.opacity, layer.size, layer.radius}) {
    if (!std::isfinite(v)) return fail(ErrorCode::kInvalidInput, "a number is not finite");
  }
  if (layer.width <= 0 || layer.height <= 0) return fail(ErrorCode::kInvalidInput, "width and height must be above 0");
  if (layer.width > kFarthest || layer.height > kFarthest || layer.x < -kFarthest / 2 || layer.y < -kFarthest / 2 ||
      layer.x > kFarthest / 2 || layer.y > kFarthest / 2) {
    return fail(ErrorCode::kLimitExceeded, "the layer reaches more than a picture beyond the picture");
  }
  if (layer.opacity < 0 || layer.opacity > 1) return fail(ErrorCode::kInvalidInput, "opacity must be from 0 to 1");
  if (layer.size <= 0 || layer.size > 1000)
    return fail(ErrorCode::kInvalidInput, "size must be above 0 and at most 1000");
  if (layer.radius < 0 || layer.radius > 1000) return fail(ErrorCode::kInvalidInput, "radius must be from 0 to 1000");
  if (layer.weight < 100 || layer.weight > 900) return fail(ErrorCode::kInvalidInput, "weight must be from 100 to 900");
  return base::success();
}

base::Result<void> checkFields(const model::Overlay& overlay) {
  std::set<std::string> names;
  if (overlay.fields.size() > kMaxDomain) return fail(ErrorCode::kLimitExceeded, "an overlay has at most 64 fields");
  for (const auto& field : overlay.fields) {
    if (!names.insert(field.name).second)
      return fail(ErrorCode::kInvalidInput, "field " + field.name + " stands twice");
    if (field.domain.size() > kMaxDomain) {
      return fail(ErrorCode::kLimitExceeded, "field " + field.name + " has more than 64 values");
    }
  }
  return base::success();
}

// Where a part of the given size stands in a box.
int placed(int anchor, int room) { return anchor < 0 ? 0 : anchor == 0 ? room / 2 : room; }

}  // namespace

struct Painter::Impl {
  std::vector<PreparedLayer> layers;
  std::map<std::string, model::OverlayField> fields;
  std::int64_t area = 0;  // of all layers so far, in pixels

  base::Result<void> prepareText(const model::Layer& layer, int height, PreparedLayer& out) const {
    if (!impl::knownFont(layer.font)) return fail(ErrorCode::kUnsupported, "the font is none of sans, serif, mono");
    DVPE_TRY(out.text, impl::Template::parse(layer.text));
    for (const auto& name : out.text.fields()) {
      if (name != "clock" && name != "countdown" && !fields.contains(name)) {
        return fail(ErrorCode::kInvalidInput, "the text names a field that is not declared: " + name.substr(0, 64));
      }
    }
    out.style = {layer.font, std::max(1, thousandths(layer.size, height)), layer.weight, layer.align};
    return base::success();
  }

  static base::Result<void> prepareImage(const model::Overlay& overlay, const model::Layer& layer,
                                         const std::filesystem::path& folder, PreparedLayer& out) {
    const auto asset = overlay.assets.find(layer.image);
    if (asset == overlay.assets.end()) return fail(ErrorCode::kNotFound, "the overlay has no asset of that name");
    DVPE_TRY(auto bytes, impl::readAsset(folder, asset->second));
    DVPE_TRY(out.image, impl::decodeImage(bytes, out.box.width, out.box.height));
    const int anchor = static_cast<int>(layer.align);
    out.imageX = out.box.x + placed(anchor % 3 - 1, out.box.width - out.image.width);
    out.imageY = out.box.y + placed(anchor / 3 - 1, out.box.height - out.image.height);
    return base::success();
  }

  // Edges are rounded, not sizes, so that layers that touch in the document touch in every rung.
  base::Result<void> prepare(const model::Overlay& overlay, const model::Layer& layer,
                             const std::filesystem::path& folder, int width, int height) {
    DVPE_CHECK(checkGeometry(layer));
    PreparedLayer out;
    out.kind = layer.kind;
    out.box.x = thousandths(layer.x, width);
    out.box.y = thousandths(layer.y, height);
    out.box.width = std::max(1, thousandths(layer.x + layer.width, width) - out.box.x);
    out.box.height = std::max(1, thousandths(layer.y + layer.height, height) - out.box.y);
    out.opacity = static_cast<std::uint32_t>(std::lround(layer.opacity * 255));
    area += std::int64_t{out.box.width} * out.box.height;
    if (area > kMaxPictures * std::int64_t{width} * height) {
      return fail(ErrorCode::kLimitExceeded, "the layers together are larger than 16 pictures");
    }
    const auto colour = colourOf(layer.colour);
    if (!colour) return fail(ErrorCode::kInvalidInput, "a colour is written #rrggbb or #rrggbbaa");
    out.colour = *colour;
    if (layer.kind == model::LayerKind::kText) {
      DVPE_CHECK(prepareText(layer, height, out));
    }
    if (layer.kind == model::LayerKind::kImage) {
      DVPE_CHECK(prepareImage(overlay, layer, folder, out));
    }
    if (layer.kind == model::LayerKind::kShape) {
      out.shape = impl::shapeMask(layer.shape, out.box.width, out.box.height, thousandths(layer.radius, height));
    }
    layers.push_back(std::move(out));
    return base::success();
  }

  std::string valueOf(const std::string& name, const std::map<std::string, std::string>& values,
                      const ProgrammeValues& programme) const {
    const auto declared = fields.find(name);
    if (declared == fields.end() || (declared->second.programme && declared->second.domain.empty())) {
      if (name == "clock") {
        const auto wall = std::chrono::floor<std::chrono::seconds>(programme.wall).time_since_epoch().count();
        return impl::clockText(wall + std::int64_t{60} * programme.utcOffsetMinutes);
      }
      if (name == "countdown") {
        return programme.countdownSeconds ? impl::countdownText(*programme.countdownSeconds) : std::string();
      }
    }
    if (declared == fields.end()) return {};
    const model::OverlayField& field = declared->second;
    const auto& source = field.programme ? programme.values : values;
    const auto found = source.find(name);
    if (found == source.end()) return field.fallback;
    const bool allowed = field.domain.empty()
                             ? field.programme
                             : std::find(field.domain.begin(), field.domain.end(), found->second) != field.domain.end();
    return allowed ? found->second : field.fallback;
  }

  bool ticks() const {
    for (const auto& layer : layers) {
      for (const auto& name : layer.text.fields()) {
        const auto declared = fields.find(name);
        const bool own = declared != fields.end() && (!declared->second.programme || !declared->second.domain.empty());
        if ((name == "clock" || name == "countdown") && !own) return true;
      }
    }
    return false;
  }

  Rectangle covered(int width, int height) const {
    int left = width, top = height, right = 0, bottom = 0;
    for (const auto& layer : layers) {
      left = std::min(left, std::max(0, layer.box.x));
      top = std::min(top, std::max(0, layer.box.y));
      right = std::max(right, std::min(width, layer.box.x + layer.box.width));
      bottom = std::max(bottom, std::min(height, layer.box.y + layer.box.height));
    }
    if (left >= right || top >= bottom) return {};
    left &= ~1, top &= ~1, right = (right + 1) & ~1, bottom = (bottom + 1) & ~1;
    return {left, top, right - left, bottom - top};
  }
};

Painter::Painter() : impl_(std::make_unique<Impl>()) {}
Painter::~Painter() = default;

base::Result<std::shared_ptr<const Painter>> Painter::create(const model::Overlay& overlay,
                                                             const std::filesystem::path& assetsFolder, int width,
                                                             int height, model::FrameRate fps) {
  if (!TextEngine::running()) return fail(ErrorCode::kInternal, "overlays need a text engine");
  if (width < 2 || height < 2 || width % 2 != 0 || height % 2 != 0 || width > kMaxPictureSide ||
      height > kMaxPictureSide || fps.num <= 0 || fps.den <= 0) {
    return fail(ErrorCode::kInvalidInput, "not a usable picture size or frame rate");
  }
  if (overlay.layers.size() > kMaxLayers) return fail(ErrorCode::kLimitExceeded, "an overlay has at most 64 layers");
  if (overlay.assets.size() > kMaxAssets) return fail(ErrorCode::kLimitExceeded, "an overlay has at most 32 assets");
  for (const auto& animation : {overlay.in, overlay.out}) {
    if (animation.milliseconds < 0 || animation.milliseconds > kMaxAnimationMilliseconds) {
      return fail(ErrorCode::kLimitExceeded, "an animation lasts from 0 to 10000 milliseconds");
    }
  }
  DVPE_CHECK(checkFields(overlay));
  std::shared_ptr<Painter> painter(new Painter());
  for (const auto& field : overlay.fields) painter->impl_->fields.emplace(field.name, field);
  for (std::size_t i = 0; i < overlay.layers.size(); ++i) {
    const auto done = painter->impl_->prepare(overlay, overlay.layers[i], assetsFolder, width, height);
    if (!done) {
      const std::string name = overlay.layers[i].name.empty() ? "" : " (" + overlay.layers[i].name.substr(0, 64) + ")";
      return fail(done.error().code,
                  "overlay " + overlay.id + ", layer " + std::to_string(i + 1) + name + ": " + done.error().message);
    }
  }
  painter->bounds_ = painter->impl_->covered(width, height);
  painter->needsRepaintEverySecond_ = painter->impl_->ticks();
  painter->choreography_ = Choreography(overlay.in, overlay.out, fps, painter->bounds_, width, height);
  return std::shared_ptr<const Painter>(std::move(painter));
}

Sprite Painter::paint(const std::map<std::string, std::string>& values, const ProgrammeValues& programme) const {
  if (bounds_.width == 0) return {};
  impl::Canvas canvas(bounds_);
  for (const auto& layer : impl_->layers) {
    switch (layer.kind) {
      case model::LayerKind::kShape:
        canvas.over(layer.shape, layer.box.x, layer.box.y, layer.colour, layer.opacity);
        break;
      case model::LayerKind::kImage:
        canvas.over(layer.image, layer.imageX, layer.imageY, layer.opacity);
        break;
      case model::LayerKind::kText: {
        const QString text =
            layer.text.fill([&](const std::string& name) { return impl_->valueOf(name, values, programme); });
        const impl::Mask mask = impl::textMask(text, layer.style, layer.box.width, layer.box.height);
        canvas.over(mask, layer.box.x, layer.box.y, layer.colour, layer.opacity);
        break;
      }
    }
  }
  return canvas.crop();
}

}  // namespace dvpe::overlay
