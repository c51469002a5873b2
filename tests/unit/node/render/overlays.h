// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Small overlays for render's tests.
#pragma once

#include <memory>
#include <string>

#include "shared/model/documents.h"

namespace dvpe::render::test {

inline model::Overlay overlay(const std::string& id, const std::string& words = "", int outMs = 0) {
  model::Overlay o;
  o.id = id;
  model::Layer box;
  box.kind = model::LayerKind::kShape;
  box.x = 250, box.y = 500, box.width = 500, box.height = 250;
  box.colour = "#ff0000";
  o.layers.push_back(box);
  if (!words.empty()) {
    model::Layer text;
    text.kind = model::LayerKind::kText;
    text.x = 250, text.y = 500, text.width = 500, text.height = 250;
    text.text = words;
    text.size = 200;
    text.colour = "#ffffff";
    o.layers.push_back(text);
  }
  for (const char* name : {"clock", "countdown"}) {
    if (words.find('{' + std::string(name) + '}') == std::string::npos) continue;
    model::OverlayField field;
    field.name = name;
    field.programme = true;
    o.fields.push_back(field);
  }
  if (outMs > 0) o.out = {model::AnimationKind::kFade, outMs};
  return o;
}

inline std::shared_ptr<const model::Overlay> shared(model::Overlay o) {
  return std::make_shared<const model::Overlay>(std::move(o));
}

}  // namespace dvpe::render::test
