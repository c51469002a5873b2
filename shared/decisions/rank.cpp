// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/rank.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "shared/rules/sql.h"

namespace dvpe::decisions {

namespace {

// Parts of the day of four hours, and whether it is a weekend: nobody is told apart by these.
struct Hours {
  std::array<learning::Fact, 6> parts{};
  learning::Fact weekend{};
  Hours() {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i] = {learning::hashOf("hours=" + std::to_string(4 * i)), learning::kWholeFact};
    }
    weekend = {learning::hashOf("weekend"), learning::kWholeFact};
  }
};

template <class Number>
void append(std::string& out, Number number) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append(std::string& out, const learning::Features& facts) {
  const base::Bytes bytes = learning::pack(facts);
  std::array<unsigned char, 4 * ((6 * learning::kMaxFacts + 2) / 3) + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
  out.append(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length));
}

std::string_view nameOf(const CompiledCreative& creative) {
  return creative.creative ? std::string_view{creative.creative->id} : std::string_view{creative.media};
}

std::string_view aimOf(const CompiledLine& line) {
  return line.line->goal.kind == model::GoalKind::kCompletedViews ? "completed" : "attention";
}

}  // namespace

const Ranked* Rankings::find(std::uint32_t line, std::uint16_t creative) const {
  const auto found = std::find_if(choices.begin(), choices.end(),
                                  [&](const Ranked& each) { return each.line == line && each.chosen == creative; });
  return found == choices.end() ? nullptr : &*found;
}

std::string armName(const CompiledLine& line, std::size_t creative) {
  std::string out{aimOf(line)};
  out += '/';
  out += line.name;
  out += '/';
  out += nameOf(line.creatives[creative]);
  return out;
}

learning::Features factsOf(const Compiled::CompiledChannel& channel, const Viewer& viewer, base::WallTime at) {
  static const Hours kHours;
  learning::Features out;
  const auto hours = std::chrono::floor<std::chrono::hours>(at.time_since_epoch()).count();
  out.add(kHours.parts[static_cast<std::size_t>((hours % 24 + 24) % 24 / 4)]);
  const auto day = (std::chrono::floor<std::chrono::days>(at.time_since_epoch()).count() % 7 + 7) % 7;
  if (day == 2 || day == 3) out.add(kHours.weekend);  // 1970-01-01 was a Thursday
  for (const FactField& each : channel.facts) {
    const std::string& purpose = rules::purposeOf(*each.field, rules::Use::kCampaign);
    if (!purpose.empty() && !viewer.attributes.consents(purpose)) continue;
    const model::Value* value = viewer.attributes.find(each.field->path);
    if (value == nullptr) continue;
    const auto known = rules::coarse(*each.field, *value);
    if (!known) continue;
    const auto fact =
        std::find_if(each.facts.begin(), each.facts.end(), [&](const auto& f) { return f.first == *known; });
    if (fact != each.facts.end() && !out.add(fact->second)) break;
  }
  return out;
}

void addFacts(const model::Ruleset& ruleset, Compiled::CompiledChannel& channel) {
  for (const model::Field& field : ruleset.fields) {
    const bool there = std::any_of(channel.facts.begin(), channel.facts.end(),
                                   [&](const FactField& each) { return each.field->path == field.path; });
    if (!field.forecastable || there) continue;
    FactField& made = channel.facts.emplace_back(FactField{&field, {}});
    std::vector<model::Scalar> values = field.steps.empty() ? field.values : field.steps;
    if (field.type == model::FieldType::kBool) values = {false, true};
    for (model::Scalar& value : values) {
      const learning::Fact fact{learning::hashOf(field.path + "=" + rules::jsonOf(value)), learning::kWholeFact};
      made.facts.emplace_back(std::move(value), fact);
    }
  }
}

std::string toText(const Rankings& rankings, const Ranked& ranked, std::string_view release, std::uint64_t plan) {
  const CompiledLine& line = rankings.channel->lines[ranked.line];
  std::string out;
  out.reserve(512);
  // Names of documents and releases need no escapes.
  out.append("{\"release\":\"").append(release).append("\",\"plan\":");
  append(out, plan);
  out += ",\"model\":";
  append(out, rankings.model);
  out.append(",\"aim\":\"").append(aimOf(line)).append("\",\"among\":[");
  for (const Ranked::Of& each : ranked.among) {
    out.append(&each == &ranked.among.front() ? "[\"" : ",[\"").append(nameOf(line.creatives[each.creative]));
    out += "\",";
    append(out, each.probability);
    out += ']';
  }
  out += "],\"facts\":\"";
  append(out, rankings.facts);
  out += "\"}";
  return out;
}

}  // namespace dvpe::decisions
