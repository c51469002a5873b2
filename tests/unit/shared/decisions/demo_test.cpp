// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The demo's documents and people: what ./dev demo shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "shared/decisions/decisions.h"
#include "shared/model/json.h"
#include "tests/unit/shared/decisions/sample.h"

namespace dvpe::decisions {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::filesystem::path kDemo = std::filesystem::path{DVPE_SOURCE_DIR} / "resources/demo";

const model::Map& asMap(const model::Value& value) { return *std::get<std::shared_ptr<const model::Map>>(value.v); }
const model::List& asList(const model::Value& value) { return *std::get<std::shared_ptr<const model::List>>(value.v); }

class Demo : public testing::Test {
 protected:
  void SetUp() override {
    model::Loaded loaded = model::loadDocuments(kDemo / "documents");
    ASSERT_TRUE(loaded.ok()) << model::describe(loaded.errors);
    const Built built = build(std::make_shared<const model::Documents>(std::move(loaded.documents)));
    ASSERT_TRUE(built.compiled) << model::describe(built.errors);
    compiled_ = built.compiled;
    std::stringstream text;
    text << std::ifstream{kDemo / "personas.json"}.rdbuf();
    const auto personas = model::parseValue(text.str());
    ASSERT_TRUE(personas);
    for (const model::Value& each : asList(personas.value())) {
      const model::Map& map = asMap(each);
      rules::Attributes attributes;
      ASSERT_TRUE(attributes.set("viewer", map.at("attributes")));
      for (const model::Value& purpose : asList(map.at("consent"))) {
        ASSERT_TRUE(attributes.consent(std::get<std::string>(purpose.v)));
      }
      people_[std::get<std::string>(map.at("name").v)] = std::move(attributes);
    }
    ASSERT_EQ(people_.size(), 4u);
  }

  Choice choice(const std::string& who) const { return choose(*compiled_, "demo", people_.at(who)); }
  std::vector<std::string> advertising(const std::string& who) const {
    std::vector<std::string> out;
    for (const auto& slot : fill(
                                compiled_, people_.at(who), 30, [](std::string_view) { return 15; }, "demo")
                                .slots) {
      out.push_back(slot.media);
    }
    return out;
  }
  std::string greeting(const std::string& who) const {
    for (const OverlayChoice& each : choice(who).overlays) {
      if (each.overlay->id == "welcome") return each.values.at("greeting");
    }
    return {};
  }

  std::shared_ptr<const Compiled> compiled_;
  std::map<std::string, rules::Attributes> people_;
};

TEST_F(Demo, GivesEachPersonAPictureOfTheirOwn) {
  std::set<std::string> cohorts;
  for (const auto& [who, attributes] : people_) cohorts.insert(choice(who).cohort);
  EXPECT_EQ(cohorts.size(), people_.size());
  EXPECT_EQ(greeting("anna"), "Willkommen");
  EXPECT_EQ(greeting("bruno"), "Bienvenue");
  EXPECT_EQ(greeting("chadia"), "مرحبا");
  EXPECT_EQ(greeting("dana"), "Welcome");
}

TEST_F(Demo, GivesEachPersonBreaksOfTheirOwn) {
  EXPECT_THAT(advertising("anna"), ElementsAre("ad-car-1", "ad-car-2"));
  EXPECT_THAT(advertising("bruno"), ElementsAre("ad-bistro-1", "ad-bistro-2"));
  EXPECT_THAT(advertising("chadia"), ElementsAre("ad-tea-1", "ad-tea-2"));
  EXPECT_THAT(advertising("dana"), ElementsAre("ad-house-1", "ad-house-2"));
}

TEST_F(Demo, ReplacesTheFeatureForThoseWhoFollowSports) {
  EXPECT_EQ(choice("anna").clips.at("feature").media, "clip-sports");
  EXPECT_THAT(choice("bruno").clips, IsEmpty());
  EXPECT_THAT(choice("dana").clips, IsEmpty());
}

TEST_F(Demo, ShowsDanaOnlyWhatEverybodyMaySee) {
  const Choice dana = choice("dana");
  ASSERT_EQ(dana.overlays.size(), 1u);
  EXPECT_EQ(dana.overlays[0].ruleId, "welcome-anybody");
  EXPECT_THAT(campaigns(*compiled_, people_.at("dana"), "demo"), ElementsAre("house"));
}

TEST_F(Demo, TakesTheCountryOfTheWeatherFromTheViewer) {
  for (const auto& [who, country] : {std::pair{"anna", "DE"}, {"bruno", "FR"}, {"chadia", "AE"}}) {
    const Choice chosen = choice(who);
    const auto weather = std::find_if(chosen.overlays.begin(), chosen.overlays.end(),
                                      [](const auto& each) { return each.overlay->id == "local-weather"; });
    ASSERT_NE(weather, chosen.overlays.end());
    EXPECT_EQ(weather->event, "weather");
    EXPECT_EQ(weather->values.at("country"), country);
  }
}

}  // namespace
}  // namespace dvpe::decisions
