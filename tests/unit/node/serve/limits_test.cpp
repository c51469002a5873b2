// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <thread>

#include "tests/unit/node/serve/client.h"

namespace dvpe::serve {
namespace {

using namespace std::chrono_literals;

class HttpLimits : public ServerTest {
 protected:
  // What a request is refused with, given that the connection then ends without a reset.
  int refusal(const std::string& request) {
    Client client(server_->port());
    const Answer a = client.ask(request);
    EXPECT_EQ(a.field("Connection"), "close") << request.substr(0, 60);
    EXPECT_TRUE(client.endsCleanly()) << request.substr(0, 60);
    return a.status;
  }
};

TEST_F(HttpLimits, TakesAHeadOfExactlyTheLimitAndRefusesOneByteMore) {
  start();
  const std::string before = "GET /text HTTP/1.1\r\nHost: test\r\nX-Fill: ";
  const std::string fits = before + std::string(8192 - before.size() - 4, 'x') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), 8192u);
  EXPECT_EQ(Client(server_->port()).ask(fits).status, 200);
  EXPECT_EQ(refusal(before + std::string(8193 - before.size() - 4, 'x') + "\r\n\r\n"), 431);
}

TEST_F(HttpLimits, RefusesAHeadThatNeverEnds) {
  start();
  EXPECT_EQ(refusal("GET /text HTTP/1.1\r\nHost: test\r\nX-Fill: " + std::string(20000, 'x')), 431);
}

TEST_F(HttpLimits, TakesAHundredFieldsAndRefusesMore) {
  start();
  const auto request = [](int fields) {
    std::string text = "GET /text HTTP/1.1\r\nHost: test\r\n";
    for (int i = 1; i < fields; ++i) text += "X-" + std::to_string(i) + ": y\r\n";
    return text + "\r\n";
  };
  EXPECT_EQ(Client(server_->port()).ask(request(100)).status, 200);
  EXPECT_EQ(refusal(request(101)), 431);
  EXPECT_EQ(refusal(request(700)), 431);
}

TEST_F(HttpLimits, RefusesATargetThatIsTooLong) {
  start();
  const auto get = [](std::size_t n) { return "GET /" + std::string(n - 1, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n"; };
  EXPECT_EQ(Client(server_->port()).ask(get(1024)).status, 404);
  EXPECT_EQ(refusal(get(1025)), 414);
  EXPECT_EQ(refusal(get(10000)), 414);
}

TEST_F(HttpLimits, RefusesABodyThatIsTooLong) {
  start();
  const auto post = [](std::size_t n) {
    return "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" + std::string(n, 'b');
  };
  EXPECT_EQ(Client(server_->port()).ask(post(65536)).body.size(), 65536u + 2);
  EXPECT_EQ(refusal(post(65537)), 413);
}

TEST_F(HttpLimits, RefusesWhatCouldBeReadInTwoWays) {
  start();
  const std::string get = "GET /text HTTP/1.1\r\nHost: t\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\nHost: t\r\n";
  EXPECT_EQ(refusal(get + "Content-Length: 3\r\n\r\nabc"), 400);
  EXPECT_EQ(refusal(get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal(post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal(post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal(post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400);
  EXPECT_EQ(refusal(post + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refusal(post + "Content-Length: 18446744073709551616\r\n\r\n"), 400);
  EXPECT_EQ(refusal(post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 411);
  EXPECT_EQ(refusal(post + "Transfer-Encoding: gzip\r\n\r\n"), 411);
  EXPECT_EQ(refusal(post + "\r\n"), 411);
  EXPECT_EQ(refusal(get + "X-Folded: one\r\n two\r\n\r\n"), 400);
  EXPECT_EQ(refusal(get + "X-Folded:\r\n\ttwo\r\n\r\n"), 400);
  EXPECT_EQ(refusal(get + "X-Name : space before the colon\r\n\r\n"), 400);
  EXPECT_EQ(refusal(get + "Host: another\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /text HTTP/1.1\r\n\r\n"), 400);
}

TEST_F(HttpLimits, RefusesBareLineFeeds) {
  start();
  EXPECT_EQ(refusal("GET /text HTTP/1.1\nHost: t\n\n"), 400);
  EXPECT_EQ(refusal("GET /text HTTP/1.1\r\nHost: t\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /text HTTP/1.1\r\nHost: t\r\nX: a\nY: b\r\n\r\n"), 400);
}

TEST_F(HttpLimits, RefusesOtherMethodsTargetsAndVersions) {
  start();
  Client client(server_->port());
  const Answer a = client.ask("DELETE /text HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(a.status, 405);
  EXPECT_EQ(a.field("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(refusal("GET text HTTP/1.1\r\nHost: t\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET http://elsewhere/text HTTP/1.1\r\nHost: t\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /text HTTP/3.7\r\nHost: t\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET /te\x01xt HTTP/1.1\r\nHost: t\r\n\r\n"), 400);
  EXPECT_EQ(refusal("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls?\r\n\r\n"), 400);
}

TEST_F(HttpLimits, EndsAHeadThatTricklesIn) {
  Limits limits;
  limits.header = 300ms;
  start(limits);
  Client client(server_->port());
  client.send("GET /text HTTP/1.1\r\nHost: test\r\nX: ");
  const auto begun = std::chrono::steady_clock::now();
  std::thread trickle([&] {
    for (int i = 0; i < 20 && client.send("x"); ++i) std::this_thread::sleep_for(50ms);
  });
  EXPECT_EQ(client.read().status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 900ms);
  trickle.join();
  EXPECT_EQ(server_->counters(0).deadlines.load(), 1u);
}

TEST_F(HttpLimits, EndsABodyThatDoesNotCome) {
  Limits limits;
  limits.header = 200ms;
  start(limits);
  EXPECT_EQ(refusal("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc"), 408);
}

TEST_F(HttpLimits, EndsASilentConnectionAndAnIdleOne) {
  Limits limits;
  limits.header = 200ms;
  limits.idle = 300ms;
  start(limits);
  EXPECT_TRUE(Client(server_->port()).endsCleanly());
  Client idle(server_->port());
  EXPECT_EQ(idle.get("/text").status, 200);
  EXPECT_TRUE(idle.endsCleanly());
  EXPECT_EQ(server_->counters(0).deadlines.load(), 0u);
}

TEST_F(HttpLimits, ResetsAClientThatDoesNotRead) {
  Limits limits;
  limits.write = 300ms;
  start(limits);
  Client client(server_->port(), 4096);
  client.send("GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
  for (int i = 0; i < 100 && server_->counters(0).deadlines.load() == 0; ++i) std::this_thread::sleep_for(50ms);
  EXPECT_EQ(server_->counters(0).deadlines.load(), 1u);
  for (int i = 0; i < 100 && server_->counters(0).openConnections.load() != 0; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(server_->counters(0).openConnections.load(), 0);
}

TEST_F(HttpLimits, WaitsForASlowReaderWhoMakesProgress) {
  Limits limits;
  limits.write = 300ms;
  start(limits);
  Client client(server_->port(), 16384);
  client.send("GET /big HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  const auto begun = std::chrono::steady_clock::now();
  std::size_t got = 0;
  std::string block(16384, '\0');
  while (std::chrono::steady_clock::now() - begun < 900ms) {  // three times the deadline
    const ssize_t n = ::recv(client.fd(), block.data(), block.size(), 0);
    ASSERT_GT(n, 0);
    got += static_cast<std::size_t>(n);
    std::this_thread::sleep_for(4ms);
  }
  bool reset = true;
  got += client.readAll(reset).size();
  EXPECT_FALSE(reset);
  EXPECT_GT(got, 8u * 1024 * 1024);
}

TEST_F(HttpLimits, DropsAConnectionWhoseSlowAnswerNeverComes) {
  Limits limits;
  limits.answer = 200ms;
  start(limits);
  Client client(server_->port());
  EXPECT_EQ(client.get("/stuck").status, 0);
}

TEST_F(HttpLimits, AnswersNoMoreThanTheCapOfPipelinedRequests) {
  start();
  Client client(server_->port());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n";
  client.send(many);
  bool reset = true;
  const std::string all = client.readAll(reset);
  EXPECT_FALSE(reset);
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = all.find("HTTP/1.1 204", at)) != std::string::npos; ++at) ++answers;
  EXPECT_GE(answers, 32u);
  EXPECT_LT(answers, 1000u);
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST_F(HttpLimits, TurnsAwayWhoComesWhenAllConnectionsAreTaken) {
  Limits limits;
  limits.connections = 2;
  start(limits);
  Client one(server_->port());
  EXPECT_EQ(one.get("/text").status, 200);
  Client two(server_->port());
  EXPECT_EQ(two.get("/text").status, 200);
  Client three(server_->port());
  const Answer a = three.read();
  EXPECT_EQ(a.status, 503);
  EXPECT_EQ(a.field("Retry-After"), "2");
  EXPECT_TRUE(three.endsCleanly());
  EXPECT_EQ(one.get("/text").status, 200);
  EXPECT_EQ(server_->counters(0).refusedConnections.load(), 1u);
}

TEST_F(HttpLimits, SurvivesClientsThatLeaveInTheMiddle) {
  start();
  for (int i = 0; i < 50; ++i) {
    Client client(server_->port(), 4096);
    client.send(i % 3 == 0   ? "GET /big HTTP/1.1\r\nHost: t\r\n\r\n"
                : i % 3 == 1 ? "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n"
                             : "POST /echo HTT");
    const linger abrupt{1, 0};
    ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
  }
  EXPECT_EQ(Client(server_->port()).get("/text").status, 200);
  for (int i = 0; i < 100 && server_->counters(0).openConnections.load() != 0; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(server_->counters(0).openConnections.load(), 0);
}

}  // namespace
}  // namespace dvpe::serve
