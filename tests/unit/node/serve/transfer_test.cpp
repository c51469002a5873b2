// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <thread>

#include "node/serve/http/impl/head_writer.h"
#include "tests/unit/node/serve/client.h"

namespace dvpe::serve {
namespace {

using HttpTransfer = ServerTest;

TEST_F(HttpTransfer, AnswersManyRequestsOverOneConnection) {
  start();
  Client client(server_->port());
  for (int i = 0; i < 100; ++i) {
    const Answer a = client.get("/text");
    ASSERT_EQ(a.status, 200);
    ASSERT_EQ(a.body, pattern(3000));
  }
  EXPECT_EQ(server_->counters(0).accepted.load(), 1u);
  EXPECT_EQ(requests(2), 100u);
}

TEST_F(HttpTransfer, SaysWhatEveryAnswerSays) {
  start();
  Client client(server_->port());
  const Answer a = client.get("/text");
  EXPECT_EQ(a.field("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(a.field("Access-Control-Expose-Headers"), "Age, Date, Content-Length");
  EXPECT_EQ(a.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(a.field("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(a.field("Content-Type"), "text/plain");
  EXPECT_TRUE(a.field("Date").ends_with(" GMT"));
  EXPECT_EQ(client.get("/missing").status, 404);
  EXPECT_EQ(client.get("/missing").field("X-Content-Type-Options"), "nosniff");
}

TEST(HeadWriter, WritesDatesAsTheStandardWants) {
  HeadWriter writer;
  writer.setDate(base::WallTime{std::chrono::seconds{784111777}});  // RFC 9110, 5.6.7
  const auto head = writer.write({}, 200, 0, HeadWriter::After::kKeepAlive, nullptr);
  EXPECT_NE(head.find("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), head.npos);
}

TEST_F(HttpTransfer, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(server_->port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string path = i % 5 == 3 ? "/slow?" : "/echo?";
    all += "GET " + path + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\n\r\n";
  }
  client.send(all);
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    EXPECT_EQ(client.read().body, i % 5 == 3 ? "slow " + n : "|" + n + "|");
  }
}

TEST_F(HttpTransfer, AnswersARequestThatComesInPieces) {
  start();
  Client client(server_->port());
  const std::string request =
      "POST /echo?q HTTP/1.1\r\nHost: t\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nhello";
  for (const char c : request) {
    ASSERT_TRUE(client.send({&c, 1}));
    std::this_thread::yield();
  }
  EXPECT_EQ(client.read().body, "text/x|q|hello");
  EXPECT_EQ(client.get("/text").status, 200);
}

TEST_F(HttpTransfer, GivesTheSlowPathItsWholeRequest) {
  start();
  Client client(server_->port());
  EXPECT_EQ(client.ask("POST /slow?a=b HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody").body, "slow a=bbody");
  EXPECT_EQ(client.get("/text").status, 200);
}

TEST_F(HttpTransfer, TellsAClientThatAsksToGoOnWithItsBody) {
  start();
  Client client(server_->port());
  EXPECT_EQ(client.ask("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").status,
            100);
  EXPECT_EQ(client.ask("ok").body, "||ok");
}

TEST_F(HttpTransfer, AnswersHeadLikeGetButWithoutABody) {
  Folder folder;
  handler_.filePath = folder / "a.m4s";
  writeFile(handler_.filePath, pattern(5000));
  start();
  Client client(server_->port());
  for (const auto& [path, length] : {std::pair{"/text", "3000"}, {"/shared", "1000"}, {"/file", "5000"}}) {
    const Answer a = client.ask("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n\r\n", true);
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.field("Content-Length"), length);
  }
  EXPECT_EQ(client.get("/text").body, pattern(3000));
}

TEST_F(HttpTransfer, SendsNoBodyWhereNoneMayBe) {
  start();
  Client client(server_->port());
  const Answer a = client.get("/nothing");
  EXPECT_EQ(a.status, 204);
  EXPECT_EQ(a.field("Content-Length"), "");
  EXPECT_EQ(client.get("/text").status, 200);
}

TEST_F(HttpTransfer, SendsFilesAndLargeBodiesWhole) {
  Folder folder;
  handler_.filePath = folder / "a.m4s";
  const std::string large = pattern(6'000'000);
  writeFile(handler_.filePath, large);
  start();
  Client client(server_->port(), 8192);
  EXPECT_TRUE(client.get("/file").body == large);
  EXPECT_EQ(client.get("/big").body.size(), 8u * 1024 * 1024);
  EXPECT_TRUE(client.get("/file").body == large);
  EXPECT_EQ(client.get("/text").body, pattern(3000));
}

TEST_F(HttpTransfer, SaysNotFoundOfAFileThatIsGoneOrIsNone) {
  Folder folder;
  start();
  Client client(server_->port());
  handler_.filePath = folder / "never";
  EXPECT_EQ(client.get("/file").status, 404);
  handler_.filePath = folder.path();
  EXPECT_EQ(client.get("/file").status, 404);
  writeFile(handler_.filePath = folder / "empty", "");
  const Answer a = client.get("/file");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("Content-Length"), "0");
}

TEST_F(HttpTransfer, SendsOneRangeOfAnImmutableBody) {
  Folder folder;
  handler_.filePath = folder / "a.m4s";
  const std::string text = pattern(1000);
  writeFile(handler_.filePath, text);
  start();
  Client client(server_->port());
  for (const std::string path : {"/file", "/shared"}) {
    Answer a = client.get(path, "Range: bytes=100-299\r\n");
    EXPECT_EQ(a.status, 206);
    EXPECT_EQ(a.field("Content-Range"), "bytes 100-299/1000");
    EXPECT_EQ(a.body, text.substr(100, 200));
    EXPECT_EQ(client.get(path, "Range: bytes=900-\r\n").body, text.substr(900));
    EXPECT_EQ(client.get(path, "Range: bytes=-50\r\n").body, text.substr(950));
    EXPECT_EQ(client.get(path, "Range: bytes=990-99999\r\n").body, text.substr(990));
    a = client.get(path, "Range: bytes=1000-1001\r\n");
    EXPECT_EQ(a.status, 416);
    EXPECT_EQ(a.field("Content-Range"), "bytes */1000");
    for (const std::string whole : {"bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=", "bytes=-",
                                    "bytes=99999999999999999999999-"})
      EXPECT_EQ(client.get(path, "Range: " + whole + "\r\n").status, 200) << whole;
    EXPECT_EQ(client.get(path, "Range: bytes=0-1\r\nIf-Range: \"old\"\r\n").status, 200);
  }
  EXPECT_EQ(client.get("/text", "Range: bytes=0-1\r\n").status, 200);
}

TEST_F(HttpTransfer, AnswersPreflights) {
  start();
  Client client(server_->port());
  const Answer a = client.ask(
      "OPTIONS /v1/sessions HTTP/1.1\r\nHost: t\r\nOrigin: https://x\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(a.status, 204);
  EXPECT_EQ(a.field("Access-Control-Allow-Origin"), "*");
  EXPECT_NE(a.field("Access-Control-Allow-Methods").find("POST"), std::string::npos);
  EXPECT_NE(a.field("Access-Control-Allow-Headers").find("Content-Type"), std::string::npos);
  EXPECT_EQ(client.ask("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n").status, 204);
}

TEST_F(HttpTransfer, KeepsOrEndsConnectionsAsTheClientWants) {
  start();
  Client last(server_->port());
  EXPECT_EQ(last.get("/text", "Connection: close\r\n").field("Connection"), "close");
  EXPECT_TRUE(last.endsCleanly());
  Client old(server_->port());
  EXPECT_EQ(old.ask("GET /text HTTP/1.0\r\n\r\n").field("Connection"), "close");
  EXPECT_TRUE(old.endsCleanly());
  Client kept(server_->port());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(kept.ask("GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").field("Connection"), "keep-alive");
}

TEST_F(HttpTransfer, AnswersAClientThatHasClosedItsHalf) {
  start();
  Client client(server_->port());
  client.send("GET /slow?x HTTP/1.1\r\nHost: t\r\n\r\n");
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_EQ(client.read().body, "slow x");
}

// More sockets than the loop's outbox holds are ready in one pass; what an answer may be is mixed.
TEST_F(HttpTransfer, AnswersEachOfManyWhoAskAtOnce) {
  start();
  Client holder(server_->port());
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    ASSERT_EQ(clients.back()->get("/who").status, 200);
  }
  holder.send("GET /hold HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto request = [](const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n"; };
  for (std::size_t i = 0; i < clients.size(); ++i) {
    Client& client = *clients[i];
    const std::string n = std::to_string(i);
    ASSERT_TRUE(client.send(request(i % 7 == 3 ? "/big" : "/echo?" + n)));
    if (i % 5 == 1) client.send(request("/echo?again" + n));
    if (i % 5 == 2) client.send("GET /echo?late HTT");
    if (i % 11 == 4) ::shutdown(client.fd(), SHUT_WR);
  }
  handler_.held.release();
  EXPECT_EQ(holder.read().status, 200);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    Client& client = *clients[i];
    const std::string n = std::to_string(i);
    const Answer first = client.read();
    if (i % 7 == 3) {
      EXPECT_EQ(first.body.size(), handler_.big->size()) << i;
    } else {
      EXPECT_EQ(first.body, "|" + n + "|");
    }
    EXPECT_TRUE(i % 5 != 1 || client.read().body == "|again" + n + "|") << i;
    if (i % 11 == 4) {
      EXPECT_TRUE(client.endsCleanly()) << i;
      continue;
    }
    EXPECT_TRUE(i % 5 != 2 || client.ask("P/1.1\r\nHost: t\r\n\r\n").body == "|late|") << i;
    EXPECT_EQ(client.get("/text").body, pattern(3000)) << i;
  }
}

TEST_F(HttpTransfer, TurnsAHandlersExceptionIntoAnError) {
  start();
  Client client(server_->port());
  EXPECT_EQ(client.get("/throw").status, 500);
  EXPECT_EQ(client.get("/throw-later").status, 500);
  EXPECT_EQ(client.get("/who").body, "127.0.0.1 plain");
  EXPECT_EQ(requests(5), 2u);
}

TEST_F(HttpTransfer, ServesFromSeveralLoops) {
  start({}, 3);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    EXPECT_EQ(clients.back()->get("/text").status, 200);
  }
  int used = 0;
  for (int i = 0; i < 3; ++i) used += server_->counters(i).accepted.load() > 0 ? 1 : 0;
  EXPECT_GE(used, 2);  // 3 loops, 40 clients: that one gets all is less likely than 1 in 10^18
  EXPECT_EQ(requests(2), 40u);
}

TEST(Server, RefusesOptionsThatCannotWork) {
  base::SystemClock clock;
  TestHandler handler;
  ServerOptions options;
  EXPECT_FALSE(Server::start(options, handler, clock).has_value());
  options.listeners.push_back({"not an address", 0, "", ""});
  EXPECT_FALSE(Server::start(options, handler, clock).has_value());
  options.listeners[0] = {"127.0.0.1", 0, "/nonexistent/cert.pem", "/nonexistent/key.pem"};
  const auto made = Server::start(options, handler, clock);
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message.find("/nonexistent/cert.pem"), std::string::npos);
}

}  // namespace
}  // namespace dvpe::serve
