// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/shared/protocol/support.h"

namespace dvpe::protocol {
namespace {

using base::ErrorCode;
using namespace test;

TEST_F(Sockets, CarryMessagesBothWaysWithTheSendersProvedKey) {
  auto ada = client(ada_), ben = client(ben_);
  ASSERT_TRUE(ada->ready(kLong).has_value());
  ASSERT_TRUE(ben->ready(kLong).has_value());
  const Frames said{"", std::string("\0\xff", 2), std::string(3 << 20, 'x')};
  ASSERT_TRUE(ada->send(said).has_value());
  auto heard = server_->receive(kLong);
  ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(heard->frames, said);
  EXPECT_EQ(heard->clientKey, ada_.publicKey);
  EXPECT_EQ(heard->user, "ada");
  ASSERT_TRUE(server_->send(heard->peer, said).has_value());
  EXPECT_EQ(ada->receive(kLong), said);
  EXPECT_EQ(ben->receive(0ms), std::nullopt) << "not for ben";
  ASSERT_TRUE(ben->send({"b"}).has_value());
  EXPECT_EQ(server_->receive(kLong)->clientKey, ben_.publicKey);
}

TEST_F(Sockets, LetInOnlyKeysOfTheList) {
  auto stranger = client(generateCurve());
  const auto refused = stranger->ready(kLong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused) << refused.error().message;
  EXPECT_EQ(stranger->state(), Client::State::kRefused);
  EXPECT_EQ(stranger->send({"x"}).error().code, ErrorCode::kRefused);
  EXPECT_FALSE(server_->receive(50ms).has_value());
  EXPECT_GE(context_->refused(), 2U) << "the trial's and this one";
}

TEST_F(Sockets, RefuseAKeyThatWasTakenOutAtItsNextConnectionAndItsMessagesAtOnce) {
  auto ada = client(ada_);
  ASSERT_TRUE(ada->ready(kLong).has_value());
  guests_.remove(ada_.publicKey);
  ASSERT_TRUE(ada->send({"still here"}).has_value());
  EXPECT_FALSE(server_->receive(200ms).has_value());
  EXPECT_EQ(server_->dropped(), 1U);
  EXPECT_EQ(client(ada_)->ready(kLong).error().code, ErrorCode::kRefused);
}

TEST_F(Sockets, LetARefusedClientInWhenItsKeyIsListedLater) {
  limits_.retry = 50ms;
  const CurveKeys late = generateCurve();
  auto client = this->client(late);
  EXPECT_EQ(client->ready(kLong).error().code, ErrorCode::kRefused);
  guests_.add(late.publicKey, "late");
  base::Result<void> ready = base::fail(ErrorCode::kRefused, "");
  const auto until = std::chrono::steady_clock::now() + kLong;
  while (!ready && std::chrono::steady_clock::now() < until) {
    client->receive(20ms);
    ready = client->ready(0ms);
  }
  EXPECT_TRUE(ready.has_value()) << ready.error().message;
}

TEST_F(Sockets, TellNobodyThereFromRefused) {
  // A port that is taken, and on which nobody listens.
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&at), &size), 0);
  auto ada = client(ada_, "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port)));
  EXPECT_EQ(ada->ready(200ms).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ada->send({"x"}).error().code, ErrorCode::kUnavailable) << "nothing is queued for later";
  EXPECT_EQ(ada->state(), Client::State::kConnecting);
  close(silent);
}

TEST_F(Sockets, DoNotSpeakToAServerOfAnotherKey) {
  auto made = Client::connect(*context_, server_->endpoint(), generateCurve().publicKey, ada_);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made.value()->ready(300ms).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(made.value()->send({"x"}).error().code, ErrorCode::kUnavailable);
  expectServed();
}

TEST_F(Sockets, ConnectAgainByThemselves) {
  auto ada = client(ada_);
  ASSERT_TRUE(ada->ready(kLong).has_value());
  const std::string endpoint = server_->endpoint();
  server_.reset();
  while (ada->state() == Client::State::kConnected) ada->receive(20ms);
  base::Result<std::unique_ptr<Server>> again = base::fail(ErrorCode::kConflict, "");
  for (int i = 0; i < 500 && !again; ++i) {  // the port is free when libzmq's thread has closed it
    again = Server::bind(*context_, endpoint, serverKeys_);
  }
  ASSERT_TRUE(again.has_value()) << again.error().message;
  ASSERT_TRUE(ada->ready(kLong).has_value());
  ASSERT_TRUE(ada->send({"back"}).has_value());
  EXPECT_TRUE(again.value()->receive(kLong).has_value());
}

TEST_F(Sockets, SayWhenAPeerIsGoneOrItsQueueIsFull) {
  EXPECT_EQ(server_->send("nobody", {"x"}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server_->send("", {"x"}).error().code, ErrorCode::kUnavailable);
  auto ada = client(ada_);
  ASSERT_TRUE(ada->ready(kLong).has_value());
  ASSERT_TRUE(ada->send({"hello"}).has_value());
  const std::string peer = server_->receive(kLong)->peer;
  const Frames large{std::string(1 << 20, 'x')};
  base::Result<void> sent = base::success();
  int taken = 0;
  while (sent && taken < 1000) {  // ada does not read
    sent = server_->send(peer, large);
    ++taken;
  }
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(taken, 100) << "bounded by both queues and what TCP holds";
  ada.reset();
  const auto until = std::chrono::steady_clock::now() + kLong;
  while (sent.error().message != "the peer is gone" && std::chrono::steady_clock::now() < until) {
    server_->receive(10ms);  // libzmq takes note of it there
    sent = server_->send(peer, large);
    ASSERT_FALSE(sent.has_value());
  }
  EXPECT_EQ(sent.error().message, "the peer is gone");
}

TEST_F(Sockets, WakeWhoWaits) {
  auto ada = client(ada_);
  const auto start = std::chrono::steady_clock::now();
  std::thread other([&] {
    server_->wake();
    ada->wake();
  });
  EXPECT_FALSE(server_->receive(kLong).has_value());
  EXPECT_FALSE(ada->receive(kLong).has_value());
  other.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLong);
  EXPECT_FALSE(server_->receive(0ms).has_value()) << "woken once";
}

TEST_F(Sockets, RefuseWhatIsNoEndpointOrNoKey) {
  const auto bind = [&](const std::string& endpoint) {
    return Server::bind(*context_, endpoint, serverKeys_).error().code;
  };
  for (const char* bad : {"", "tcp://", "tcp://127.0.0.1", "tcp://:", "inproc://x", "ipc:///tmp/x:1", "127.0.0.1:1"}) {
    EXPECT_EQ(bind(bad), ErrorCode::kInvalidInput) << bad;
    EXPECT_FALSE(Client::connect(*context_, bad, serverKeys_.publicKey, ada_).has_value()) << bad;
  }
  EXPECT_EQ(bind(server_->endpoint()), ErrorCode::kConflict) << "in use";
  EXPECT_EQ(Server::bind(*context_, "tcp://127.0.0.1:*", {ada_.publicKey, ben_.secretKey}).error().code,
            ErrorCode::kInvalidInput);
  EXPECT_EQ(Client::connect(*context_, server_->endpoint(), "short", ada_).error().code, ErrorCode::kInvalidInput);
}

TEST_F(Sockets, DoNotSendMoreThanAMessageHolds) {
  auto ada = client(ada_);
  ASSERT_TRUE(ada->ready(kLong).has_value());
  EXPECT_EQ(ada->send({}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(ada->send(Frames(kMaxFrames + 1, "")).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(ada->send({std::string(kMaxMessageBytes, 'x'), "x"}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(ada->send(Frames(kMaxFrames, "")).has_value());
  EXPECT_TRUE(ada->send({std::string(kMaxMessageBytes, 'x')}).has_value());
  const auto many = server_->receive(kLong), large = server_->receive(kLong);
  ASSERT_TRUE(many.has_value());
  ASSERT_TRUE(large.has_value());
  EXPECT_EQ(many->frames.size(), kMaxFrames);
  EXPECT_EQ(large->frames[0].size(), kMaxMessageBytes);
}

TEST(Servers, DoNotStartWhenTheHandlerLetsAnybodyIn) {
  auto context = Context::create([](std::string_view) { return std::string("anybody"); });
  ASSERT_TRUE(context.has_value());
  const auto server = Server::bind(*context.value(), "tcp://127.0.0.1:*", generateCurve());
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, ErrorCode::kRefused);
  EXPECT_EQ(server.error().message, "the ZAP handler lets anybody in: not listening");
}

TEST(Servers, LetNobodyInWithoutAListOrWhenItsReaderThrows) {
  for (const Allow& allow : {Allow{}, Allow{[](std::string_view) -> std::optional<std::string> { throw 1; }}}) {
    auto context = Context::create(allow);
    ASSERT_TRUE(context.has_value());
    const CurveKeys keys = generateCurve();
    const auto server = Server::bind(*context.value(), "tcp://127.0.0.1:*", keys);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    auto client = Client::connect(*context.value(), server.value()->endpoint(), keys.publicKey, generateCurve());
    ASSERT_TRUE(client.has_value());
    EXPECT_EQ(client.value()->ready(kLong).error().code, ErrorCode::kRefused);
  }
}

TEST(Contexts, AreSeveralInAProcess) {
  for (int i = 0; i < 20; ++i) {
    auto one = Context::create(), two = Context::create();
    ASSERT_TRUE(one.has_value());
    ASSERT_TRUE(two.has_value());
  }
}

}  // namespace
}  // namespace dvpe::protocol
