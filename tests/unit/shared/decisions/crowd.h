// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Some two hundred campaigns of all kinds, and viewers who differ in a few attributes; from a seed, for tests.
#pragma once

#include <random>

#include "tests/unit/shared/decisions/market.h"

namespace dvpe::decisions {

class Crowd {
 public:
  explicit Crowd(std::uint64_t seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  bool oneIn(int n) { return below(n) == 0; }
  std::uint64_t number() { return random_(); }

  // Documents whose parts are put in in the order of a shuffle of its own, which must not matter.
  Market market(std::uint64_t shuffle, int campaigns = 200) {
    Market out;
    auto& fields = out.documents.rulesets["r"].fields;
    fields.push_back({"viewer.country", model::FieldType::kString, "", ""});
    fields.push_back({"viewer.sports", model::FieldType::kBool, "", "ads"});
    out.ruleset("s").fields = fields;
    out.rule("young", "viewer.age < 30", {model::FillBreaks{{"k7", "k3"}, false}});
    out.rule("arm", "true", {model::FillBreaks{{"k9", "k11"}, false}}).arm = {"x", "b"};
    out.rule("all", "has(viewer.country)", {model::FillBreaks{{"k5"}, true}});
    out.rule("rest", "true", {model::FillBreaks{{"k1", "k2", "k5"}, false}}, "s");
    out.experiment("x", "g").arms = {{"a", {{0, 2'500}}}, {"b", {{2'500, 9'000}}}};
    std::vector<model::Campaign> made;
    for (int i = 0; i < campaigns; ++i) {
      const std::string id = "k" + std::to_string(i);
      fill(out, id);
      made.push_back(out.documents.campaigns[id]);
    }
    for (const char* id : {"x0", "x1", "x2"}) out.advertiser(id).caps = caps(20);
    std::mt19937_64 order{shuffle};
    for (std::size_t i = made.size(); i > 1; --i) std::swap(made[i - 1], made[order() % i]);
    out.documents.campaigns.clear();
    for (model::Campaign& each : made) out.documents.campaigns.emplace(each.id, std::move(each));
    return out;
  }

  rules::Attributes viewer() {
    static constexpr const char* kCountries[] = {"DE", "FR", "AE"};
    rules::Attributes out;
    if (!oneIn(5)) out.setIdentity("viewer " + std::to_string(below(10'000)));
    if (!oneIn(6)) {
      EXPECT_TRUE(out.set("viewer.age", {std::int64_t{15 + below(60)}}));
    }
    if (!oneIn(6)) {
      EXPECT_TRUE(out.set("viewer.country", {std::string{kCountries[below(3)]}}));
    }
    if (oneIn(2)) {
      EXPECT_TRUE(out.set("viewer.sports", {oneIn(2)}));
    }
    if (oneIn(2)) {
      EXPECT_TRUE(out.consent("ads"));
    }
    return out;
  }

  // Impressions of lines of the channel in the two days before noon.
  History history(const Compiled& compiled) {
    History out;
    const auto& lines = compiled.channel("c")->lines;
    for (int n = oneIn(3) ? 0 : below(40); n > 0; --n) {
      const CompiledLine& line = lines[static_cast<std::size_t>(below(static_cast<int>(lines.size())))];
      const auto creative = static_cast<std::size_t>(below(static_cast<int>(line.creatives.size())));
      out.add({secondsOf(kNoon) - static_cast<std::uint32_t>(below(2 * 86'400)), line.keys(creative)});
    }
    return out;
  }

 private:
  std::vector<model::Cap> caps(int most) {
    std::vector<model::Cap> out;
    if (oneIn(2)) out.push_back({1 + below(most), model::CapPeriod::kHour});
    if (oneIn(2)) out.push_back({1 + below(2 * most), model::CapPeriod::kDay});
    if (oneIn(3)) out.push_back({1 + below(3 * most), model::CapPeriod::kFlight});
    return out;
  }

  void fill(Market& out, const std::string& id) {
    static constexpr const char* kWhen[] = {"true",
                                            "viewer.age >= 18",
                                            "viewer.country == \"DE\"",
                                            "viewer.sports",
                                            "viewer.country in [\"FR\", \"AE\"] && viewer.age < 50",
                                            "now.getHours(\"UTC\") < 13",
                                            "frequency(\"k4\", \"1d\") < 2"};
    if (oneIn(10)) {
      out.house(id, {5 + 5 * below(4), 10}).when = kWhen[below(7)];
    } else {
      for (int i = 1 + below(3); i > 0; --i) line(out, id, std::to_string(i));
      out.campaign(id).when = kWhen[below(7)];
      if (oneIn(3)) out.campaign(id).caps = caps(5);
    }
    model::Campaign& campaign = out.campaign(id);
    if (oneIn(3)) campaign.categories = {"c" + std::to_string(below(12))};
    if (oneIn(2)) campaign.advertiser = "x" + std::to_string(below(6));
  }

  void line(Market& out, const std::string& id, const std::string& name) {
    static constexpr int kLengths[] = {10, 15, 20, 30};
    std::vector<int> lengths;
    for (int i = 1 + below(3); i > 0; --i) lengths.push_back(oneIn(20) ? 0 : kLengths[below(4)]);
    const auto rate = static_cast<std::uint32_t>(oneIn(4) ? kWholeRate : oneIn(8) ? 0 : 1 + below(300'000));
    model::Line& line = oneIn(12) ? out.houseLine(id, name, lengths) : out.line(id, name, lengths, 1 + below(9), rate);
    line.priority = static_cast<model::Priority>(below(3));
    line.position =
        oneIn(6) ? (oneIn(2) ? model::BreakPosition::kFirst : model::BreakPosition::kLast) : model::BreakPosition::kAny;
    line.rotation = static_cast<model::Rotation>(below(4));
    if (oneIn(4)) line.caps = caps(2);
    if (oneIn(6)) line.arm = {"x", oneIn(2) ? "a" : "b"};
    if (oneIn(6)) line.when = "!has(viewer.sports)";
    if (oneIn(8)) line.dayparts = {{0x7F, 10 * 60, 11 * 60 + 60 * below(3)}};
    for (model::LineCreative& each : line.creatives) {
      each.weight = 1 + below(5);
      if (oneIn(8)) out.documents.creatives[each.creative].caps = caps(2);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace dvpe::decisions
