// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a viewer says changes what comes next for them, and for nobody else.
#include "tests/unit/node/personalize/breaks.h"

namespace dvpe::personalize {
namespace {

// An overlay for those who like sports; the campaign "k" is of the category "sports".
class Speaking : public test::Breaks {
 protected:
  Speaking()
      : Breaks([](model::Documents& d) {
          d.campaigns["k"].categories = {"sports"};
          d.overlays["o"].id = "o";
          auto& ruleset = d.rulesets["ch"];
          ruleset.fields.push_back({"viewer.interests.sports", model::FieldType::kDouble, "personalised_content", ""});
          ruleset.rules.push_back(
              {"fans", "viewer.interests.sports > 0.6", {model::ShowOverlay{"o", {}, model::Trigger::kAlways, {}}}});
        }) {
    plan(10, 10);
  }
  void start(std::uint32_t id, std::vector<std::string> purposes) {
    NewSession s;
    s.channel = "ch";
    s.id = test::idOf(id);
    s.pseudonym = test::idOf(1000 + id);
    s.purposes = std::move(purposes);
    EXPECT_TRUE(test::asio::co_spawn(director_->executor(), director_->create(std::move(s)), test::asio::use_future)
                    .get()
                    .result);
  }
  std::string says(std::uint32_t id, Feedback feedback) {
    const auto reply =
        test::asio::co_spawn(director_->executor(), director_->feedback(test::idOf(id), std::move(feedback)),
                             test::asio::use_future)
            .get();
    return reply.result ? reply.result.value() : std::string(base::name(reply.result.error().code));
  }
  Feedback of(Verb verb, std::uint32_t id, const timeline::Span& span) {
    Feedback out;
    out.verb = verb;
    out.about = director_->table().peek(test::idOf(id))->podOf(span.id)->pieces.front().what;
    return out;
  }
  static Feedback likes(std::vector<std::string> topics, Verb verb = Verb::kLike) {
    Feedback out;
    out.verb = verb;
    out.content = "match";
    out.topics = std::move(topics);
    return out;
  }
  bool sees(std::uint32_t id) {
    const auto reply =
        test::asio::co_spawn(director_->executor(), director_->explain(tokenOf(id)), test::asio::use_future).get();
    return reply.result && reply.result.value().find(R"("overlay":"o")") != std::string::npos;
  }
  std::string tokenOf(std::uint32_t id) {
    privacy::SessionClaims claims;
    claims.sessionId = test::idOf(id);
    claims.channel = "ch";
    claims.pseudonym = test::idOf(1000 + id);
    for (const char* word : {"personalised_content", "content_profile"}) claims.consent(word);
    claims.expiry = clock_.wallSeconds() + 100;
    return tokens_.seal(claims).value();
  }
};

TEST_F(Speaking, HidesTheCampaignFromTheNextBreakOnForThisViewerAlone) {
  start(1, {"limited_ads"});
  start(2, {"limited_ads"});
  const timeline::Span first = announce();
  EXPECT_EQ(plays(1, first), "capped h");
  EXPECT_EQ(says(1, of(Verb::kHide, 1, first)), "heard");
  EXPECT_EQ(plays(1, first), "capped h") << "what is bound stays";
  refresh();
  const timeline::Span second = announce();
  EXPECT_EQ(plays(1, second), "h");
  EXPECT_NE(plays(2, second), "h");
  EXPECT_EQ(says(1, of(Verb::kUndo, 1, first)), "undone");
  EXPECT_NE(plays(1, announce()), "h");
}

TEST_F(Speaking, ChangesWhatTheViewerIsShownAtOnceWhereTheyLetAProfileBeMade) {
  start(1, {"personalised_content", "content_profile"});
  start(2, {"personalised_content"});
  EXPECT_FALSE(sees(1));
  const auto before = director_->table().peek(test::idOf(1))->cohort;
  for (const std::uint32_t id : {1U, 2U}) EXPECT_EQ(says(id, likes({"sports"})), "heard");
  EXPECT_NE(director_->table().peek(test::idOf(1))->cohort, before);
  EXPECT_TRUE(sees(1));
  EXPECT_EQ(director_->table().peek(test::idOf(2))->cohort, before) << "no profile may be made of this one";
  EXPECT_EQ(says(1, likes({}, Verb::kUndo)), "undone");
  EXPECT_FALSE(sees(1));
}

TEST_F(Speaking, IsRememberedOverACrash) {
  start(1, {"limited_ads", "personalised_content", "content_profile"});
  const timeline::Span first = announce();
  EXPECT_EQ(says(1, of(Verb::kHide, 1, first)), "heard");
  EXPECT_EQ(says(1, likes({"sports"})), "heard");
  reopen();
  plan(10, 10);
  EXPECT_EQ(plays(1, announce()), "h");
  EXPECT_TRUE(sees(1));
}

TEST_F(Speaking, IsRefusedOfStrangersAndWhenThereIsNothingToUndo) {
  EXPECT_EQ(says(7, likes({"sports"})), "not_found");
  start(1, {});
  EXPECT_EQ(says(1, likes({}, Verb::kUndo)), "not_found");
}

TEST_F(Speaking, IsOneThingAfterTheOther) {
  start(1, {});
  auto first = test::asio::co_spawn(director_->executor(), director_->feedback(test::idOf(1), likes({})),
                                    test::asio::use_future);
  EXPECT_EQ(says(1, likes({})), "unavailable");
  EXPECT_TRUE(first.get().result);
}

}  // namespace
}  // namespace dvpe::personalize
