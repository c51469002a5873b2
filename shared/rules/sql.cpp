// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/sql.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>

#include "shared/rules/impl/evaluator.h"

namespace dvpe::rules {

using impl::Function;
using impl::Op;
using impl::Program;

namespace {

std::string quotedJson(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

model::Value valueOf(const model::Scalar& scalar) {
  return std::visit([](const auto& value) { return model::Value{value}; }, scalar);
}

// A viewer with one attribute, or without it.
class OneField final : public AttributeSource {
 public:
  OneField(std::string_view channel, std::string_view path) : channel_{std::string{channel}}, path_(path) {}
  void set(std::optional<model::Value> value) { value_ = std::move(value); }
  void consent(bool given) { consent_ = given; }

  const model::Value* find(std::string_view path) const override {
    if (path == "channel.id") return &channel_;
    return path == path_ && value_ ? &*value_ : nullptr;
  }
  bool holds(std::string_view path) const override { return find(path) != nullptr; }
  bool consents(std::string_view) const override { return consent_; }

 private:
  const model::Value channel_;
  const std::string_view path_;
  std::optional<model::Value> value_;
  bool consent_ = true;
};

// What a part of a condition looks at.
struct Reads {
  std::set<std::string> fields;
  std::vector<model::Scalar> numbers;  // its literals
  bool plain = true;                   // it computes nothing: numbers are only compared with its literals
  std::string refused;
};

void readsOf(const Program& program, std::uint32_t at, Reads& out) {
  const Op& op = program.ops[at];
  const auto refuse = [&](const char* why) {
    if (out.refused.empty()) out.refused = why;
  };
  switch (op.kind) {
    case NodeKind::kField:
    case NodeKind::kHas:
      if (op.local) break;
      if (const std::string& path = program.fields[op.index].path; path == "now") {
        refuse("the sample is asked about whole days: leave the time to dayparts");
      } else if (path != "channel.id") {
        out.fields.insert(path);
      }
      break;
    case NodeKind::kLiteral: {
      const impl::Datum& literal = program.literals[op.index];
      if (literal.type == impl::Type::kInt) out.numbers.emplace_back(literal.whole);
      if (literal.type == impl::Type::kDouble) out.numbers.emplace_back(literal.real);
      break;
    }
    case NodeKind::kCall:
    case NodeKind::kMethod:
      if (op.function == Function::kPercent) refuse("the sample does not know who is in a share of the viewers");
      if (op.function == Function::kFrequency) refuse("the sample does not know what a viewer has seen");
      if (op.function == Function::kWithin) refuse("the sample does not know where a viewer is");
      if (op.function == Function::kSegment) {
        readsOf(*program.segments[op.extra].second, 0, out);
      } else {
        out.plain = false;
      }
      break;
    case NodeKind::kList:
    case NodeKind::kAnd:
    case NodeKind::kOr:
    case NodeKind::kNot:
    case NodeKind::kConditional:
    case NodeKind::kEqual:
    case NodeKind::kNotEqual:
    case NodeKind::kLess:
    case NodeKind::kLessEqual:
    case NodeKind::kGreater:
    case NodeKind::kGreaterEqual:
    case NodeKind::kIn:
      break;
    default:
      out.plain = false;
  }
  for (std::uint32_t child = op.first; child != 0; child = program.ops[child].next) readsOf(program, child, out);
}

// Numbers from a step up to the next one where a comparison may change: the step, the last number before the next, and
// the literals there with their neighbours.
std::vector<model::Scalar> probesOf(const model::Field& field, std::size_t step, const Reads& reads) {
  std::vector<model::Scalar> out{field.steps[step]};
  const bool last = step + 1 == field.steps.size();
  if (field.type == model::FieldType::kInt) {
    const std::int64_t least = std::get<std::int64_t>(field.steps[step]);
    const std::int64_t most =
        last ? std::numeric_limits<std::int64_t>::max() : std::get<std::int64_t>(field.steps[step + 1]) - 1;
    out.emplace_back(most);
    for (const model::Scalar& each : reads.numbers) {
      const auto* literal = std::get_if<std::int64_t>(&each);
      if (literal == nullptr || *literal < least || *literal > most) continue;
      out.emplace_back(*literal);
      if (*literal > least) out.emplace_back(*literal - 1);
      if (*literal < most) out.emplace_back(*literal + 1);
    }
    return out;
  }
  const double least = std::get<double>(field.steps[step]);
  const double most =
      last ? std::numeric_limits<double>::max()
           : std::nextafter(std::get<double>(field.steps[step + 1]), -std::numeric_limits<double>::max());
  out.emplace_back(most);
  for (const model::Scalar& each : reads.numbers) {
    const auto* literal = std::get_if<double>(&each);
    if (literal == nullptr || *literal < least || *literal > most) continue;
    out.emplace_back(*literal);
    if (*literal > least) out.emplace_back(std::nextafter(*literal, least));
    if (*literal < most) out.emplace_back(std::nextafter(*literal, most));
  }
  return out;
}

class Translator {
 public:
  Translator(const std::vector<model::Field>& fields, Use use, std::string_view channel)
      : fields_(fields), use_(use), channel_(channel) {}

  base::Result<std::string> translate(const Program& program, std::uint32_t at) {
    Reads reads;
    readsOf(program, at, reads);
    if (!reads.refused.empty()) return refused(program, at, reads.refused);
    if (reads.fields.empty()) return constant(program, at);
    if (reads.fields.size() == 1) return table(program, at, reads);
    const Op& op = program.ops[at];
    switch (op.kind) {
      case NodeKind::kAnd:
        return joined(program, op, "and");
      case NodeKind::kOr:
        return joined(program, op, "or");
      case NodeKind::kNot:
        return joined(program, op, "not");
      case NodeKind::kConditional:
        return joined(program, op, "if");
      case NodeKind::kCall:
        if (op.function == Function::kSegment) return translate(*program.segments[op.extra].second, 0);
        break;
      default:
        break;
    }
    return refused(program, at,
                   "the sample cannot compare " + *reads.fields.begin() + " with " + *reads.fields.rbegin());
  }

 private:
  static base::Result<std::string> refused(const Program& program, std::uint32_t at, const std::string& why) {
    const Span& span = program.ops[at].span;
    std::string part = program.text.substr(span.offset, std::min<std::size_t>(span.length, 80));
    return base::fail(base::ErrorCode::kInvalidInput, part + ": " + why);
  }

  static const char* word(Verdict verdict) {
    return verdict == Verdict::kTrue ? "true" : verdict == Verdict::kFalse ? "false" : "null";
  }

  static Verdict verdictOf(const Program& program, std::uint32_t at, const AttributeSource& viewer) {
    impl::Scratch scratch;
    const Verdict out = impl::toVerdict(impl::Evaluator{program, viewer, scratch}.value(at));
    return out == Verdict::kError ? Verdict::kUnknown : out;
  }

  base::Result<std::string> joined(const Program& program, const Op& op, const char* how) {
    std::string out = std::string{"[\""} + how + '"';
    for (std::uint32_t child = op.first; child != 0; child = program.ops[child].next) {
      DVPE_TRY(const std::string part, translate(program, child));
      out += ',' + part;
      if (out.size() > kMaxSampleTreeBytes)
        return base::fail(base::ErrorCode::kInvalidInput, "the condition is too long for the sample");
    }
    return out + ']';
  }

  base::Result<std::string> constant(const Program& program, std::uint32_t at) {
    return std::string{word(verdictOf(program, at, OneField{channel_, {}}))};
  }

  base::Result<std::string> table(const Program& program, std::uint32_t at, const Reads& reads) {
    const std::string& path = *reads.fields.begin();
    const auto field =
        std::find_if(fields_.begin(), fields_.end(), [&](const model::Field& f) { return f.path == path; });
    if (field == fields_.end() || !field->forecastable)
      return refused(program, at, path + " is not forecastable: the sample does not know it");
    if (!field->steps.empty() && !reads.plain)
      return refused(program, at, path + " is known in steps: it can only be compared");

    OneField viewer{channel_, path};
    if (!purposeOf(*field, use_).empty()) {
      viewer.consent(false);
      const Verdict silent = verdictOf(program, at, viewer);
      if (silent != Verdict::kUnknown) return std::string{word(silent)};  // then it is the same for everybody
      viewer.consent(true);
    }
    std::string yes, unknown;
    for (const model::Scalar& value : domainOf(*field)) {
      viewer.set(valueOf(value));
      const Verdict verdict = verdictOf(program, at, viewer);
      if (verdict == Verdict::kFalse) continue;
      std::string& list = verdict == Verdict::kTrue ? yes : unknown;
      list += (list.empty() ? "" : ",") + jsonOf(value);
    }
    for (std::size_t i = 0; i < field->steps.size(); ++i) {
      DVPE_CHECK(checkStep(program, at, *field, i, reads));
    }
    viewer.set(std::nullopt);
    return "[\"of\"," + quotedJson(sampleKey(*field, use_)) + ",[" + yes + "],[" + unknown + "]," +
           word(verdictOf(program, at, viewer)) + "]";
  }

  // Whether what is true of a step is true of all that the sample takes for it.
  base::Result<void> checkStep(const Program& program, std::uint32_t at, const model::Field& field, std::size_t step,
                               const Reads& reads) {
    OneField viewer{channel_, field.path};
    viewer.set(valueOf(field.steps[step]));
    const Verdict known = verdictOf(program, at, viewer);
    for (const model::Scalar& probe : probesOf(field, step, reads)) {
      viewer.set(valueOf(probe));
      if (verdictOf(program, at, viewer) == known) continue;
      std::string steps;
      for (const model::Scalar& each : field.steps) steps += (steps.empty() ? "" : ", ") + jsonOf(each);
      return refused(program, at,
                     field.path + " is known in steps (" + steps + "), and this tells apart " +
                         jsonOf(field.steps[step]) + " and " + jsonOf(probe))
          .error();
    }
    return base::success();
  }

  static std::vector<model::Scalar> domainOf(const model::Field& field) {
    if (field.type == model::FieldType::kBool) return {false, true};
    return field.steps.empty() ? field.values : field.steps;
  }

  const std::vector<model::Field>& fields_;
  const Use use_;
  const std::string_view channel_;
};

}  // namespace

const std::string& purposeOf(const model::Field& field, Use use) {
  return use == Use::kCampaign && !field.campaignPurpose.empty() ? field.campaignPurpose : field.purpose;
}

std::string sampleKey(const model::Field& field, Use use) {
  return purposeOf(field, use) == field.purpose ? field.path : field.path + ":ads";
}

std::string jsonOf(const model::Scalar& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return quotedJson(*text);
  char digits[32];
  const auto end = std::holds_alternative<double>(value)
                       ? std::to_chars(digits, digits + sizeof digits, std::get<double>(value)).ptr
                       : std::to_chars(digits, digits + sizeof digits, std::get<std::int64_t>(value)).ptr;
  return {digits, end};
}

std::optional<model::Scalar> coarse(const model::Field& field, const model::Value& value) {
  std::optional<model::Scalar> exact;
  if (const auto* flag = std::get_if<bool>(&value.v)) exact = *flag;
  if (const auto* text = std::get_if<std::string>(&value.v)) exact = *text;
  if (const auto* real = std::get_if<double>(&value.v)) exact = *real;
  if (const auto* whole = std::get_if<std::int64_t>(&value.v)) {
    exact = field.type == model::FieldType::kDouble ? model::Scalar{static_cast<double>(*whole)} : *whole;
  }
  constexpr std::size_t kIndexOf[] = {0, 1, 2, 3};  // of bool, int, double and string, in a Scalar
  const auto type = static_cast<std::size_t>(field.type);
  if (!exact || type >= std::size(kIndexOf) || exact->index() != kIndexOf[type]) return std::nullopt;
  if (field.type == model::FieldType::kBool) return exact;
  if (field.steps.empty()) {
    const bool known = std::find(field.values.begin(), field.values.end(), *exact) != field.values.end();
    return known ? exact : std::nullopt;
  }
  std::optional<model::Scalar> out;
  for (const model::Scalar& step : field.steps) {
    if (step <= *exact) out = step;
  }
  return out;
}

base::Result<std::string> toSampleTree(const Condition& condition, const std::vector<model::Field>& fields, Use use,
                                       std::string_view channel) {
  if (!condition.program()) return std::string{"false"};
  DVPE_TRY(std::string out, Translator(fields, use, channel).translate(*condition.program(), 0));
  if (out.size() > kMaxSampleTreeBytes)
    return base::fail(base::ErrorCode::kInvalidInput, "the condition is too long for the sample");
  return out;
}

}  // namespace dvpe::rules
