// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <cmath>
#include <compare>

#include "shared/rules/impl/evaluator.h"

namespace dvpe::rules {

namespace impl {

namespace {

constexpr const char* kOverflow = "the result does not fit 64 bits";
constexpr const char* kNotBool = "a condition was expected, and found another value";
constexpr const char* kNotKey = "a key must be a string, an int or a bool";

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

// How two known values stand to each other. `comparable` is false for values of kinds that have no order.
std::partial_ordering compare(const Datum& a, const Datum& b, bool& comparable) {
  comparable = true;
  if (a.type == Type::kInt && b.type == Type::kDouble) return compareMixed(a.whole, b.real);
  if (a.type == Type::kDouble && b.type == Type::kInt) {
    const std::partial_ordering order = compareMixed(b.whole, a.real);
    return std::is_lt(order) ? std::partial_ordering::greater : std::is_gt(order) ? std::partial_ordering::less : order;
  }
  if (a.type == b.type) {
    if (a.type == Type::kBool) return a.flag <=> b.flag;
    if (a.type == Type::kDouble) return a.real <=> b.real;
    // Bytes of UTF-8 sort as code points do.
    if (a.type == Type::kString) return a.text() <=> b.text();
    if (a.type != Type::kList && a.type != Type::kMap) return a.whole <=> b.whole;
  }
  comparable = false;
  return std::partial_ordering::unordered;
}

const Datum* lookUp(const Datum& map, const Datum& key) {
  for (std::uint32_t i = 0; i < map.count; ++i) {
    if (equal(map.items[2 * i], key)) return &map.items[2 * i + 1];
  }
  return nullptr;
}

// The one of two operands that makes their result unknown or an error; nullptr: both are known.
const Datum* notKnown(const Datum& a, const Datum& b) {
  for (const State state : {State::kUnknown, State::kError}) {
    if (a.state == state) return &a;
    if (b.state == state) return &b;
  }
  return nullptr;
}

// cel-spec: timestamps and durations have bounds of their own.
Datum bounded(std::int64_t value, Type type) {
  constexpr std::int64_t kMostDuration = 315'576'000'000 * kMicros;
  if (type == Type::kTimestamp && (value < kFirstTime || value > kLastTime)) return error("the time is out of range");
  if (type == Type::kDuration && (value < -kMostDuration || value > kMostDuration))
    return error("the duration is out of range");
  return ofWhole(value, type);
}

Datum wholeArithmetic(NodeKind kind, std::int64_t a, std::int64_t b, Type type) {
  std::int64_t out = 0;
  bool over = false;
  switch (kind) {
    case NodeKind::kAdd:
      over = __builtin_add_overflow(a, b, &out);
      break;
    case NodeKind::kSubtract:
      over = __builtin_sub_overflow(a, b, &out);
      break;
    case NodeKind::kMultiply:
      over = __builtin_mul_overflow(a, b, &out);
      break;
    default:
      if (b == 0) return error(kind == NodeKind::kDivide ? "division by zero" : "remainder by zero");
      if (b == -1) {
        over = kind == NodeKind::kDivide && __builtin_sub_overflow(std::int64_t{0}, a, &out);
      } else {
        out = kind == NodeKind::kDivide ? a / b : a % b;
      }
  }
  return over ? error(kOverflow) : bounded(out, type);
}

Datum realArithmetic(NodeKind kind, double a, double b) {
  if (kind == NodeKind::kAdd) return ofReal(a + b);
  if (kind == NodeKind::kSubtract) return ofReal(a - b);
  if (kind == NodeKind::kMultiply) return ofReal(a * b);
  if (kind == NodeKind::kDivide) return ofReal(a / b);
  return error(kNoOverload);
}

}  // namespace

bool equal(const Datum& a, const Datum& b) {
  if (a.type == b.type && (a.type == Type::kList || a.type == Type::kMap)) {
    if (a.flag || b.flag || a.count != b.count) return false;
    for (std::uint32_t i = 0; i < a.count; ++i) {
      if (a.type == Type::kList) {
        if (!equal(a.items[i], b.items[i])) return false;
      } else {
        const Datum* other = lookUp(b, a.items[2 * i]);
        if (other == nullptr || !equal(a.items[2 * i + 1], *other)) return false;
      }
    }
    return true;
  }
  bool comparable = false;
  return std::is_eq(compare(a, b, comparable));
}

Datum compared(NodeKind kind, const Datum& a, const Datum& b) {
  bool comparable = false;
  const std::partial_ordering order = compare(a, b, comparable);
  if (!comparable) return error(kNoOverload);
  if (kind == NodeKind::kLess) return ofBool(std::is_lt(order));
  if (kind == NodeKind::kLessEqual) return ofBool(std::is_lteq(order));
  if (kind == NodeKind::kGreater) return ofBool(std::is_gt(order));
  return ofBool(std::is_gteq(order));
}

Datum Evaluator::text(std::string_view made) {
  char* to = scratch_.chars(made.size());
  if (to == nullptr) return error(kTooMuch);
  std::copy(made.begin(), made.end(), to);
  return ofText({to, made.size()});
}

Datum Evaluator::fromModel(const model::Value& value) {
  if (const auto* flag = std::get_if<bool>(&value.v)) return ofBool(*flag);
  if (const auto* whole = std::get_if<std::int64_t>(&value.v)) return ofWhole(*whole);
  if (const auto* real = std::get_if<double>(&value.v)) return ofReal(*real);
  if (const auto* words = std::get_if<std::string>(&value.v)) return ofText(*words);
  if (const auto* items = std::get_if<std::shared_ptr<const model::List>>(&value.v)) {
    Datum* to = scratch_.data((*items)->size());
    if (to == nullptr) return error(kTooMuch);
    std::size_t count = 0;
    for (const model::Value& item : **items) {
      if (const Datum each = fromModel(item); each.known()) to[count++] = each;
    }
    return ofItems(Type::kList, to, count);
  }
  return unknown(std::holds_alternative<std::monostate>(value.v) ? Why::kAbsent : Why::kWrongType);
}

Datum Evaluator::read(const FieldUse& field) {
  if (!allowed(field)) return unknown(Why::kNoConsent);
  if (field.type == Type::kMap) return attributes_.holds(field.path) ? ofPath(field.path) : unknown(Why::kAbsent);
  if (field.path == "now") {
    const auto now = attributes_.now();
    return now ? bounded(now->time_since_epoch().count(), Type::kTimestamp) : unknown(Why::kAbsent);
  }
  return take(field, attributes_.find(field.path));
}

Datum Evaluator::take(const FieldUse& field, const model::Value* found) {
  if (!found && field.type == Type::kAny && attributes_.holds(field.path)) return ofPath(field.path);
  if (!found) return unknown(Why::kAbsent);
  const Datum out = fromModel(*found);
  if (!out.known() || field.type == Type::kAny || field.type == out.type) return out;
  // JSON writes 1 for 1.0, and has no times: the declared type decides what it is.
  if (field.type == Type::kDouble && out.type == Type::kInt) return ofReal(static_cast<double>(out.whole));
  if (field.type == Type::kTimestamp && out.type == Type::kString) {
    if (const auto time = parseTimestamp(out.text())) return ofWhole(*time, Type::kTimestamp);
  }
  return unknown(Why::kWrongType);
}

// What was made on the way is given back as soon as the value does not refer to it: a condition may look at lists as
// often as its steps allow.
Datum Evaluator::value(std::uint32_t at) {
  const std::size_t mark = scratch_.mark();
  const Datum out = valueOf(op(at));
  const bool refers = out.known() && (out.type == Type::kString || out.type == Type::kList || out.type == Type::kMap);
  if (!refers) scratch_.giveBack(mark);
  return out;
}

Datum Evaluator::valueOf(const Op& here) {
  switch (here.kind) {
    case NodeKind::kLiteral:
      return program_.literals[here.index];
    case NodeKind::kField:
      return field(here);
    case NodeKind::kHas:
      return has(here);
    case NodeKind::kAnd:
    case NodeKind::kOr: {
      std::uint32_t child = here.first;
      return logic(here.kind == NodeKind::kOr, [&](Datum& out) {
        if (child == 0) return false;
        out = value(child);
        child = op(child).next;
        return true;
      });
    }
    case NodeKind::kNot: {
      const Datum inner = value(here.first);
      if (!inner.known()) return inner;
      return inner.type == Type::kBool ? ofBool(!inner.flag) : error(kNotBool);
    }
    case NodeKind::kNegate: {
      const Datum inner = value(here.first);
      if (!inner.known()) return inner;
      if (inner.type == Type::kDouble) return ofReal(-inner.real);
      if (inner.type != Type::kInt && inner.type != Type::kDuration) return error(kNoOverload);
      return wholeArithmetic(NodeKind::kSubtract, 0, inner.whole, inner.type);
    }
    case NodeKind::kConditional: {
      const Datum test = value(here.first);
      if (!test.known()) return test;
      if (test.type != Type::kBool) return error(kNotBool);
      const std::uint32_t second = op(here.first).next;
      return value(test.flag ? second : op(second).next);
    }
    case NodeKind::kList:
      return list(here, Type::kList);
    case NodeKind::kMap:
      return list(here, Type::kMap);
    case NodeKind::kSelect: {
      const Datum of = value(here.first);
      return of.known() ? member(of, program_.strings[here.index]) : of;
    }
    case NodeKind::kIndex:
      return index(here);
    case NodeKind::kCall:
    case NodeKind::kMethod:
      return call(here);
    case NodeKind::kMacro:
      return macro(here);
    case NodeKind::kIn:
      return isIn(here);
    case NodeKind::kAdd:
    case NodeKind::kSubtract:
    case NodeKind::kMultiply:
    case NodeKind::kDivide:
    case NodeKind::kRemainder:
      return arithmetic(here);
    default:
      return comparison(here);
  }
}

// One part that decides, decides; otherwise an unknown part makes the whole unknown, otherwise an error an error.
template <class Each>
Datum Evaluator::logic(bool decides, Each each) {
  Datum out = ofBool(!decides), next;
  while (each(next)) {
    if (next.known() && next.type != Type::kBool) next = error(kNotBool);
    if (next.known()) {
      if (next.flag == decides) return next;
    } else if (out.known() || next.state == State::kUnknown) {
      out = next;
    }
  }
  return out;
}

// ---- fields and members

Datum Evaluator::field(const Op& here) {
  if (!here.local) return read(program_.fields[here.index]);
  const auto& names = program_.members[here.extra];
  return members(variables_[here.index], names, names.size());
}

Datum Evaluator::has(const Op& here) {
  if (here.local) {
    const auto& names = program_.members[here.extra];
    const Datum of = members(variables_[here.index], names, names.size() - 1);
    if (!of.known()) return of;
    return of.type == Type::kMap ? holds(of, names.back()) : error(kNoOverload);
  }
  const FieldUse& field = program_.fields[here.index];
  if (!allowed(field)) return unknown(Why::kNoConsent);
  if (field.path == "now") return ofBool(attributes_.now().has_value());
  return ofBool(attributes_.holds(field.path));
}

Datum Evaluator::members(Datum of, const std::vector<std::string>& names, std::size_t count) {
  for (std::size_t i = 0; i < count && of.known(); ++i) of = member(of, names[i]);
  return of;
}

// Whether a map has a key. Attributes that may not be read are unknown.
Datum Evaluator::holds(const Datum& map, std::string_view name) {
  const Datum found = member(map, name);
  if (!map.flag) return ofBool(found.known());
  const bool silent = found.state == State::kUnknown && found.why == Why::kNoConsent;
  return silent || found.state == State::kError ? found : ofBool(found.known());
}

Datum Evaluator::member(const Datum& of, std::string_view name) {
  if (of.type != Type::kMap) return error(kNoOverload);
  if (!of.flag) {
    const Datum* found = lookUp(of, ofText(name));
    return found != nullptr ? *found : error("there is no such key");
  }
  char* path = scratch_.chars(of.count + 1 + name.size());
  if (path == nullptr) return error(kTooMuch);
  char* end = std::copy_n(of.bytes, of.count, path);
  *end++ = '.';
  end = std::copy(name.begin(), name.end(), end);
  const std::string_view whole{path, static_cast<std::size_t>(end - path)};
  for (const FieldUse& each : program_.guarded) {
    const bool within =
        whole.starts_with(each.path) && (whole.size() == each.path.size() || whole[each.path.size()] == '.');
    if (within && !allowed(each)) return unknown(Why::kNoConsent);
  }
  const model::Value* found = attributes_.find(whole);
  if (found != nullptr) return fromModel(*found);
  return attributes_.holds(whole) ? ofPath(whole) : unknown(Why::kAbsent);
}

Datum Evaluator::index(const Op& here) {
  const Datum of = value(here.first), at = value(op(here.first).next);
  if (const Datum* either = notKnown(of, at)) return *either;
  if (of.type == Type::kList) {
    if (at.type != Type::kInt) return error(kNoOverload);
    if (at.whole < 0 || at.whole >= of.count) return error("the index is out of range");
    return of.items[at.whole];
  }
  if (of.type != Type::kMap) return error(kNoOverload);
  if (of.flag) return at.type == Type::kString ? member(of, at.text()) : error(kNoOverload);
  const Datum* found = lookUp(of, at);
  return found != nullptr ? *found : error("there is no such key");
}

Datum Evaluator::list(const Op& here, Type type) {
  std::size_t count = 0;
  for (std::uint32_t child = here.first; child != 0; child = op(child).next) ++count;
  Datum* items = scratch_.data(count);
  if (items == nullptr) return error(kTooMuch);
  Datum worst;
  std::size_t i = 0;
  for (std::uint32_t child = here.first; child != 0; child = op(child).next, ++i) {
    items[i] = value(child);
    if (!items[i].known() && (worst.known() || items[i].state == State::kUnknown)) worst = items[i];
  }
  if (!worst.known()) return worst;
  if (type == Type::kList) return ofItems(type, items, count);
  for (i = 0; i < count; i += 2) {
    const Type key = items[i].type;
    if (key != Type::kString && key != Type::kInt && key != Type::kBool) return error(kNotKey);
    if (lookUp(ofItems(type, items, i / 2), items[i]) != nullptr) return error("a key stands twice");
  }
  return ofItems(type, items, count / 2);
}

// ---- operators

Datum Evaluator::comparison(const Op& here) {
  const Datum a = value(here.first), b = value(op(here.first).next);
  if (const Datum* either = notKnown(a, b)) return *either;
  if (a.type == Type::kMap && b.type == Type::kMap && (a.flag || b.flag)) return error(kNoOverload);
  if (here.kind == NodeKind::kEqual) return ofBool(equal(a, b));
  if (here.kind == NodeKind::kNotEqual) return ofBool(!equal(a, b));
  return compared(here.kind, a, b);
}

Datum Evaluator::isIn(const Op& here) {
  const Datum a = value(here.first);
  const std::uint32_t right = op(here.first).next;
  if (op(right).kind == NodeKind::kList && op(right).extra != 0) {  // of literals: not made into a list first
    if (!a.known()) return a;
    for (std::uint32_t item = op(right).first; item != 0; item = op(item).next) {
      if (equal(a, program_.literals[op(item).index])) return ofBool(true);
    }
    return ofBool(false);
  }
  const Datum b = value(right);
  if (const Datum* either = notKnown(a, b)) return *either;
  if (b.type == Type::kMap && b.flag) {
    return a.type == Type::kString ? holds(b, a.text()) : error(kNoOverload);
  }
  if (b.type == Type::kMap) return ofBool(lookUp(b, a) != nullptr);
  if (b.type != Type::kList) return error(kNoOverload);
  return ofBool(std::any_of(b.items, b.items + b.count, [&](const Datum& each) { return equal(a, each); }));
}

Datum Evaluator::arithmetic(const Op& here) {
  const Datum a = value(here.first), b = value(op(here.first).next);
  if (const Datum* either = notKnown(a, b)) return *either;
  const NodeKind kind = here.kind;
  const bool sum = kind == NodeKind::kAdd, difference = kind == NodeKind::kSubtract;
  if (a.type == Type::kInt && b.type == Type::kInt) return wholeArithmetic(kind, a.whole, b.whole, Type::kInt);
  if (a.type == Type::kDouble && b.type == Type::kDouble) return realArithmetic(kind, a.real, b.real);
  if (sum && a.type == Type::kString && b.type == Type::kString) {
    char* to = scratch_.chars(std::size_t{a.count} + b.count);
    if (to == nullptr) return error(kTooMuch);
    std::copy_n(b.bytes, b.count, std::copy_n(a.bytes, a.count, to));
    return ofText({to, std::size_t{a.count} + b.count});
  }
  if (sum && a.type == Type::kList && b.type == Type::kList) {
    Datum* to = scratch_.data(std::size_t{a.count} + b.count);
    if (to == nullptr) return error(kTooMuch);
    std::copy_n(b.items, b.count, std::copy_n(a.items, a.count, to));
    return ofItems(Type::kList, to, std::size_t{a.count} + b.count);
  }
  const bool times = (a.type == Type::kTimestamp || a.type == Type::kDuration) &&
                     (b.type == Type::kTimestamp || b.type == Type::kDuration) && (sum || difference);
  if (!times) return error(kNoOverload);
  const bool twoTimes = a.type == Type::kTimestamp && b.type == Type::kTimestamp;
  if ((twoTimes && sum) || (difference && a.type == Type::kDuration && b.type == Type::kTimestamp))
    return error(kNoOverload);
  const bool time = !twoTimes && (a.type == Type::kTimestamp || b.type == Type::kTimestamp);
  return wholeArithmetic(kind, a.whole, b.whole, time ? Type::kTimestamp : Type::kDuration);
}

// cel-spec langdef, "Macros". A map stands for its keys.
Datum Evaluator::macro(const Op& here) {
  const Datum range = value(here.first);
  if (!range.known()) return range;
  if ((range.type != Type::kList && range.type != Type::kMap) || range.flag) return error(kNoOverload);
  const std::uint32_t body = op(here.first).next;
  const std::size_t stride = range.type == Type::kMap ? 2 : 1;
  std::uint32_t i = 0;
  const auto take = [&] {
    if (i == range.count) return false;
    variables_[here.index] = range.items[stride * i++];
    return true;
  };
  if (here.macro == Macro::kAll || here.macro == Macro::kExists) {
    return logic(here.macro == Macro::kExists, [&](Datum& out) { return take() && (out = value(body), true); });
  }
  const std::uint32_t result = op(body).next;  // of map with a condition
  const bool makes = here.macro != Macro::kExistsOne;
  Datum* to = makes ? scratch_.data(range.count) : nullptr;
  if (makes && to == nullptr) return error(kTooMuch);
  std::size_t count = 0;
  Datum worst;
  while (take()) {
    const Datum item = variables_[here.index];
    Datum each = value(body);
    const bool conditional = here.macro != Macro::kMap || result != 0;
    if (conditional && each.known() && each.type != Type::kBool) each = error(kNotBool);
    if (each.known() && conditional) {
      if (!each.flag) continue;
      variables_[here.index] = item;
      each = here.macro == Macro::kMap ? value(result) : item;
    }
    if (!each.known()) {
      if (worst.known() || each.state == State::kUnknown) worst = each;
      continue;
    }
    if (makes) to[count] = each;
    ++count;
  }
  if (!worst.known()) return worst;
  return makes ? ofItems(Type::kList, to, count) : ofBool(count == 1);
}

}  // namespace impl

Verdict evaluate(const Condition& condition, const AttributeSource& attributes) {
  if (!condition.program()) return Verdict::kFalse;
  impl::Scratch scratch;
  return impl::toVerdict(impl::Evaluator{*condition.program(), attributes, scratch}.value(0));
}

std::string valueOf(const Condition& expression, const AttributeSource& attributes) {
  if (!expression.program()) return "false";
  impl::Scratch scratch;
  return impl::shown(impl::Evaluator{*expression.program(), attributes, scratch}.value(0));
}

}  // namespace dvpe::rules
