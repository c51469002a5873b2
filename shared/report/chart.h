// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The picture of a report, as SVG that takes its colours from the page.
#pragma once

#include <string>
#include <vector>

#include "shared/report/report.h"

namespace dvpe::report {

// Empty when there is nothing to draw. Of more than 1,000 rows lines draw every nth; of more than 30 bars the first
// ones.
std::string chart(const Report& report);

// Round numbers from at most low to at least high, four to eight of them, equally far apart, 0 among them.
std::vector<double> ticks(double low, double high);

}  // namespace dvpe::report
