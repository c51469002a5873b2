// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_events client PORT TOKENS CONNECTIONS RATE SPAN: players who tell of 20 events in each POST, each session with
// numbers of its own. RATE: requests a second; 0: each connection sends the next when it is answered. SPAN: the break
// that is on air. Prints once a tenth of a second what was accepted and when, in seconds of the wall clock.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace dvpe::bench {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kAtOnce = 20;

// A request of one session; its numbers and times are written in place.
struct Session {
  std::string request;
  std::vector<std::size_t> numbers, times;  // where they are
  std::uint64_t next = 0;
};

struct Connection {
  int fd = -1;
  std::string in;
  bool waits = false;
};

void put(std::string& text, std::size_t at, int digits, std::uint64_t value) {
  for (int i = digits - 1; i >= 0; --i, value /= 10)
    text[at + static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
}

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Ten digits; above those of an earlier run, as long as that used fewer than a hundred a second.
std::uint64_t firstNumber() { return static_cast<std::uint64_t>((wallSeconds() - 1.7e9) * 100); }

// What players say in half a minute: quality, some stalls and errors, and parts of an advertisement.
Session sessionOf(const std::string& token, const std::string& span, std::size_t n) {
  Session out;
  std::string body = "{\"session\":\"" + token + "\",\"events\":[";
  std::vector<std::size_t> numbers, times;
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    const char* kinds[] = {"quality", "quality", "quality", "stall",   "quality",
                           "error",   "quality", "quality", "startup", "ad_midpoint"};
    const std::string kind = kinds[(i + n) % 10];
    body += i == 0 ? "{" : ",{";
    body += "\"kind\":\"" + kind + "\",\"n\":";
    numbers.push_back(body.size());
    body += std::string(10, '0') + ",\"at\":";
    times.push_back(body.size());
    body += std::string(13, '0');
    if (kind == "quality") body += ",\"value\":3000000,\"text\":\"12850\"";
    if (kind == "stall" || kind == "startup") body += ",\"value\":850";
    if (kind == "error") body += ",\"text\":\"networkError/fragLoadTimeOut\"";
    if (kind == "ad_midpoint") body += ",\"break\":\"" + span + "\",\"slot\":1";
    body += "}";
  }
  body += "]}";
  const std::string head =
      "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n";
  for (auto& at : numbers) at += head.size();
  for (auto& at : times) at += head.size();
  return {head + body, std::move(numbers), std::move(times), firstNumber()};
}

class Players {
 public:
  Players(int port, std::vector<Session> sessions, std::size_t connections, double rate)
      : sessions_(std::move(sessions)), rate_(rate), epoll_(::epoll_create1(0)) {
    for (std::size_t i = 0; i < connections; ++i) {
      Connection c;
      c.fd = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(static_cast<std::uint16_t>(port));
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
      const int one = 1;
      ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      ::fcntl(c.fd, F_SETFL, O_NONBLOCK);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
      connections_.push_back(std::move(c));
      free_.push_back(i);
    }
  }

  // Until it is killed: whoever started it has seen enough.
  void run() {
    const auto start = Clock::now();
    auto report = start + std::chrono::milliseconds(100);
    std::uint64_t sent = 0;
    std::vector<epoll_event> ready(512);
    for (;;) {
      const auto now = Clock::now();
      const double due = std::chrono::duration<double>(now - start).count() * rate_;
      while (!free_.empty() && (rate_ == 0 || static_cast<double>(sent) < due)) {
        ask(free_.front(), sent++);
        free_.pop_front();
      }
      const int n = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), 1);
      for (int i = 0; i < n; ++i) read(ready[static_cast<std::size_t>(i)].data.u64);
      if (now < report) continue;
      report = now + std::chrono::milliseconds(100);
      std::printf("{\"at\":%.3f,\"accepted\":%llu,\"requests\":%llu,\"errors\":%llu}\n", wallSeconds(),
                  static_cast<unsigned long long>(accepted_), static_cast<unsigned long long>(answered_),
                  static_cast<unsigned long long>(errors_));
      std::fflush(stdout);
    }
  }

 private:
  void ask(std::size_t connection, std::uint64_t number) {
    Session& s = sessions_[number % sessions_.size()];
    const auto now = static_cast<std::uint64_t>(wallSeconds() * 1000);
    for (const std::size_t at : s.numbers) put(s.request, at, 10, s.next++);
    for (const std::size_t at : s.times) put(s.request, at, 13, now);
    const auto size = static_cast<ssize_t>(s.request.size());
    if (::send(connections_[connection].fd, s.request.data(), s.request.size(), MSG_NOSIGNAL) != size)
      throw std::runtime_error("a request was not sent whole");
  }

  void read(std::size_t number) {
    Connection& c = connections_[number];
    char buffer[4096];
    const ssize_t n = ::recv(c.fd, buffer, sizeof buffer, 0);
    if (n <= 0) throw std::runtime_error("the node closed a connection");
    c.in.append(buffer, static_cast<std::size_t>(n));
    const std::size_t head = c.in.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const std::size_t at = c.in.find("Content-Length: ");
    if (at == std::string::npos || at > head) throw std::runtime_error("an answer without a length");
    if (c.in.size() < head + 4 + std::strtoul(c.in.c_str() + at + 16, nullptr, 10)) return;
    ++answered_;
    const std::size_t taken = c.in.find("\"accepted\":", head);
    const std::uint64_t count = taken == std::string::npos ? 0 : std::strtoull(c.in.c_str() + taken + 11, nullptr, 10);
    accepted_ += count;
    errors_ += c.in.compare(0, 12, "HTTP/1.1 200") != 0 || count != kAtOnce ? 1 : 0;
    if (errors_ == 1) std::fprintf(stderr, "%s\n", std::exchange(c.in, {}).c_str());
    c.in.clear();
    free_.push_back(number);
  }

  std::vector<Session> sessions_;
  const double rate_;
  const int epoll_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> free_;
  std::uint64_t accepted_ = 0, answered_ = 0, errors_ = 0;
};

}  // namespace

int runEventsClient(char** argument) {
  std::vector<Session> sessions;
  std::ifstream in(argument[1]);
  for (std::string token; std::getline(in, token);) sessions.push_back(sessionOf(token, argument[4], sessions.size()));
  if (sessions.empty()) return 2;
  Players(std::atoi(argument[0]), std::move(sessions), static_cast<std::size_t>(std::atoi(argument[2])),
          std::atof(argument[3]))
      .run();
  return 0;
}

}  // namespace dvpe::bench
