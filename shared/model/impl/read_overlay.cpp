// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The body of an overlay.
#include <algorithm>

#include "shared/model/impl/read.h"

namespace dvpe::model::impl {

namespace {

void readField(const Place& place, Overlay& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  OverlayField field;
  if (reader.name("name", field.name, Need::kRequired) &&
      std::any_of(out.fields.begin(), out.fields.end(), [&](const auto& f) { return f.name == field.name; })) {
    reader.at("name").mistake("another field is called \"" + field.name + "\" too");
  }
  reader.flag("programme", field.programme);
  const bool listed = reader.has("domain");
  reader.array("domain", Need::kOptional, kMaxDomain, [&](const Place& at) {
    std::string value;
    if (!readText(at, value, 1024)) return;
    if (std::find(field.domain.begin(), field.domain.end(), value) != field.domain.end()) {
      return at.mistake("\"" + value + "\" is listed twice");
    }
    if (!templatePath(value).empty()) return at.mistake("expected a plain value, not a template in braces");
    field.domain.push_back(std::move(value));
  });
  if (!field.programme && !listed) {
    place.mistake("expected \"domain\", the list of allowed values, or \"programme\": true");
  } else if (listed && reader.at("domain").value->is_array() && reader.at("domain").value->get_array().empty()) {
    reader.at("domain").mistake("expected at least one value");
  }
  const bool given = reader.text("fallback", field.fallback, Need::kOptional, 1024);
  if (!field.domain.empty()) {
    if (!given) {
      field.fallback = field.domain.front();
    } else if (std::find(field.domain.begin(), field.domain.end(), field.fallback) == field.domain.end()) {
      reader.at("fallback").mistake("expected one of the domain's values");
    }
  }
  reader.finish();
  out.fields.push_back(std::move(field));
}

bool isColour(std::string_view text) {
  return (text.size() == 7 || text.size() == 9) && text[0] == '#' &&
         text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string_view::npos;
}

// Each {name} must be a field, {clock} or {countdown}.
void checkPlaceholders(const Place& place, std::string_view text, const Overlay& overlay) {
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return place.mistake("expected } after {");
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const bool known =
        name == "clock" || name == "countdown" ||
        std::any_of(overlay.fields.begin(), overlay.fields.end(), [&](const auto& f) { return f.name == name; });
    if (known) continue;
    std::vector<std::string_view> names{"clock", "countdown"};
    for (const OverlayField& field : overlay.fields) names.push_back(field.name);
    const std::string_view near = nearest(name, names);
    place.mistake("{" + std::string{name.substr(0, 80)} + "} is not a field of this overlay" +
                  (near.empty() ? std::string{} : "; did you mean {" + std::string{near} + "}?"));
  }
}

void readLayer(const Place& place, Overlay& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Layer layer;
  reader.choice<LayerKind>("kind", layer.kind,
                           {{"image", LayerKind::kImage}, {"text", LayerKind::kText}, {"shape", LayerKind::kShape}},
                           Need::kRequired);
  reader.name("name", layer.name, Need::kOptional);
  reader.number("x", layer.x, -1000, 2000, Need::kRequired);
  reader.number("y", layer.y, -1000, 2000, Need::kRequired);
  reader.number("width", layer.width, 0, 3000, Need::kRequired);
  reader.number("height", layer.height, 0, 3000, Need::kRequired);
  reader.number("opacity", layer.opacity, 0, 1, Need::kOptional);
  if (reader.text("colour", layer.colour, Need::kOptional) && !isColour(layer.colour)) {
    reader.at("colour").mistake("expected a colour as #rrggbb or #rrggbbaa");
  }
  // Keys that belong to another kind are unknown here, so that none is silently without effect.
  if (layer.kind == LayerKind::kText) {
    if (reader.text("text", layer.text, Need::kRequired, 2000)) checkPlaceholders(reader.at("text"), layer.text, out);
    reader.choice<std::string>("font", layer.font, {{"sans", "sans"}, {"serif", "serif"}, {"mono", "mono"}},
                               Need::kOptional);
    reader.number("size", layer.size, 1, 1000, Need::kOptional);
    reader.integer("weight", layer.weight, 100, 900, Need::kOptional);
    reader.choice<Anchor>("align", layer.align,
                          {{"topLeft", Anchor::kTopLeft},
                           {"top", Anchor::kTop},
                           {"topRight", Anchor::kTopRight},
                           {"left", Anchor::kLeft},
                           {"centre", Anchor::kCentre},
                           {"right", Anchor::kRight},
                           {"bottomLeft", Anchor::kBottomLeft},
                           {"bottom", Anchor::kBottom},
                           {"bottomRight", Anchor::kBottomRight}},
                          Need::kOptional);
  } else if (layer.kind == LayerKind::kImage) {
    if (reader.name("image", layer.image, Need::kRequired) && !out.assets.contains(layer.image)) {
      reader.at("image").mistake("\"" + layer.image + "\" is not among this overlay's assets");
    }
  } else {
    reader.choice<ShapeKind>(
        "shape", layer.shape,
        {{"rectangle", ShapeKind::kRectangle}, {"rounded", ShapeKind::kRounded}, {"ellipse", ShapeKind::kEllipse}},
        Need::kOptional);
    reader.number("radius", layer.radius, 0, 500, Need::kOptional);
  }
  reader.finish();
  out.layers.push_back(std::move(layer));
}

Animation readAnimation(ObjectReader& body, std::string_view key) {
  Animation animation;
  const auto* value = body.find(key, Need::kOptional);
  if (!value) return animation;
  ObjectReader reader{body.at(key)};
  reader.choice<AnimationKind>("kind", animation.kind,
                               {{"none", AnimationKind::kNone},
                                {"fade", AnimationKind::kFade},
                                {"slideLeft", AnimationKind::kSlideLeft},
                                {"slideRight", AnimationKind::kSlideRight},
                                {"slideUp", AnimationKind::kSlideUp},
                                {"slideDown", AnimationKind::kSlideDown}},
                               Need::kRequired);
  reader.integer("milliseconds", animation.milliseconds, 0, 5'000, Need::kOptional);
  reader.finish();
  return animation;
}

// A relative path of plain names, so that it cannot leave the documents' folder.
bool isAssetPath(std::string_view path) {
  if (path.empty() || path.size() > 255) return false;
  const bool image = path.ends_with(".png") || path.ends_with(".svg");
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part.front() == '.') return false;
    if (!std::all_of(part.begin(), part.end(), [](char c) { return isName({&c, 1}) || c == '.'; })) return false;
    begin = end + 1;
  }
  return image;
}

// The number of different looks, as a product of domains; shown when there are too many.
void checkLooks(const ObjectReader& body, const Overlay& overlay) {
  std::uint64_t product = 1;
  std::string shown;
  for (const OverlayField& field : overlay.fields) {
    if (field.domain.empty()) continue;
    shown += (shown.empty() ? "" : " x ") + field.name + " " + std::to_string(field.domain.size());
    if (product <= kMaxOverlayLooks * kMaxDomain) product *= field.domain.size();
  }
  if (product <= kMaxOverlayLooks) return;
  body.at("fields").mistake("expected at most " + std::to_string(kMaxOverlayLooks) +
                            " different looks; these fields make more: " + shown);
}

}  // namespace

void readOverlay(ObjectReader& body, Overlay& out) {
  body.array("fields", Need::kOptional, 64, [&](const Place& place) { readField(place, out); });
  checkLooks(body, out);
  body.members("assets", 32, [&](const Place& place, std::string_view key) {
    std::string path;
    if (!isName(key)) return place.mistake("expected a name of 1 to 64 of the characters A-Z a-z 0-9 _ -");
    if (!readText(place, path, 4096)) return;
    if (!isAssetPath(path)) return place.mistake("expected the path of a .png or .svg below the documents' folder");
    out.assets.emplace(key, std::move(path));
  });
  body.array("layers", Need::kRequired, 64, [&](const Place& place) { readLayer(place, out); });
  out.in = readAnimation(body, "in");
  out.out = readAnimation(body, "out");
}

}  // namespace dvpe::model::impl
