// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Where viewers are sent whose home is another node.
#include "tests/unit/node/serve/playlists/routing.h"

namespace dvpe::serve {
namespace {

using test::keyOf;
using test::RouterTest;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kOther = 1;  // among the peers
const std::string kSelfUrl = "https://self.example", kOtherUrl = "https://other.example:8443";

class RouterHomes : public RouterTest {
 protected:
  RouterHomes()
      : RouterTest(std::make_shared<personalize::Homes>(
                       "self", std::vector<personalize::Peer>{{"self", kSelfUrl}, {"other", kOtherUrl}}),
                   [](RouterOptions& options) {
                     options.verifier = [](std::string_view jwt) -> base::Result<PlatformIdentity> {
                       if (jwt == "wrong") return base::fail(base::ErrorCode::kRefused, "this is no token");
                       PlatformIdentity out;
                       out.subject = out.jti = std::string(jwt);
                       return out;
                     };
                   }) {
    homes_->setUp(kOther, true);
    for (int i = 0; here_.empty() || away_.empty(); ++i) {
      const std::string subject = "viewer-" + std::to_string(i);
      (homes_->here(pseudonym(subject)) ? here_ : away_) = subject;
    }
  }
  static privacy::Pseudonym pseudonym(std::string_view subject) { return privacy::pseudonym(keyOf(6), subject); }
  Response start(const std::string& token, std::string_view query = {}, const std::string& more = "") {
    return ask(Method::kPost, "/v1/sessions", R"({"channel":"ch","token":")" + token + "\"" + more + "}", {}, query);
  }
  // A member of the answer to start().
  static std::string told(const Response& r, const char* member) {
    return std::string(boost::json::parse(r.body).at(member).as_string());
  }
  // Of a session that is valid and not known here.
  std::string strange(const std::string& subject) {
    privacy::SessionClaims claims;
    claims.sessionId.fill(9);
    claims.pseudonym = pseudonym(subject);
    claims.channel = "ch";
    claims.expiry = 1900000000;
    return tokens_.seal(claims).value();
  }
  static std::string location(const Response& r) {
    const std::size_t at = r.headers.find("Location: ");
    if (at == std::string::npos) return "none";
    return r.headers.substr(at + 10, r.headers.find("\r\n", at) - at - 10);
  }

  std::string here_, away_;  // a platform's tokens: of a viewer of this node, of one of the other
};

TEST_F(RouterHomes, AreWhereNewSessionsAreSent) {
  const auto r = start(away_);
  EXPECT_EQ(r.status, 307) << "the method and the body stay";
  EXPECT_EQ(location(r), kOtherUrl + "/v1/sessions?redirected=1");
  EXPECT_THAT(r.headers, HasSubstr("Cache-Control: private, no-store\r\n"));
  EXPECT_THAT(r.headers, Not(HasSubstr(away_)));
  EXPECT_TRUE(r.body.empty());
  EXPECT_EQ(director_->sessions(), 0U) << "nothing is made here";
  EXPECT_THAT(get("/metrics").body, HasSubstr("dvpe_sent_home_total 1\n"));
}

TEST_F(RouterHomes, AreHereForSome) {
  const auto r = start(here_);
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(director_->sessions(), 1U);
}

TEST_F(RouterHomes, AreNotAskedForTwice) {
  EXPECT_EQ(start(away_, "redirected=1").status, 201) << "who was sent here is served here";
  EXPECT_EQ(start(away_, "a=b&redirected=1").status, 201);
  EXPECT_EQ(location(start(away_, "redirectedx=1&a=b")), kOtherUrl + "/v1/sessions?redirectedx=1&a=b&redirected=1");
  EXPECT_EQ(director_->counters().away, 1U) << "the same token is the same session";
}

TEST_F(RouterHomes, ThatAreDownAreDoneWithout) {
  homes_->setUp(kOther, false);
  const auto r = start(away_);
  EXPECT_EQ(r.status, 201);
  EXPECT_EQ(director_->counters().away, 1U);
  list(100);
  homes_->setUp(kOther, true);
  const std::string session = told(r, "session");
  EXPECT_EQ(get("/s/" + session + "/index.m3u8").status, 200) << "a session stays where it was made";
  EXPECT_EQ(get("/s/" + session + "/v.m3u8").status, 200);
  EXPECT_EQ(get("/v1/explain/" + session).status, 200);
  EXPECT_EQ(start(away_).status, 307) << "the next one is made at home";
}

TEST_F(RouterHomes, KnowTheirSessionsPlaylists) {
  list(100);
  const std::string token = strange(away_);
  for (const char* name : {"/index.m3u8", "/v.m3u8"}) {
    const auto r = get("/s/" + token + name);
    EXPECT_EQ(r.status, 302);
    EXPECT_EQ(location(r), kOtherUrl + "/s/" + token + name + "?redirected=1");
    EXPECT_THAT(r.headers, HasSubstr("no-store"));
    EXPECT_EQ(get("/s/" + token + name, "redirected=1").status, 410) << "home does not know it either";
  }
  EXPECT_EQ(get("/s/" + strange(here_) + "/v.m3u8").status, 410);
  EXPECT_EQ(get("/s/AAAA/v.m3u8").status, 403) << "what is no token says nothing of a home";
  homes_->setUp(kOther, false);
  EXPECT_EQ(get("/s/" + token + "/v.m3u8").status, 410);
}

TEST_F(RouterHomes, ExplainTheirSessions) {
  const std::string token = strange(away_);
  const auto r = get("/v1/explain/" + token, "at=2026-03-01T20:00:00Z");
  EXPECT_EQ(r.status, 302);
  EXPECT_EQ(location(r), kOtherUrl + "/v1/explain/" + token + "?at=2026-03-01T20:00:00Z&redirected=1");
  EXPECT_EQ(get("/v1/explain/" + token, "redirected=1").status, 404);
  EXPECT_EQ(get("/v1/explain/" + strange(here_)).status, 404);
  const std::string session = told(start(here_), "session");
  EXPECT_EQ(get("/v1/explain/" + session, "at=2026-03-01T20:00:00Z&redirected=1").status, 200);
  EXPECT_EQ(get("/v1/explain/" + session, "redirected=1").status, 200);
  EXPECT_EQ(get("/v1/explain/" + session, "redirected=1&x=1").status, 400);
  const auto home = boost::json::parse(get("/v1/explain/" + session).body).at("home");
  EXPECT_EQ(home, (boost::json::object{{"node", "self"}, {"here", true}, {"capsKnown", true}}));
}

TEST_F(RouterHomes, OfPersonasAreTheSameOverOneAddress) {
  const bool here = homes_->here(pseudonym("persona anna"));
  const auto r = get("/live/ch/index.m3u8", "persona=anna");
  EXPECT_EQ(r.status, 302);
  if (here) {
    EXPECT_THAT(location(r), testing::StartsWith(kSelfUrl + "/s/"));
  } else {
    EXPECT_EQ(location(r), kOtherUrl + "/live/ch/index.m3u8?persona=anna&redirected=1");
  }
  EXPECT_THAT(location(get("/live/ch/index.m3u8", "persona=anna&redirected=1")), testing::StartsWith(kSelfUrl + "/s/"));
}

TEST_F(RouterHomes, OfNobodyInParticularAreHere) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(ask(Method::kPost, "/v1/sessions", R"({"channel":"ch"})").status, 201);
    EXPECT_THAT(location(get("/live/ch/index.m3u8")), testing::StartsWith(kSelfUrl + "/s/"));
  }
  EXPECT_EQ(director_->sessions(), 40U);
  EXPECT_EQ(director_->counters().away, 0U);
}

TEST_F(RouterHomes, AreNamedInWhatSessionsAreGiven) {
  const auto r = start(here_, {}, R"(,"handle":true)");
  ASSERT_EQ(r.status, 201) << r.body;
  const std::string session = told(r, "session");
  EXPECT_EQ(told(r, "playlist"), kSelfUrl + "/s/" + session + "/index.m3u8");
  EXPECT_EQ(told(r, "explain"), kSelfUrl + "/v1/explain/" + session);
  const std::string live = told(r, "live"), before = kSelfUrl + "/live/ch/index.m3u8?token=";
  ASSERT_THAT(live, testing::StartsWith(before));
  const auto redeemed = get("/live/ch/index.m3u8", "token=" + live.substr(before.size()));
  EXPECT_EQ(location(redeemed), kSelfUrl + "/s/" + session + "/index.m3u8");
}

TEST_F(RouterHomes, AreNoReasonToTakeWhatIsWrong) {
  EXPECT_EQ(start("wrong").status, 403);
  EXPECT_EQ(get("/live/no/index.m3u8", "persona=anna").status, 404);
  EXPECT_EQ(ask(Method::kPost, "/v1/sessions", "nonsense").status, 400);
}

TEST_F(RouterHomes, AreWhatTheConfigurationSaysWhateverIsAskedFor) {
  // The host comes first in the address, and a path that looks like one stays a path.
  const std::string token = strange(away_);
  for (const std::string& path :
       {"/s/" + token + "//evil.example/v.m3u8", "/s/" + token + "/..%2f@evil.example.m3u8"}) {
    EXPECT_THAT(location(get(path)), testing::StartsWith(kOtherUrl + "/s/"));
  }
  EXPECT_EQ(location(start(away_, "next=https://evil.example")),
            kOtherUrl + "/v1/sessions?next=https://evil.example&redirected=1");
}

}  // namespace
}  // namespace dvpe::serve
