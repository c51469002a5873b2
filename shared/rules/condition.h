// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditions: compiled once against declared fields, evaluated for every viewer, explained on request.
// Values are as CEL's (cel-spec langdef), and so is what becomes of unknown fields and errors: true || unknown is true,
// false && error is false; else an unknown part makes the whole unknown, else an error makes it an error. A field that
// is absent, of another type than declared, or whose purpose the viewer has not consented to, is unknown.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"
#include "shared/rules/ast.h"
#include "shared/rules/attributes.h"

namespace dvpe::rules {

enum class Verdict : std::uint8_t { kFalse, kTrue, kUnknown, kError };

// "true", "false", "unknown", "error"
const char* name(Verdict verdict);

// Which of a field's purposes counts: a campaign's reading of a field may need another consent than a rule's.
enum class Use : std::uint8_t { kContent, kCampaign };

// What one evaluation may take: comparisons, calls, items looked at. Seen before it is evaluated.
inline constexpr std::int64_t kMaxSteps = 200'000;

namespace impl {
struct Program;
}

// An immutable compiled condition. Copies share the program; any thread may evaluate it. A default one is always false.
class Condition {
 public:
  Condition() = default;
  explicit Condition(std::shared_ptr<const impl::Program> program) : program_(std::move(program)) {}

  const std::string& text() const;
  Node tree() const;  // read from the text again: conditions are many, and few are looked at
  const impl::Program* program() const { return program_.get(); }
  const std::shared_ptr<const impl::Program>& share() const { return program_; }
  // The most that one evaluation takes, segments included.
  std::int64_t steps() const;

 private:
  std::shared_ptr<const impl::Program> program_;
};

// Audiences by name, for segment("name"): compiled, or why not, one mistake a line.
struct Segments {
  std::map<std::string, Condition, std::less<>> conditions;
  std::map<std::string, std::string, std::less<>> mistakes;
};

// What a condition is compiled against.
struct Declarations {
  const std::vector<model::Field>& fields;
  Use use = Use::kContent;
  const Segments* segments = nullptr;
  bool lawfulBasis = false;  // every field that is read must be declared with a purpose
};

// channel.id and now, which every condition may name without declaring them.
const std::vector<model::Field>& builtInFields();

// Text -> condition. Every mistake of the text goes to `mistakes` (if given), and into the error's message, one a line.
base::Result<Condition> compile(std::string_view text, const Declarations& declarations,
                                std::vector<Mistake>* mistakes = nullptr);
inline base::Result<Condition> compile(std::string_view text, const std::vector<model::Field>& fields,
                                       Use use = Use::kContent, std::vector<Mistake>* mistakes = nullptr) {
  return compile(text, Declarations{fields, use}, mistakes);
}

// Compiles audiences that may name each other, in whatever order; a circle is a mistake of each in it.
Segments compileSegments(const std::map<std::string, std::string>& texts, const Declarations& declarations);

// Never blocks. Memory comes from the thread's own, which is bounded; only a regular expression may allocate.
Verdict evaluate(const Condition& condition, const AttributeSource& attributes);

// The value of an expression of whatever type, as a literal of the language; "unknown", or "error: what is wrong". For
// tests and people, not for the request path.
std::string valueOf(const Condition& expression, const AttributeSource& attributes);
// Compiles one that need not be true or false.
base::Result<Condition> compileExpression(std::string_view text, const Declarations& declarations);

// Why a condition has its verdict: the tree of its conditions, each with its part of the text. `reason` says for a
// comparison what the fields were ("viewer.country is \"DE\"", "viewer.age is absent",
// "no consent for personalised_ads"); it holds personal data, so it is for the viewer's own eyes or a preview, never
// for logs.
struct Explanation {
  Span span;
  std::string text;
  Verdict verdict = Verdict::kUnknown;
  std::string reason;
  std::vector<Explanation> children;
  std::uint32_t id = 0;  // of the node
};

// The verdict of every part, as evaluate() comes to it. For one viewer's eyes: it allocates and names values.
Explanation explain(const Condition& condition, const AttributeSource& attributes);

}  // namespace dvpe::rules
