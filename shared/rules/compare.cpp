// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/compare.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "shared/rules/sql.h"

namespace dvpe::rules {

namespace {

using model::FieldType;

model::Value valueOf(const model::Scalar& scalar) {
  return std::visit([](const auto& of) { return model::Value{of}; }, scalar);
}

bool isOrder(NodeKind kind) {
  return kind == NodeKind::kLess || kind == NodeKind::kLessEqual || kind == NodeKind::kGreater ||
         kind == NodeKind::kGreaterEqual;
}

// What a condition does with its fields.
class Reading {
 public:
  struct Of {
    std::vector<model::Scalar> constants;
    bool ordered = false;  // by <, <=, >, >=
  };
  std::map<std::string, Of> fields;
  bool whole = true;  // nothing is read but by comparing with constants

  void read(const Node& node) {
    switch (node.kind) {
      case NodeKind::kAnd:
      case NodeKind::kOr:
      case NodeKind::kNot:
      case NodeKind::kConditional:
        for (const Node& child : node.children) read(child);
        return;
      case NodeKind::kLiteral:
        return;
      case NodeKind::kField:
      case NodeKind::kHas:
        fields[node.name];
        return;
      case NodeKind::kEqual:
      case NodeKind::kNotEqual:
      case NodeKind::kLess:
      case NodeKind::kLessEqual:
      case NodeKind::kGreater:
      case NodeKind::kGreaterEqual:
      case NodeKind::kIn:
        if (compared(node)) return;
        break;
      default:
        break;
    }
    whole = false;
    for (const Node& child : node.children) read(child);
  }

 private:
  // A number with its sign.
  static std::optional<model::Scalar> constant(const Node& node) {
    if (node.kind == NodeKind::kLiteral) return node.literal;
    if (node.kind != NodeKind::kNegate || node.children[0].kind != NodeKind::kLiteral) return std::nullopt;
    const model::Scalar& of = node.children[0].literal;
    if (const auto* real = std::get_if<double>(&of)) return -*real;
    if (const auto* integer = std::get_if<std::int64_t>(&of)) return -*integer;
    return std::nullopt;
  }

  bool compared(const Node& node) {
    const Node* field = &node.children[0];
    const Node* with = &node.children[1];
    if (field->kind != NodeKind::kField && node.kind != NodeKind::kIn) std::swap(field, with);
    if (field->kind != NodeKind::kField) return false;
    std::vector<model::Scalar> found;
    if (node.kind == NodeKind::kIn) {
      if (with->kind != NodeKind::kList) return false;
      for (const Node& item : with->children) {
        const auto one = constant(item);
        if (!one) return false;
        found.push_back(*one);
      }
    } else if (const auto one = constant(*with)) {
      found.push_back(*one);
    } else {
      return false;
    }
    Of& of = fields[field->name];
    of.constants.insert(of.constants.end(), found.begin(), found.end());
    of.ordered = of.ordered || isOrder(node.kind);
    return true;
  }
};

// One thing that may be so or so: a field's value, or a consent.
struct Choice {
  std::string path;     // of a field
  std::string purpose;  // of a consent
  std::vector<std::optional<model::Scalar>> values;
};

// A viewer that is being tried.
class Tried final : public AttributeSource {
 public:
  const model::Value* find(std::string_view path) const override {
    const auto found = values_.find(path);
    return found == values_.end() ? nullptr : &found->second;
  }
  bool holds(std::string_view path) const override {
    const auto from = values_.lower_bound(path);
    return from != values_.end() && from->first.compare(0, path.size(), path) == 0 &&
           (from->first.size() == path.size() || from->first[path.size()] == '.');
  }
  bool consents(std::string_view purpose) const override { return purposes_.contains(purpose); }

  void take(const Choice& choice, std::size_t which) {
    const auto& value = choice.values[which];
    if (!choice.purpose.empty()) {
      if (value) {
        purposes_.insert(choice.purpose);
      } else {
        purposes_.erase(choice.purpose);
      }
    } else if (value) {
      values_.insert_or_assign(choice.path, valueOf(*value));
    } else {
      values_.erase(choice.path);
    }
  }
  Witness witness(const std::vector<Choice>& choices, const std::vector<std::size_t>& at) const {
    Witness out;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const auto& value = choices[i].values[at[i]];
      if (value && choices[i].purpose.empty()) out.values.emplace_back(choices[i].path, jsonOf(*value));
    }
    out.purposes.assign(purposes_.begin(), purposes_.end());
    return out;
  }

 private:
  std::map<std::string, model::Value, std::less<>> values_;
  std::set<std::string, std::less<>> purposes_;
};

template <class T>
void sorted(std::vector<T>& of) {
  std::sort(of.begin(), of.end());
  of.erase(std::unique(of.begin(), of.end()), of.end());
}

// One value of each kind that the constants tell apart. False: there may be other kinds.
bool kindsOf(const model::Field& field, const Reading::Of& of, std::vector<std::optional<model::Scalar>>& out) {
  if (!field.values.empty()) {
    out.insert(out.end(), field.values.begin(), field.values.end());
    return true;
  }
  if (field.type == FieldType::kBool) {
    out.insert(out.end(), {model::Scalar{false}, model::Scalar{true}});
    return true;
  }
  if (field.type == FieldType::kString) {
    std::vector<std::string> texts;
    for (const model::Scalar& each : of.constants) {
      if (const auto* text = std::get_if<std::string>(&each)) texts.push_back(*text);
    }
    std::string other = "other";
    while (std::find(texts.begin(), texts.end(), other) != texts.end()) other += "'";
    texts.push_back(other);
    sorted(texts);
    out.insert(out.end(), texts.begin(), texts.end());
    return !of.ordered;
  }
  if (field.type != FieldType::kInt && field.type != FieldType::kDouble) return false;
  std::vector<double> numbers;
  for (const model::Scalar& each : of.constants) {
    if (const auto* real = std::get_if<double>(&each)) numbers.push_back(*real);
    if (const auto* integer = std::get_if<std::int64_t>(&each)) numbers.push_back(static_cast<double>(*integer));
  }
  sorted(numbers);
  constexpr double kExact = 9e15;  // whole numbers up to here are doubles, too
  const bool exact = std::all_of(numbers.begin(), numbers.end(), [](double n) { return std::abs(n) < kExact; });
  std::vector<double> tried{numbers.empty() ? 0 : numbers.front() - 1};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    tried.push_back(numbers[i]);
    tried.push_back(i + 1 < numbers.size() ? (numbers[i] + numbers[i + 1]) / 2 : numbers[i] + 1);
  }
  if (field.type == FieldType::kDouble) {
    out.insert(out.end(), tried.begin(), tried.end());
    return exact;
  }
  std::vector<std::int64_t> integers;
  for (const double each : tried) {
    integers.push_back(static_cast<std::int64_t>(std::floor(each)));
    integers.push_back(static_cast<std::int64_t>(std::ceil(each)));
  }
  sorted(integers);
  out.insert(out.end(), integers.begin(), integers.end());
  return exact;
}

// Asks about every viewer of the kinds that the conditions tell apart, until one is as wanted.
Answer search(const std::vector<const Condition*>& conditions, const std::vector<model::Field>& fields, Use use,
              const std::function<bool(const AttributeSource&)>& wanted) {
  Reading reading;
  for (const Condition* each : conditions) {
    if (each->program() == nullptr) continue;
    reading.read(each->tree());
  }
  std::vector<Choice> choices;
  std::set<std::string> purposes;
  bool whole = reading.whole;
  for (const auto& each : reading.fields) {
    const std::string& path = each.first;
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const model::Field& f) { return f.path == path; });
    if (field == fields.end()) {
      whole = false;  // built in, or a member of a map
      continue;
    }
    Choice& choice = choices.emplace_back(Choice{path, {}, {std::nullopt}});
    whole = kindsOf(*field, each.second, choice.values) && whole;
    if (const std::string& purpose = purposeOf(*field, use); !purpose.empty()) purposes.insert(purpose);
  }
  for (const std::string& purpose : purposes) choices.push_back({{}, purpose, {model::Scalar{true}, std::nullopt}});

  Tried viewer;
  std::vector<std::size_t> at(choices.size());
  for (std::size_t i = 0; i < choices.size(); ++i) viewer.take(choices[i], 0);
  for (std::size_t tried = 0; tried < kMaxTried; ++tried) {
    if (wanted(viewer)) return {Answer::Is::kYes, viewer.witness(choices, at)};
    std::size_t place = 0;
    for (; place < choices.size(); ++place) {
      at[place] = (at[place] + 1) % choices[place].values.size();
      viewer.take(choices[place], at[place]);
      if (at[place] != 0) break;
    }
    if (place == choices.size()) return {whole ? Answer::Is::kNo : Answer::Is::kNotKnown, {}};
  }
  return {};
}

}  // namespace

std::string describe(const Witness& witness) {
  std::string out;
  for (const auto& [path, value] : witness.values) out += (out.empty() ? "" : ", ") + path + " is " + value;
  if (out.empty()) out = "somebody of whom nothing is known";
  for (const std::string& purpose : witness.purposes) out += ", agrees to " + purpose;
  return out;
}

Answer canBeTrue(const Condition& condition, const std::vector<model::Field>& fields, Use use) {
  return search({&condition}, fields, use,
                [&](const AttributeSource& viewer) { return evaluate(condition, viewer) == Verdict::kTrue; });
}

Answer trueWithout(const Condition& first, const Condition& second, const std::vector<model::Field>& fields, Use use) {
  return search({&first, &second}, fields, use, [&](const AttributeSource& viewer) {
    return evaluate(first, viewer) == Verdict::kTrue && evaluate(second, viewer) != Verdict::kTrue;
  });
}

}  // namespace dvpe::rules
