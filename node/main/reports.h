// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which reports there are: what each asks of the database's analytics functions, and how it is shown. No figure is
// computed here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/report/report.h"

namespace dvpe::node {

struct ReportSpec {
  std::string_view name;
  std::string_view title;
  std::string_view subject;  // "channel", "campaign" or "experiment"
  // After a WITH that has p(subject, first, last, step, zone, dimension, metric); its columns are those below.
  std::string_view select;
  std::vector<report::Column> columns;
  report::Picture picture;
  std::vector<std::string_view> notes;
  bool dimension = false;                 // takes --dimension
  std::vector<std::string_view> metrics;  // what --metric may be; the first one is the default
};

// In the order of the reference. Several may have one name: of a channel and of a campaign, or with different metrics.
std::span<const ReportSpec> reportSpecs();

// Names, each once.
std::vector<std::string_view> reportNames();

}  // namespace dvpe::node
