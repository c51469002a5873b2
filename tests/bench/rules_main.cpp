// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Campaigns and viewers from a seed; each viewer matched by the index and by evaluating every campaign. Prints one line
// of JSON for each size. rules.py says what is measured.
//
//   bench_rules SIZE... [--viewers N] [--check N]
//
// The world: 40 attributes: 20 texts (8 to 2,000 values, Zipf with exponent 1), 4 true-or-false, 10 whole numbers (0 to
// 999, uniform), 6 lists of 3 of 40 tags, Zipf. A viewer has each attribute with probability 0.9. A campaign has 3 to
// 12 predicates on different attributes, 1 to 3 of which are selective (a text of one value or a few, a tag), the
// others wide (a range, most of few values, true or false); 10 % of the predicates are negated, and in 20 % of the
// campaigns two predicates are joined by ||. How selective they are is chosen so that of SIZE campaigns about 110 match
// a viewer, whatever SIZE is: more campaigns are narrower campaigns.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "shared/rules/match.h"

namespace {

using dvpe::model::Field;
using dvpe::model::FieldType;
using dvpe::model::Value;
using dvpe::rules::Condition;

constexpr double kMatches = 110;  // wanted of each viewer
constexpr double kPresent = 0.9;  // of each attribute
constexpr std::uint64_t kSeed = 20260401;

struct Attribute {
  Field field;
  std::vector<double> mass;  // of each value, the likeliest first
};

class World {
 public:
  World() {
    constexpr std::array<int, 5> kCounts = {8, 30, 100, 400, 2000};
    for (int i = 0; i < 20; ++i) add("t", i, FieldType::kString, zipf(kCounts[static_cast<std::size_t>(i) % 5]));
    for (int i = 0; i < 4; ++i) add("b", i, FieldType::kBool, {0.6, 0.4});
    for (int i = 0; i < 10; ++i) add("n", i, FieldType::kInt, {});
    for (int i = 0; i < 6; ++i) add("l", i, FieldType::kList, zipf(40));
  }

  std::vector<Field> fields() const {
    std::vector<Field> out;
    for (const Attribute& each : attributes_) out.push_back(each.field);
    return out;
  }

  dvpe::rules::Attributes viewer(std::uint64_t seed) const {
    std::mt19937_64 random(kSeed ^ (seed * 0x9e3779b97f4a7c15U));
    dvpe::rules::Attributes out;
    std::vector<bool> absent(attributes_.size());
    for (std::size_t left = attributes_.size() / 10; left > 0;) {
      const std::size_t which = random() % absent.size();
      if (absent[which]) continue;
      absent[which] = true;
      --left;
    }
    for (const Attribute& a : attributes_) {
      if (absent[static_cast<std::size_t>(&a - attributes_.data())]) continue;
      Value value;
      switch (a.field.type) {
        case FieldType::kString:
          value.v = name(draw(a, random));
          break;
        case FieldType::kBool:
          value.v = draw(a, random) == 0;
          break;
        case FieldType::kInt:
          value.v = static_cast<std::int64_t>(random() % 1000);
          break;
        default: {
          dvpe::model::List list;
          for (int i = 0; i < 3; ++i) list.push_back({name(draw(a, random))});
          value.v = std::make_shared<const dvpe::model::List>(std::move(list));
        }
      }
      if (!out.set(a.field.path, value)) std::abort();
    }
    return out;
  }

  std::string campaign(std::uint64_t seed, std::size_t size) const {
    std::mt19937_64 random(kSeed + 1 + seed * 0xbf58476d1ce4e5b9U);
    const int count = 3 + static_cast<int>(random() % 10), selective = 1 + static_cast<int>(random() % 2);
    const double target = kMatches / static_cast<double>(size);
    constexpr double wide = 0.95;
    const double rest = std::pow(wide * kPresent, count - selective);
    const double each = std::clamp(std::pow(target / rest, 1.0 / selective) / kPresent, 0.0005, 0.95);
    std::vector<const Attribute*> selectives, wides;
    for (const Attribute& a : attributes_) {
      const bool narrow = a.field.type == FieldType::kString && a.mass.size() > 8;
      const bool list = a.field.type == FieldType::kList;
      if ((narrow || list) && a.mass.back() * (list ? 3 : 1) <= each) selectives.push_back(&a);
      if (!narrow && a.field.type != FieldType::kList && (a.field.type != FieldType::kBool || wide < 0.65))
        wides.push_back(&a);
    }
    std::shuffle(selectives.begin(), selectives.end(), random);
    std::shuffle(wides.begin(), wides.end(), random);
    std::vector<std::string> parts;
    for (int i = 0; i < count; ++i) {
      const Attribute& a =
          *(i < selective ? selectives : wides)[static_cast<std::size_t>(i < selective ? i : i - selective)];
      parts.push_back(i < selective ? predicate(a, each, false, random)
                                    : predicate(a, wide, random() % 7 == 0, random));
    }
    if (random() % 5 == 0) {
      const std::string last = parts.back();
      parts.pop_back();
      parts.back() = "(" + parts.back() + " || " + last + ")";
    }
    std::shuffle(parts.begin(), parts.end(), random);
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : " && ") + part;
    return out;
  }

 private:
  static double unit(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }
  static std::vector<double> zipf(int count) {
    std::vector<double> out;
    double sum = 0;
    for (int i = 1; i <= count; ++i) sum += 1.0 / i;
    for (int i = 1; i <= count; ++i) out.push_back(1.0 / i / sum);
    return out;
  }
  static std::string name(std::size_t value) { return "v" + std::to_string(value); }
  void add(const char* kind, int number, FieldType type, std::vector<double> mass) {
    Attribute a;
    a.field.path = "viewer." + std::string(kind) + std::to_string(number);
    a.field.type = type;
    a.mass = std::move(mass);
    attributes_.push_back(std::move(a));
  }
  static std::size_t draw(const Attribute& a, std::mt19937_64& random) {
    double left = unit(random);
    std::size_t i = 0;
    while (i + 1 < a.mass.size() && left >= a.mass[i]) left -= a.mass[i++];
    return i;
  }

  // At most 8 values whose masses come to about `share`, or as near as 8 of them come.
  static std::vector<std::size_t> valuesOf(const Attribute& a, double share, std::mt19937_64& random) {
    std::vector<std::size_t> out;
    double left = share;
    while (out.size() < 8 && left > 0.05 * share) {
      // Any of those that are not too likely, nor so rare that eight of them come to nothing.
      const auto first = std::find_if(a.mass.begin(), a.mass.end(), [&](double m) { return m <= left * 1.15; });
      const auto last = std::find_if(first, a.mass.end(), [&](double m) { return m < left / 6; });
      const auto many = static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, last - first));
      std::size_t v = std::min(a.mass.size() - 1, static_cast<std::size_t>(first - a.mass.begin()) + random() % many);
      while (std::find(out.begin(), out.end(), v) != out.end() && v + 1 < a.mass.size()) ++v;
      if (std::find(out.begin(), out.end(), v) != out.end()) break;
      out.push_back(v);
      left -= a.mass[v];
    }
    return out;
  }

  static std::string listOf(const std::vector<std::size_t>& values) {
    std::string out = "[";
    for (const std::size_t v : values) out += (out.size() > 1 ? ", \"" : "\"") + name(v) + "\"";
    return out + "]";
  }

  // One that about `share` of the viewers who have the attribute fulfil.
  static std::string predicate(const Attribute& a, double share, bool negated, std::mt19937_64& random) {
    const std::string& path = a.field.path;
    if (negated) share = 1 - share;
    std::string out;
    switch (a.field.type) {
      case FieldType::kString: {
        const auto values = valuesOf(a, std::clamp(share, 0.0001, 0.95), random);
        out = values.size() == 1 ? path + " == \"" + name(values[0]) + "\"" : path + " in " + listOf(values);
        break;
      }
      case FieldType::kBool:
        out = share > 0.5 ? path : "!" + path;
        break;
      case FieldType::kInt: {
        const auto width = std::clamp<std::int64_t>(std::llround(share * 1000), 1, 999);
        const auto from = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(1001 - width));
        if (random() % 2 == 0) {
          out = path + " >= " + std::to_string(1000 - width);
        } else if (from == 0) {
          out = path + " < " + std::to_string(width);
        } else {
          out = "(" + path + " >= " + std::to_string(from) + " && " + path + " < " + std::to_string(from + width) + ")";
        }
        break;
      }
      default: {  // a tag that about so many have: one in three draws
        const double one = 1 - std::pow(1 - std::clamp(share, 0.001, 0.999), 1.0 / 3);
        std::size_t v = 0;
        while (v + 1 < a.mass.size() && a.mass[v] > one) ++v;
        out = "\"" + name(v) + "\" in " + path;
      }
    }
    return negated ? "!(" + out + ")" : out;
  }

  std::vector<Attribute> attributes_;
};

double microseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

std::size_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  file >> pages >> pages;
  return pages * 4096;
}

void run(std::size_t size, std::size_t viewers, std::size_t checked) {
  using Clock = std::chrono::steady_clock;
  const World world;
  const auto fields = world.fields();
  const std::size_t before = residentBytes();
  std::vector<Condition> conditions;
  auto start = Clock::now();
  std::size_t predicates = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::string text = world.campaign(i, size);
    auto compiled = dvpe::rules::compile(text, fields);
    if (!compiled) {
      std::fprintf(stderr, "%s\n%s\n", text.c_str(), compiled.error().message.c_str());
      std::exit(1);
    }
    predicates += static_cast<std::size_t>(compiled.value().steps());
    conditions.push_back(std::move(compiled).value());
  }
  const double compileMs = microseconds(Clock::now() - start) / 1000;
  std::vector<dvpe::rules::Attributes> samples;
  samples.reserve(500);
  for (std::size_t i = 0; i < 500; ++i) samples.push_back(world.viewer(1'000'000'000 + i));  // none of those measured
  std::vector<const dvpe::rules::AttributeSource*> known(samples.size());
  std::transform(samples.begin(), samples.end(), known.begin(), [](const auto& sample) { return &sample; });
  start = Clock::now();
  const dvpe::rules::Index index(conditions, known);
  const double buildMs = microseconds(Clock::now() - start) / 1000;
  const std::size_t resident = residentBytes() - before;
  dvpe::rules::Index::Workspace workspace(index);
  std::vector<std::uint32_t> out;
  std::vector<double> match, linear, matches;
  std::vector<std::vector<std::uint32_t>> answers(checked);
  for (std::size_t v = 0; v < viewers; ++v) {
    const auto viewer = world.viewer(v);
    const auto t0 = Clock::now();
    index.match(viewer, workspace, out);
    match.push_back(microseconds(Clock::now() - t0));
    matches.push_back(static_cast<double>(out.size()));
    if (v < checked) answers[v] = out;
  }
  // Apart from the above: each empties the other's caches.
  std::size_t different = 0;
  for (std::size_t v = 0; v < checked; ++v) {
    const auto viewer = world.viewer(v);
    std::vector<std::uint32_t> expected;
    const auto t0 = Clock::now();
    for (std::uint32_t i = 0; i < conditions.size(); ++i) {
      if (evaluate(conditions[i], viewer) == dvpe::rules::Verdict::kTrue) expected.push_back(i);
    }
    linear.push_back(microseconds(Clock::now() - t0));
    different += expected != answers[v];
  }
  std::printf(
      "{\"campaigns\":%zu,\"viewers\":%zu,\"match_us_p50\":%.2f,\"match_us_p99\":%.2f,\"linear_us_p50\":%.1f,"
      "\"checked\":%zu,"
      "\"different\":%zu,\"matches_p5\":%.0f,\"matches_p50\":%.0f,\"matches_p95\":%.0f,\"compile_ms\":%.0f,\"build_"
      "ms\":%.1f,"
      "\"index_bytes\":%zu,\"resident_bytes\":%zu,\"steps\":%.1f}\n",
      size, viewers, quantile(match, 0.5), quantile(match, 0.99), quantile(linear, 0.5), linear.size(), different,
      quantile(matches, 0.05), quantile(matches, 0.5), quantile(matches, 0.95), compileMs, buildMs, index.bytes(),
      resident, static_cast<double>(predicates) / static_cast<double>(size));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t viewers = 10'000, checked = 10'000;
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--viewers") == 0 && i + 1 < argc) {
      viewers = std::stoul(argv[++i]);
    } else if (std::strcmp(argv[i], "--check") == 0 && i + 1 < argc) {
      checked = std::stoul(argv[++i]);
    } else {
      sizes.push_back(std::stoul(argv[i]));
    }
  }
  for (const std::size_t size : sizes) run(size, viewers, std::min(viewers, checked));
}
