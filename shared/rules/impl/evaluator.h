// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A program and attributes -> a value. Recursive over the tree, whose depth the parser bounds; what it takes was
// bounded when it was compiled; what it makes is in a Scratch of the caller.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "shared/rules/condition.h"
#include "shared/rules/impl/program.h"

namespace dvpe::rules::impl {

inline Verdict toVerdict(const Datum& value) {
  if (value.state == State::kError) return Verdict::kError;
  if (!value.is(Type::kBool)) return value.known() ? Verdict::kError : Verdict::kUnknown;
  return value.flag ? Verdict::kTrue : Verdict::kFalse;
}

class Evaluator {
 public:
  Evaluator(const Program& program, const AttributeSource& attributes, Scratch& scratch)
      : program_(program), attributes_(attributes), scratch_(scratch) {}

  Datum value(std::uint32_t at);

  const Op& op(std::uint32_t at) const { return program_.ops[at]; }
  const Program& program() const { return program_; }
  const AttributeSource& attributes() const { return attributes_; }
  bool allowed(const FieldUse& field) const { return field.purpose.empty() || attributes_.consents(field.purpose); }
  Datum read(const FieldUse& field);
  // The same of what was found at its path, null if nothing was; whether it may be used has been asked.
  Datum take(const FieldUse& field, const model::Value* found);

 private:
  Datum valueOf(const Op& op);
  Datum holds(const Datum& map, std::string_view name);
  template <class Each>
  Datum logic(bool decides, Each each);
  Datum has(const Op& op);
  Datum field(const Op& op);
  Datum members(Datum of, const std::vector<std::string>& names, std::size_t count);
  Datum member(const Datum& of, std::string_view name);
  Datum index(const Op& op);
  Datum list(const Op& op, Type type);
  Datum comparison(const Op& op);
  Datum isIn(const Op& op);
  Datum arithmetic(const Op& op);
  Datum macro(const Op& op);
  Datum call(const Op& op);
  Datum convert(const Datum& value, Function to);
  Datum within(const Op& op);
  Datum percent(const Datum& salt);
  Datum text(std::string_view made);
  Datum fromModel(const model::Value& value);

  const Program& program_;
  const AttributeSource& attributes_;
  Scratch& scratch_;
  std::array<Datum, kMaxVariables> variables_{};
};

// <, <=, > or >= of two known values: a bool, or an error.
Datum compared(NodeKind kind, const Datum& a, const Datum& b);
// Whether two known values are equal; values of different kinds are not.
bool equal(const Datum& a, const Datum& b);
// A value as a literal of the language: "\"DE\"", "[1, 2]", "timestamp(\"...\")", "unknown", "error: ...".
// Of long ones the beginning, of about `most` bytes, and "...".
std::string shown(const Datum& value, std::size_t most = std::string::npos);

}  // namespace dvpe::rules::impl
