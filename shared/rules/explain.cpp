// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/impl/evaluator.h"

namespace dvpe::rules {

namespace {

using impl::Datum;
using impl::Function;
using impl::Macro;
using impl::Op;
using impl::State;
using impl::Why;

class Explainer {
 public:
  explicit Explainer(impl::Evaluator& evaluator) : evaluator_(evaluator), program_(evaluator.program()) {}

  Explanation explain(std::uint32_t at) {
    const Op& op = evaluator_.op(at);
    Explanation out;
    out.id = op.id;
    out.span = op.span;
    out.text = program_.text.substr(op.span.offset, op.span.length);
    const Datum value = valueAt(at);
    out.verdict = impl::toVerdict(value);
    parts(at, value, out);
    if (value.state == State::kError) out.reason += (out.reason.empty() ? "" : "; ") + std::string{value.bytes};
    return out;
  }

 private:
  // Whether it is true or false of itself, and so explained as a part of its own.
  bool isCondition(const Op& op) const {
    switch (op.kind) {
      case NodeKind::kAnd:
      case NodeKind::kOr:
      case NodeKind::kNot:
      case NodeKind::kHas:
      case NodeKind::kEqual:
      case NodeKind::kNotEqual:
      case NodeKind::kLess:
      case NodeKind::kLessEqual:
      case NodeKind::kGreater:
      case NodeKind::kGreaterEqual:
      case NodeKind::kIn:
        return true;
      case NodeKind::kMacro:
        return op.macro != Macro::kFilter && op.macro != Macro::kMap;
      case NodeKind::kCall:
      case NodeKind::kMethod:
        return op.function == Function::kStartsWith || op.function == Function::kEndsWith ||
               op.function == Function::kContains || op.function == Function::kMatches ||
               op.function == Function::kWithin || op.function == Function::kSegment;
      default:
        return false;
    }
  }

  static void say(Explanation& out, const std::string& what) { out.reason += (out.reason.empty() ? "" : "; ") + what; }

  void parts(std::uint32_t at, const Datum& value, Explanation& out) {
    const Op& op = evaluator_.op(at);
    switch (op.kind) {
      case NodeKind::kField:
      case NodeKind::kHas:
        if (!op.local) say(out, describe(op));
        return;
      case NodeKind::kMacro:  // what is said of the items makes sense for each of them alone
        return below(op.first, out);
      case NodeKind::kConditional: {
        out.children.push_back(explain(op.first));
        const Verdict test = out.children.back().verdict;
        if (test != Verdict::kTrue && test != Verdict::kFalse) return;
        const std::uint32_t second = evaluator_.op(op.first).next;
        return below(test == Verdict::kTrue ? second : evaluator_.op(second).next, out);
      }
      case NodeKind::kCall:
        if (op.function == Function::kSegment) {
          impl::Scratch scratch;
          impl::Evaluator inner{*program_.segments[op.extra].second, evaluator_.attributes(), scratch};
          out.children.push_back(Explainer{inner}.explain(0));
          return;
        }
        if (op.function == Function::kPercent || op.function == Function::kFrequency) {
          say(out, program_.text.substr(op.span.offset, op.span.length) + " is " + impl::shown(value));
          return;
        }
        break;
      default:
        break;
    }
    const bool logic = op.kind == NodeKind::kAnd || op.kind == NodeKind::kOr || op.kind == NodeKind::kNot;
    for (std::uint32_t child = op.first; child != 0; child = evaluator_.op(child).next) {
      if (logic) {
        out.children.push_back(explain(child));
      } else {
        below(child, out);
      }
    }
  }

  // A part of a comparison: a condition of its own, or fields whose values say why.
  void below(std::uint32_t at, Explanation& out) {
    if (isCondition(evaluator_.op(at))) {
      out.children.push_back(explain(at));
    } else {
      parts(at, valueAt(at), out);
    }
  }

  // Only what it is, and a number: the text, list or map that it is may be gone. So evaluation has as much memory for
  // every part as it has for the whole.
  Datum valueAt(std::uint32_t at) {
    const impl::Scratch scratch;
    return evaluator_.value(at);
  }

  std::string describe(const Op& op) {
    const impl::Scratch scratch;
    const impl::FieldUse& field = program_.fields[op.index];
    if (!evaluator_.allowed(field)) return field.path + ": no consent for " + field.purpose;
    const bool now = field.path == "now" && evaluator_.attributes().now();
    if (op.kind == NodeKind::kHas)
      return field.path + (now || evaluator_.attributes().holds(field.path) ? " is there" : " is absent");
    const Datum value = evaluator_.read(field);
    if (value.state == State::kUnknown)
      return field.path + (value.why == Why::kAbsent ? " is absent" : " is not of its declared type");
    if (value.is(impl::Type::kMap)) return field.path + " is there";
    return field.path + " is " + impl::shown(value, kMostShown);
  }

  static constexpr std::size_t kMostShown = 1000;  // bytes of a value; attributes may hold a megabyte

  impl::Evaluator& evaluator_;
  const impl::Program& program_;
};

}  // namespace

Explanation explain(const Condition& condition, const AttributeSource& attributes) {
  if (!condition.program()) return {{}, "false", Verdict::kFalse, {}, {}, 0};
  impl::Scratch scratch;
  impl::Evaluator evaluator{*condition.program(), attributes, scratch};
  return Explainer{evaluator}.explain(0);
}

}  // namespace dvpe::rules
