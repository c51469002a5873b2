// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Whether any viewer was shown more than a cap allows: by counting, without the product.
#pragma once

#include <cstdint>
#include <vector>

#include "day_world.h"

namespace dvpe::bench {

// One that was delivered.
struct Impression {
  std::uint32_t viewer = 0, at = 0;  // second of the day
  std::uint16_t line = 0;
  std::uint8_t creative = 0;
};

struct CapCheck {
  std::int64_t checked = 0;  // impressions with at least one cap
  std::int64_t broken = 0;   // impressions that were one too many
};

CapCheck checkCaps(const World& world, std::vector<Impression> impressions, int threads);

}  // namespace dvpe::bench
