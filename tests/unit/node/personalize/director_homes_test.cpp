// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Viewers whose home is another node, served here because it is down.
#include <boost/json.hpp>

#include "tests/unit/node/personalize/breaks.h"

namespace dvpe::personalize {
namespace {

using test::soon;
namespace asio = boost::asio;
using test::Breaks;
using test::idOf;
using timeline::Span;

class HomesOfViewers : public Breaks {
 protected:
  // "node" is what breaks.h calls this one in plans.
  HomesOfViewers() {
    options_.homes = std::make_shared<Homes>(
        "node", std::vector<Peer>{{"node", "https://node.example"}, {"other", "https://other.example"}});
    reopen();
    for (std::uint32_t viewer = 1; here_ == 0 || away_ == 0; ++viewer) {
      (options_.homes->here(known(viewer)) ? here_ : away_) = viewer;
    }
  }
  static privacy::Pseudonym known(std::uint32_t viewer) { return idOf(1000 + viewer); }
  bool stored(std::uint32_t viewer) {
    bool found = false;
    there([&] { found = store_->viewer(known(viewer)).value().has_value(); });
    return found;
  }
  boost::json::value explained(const std::string& token, std::optional<base::WallTime> at = std::nullopt) {
    const auto answer =
        asio::co_spawn(director_->executor(), director_->explain(token, at), asio::use_future).get().result;
    EXPECT_TRUE(answer) << answer.error().message;
    return boost::json::parse(answer.value());
  }

  std::uint32_t here_ = 0, away_ = 0;  // a viewer of this node, one of the other
};

TEST_F(HomesOfViewers, ShowNoCappedLineWhereCapsAreNotKnown) {
  plan(100, 100);
  create(1, here_);
  create(2, away_);
  create(3, away_, false);
  EXPECT_EQ(director_->counters().away, 2U);
  for (int i = 0; i < 5; ++i) {
    const Span span = announce();
    EXPECT_EQ(plays(1, span), i == 0 ? "capped free" : "free h");
    EXPECT_EQ(plays(2, span), "free h");
    EXPECT_EQ(plays(3, span), "free h");
    refresh();
  }
  EXPECT_EQ(counted("k/capped").bound, 1);
  EXPECT_EQ(counted("k/free").bound, 15) << "who pays is told of these, too";
}

TEST_F(HomesOfViewers, AreShownHouseAdsWhereNothingElseIsLeft) {
  plan(100, 0);
  create(1, away_);
  EXPECT_EQ(plays(1, announce()), "h");
}

TEST_F(HomesOfViewers, RememberNothingElsewhere) {
  plan(100, 100);
  create(1, here_);
  create(2, away_);
  const Span span = announce();
  EXPECT_EQ(plays(2, span), "free h");
  EXPECT_TRUE(soon([&] { return stored(here_); }));
  refresh();
  aSecond();
  EXPECT_FALSE(stored(away_));
  watches(2, span, std::chrono::seconds(5));
  aSecond();
  EXPECT_EQ(counted("k/free").delivered, 1) << "it counts as delivered";
  EXPECT_FALSE(stored(away_));
}

TEST_F(HomesOfViewers, RememberNothingElsewhereAfterACrashEither) {
  plan(100, 100);
  create(1, here_);
  create(2, away_);
  const Span span = announce();
  aSecond();
  reopen();
  EXPECT_EQ(plays(1, span), "capped free");
  EXPECT_EQ(plays(2, span), "free h") << "what was listed stays";
  plan(100, 100);
  refresh();
  aSecond();
  EXPECT_TRUE(stored(here_));
  EXPECT_FALSE(stored(away_));
  const Span next = announce();
  EXPECT_EQ(plays(1, next), "free h");
  EXPECT_EQ(plays(2, next), "free h");
}

TEST_F(HomesOfViewers, AreToldInAnExplanation) {
  plan(100, 100);
  const auto home = explained(asked(1, here_).result.value());
  EXPECT_EQ(home.at("home").at("node").as_string(), "node");
  EXPECT_TRUE(home.at("home").at("here").as_bool());
  EXPECT_TRUE(home.at("home").at("capsKnown").as_bool());
  const std::string token = asked(2, away_).result.value();
  announce();
  advance(std::chrono::seconds(100));  // into the break
  for (const auto& at : {std::optional<base::WallTime>{}, std::optional{clock_.wall()}}) {
    const auto away = explained(token, at);
    EXPECT_EQ(away.as_object().contains("asked"), at.has_value());
    EXPECT_EQ(away.at("home").at("node").as_string(), "other");
    EXPECT_FALSE(away.at("home").at("here").as_bool());
    EXPECT_FALSE(away.at("home").at("capsKnown").as_bool());
    EXPECT_NE(boost::json::serialize(away).find("its caps cannot be known here"), std::string::npos)
        << boost::json::serialize(away);
  }
}

TEST_F(HomesOfViewers, OfOneNodeAreHere) {
  options_.homes = std::make_shared<Homes>("node");
  reopen();
  plan(100, 100);
  const std::string token = asked(1, away_).result.value();
  EXPECT_EQ(plays(1, announce()), "capped free");
  EXPECT_TRUE(explained(token).at("home").at("here").as_bool());
  EXPECT_EQ(director_->counters().away, 0U);
}

TEST_F(HomesOfViewers, AreToldOfASessionThatIsNotKnownHere) {
  const std::string token = asked(1, away_).result.value();
  director_.reset();
  store_.reset();
  std::filesystem::remove_all(folder_.path());
  std::filesystem::create_directories(folder_.path());
  reopen();
  const auto answer = asio::co_spawn(director_->executor(), director_->explain(token), asio::use_future).get();
  EXPECT_FALSE(answer.result);
  EXPECT_EQ(answer.stranger, known(away_));
  const auto wrong = asio::co_spawn(director_->executor(), director_->explain("AAAA"), asio::use_future).get();
  EXPECT_FALSE(wrong.result);
  EXPECT_FALSE(wrong.stranger);
}

}  // namespace
}  // namespace dvpe::personalize
