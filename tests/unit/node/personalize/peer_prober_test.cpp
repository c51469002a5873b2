// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/peer_prober.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>

#include "tests/unit/node/personalize/support.h"

namespace dvpe::personalize {
namespace {

using namespace std::chrono_literals;
using test::soon;

// A peer on a loopback port that reads a question and gives one answer after another; of what it is told last, again
// and again. "": hangs until the asker has gone.
class FakePeer {
 public:
  FakePeer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    EXPECT_EQ(::listen(socket_, 16), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~FakePeer() {
    stopping_ = true;
    thread_.join();
    ::close(socket_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void answer(std::string all) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(all);
  }
  int asked() const { return asked_; }
  std::string question() {
    const std::lock_guard lock(mutex_);
    return question_;
  }

 private:
  void run() {
    while (!stopping_) {
      if (!readable(socket_)) continue;
      const int asker = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      std::string head;
      char block[4096];
      while (!stopping_ && head.find("\r\n\r\n") == std::string::npos) {
        if (!readable(asker)) continue;
        const ssize_t n = ::recv(asker, block, sizeof block, 0);
        if (n <= 0) break;
        head.append(block, static_cast<std::size_t>(n));
      }
      std::string text;
      {
        const std::lock_guard lock(mutex_);
        question_ = head;
        text = answer_;
      }
      ++asked_;
      if (text.empty()) {
        while (!stopping_ && !(readable(asker) && ::recv(asker, block, sizeof block, 0) <= 0)) {
        }
      } else {
        (void)::send(asker, text.data(), text.size(), MSG_NOSIGNAL);
      }
      ::close(asker);
    }
  }
  static bool readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, 20) > 0;
  }

  const int socket_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> asked_{0};
  std::mutex mutex_;
  std::string answer_, question_;
  std::thread thread_;
};

const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n";
const std::string kUnready = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\nnot ready\n";

class PeerProberTest : public testing::Test {
 protected:
  void start(PeerProberOptions options = {30ms, 200ms, {}}) {
    auto made = PeerProber::start(homes_, std::move(options));
    ASSERT_TRUE(made) << made.error().message;
    prober_ = std::move(made).value();
  }
  // Whether the peer is down after this many questions more.
  bool downAfter(int questions) {
    const int until = peer_.asked() + questions;
    return soon([&] { return peer_.asked() >= until; }) && !homes_.up(1);
  }

  FakePeer peer_;
  Homes homes_{"self", {{"self", "http://127.0.0.1:1"}, {"peer", peer_.url()}}};
  std::unique_ptr<PeerProber> prober_;
};

TEST(PeerHealth, ComesUpWithTheFirstAnswerOfAllElseWithTwoInARow) {
  PeerHealth at;
  EXPECT_FALSE(at.up());
  EXPECT_TRUE(at.heard(true));
  EXPECT_TRUE(at.up());
  PeerHealth later;
  EXPECT_FALSE(later.heard(false));
  EXPECT_FALSE(later.heard(true));
  EXPECT_FALSE(later.heard(false));
  EXPECT_FALSE(later.heard(true)) << "not in a row";
  EXPECT_TRUE(later.heard(true));
  EXPECT_TRUE(later.up());
}

TEST(PeerHealth, GoesDownAfterThreeFailuresInARow) {
  PeerHealth at;
  at.heard(true);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(at.heard(false));
    EXPECT_FALSE(at.heard(false));
    EXPECT_FALSE(at.heard(true));
    EXPECT_TRUE(at.up());
  }
  EXPECT_FALSE(at.heard(false));
  EXPECT_FALSE(at.heard(false));
  EXPECT_TRUE(at.heard(false));
  EXPECT_FALSE(at.up());
  EXPECT_FALSE(at.heard(true));
  EXPECT_TRUE(at.heard(true));
}

TEST_F(PeerProberTest, AsksWhetherViewersMayBeSentThere) {
  peer_.answer(kGood);
  start();
  EXPECT_TRUE(soon([&] { return homes_.up(1); }));
  EXPECT_TRUE(peer_.question().starts_with("GET /readyz HTTP/1.1\r\n")) << peer_.question();
  EXPECT_NE(peer_.question().find("Host: " + peer_.url().substr(7) + "\r\n"), std::string::npos) << peer_.question();
  EXPECT_TRUE(homes_.up(0));
}

TEST_F(PeerProberTest, TellsOfAPeerThatIsNotReadyAndOfOneThatIsAgain) {
  peer_.answer(kGood);
  start();
  ASSERT_TRUE(soon([&] { return homes_.up(1); }));
  peer_.answer(kUnready);
  EXPECT_TRUE(soon([&] { return !homes_.up(1); }));
  peer_.answer(kGood);
  EXPECT_TRUE(soon([&] { return homes_.up(1); }));
}

TEST_F(PeerProberTest, DoesNotWaitForAPeerThatHangs) {
  peer_.answer(kGood);
  start();
  ASSERT_TRUE(soon([&] { return homes_.up(1); }));
  peer_.answer("");
  EXPECT_TRUE(soon([&] { return !homes_.up(1); }));
}

TEST_F(PeerProberTest, TakesNothingButAGoodAnswerForOne) {
  const std::string field = "X-Long: " + std::string(200, 'x') + "\r\n";
  std::string huge = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1000; ++i) huge += field;
  for (const std::string& bad :
       {kUnready, huge + "\r\n", std::string("HTTP/1.1 302 Found\r\nLocation: /readyz\r\nContent-Length: 0\r\n\r\n"),
        std::string("HTTP/1.1 204 No Content\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\n"),
        std::string("SSH-2.0-OpenSSH_9\r\n\r\n"), std::string("\0\0\0\0\r\n\r\n", 8)}) {
    peer_.answer(bad);
    start();
    EXPECT_TRUE(downAfter(4)) << bad.substr(0, 60);
    prober_.reset();
  }
}

TEST_F(PeerProberTest, FindsNobodyWhereNobodyListens) {
  peer_.answer(kGood);
  Homes homes("self", {{"self", "http://127.0.0.1:1"},
                       {"nobody", "http://127.0.0.1:9"},
                       {"name", "http://x.invalid"},
                       {"peer", peer_.url()}});
  auto prober = PeerProber::start(homes, {10ms, 100ms, {}});
  ASSERT_TRUE(prober);
  ASSERT_TRUE(soon([&] { return peer_.asked() >= 5; })) << "by then the others have been asked, too";
  EXPECT_TRUE(homes.up(3));
  EXPECT_FALSE(homes.up(1));
  EXPECT_FALSE(homes.up(2));
}

TEST_F(PeerProberTest, EndsWhileAPeerHangs) {
  peer_.answer("");
  start({30ms, 60s, {}});
  ASSERT_TRUE(soon([&] { return peer_.asked() > 0; }));
  const auto before = std::chrono::steady_clock::now();
  prober_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
}

TEST_F(PeerProberTest, DoesNotStartWithWhatItCannotUse) {
  EXPECT_FALSE(PeerProber::start(homes_, {1s, 1s, "/nonexistent/authorities.pem"}));
  Homes odd("self", {{"self", "http://127.0.0.1:1"}, {"peer", "http://user@127.0.0.1"}});
  EXPECT_FALSE(PeerProber::start(odd));
}

}  // namespace
}  // namespace dvpe::personalize
