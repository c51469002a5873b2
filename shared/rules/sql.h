// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditions for the decision sample (docs/reference/audience.md): a condition becomes a small tree as JSON, which the
// database checks and evaluates over the coarse attributes that it keeps. Neither side makes SQL of it. Thread-safe: no
// state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"
#include "shared/rules/condition.h"

namespace dvpe::rules {

inline constexpr std::size_t kMaxSampleTreeBytes = 64 * 1024;

// The name of a field in the sample: its path; "path:ads" for campaigns when they need another consent than rules. In a
// row, null: the viewer has no such attribute; no such name: it is not known (no consent, or a value that the sample
// does not know).
std::string sampleKey(const model::Field& field, Use use);
// The consent that it takes to read a field; empty: none.
const std::string& purposeOf(const model::Field& field, Use use);
// A value as the sample knows it; nothing: it knows none such. The field is forecastable.
std::optional<model::Scalar> coarse(const model::Field& field, const model::Value& value);
// A single value as JSON: the same value is the same text on every node.
std::string jsonOf(const model::Scalar& value);

// true and false; null: unknown, or an error, which for a sample is the same. A list else:
//   ["and", t...]  ["or", t...]  ["not", t]  ["if", t, t, t]
//   ["of", key, [value...], [value...], t]  true for the first values, unknown for the second, else false; t: when the
//                                           viewer has no such attribute. Unknown where the key is not in the row
//
// What reads one field is evaluated here for each value that the field can have, whatever it computes; only how such
// parts are joined is left to the database. kInvalidInput says why a condition cannot be asked of the sample: it reads
// what the sample does not know, tells apart what the sample does not, or computes from several fields at once.
// fields: those that it was compiled with. channel: whose viewers are asked about.
base::Result<std::string> toSampleTree(const Condition& condition, const std::vector<model::Field>& fields, Use use,
                                       std::string_view channel);

}  // namespace dvpe::rules
