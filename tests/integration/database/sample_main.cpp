// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Random conditions and viewers, for sample_test.py to compare the database with the evaluator.
//
//   sample_conditions SEED CONDITIONS VIEWERS
//
// One line of JSON for each. A viewer: {"viewer": attributes as the sample keeps them}. A condition:
// {"condition": text, "use", "tree", "verdicts": one of T, F, U for each viewer, all before it}, or with "refused" when
// it cannot be asked of the sample. Errors are U: the sample does not tell them from what is unknown. Also:
// sample_conditions --tree CHANNEL, which reads conditions, one a line, and prints a tree or "refused: why".
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "node/events/sample.h"
#include "shared/rules/sql.h"

namespace {

using namespace dvpe;
using model::Field;
using model::FieldType;

Field field(const char* path, FieldType type, std::vector<model::Scalar> values, std::vector<model::Scalar> steps = {},
            const char* purpose = "", const char* campaignPurpose = "") {
  Field out;
  out.path = path;
  out.type = type;
  out.values = std::move(values);
  out.steps = std::move(steps);
  out.purpose = purpose;
  out.campaignPurpose = campaignPurpose;
  out.forecastable = true;
  return out;
}

const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      field("viewer.country", FieldType::kString, {"DE", "AT", "CH", "it's \"so\"\\"}),
      field("viewer.plan", FieldType::kString, {"free", "17", ""}, {}, "personalised_content"),
      field("viewer.age", FieldType::kInt, {}, {std::int64_t{0}, std::int64_t{18}, std::int64_t{40}},
            "personalised_content", "personalised_ads"),
      field("viewer.seats", FieldType::kInt, {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{-3}}),
      field("viewer.interests.sports", FieldType::kDouble, {}, {0.0, 0.25, 0.5}, "personalised_content",
            "personalised_ads"),
      field("viewer.premium", FieldType::kBool, {})};
  return all;
}

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  const char* one(const std::vector<const char*>& words) { return words[below(static_cast<unsigned>(words.size()))]; }

  std::string condition(int depth) {
    if (depth == 0 || below(4) == 0) return leaf();
    switch (below(4)) {
      case 0:
        return "!(" + condition(depth - 1) + ")";
      case 1:
        return "(" + condition(depth - 1) + " ? " + condition(depth - 1) + " : " + condition(depth - 1) + ")";
      default: {
        const char* word = one({" && ", " || "});
        std::string out = "(" + condition(depth - 1);
        for (unsigned i = 0; i <= below(3); ++i) out += word + condition(depth - 1);
        return out + ")";
      }
    }
  }

 private:
  std::string leaf() {
    const std::string order = one({" == ", " != ", " < ", " <= ", " > ", " >= "});
    const std::string seats = one({"0", "1", "2", "-3"});
    switch (below(17)) {
      case 0:
        return "viewer.country" + order + one({"viewer.country", "string(\"AT\")", "(\"D\" + \"E\")"});
      case 1:
        return "viewer.country in [\"DE\", \"CH\"]";
      case 2:
        return std::string{"viewer.country."} + one({"startsWith(\"D\")", "contains(\"'\")", "matches(\"^[AC]\")"});
      case 3:
        return "viewer.plan" + std::string{one({" == ", " != "})} + one({"\"free\"", "\"17\"", "\"\""});
      case 4:
        return "int(viewer.plan)" + order + one({"17", "16"});  // an error of most
      case 5:
        return std::string{"viewer.age"} +
               one({" >= 18", " < 18", " <= 17", " > 39", " >= 40", " < 40", " < 0", " >= 25"});
      case 6:
        return "viewer.seats" + order + seats;
      case 7:
        return "10 / viewer.seats" + order + "5";
      case 8:
        return "viewer.seats in [" + seats + ", 2]";
      case 9:
        return std::string{"viewer.interests.sports"} + one({" >= 0.25", " < 0.25", " >= 0.5", " < 0.5", " > 0.3"});
      case 10:
        return "viewer.premium";
      case 11:
        return std::string{"has("} +
               one({"viewer.country", "viewer.plan", "viewer.age", "viewer.premium", "viewer.interests.sports"}) + ")";
      case 12:
        return std::string{"channel.id == "} + one({"\"one\"", "\"two\""});
      case 13:
        return one({"true", "false", "1 / 0 == 1", "viewer.seats == viewer.seats"});
      case 14:
        return one({"segment(\"grown\")", "segment(\"rich\")"});
      case 15:
        return one(
            {"percent(\"a\") < 50.0", "now > timestamp(\"2026-01-01T00:00:00Z\")", "frequency(\"k\", \"1d\") < 1"});
      default:
        return "viewer.premium == (viewer.country == \"DE\")";
    }
  }
  std::mt19937_64 random_;
};

rules::Attributes viewer(Chance& chance) {
  rules::Attributes out;
  const auto set = [&](const char* path, const model::Value& value) {
    if (!out.set(path, value)) std::abort();
  };
  const auto there = [&] { return chance.below(5) != 0; };
  if (there()) set("viewer.country", {std::string{chance.one({"DE", "AT", "CH", "it's \"so\"\\"})}});
  if (there()) set("viewer.plan", {std::string{chance.one({"free", "17", ""})}});
  if (there()) set("viewer.age", {static_cast<std::int64_t>(chance.below(90))});
  constexpr std::int64_t kSeats[] = {0, 1, 2, -3};
  if (there()) set("viewer.seats", {kSeats[chance.below(4)]});
  if (there()) set("viewer.interests.sports", {chance.below(101) / 100.0});
  if (there()) set("viewer.premium", {chance.below(2) == 0});
  for (const char* purpose : {"personalised_content", "personalised_ads"}) {
    if (chance.below(4) != 0 && !out.consent(purpose)) std::abort();
  }
  return out;
}

// A viewer in another's words: with a channel.
class OnChannel final : public rules::AttributeSource {
 public:
  explicit OnChannel(const rules::Attributes& of) : of_(of) {}
  const model::Value* find(std::string_view path) const override {
    return path == "channel.id" ? &channel_ : of_.find(path);
  }
  bool holds(std::string_view path) const override { return path == "channel.id" || of_.holds(path); }
  bool consents(std::string_view purpose) const override { return of_.consents(purpose); }

 private:
  const rules::Attributes& of_;
  const model::Value channel_{std::string{"one"}};
};

rules::Segments segments(rules::Use use) {
  return rules::compileSegments(
      {{"grown", "viewer.age >= 18"}, {"rich", "segment(\"grown\") && (viewer.premium || viewer.plan != \"free\")"}},
      {fields(), use});
}

std::string json(const std::string& text) { return rules::jsonOf(model::Scalar{text}); }

int translateLines(const char* channel) {
  const rules::Segments named = segments(rules::Use::kContent);
  for (std::string line; std::getline(std::cin, line);) {
    const auto condition = rules::compile(line, {fields(), rules::Use::kContent, &named});
    const auto tree = condition ? rules::toSampleTree(condition.value(), fields(), rules::Use::kContent, channel)
                                : base::Result<std::string>{condition.error()};
    std::puts(tree ? tree.value().c_str() : ("refused: " + tree.error().message).c_str());
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count == 3 && std::string{words[1]} == "--tree") return translateLines(words[2]);
  if (count != 4) return 2;
  Chance chance(static_cast<unsigned>(std::atoi(words[1])));
  const int conditions = std::atoi(words[2]);
  std::vector<rules::Attributes> viewers;
  for (int i = 0; i < std::atoi(words[3]); ++i) {
    viewers.push_back(viewer(chance));
    std::printf("{\"viewer\":%s}\n", events::coarseAttributes(fields(), viewers.back()).c_str());
  }
  const rules::Segments named[] = {segments(rules::Use::kContent), segments(rules::Use::kCampaign)};
  for (int i = 0; i < conditions; ++i) {
    const rules::Use use = chance.below(2) == 0 ? rules::Use::kContent : rules::Use::kCampaign;
    const std::string text = chance.condition(4);
    const auto condition = rules::compile(text, {fields(), use, &named[static_cast<std::size_t>(use)]});
    if (!condition) continue;  // types that do not go together
    std::printf("{\"condition\":%s,\"use\":\"%s\"", json(text).c_str(),
                use == rules::Use::kContent ? "content" : "ads");
    if (const auto tree = rules::toSampleTree(condition.value(), fields(), use, "one"); !tree) {
      std::printf(",\"refused\":%s}\n", json(tree.error().message).c_str());
      continue;
    } else {
      std::printf(",\"tree\":%s,\"verdicts\":\"", tree.value().c_str());
    }
    for (const rules::Attributes& each : viewers) {
      const rules::Verdict verdict = rules::evaluate(condition.value(), OnChannel{each});
      std::putchar(verdict == rules::Verdict::kTrue ? 'T' : verdict == rules::Verdict::kFalse ? 'F' : 'U');
    }
    std::puts("\"}");
  }
  return 0;
}
