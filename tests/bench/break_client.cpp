// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_break client PORT PATHS CONNECTIONS: viewers who ask for their playlists once in a target duration, each at a
// time of their own, over connections that they share. A request's time counts from when it was due, so that waiting in
// line counts. Answers the lines "clear" and "report".
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace dvpe::bench {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kEvery = std::chrono::seconds(4);

struct Connection {
  int fd = -1;
  std::string in;
  std::deque<Clock::time_point> due;  // of what was asked and not answered yet
};

class Client {
 public:
  Client(int port, const std::vector<std::string>& paths, std::size_t connections) : epoll_(::epoll_create1(0)) {
    for (const std::string& path : paths) requests_.push_back("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
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
    }
  }

  void run() {
    const auto start = Clock::now();
    const auto step = std::chrono::duration_cast<std::chrono::nanoseconds>(kEvery) / requests_.size();
    std::uint64_t sent = 0;
    std::vector<epoll_event> events(512);
    for (;;) {
      const auto now = Clock::now();
      for (; start + step * static_cast<std::int64_t>(sent) <= now; ++sent)
        ask(sent, start + step * static_cast<std::int64_t>(sent));
      const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1);
      for (int i = 0; i < n; ++i) read(connections_[events[static_cast<std::size_t>(i)].data.u64]);
      if (sent % 512 == 0 && !commands()) return;
    }
  }

 private:
  void ask(std::uint64_t number, Clock::time_point due) {
    const std::string& request = requests_[number % requests_.size()];
    Connection& c = connections_[number % connections_.size()];
    if (::send(c.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      ++errors_;
      return;
    }
    c.due.push_back(due);
  }

  void read(Connection& c) {
    char buffer[65536];
    for (ssize_t n; (n = ::recv(c.fd, buffer, sizeof buffer, 0)) > 0;) c.in.append(buffer, static_cast<std::size_t>(n));
    for (;;) {
      const std::size_t head = c.in.find("\r\n\r\n");
      if (head == std::string::npos) return;
      const std::size_t at = c.in.find("Content-Length: ");
      if (at == std::string::npos || at > head) throw std::runtime_error("an answer without a length");
      const std::size_t whole = head + 4 + std::strtoul(c.in.c_str() + at + 16, nullptr, 10);
      if (c.in.size() < whole) return;
      if (c.in.compare(0, 12, "HTTP/1.1 200") != 0) ++errors_;
      times_.push_back(
          static_cast<float>(std::chrono::duration<double, std::milli>(Clock::now() - c.due.front()).count()));
      c.due.pop_front();
      c.in.erase(0, whole);
    }
  }

  bool commands() {
    pollfd in{0, POLLIN, 0};
    if (::poll(&in, 1, 0) <= 0) return true;
    std::string line;
    if (!std::getline(std::cin, line)) return false;
    if (line == "report") {
      std::sort(times_.begin(), times_.end());
      const auto at = [&](double share) {
        return times_.empty() ? 0.0F : times_[static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1))];
      };
      std::printf("{\"requests\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"errors\":%zu}\n", times_.size(), at(0.5),
                  at(0.99), at(1.0), errors_);
    } else {
      std::printf("{}\n");
    }
    std::fflush(stdout);
    times_.clear();
    errors_ = 0;
    return true;
  }

  int epoll_;
  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  std::vector<float> times_;  // milliseconds
  std::size_t errors_ = 0;
};

}  // namespace

int runClient(int port, const char* file, std::size_t connections) {
  std::vector<std::string> paths;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) paths.push_back(line);
  if (paths.empty()) return 2;
  Client(port, paths, connections).run();
  return 0;
}

}  // namespace dvpe::bench
