// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Scaling of images with integer weights, in place of Qt's whose result may depend on the CPU.
#pragma once

#include "shared/overlay/impl/canvas.h"

namespace dvpe::overlay::impl {

// A separable triangle filter: bilinear when it enlarges, as wide as the reduction when it reduces.
// width and height at least 1.
Pixels scaledTo(const Pixels& source, int width, int height);

}  // namespace dvpe::overlay::impl
