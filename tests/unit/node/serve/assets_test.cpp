// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/player/assets.h"

#include "tests/unit/node/serve/client.h"

namespace dvpe::serve {
namespace {

class Assets : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"index.html", "player.js", "events.js", "feedback.js", "player.css", "hls.min.js", "hls.LICENSE.txt"})
      writeFile(folder_ / name, std::string("content of ") + name);
    writeFile(folder_ / "player.js.gz", "packed");
  }
  static std::string text(const Response& r) { return r.shared ? std::string(r.shared->begin(), r.shared->end()) : ""; }

  Folder folder_;
};

TEST_F(Assets, AnswersThePageForEveryChannelId) {
  const auto assets = PlayerAssets::load(folder_.path());
  ASSERT_TRUE(assets.has_value()) << assets.error().message;
  Response r;
  Request q;
  q.path = "/watch/demo_1";
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_EQ(text(r), "content of index.html");
  EXPECT_EQ(r.contentType, "text/html; charset=utf-8");
  EXPECT_NE(r.headers.find("Content-Security-Policy: default-src 'none'; script-src 'self';"), std::string::npos);
  EXPECT_EQ(r.headers.find("unsafe"), std::string::npos);
  for (const char* bad : {"/watch/", "/watch/a/b", "/watch/../x", "/watch/a%20b", "/player/index.html", "/player/",
                          "/player/../player.js", "/else"}) {
    q.path = bad;
    EXPECT_FALSE(assets.value().answer(q, r)) << bad;
  }
}

TEST_F(Assets, ComparesETagsAndChoosesTheEncoding) {
  const auto assets = PlayerAssets::load(folder_.path());
  ASSERT_TRUE(assets.has_value());
  Response r;
  Request q;
  q.path = "/player/player.js";
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_EQ(text(r), "content of player.js");
  const std::size_t at = r.headers.find("ETag: ") + 6;
  const std::string etag = r.headers.substr(at, r.headers.find("\r\n", at) - at);
  r.clear();
  q.acceptEncoding = "br, gzip";
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_EQ(text(r), "packed");
  EXPECT_NE(r.headers.find("Content-Encoding: gzip\r\n"), std::string::npos);
  r.clear();
  q.acceptEncoding = "gzip;q=0, br";
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_EQ(text(r), "content of player.js");
  r.clear();
  q.ifNoneMatch = etag;
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_EQ(r.status, 304);
  EXPECT_EQ(text(r), "");
}

TEST_F(Assets, NamesOriginsInThePolicyAndRefusesWhatIsNone) {
  const auto assets = PlayerAssets::load(folder_.path(), {"https://cdn.example"});
  ASSERT_TRUE(assets.has_value());
  Response r;
  Request q;
  q.path = "/watch/demo";
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_NE(r.headers.find("connect-src 'self' https://cdn.example;"), std::string::npos);
  EXPECT_FALSE(PlayerAssets::load(folder_.path(), {"https://x; script-src *"}).has_value());
}

TEST_F(Assets, SaysWhichFileIsMissing) {
  std::filesystem::remove(folder_ / "player.css");
  const auto assets = PlayerAssets::load(folder_.path());
  ASSERT_FALSE(assets.has_value());
  EXPECT_NE(assets.error().message.find("player.css"), std::string::npos);
}

TEST_F(Assets, LoadsWhatTheBuildPutsTogether) {
  const auto assets = PlayerAssets::load(std::string(DVPE_BINARY_DIR) + "/resources/player");
  ASSERT_TRUE(assets.has_value()) << assets.error().message;
  Response r;
  Request q;
  q.path = "/player/hls.min.js";
  q.acceptEncoding = "gzip";
  ASSERT_TRUE(assets.value().answer(q, r));
  EXPECT_NE(r.headers.find("Content-Encoding: gzip\r\n"), std::string::npos);
}

}  // namespace
}  // namespace dvpe::serve
