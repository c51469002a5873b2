// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Text in a box: shaped by HarfBuzz through QTextLayout, any script, either direction.
#pragma once

#include <QString>

#include "shared/model/documents.h"
#include "shared/overlay/impl/canvas.h"

namespace dvpe::overlay::impl {

// How a text is set. pixelSize is the em of the font; weight below 600 is regular, else bold.
struct TextStyle {
  std::string font = "sans";  // sans, serif, mono
  int pixelSize = 16;
  int weight = 400;
  model::Anchor align = model::Anchor::kLeft;  // absolute: left is left for every script
};

// Whether a layer's font name is one of the product's families.
bool knownFont(const std::string& font);

// The coverage of the text in a box of width x height. Lines break at words where the height allows. What does not fit
// is set smaller, down to half of its size (at least 8 pixels), and then ends in an ellipsis. Nothing leaves the box.
Mask textMask(const QString& text, const TextStyle& style, int width, int height);

}  // namespace dvpe::overlay::impl
