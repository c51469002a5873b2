// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <thread>

#include "tests/unit/node/serve/client.h"

namespace dvpe::serve {
namespace {

using namespace std::chrono_literals;

// A key and a certificate for it, signed by itself.
void makeCertificate(const std::string& certificate, const std::string& key) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> x(X509_new(), X509_free);
  X509_set_version(x.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
  X509_set_pubkey(x.get(), pair.get());
  X509_NAME* name = X509_get_subject_name(x.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x.get(), name);
  ASSERT_GT(X509_sign(x.get(), pair.get(), EVP_sha256()), 0);
  const std::unique_ptr<FILE, int (*)(FILE*)> c(std::fopen(certificate.c_str(), "w"), std::fclose);
  PEM_write_X509(c.get(), x.get());
  const std::unique_ptr<FILE, int (*)(FILE*)> k(std::fopen(key.c_str(), "w"), std::fclose);
  PEM_write_PrivateKey(k.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

// TLS over a Client's socket.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port) : plain_(port) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), plain_.fd());
    connected = SSL_connect(ssl_.get()) == 1;
  }
  // Sends and reads until `bytes` of a body have come after the head.
  Answer ask(const std::string& request) {
    SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size()));
    Answer a;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return a;
    }
    a.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    a.status = std::atoi(a.head.c_str() + 9);
    const std::size_t length = std::stoul("0" + a.field("Content-Length"));
    while (buffer_.size() < length && more()) {
    }
    a.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return a;
  }
  Answer get(const std::string& target, const std::string& fields = "") {
    return ask("GET " + target + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n");
  }
  // Whether the peer said goodbye as TLS wants it.
  bool endsCleanly() {
    char c = 0;
    const int n = SSL_read(ssl_.get(), &c, 1);
    return n <= 0 && SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
  }
  int version() const { return SSL_version(ssl_.get()); }

  bool connected = false;

 private:
  bool more() {
    char block[16384];
    const int n = SSL_read(ssl_.get(), block, sizeof block);
    if (n <= 0) return false;
    buffer_.append(block, static_cast<std::size_t>(n));
    return true;
  }

  Client plain_;
  struct Free {
    void operator()(SSL* s) const { SSL_free(s); }
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string buffer_;
};

class HttpTls : public ServerTest {
 protected:
  void startTls(const Limits& limits = {}) {
    makeCertificate(folder_ / "cert.pem", folder_ / "key.pem");
    ServerOptions options;
    options.listeners = {{"127.0.0.1", 0, "", ""}, {"127.0.0.1", 0, folder_ / "cert.pem", folder_ / "key.pem"}};
    options.limits = limits;
    auto made = Server::start(options, handler_, clock_);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    server_ = std::move(made).value();
  }
  Folder folder_;
};

TEST_F(HttpTls, ServesBesideAPlainPort) {
  startTls();
  TlsClient client(server_->port(1));
  ASSERT_TRUE(client.connected);
  EXPECT_GE(client.version(), TLS1_2_VERSION);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.get("/text").body, pattern(3000));
  EXPECT_EQ(client.get("/who").body, "127.0.0.1 tls");
  EXPECT_EQ(Client(server_->port(0)).get("/who").body, "127.0.0.1 plain");
}

TEST_F(HttpTls, SendsFilesRangesAndLargeBodies) {
  startTls();
  const std::string large = pattern(3'000'001);
  writeFile(handler_.filePath = folder_ / "a.m4s", large);
  TlsClient client(server_->port(1));
  EXPECT_TRUE(client.get("/file").body == large);
  EXPECT_EQ(client.get("/big").body.size(), 8u * 1024 * 1024);
  EXPECT_TRUE(client.get("/file", "Range: bytes=20000-1999999\r\n").body == large.substr(20000, 1980000));
  EXPECT_EQ(client.ask("POST /slow?x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc").body, "slow xabc");
  EXPECT_EQ(client.get("/text", "Connection: close\r\n").status, 200);
  EXPECT_TRUE(client.endsCleanly());
}

TEST_F(HttpTls, AnswersPipelinedRequestsInOrder) {
  startTls();
  TlsClient client(server_->port(1));
  std::string rest;
  for (int i = 1; i < 10; ++i) rest += "GET /echo?" + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\n\r\n";
  EXPECT_EQ(client.ask("GET /echo?0 HTTP/1.1\r\nHost: t\r\n\r\n" + rest).body, "|0|");
  for (int i = 1; i < 10; ++i) EXPECT_EQ(client.ask("").body, "|" + std::to_string(i) + "|");
}

TEST_F(HttpTls, EndsAHandshakeThatDoesNotCome) {
  Limits limits;
  limits.header = 200ms;
  limits.linger = 300ms;
  startTls(limits);
  Client silent(server_->port(1));
  EXPECT_TRUE(silent.endsCleanly());
  Client plain(server_->port(1));  // speaks HTTP to a TLS port
  plain.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  bool reset = false;
  plain.readAll(reset);
  for (int i = 0; i < 100 && server_->counters(0).openConnections.load() != 0; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(server_->counters(0).openConnections.load(), 0);
}

TEST_F(HttpTls, Drains) {
  Limits limits;
  limits.linger = 300ms;
  startTls(limits);
  TlsClient client(server_->port(1));
  EXPECT_EQ(client.get("/text").status, 200);
  std::thread stop([&] { server_->stop(5s); });
  for (int i = 0; i < 100 && Client(server_->port(0)).connected(); ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(client.get("/text").field("Connection"), "close");
  EXPECT_TRUE(client.endsCleanly());
  stop.join();
}

}  // namespace
}  // namespace dvpe::serve
