// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A plain blocking HTTP client and a server with a handler of the tests' own.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <string>

#include "node/serve/http/server.h"

namespace dvpe::serve {

// A folder that goes when the test does.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dvpe-serve-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void writeFile(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

inline std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

// /text  3,000 bytes; /echo  the body; /who  address and whether TLS; /slow  after 50 ms; /stuck  never; /big  8 MiB
// shared; /shared  1,000 bytes shared; /file  as filePath; /throw; /hold  holds the loop up until `held` is released.
class TestHandler : public Handler {
 public:
  TestHandler() {
    const std::string s = pattern(1000);
    shared = base::share(base::Bytes(s.begin(), s.end()));
    big = base::share(base::Bytes(8 * 1024 * 1024, 'b'));
  }
  bool handle(int, const Request& q, Response& r) override {
    r.contentType = "text/plain";
    if (q.path == "/text") {
      r.body = pattern(3000);
    } else if (q.path == "/echo") {
      r.body.append(q.contentType).append("|").append(q.query).append("|").append(q.body);
    } else if (q.path == "/who") {
      r.body.append(q.remoteAddress).append(q.tls ? " tls" : " plain");
    } else if (q.path == "/shared") {
      r.shared = shared;
    } else if (q.path == "/big") {
      r.shared = big;
    } else if (q.path == "/file") {
      r.file = filePath;
    } else if (q.path == "/nothing") {
      r.status = 204;
    } else if (q.path == "/hold") {
      held.acquire();
    } else if (q.path == "/throw") {
      throw std::runtime_error("as the test wants");
    } else if (q.path == "/slow" || q.path == "/stuck" || q.path == "/throw-later") {
      return false;
    } else {
      r.status = 404;
      r.body = "no such thing";
    }
    return true;
  }
  boost::asio::awaitable<void> handleSlow(int, const Request& q, Response& r) override {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    timer.expires_after(q.path == "/stuck" ? std::chrono::hours{1} : std::chrono::milliseconds{50});
    co_await timer.async_wait(boost::asio::use_awaitable);
    if (q.path == "/throw-later") throw std::runtime_error("as the test wants");
    r.contentType = "text/plain";
    r.body.append("slow ").append(q.query).append(q.body);
  }

  base::SharedBytes shared;
  base::SharedBytes big;
  std::string filePath;
  std::counting_semaphore<> held{0};
};

// An answer as it came.
struct Answer {
  int status = 0;  // 0: none came
  std::string head;
  std::string body;
  std::string field(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receiveBuffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receiveBuffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return fd_; }
  bool connected() const { return connected_; }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Reads one answer; head: to a HEAD request, so that no body follows.
  Answer read(bool head = false) {
    Answer a;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return a;
    }
    a.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    a.status = std::atoi(a.head.c_str() + 9);
    const std::string length = a.field("Content-Length");
    const std::size_t bytes = head || length.empty() ? 0 : std::stoul(length);
    while (buffer_.size() < bytes && more()) {
    }
    a.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return a;
  }

  Answer ask(std::string_view text, bool head = false) {
    send(text);
    return read(head);
  }
  Answer get(const std::string& target, const std::string& fields = "") {
    return ask("GET " + target + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n");
  }

  // Whether the connection ends without a further byte, and without a reset.
  bool endsCleanly() {
    char c = 0;
    return buffer_.empty() && ::recv(fd_, &c, 1, 0) == 0;
  }
  // Everything until the end. reset: ended by one.
  std::string readAll(bool& reset) {
    while (more()) {
    }
    reset = lastError_ == ECONNRESET;
    return buffer_;
  }

 private:
  bool more() {
    char block[65536];
    const ssize_t n = ::recv(fd_, block, sizeof block, 0);
    lastError_ = n < 0 ? errno : 0;
    if (n <= 0) return false;
    buffer_.append(block, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool connected_ = false;
  int lastError_ = 0;
  std::string buffer_;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(const Limits& limits = {}, int loops = 1) {
    ServerOptions options;
    options.listeners.emplace_back();
    options.loops = loops;
    options.limits = limits;
    auto made = Server::start(options, handler_, clock_);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    server_ = std::move(made).value();
  }
  std::uint64_t requests(std::size_t statusClass) const {
    std::uint64_t n = 0;
    for (int i = 0; i < server_->loops(); ++i) n += server_->counters(i).requests[statusClass].load();
    return n;
  }

  base::SystemClock clock_;
  TestHandler handler_;
  std::unique_ptr<Server> server_;
};

}  // namespace dvpe::serve
