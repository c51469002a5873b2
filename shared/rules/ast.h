// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A condition as a tree, and text <-> tree. The language is a subset of CEL (Common Expression Language,
// cel-spec langdef): docs/reference/conditions.md. Bounded: 64 KiB of text, 64 levels. Thread-safe: no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/model/documents.h"

namespace dvpe::rules {

inline constexpr std::size_t kMaxConditionBytes = 64 * 1024;
inline constexpr int kMaxConditionDepth = 64;
inline constexpr std::size_t kMaxMistakes = 32;

// A piece of the source text, in bytes.
struct Span {
  std::size_t offset = 0;
  std::size_t length = 0;
};

enum class NodeKind : std::uint8_t {
  kLiteral,      // literal
  kList,         // children: items
  kMap,          // children: key, value, key, value, ...
  kField,        // name: names joined by dots; a macro's variable is one, too
  kHas,          // name, as of kField
  kSelect,       // children: 1; name: the member
  kIndex,        // children: 2
  kCall,         // name: a function; children: its arguments
  kMethod,       // name; children: what it is called on, then its arguments
  kMacro,        // name: all, exists, exists_one, filter or map; variable; children: the list or map, then 1 or 2
  kConditional,  // children: 3; a ? b : c
  kNegate,       // children: 1
  kNot,          // children: 1
  kAnd,          // children: 2 or more; a && b && c is one node
  kOr,
  kEqual,  // children: 2, and so for the others
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
};

// One node of a condition's tree: what it is, where it stands in the text, and its operands in order.
struct Node {
  NodeKind kind = NodeKind::kLiteral;
  Span span;
  model::Scalar literal = false;
  std::string name;
  std::string variable;
  std::vector<Node> children;

  std::string spelling;                    // of a literal, as it was written; print() keeps it while it means the same
  std::vector<std::string> before, after;  // comments, without the slashes
  std::uint32_t id = 0;  // unique in its tree; parse() counts in the order of the text, keepIds() keeps
};

// The same tree, wherever it stood in the text, however its literals were written and whatever comments say.
bool sameTree(const Node& a, const Node& b);

// One mistake in a text. Lines and columns count from 1, columns in characters (code points).
struct Mistake {
  Span span;
  int line = 1;
  int column = 1;
  std::string message;  // what was expected, what was found
};

// "line 1, column 5: expected ..."
std::string describe(const Mistake& mistake);

struct Parsed {
  Node root;                      // meaningful only without mistakes
  std::vector<Mistake> mistakes;  // at most kMaxMistakes, in the order of the text
};

// Reads a condition. Bounded: text of at most 64 KB, 64 levels deep. Any thread.
Parsed parse(std::string_view text);

// The canonical text of a tree, with its comments: parse(print(tree)) is the same tree with the same comments.
std::string print(const Node& root);

// Gives the nodes of a tree that was read anew the ids of those that they were before an edit of the text: equal parts
// keep theirs, also when they have moved among their siblings, then parts of the same kind in the same place. Others
// get new ones. The root keeps its own.
void keepIds(const Node& before, Node& after);

// A string as a literal of the language, in double quotes.
std::string quote(std::string_view text);

}  // namespace dvpe::rules
