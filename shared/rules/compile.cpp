// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Tree -> program: names are resolved, types checked, and what an evaluation may take is counted.
#include <algorithm>
#include <array>
#include <set>

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

// Compiles each after those that it names. Without recursion: there may be as many as there are documents.
class SegmentCompiler {
 public:
  SegmentCompiler(const std::map<std::string, std::string>& texts, const Declarations& declarations)
      : texts_(texts), declarations_(declarations) {
    declarations_.segments = &out_;
  }

  Segments run() {
    for (const auto& [name, text] : texts_) {
      std::vector<std::string> names;
      if (const Parsed parsed = parse(text); parsed.mistakes.empty()) namesIn(parsed.root, names);
      const std::set<std::string> once(names.begin(), names.end());
      for (const std::string& other : once) {
        if (!texts_.contains(other)) continue;  // the checker says so
        waitsFor_[name].insert(other);
        waiting_[other].push_back(name);
      }
      if (!waitsFor_.contains(name)) ready_.push_back(name);
    }
    for (;;) {
      while (!ready_.empty()) {
        const std::string name = std::move(ready_.back());
        ready_.pop_back();
        compileOne(name);
        finish(name);
      }
      if (waitsFor_.empty()) return std::move(out_);
      breakCircle();
    }
  }

 private:
  void compileOne(const std::string& name) {
    auto compiled = compile(texts_.at(name), declarations_);
    if (compiled) {
      out_.conditions.emplace(name, std::move(compiled).value());
    } else {
      out_.mistakes.emplace(name, compiled.error().message);
    }
  }

  // Those that have waited for it alone are next.
  void finish(const std::string& name) {
    for (const std::string& other : waiting_[name]) {
      const auto found = waitsFor_.find(other);
      if (found == waitsFor_.end()) continue;
      found->second.erase(name);
      if (!found->second.empty()) continue;
      waitsFor_.erase(found);
      ready_.push_back(other);
    }
  }

  // All that is left waits for another of them: whoever goes on from one to the next comes around.
  void breakCircle() {
    std::vector<std::string> path;
    std::set<std::string> seen;
    std::string at = waitsFor_.begin()->first;
    while (seen.insert(at).second) {
      path.push_back(at);
      at = *waitsFor_.at(at).begin();
    }
    path.erase(path.begin(), std::find(path.begin(), path.end(), at));
    std::string circle;
    for (std::size_t i = 0; i < std::min<std::size_t>(path.size(), 8); ++i) circle += path[i] + " -> ";
    if (path.size() > 8) circle += "... -> ";
    for (const std::string& name : path) {
      out_.mistakes[name] = "audiences name each other in a circle: " + circle + at;
      waitsFor_.erase(name);
    }
    for (const std::string& name : path) finish(name);
  }

  const std::map<std::string, std::string>& texts_;
  Declarations declarations_;
  std::map<std::string, std::set<std::string>> waitsFor_;
  std::map<std::string, std::vector<std::string>> waiting_;
  std::vector<std::string> ready_;
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
