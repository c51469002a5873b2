// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// "Did you mean": the known word nearest to one that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dvpe::node {

// "; did you mean X?" for the nearest of `known` (edit distance at most a third of the word, at least 1), else "".
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace dvpe::node
