// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What somebody without a key, or with one and bad manners, can do to a server.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "tests/unit/shared/protocol/support.h"

namespace dvpe::protocol {
namespace {

using namespace test;

// A TCP connection to a server on the loopback.
class Raw {
 public:
  explicit Raw(const std::string& endpoint) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    timeval wait{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  Raw(Raw&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Raw& operator=(Raw&&) = delete;
  ~Raw() {
    if (fd_ >= 0) close(fd_);
  }
  void send(const std::string& bytes) const { (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // True when the server closed before the time is over; what it says before is thrown away.
  bool closed() const {
    std::array<char, 1024> rest{};
    ssize_t got = 0;
    do got = recv(fd_, rest.data(), rest.size(), 0);
    while (got > 0);
    return got == 0 || errno == ECONNRESET;
  }

 private:
  int fd_;
};

// ZMTP 3.0, section "greeting": signature, version, mechanism in 20 bytes, as-server, filler.
std::string greeting(const std::string& mechanism) {
  std::string out("\xff\0\0\0\0\0\0\0\1\x7f\3\1", 12);
  out += mechanism + std::string(20 - mechanism.size(), '\0');
  return out + std::string(32, '\0');
}

TEST_F(Sockets, SurviveGarbageBeforeTheHandshake) {
  const std::string hello = greeting("CURVE");
  const std::string hugeCommand("\6\0\0\0\1\0\0\0\0", 9), hugeFrame("\2\xff\xff\xff\xff\xff\xff\xff\xff", 9);
  const std::string shortHello("\4\xc8\5HELLO\1\0", 10);
  std::vector<std::string> bad{"GET / HTTP/1.1\r\n\r\n",
                               std::string(5000, '\xff'),
                               std::string(5000, '\0'),
                               hello + hugeCommand,
                               hello + hugeFrame,
                               hello + shortHello + std::string(192, 'x'),
                               hello + std::string("\4\0", 2),
                               hello + std::string("\4\6\5READY", 8),
                               hello + std::string("\4\4\3xyz", 6),
                               greeting("NULL") + std::string("\4\6\5READY", 8),
                               greeting("PLAIN") + std::string("\4\x0a\5HELLO\1a\1b", 12),
                               greeting("GSSAPI"),
                               greeting("CURVECURVECURVECURVE"),
                               std::string("\xff\0\0\0\0\0\0\0\1\x7f\1\0", 12),
                               std::string("\1\0", 2)};
  std::uint32_t random = 1;
  for (int i = 0; i < 50; ++i) {
    std::string noise;
    for (int k = 0; k < 300; ++k) noise += static_cast<char>((random = random * 1664525 + 1013904223) >> 24);
    bad.push_back((i % 2 != 0 ? hello : "") + noise);
  }
  for (const auto& bytes : bad) Raw(server_->endpoint()).send(bytes);
  expectServed();
  EXPECT_EQ(server_->dropped(), 0U) << "nothing came so far";
}

TEST_F(Sockets, RefuseOtherMechanisms) {
  for (const bool plain : {false, true}) {
    auto opened = impl::Socket::open(context_->impl().zmq, ZMQ_DEALER);
    ASSERT_TRUE(opened.has_value());
    impl::Socket socket = std::move(opened).value();
    if (plain) {
      ASSERT_TRUE(socket.set(ZMQ_PLAIN_USERNAME, std::string_view("ada"), "user").has_value());
      ASSERT_TRUE(socket.set(ZMQ_PLAIN_PASSWORD, std::string_view("ada"), "password").has_value());
    }
    ASSERT_EQ(zmq_connect(socket.get(), server_->endpoint().c_str()), 0);
    ASSERT_TRUE(socket.send({}, {"let me in"}).has_value());
    EXPECT_FALSE(server_->receive(200ms).has_value());
  }
  expectServed();
}

TEST_F(Sockets, HaveAHandlerThatAnswersOnlyForCurveInItsDomain) {
  const auto ask = [&](const Frames& request) {
    auto opened = impl::Socket::open(context_->impl().zmq, ZMQ_REQ);
    EXPECT_TRUE(opened.has_value());
    const impl::Socket& socket = opened.value();
    EXPECT_EQ(zmq_connect(socket.get(), "inproc://zeromq.zap.01"), 0);
    EXPECT_TRUE(opened.value().send({}, request).has_value());
    zmq_pollitem_t item{socket.get(), 0, ZMQ_POLLIN, 0};
    EXPECT_EQ(zmq_poll(&item, 1, 10'000), 1);
    const auto answer = opened.value().receive();
    return answer && answer->frames.size() == 6 ? answer->frames[2] : "no answer";
  };
  std::string key(32, '\0');
  zmq_z85_decode(reinterpret_cast<std::uint8_t*>(key.data()), ada_.publicKey.c_str());
  EXPECT_EQ(ask({"1.0", "1", "dvpe", "127.0.0.1", "", "CURVE", key}), "200");
  EXPECT_EQ(ask({"1.0", "1", "other", "127.0.0.1", "", "CURVE", key}), "400");
  EXPECT_EQ(ask({"1.0", "1", "", "127.0.0.1", "", "CURVE", key}), "400");
  EXPECT_EQ(ask({"2.0", "1", "dvpe", "127.0.0.1", "", "CURVE", key}), "400");
  EXPECT_EQ(ask({"1.0", "1", "dvpe", "127.0.0.1", "", "NULL"}), "400");
  EXPECT_EQ(ask({"1.0", "1", "dvpe", "127.0.0.1", "", "PLAIN", "ada", "ada"}), "400");
  EXPECT_EQ(ask({"1.0", "1", "dvpe", "127.0.0.1", "", "CURVE", key, "more"}), "400");
  EXPECT_EQ(ask({"1.0", "1", "dvpe", "127.0.0.1", "", "CURVE", key + "x"}), "400");
  EXPECT_EQ(ask({"1.0"}), "400");
  expectServed();
}

TEST_F(Sockets, ServeOthersBesideHalfOpenHandshakes) {
  std::vector<Raw> open;
  for (int i = 0; i < 200; ++i) {
    open.emplace_back(server_->endpoint());
    if (i % 2 != 0) open.back().send(greeting("CURVE"));
  }
  expectServed();
}

// Handshakes that do not end within their time.
class ImpatientSockets : public Sockets {
 protected:
  ImpatientSockets() { limits_.handshake = 300ms; }
};

TEST_F(ImpatientSockets, CloseHandshakesThatDoNotEnd) {
  const Raw silent(server_->endpoint()), halfway(server_->endpoint());
  halfway.send(greeting("CURVE"));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(halfway.closed());
}

TEST_F(Sockets, DropThePeerThatSendsMoreThanAMessageHolds) {
  auto opened = impl::Socket::open(context_->impl().zmq, ZMQ_DEALER);
  ASSERT_TRUE(opened.has_value());
  impl::Socket socket = std::move(opened).value();
  ASSERT_TRUE(socket.beClient(serverKeys_.publicKey, ben_).has_value());
  ASSERT_EQ(zmq_connect(socket.get(), server_->endpoint().c_str()), 0);
  // In one frame: libzmq closes the connection. In many: it cannot know, and the whole is dropped here.
  const std::string large(kMaxMessageBytes + 4096, 'x'), half(kMaxMessageBytes / 2 + 1, 'x');
  ASSERT_EQ(zmq_send(socket.get(), half.data(), half.size(), ZMQ_SNDMORE), static_cast<int>(half.size()));
  ASSERT_EQ(zmq_send(socket.get(), half.data(), half.size(), 0), static_cast<int>(half.size()));
  for (int i = 0; i < 5000; ++i) {
    ASSERT_GE(zmq_send(socket.get(), "", 0, i < 4999 ? ZMQ_SNDMORE : 0), 0);
  }
  ASSERT_EQ(zmq_send(socket.get(), "small", 5, 0), 5);
  const auto small = server_->receive(kLong);
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(small->frames, Frames{"small"});
  EXPECT_EQ(server_->dropped(), 2U);
  ASSERT_EQ(zmq_send(socket.get(), large.data(), large.size(), 0), static_cast<int>(large.size()));
  EXPECT_FALSE(server_->receive(500ms).has_value());
  expectServed();
}

}  // namespace
}  // namespace dvpe::protocol
