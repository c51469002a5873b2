// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <cmath>
#include <compare>

#include "shared/rules/condition.h"
#include "shared/rules/impl/program.h"

namespace dvpe::rules {

namespace {

using impl::FieldUse;
using impl::Op;
using impl::Program;
using impl::Type;

enum class Why : std::uint8_t { kKnown, kAbsent, kNoConsent, kWrongType };

// A value while it is looked at; refers to the program's or the attributes' memory.
struct Operand {
  Why why = Why::kKnown;
  Type type = Type::kAny;
  bool flag = false;
  std::int64_t whole = 0;
  double real = 0;
  std::string_view text;
  const model::List* list = nullptr;
};

Operand toOperand(const model::Value& value) {
  Operand out;
  if (const auto* flag = std::get_if<bool>(&value.v)) {
    out.type = Type::kBool;
    out.flag = *flag;
  } else if (const auto* whole = std::get_if<std::int64_t>(&value.v)) {
    out.type = Type::kInt;
    out.whole = *whole;
  } else if (const auto* real = std::get_if<double>(&value.v)) {
    out.type = Type::kDouble;
    out.real = *real;
  } else if (const auto* text = std::get_if<std::string>(&value.v)) {
    out.type = Type::kString;
    out.text = *text;
  } else if (const auto* list = std::get_if<std::shared_ptr<const model::List>>(&value.v)) {
    out.type = Type::kList;
    out.list = list->get();
  } else if (std::holds_alternative<std::monostate>(value.v)) {
    out.why = Why::kAbsent;
  } else {
    out.why = Why::kWrongType;
  }
  return out;
}

Verdict toVerdict(bool value) { return value ? Verdict::kTrue : Verdict::kFalse; }

// Exact, although an int64 may not fit a double nor a double an int64.
std::partial_ordering compareMixed(std::int64_t whole, double real) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (std::isnan(real)) return std::partial_ordering::unordered;
  if (real >= kTwoTo63) return std::partial_ordering::less;
  if (real < -kTwoTo63) return std::partial_ordering::greater;
  const double floor = std::floor(real);
  const auto below = static_cast<std::int64_t>(floor);
  if (whole != below) return whole < below ? std::partial_ordering::less : std::partial_ordering::greater;
  return real > floor ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

// How two known values stand to each other. `comparable` is false for values of kinds that have no order.
std::partial_ordering compare(const Operand& a, const Operand& b, bool& comparable) {
  comparable = true;
  if (a.type == Type::kInt && b.type == Type::kDouble) return compareMixed(a.whole, b.real);
  if (a.type == Type::kDouble && b.type == Type::kInt) return reversed(compareMixed(b.whole, a.real));
  if (a.type == b.type) {
    if (a.type == Type::kBool) return a.flag <=> b.flag;
    if (a.type == Type::kInt) return a.whole <=> b.whole;
    if (a.type == Type::kDouble) return a.real <=> b.real;
    // Bytes of UTF-8 sort as code points do.
    if (a.type == Type::kString) return a.text <=> b.text;
  }
  comparable = false;
  return std::partial_ordering::unordered;
}

class Evaluator {
 public:
  Evaluator(const Program& program, const AttributeSource& attributes) : program_(program), attributes_(attributes) {}

  Verdict verdict(std::uint32_t at) const {
    const Op& op = program_.ops[at];
    switch (op.kind) {
      case NodeKind::kAnd:
      case NodeKind::kOr:
        return logic(op);
      case NodeKind::kNot:
        return negate(verdict(op.first));
      case NodeKind::kHas:
        return has(program_.fields[op.index]);
      case NodeKind::kIn:
        return isIn(op);
      case NodeKind::kLiteral:
      case NodeKind::kField:
      case NodeKind::kList: {
        const Operand value = operand(at);
        if (value.why != Why::kKnown || value.type != Type::kBool) return Verdict::kUnknown;
        return toVerdict(value.flag);
      }
      default:
        return comparison(op);
    }
  }

  Explanation explain(std::uint32_t at) const {
    const Op& op = program_.ops[at];
    Explanation out;
    out.span = op.span;
    out.text = program_.text.substr(op.span.offset, op.span.length);
    out.verdict = verdict(at);
    if (op.kind == NodeKind::kAnd || op.kind == NodeKind::kOr || op.kind == NodeKind::kNot) {
      for (std::uint32_t child = op.first; child != 0; child = program_.ops[child].next) {
        out.children.push_back(explain(child));
      }
      return out;
    }
    if (op.kind == NodeKind::kField || op.kind == NodeKind::kHas) return out.reason = describe(op), out;
    for (std::uint32_t child = op.first; child != 0; child = program_.ops[child].next) {
      if (program_.ops[child].kind == NodeKind::kField) {
        out.reason += (out.reason.empty() ? "" : "; ") + describe(program_.ops[child]);
      } else if (isLogic(program_.ops[child].kind)) {
        out.children.push_back(explain(child));
      }
    }
    if (out.verdict == Verdict::kUnknown && allKnown(op)) out.reason += "; these values cannot be compared";
    return out;
  }

 private:
  static bool isLogic(NodeKind kind) {
    return kind != NodeKind::kLiteral && kind != NodeKind::kList && kind != NodeKind::kField;
  }

  static Verdict negate(Verdict verdict) {
    if (verdict == Verdict::kUnknown) return verdict;
    return toVerdict(verdict == Verdict::kFalse);
  }

  // One part that decides, decides; otherwise one unknown part makes the whole unknown.
  Verdict logic(const Op& op) const {
    const Verdict decides = op.kind == NodeKind::kAnd ? Verdict::kFalse : Verdict::kTrue;
    Verdict out = negate(decides);
    for (std::uint32_t child = op.first; child != 0; child = program_.ops[child].next) {
      const Verdict each = verdict(child);
      if (each == decides) return decides;
      if (each == Verdict::kUnknown) out = each;
    }
    return out;
  }

  bool allowed(const FieldUse& field) const { return field.purpose.empty() || attributes_.consents(field.purpose); }

  Verdict has(const FieldUse& field) const {
    return allowed(field) ? toVerdict(attributes_.holds(field.path)) : Verdict::kUnknown;
  }

  Operand read(const FieldUse& field) const {
    Operand out;
    if (!allowed(field)) {
      out.why = Why::kNoConsent;
      return out;
    }
    const model::Value* value = attributes_.find(field.path);
    if (!value) {
      out.why = Why::kAbsent;
      return out;
    }
    out = toOperand(*value);
    // JSON writes 1 for 1.0: the declared type decides what it is.
    if (field.type == Type::kDouble && out.type == Type::kInt) {
      out.type = Type::kDouble;
      out.real = static_cast<double>(out.whole);
    }
    if (out.why == Why::kKnown && field.type != Type::kAny && field.type != out.type) out.why = Why::kWrongType;
    return out;
  }

  Operand operand(std::uint32_t at) const {
    const Op& op = program_.ops[at];
    Operand out;
    if (op.kind == NodeKind::kField) return read(program_.fields[op.index]);
    if (op.kind == NodeKind::kLiteral) {
      out.type = op.literalType;
      if (out.type == Type::kBool) out.flag = op.index != 0;
      if (out.type == Type::kInt) out.whole = program_.ints[op.index];
      if (out.type == Type::kDouble) out.real = program_.doubles[op.index];
      if (out.type == Type::kString) out.text = program_.strings[op.index];
      return out;
    }
    if (op.kind == NodeKind::kList) {
      out.type = Type::kList;
      return out;
    }
    const Verdict inner = verdict(at);
    out.type = Type::kBool;
    out.flag = inner == Verdict::kTrue;
    if (inner == Verdict::kUnknown) out.why = Why::kAbsent;
    return out;
  }

  Verdict comparison(const Op& op) const {
    const Operand a = operand(op.first);
    const Operand b = operand(program_.ops[op.first].next);
    if (a.why != Why::kKnown || b.why != Why::kKnown) return Verdict::kUnknown;
    bool comparable = false;
    const std::partial_ordering order = compare(a, b, comparable);
    if (op.kind == NodeKind::kEqual) return toVerdict(order == 0);
    if (op.kind == NodeKind::kNotEqual) return toVerdict(order != 0);
    if (!comparable) return Verdict::kUnknown;
    if (op.kind == NodeKind::kLess) return toVerdict(order < 0);
    if (op.kind == NodeKind::kLessEqual) return toVerdict(order <= 0);
    if (op.kind == NodeKind::kGreater) return toVerdict(order > 0);
    return toVerdict(order >= 0);
  }

  Verdict isIn(const Op& op) const {
    const Operand a = operand(op.first);
    if (a.why != Why::kKnown) return Verdict::kUnknown;
    const std::uint32_t right = program_.ops[op.first].next;
    bool comparable = false;
    if (program_.ops[right].kind == NodeKind::kList) {
      for (std::uint32_t item = program_.ops[right].first; item != 0; item = program_.ops[item].next) {
        if (compare(a, operand(item), comparable) == 0) return Verdict::kTrue;
      }
      return Verdict::kFalse;
    }
    const Operand b = operand(right);
    if (b.why != Why::kKnown || b.type != Type::kList) return Verdict::kUnknown;
    for (const model::Value& item : *b.list) {
      const Operand each = toOperand(item);
      if (each.why == Why::kKnown && compare(a, each, comparable) == 0) return Verdict::kTrue;
    }
    return Verdict::kFalse;
  }

  bool allKnown(const Op& op) const {
    for (std::uint32_t child = op.first; child != 0; child = program_.ops[child].next) {
      if (operand(child).why != Why::kKnown) return false;
    }
    return true;
  }

  std::string describe(const Op& op) const {
    const FieldUse& field = program_.fields[op.index];
    if (!allowed(field)) return field.path + ": no consent for " + field.purpose;
    if (op.kind == NodeKind::kHas) return field.path + (attributes_.holds(field.path) ? " is there" : " is absent");
    const Operand value = read(field);
    if (value.why == Why::kAbsent) return field.path + " is absent";
    if (value.why == Why::kWrongType) return field.path + " is not of its declared type";
    return field.path + " is " + shown(value);
  }

  static std::string shown(const Operand& value) {
    Node literal;
    if (value.type == Type::kBool) literal.literal = value.flag;
    if (value.type == Type::kInt) literal.literal = value.whole;
    if (value.type == Type::kDouble) literal.literal = value.real;
    if (value.type == Type::kString) literal.literal = std::string{value.text};
    if (value.type != Type::kList) return print(literal);
    std::string out = "[";
    for (const model::Value& item : *value.list) out += (out.size() > 1 ? ", " : "") + shown(toOperand(item));
    return out + "]";
  }

  const Program& program_;
  const AttributeSource& attributes_;
};

}  // namespace

Verdict evaluate(const Condition& condition, const AttributeSource& attributes) {
  if (!condition.program()) return Verdict::kFalse;
  return Evaluator{*condition.program(), attributes}.verdict(0);
}

Explanation explain(const Condition& condition, const AttributeSource& attributes) {
  if (!condition.program()) return {{}, "false", Verdict::kFalse, {}, {}};
  return Evaluator{*condition.program(), attributes}.explain(0);
}

}  // namespace dvpe::rules
