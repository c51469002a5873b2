// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What viewers get and why: the rules of a creator's channels.
#pragma once

#include <memory>

#include "studio/shell/feature.h"

namespace dvpe::studio {

std::unique_ptr<Feature> rulesFeature();

}  // namespace dvpe::studio
