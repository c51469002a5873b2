// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Filled shapes as masks.
#pragma once

#include "shared/model/documents.h"
#include "shared/overlay/impl/canvas.h"

namespace dvpe::overlay::impl {

// The coverage of a shape that fills width x height pixels. radius in pixels, for kRounded.
Mask shapeMask(model::ShapeKind shape, int width, int height, int radius);

}  // namespace dvpe::overlay::impl
