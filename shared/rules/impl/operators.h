// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The operators between two operands, and how tightly they bind.
#pragma once

#include <array>
#include <string_view>

#include "shared/rules/ast.h"

namespace dvpe::rules::impl {

// From loose to tight.
enum class Rank { kConditional, kOr, kAnd, kRelation, kSum, kProduct, kUnary, kMember };

struct Operator {
  std::string_view text;
  NodeKind kind;
  Rank rank;
};

inline constexpr std::array<Operator, 12> kOperators = {{{"==", NodeKind::kEqual, Rank::kRelation},
                                                         {"!=", NodeKind::kNotEqual, Rank::kRelation},
                                                         {"<=", NodeKind::kLessEqual, Rank::kRelation},
                                                         {">=", NodeKind::kGreaterEqual, Rank::kRelation},
                                                         {"<", NodeKind::kLess, Rank::kRelation},
                                                         {">", NodeKind::kGreater, Rank::kRelation},
                                                         {"in", NodeKind::kIn, Rank::kRelation},
                                                         {"+", NodeKind::kAdd, Rank::kSum},
                                                         {"-", NodeKind::kSubtract, Rank::kSum},
                                                         {"*", NodeKind::kMultiply, Rank::kProduct},
                                                         {"/", NodeKind::kDivide, Rank::kProduct},
                                                         {"%", NodeKind::kRemainder, Rank::kProduct}}};

// nullptr: it is none of these.
constexpr const Operator* operatorOf(NodeKind kind) {
  for (const Operator& each : kOperators) {
    if (each.kind == kind) return &each;
  }
  return nullptr;
}

}  // namespace dvpe::rules::impl
