// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The cases of tests/conformance/rules, whose README says how they are written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "shared/model/json.h"
#include "shared/rules/condition.h"
#include "shared/rules/impl/times.h"
#include "tests/unit/shared/rules/trees.h"

namespace dvpe::rules {
namespace {

namespace json = boost::json;

// A viewer of a file, with what is not an attribute.
class Viewer final : public AttributeSource {
 public:
  const model::Value* find(std::string_view path) const override { return attributes.find(path); }
  bool holds(std::string_view path) const override { return attributes.holds(path); }
  bool consents(std::string_view purpose) const override { return attributes.consents(purpose); }
  std::optional<base::WallTime> now() const override { return time; }
  std::string_view identity() const override { return identity_; }
  std::optional<std::int64_t> frequency(std::string_view campaign, std::chrono::seconds) const override {
    const auto found = seen.find(campaign);
    return found != seen.end() ? std::optional{found->second} : std::nullopt;
  }

  Attributes attributes;
  std::optional<base::WallTime> time;
  std::string identity_;
  std::map<std::string, std::int64_t, std::less<>> seen;
};

std::string textOf(const json::value& value) { return std::string{value.as_string()}; }

struct File {
  std::string name;
  json::object whole;
  std::vector<model::Field> fields;
  Segments segments;

  Declarations declarations() const { return {fields, Use::kContent, &segments}; }
};

void onlyKeys(const json::object& object, const std::set<std::string_view>& known, const std::string& where) {
  for (const auto& member : object) {
    EXPECT_TRUE(known.contains(std::string_view{member.key()})) << where << ": unknown key " << member.key();
  }
}

// As the reader of documents reads them.
std::vector<model::Field> fieldsOf(const json::object& file, const std::string& name) {
  const json::value fields = file.contains("fields") ? file.at("fields") : json::array{};
  const json::object document{{"kind", "ruleset"},
                              {"id", "r"},
                              {"organisation", "o"},
                              {"revision", 1},
                              {"body", {{"channel", "c"}, {"fields", fields}, {"rules", json::array{}}}}};
  const model::Loaded loaded = model::readDocuments({{name, json::serialize(document)}});
  for (const model::DocumentError& error : loaded.errors)
    EXPECT_FALSE(error.path.starts_with("/body/fields")) << model::describe({error});
  return loaded.documents.rulesets.contains("r") ? loaded.documents.rulesets.at("r").fields
                                                 : std::vector<model::Field>{};
}

File load(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  File out;
  out.name = path.filename();
  out.whole = json::parse(std::string{std::istreambuf_iterator<char>(in), {}}).as_object();
  onlyKeys(out.whole, {"fields", "viewer", "consent", "audiences", "now", "channel", "identity", "frequency", "cases"},
           out.name);
  out.fields = fieldsOf(out.whole, out.name);
  std::map<std::string, std::string> audiences;
  if (const json::value* texts = out.whole.if_contains("audiences")) {
    for (const auto& each : texts->as_object()) audiences.emplace(each.key(), textOf(each.value()));
  }
  out.segments = compileSegments(audiences, {out.fields});
  return out;
}

Viewer viewerOf(const json::object& file, const json::object& each) {
  Viewer out;
  const json::value* viewer = each.contains("viewer") ? &each.at("viewer") : file.if_contains("viewer");
  const auto set = [&](std::string_view path, const json::value* value) {
    if (value == nullptr) return;
    EXPECT_TRUE(out.attributes.set(path, model::parseValue(json::serialize(*value)).value()));
  };
  set("viewer", viewer);
  set("channel.id", file.if_contains("channel"));
  if (const json::value* purposes = file.if_contains("consent")) {
    for (const json::value& purpose : purposes->as_array()) EXPECT_TRUE(out.attributes.consent(textOf(purpose)));
  }
  if (const json::value* identity = file.if_contains("identity")) out.identity_ = textOf(*identity);
  if (const json::value* seen = file.if_contains("frequency")) {
    for (const auto& campaign : seen->as_object()) out.seen.emplace(campaign.key(), campaign.value().as_int64());
  }
  if (const json::value* now = file.if_contains("now")) {
    const auto time = impl::parseTimestamp(textOf(*now));
    EXPECT_TRUE(time) << textOf(*now);
    out.time = base::WallTime{std::chrono::microseconds{time.value_or(0)}};
  }
  return out;
}

// What is printed reads back as the same tree with the same comments, and prints the same again.
void expectRoundTrip(const std::string& text) {
  const Parsed first = parse(text);
  const std::string printed = print(first.root);
  const Parsed second = parse(printed);
  ASSERT_THAT(second.mistakes, testing::IsEmpty()) << text << " -> " << printed;
  EXPECT_TRUE(sameTree(first.root, second.root)) << text << " -> " << printed;
  EXPECT_TRUE(sameComments(first.root, second.root)) << text << " -> " << printed;
  EXPECT_EQ(print(second.root), printed) << text;
}

void run(const File& file, const json::object& each) {
  const std::string text = textOf(each.at("text"));
  onlyKeys(each, {"text", "value", "error", "mistake", "viewer", "note"}, text);
  EXPECT_EQ(each.contains("value") + each.contains("error") + each.contains("mistake"), 1)
      << text << ": expected one of value, error and mistake";
  const Viewer viewer = viewerOf(file.whole, each);
  const auto expression = compileExpression(text, file.declarations());
  if (const json::value* mistake = each.if_contains("mistake")) {
    EXPECT_EQ(expression ? valueOf(expression.value(), viewer) : "a mistake", "a mistake") << text;
    const std::string message = expression ? std::string{} : expression.error().message;
    EXPECT_THAT(message, testing::HasSubstr(textOf(*mistake))) << text;
    return;
  }
  ASSERT_TRUE(expression) << text << ": " << expression.error().message;
  const std::string expected = each.contains("value") ? textOf(each.at("value")) : "error: " + textOf(each.at("error"));
  EXPECT_EQ(valueOf(expression.value(), viewer), expected) << text;
  expectRoundTrip(text);
  if (const auto condition = compile(text, file.declarations())) {
    const Verdict verdict = evaluate(condition.value(), viewer);
    EXPECT_EQ(verdict, explain(condition.value(), viewer).verdict) << text;
    const bool truth = expected == "true" || expected == "false" || expected == "unknown";
    EXPECT_EQ(name(verdict), truth ? expected : "error") << text;
  }
}

TEST(Conformance, HoldsForEveryCase) {
  const std::filesystem::path folder = std::filesystem::path{DVPE_SOURCE_DIR} / "tests/conformance/rules";
  std::set<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (entry.path().extension() == ".json") paths.insert(entry.path());
  }
  std::size_t cases = 0;
  for (const auto& path : paths) {
    SCOPED_TRACE(path.filename());
    const File file = load(path);
    for (const json::value& each : file.whole.at("cases").as_array()) run(file, each.as_object());
    cases += file.whole.at("cases").as_array().size();
  }
  EXPECT_GE(paths.size(), 12U);
  EXPECT_GE(cases, 1'500U);
  RecordProperty("cases", static_cast<int>(cases));
}

}  // namespace
}  // namespace dvpe::rules
