// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditions come from anybody. The first byte chooses the viewer, the rest is the text. What reads, prints so that it
// reads the same again, with its comments; what compiles, explains to the verdict to which it evaluates.
#include <cstdlib>
#include <optional>

#include "shared/model/json.h"
#include "shared/rules/condition.h"

namespace {

namespace model = dvpe::model;
namespace rules = dvpe::rules;

using model::FieldType;

const std::vector<model::Field>& fields() {
  static const std::vector<model::Field> all = {
      {"viewer.any", FieldType::kMap, "", ""},
      {"viewer.any.secret", FieldType::kString, "never", ""},
      {"viewer.none", FieldType::kBool, "", ""},
      {"viewer.age", FieldType::kInt, "content", "ads"},
      {"viewer.score", FieldType::kDouble, "", ""},
      {"viewer.country", FieldType::kString, "", "", model::FieldSource::kNode, {"DE", "AT"}},
      {"viewer.word", FieldType::kString, "", ""},
      {"viewer.premium", FieldType::kBool, "", ""},
      {"viewer.tags", FieldType::kList, "", ""},
      {"viewer.geo", FieldType::kMap, "location", ""},
      {"viewer.born", FieldType::kTimestamp, "", ""}};
  return all;
}

const rules::Segments& segments() {
  static const rules::Segments all = rules::compileSegments(
      {{"adults", "viewer.age >= 18"}, {"premium", "segment(\"adults\") && viewer.premium"}, {"a", "segment(\"a\")"}},
      {fields()});
  return all;
}

// Eight bits of what a viewer may be.
class Viewer final : public rules::AttributeSource {
 public:
  explicit Viewer(unsigned bits) : bits_(bits) {
    static const char* const kSome = R"({"any":{"one":1,"real":1.5,"word":"a","yes":true,"list":[1,"a",2.5],
      "secret":"s","nested":{"x":5}},"age":42,"score":1,"country":"DE","word":"\u00e9x","premium":true,
      "tags":["a","b",3],"geo":{"lat":52.5,"lon":13},"born":"2001-02-03T04:05:06Z"})";
    static const char* const kOdd = R"({"any":1,"age":"42","score":1e300,"country":7,"word":"","premium":1,
      "tags":[],"geo":{"lat":"x"},"born":"soon"})";
    if (bits & 1) check(attributes_.set("viewer", model::parseValue(bits & 2 ? kOdd : kSome).value()));
    if (bits & 4) check(attributes_.consent("content"));
    if (bits & 8) check(attributes_.consent("location"));
    if (bits & 16) check(attributes_.set("channel.id", {std::string{"one"}}));
  }
  const model::Value* find(std::string_view path) const override { return attributes_.find(path); }
  bool holds(std::string_view path) const override { return attributes_.holds(path); }
  bool consents(std::string_view purpose) const override { return attributes_.consents(purpose); }
  std::optional<dvpe::base::WallTime> now() const override {
    if (!(bits_ & 32)) return std::nullopt;
    return dvpe::base::WallTime{std::chrono::microseconds{1'774'742'400'250'000}};
  }
  std::string_view identity() const override { return bits_ & 64 ? "viewer-1" : ""; }
  std::optional<std::int64_t> frequency(std::string_view, std::chrono::seconds) const override {
    return bits_ & 128 ? std::optional<std::int64_t>{3} : std::nullopt;
  }

 private:
  static void check(const dvpe::base::Result<void>& result) {
    if (!result) std::abort();
  }
  unsigned bits_;
  rules::Attributes attributes_;
};

bool sameComments(const rules::Node& a, const rules::Node& b) {
  if (a.before != b.before || a.after != b.after) return false;
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    if (!sameComments(a.children[i], b.children[i])) return false;
  }
  return true;
}

void readsBack(const rules::Node& root) {
  const std::string printed = rules::print(root);
  // What is printed has more spaces and parentheses, and so may be too much.
  if (printed.size() > rules::kMaxConditionBytes) return;
  rules::Parsed again = rules::parse(printed);
  if (!again.mistakes.empty() || !rules::sameTree(root, again.root) || !sameComments(root, again.root)) std::abort();
  if (rules::print(again.root) != printed) std::abort();
  rules::keepIds(root, again.root);
  if (again.root.id != root.id) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const rules::Parsed parsed = rules::parse(text);
  for (const rules::Mistake& each : parsed.mistakes) {
    if (each.message.empty() || each.span.offset > text.size()) std::abort();
  }
  if (parsed.mistakes.empty()) readsBack(parsed.root);

  const Viewer viewer(data[0]);
  const rules::Use use = data[0] & 2 ? rules::Use::kCampaign : rules::Use::kContent;
  const rules::Declarations declarations{fields(), use, &segments()};
  const auto expression = rules::compileExpression(text, declarations);
  if (expression && rules::valueOf(expression.value(), viewer).empty()) std::abort();
  const auto condition = rules::compile(text, declarations);
  if (condition && !expression) std::abort();
  if (!condition) return 0;
  const rules::Verdict verdict = rules::evaluate(condition.value(), viewer);
  if (rules::explain(condition.value(), viewer).verdict != verdict) std::abort();
  return 0;
}
