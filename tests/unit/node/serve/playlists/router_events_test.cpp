// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What players tell, over the router.
#include "tests/unit/node/serve/playlists/routing.h"

namespace dvpe::serve {
namespace {

using test::keyOf;
using test::RouterTest;
using testing::HasSubstr;

class Kept final : public events::Sink {
 public:
  base::Result<void> append(std::span<const events::Event> events, Done done) override {
    if (!room && told) done(base::fail(base::ErrorCode::kIo, "the disk broke"));
    if (!room && told) return base::success();
    if (!room) return base::fail(base::ErrorCode::kUnavailable, "the disk is full");
    all.insert(all.end(), events.begin(), events.end());
    done(base::success());
    return base::success();
  }
  bool told = false;  // that there is no room: by `done`, else at once
  bool room = true;
  std::vector<events::Event> all;
};

struct Parts {
  base::SystemRandom random;
  events::Naming naming{keyOf(1), {}, random};
  Kept kept;
};

class RouterEvents : public Parts, public RouterTest {
 protected:
  RouterEvents()
      : RouterTest(std::make_shared<personalize::Homes>("node"), [this](RouterOptions& options) {
          options.events = &kept;
          options.naming = &naming;
        }) {}
  Response tell(const std::string& events, const std::string& token) {
    return ask(Method::kPost, "/v1/events", R"({"session":")" + token + R"(","events":)" + events + "}");
  }
  static std::string stall(int n) {
    return R"([{"kind":"stall","n":)" + std::to_string(n) + R"(,"at":1800000000000}])";
  }
};

TEST_F(RouterEvents, AreAnsweredWhenTheyAreKept) {
  const Response r = tell(stall(1), session());
  EXPECT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(r.body, R"({"accepted":1,"refused":[]})");
  EXPECT_EQ(kept.all.size(), 1U);
  EXPECT_THAT(r.headers, HasSubstr("no-store"));
}

TEST_F(RouterEvents, AreRefusedWithAReasonWithoutASession) {
  for (const std::string& token : {std::string(), std::string("nothing"), session() + "x", std::string(5000, 'x')}) {
    const Response r = tell(stall(1), token);
    EXPECT_GE(r.status, 400) << token;
    EXPECT_THAT(r.body, HasSubstr("message"));
  }
  EXPECT_EQ(ask(Method::kPost, "/v1/events", "[]").status, 400);
  EXPECT_EQ(ask(Method::kPost, "/v1/events", "").status, 400);
  EXPECT_EQ(tell("7", session()).status, 400);
  EXPECT_EQ(ask(Method::kPost, "/v1/events", std::string(65 * 1024, ' ')).status, 413);
  EXPECT_EQ(ask(Method::kGet, "/v1/events").status, 404);
  EXPECT_TRUE(kept.all.empty());
}

TEST_F(RouterEvents, MayBeSentAgainWhenThereWasNoRoom) {
  const std::string token = session();
  kept.room = false;
  EXPECT_EQ(tell(stall(1), token).status, 503);
  kept.told = true;
  EXPECT_EQ(tell(stall(1), token).status, 503);
  kept.room = true;
  EXPECT_EQ(tell(stall(1), token).body, R"({"accepted":1,"refused":[]})");
  EXPECT_THAT(std::string(tell(stall(1), token).body), HasSubstr("used before"));
  EXPECT_EQ(kept.all.size(), 1U);
}

TEST_F(RouterEvents, AreNoPlaylistThatWasAskedFor) {
  const std::string token = session();
  const auto id = tokens_.open(token, 0).value().sessionId;
  const auto seen = director_->table().seen(id).at;
  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(tell(stall(1), token).status, 200);
  EXPECT_EQ(director_->table().seen(id).at, seen) << "an advertisement would count as delivered";
}

class RouterFeedback : public RouterTest {
 protected:
  Response say(const std::string& what, const std::string& token) {
    return ask(Method::kPost, "/v1/feedback", R"({"session":")" + token + R"(","n":1,)" + what + "}");
  }
};

TEST_F(RouterFeedback, IsHeardOfContentAndUndone) {
  const std::string token = session();
  EXPECT_EQ(say(R"("verb":"like","content":"match","topics":["sports"])", token).body, R"({"done":"heard"})");
  EXPECT_EQ(say(R"("verb":"undo","content":"match")", token).body, R"({"done":"undone"})");
  EXPECT_EQ(say(R"("verb":"undo","content":"match")", token).status, 404);
}

TEST_F(RouterFeedback, IsRefusedWithAReason) {
  const std::string token = session();
  for (const std::string& what :
       {std::string(R"("verb":"adore")"), std::string(R"("verb":7)"), std::string(R"("verb":"hide","content":"match")"),
        R"("verb":"like","content":")" + std::string(65, 'x') + '"', std::string(R"("verb":"like","topics":"sports")"),
        std::string(R"("verb":"like","topics":[1])"),
        std::string(R"("verb":"like","topics":["","","","","","","","",""])"),
        std::string(R"("verb":"like","tick":-1)")}) {
    const Response r = say(what, token);
    EXPECT_EQ(r.status, 400) << what << r.body;
    EXPECT_THAT(r.body, HasSubstr("message"));
  }
  EXPECT_EQ(say(R"("verb":"hide","tick":5)", token).status, 404) << "no slot then";
  EXPECT_EQ(say(R"("verb":"hide","break":"b","slot":1)", token).status, 404);
  EXPECT_EQ(say(R"("verb":"like")", token + "x").status, 403);
  EXPECT_EQ(ask(Method::kPost, "/v1/feedback", "[]").status, 400);
  EXPECT_EQ(ask(Method::kPost, "/v1/feedback", std::string(17 * 1024, ' ')).status, 413);
  EXPECT_EQ(ask(Method::kGet, "/v1/feedback").status, 404);
}

TEST_F(RouterTest, TakesNoEventsWhereNobodyKeepsThem) {
  EXPECT_EQ(ask(Method::kPost, "/v1/events", R"({"session":"x","events":[]})").status, 404);
}

}  // namespace
}  // namespace dvpe::serve
