// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Drafts on their way to the air.
#pragma once

#include <memory>

#include "studio/shell/feature.h"

namespace dvpe::studio {

std::unique_ptr<Feature> publishFeature();

}  // namespace dvpe::studio
