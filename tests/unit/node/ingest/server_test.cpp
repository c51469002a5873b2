// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The server with a real socket: raw clients, TLS, and FFmpeg as the publisher.
#include "node/ingest/rtmp/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/unit/node/ingest/support.h"

extern char** environ;

namespace dvpe::ingest {
namespace {

using namespace std::chrono_literals;
using test::avcTag;
using test::ClientBytes;
using test::nal;

constexpr auto kPatience = 15s;

// Polls until the condition holds; false after kPatience.
bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// A blocking client socket.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  bool send(const base::Bytes& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const auto n = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (n <= 0) {
        return false;
      }
      done += static_cast<std::size_t>(n);
    }
    return true;
  }
  // Whatever the server says until it closes or `text` stands in it; empty patience is a failure seen by the caller.
  std::string readUntil(std::string_view text) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!text.empty() ? heard_.find(text) == std::string::npos : !closed_) {
      pollfd p{fd_, POLLIN, 0};
      if (closed_ || std::chrono::steady_clock::now() > end) {
        break;
      }
      if (poll(&p, 1, 50) <= 0) {
        continue;
      }
      char buffer[8192];
      const auto n = recv(fd_, buffer, sizeof buffer, 0);
      closed_ = n <= 0;
      heard_.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    return heard_;
  }
  // True once the server has closed.
  bool waitClosed() {
    readUntil("");
    return closed_;
  }

 private:
  int fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string heard_;
};

class Server : public ::testing::Test {
 protected:
  void startServer(RtmpOptions options = {}) {
    options.address = "127.0.0.1";
    options.port = 0;
    server_ = std::make_unique<RtmpServer>(io_, std::move(options), desk_);
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
    for (std::thread& t : threads_) {
      t = std::thread([this] { io_.run(); });
    }
  }
  void TearDown() override {
    if (server_) {
      server_->stop();
      for (std::thread& t : threads_) {  // run() returns by itself: stopping leaves no work behind
        t.join();
      }
      EXPECT_EQ(server_->counters().connections, 0U);
      EXPECT_EQ(server_->counters().publishing, 0U);
      EXPECT_EQ(desk_.publications(), 0);
    }
  }
  const RtmpCounters& counters() const { return server_->counters(); }

  boost::asio::io_context io_;
  test::FakeDesk desk_;
  std::unique_ptr<RtmpServer> server_;
  std::array<std::thread, 2> threads_;
};

// Pages of this process in memory.
std::size_t residentPages() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident;
}

// Runs a program and waits; gives its exit code.
int run(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& a : arguments) {
    argv.push_back(a.data());
  }
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0) {
    return -1;
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Server, TakesAPushFromFfmpegInOrder) {
  startServer();
  const std::string url = "rtmp://127.0.0.1:" + std::to_string(server_->port()) + "/live/key1";
  ASSERT_EQ(run({"ffmpeg",
                 "-hide_banner",
                 "-loglevel",
                 "error",
                 "-nostdin",
                 "-f",
                 "lavfi",
                 "-i",
                 "testsrc2=size=320x180:rate=25:duration=3",
                 "-f",
                 "lavfi",
                 "-i",
                 "sine=frequency=440:duration=3:sample_rate=48000",
                 "-c:v",
                 "libx264",
                 "-preset",
                 "ultrafast",
                 "-bf",
                 "2",
                 "-g",
                 "25",
                 "-threads",
                 "1",
                 "-c:a",
                 "aac",
                 "-ac",
                 "2",
                 "-f",
                 "flv",
                 url}),
            0);
  ASSERT_TRUE(eventually([&] { return desk_.last() && desk_.last()->ended; }));
  const auto record = desk_.last();
  ASSERT_EQ(record->videoFormats.size(), 1U);
  ASSERT_EQ(record->audioFormats.size(), 1U);
  std::int64_t lastVideo = -1;
  std::int64_t lastAudio = -1;
  int videos = 0;
  int audios = 0;
  int keys = 0;
  bool composed = false;
  for (const test::Packet& p : record->packets) {
    std::int64_t& last = p.video ? lastVideo : lastAudio;
    EXPECT_GT(p.timeMs, last);
    EXPECT_LT(p.timeMs, 3500);
    last = p.timeMs;
    ++(p.video ? videos : audios);
    keys += p.key ? 1 : 0;
    composed = composed || p.compositionMs > 0;
    EXPECT_GE(p.compositionMs, 0);
    EXPECT_LE(p.compositionMs, 200);
  }
  EXPECT_EQ(videos, 75);
  EXPECT_NEAR(audios, 141, 3);
  EXPECT_EQ(keys, 3);
  EXPECT_TRUE(composed) << "B-frames have composition offsets";
  EXPECT_EQ(counters().droppedPackets, 0U);
  EXPECT_EQ(counters().protocolErrors, 0U);
  EXPECT_EQ(record->protocol, "rtmp");
}

// Reliability, row 7: what a cycle leaves behind would add up here.
TEST_F(Server, SurvivesARepublishStormWithoutGrowing) {
  startServer();
  const auto cycle = [&] {
    RawClient client(server_->port());
    ASSERT_TRUE(client.send(ClientBytes{}.begin().video(0, avcTag(true, 1, nal(20'000))).take()));
    const auto published = counters().published.load();
    client.readUntil("NetStream.Publish.Start");
    ASSERT_GE(counters().published, published);
  };
  const auto settle = [&] {
    return eventually([&] { return desk_.publications() == 0 && counters().connections == 0; });
  };
  for (int i = 0; i < 50; ++i) {
    cycle();
    ASSERT_TRUE(settle());
  }
  const std::size_t before = residentPages();
  for (int i = 0; i < 200; ++i) {
    cycle();
    ASSERT_TRUE(settle());
  }
  // What the desk of this test keeps (20 KB a cycle) is part of it. Sanitizers hold freed memory back: not with them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
#else
  constexpr std::size_t kMost = 12U << 20;
#endif
  EXPECT_LT((residentPages() - std::min(before, residentPages())) * 4096, kMost);
  EXPECT_EQ(counters().published, 250U);
}

TEST_F(Server, RefusesASecondPublisher) {
  startServer();
  RawClient first(server_->port());
  ASSERT_TRUE(first.send(ClientBytes{}.begin().take()));
  first.readUntil("NetStream.Publish.Start");
  RawClient second(server_->port());
  ASSERT_TRUE(second.send(ClientBytes{}.begin().take()));
  EXPECT_NE(second.readUntil("").find("NetStream.Publish.BadName"), std::string::npos);
  EXPECT_TRUE(second.waitClosed());
  EXPECT_FALSE(desk_.at(0)->ended) << "the first goes on";
  EXPECT_EQ(counters().refusedPublishes, 1U);
}

TEST_F(Server, ClosesTheFirstPublisherWhenASecondTakesOver) {
  desk_.takeOver = true;
  startServer();
  RawClient first(server_->port());
  ASSERT_TRUE(first.send(ClientBytes{}.begin().take()));
  first.readUntil("NetStream.Publish.Start");
  RawClient second(server_->port());
  ASSERT_TRUE(second.send(ClientBytes{}.begin().take()));
  second.readUntil("NetStream.Publish.Start");
  EXPECT_TRUE(first.waitClosed()) << "although it was silent";
  ASSERT_TRUE(eventually([&] { return desk_.at(0)->ended.load(); }));
  EXPECT_FALSE(desk_.at(1)->ended);
  EXPECT_EQ(counters().revoked, 1U);
}

TEST_F(Server, TellsFfmpegThatItsKeyIsWrong) {
  startServer();
  EXPECT_NE(run({"ffmpeg", "-hide_banner", "-loglevel", "quiet", "-nostdin", "-f", "lavfi", "-i",
                 "testsrc2=size=64x64:rate=25:duration=1", "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1",
                 "-f", "flv", "rtmp://127.0.0.1:" + std::to_string(server_->port()) + "/live/wrong"}),
            0);
  EXPECT_EQ(counters().refusedPublishes, 1U);
}

// Row 9.
TEST_F(Server, StopsReadingWhileTheNodeIsBehind) {
  RtmpOptions options;
  options.limits.receiveBuffer = 64 * 1024;
  startServer(std::move(options));
  RawClient client(server_->port());
  ASSERT_TRUE(client.send(ClientBytes{}.begin().take()));
  client.readUntil("NetStream.Publish.Start");
  const auto record = desk_.last();
  record->wantsMore = false;
  constexpr int kFrames = 400;
  constexpr std::size_t kSize = 100'000;
  std::thread sender([&] {
    ClientBytes bytes;
    for (int i = 0; i < kFrames; ++i) {
      client.send(bytes.video(static_cast<std::uint32_t>(40 * i), avcTag(true, 1, nal(kSize))).take());
    }
  });
  ASSERT_TRUE(eventually([&] { return counters().pauses > 0; }));
  const auto seen = counters().bytesIn.load();
  EXPECT_LT(seen, 2U << 20) << "40 MB were offered";
  record->wantsMore = true;
  sender.join();
  EXPECT_TRUE(eventually([&] { return record->count == kFrames; }));
  EXPECT_EQ(record->packets.back().timeMs, 40 * (kFrames - 1));
}

TEST_F(Server, ClosesWhenRevokedWhileBehind) {
  startServer();
  RawClient client(server_->port());
  ASSERT_TRUE(client.send(ClientBytes{}.begin().take()));
  client.readUntil("NetStream.Publish.Start");
  desk_.last()->wantsMore = false;
  ASSERT_TRUE(client.send(ClientBytes{}.video(0, avcTag(true, 1, nal(100))).take()));
  ASSERT_TRUE(eventually([&] { return counters().pauses > 0; }));
  desk_.last()->revoked = true;
  EXPECT_TRUE(client.waitClosed());
}

// Row 10.
TEST_F(Server, CapsAndClosesHalfOpenHandshakes) {
  RtmpOptions options;
  options.limits.connectionsPerAddress = 20;
  options.limits.handshake = 300ms;
  startServer(std::move(options));
  std::vector<std::unique_ptr<RawClient>> clients;
  clients.reserve(60);
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
  }
  EXPECT_TRUE(eventually([&] { return counters().accepted + counters().refusedConnections == 60; }));
  EXPECT_EQ(counters().accepted, 20U);
  EXPECT_EQ(counters().refusedConnections, 40U);
  EXPECT_TRUE(eventually([&] { return counters().connections == 0; }));
  EXPECT_EQ(counters().timeouts, 20U);
  RawClient again(server_->port());
  ASSERT_TRUE(again.send(ClientBytes{}.begin().take()));
  EXPECT_NE(again.readUntil("Publish.Start").find("Publish.Start"), std::string::npos);
}

TEST_F(Server, ClosesASlowLoris) {
  RtmpOptions options;
  options.limits.handshake = 200ms;
  options.limits.publish = 400ms;
  startServer(std::move(options));
  const auto drip = [&](RawClient& client) {  // one byte at a time, for as long as the server lets it
    return eventually([&] { return !client.send({0x03}) || counters().connections == 0; });
  };
  RawClient handshaking(server_->port());
  EXPECT_TRUE(drip(handshaking));
  RawClient connected(server_->port());
  ASSERT_TRUE(connected.send(ClientBytes{}.handshake().connect().take()));
  connected.readUntil("Connect.Success");
  EXPECT_TRUE(connected.waitClosed());
  EXPECT_EQ(counters().timeouts, 2U);
}

TEST_F(Server, ClosesAPublisherThatSendsNoWholeMessage) {
  RtmpOptions options;
  options.limits.idle = 300ms;
  startServer(std::move(options));
  RawClient client(server_->port());
  ASSERT_TRUE(client.send(ClientBytes{}.begin().take()));
  client.readUntil("NetStream.Publish.Start");
  const base::Bytes large = ClientBytes{}.video(0, avcTag(true, 1, nal(100'000))).take();
  for (std::size_t i = 0; i < large.size() && client.send({large[i]}) && counters().connections > 0; ++i) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(client.waitClosed());
  EXPECT_TRUE(desk_.last()->ended);
  EXPECT_TRUE(desk_.last()->packets.empty());
}

TEST_F(Server, ClosesGarbageAndCountsIt) {
  startServer();
  for (const base::Bytes& garbage : {base::Bytes{'G', 'E', 'T', ' ', '/'}, base::Bytes(4000, 0x16),
                                     ClientBytes{}.handshake().raw(base::Bytes(100, 0xFF)).take()}) {
    RawClient client(server_->port());
    ASSERT_TRUE(client.send(garbage));
    EXPECT_TRUE(client.waitClosed());
  }
  EXPECT_TRUE(eventually([&] { return counters().protocolErrors == 3; }));
}

TEST_F(Server, ServesSeveralPublicationsOnOneConnectionAfterAnother) {
  startServer();
  RawClient client(server_->port());
  ClientBytes bytes;
  ASSERT_TRUE(client.send(bytes.begin().deleteStream().createStream().publish("key1").take()));
  EXPECT_TRUE(eventually([&] { return counters().published == 2; }));
  EXPECT_TRUE(desk_.at(0)->ended);
}

TEST_F(Server, StopsWithAPublisherOnAir) {
  startServer();
  RawClient client(server_->port());
  ASSERT_TRUE(client.send(ClientBytes{}.begin().take()));
  client.readUntil("NetStream.Publish.Start");
  server_->stop();
  EXPECT_TRUE(client.waitClosed());
  EXPECT_TRUE(eventually([&] { return desk_.last()->ended.load(); }));
}

TEST_F(Server, SaysWhyItCannotListen) {
  startServer();
  RtmpOptions options;
  options.address = "127.0.0.1";
  options.port = server_->port();
  boost::asio::io_context io;
  RtmpServer second(io, options, desk_);
  EXPECT_EQ(second.start().error().code, base::ErrorCode::kIo);
  options.address = "not an address";
  RtmpServer third(io, options, desk_);
  EXPECT_EQ(third.start().error().code, base::ErrorCode::kInvalidInput);
  options.address = "127.0.0.1";
  options.tlsPort = 0;
  RtmpServer fourth(io, options, desk_);
  EXPECT_EQ(fourth.start().error().code, base::ErrorCode::kInvalidInput) << "RTMPS without a certificate";
}

// A certificate of our own for localhost, in memory.
std::shared_ptr<boost::asio::ssl::context> selfSigned() {
  auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(context->native_handle(), certificate);
  SSL_CTX_use_PrivateKey(context->native_handle(), key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

TEST_F(Server, TakesAPushOverTls) {
  RtmpOptions options;
  options.tls = selfSigned();
  options.tlsPort = 0;
  startServer(std::move(options));
  ASSERT_NE(server_->tlsPort(), server_->port());
  RawClient client(server_->tlsPort());
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, client.fd());
  ASSERT_EQ(SSL_connect(ssl), 1);
  const base::Bytes bytes = ClientBytes{}.begin().video(40, avcTag(true, 1, nal(100'000))).take();
  ASSERT_EQ(SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())), static_cast<int>(bytes.size()));
  EXPECT_TRUE(eventually([&] { return desk_.last() && desk_.last()->count == 1; }));
  EXPECT_EQ(desk_.last()->protocol, "rtmps");
  SSL_shutdown(ssl);
  SSL_free(ssl);
  SSL_CTX_free(context);
}

// Row 11.
TEST_F(Server, RefusesAnAddressWhoseTlsHandshakesKeepFailing) {
  RtmpOptions options;
  options.tls = selfSigned();
  options.tlsPort = 0;
  startServer(std::move(options));
  for (int i = 0; i < 20; ++i) {
    RawClient client(server_->tlsPort());
    client.send(base::Bytes(100, 0xFF));
    EXPECT_TRUE(client.waitClosed());
    ASSERT_TRUE(eventually([&] { return counters().connections == 0; }));
  }
  EXPECT_EQ(counters().tlsFailures, 5U);
  EXPECT_EQ(counters().refusedConnections, 15U);
  RawClient plain(server_->port());
  ASSERT_TRUE(plain.send(ClientBytes{}.begin().take()));
  EXPECT_NE(plain.readUntil("Publish.Start").find("Publish.Start"), std::string::npos) << "plain RTMP is not concerned";
}

}  // namespace
}  // namespace dvpe::ingest
