// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which sessions go into the decision sample, when, and with what.
#include <numeric>

#include "tests/unit/node/personalize/breaks.h"

namespace dvpe::personalize {
namespace {

class Sampled : public test::Breaks {
 protected:
  Sampled()
      : Breaks([](model::Documents& d) {
          model::Field country;
          country.path = "viewer.country";
          country.type = model::FieldType::kString;
          country.values = {std::string("DE"), std::string("AT")};
          country.forecastable = true;
          model::Field name = country;
          name.path = "viewer.name";
          name.values = {};
          name.forecastable = false;
          d.rulesets["ch"].fields = {country, name};
        }) {
    options_.naming = &naming_;
    options_.events = &sink_;
    options_.sample = &sample_;
    options_.erasure = test::keyOf(8);
    reopen();
    plan(10, 10);
  }
  ~Sampled() override { director_.reset(); }
  void start(std::uint32_t id, std::vector<std::string> purposes = {"audience_statistics"}) {
    NewSession s;
    s.channel = "ch";
    s.id = test::idOf(id);
    s.pseudonym = test::idOf(1000 + id);
    s.purposes = std::move(purposes);
    s.attributes["country"] = model::Value{std::string("DE")};
    s.attributes["name"] = model::Value{std::string("Ada")};
    EXPECT_TRUE(test::asio::co_spawn(director_->executor(), director_->create(std::move(s)), test::asio::use_future)
                    .get()
                    .result);
  }
  static int breaksOf(const events::Sampled& session) {
    return std::accumulate(session.breaks.begin(), session.breaks.end(), 0);
  }

  class Nowhere final : public events::Sink {
    base::Result<void> append(std::span<const events::Event>, Done) override { return base::success(); }
  } sink_;
  events::Naming naming_{test::keyOf(7), {}, random_};
  events::Sample sample_{test::keyOf(7)};
};

TEST_F(Sampled, IsASessionOfWhoAgreedWithItsFieldsAndBreaks) {
  start(1);
  start(2, {"ad_measurement"});
  const timeline::Span span = announce();
  announce();
  EXPECT_EQ(sample_.waiting(), 0U) << "it goes on";
  director_->stop();
  const auto kept = sample_.next();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].channel, "ch");
  EXPECT_EQ(kept[0].attributes, R"({"viewer.country":"DE"})");
  EXPECT_EQ(kept[0].day, events::dayOf(clock_.wall()));
  EXPECT_EQ(breaksOf(kept[0]), 2);
  const auto begins = base::toWall(test::kEpoch, span.start).time_since_epoch();
  const auto hour = std::chrono::duration_cast<std::chrono::hours>(begins).count() % 24;
  EXPECT_GT(kept[0].breaks[static_cast<std::size_t>(hour)], 0) << "in the hour of the break";
  EXPECT_EQ(
      kept[0].visitor,
      naming_.visitorOn({test::idOf(1), test::idOf(1001), *privacy::purpose("audience_statistics")}, kept[0].day));
}

TEST_F(Sampled, GoesInWhenItEnds) {
  start(1);
  advance(options_.sessionLife + std::chrono::seconds(1));
  ASSERT_TRUE(test::soon([&] { return sample_.waiting() == 1; }));
  director_->stop();
  EXPECT_EQ(sample_.waiting(), 1U) << "once";
}

TEST_F(Sampled, OfADayThatIsOverGoesInWithoutWaitingForTheEnd) {
  start(1);
  announce();
  const std::int32_t day = events::dayOf(clock_.wall());
  there([&] {
    const auto midnight = base::WallTime{std::chrono::days{day + 1}};
    clock_.advance(std::chrono::ceil<std::chrono::seconds>(midnight - clock_.wall()) + std::chrono::seconds(1));
  });
  // By its expiry at the latest; but the turn of each session comes first.
  ASSERT_TRUE(test::soon([&] { return sample_.waiting() == 1; }));
  EXPECT_EQ(sample_.next()[0].day, day);
}

TEST_F(Sampled, HasTheSameIdAfterACrash) {
  start(1);
  director_->stop();
  const auto before = sample_.next();
  reopen();
  plan(10, 10);
  aSecond();  // every session's turn comes several times
  director_->stop();
  const auto after = sample_.next();
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[0].id, after[1].id) << "the database takes it once";
}

TEST_F(Sampled, VanishesWithItsViewer) {
  start(1);
  start(2);
  announce();
  const auto digest = [&](std::uint32_t id) { return privacy::viewerDigest(*options_.erasure, test::idOf(1000 + id)); };
  const auto erase = [&](std::uint32_t id) {
    EXPECT_TRUE(
        test::asio::co_spawn(director_->executor(), director_->eraseViewers({digest(id)}), test::asio::use_future)
            .get()
            .result);
  };
  erase(1);
  director_->stop();
  ASSERT_EQ(sample_.waiting(), 1U) << "of the session that was running nothing is kept";
  reopen();
  plan(10, 10);
  erase(2);
  EXPECT_EQ(sample_.waiting(), 0U) << "nor what waited to be shipped";
}

}  // namespace
}  // namespace dvpe::personalize
