// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What may be called: macros, CEL's functions, ours. docs/reference/conditions.md lists them.
#include <algorithm>
#include <array>

#include "shared/rules/impl/checker.h"

namespace dvpe::rules::impl {

namespace {

constexpr std::int64_t kPatternMemory = 1 << 18;  // bytes of a compiled regular expression

struct Named {
  std::string_view name;
  Function function;
};
constexpr std::array<Named, 14> kFunctions = {{{"size", Function::kSize},
                                               {"startsWith", Function::kStartsWith},
                                               {"endsWith", Function::kEndsWith},
                                               {"contains", Function::kContains},
                                               {"matches", Function::kMatches},
                                               {"int", Function::kInt},
                                               {"double", Function::kDouble},
                                               {"string", Function::kString},
                                               {"timestamp", Function::kTimestamp},
                                               {"duration", Function::kDuration},
                                               {"within", Function::kWithin},
                                               {"segment", Function::kSegment},
                                               {"percent", Function::kPercent},
                                               {"frequency", Function::kFrequency}}};

bool isMethodOnly(Function f) {
  return f == Function::kStartsWith || f == Function::kEndsWith || f == Function::kContains || f == Function::kPart;
}
bool isMethod(Function f) { return isMethodOnly(f) || f == Function::kSize || f == Function::kMatches; }

bool fits(Type type, Type wanted) { return type == wanted || type == Type::kAny; }

}  // namespace

Static Checker::macro(const Node& node, std::uint32_t at) {
  const auto places = place(node, at);
  Op& here = op(at);
  constexpr std::array<std::string_view, 5> kNames = {"all", "exists", "exists_one", "filter", "map"};
  here.macro = static_cast<Macro>(std::find(kNames.begin(), kNames.end(), node.name) - kNames.begin());
  here.index = static_cast<std::uint32_t>(variables_.size());
  const Macro macro = here.macro;
  const Static range = visit(node.children[0], places[0]);
  if (range.type != Type::kList && range.type != Type::kMap && range.type != Type::kAny)
    expected(node.children[0], "a list", range);
  if (range.path)
    mistake(node.children[0], "expected a list, found a map of attributes: what is in it cannot be listed");
  if (static_cast<int>(variables_.size()) >= kMaxVariables) {
    mistake(node,
            "expected at most " + std::to_string(kMaxVariables) + " of all, exists, filter and map within each other");
    return {};
  }
  for (const Variable& outer : variables_) {
    if (outer.name == node.variable)
      mistake(node, "expected another name than " + node.variable + ", which is used around this");
  }
  Static item = itemOf(range);
  if (range.type == Type::kMap) item.type = range.item;  // its keys
  variables_.push_back({node.variable, item});
  const std::int64_t times = times_;
  times_ = std::min(times_ * std::max<std::int64_t>(range.size, 1), kMaxSteps + 1);
  std::vector<Static> bodies;
  for (std::size_t i = 1; i < places.size(); ++i) bodies.push_back(visit(node.children[i], places[i]));
  times_ = times;
  variables_.pop_back();
  if (bodies.empty()) return {};
  const bool condition = macro != Macro::kMap || bodies.size() == 2;
  if (condition && !fits(bodies[0].type, Type::kBool))
    expected(node.children[1], "a condition (true or false)", bodies[0]);
  if (macro == Macro::kFilter) return {Type::kList, item.type, range.size, range.whole, range.pieces, range.flat};
  if (macro == Macro::kMap) {
    const Static& made = bodies.back();
    return {Type::kList, made.type, range.size, std::min(range.size * weight(made), kMaxSteps), made.pieces};
  }
  return {Type::kBool};
}

bool Checker::argumentsAre(const Node& node, std::size_t least, std::size_t most, std::string_view usage) {
  if (node.children.size() >= least && node.children.size() <= most) return true;
  mistake(node, "expected " + std::string{usage});
  return false;
}

const std::string* Checker::literalText(const Node& node, std::string_view what) {
  const auto* text = node.kind == NodeKind::kLiteral ? std::get_if<std::string>(&node.literal) : nullptr;
  if (text == nullptr) mistake(node, "expected " + std::string{what} + " in quotes");
  return text;
}

Static Checker::call(const Node& node, std::uint32_t at) {
  const bool method = node.kind == NodeKind::kMethod;
  if (const auto which = partOf(node.name); method && which) return part(node, at, *which);
  const auto* found =
      std::find_if(kFunctions.begin(), kFunctions.end(), [&](const Named& f) { return f.name == node.name; });
  if (found == kFunctions.end() || (method ? !isMethod(found->function) : isMethodOnly(found->function))) {
    const std::string called = node.name.size() > 40 ? "this" : node.name;
    mistake(node, found == kFunctions.end() ? called + "() is not part of this language"
                  : method                  ? "expected " + called + "(...), which is not called with a dot"
                                            : "expected text." + called + "(...)");
    visitChildren(node, at);
    return {};
  }
  op(at).function = found->function;
  switch (found->function) {
    case Function::kWithin:
      return within(node, at);
    case Function::kSegment:
      return segment(node, at);
    case Function::kPercent:
      return percent(node, at);
    case Function::kFrequency:
      return frequency(node, at);
    case Function::kSize: {
      const auto types = visitChildren(node, at);
      if (!argumentsAre(node, 1, 1, "size(of one text, list or map)")) return {Type::kInt};
      const Type type = types[0].type;
      if (types[0].path)
        mistake(node.children[0], "expected a list, found a map of attributes: what is in it cannot be counted");
      if (!fits(type, Type::kString) && type != Type::kList && type != Type::kMap)
        expected(node.children[0], "a string, a list or a map", types[0]);
      count(types[0].pieces);
      return {Type::kInt};
    }
    case Function::kStartsWith:
    case Function::kEndsWith:
    case Function::kContains:
    case Function::kMatches:
      return text(node, at, found->function);
    default:
      return conversion(node, at, found->function);
  }
}

Static Checker::text(const Node& node, std::uint32_t at, Function function) {
  const auto types = visitChildren(node, at);
  if (!argumentsAre(node, 2, 2, "text." + node.name + "(text)")) return {Type::kBool};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!fits(types[i].type, Type::kString)) expected(node.children[i], "a string", types[i]);
  }
  count(types[0].pieces + types[1].pieces);
  if (function != Function::kMatches) return {Type::kBool};
  const std::string* pattern = literalText(node.children[1], "a regular expression");
  if (pattern == nullptr) return {Type::kBool};
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kPatternMemory);
  auto compiled = std::make_unique<const RE2>(*pattern, options);
  if (!compiled->ok()) {
    mistake(node.children[1], "expected a regular expression (RE2): " + compiled->error());
    return {Type::kBool};
  }
  if (program_.patterns.size() >= kMaxPatterns) {
    mistake(node.children[1], "expected at most " + std::to_string(kMaxPatterns) + " regular expressions");
    return {Type::kBool};
  }
  // Every byte may meet every instruction.
  count(types[0].pieces * compiled->ProgramSize() / 64);
  op(at).extra = static_cast<std::uint32_t>(program_.patterns.size());
  program_.patterns.push_back(std::move(compiled));
  return {Type::kBool};
}

// cel-spec langdef, "Type Conversions".
Static Checker::conversion(const Node& node, std::uint32_t at, Function function) {
  struct Rule {
    Function function;
    Type to;
    std::vector<Type> from;
    const char* expected;
  };
  static const std::array<Rule, 5> kRules = {
      {{Function::kInt,
        Type::kInt,
        {Type::kInt, Type::kDouble, Type::kString, Type::kTimestamp},
        "a number, a string or a timestamp"},
       {Function::kDouble, Type::kDouble, {Type::kInt, Type::kDouble, Type::kString}, "a number or a string"},
       {Function::kString,
        Type::kString,
        {Type::kBool, Type::kInt, Type::kDouble, Type::kString, Type::kTimestamp, Type::kDuration},
        "a single value"},
       {Function::kTimestamp, Type::kTimestamp, {Type::kInt, Type::kString, Type::kTimestamp}, "a string or an int"},
       {Function::kDuration, Type::kDuration, {Type::kString, Type::kDuration}, "a string"}}};
  const auto* rule = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& r) { return r.function == function; });
  const auto types = visitChildren(node, at);
  if (!argumentsAre(node, 1, 1, node.name + "(of one value)")) return {rule->to};
  const Static& from = types[0];
  if (from.type != Type::kAny && std::find(rule->from.begin(), rule->from.end(), from.type) == rule->from.end())
    expected(node.children[0], rule->expected, from);
  const Node& of = node.children[0];
  const auto* literal = of.kind == NodeKind::kLiteral ? std::get_if<std::string>(&of.literal) : nullptr;
  if (literal != nullptr && function == Function::kTimestamp && !parseTimestamp(*literal))
    mistake(of, "expected a timestamp as in \"2026-03-01T20:00:00Z\" (RFC 3339)");
  if (literal != nullptr && function == Function::kDuration && !parseDuration(*literal))
    mistake(of, "expected a duration as in \"1h30m\" or \"2.5s\"");
  return {rule->to};
}

Static Checker::part(const Node& node, std::uint32_t at, Part which) {
  Op& here = op(at);
  here.function = Function::kPart;
  here.index = static_cast<std::uint32_t>(which);
  here.extra = static_cast<std::uint32_t>(program_.zones.size());
  program_.zones.emplace_back();
  const auto zone = here.extra;
  const auto types = visitChildren(node, at);
  if (!argumentsAre(node, 1, 2, "time." + node.name + "() or time." + node.name + "(\"Europe/Berlin\")"))
    return {Type::kInt};
  const bool ofDuration = types[0].type == Type::kDuration;
  if (!fits(types[0].type, Type::kTimestamp) && !(ofDuration && which >= Part::kHours))
    expected(node.children[0], "a timestamp", types[0]);
  if (node.children.size() == 1) return {Type::kInt};
  if (ofDuration) mistake(node.children[1], "a duration has no time zone");
  if (const std::string* name = literalText(node.children[1], "a time zone")) {
    const auto found = findZone(*name);
    if (!found) mistake(node.children[1], "expected a time zone as in \"Europe/Berlin\" or \"+02:00\"");
    program_.zones[zone] = found.value_or(Zone{});
  }
  count(16);
  return {Type::kInt};
}

// ---- ours

Static Checker::within(const Node& node, std::uint32_t at) {
  const auto types = visitChildren(node, at);
  if (!argumentsAre(node, 4, 4, "within(field, latitude, longitude, kilometres)")) return {Type::kBool};
  if (node.children[0].kind != NodeKind::kField || !types[0].path)
    mistake(node.children[0], "expected a field that is a map with lat and lon");
  for (std::size_t i = 1; i < 4; ++i) checkSame({Type::kDouble}, node.children[i], types[i]);
  constexpr std::array<double, 4> kMost = {0, 90, 180, 20'100};
  for (std::size_t i = 1; i < 4; ++i) {
    const auto* real = std::get_if<double>(&node.children[i].literal);
    if (node.children[i].kind != NodeKind::kLiteral || real == nullptr) continue;
    if (!(*real <= kMost[i] && *real >= (i == 3 ? 0 : -kMost[i])))
      mistake(node.children[i], i == 1   ? "expected a latitude of -90 to 90 degrees"
                                : i == 2 ? "expected a longitude of -180 to 180 degrees"
                                         : "expected 0 to 20100 kilometres");
  }
  count(4);
  return {Type::kBool};
}

// A field that an audience, or one that it names, reads without a purpose; empty: there is none.
std::string Checker::withoutPurpose(const Program& program) const {
  for (const FieldUse& each : program.fields) {
    const auto builtIn = [&](const model::Field& field) { return field.path == each.path; };
    const bool own = std::any_of(builtInFields().begin(), builtInFields().end(), builtIn);
    bool below = false;
    const model::Field* field = declared(each.path, below);
    if (!own && field != nullptr && field->purpose.empty()) return field->path;
  }
  for (const auto& [name, inner] : program.segments) {
    if (std::string path = withoutPurpose(*inner); !path.empty()) return path;
  }
  return {};
}

Static Checker::segment(const Node& node, std::uint32_t at) {
  visitChildren(node, at);
  if (!argumentsAre(node, 1, 1, "segment(\"name\")")) return {Type::kBool};
  const std::string* name = literalText(node.children[0], "an audience's name");
  if (name == nullptr) return {Type::kBool};
  static const Segments none;
  const Segments& segments = declarations_.segments != nullptr ? *declarations_.segments : none;
  const auto found = segments.conditions.find(*name);
  if (found == segments.conditions.end()) {
    const auto why = segments.mistakes.find(*name);
    mistake(node.children[0],
            why == segments.mistakes.end()
                ? "expected the name of an audience, found " + quote(name->substr(0, 64))
                : "the audience " + quote(*name) + " has a mistake: " + why->second.substr(0, why->second.find('\n')));
    return {Type::kBool};
  }
  const Program& inner = *found->second.program();
  program_.segmentLevels = std::max(program_.segmentLevels, inner.segmentLevels + 1);
  if (inner.segmentLevels >= kMaxSegmentLevels)
    mistake(node, "expected at most " + std::to_string(kMaxSegmentLevels) + " audiences within each other");
  if (const std::string path = withoutPurpose(inner); declarations_.lawfulBasis && !path.empty())
    mistake(node, "a lawful basis is demanded here, and " + path + ", which the audience " + quote(*name) +
                      " reads, is declared without a purpose");
  op(at).extra = static_cast<std::uint32_t>(program_.segments.size());
  program_.segments.emplace_back(*name, found->second.share());
  count(found->second.steps());
  return {Type::kBool};
}

Static Checker::percent(const Node& node, std::uint32_t at) {
  visitChildren(node, at);
  if (argumentsAre(node, 1, 1, "percent(\"salt\")")) literalText(node.children[0], "a salt");
  count(4);
  return {Type::kDouble};
}

Static Checker::frequency(const Node& node, std::uint32_t at) {
  visitChildren(node, at);
  if (!argumentsAre(node, 2, 2, "frequency(\"campaign\", \"1d\")")) return {Type::kInt};
  literalText(node.children[0], "a campaign's id");
  count(4);
  const std::string* within = literalText(node.children[1], "a time");
  if (within == nullptr) return {Type::kInt};
  const auto micros = parseDuration(*within, true);
  if (!micros || *micros < kMicros || *micros > 400 * 86'400 * kMicros) {
    mistake(node.children[1], "expected a time as in \"1d\" or \"12h\", of up to 400 days");
    return {Type::kInt};
  }
  op(at).extra = static_cast<std::uint32_t>(program_.ints.size());
  program_.ints.push_back(*micros);
  return {Type::kInt};
}

}  // namespace dvpe::rules::impl
