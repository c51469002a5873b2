// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What conditions have to do with each other, found by trying one viewer of each kind that they tell apart: a field
// that is only compared with constants divides its values into few kinds. A "no" is proved; a "yes" comes with
// somebody. Thread-safe: no state.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/rules/condition.h"

namespace dvpe::rules {

// The most viewers that one question tries.
inline constexpr std::size_t kMaxTried = 20'000;

// Somebody: paths with values as literals of the language, in their order; and what they agreed to.
struct Witness {
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::string> purposes;
};
// "viewer.age is 18, viewer.country is \"DE\", agrees to personalised_content"; "somebody of whom nothing is known".
std::string describe(const Witness& witness);

struct Answer {
  enum class Is { kYes, kNo, kNotKnown } is = Is::kNotKnown;
  Witness witness;  // kYes
};

// Whether it can be true of anybody.
Answer canBeTrue(const Condition& condition, const std::vector<model::Field>& fields, Use use = Use::kContent);
// Whether the first can be true of somebody of whom the second is not. kNo: wherever the first is true the second is.
Answer trueWithout(const Condition& first, const Condition& second, const std::vector<model::Field>& fields,
                   Use use = Use::kContent);

}  // namespace dvpe::rules
