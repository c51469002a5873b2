// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How many who watch now fulfil a condition, and what is not told.
#include "node/personalize/audience.h"

#include <set>

#include "tests/unit/node/personalize/breaks.h"

namespace dvpe::personalize {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

class Counted : public test::Breaks {
 protected:
  Counted()
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
        }) {}
  ~Counted() override { director_.reset(); }
  // viewer: whose session it is.
  void start(std::uint32_t id, std::uint32_t viewer, const std::string& country,
             std::vector<std::string> purposes = {"audience_statistics"}) {
    NewSession s;
    s.channel = "ch";
    s.id = test::idOf(id);
    s.pseudonym = test::idOf(100'000 + viewer);
    s.purposes = std::move(purposes);
    s.attributes["country"] = model::Value{country};
    EXPECT_TRUE(test::asio::co_spawn(director_->executor(), director_->create(std::move(s)), test::asio::use_future)
                    .get()
                    .result);
  }
  void some(std::uint32_t from, std::uint32_t to, const std::string& country) {
    for (std::uint32_t id = from; id < to; ++id) start(id, id, country);
  }
  std::optional<std::int64_t> count(const std::string& when, const std::string& who = "ann") {
    auto out = audience_.count(who, "ch", when);
    EXPECT_TRUE(out) << out.error().message;
    return out ? out.value() : std::nullopt;
  }

  Audience audience_{*director_, privacy::SessionKeys{{1, test::keyOf(5)}, std::nullopt}, test::keyOf(9), clock_};
};

TEST_F(Counted, AreThoseWhoFulfilTheCondition) {
  some(1, 501, "DE");
  some(501, 601, "AT");
  const auto de = count("viewer.country == \"DE\""), at = count("viewer.country == \"AT\"");
  ASSERT_TRUE(de && at);
  EXPECT_NEAR(static_cast<double>(*de), 500, 35);
  EXPECT_NEAR(static_cast<double>(*at), 100, 35);
  EXPECT_EQ(*de % 10, 0);
  EXPECT_EQ(count("viewer.country == \"DE\""), de) << "asking again tells no more";
  EXPECT_EQ(count("!(viewer.country != \"DE\")"), de) << "nor in other words";
  EXPECT_EQ(count("channel.id == \"ch\" && viewer.country == \"DE\""), de);
}

TEST_F(Counted, AreViewersAndNotTheirSessions) {
  for (std::uint32_t id = 1; id <= 300; ++id) start(id, id % 100, "DE");
  const auto all = count("true");
  ASSERT_TRUE(all);
  EXPECT_NEAR(static_cast<double>(*all), 100, 35);
}

TEST_F(Counted, AreNeverFewerThanTwenty) {
  some(1, 20, "DE");
  EXPECT_FALSE(count("true")) << "19";
  start(20, 20, "DE");
  const auto all = count("true");
  ASSERT_TRUE(all) << "20";
  EXPECT_GE(*all, 20);
}

TEST_F(Counted, AreThoseWhoAgreedAndWatch) {
  for (std::uint32_t id = 1; id <= 50; ++id) start(id, id, "DE", {"ad_measurement"});
  EXPECT_FALSE(count("true")) << "they did not agree to it";
  some(100, 150, "DE");
  EXPECT_TRUE(count("true"));
  advance(std::chrono::seconds(30));
  EXPECT_FALSE(count("true")) << "nobody has asked for anything for 30 s";
}

// Each answer for one set is the same, but over sets the noise is as wide as is promised.
TEST_F(Counted, HaveANoiseThatIsDrawnByWhoIsCounted) {
  some(1, 201, "DE");
  std::set<std::int64_t> answers;
  for (std::uint32_t id = 201; id <= 240; ++id) {
    start(id, id, "AT");
    const auto all = count("true");
    ASSERT_TRUE(all);
    answers.insert(*all - static_cast<std::int64_t>(id));
  }
  EXPECT_GT(*answers.rbegin() - *answers.begin(), 10) << "one viewer more is not one more in the answer";
}

TEST_F(Counted, AreAskedOnlyWhatTheSampleMayBeAsked) {
  EXPECT_EQ(audience_.count("ann", "none", "true").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(audience_.count("ann", "ch", "viewer.").error().code, ErrorCode::kInvalidInput);
  const auto fine = audience_.count("ann", "ch", "viewer.name == \"Ada\"");
  ASSERT_FALSE(fine);
  EXPECT_THAT(fine.error().message, HasSubstr("not forecastable"));
}

TEST_F(Counted, AreNotToldToWhoAsksTooOften) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(count("true"));
  EXPECT_EQ(audience_.count("ann", "ch", "true").error().code, ErrorCode::kLimitExceeded);
  EXPECT_FALSE(count("true", "bob")) << "others may";
  advance(std::chrono::hours(24));
  EXPECT_FALSE(count("true")) << "tomorrow again";
}

}  // namespace
}  // namespace dvpe::personalize
