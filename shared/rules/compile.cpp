// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <numeric>

#include "shared/rules/condition.h"
#include "shared/rules/impl/lexer.h"
#include "shared/rules/impl/program.h"

namespace dvpe::rules {

namespace {

using impl::FieldUse;
using impl::Op;
using impl::Program;
using impl::Type;

const char* describeType(Type type) {
  switch (type) {
    case Type::kBool:
      return "a bool";
    case Type::kInt:
      return "an int";
    case Type::kDouble:
      return "a double";
    case Type::kString:
      return "a string";
    case Type::kList:
      return "a list";
    case Type::kMap:
      return "a map";
    case Type::kAny:
      break;
  }
  return "any value";
}

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
    case model::FieldType::kList:
      return Type::kList;
    case model::FieldType::kMap:
      return Type::kMap;
  }
  return Type::kAny;
}

// Checks types and lays the tree out as an array.
class Compiler {
 public:
  Compiler(Program& program, const std::vector<model::Field>& fields, Use use, std::vector<Mistake>& mistakes)
      : program_(program), fields_(fields), use_(use), mistakes_(mistakes) {}

  void run() {
    const Type type = visit(program_.tree, add(program_.tree));
    if (type != Type::kBool && type != Type::kAny) {
      mistake(program_.tree, std::string{"expected a condition (true or false), found "} + describeType(type));
    }
  }

 private:
  void mistake(const Node& node, std::string message) {
    if (mistakes_.size() < kMaxMistakes) {
      mistakes_.push_back(impl::mistakeAt(program_.text, node.span, std::move(message)));
    }
  }

  std::uint32_t add(const Node& node) {
    Op op;
    op.kind = node.kind;
    op.span = node.span;
    program_.ops.push_back(op);
    return static_cast<std::uint32_t>(program_.ops.size() - 1);
  }

  // Lays out the children of `node`, whose own op is `at`; gives their types.
  std::vector<Type> visitChildren(const Node& node, std::uint32_t at) {
    std::vector<std::uint32_t> places;
    for (const Node& child : node.children) {
      const std::uint32_t place = add(child);
      (places.empty() ? program_.ops[at].first : program_.ops[places.back()].next) = place;
      places.push_back(place);
    }
    std::vector<Type> types;
    for (std::size_t i = 0; i < places.size(); ++i) types.push_back(visit(node.children[i], places[i]));
    return types;
  }

  Type visit(const Node& node, std::uint32_t at) {
    switch (node.kind) {
      case NodeKind::kLiteral:
        return literal(node, at);
      case NodeKind::kField:
        return field(node, at);
      case NodeKind::kHas:
        field(node, at);
        return Type::kBool;
      case NodeKind::kList:
        visitChildren(node, at);
        return Type::kList;
      case NodeKind::kNot:
      case NodeKind::kAnd:
      case NodeKind::kOr: {
        const std::vector<Type> types = visitChildren(node, at);
        for (std::size_t i = 0; i < types.size(); ++i) {
          if (types[i] != Type::kBool && types[i] != Type::kAny) {
            mistake(node.children[i],
                    std::string{"expected a condition (true or false), found "} + describeType(types[i]));
          }
        }
        return Type::kBool;
      }
      case NodeKind::kIn:
        checkIn(node, visitChildren(node, at));
        return Type::kBool;
      default:
        checkComparison(node, visitChildren(node, at));
        return Type::kBool;
    }
  }

  Type literal(const Node& node, std::uint32_t at) {
    Op& op = program_.ops[at];
    op.literalType = typeOf(node.literal);
    const auto store = [&](auto& pool, const auto& value) {
      op.index = static_cast<std::uint32_t>(pool.size());
      pool.push_back(value);
    };
    if (const auto* flag = std::get_if<bool>(&node.literal)) op.index = *flag;
    if (const auto* whole = std::get_if<std::int64_t>(&node.literal)) store(program_.ints, *whole);
    if (const auto* real = std::get_if<double>(&node.literal)) store(program_.doubles, *real);
    if (const auto* text = std::get_if<std::string>(&node.literal)) store(program_.strings, *text);
    return op.literalType;
  }

  const model::Field* declared(std::string_view path, bool& below) const {
    for (const auto* fields : {&fields_, &builtInFields()}) {
      for (const model::Field& each : *fields) {
        below = path.size() > each.path.size();
        if (path == each.path) return &each;
        if (each.type == model::FieldType::kMap && below && path.starts_with(each.path) &&
            path[each.path.size()] == '.') {
          return &each;
        }
      }
    }
    return nullptr;
  }

  Type field(const Node& node, std::uint32_t at) {
    bool below = false;
    const model::Field* found = declared(node.path, below);
    if (!found) {
      mistake(node, undeclared(node.path));
      return Type::kAny;
    }
    FieldUse use;
    use.path = node.path;
    use.type = below ? Type::kAny : typeOf(found->type);
    use.purpose = use_ == Use::kCampaign && !found->campaignPurpose.empty() ? found->campaignPurpose : found->purpose;
    auto same = std::find_if(program_.fields.begin(), program_.fields.end(),
                             [&](const FieldUse& each) { return each.path == use.path; });
    if (same == program_.fields.end()) same = program_.fields.insert(same, std::move(use));
    program_.ops[at].index = static_cast<std::uint32_t>(same - program_.fields.begin());
    return same->type;
  }

  std::string undeclared(std::string_view path) const {
    std::string out = "expected a declared field";
    if (path.size() > 80 || mistakes_.size() >= kMaxMistakes) return out;
    out += ", found " + std::string{path};
    std::size_t least = 4;  // exclusive
    std::string_view best;
    for (const auto* fields : {&fields_, &builtInFields()}) {
      for (const model::Field& each : *fields) {
        const std::size_t d = distance(path, each.path);
        if (d < least) least = d, best = each.path;
      }
    }
    if (!best.empty()) out += "; did you mean " + std::string{best} + "?";
    return out;
  }

  static std::size_t distance(std::string_view a, std::string_view b) {
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

  bool isPlain(const Node& node, Type type) {
    if (type == Type::kList) {
      mistake(node, "expected a single value, found a list; lists stand to the right of \"in\"");
    } else if (type == Type::kMap) {
      mistake(node, "expected a single value, found a map; name one of its members");
    } else {
      return true;
    }
    return false;
  }

  // Both must be single values of one type; there is no conversion.
  void checkComparison(const Node& node, const std::vector<Type>& types) {
    const bool left = isPlain(node.children[0], types[0]);
    const bool right = isPlain(node.children[1], types[1]);
    if (left && right) checkSame(types[0], node.children[1], types[1]);
  }

  void checkSame(Type left, const Node& node, Type right) {
    if (left == right || left == Type::kAny || right == Type::kAny) return;
    std::string message = std::string{"expected "} + describeType(left) + ", found " + describeType(right);
    if (left == Type::kDouble && right == Type::kInt && node.kind == NodeKind::kLiteral) {
      message += "; write " + print(node) + ".0";
    }
    mistake(node, std::move(message));
  }

  void checkIn(const Node& node, const std::vector<Type>& types) {
    const Node& right = node.children[1];
    const bool left = isPlain(node.children[0], types[0]);
    if (types[1] != Type::kList && types[1] != Type::kAny) {
      return mistake(right, std::string{"expected a list, found "} + describeType(types[1]));
    }
    if (!left) return;
    for (const Node& item : right.children) checkSame(types[0], item, typeOf(item.literal));
  }

  Program& program_;
  const std::vector<model::Field>& fields_;
  Use use_;
  std::vector<Mistake>& mistakes_;
};

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFalse:
      return "false";
    case Verdict::kTrue:
      return "true";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

const std::vector<model::Field>& builtInFields() {
  static const std::vector<model::Field> fields = {{"channel.id", model::FieldType::kString, {}, {}}};
  return fields;
}

const std::string& Condition::text() const {
  static const std::string none = "false";
  return program_ ? program_->text : none;
}

const Node& Condition::tree() const {
  static const Node none;
  return program_ ? program_->tree : none;
}

base::Result<Condition> compile(std::string_view text, const std::vector<model::Field>& fields, Use use,
                                std::vector<Mistake>* mistakes) {
  Parsed parsed = parse(text);
  auto program = std::make_shared<Program>();
  if (parsed.mistakes.empty()) {
    program->text = text;
    program->tree = std::move(parsed.root);
    Compiler{*program, fields, use, parsed.mistakes}.run();
  }
  if (parsed.mistakes.empty()) return Condition{std::move(program)};
  std::stable_sort(parsed.mistakes.begin(), parsed.mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.span.offset < b.span.offset; });
  std::string all;
  for (const Mistake& each : parsed.mistakes) all += (all.empty() ? "" : "\n") + describe(each);
  if (mistakes) *mistakes = std::move(parsed.mistakes);
  return base::fail(base::ErrorCode::kInvalidInput, std::move(all));
}

}  // namespace dvpe::rules
