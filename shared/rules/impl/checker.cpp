// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/impl/checker.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <utility>

#include "shared/rules/impl/lexer.h"

namespace dvpe::rules::impl {

namespace {

Type typeOf(const model::Scalar& literal) {
  constexpr Type kTypes[] = {Type::kBool, Type::kInt, Type::kDouble, Type::kString};
  return kTypes[literal.index()];
}

Type typeOf(model::FieldType type) {
  switch (type) {
    case model::FieldType::kBool:
      return Type::kBool;
    case model::FieldType::kInt:
      return Type::kInt;
    case model::FieldType::kDouble:
      return Type::kDouble;
    case model::FieldType::kString:
      return Type::kString;
    case model::FieldType::kTimestamp:
      return Type::kTimestamp;
    case model::FieldType::kList:
      return Type::kList;
    case model::FieldType::kMap:
      return Type::kMap;
  }
  return Type::kAny;
}

bool fits(Type type, Type wanted) { return type == wanted || type == Type::kAny; }

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({change, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

std::vector<std::string> membersOf(std::string_view path) {
  std::vector<std::string> out;
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    path.remove_prefix(dot + 1);
    out.emplace_back(path.substr(0, path.find('.')));
  }
  return out;
}

}  // namespace

const char* describe(Type type) {
  constexpr std::array<const char*, 9> kNames = {"a bool",     "an int", "a double", "a string", "a timestamp",
                                                 "a duration", "a list", "a map",    "any value"};
  return kNames[static_cast<std::size_t>(type)];
}

void Checker::run(const Node& tree, bool anyType) {
  tree_ = &tree;
  const Static type = visit(tree, add(tree));
  if (!anyType && !fits(type.type, Type::kBool)) expected(tree, "a condition (true or false)", type);
}

void Checker::mistake(const Node& node, std::string message) {
  if (mistakes_.size() < kMaxMistakes) mistakes_.push_back(mistakeAt(program_.text, node.span, std::move(message)));
}

void Checker::expected(const Node& node, std::string_view what, Static found) {
  mistake(node, "expected " + std::string{what} + ", found " + describe(found.type));
}

std::uint32_t Checker::add(const Node& node) {
  Op op;
  op.kind = node.kind;
  op.span = node.span;
  op.id = node.id;
  program_.ops.push_back(op);
  return static_cast<std::uint32_t>(program_.ops.size() - 1);
}

// Saturates: macros within macros multiply.
void Checker::count(std::int64_t steps) {
  program_.steps = std::min(program_.steps + std::min(steps, kMaxSteps + 1) * times_, kMaxSteps + 1);
  if (program_.steps <= kMaxSteps || std::exchange(counted_, true)) return;
  mistake(*tree_, "this may take more than " + std::to_string(kMaxSteps) + " steps for one viewer");
}

std::vector<std::uint32_t> Checker::place(const Node& node, std::uint32_t at) {
  std::vector<std::uint32_t> places;
  for (const Node& child : node.children) {
    const std::uint32_t place = add(child);
    (places.empty() ? op(at).first : op(places.back()).next) = place;
    places.push_back(place);
  }
  return places;
}

std::vector<Static> Checker::visitChildren(const Node& node, std::uint32_t at) {
  const auto places = place(node, at);
  std::vector<Static> types;
  for (std::size_t i = 0; i < places.size(); ++i) types.push_back(visit(node.children[i], places[i]));
  return types;
}

Static Checker::visit(const Node& node, std::uint32_t at) {
  count(1);
  switch (node.kind) {
    case NodeKind::kLiteral:
      return literal(node, at);
    case NodeKind::kList:
      return list(node, at);
    case NodeKind::kMap:
      return map(node, at);
    case NodeKind::kField:
      return field(node, at);
    case NodeKind::kHas:
      field(node, at);
      return {Type::kBool};
    case NodeKind::kSelect:
      return select(node, at);
    case NodeKind::kIndex:
      return index(node, at);
    case NodeKind::kCall:
    case NodeKind::kMethod:
      return call(node, at);
    case NodeKind::kMacro:
      return macro(node, at);
    case NodeKind::kConditional:
      return conditional(node, at);
    case NodeKind::kNegate:
      return negate(node, at);
    case NodeKind::kNot:
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return logic(node, at);
    case NodeKind::kIn:
      return isIn(node, at);
    case NodeKind::kAdd:
    case NodeKind::kSubtract:
    case NodeKind::kMultiply:
    case NodeKind::kDivide:
    case NodeKind::kRemainder:
      return arithmetic(node, at);
    default:
      return comparison(node, at);
  }
}

// ---- what a value may weigh

// What is in a list or a map is no larger than that.
Static Checker::itemOf(const Static& of) {
  Static out{of.type == Type::kList ? of.item : Type::kAny};
  out.size = out.whole = of.flat ? 1 : of.whole;
  out.pieces = of.pieces;
  return out;
}

std::int64_t Checker::weight(const Static& type) {
  return type.type == Type::kList || type.type == Type::kMap || type.type == Type::kAny ? type.whole : 1;
}

Static Checker::literal(const Node& node, std::uint32_t at) {
  Datum value;
  if (const auto* flag = std::get_if<bool>(&node.literal)) value = ofBool(*flag);
  if (const auto* whole = std::get_if<std::int64_t>(&node.literal)) value = ofWhole(*whole);
  if (const auto* real = std::get_if<double>(&node.literal)) value = ofReal(*real);
  if (const auto* text = std::get_if<std::string>(&node.literal)) value = ofText(program_.strings.emplace_back(*text));
  op(at).index = static_cast<std::uint32_t>(program_.literals.size());
  program_.literals.push_back(value);
  Static out{typeOf(node.literal)};
  if (out.type == Type::kString) out.pieces = 1 + value.count / 256;
  return out;
}

Static Checker::list(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  Static out{Type::kList, types.empty() ? Type::kAny : types.front().type, static_cast<std::int64_t>(types.size()), 0,
             1};
  op(at).extra = std::all_of(node.children.begin(), node.children.end(),
                             [](const Node& each) { return each.kind == NodeKind::kLiteral; });
  for (const Static& each : types) {
    out.whole = std::min(out.whole + weight(each), kMaxSteps);
    out.pieces = std::max(out.pieces, each.pieces);
    if (each.type != out.item) out.item = Type::kAny;
    if (each.path) mistake(node, "expected values, found a map of attributes; name one of its members");
  }
  return out;
}

Static Checker::map(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  // Keys are looked up one by one.
  const auto size = static_cast<std::int64_t>(types.size() / 2);
  Static out{Type::kMap, types.empty() ? Type::kAny : types.front().type, size, std::min(size * size, kMaxSteps), 1};
  count(size * size / 2);
  std::set<model::Scalar> keys;
  for (std::size_t i = 0; i < types.size(); i += 2) {
    const Type key = types[i].type;
    if (key != out.item) out.item = Type::kAny;
    if (key != Type::kString && key != Type::kInt && key != Type::kBool && key != Type::kAny)
      expected(node.children[i], "a string, an int or a bool as a key", types[i]);
    if (node.children[i].kind == NodeKind::kLiteral && !keys.insert(node.children[i].literal).second)
      mistake(node.children[i], "expected each key once");
    if (types[i].path || types[i + 1].path)
      mistake(node, "expected values, found a map of attributes; name one of its members");
    out.whole = std::min(out.whole + weight(types[i + 1]), kMaxSteps);
    out.pieces = std::max({out.pieces, types[i].pieces, types[i + 1].pieces});
  }
  return out;
}

// ---- fields

namespace {

bool isBelow(std::string_view path, std::string_view of) {
  return path.size() > of.size() && path.starts_with(of) && path[of.size()] == '.';
}

}  // namespace

// The most exact declaration counts: what is below a map may be declared with a type and a purpose of its own.
const model::Field* Checker::declared(std::string_view path, bool& below) const {
  const model::Field* found = nullptr;
  for (const auto* fields : {&declarations_.fields, &builtInFields()}) {
    for (const model::Field& each : *fields) {
      const bool fitting = path == each.path || (each.type == model::FieldType::kMap && isBelow(path, each.path));
      if (fitting && (found == nullptr || each.path.size() > found->path.size())) found = &each;
    }
  }
  below = found != nullptr && path.size() > found->path.size();
  return found;
}

std::uint32_t Checker::use(const std::string& path, Type type, const model::Field& field) {
  const auto purposeOf = [&](const model::Field& of) {
    return declarations_.use == Use::kCampaign && !of.campaignPurpose.empty() ? of.campaignPurpose : of.purpose;
  };
  const FieldUse use{path, purposeOf(field), type};
  for (const model::Field& each : declarations_.fields) {
    if (!isBelow(each.path, path) || purposeOf(each).empty()) continue;
    const bool there = std::any_of(program_.guarded.begin(), program_.guarded.end(),
                                   [&](const FieldUse& other) { return other.path == each.path; });
    if (!there) program_.guarded.push_back({each.path, purposeOf(each), Type::kAny});
  }
  auto same = std::find_if(program_.fields.begin(), program_.fields.end(),
                           [&](const FieldUse& each) { return each.path == use.path && each.type == use.type; });
  if (same == program_.fields.end()) same = program_.fields.insert(same, use);
  return static_cast<std::uint32_t>(same - program_.fields.begin());
}

Static Checker::field(const Node& node, std::uint32_t at) {
  const std::string_view first = std::string_view{node.name}.substr(0, node.name.find('.'));
  for (std::size_t i = variables_.size(); i-- > 0;) {  // the innermost counts
    if (variables_[i].name == first) return variable(node, at, i);
  }
  bool below = false;
  const model::Field* found = declared(node.name, below);
  if (!found) {
    mistake(node, undeclared(node.name));
    return {};
  }
  const bool builtIn = std::any_of(builtInFields().begin(), builtInFields().end(),
                                   [found](const model::Field& each) { return &each == found; });
  if (declarations_.lawfulBasis && found->purpose.empty() && !builtIn)
    mistake(node, "a lawful basis is demanded here, and " + found->path + " is declared without a purpose");
  Static out{below ? Type::kAny : typeOf(found->type)};
  out.path = out.type == Type::kMap;
  out.flat = out.type == Type::kList;
  if (!below) out.field = found;
  op(at).index = use(node.name, out.type, *found);
  if (node.kind == NodeKind::kField && out.type == Type::kList) count(256);
  return out;
}

Static Checker::variable(const Node& node, std::uint32_t at, std::size_t which) {
  Op& here = op(at);
  here.local = true;
  here.index = static_cast<std::uint32_t>(which);
  here.extra = static_cast<std::uint32_t>(program_.members.size());
  program_.members.push_back(membersOf(node.name));
  if (program_.members.back().empty()) {
    if (node.kind == NodeKind::kHas) mistake(node, "expected a member of " + node.name + ", as in has(x.name)");
    return variables_[which].type;
  }
  if (!fits(variables_[which].type.type, Type::kMap)) expected(node, "a map", variables_[which].type);
  return {};
}

std::string Checker::undeclared(std::string_view path) const {
  std::string out = "expected a declared field";
  if (path.size() > 80 || mistakes_.size() >= kMaxMistakes) return out;
  out += ", found " + std::string{path};
  std::size_t least = 4;  // exclusive
  std::string_view best;
  for (const auto* fields : {&declarations_.fields, &builtInFields()}) {
    for (const model::Field& each : *fields) {
      const std::size_t d = distance(path, each.path);
      if (d < least) least = d, best = each.path;
    }
  }
  if (!best.empty() && best.size() > least) out += "; did you mean " + std::string{best} + "?";
  return out;
}

// ---- operators

Static Checker::select(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  if (!fits(types[0].type, Type::kMap)) expected(node.children[0], "a map", types[0]);
  op(at).index = static_cast<std::uint32_t>(program_.strings.size());
  program_.strings.push_back(node.name);
  count(static_cast<std::int64_t>(program_.guarded.size()));
  return itemOf(types[0]);
}

Static Checker::index(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  const Static& of = types[0];
  if (of.type == Type::kList) {
    if (!fits(types[1].type, Type::kInt)) expected(node.children[1], "an int", types[1]);
    return itemOf(of);
  }
  count(static_cast<std::int64_t>(program_.guarded.size()));
  if (of.type == Type::kMap) {
    if (of.path && !fits(types[1].type, Type::kString)) expected(node.children[1], "a string", types[1]);
    if (!of.path) count(of.size);
    return itemOf(of);
  }
  if (of.type != Type::kAny) expected(node.children[0], "a list or a map", of);
  return itemOf(of);
}

Static Checker::logic(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (!fits(types[i].type, Type::kBool)) expected(node.children[i], "a condition (true or false)", types[i]);
  }
  return {Type::kBool};
}

Static Checker::conditional(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  if (types.size() < 3) return {};
  if (!fits(types[0].type, Type::kBool)) expected(node.children[0], "a condition (true or false)", types[0]);
  Static out{types[1].type == types[2].type ? types[1].type : Type::kAny};
  if (types[1].path || types[2].path)
    mistake(node, "expected values, found a map of attributes; name one of its members");
  checkSame(types[1], node.children[2], types[2]);
  if (types[1].item == types[2].item) out.item = types[1].item;
  out.size = std::max(types[1].size, types[2].size);
  out.whole = std::max(types[1].whole, types[2].whole);
  out.pieces = std::max(types[1].pieces, types[2].pieces);
  return out;
}

Static Checker::negate(const Node& node, std::uint32_t at) {
  const Static type = visitChildren(node, at)[0];
  if (!fits(type.type, Type::kInt) && type.type != Type::kDouble && type.type != Type::kDuration)
    expected(node.children[0], "a number", type);
  return {type.type};
}

bool Checker::checkPlain(const Node& node, Static type) {
  if (!type.path) return true;
  mistake(node, "expected a single value, found a map; name one of its members");
  return false;
}

void Checker::checkSame(Static left, const Node& node, Static right) {
  if (left.type == right.type || left.type == Type::kAny || right.type == Type::kAny) return;
  std::string message = std::string{"expected "} + describe(left.type) + ", found " + describe(right.type);
  if (left.type == Type::kDouble && right.type == Type::kInt && node.kind == NodeKind::kLiteral)
    message += "; write " + std::to_string(std::get<std::int64_t>(node.literal)) + ".0";
  if (left.type == Type::kTimestamp && right.type == Type::kString) message += "; write timestamp(\"...\")";
  mistake(node, std::move(message));
}

// What a field can never be is a slip of the pen.
void Checker::checkValue(const model::Field* field, const Node& literal) {
  if (field == nullptr || field->values.empty() || literal.kind != NodeKind::kLiteral) return;
  if (std::find(field->values.begin(), field->values.end(), literal.literal) != field->values.end()) return;
  std::string message = "expected one of the values of " + field->path + " (";
  for (std::size_t i = 0; i < std::min<std::size_t>(field->values.size(), 8); ++i) {
    Node value;
    value.literal = field->values[i];
    message += (i > 0 ? ", " : "") + print(value);
  }
  Node shown = literal;
  shown.before.clear();
  shown.after.clear();
  mistake(literal, message + (field->values.size() > 8 ? ", ...), found " : "), found ") + print(shown));
}

// Both must be of one type; there is no conversion.
Static Checker::comparison(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  const bool plain = checkPlain(node.children[0], types[0]) && checkPlain(node.children[1], types[1]);
  if (!plain) return {Type::kBool};
  const bool equality = node.kind == NodeKind::kEqual || node.kind == NodeKind::kNotEqual;
  for (std::size_t i = 0; i < 2; ++i) {
    const bool ordered = types[i].type != Type::kList && types[i].type != Type::kMap;
    if (!equality && !ordered) expected(node.children[i], "a value that has an order", types[i]);
    if (!equality && !ordered) return {Type::kBool};
  }
  checkSame(types[0], node.children[1], types[1]);
  if (equality) {
    checkValue(types[0].field, node.children[1]);
    checkValue(types[1].field, node.children[0]);
    count(std::min(weight(types[0]), weight(types[1])));
  }
  return {Type::kBool};
}

Static Checker::isIn(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  const Node& right = node.children[1];
  if (types[1].type != Type::kList && types[1].type != Type::kMap && types[1].type != Type::kAny) {
    expected(right, "a list", types[1]);
    return {Type::kBool};
  }
  if (!checkPlain(node.children[0], types[0])) return {Type::kBool};
  if (types[1].path && !fits(types[0].type, Type::kString)) expected(node.children[0], "a string", types[0]);
  // Each item is compared, which takes no more than there is of either side.
  count(types[1].path ? 1 + static_cast<std::int64_t>(program_.guarded.size())
                      : std::max(types[1].size, std::min(types[1].whole, types[1].size * weight(types[0]))));
  if (right.kind == NodeKind::kList) {
    for (const Node& item : right.children) {
      if (item.kind != NodeKind::kLiteral) continue;
      checkSame(types[0], item, {typeOf(item.literal)});
      checkValue(types[0].field, item);
    }
  } else if (types[1].type == Type::kList) {
    checkSame({types[1].item}, node.children[0], types[0]);
  }
  return {Type::kBool};
}

// cel-spec langdef, "List of Standard Definitions": both sides of one type, but for times and durations.
Static Checker::arithmetic(const Node& node, std::uint32_t at) {
  const std::vector<Static> types = visitChildren(node, at);
  const Type a = types[0].type, b = types[1].type;
  const bool sum = node.kind == NodeKind::kAdd, difference = node.kind == NodeKind::kSubtract;
  Static out;
  if (sum) {  // of lists or texts, perhaps
    out.size = std::min(types[0].size + types[1].size, kMaxSteps);
    out.whole = std::min(types[0].whole + types[1].whole, kMaxSteps);
    out.pieces = types[0].pieces + types[1].pieces;
  }
  if (sum && (a == Type::kList || b == Type::kList) && fits(a, Type::kList) && fits(b, Type::kList)) {
    count(out.size);
    out.type = Type::kList;
    if (types[0].item == types[1].item) out.item = types[0].item;
    return out;
  }
  if ((sum || difference) && a == Type::kTimestamp && b == Type::kDuration) return {Type::kTimestamp};
  if (sum && a == Type::kDuration && b == Type::kTimestamp) return {Type::kTimestamp};
  if (difference && a == Type::kTimestamp && b == Type::kTimestamp) return {Type::kDuration};
  const auto allowed = [&](Type type) {
    if (type == Type::kAny || type == Type::kInt) return true;
    if (type == Type::kDouble) return node.kind != NodeKind::kRemainder;
    if (type == Type::kString) return sum;
    if (type == Type::kDuration || type == Type::kTimestamp) return sum || difference;
    return false;
  };
  for (std::size_t i = 0; i < 2; ++i) {
    if (!allowed(types[i].type)) {
      expected(node.children[i], node.kind == NodeKind::kRemainder ? "an int" : "a number", types[i]);
      return {};
    }
  }
  if (a == Type::kTimestamp || b == Type::kTimestamp) {
    if (a != Type::kAny && b != Type::kAny) expected(node.children[1], "a duration", types[1]);
    return {};
  }
  checkSame(types[0], node.children[1], types[1]);
  const bool maybeTime = (a == Type::kAny || b == Type::kAny) && (a == Type::kDuration || b == Type::kDuration);
  if (!maybeTime) out.type = a == Type::kAny ? b : a;  // a time and a duration make a time
  return out;
}

}  // namespace dvpe::rules::impl
