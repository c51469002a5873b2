// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Static types, and the layout of a tree as a program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/rules/condition.h"
#include "shared/rules/impl/program.h"

namespace dvpe::rules::impl {

// What is known of a value before evaluation.
struct Static {
  Type type = Type::kAny;
  Type item = Type::kAny;               // of a list's items or a map's keys
  std::int64_t size = 256;              // at most so many items: attributes have no more
  std::int64_t whole = 256;             // at most so many values in it at any depth: what comparing it takes
  std::int64_t pieces = 16;             // at most so many times 256 bytes of a text: attributes have no more
  bool flat = false;                    // a list of attributes: of single values
  bool path = false;                    // a map of attributes: its members have names, and cannot be counted
  const model::Field* field = nullptr;  // of which it is the value
};

// Checks one tree and lays it out. Once.
class Checker {
 public:
  Checker(Program& program, const Declarations& declarations, std::vector<Mistake>& mistakes)
      : program_(program), declarations_(declarations), mistakes_(mistakes) {}
  // anyType: it need not be true or false.
  void run(const Node& tree, bool anyType);

 private:
  struct Variable {
    std::string name;
    Static type;
  };

  void mistake(const Node& node, std::string message);
  void expected(const Node& node, std::string_view what, Static found);
  std::uint32_t add(const Node& node);
  void count(std::int64_t steps);
  Op& op(std::uint32_t at) { return program_.ops[at]; }

  // Lays out the children of `node`, whose own op is `at`.
  std::vector<std::uint32_t> place(const Node& node, std::uint32_t at);
  std::vector<Static> visitChildren(const Node& node, std::uint32_t at);
  Static visit(const Node& node, std::uint32_t at);
  Static literal(const Node& node, std::uint32_t at);
  Static list(const Node& node, std::uint32_t at);
  Static map(const Node& node, std::uint32_t at);
  Static field(const Node& node, std::uint32_t at);
  Static variable(const Node& node, std::uint32_t at, std::size_t which);
  Static select(const Node& node, std::uint32_t at);
  Static index(const Node& node, std::uint32_t at);
  Static logic(const Node& node, std::uint32_t at);
  Static conditional(const Node& node, std::uint32_t at);
  Static negate(const Node& node, std::uint32_t at);
  Static comparison(const Node& node, std::uint32_t at);
  Static isIn(const Node& node, std::uint32_t at);
  Static arithmetic(const Node& node, std::uint32_t at);
  Static macro(const Node& node, std::uint32_t at);
  Static call(const Node& node, std::uint32_t at);
  Static conversion(const Node& node, std::uint32_t at, Function function);
  Static part(const Node& node, std::uint32_t at, Part part);
  Static text(const Node& node, std::uint32_t at, Function function);
  Static within(const Node& node, std::uint32_t at);
  Static segment(const Node& node, std::uint32_t at);
  Static percent(const Node& node, std::uint32_t at);
  Static frequency(const Node& node, std::uint32_t at);

  static Static itemOf(const Static& of);
  static std::int64_t weight(const Static& type);
  std::string withoutPurpose(const Program& program) const;
  bool argumentsAre(const Node& node, std::size_t least, std::size_t most, std::string_view usage);
  const std::string* literalText(const Node& node, std::string_view what);
  bool checkPlain(const Node& node, Static type);
  void checkSame(Static left, const Node& node, Static right);
  void checkValue(const model::Field* field, const Node& literal);
  const model::Field* declared(std::string_view path, bool& below) const;
  std::string undeclared(std::string_view path) const;
  std::uint32_t use(const std::string& path, Type type, const model::Field& field);

  Program& program_;
  const Node* tree_ = nullptr;
  const Declarations& declarations_;
  std::vector<Mistake>& mistakes_;
  std::vector<Variable> variables_;
  std::int64_t times_ = 1;  // how often what is visited is evaluated, at most
  bool counted_ = false;    // too many steps have been said
};

const char* describe(Type type);

}  // namespace dvpe::rules::impl
