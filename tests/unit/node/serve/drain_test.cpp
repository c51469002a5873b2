// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/node/serve/client.h"

namespace dvpe::serve {
namespace {

using namespace std::chrono_literals;
using HttpDrain = ServerTest;

TEST_F(HttpDrain, LetsNoClientSeeAnErrorUnderLoad) {
  start({}, 2);
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::atomic<int> closed{0};
  std::atomic<int> begunOnes{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&, i] {
      Client client(server_->port());
      for (int n = 0; n < 1'000'000; ++n) {
        const Answer a = client.get(i % 10 == 0 ? "/slow" : i % 10 == 1 ? "/big" : "/text");
        if (a.status != 200 || a.body.size() != std::stoul(a.field("Content-Length"))) {
          ++failed;
          return;
        }
        ++answered;
        if (n == 0) ++begunOnes;
        if (a.field("Connection") == "close") {
          if (!client.endsCleanly()) ++failed;
          ++closed;
          return;
        }
      }
    });
  }
  while (answered < 500 || begunOnes < 50) std::this_thread::sleep_for(5ms);
  const auto begun = std::chrono::steady_clock::now();
  server_->stop(8s);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 7s);
  for (auto& t : threads) t.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(closed, 50);
}

TEST_F(HttpDrain, AnswersWhatAnIdleClientAsksInTimeAndThenCloses) {
  Limits limits;
  limits.drainIdle = 500ms;
  limits.linger = 300ms;
  start(limits);
  Client asks(server_->port());
  Client silent(server_->port());
  EXPECT_EQ(asks.get("/text").status, 200);
  EXPECT_EQ(silent.get("/text").status, 200);
  std::thread stop([&] { server_->stop(5s); });
  // Draining has begun once nobody is accepted any more.
  for (int i = 0; i < 100 && Client(server_->port()).connected(); ++i) std::this_thread::sleep_for(5ms);
  const Answer a = asks.get("/text");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.field("Connection"), "close");
  EXPECT_TRUE(silent.endsCleanly());
  stop.join();
}

TEST_F(HttpDrain, EndsAtTheDeadlineWhateverIsUnderWay) {
  start();
  Client stuck(server_->port());
  stuck.send("GET /stuck HTTP/1.1\r\nHost: t\r\n\r\n");
  Client unread(server_->port(), 4096);
  unread.send("GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
  for (int i = 0; i < 100 && server_->counters(0).accepted.load() < 2; ++i) std::this_thread::sleep_for(5ms);
  const auto begun = std::chrono::steady_clock::now();
  server_->stop(400ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  server_.reset();
  EXPECT_EQ(stuck.read().status, 0);
}

}  // namespace
}  // namespace dvpe::serve
