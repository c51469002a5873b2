// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "tests/unit/node/serve/playlists/routing.h"

namespace dvpe::serve {
namespace {

using test::RouterTest;
using testing::HasSubstr;

TEST_F(RouterTest, StartsASessionAndGivesItsPlaylists) {
  const std::string token = session();
  EXPECT_EQ(get("/s/" + token + "/v.m3u8").status, 503) << "not on air yet";
  EXPECT_THAT(get("/s/" + token + "/v.m3u8").headers, HasSubstr("Retry-After"));
  list(100);
  const auto multivariant = get("/s/" + token + "/index.m3u8");
  EXPECT_EQ(multivariant.status, 200);
  EXPECT_EQ(multivariant.contentType, "application/vnd.apple.mpegurl");
  EXPECT_THAT(multivariant.body, HasSubstr("v.m3u8"));
  const auto media = get("/s/" + token + "/v.m3u8");
  EXPECT_EQ(media.status, 200);
  EXPECT_THAT(media.headers, HasSubstr("private, no-store"));
  EXPECT_THAT(media.body, HasSubstr("#EXT-X-MEDIA-SEQUENCE:100"));
  EXPECT_EQ(get("/s/" + token + "/v9.m3u8").status, 404);
  EXPECT_THAT(get("/s/" + token + "/v9.m3u8").body, HasSubstr("not_found"));
  EXPECT_EQ(get("/s/" + token + "/v.mpd").status, 404);
  EXPECT_EQ(get("/s/" + token).status, 404);
}

TEST_F(RouterTest, RefusesATokenThatWasAltered) {
  std::string token = session();
  list(100);
  token[token.size() / 2] = token[token.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(get("/s/" + token + "/v.m3u8").status, 403);
  EXPECT_EQ(get("/s//v.m3u8").status, 403);
  EXPECT_EQ(get("/s/" + std::string(700, 'A') + "/v.m3u8").status, 403);
  EXPECT_THAT(get("/metrics").body, HasSubstr("dvpe_tokens_refused_total 3"));
}

TEST_F(RouterTest, RefusesATokenThatHasExpired) {
  const std::string token = session();
  list(100);
  clock_.advance(std::chrono::hours(7));
  EXPECT_EQ(get("/s/" + token + "/v.m3u8").status, 403);
}

TEST_F(RouterTest, SaysThatASessionOfAnotherNodeIsGone) {
  list(100);
  privacy::SessionClaims claims;
  claims.sessionId.fill(9);
  claims.channel = "ch";
  claims.expiry = 1900000000;
  EXPECT_EQ(get("/s/" + tokens_.seal(claims).value() + "/v.m3u8").status, 410);
}

TEST_F(RouterTest, PlacesCreativesOnlyWhereASegmentStarts) {
  list(100);
  const std::string start = std::to_string((grid_.cell() * 100).count()), a(16, 'a');
  const auto video = get("/c/ch/test-3/v/" + start + "/" + a + ".0-4.m4s");
  ASSERT_EQ(video.status, 200) << video.body;
  EXPECT_EQ(video.contentType, "video/mp4");
  EXPECT_THAT(video.headers, HasSubstr("immutable"));
  ASSERT_TRUE(video.shared);
  const auto sound = get("/c/ch/test-3/a0/" + start + "/" + a + ".0-4.m4s");
  EXPECT_EQ(sound.status, 200);
  EXPECT_EQ(sound.contentType, "audio/mp4");
  EXPECT_EQ(get("/c/ch/test-3/v/" + start + "/" + a + ".0-4.m4s").shared, video.shared) << "placed once";
  const auto captions = get("/c/ch/test-3/s0/" + start + "/none.vtt");
  EXPECT_EQ(captions.status, 200);
  EXPECT_EQ(captions.contentType, "text/vtt");
  EXPECT_TRUE(std::string(captions.shared->begin(), captions.shared->end()).starts_with("WEBVTT\nX-TIMESTAMP-MAP="));
  for (const std::string& bad :
       {"/c/ch/test-3/s0/" + start + "/" + a + ".0-4.m4s", "/c/ch/test-3/v/" + start + "/none.vtt",
        "/c/ch/test-3/v/" + std::to_string((grid_.cell() * 100 + grid_.frame()).count()) + "/" + a + ".0-4.m4s",
        "/c/ch/test-3/v/" + std::to_string((grid_.cell() * 101).count()) + "/" + a + ".0-4.m4s",
        "/c/ch/test-3/v/0" + start + "/" + a + ".0-4.m4s", "/c/ch/test-3/v/-1/" + a + ".0-4.m4s",
        "/c/ch/test-3/v/" + start + "/" + a + ".0-3.m4s", "/c/ch/test-3/v/" + start + "/" + a + ".1-5.m4s",
        "/c/ch/test-3/v/" + start + "/" + std::string(16, 'b') + ".0-4.m4s",
        "/c/ch/test-3/v/" + start + "/" + a + ".0-4", "/c/ch/test-3/v/" + start + "/../" + a + ".0-4.m4s",
        "/c/ch/test-4/v/" + start + "/" + a + ".0-4.m4s", "/c/ch/test-3/v9/" + start + "/" + a + ".0-4.m4s",
        "/c/no/test-3/v/" + start + "/" + a + ".0-4.m4s", std::string("/c/"), std::string("/c/ch"),
        "/c/ch/test-3/v/" + start + "/"}) {
    const auto r = get(bad);
    EXPECT_EQ(r.status, 404) << bad;
    EXPECT_THAT(r.headers, testing::Not(HasSubstr("immutable"))) << bad;
  }
}

TEST_F(RouterTest, NamesSegmentFilesInTheWindowAndNothingOutsideOfIt) {
  const auto segment = get("/m/ch/test-3/base/v/96000000.m4s");
  EXPECT_EQ(segment.file, (folder_.path() / "state/ch/m/test-3/base/v/96000000.m4s").string());
  EXPECT_EQ(get("/m/ch/test-3/base/a0/96000000.m4s").contentType, "audio/mp4");
  EXPECT_EQ(get("/m/ch/test-3/base/v/init.mp4").file, (folder_.path() / "state/ch/m/test-3/base/v/init.mp4").string());
  for (const char* bad :
       {"/m/ch/test-3/base/../v/1.m4s", "/m/ch/../ch/base/v/1.m4s", "/m/../test-3/base/v/1.m4s",
        "/m/ch/test-3/base/v/../1.m4s", "/m/ch/test-3/base/v/%2e%2e/1.m4s", "/m/ch/test-3/base/v/..m4s",
        "/m/ch/test-3/base/v/1.m4s/..", "/m/ch/test-3/base//1.m4s", "/m/ch/test-3/base/v/00.m4s",
        "/m/ch/test-3/base/v/journal", "/m/ch/test-3/base/v/", "/m/", "/m/no/test-3/base/v/1.m4s",
        "/m/ch/test-3/base/v/99999999999999999999.m4s", "/m/ch/./base/v/init.mp4", "/m//etc/passwd/v/init.mp4"}) {
    const auto r = get(bad);
    EXPECT_EQ(r.status, 404) << bad;
    EXPECT_TRUE(r.file.empty()) << bad;
  }
}

TEST_F(RouterTest, TakesCuesFromTheOperatorAlone) {
  const char* body = R"({"type":"break_start","seconds":30})";
  for (const char* key : {"", "Bearer", "Bearer ", "Bearer open", "Bearer open sesame!", "Basic open sesame"}) {
    EXPECT_EQ(cue(body, key).status, 401) << key;
  }
  EXPECT_FALSE(inlet_.open);
  const auto r = cue(body);
  EXPECT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(boost::json::parse(r.body).at("id").as_string(), "made");
  EXPECT_EQ(inlet_.last.units, 30);
}

TEST_F(RouterTest, SaysWhyACueIsRefused) {
  EXPECT_EQ(cue(R"({"type":"break_end"})").status, 404);
  EXPECT_EQ(cue(R"({"type":"break_start","seconds":120})").status, 400);
  EXPECT_EQ(cue(R"({"type":"break_start","seconds":30})").status, 200);
  EXPECT_EQ(cue(R"({"type":"break_start","seconds":30})").status, 409);
  EXPECT_EQ(cue(R"({"type":"break_end"})").status, 200);
  for (const char* bad :
       {"", "[]", "{", "7", R"({"type":"dance"})", R"({"type":7})", R"({"type":"break_start","seconds":-1})",
        R"({"type":"break_start","seconds":"30"})", R"({"type":"break_start","seconds":1e9})",
        R"({"type":"break_start","at":"now"})", R"({"type":"break_start","at":-5})",
        R"({"type":"event_start","seconds":5})", R"({"type":"mark_open"})"}) {
    EXPECT_EQ(cue(bad).status, 400) << bad;
  }
  EXPECT_EQ(cue(std::string(20000, ' ')).status, 413);
  EXPECT_EQ(ask(Method::kPost, "/v1/channels/no/cues", "{}", "Bearer open sesame").status, 404);
  EXPECT_FALSE(inlet_.open);
}

TEST_F(RouterTest, HandsOnAMarkWithItsValues) {
  EXPECT_EQ(cue(R"({"type":"mark_open","name":"goal","values":{"score":"2:1","n":3}})").status, 200);
  EXPECT_EQ(inlet_.marked.name, "goal");
  EXPECT_EQ(inlet_.marked.values, (std::map<std::string, std::string>{{"score", "2:1"}}));
}

TEST_F(RouterTest, RedirectsAPlayerThatTakesOneUrlToASessionOfItsOwn) {
  const auto r = ask(Method::kGet, "/live/ch/index.m3u8", {}, {}, "persona=anna");
  EXPECT_EQ(r.status, 302);
  EXPECT_THAT(r.headers, HasSubstr("Location: /s/"));
  EXPECT_EQ(ask(Method::kGet, "/live/no/index.m3u8").status, 404);
  EXPECT_EQ(ask(Method::kGet, "/live/ch/index.m3u8", {}, {}, "persona=nobody").status, 404);
}

TEST_F(RouterTest, RefusesSessionsOfPlatformsItDoesNotKnow) {
  EXPECT_EQ(ask(Method::kPost, "/v1/sessions", R"({"channel":"ch","token":"a.b.c"})").status, 400);
  EXPECT_EQ(ask(Method::kPost, "/v1/sessions", R"({"channel":"no"})").status, 404);
  EXPECT_EQ(ask(Method::kPost, "/v1/sessions", "nonsense").status, 400);
  EXPECT_EQ(ask(Method::kGet, "/v1/sessions").status, 404);
}

TEST_F(RouterTest, ExplainsASessionToWhoHoldsItsToken) {
  const auto r = get("/v1/explain/" + session());
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(boost::json::parse(r.body).at("channel").as_string(), "ch");
  EXPECT_THAT(r.headers, HasSubstr("private"));
  EXPECT_GE(get("/v1/explain/AAAA").status, 400);
  // A moment may be asked for; nothing else may.
  const auto then = get("/v1/explain/" + session(), "at=2026-03-01T20:00:00Z");
  EXPECT_EQ(then.status, 200);
  EXPECT_NE(then.body.find("\"at\":\"2026-03-01T20:00:00"), std::string::npos) << then.body;
  EXPECT_EQ(get("/v1/explain/" + session(), "at=2026-03-01T20%3A00%3A00Z").status, 200);
  for (const char* wrong : {"at=", "at=yesterday", "to=2026-03-01T20:00:00Z", "at=2026-03-01T20:00:00Z&x=1"}) {
    EXPECT_EQ(get("/v1/explain/" + session(), wrong).status, 400) << wrong;
  }
}

TEST_F(RouterTest, SaysWhetherItIsAliveAndReady) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  ready_ = false;
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/").status, 302);
  EXPECT_EQ(get("/favicon.ico").status, 404);
  EXPECT_EQ(ask(Method::kPost, "/healthz").status, 405);
}

}  // namespace
}  // namespace dvpe::serve
