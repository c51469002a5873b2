// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Tree -> program: names are resolved, types checked, and what an evaluation may take is counted.
#include <algorithm>
#include <array>

#include "shared/rules/condition.h"
#include "shared/rules/impl/checker.h"

namespace dvpe::rules {

using impl::Program;

namespace {

std::string allOf(const std::vector<Mistake>& mistakes) {
  std::string all;
  for (const Mistake& each : mistakes) all += (all.empty() ? "" : "\n") + describe(each);
  return all;
}

base::Result<Condition> compileAs(std::string_view text, const Declarations& declarations, bool anyType,
                                  std::vector<Mistake>* mistakes) {
  Parsed parsed = parse(text);
  auto program = std::make_shared<Program>();
  if (parsed.mistakes.empty()) {
    program->text = text;
    impl::Checker{*program, declarations, parsed.mistakes}.run(parsed.root, anyType);
    program->shrink();
  }
  if (parsed.mistakes.empty()) return Condition{std::move(program)};
  std::stable_sort(parsed.mistakes.begin(), parsed.mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.span.offset < b.span.offset; });
  std::string all = allOf(parsed.mistakes);
  if (mistakes) *mistakes = std::move(parsed.mistakes);
  return base::fail(base::ErrorCode::kInvalidInput, std::move(all));
}

// The audiences that a text names, by its tree.
void namesIn(const Node& node, std::vector<std::string>& names) {
  if (node.kind == NodeKind::kCall && node.name == "segment" && node.children.size() == 1) {
    if (const auto* name = std::get_if<std::string>(&node.children[0].literal)) names.push_back(*name);
  }
  for (const Node& child : node.children) namesIn(child, names);
}

// Compiles each after those that it names.
class SegmentCompiler {
 public:
  SegmentCompiler(const std::map<std::string, std::string>& texts, const Declarations& declarations)
      : texts_(texts), declarations_(declarations) {}

  Segments run() {
    for (const auto& [name, text] : texts_) visit(name);
    return std::move(out_);
  }

 private:
  void visit(const std::string& name) {
    if (out_.conditions.contains(name) || out_.mistakes.contains(name)) return;
    const auto text = texts_.find(name);
    if (text == texts_.end()) return;  // the checker says so
    if (const auto open = std::find(path_.begin(), path_.end(), name); open != path_.end()) {
      std::string circle;
      for (auto it = open; it != path_.end(); ++it) circle += *it + " -> ";
      for (auto it = open; it != path_.end(); ++it)
        out_.mistakes[*it] = "audiences name each other in a circle: " + circle + name;
      return;
    }
    path_.push_back(name);
    std::vector<std::string> names;
    if (const Parsed parsed = parse(text->second); parsed.mistakes.empty() && path_.size() <= kMaxNested)
      namesIn(parsed.root, names);
    for (const std::string& other : names) visit(other);
    path_.pop_back();
    if (out_.mistakes.contains(name)) return;
    Declarations declarations = declarations_;
    declarations.segments = &out_;
    auto compiled = compile(text->second, declarations);
    if (compiled) {
      out_.conditions.emplace(name, std::move(compiled).value());
    } else {
      out_.mistakes.emplace(name, compiled.error().message);
    }
  }

  static constexpr std::size_t kMaxNested = 16;
  const std::map<std::string, std::string>& texts_;
  const Declarations& declarations_;
  std::vector<std::string> path_;
  Segments out_;
};

}  // namespace

const char* name(Verdict verdict) {
  constexpr std::array<const char*, 4> kNames = {"false", "true", "unknown", "error"};
  return kNames[static_cast<std::size_t>(verdict)];
}

const std::vector<model::Field>& builtInFields() {
  static const std::vector<model::Field> fields = {{"channel.id", model::FieldType::kString, {}, {}},
                                                   {"now", model::FieldType::kTimestamp, {}, {}}};
  return fields;
}

const std::string& Condition::text() const {
  static const std::string none = "false";
  return program_ ? program_->text : none;
}

Node Condition::tree() const { return parse(text()).root; }

std::int64_t Condition::steps() const { return program_ ? program_->steps : 1; }

base::Result<Condition> compile(std::string_view text, const Declarations& declarations,
                                std::vector<Mistake>* mistakes) {
  return compileAs(text, declarations, false, mistakes);
}

base::Result<Condition> compileExpression(std::string_view text, const Declarations& declarations) {
  return compileAs(text, declarations, true, nullptr);
}

Segments compileSegments(const std::map<std::string, std::string>& texts, const Declarations& declarations) {
  return SegmentCompiler{texts, declarations}.run();
}

}  // namespace dvpe::rules
