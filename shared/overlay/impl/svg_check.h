// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What an SVG may contain before Qt's renderer sees it.
#pragma once

#include <string>

#include "shared/base/result.h"

namespace dvpe::overlay::impl {

// Success for an SVG that draws only what stands in it: no document type or entities, processing instructions, scripts,
// animations, images, style imports or references to anything outside of the file, and a bounded amount of drawing once
// <use> is expanded. kInvalidInput: not well formed, not SVG; kUnsupported: something of the above; kLimitExceeded.
base::Result<void> checkSvg(const std::string& bytes);

}  // namespace dvpe::overlay::impl
