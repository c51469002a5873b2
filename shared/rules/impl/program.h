// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A compiled condition: the tree in one array, children after their parents, fields resolved.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/rules/ast.h"

namespace dvpe::rules::impl {

// What is known about a value at compile time.
enum class Type : std::uint8_t { kBool, kInt, kDouble, kString, kList, kMap, kAny };

struct FieldUse {
  std::string path;
  std::string purpose;
  Type type = Type::kAny;
};

// One node. Its children are first, ops[first].next, ... until 0.
struct Op {
  NodeKind kind = NodeKind::kLiteral;
  Type literalType = Type::kBool;
  std::uint32_t first = 0;
  std::uint32_t next = 0;
  std::uint32_t index = 0;  // kField, kHas: in fields; kLiteral: in the vector of its type (a bool: the value itself)
  Span span;
};

struct Program {
  std::string text;
  Node tree;
  std::vector<Op> ops;  // ops[0] is the root
  std::vector<FieldUse> fields;
  std::vector<std::int64_t> ints;
  std::vector<double> doubles;
  std::vector<std::string> strings;
};

}  // namespace dvpe::rules::impl
