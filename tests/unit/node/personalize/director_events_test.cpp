// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the director tells of breaks and sessions.
#include "tests/unit/node/personalize/breaks.h"

namespace dvpe::personalize {
namespace {

using events::Kind;
using test::soon;

class Kept final : public events::Sink {
 public:
  base::Result<void> append(std::span<const events::Event> events, Done) override {
    const std::lock_guard lock(mutex_);
    all_.insert(all_.end(), events.begin(), events.end());
    return base::success();
  }
  std::vector<events::Event> of(Kind kind) const {
    const std::lock_guard lock(mutex_);
    std::vector<events::Event> out;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(out), [&](const auto& e) { return e.kind == kind; });
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<events::Event> all_;
};

class Told : public test::Breaks {
 protected:
  explicit Told(std::function<void(model::Documents&)> change = {}) : Breaks(std::move(change)) {
    options_.events = &kept_;
    options_.naming = &naming_;
    reopen();
    plan(10, 10);
  }
  ~Told() override { director_.reset(); }
  void start(std::uint32_t id, std::vector<std::string> purposes) {
    NewSession s;
    s.channel = "ch";
    s.id = test::idOf(id);
    s.pseudonym = test::idOf(1000 + id);
    s.purposes = std::move(purposes);
    s.attributes["country"] = model::Value{std::string("DE")};
    s.attributes["device"] = model::Value{std::string("tv")};
    EXPECT_TRUE(test::asio::co_spawn(director_->executor(), director_->create(std::move(s)), test::asio::use_future)
                    .get()
                    .result);
  }

  Kept kept_;
  events::Naming naming_{test::keyOf(7), {}, random_};
};

TEST_F(Told, IsWhatWasDecidedAndThenDelivered) {
  start(1, {"ad_measurement"});
  const timeline::Span span = announce();
  const auto decided = kept_.of(Kind::kAdDecided);
  ASSERT_EQ(decided.size(), 2U);
  EXPECT_EQ(decided[0].place.line, "k/capped");
  EXPECT_EQ(decided[0].place.creative, "capped-creative");
  EXPECT_EQ(decided[0].place.country, "DE");
  EXPECT_EQ(decided[0].session, test::idOf(1));
  EXPECT_EQ(decided[0].breakNumber, span.number);
  EXPECT_EQ(decided[0].slot, 1);
  EXPECT_EQ(decided[1].slot, 2);
  EXPECT_EQ(decided[1].value, 10);
  EXPECT_TRUE(kept_.of(Kind::kAdDelivered).empty());
  const auto room = kept_.of(Kind::kBreakShown);
  ASSERT_EQ(room.size(), 1U);
  EXPECT_EQ(room[0].value, 20);
  EXPECT_EQ(room[0].breakNumber, span.number);

  watches(1, span, std::chrono::seconds(5));
  ASSERT_TRUE(soon([&] { return kept_.of(Kind::kAdDelivered).size() == 2; }));
  const auto delivered = kept_.of(Kind::kAdDelivered);
  EXPECT_EQ(delivered[0].slot, 1);
  EXPECT_EQ(delivered[0].place, decided[0].place);
  EXPECT_EQ(delivered[0].id, events::impressionId(decided[0].day, test::idOf(1), span.number, 1, Kind::kAdDelivered));
}

TEST_F(Told, IsNothingOfWhoDidNotAgreeButThatItWasShown) {
  start(1, {"personalised_ads"});
  announce();
  const auto decided = kept_.of(Kind::kAdDecided);
  ASSERT_EQ(decided.size(), 2U);
  EXPECT_NE(decided[0].session, test::idOf(1));
  EXPECT_EQ(decided[0].session, decided[1].session);
  EXPECT_EQ(decided[0].visitor, 0U);
  EXPECT_EQ(decided[0].place.country, "");
  EXPECT_EQ(decided[0].place.line, "k/capped");
}

TEST_F(Told, HasTheSameIdsAfterACrash) {
  start(1, {"ad_measurement"});
  const timeline::Span span = announce();
  const auto before = kept_.of(Kind::kAdDecided);
  reopen();
  plan(10, 10);
  watches(1, span, std::chrono::seconds(5));
  ASSERT_TRUE(soon([&] { return kept_.of(Kind::kAdDelivered).size() == 2; }));
  const auto delivered = kept_.of(Kind::kAdDelivered);
  ASSERT_EQ(before.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(delivered[i].place, before[i].place);
    EXPECT_EQ(delivered[i].slot, before[i].slot);
    EXPECT_EQ(delivered[i].day, before[i].day);
  }
}

TEST_F(Told, IsThatSessionsBegin) {
  start(1, {"ad_measurement"});
  ASSERT_TRUE(soon([&] { return kept_.of(Kind::kSessionStart).size() == 1; }));
  EXPECT_EQ(kept_.of(Kind::kSessionStart)[0].place.channel, "ch");
  EXPECT_EQ(kept_.of(Kind::kSessionStart)[0].place.device, "tv");
}

// An experiment that a rule names; half of the viewers are in the arm that the rule is for.
class ToldOfArms : public Told {
 protected:
  ToldOfArms()
      : Told([](model::Documents& d) {
          model::Experiment& x = d.experiments["x"];
          x.id = "x";
          x.arms = {{"big", {{0, 5'000}}}, {"small", {{5'000, 10'000}}}};
          model::Overlay& o = d.overlays["o"];
          o.id = "o";
          model::Rule rule{"shows", "true", {model::ShowOverlay{"o", {}, model::Trigger::kAlways, {}}}};
          rule.arm = {"x", "big"};
          d.rulesets["ch"].rules.push_back(std::move(rule));
        }) {}
};

TEST_F(ToldOfArms, IsInWhichArmAViewerIsAndWhatRuleThatLetIn) {
  for (std::uint32_t id = 1; id <= 20; ++id) start(id, {"content_measurement"});
  ASSERT_TRUE(soon([&] { return kept_.of(Kind::kArmAssigned).size() == 20; }));
  std::set<privacy::SessionId> big, shown;
  for (const auto& e : kept_.of(Kind::kArmAssigned)) {
    if (e.place.arm == "x/big") big.insert(e.session);
    EXPECT_TRUE(e.place.arm == "x/big" || e.place.arm == "x/small");
    EXPECT_NE(e.visitor, 0U);
  }
  for (const auto& e : kept_.of(Kind::kRuleChosen)) {
    if (e.place.rule == "shows") shown.insert(e.session);
  }
  EXPECT_EQ(big, shown);
  EXPECT_FALSE(big.empty());
  EXPECT_LT(big.size(), 20U);
}

// The line "free" has two creatives, among which a model chooses.
class ToldOfModels : public Told {
 protected:
  ToldOfModels()
      : Told([](model::Documents& d) {
          model::Line& line = d.campaigns["k"].lines[1];
          line.rotation = model::Rotation::kOptimised;
          line.creatives.push_back({"other-creative", 1});
          model::Creative& other = d.creatives["other-creative"];
          other.id = "other-creative";
          other.media = "capped";
        }) {}
  void model(std::uint64_t number, base::WallTime from) {
    auto made = std::make_shared<learning::Model>();
    made->number = number;
    made->from = from;
    made->gamma = 24'000;
    made->gammaMost = 500;
    made->arms = {{"attention/k/free/free-creative", 1'000, {900'000, 0}},
                  {"attention/k/free/other-creative", 1'000, {100'000, 0}}};
    director_->setModel(std::move(made));
    settle();
  }
};

TEST_F(ToldOfModels, IsHowAModelChoseAndWhenItsSlotIsOver) {
  model(5, clock_.wall());
  ASSERT_TRUE(soon([&] { return director_->counters().model == 5; }));
  start(1, {"ad_measurement"});
  announce();
  const auto told = kept_.of(Kind::kCreativeRanked);
  const auto decided = kept_.of(Kind::kAdDecided);
  ASSERT_EQ(told.size(), 1U);
  ASSERT_EQ(decided.size(), 2U);
  const auto of = std::find_if(decided.begin(), decided.end(), [](const auto& e) { return e.place.line == "k/free"; });
  ASSERT_NE(of, decided.end());
  EXPECT_EQ(told[0].place, of->place);
  EXPECT_EQ(told[0].slot, of->slot);
  EXPECT_EQ(told[0].breakNumber, of->breakNumber);
  EXPECT_EQ(told[0].session, of->session);
  EXPECT_NE(told[0].id, of->id);
  EXPECT_GT(told[0].value, 0);
  EXPECT_NE(told[0].text.find("\"model\":5,\"aim\":\"attention\",\"among\":[[\"free-creative\","), std::string::npos)
      << told[0].text;
}

TEST_F(ToldOfModels, IsNothingBeforeAModelIsInForceOrOfAnOlderOne) {
  model(5, clock_.wall() + std::chrono::hours(1));
  start(1, {"ad_measurement"});
  announce();
  EXPECT_TRUE(kept_.of(Kind::kCreativeRanked).empty());
  model(4, clock_.wall());
  advance(std::chrono::hours(1));
  ASSERT_TRUE(soon([&] { return director_->counters().model == 5; }));
  plan(10, 10);
  announce();
  EXPECT_EQ(kept_.of(Kind::kCreativeRanked).size(), 0U) << "what was held was decided before";
}

}  // namespace
}  // namespace dvpe::personalize
