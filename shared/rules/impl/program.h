// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A compiled condition: the tree in one array, children after their parents, names resolved.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "shared/rules/ast.h"
#include "shared/rules/impl/times.h"
#include "shared/rules/impl/value.h"

namespace dvpe::rules::impl {

inline constexpr int kMaxVariables = 8;          // of macros within each other
inline constexpr int kMaxSegmentLevels = 16;     // of audiences within each other
inline constexpr std::size_t kMaxPatterns = 64;  // regular expressions of one condition

struct FieldUse {
  std::string path;
  std::string purpose;
  Type type = Type::kAny;
};

// What a name that is called comes to.
enum class Function : std::uint8_t {
  kSize,
  kStartsWith,
  kEndsWith,
  kContains,
  kMatches,  // extra: in patterns
  kInt,
  kDouble,
  kString,
  kTimestamp,
  kDuration,
  kPart,       // index: a Part; extra: in zones
  kWithin,     // geo, lat, lon, km; index: in fields, of the geo's
  kSegment,    // extra: in segments
  kPercent,    // children: the salt
  kFrequency,  // children: the campaign; extra: microseconds, in ints
};
enum class Macro : std::uint8_t { kAll, kExists, kExistsOne, kFilter, kMap };

struct Program;

// One node. Its children are first, ops[first].next, ... until 0.
struct Op {
  NodeKind kind = NodeKind::kLiteral;
  Function function = Function::kSize;  // kCall, kMethod
  Macro macro = Macro::kAll;            // kMacro
  bool local = false;                   // kField, kHas: a macro's variable, and members of it
  std::uint32_t first = 0;
  std::uint32_t next = 0;
  // kLiteral: in literals. kField, kHas: in fields; local: the variable's place. kMacro: its variable's place.
  // kSelect: in strings.
  std::uint32_t index = 0;
  std::uint32_t extra = 0;  // local kField, kHas: in members; kList: 1: literals alone; else as Function says
  std::uint32_t id = 0;     // of the node
  Span span;
};

struct Program {
  std::string text;
  std::vector<Op> ops;  // ops[0] is the root
  std::vector<FieldUse> fields;
  std::vector<FieldUse> guarded;  // fields below those, with purposes of their own: members may not be read past them
  std::vector<Datum> literals;
  std::deque<std::string> strings;                // what texts of literals refer to, and names of members
  std::vector<std::vector<std::string>> members;  // x.a.b: a, b
  std::vector<std::unique_ptr<const RE2>> patterns;
  std::vector<Zone> zones;
  std::vector<std::int64_t> ints;
  std::vector<std::pair<std::string, std::shared_ptr<const Program>>> segments;
  std::int64_t steps = 0;  // at most, of one evaluation
  int segmentLevels = 0;   // of audiences within each other below this

  void shrink() {
    ops.shrink_to_fit();
    fields.shrink_to_fit();
    literals.shrink_to_fit();
  }
};

}  // namespace dvpe::rules::impl
