// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What an Index is made of.
//
// Conditions become forms of And and Or over tests without negation: "e is true" and "e is false" are each such a form
// of the same about e's parts, unknown and errors included. Most tests are of a *fact*: this field has this value, this
// list has this item, it has one of these values, it is known. Facts are numbered; those of a viewer are bits. A
// condition hangs on values of which it needs at least one, the rarest such set that it has, and beside it stand its
// two other tests that fail most often: only what passes them is looked at whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shared/rules/impl/evaluator.h"

namespace dvpe::rules::impl {

// A value as a key of facts: equal values have equal keys, 1 and 1.0 too.
struct FactKey {
  enum class Kind : std::uint8_t { kBool, kWhole, kReal, kText, kTime, kSpan } kind = Kind::kBool;
  std::int64_t number = 0;  // kReal: its bits
  std::string_view text;
  bool operator==(const FactKey&) const = default;
};
struct FactKeyHash {
  std::size_t operator()(const FactKey& key) const;
};
// False: it can equal nothing that a fact is of (a list, a map, not a number).
bool factKey(const Datum& value, FactKey& out);

using Fact = std::uint32_t;
inline constexpr Fact kAlways = 0;  // every viewer has it

enum class Test : std::uint8_t {
  kAnd,
  kOr,
  kFact,     // index: a fact
  kNotFact,  // the field is known, and not the fact
  kAtLeast,  // the field, an int, is at least `whole`
  kOrder,    // the field compared with another literal; index: in literals
  kHas,      // index: in hases
  kGeneric,  // index: in generics
};

// Forms lie in one array, parts after their whole.
struct Form {
  Test test = Test::kAnd;
  bool want = true;                 // of comparisons, kHas and kGeneric: that it is true, or that it is false
  NodeKind kind = NodeKind::kLess;  // of comparisons
  std::uint16_t field = 0;          // of kNotFact and comparisons
  std::uint16_t parts = 0;          // how many forms follow that belong to it
  union {
    std::uint32_t index = 0;
    std::int64_t whole;
  };
};
static_assert(sizeof(Form) == 16);

// A field's values as facts.
struct IndexField {
  FieldUse use;
  std::uint16_t purpose = 0;  // in purposes
  Fact known = kAlways;
  std::unordered_map<FactKey, Fact, FactKeyHash> facts;
};

struct Generic {
  const Program* program = nullptr;
  std::uint32_t at = 0;
};

// A condition that hangs on a fact, with the two tests that fail most often, and the rest of it.
struct Entry {
  static constexpr std::uint32_t kNothing = ~std::uint32_t{0};
  Form first, second;
  std::uint32_t condition = 0;
  std::uint32_t rest = kNothing;  // in forms
};

struct IndexData {
  std::vector<std::shared_ptr<const Program>> programs;  // kept alive: literals refer to them
  std::vector<std::string> purposes;                     // of fields; the first: none is needed
  std::vector<IndexField> fields;
  std::vector<std::uint16_t> byPath;  // fields
  std::uint32_t facts = 1;
  std::vector<Form> forms;
  std::vector<bool> hangsOnSeveral;  // by condition
  // By fact, and the end: where its entries begin, and the facts that follow from it, "one of these values".
  std::vector<std::uint32_t> entriesOf, followersOf;
  std::vector<Entry> entries;
  std::vector<Fact> followers;
  std::vector<Datum> literals;
  std::vector<FieldUse> hases;
  std::vector<Generic> generics;
};

struct WorkspaceData {
  std::vector<std::uint64_t> has;   // a bit for each fact
  std::vector<Fact> set;            // the facts of this viewer, without those that follow
  std::vector<Datum> values;        // by field
  std::vector<bool> allowed;        // by purpose
  std::vector<std::uint32_t> seen;  // by condition: the viewer that it was tested for
  std::vector<Verdict> generic;     // by generic, and the viewer that it is of
  std::vector<std::uint32_t> genericOf;
  std::vector<const Entry*> passed;  // what is to be looked at whole
  std::uint32_t viewer = 0;
};

// Makes an index of conditions; samples: viewers such as will come, to learn what is rare.
IndexData makeIndex(const std::vector<Condition>& conditions, const std::vector<const AttributeSource*>& samples);

// The facts of a viewer into the workspace: bits, and set. Of values that are lists, only that they are known stays.
void lookAtViewer(const IndexData& index, const AttributeSource& attributes, Scratch& scratch, WorkspaceData& work);

}  // namespace dvpe::rules::impl
