// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What two documents differ in, in words that people use of them: "rules › grown-up › when". Elements of lists are the
// same when they have the same id, wherever they stand. Pure.
#pragma once

#include <QString>
#include <boost/json/value.hpp>
#include <vector>

namespace dvpe::studio {

struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged, kMoved } kind = Kind::kChanged;
  QString where;
  QString before, after;  // JSON, or a text as it is; of an added one no before, of a removed one no after
  bool operator==(const Difference&) const = default;
};

// Of what stands in `body`; before: null when there was none. At most kMostDifferences; what is beyond is not looked
// at.
inline constexpr std::size_t kMostDifferences = 1'000;
std::vector<Difference> differences(const boost::json::value* before, const boost::json::value& after);

}  // namespace dvpe::studio
