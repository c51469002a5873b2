// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the tests of trees share.
#pragma once

#include <cstddef>

#include "shared/rules/ast.h"

namespace dvpe::rules {

// Whether two equal trees have the same comments at the same nodes.
inline bool sameComments(const Node& a, const Node& b) {
  if (a.before != b.before || a.after != b.after || a.children.size() != b.children.size()) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!sameComments(a.children[i], b.children[i])) return false;
  }
  return true;
}

}  // namespace dvpe::rules
