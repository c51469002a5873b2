// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Reads the PNG and SVG files of an overlay. They are hostile until proven otherwise: bounded and checked before any of
// Qt's decoders sees them.
#pragma once

#include <filesystem>
#include <string>

#include "shared/base/result.h"
#include "shared/overlay/impl/canvas.h"

namespace dvpe::overlay::impl {

inline constexpr std::uintmax_t kMaxPngBytes = 16u << 20;
inline constexpr std::uintmax_t kMaxSvgBytes = 2u << 20;

// The whole file. relative must be a plain relative path that stays inside of folder, symbolic links followed.
// kRefused: it does not; kNotFound, kLimitExceeded, kIo.
base::Result<std::string> readAsset(const std::filesystem::path& folder, const std::string& relative);

// An image as large as fits into width x height without changing its proportions; at least one pixel each way.
// bytes: a PNG or an SVG, by content. kUnsupported, kInvalidInput, kLimitExceeded.
base::Result<Pixels> decodeImage(const std::string& bytes, int width, int height);

}  // namespace dvpe::overlay::impl
