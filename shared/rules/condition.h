// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditions: compiled once against declared fields, evaluated for every viewer, explained on request.
// Three-valued as CEL's logic is: true || unknown is true, false && unknown is false, else unknown wins.
// A field that is absent, of another type than declared, or whose purpose the viewer has not consented to, is unknown.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"
#include "shared/rules/ast.h"
#include "shared/rules/attributes.h"

namespace dvpe::rules {

enum class Verdict : std::uint8_t { kFalse, kTrue, kUnknown };

// "true", "false", "unknown"
const char* name(Verdict verdict);

// Which of a field's purposes counts: a campaign's reading of a field may need another consent than a rule's.
enum class Use { kContent, kCampaign };

namespace impl {
struct Program;
}

// An immutable compiled condition. Copies share the program; any thread may evaluate it. A default one is always false.
class Condition {
 public:
  Condition() = default;
  explicit Condition(std::shared_ptr<const impl::Program> program) : program_(std::move(program)) {}

  const std::string& text() const;
  const Node& tree() const;
  const impl::Program* program() const { return program_.get(); }

 private:
  std::shared_ptr<const impl::Program> program_;
};

// channel.id, which every condition may name without declaring it.
const std::vector<model::Field>& builtInFields();

// Text -> condition. Every mistake of the text goes to `mistakes` (if given), and into the error's message, one a line.
base::Result<Condition> compile(std::string_view text, const std::vector<model::Field>& fields, Use use = Use::kContent,
                                std::vector<Mistake>* mistakes = nullptr);

// Never allocates, never blocks, visits each node at most once.
Verdict evaluate(const Condition& condition, const AttributeSource& attributes);

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
};

// The verdict of every part, as evaluate() comes to it. For one viewer's eyes: it allocates and names values.
Explanation explain(const Condition& condition, const AttributeSource& attributes);

}  // namespace dvpe::rules
