// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What bench_serve measures: a real director, router and server over a timeline that is played instead of rendered.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "node/personalize/director.h"
#include "node/serve/http/server.h"
#include "node/serve/router.h"
#include "node/timeline/cutter.h"

namespace dvpe::bench {

// How long requests took, to the nanosecond. Written by one loop, read when that is idle.
class NanoHistogram {
 public:
  NanoHistogram() : counts_(kLimit) {}
  void add(std::uint64_t ns) { ++counts_[std::min<std::uint64_t>(ns, kLimit - 1)]; }
  void clear() { std::fill(counts_.begin(), counts_.end(), 0); }
  std::uint64_t count() const;
  // The smallest time that at least this share of the requests did not exceed.
  std::uint64_t quantile(double share) const;

 private:
  static constexpr std::size_t kLimit = 200'000;
  std::vector<std::uint32_t> counts_;
};

// The router with a watch around it: opening the token, finding the session, assembling the body.
class TimedHandler final : public serve::Handler {
 public:
  explicit TimedHandler(serve::Handler& handler) : handler_(handler) {}
  bool handle(int loop, const serve::Request& request, serve::Response& response) override;
  boost::asio::awaitable<void> handleSlow(int loop, const serve::Request& request, serve::Response& response) override {
    return handler_.handleSlow(loop, request, response);
  }
  NanoHistogram times;

 private:
  serve::Handler& handler_;
};

// Viewers for the demo's documents.
personalize::NewSession demoViewer(const std::string& channel, int number, base::Random& random);

struct ServeNodeOptions {
  std::filesystem::path folder;  // for the session journal; empty or new
  std::filesystem::path player;
  std::shared_ptr<const model::Documents> documents;  // the first channel is played
  std::function<personalize::NewSession(const std::string& channel, int number, base::Random& random)> viewer;
  events::Sink* events = nullptr;  // as in DirectorOptions: both or none
  events::Naming* naming = nullptr;
  bool breaks = true;  // one is on at least a part of the window at any time; false: breakNow() alone
};

// One channel over a timeline that is played. The window is full before anybody comes.
class ServeNode {
 public:
  static base::Result<std::unique_ptr<ServeNode>> create(ServeNodeOptions options);
  ~ServeNode();

  // Creates this many sessions of different viewers, in batches, and returns the playlists of their first rung.
  base::Result<std::vector<std::string>> createSessions(int count);
  // Announces a break at once; returns when it is bound for every session, with the span and how long that took.
  std::pair<timeline::Span, std::chrono::microseconds> breakNow(int units);
  // Steps the timeline by a cell, as fast as it goes.
  void step();
  // From now on a cell each four seconds.
  void play();
  void stopPlaying();

  std::uint16_t port() const { return server_->port(); }
  TimedHandler& handler() { return *timed_; }
  std::size_t cohorts() const { return cohorts_; }
  personalize::Director& director() { return *director_; }
  const decisions::Compiled& compiled() const { return *compiled_; }
  std::int64_t cells() const { return cells_; }

 private:
  explicit ServeNode(ServeNodeOptions options) : options_(std::move(options)), documents_(options_.documents) {}
  base::Result<void> open();
  void finish(const timeline::Cut& cut, base::Ticks end);
  void settle();

  const ServeNodeOptions options_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  std::shared_ptr<const model::Documents> documents_;
  std::shared_ptr<const decisions::Compiled> compiled_;
  timeline::Grid grid_{model::FrameRate{}};
  timeline::Demand demand_;
  std::unique_ptr<timeline::Cutter> cutter_;
  std::vector<timeline::Cut> made_;  // cuts whose cells are not listed yet
  int breaks_ = 0;
  std::mutex cutting_;
  std::atomic<std::int64_t> cells_{0};
  std::atomic<std::size_t> cohorts_{0};
  std::unique_ptr<personalize::SessionStore> store_;
  std::unique_ptr<privacy::TokenSealer> tokens_;
  serve::Metrics metrics_;
  std::optional<serve::PlayerAssets> player_;
  std::unique_ptr<package::Window> window_;
  std::unique_ptr<personalize::Director> director_;
  std::unique_ptr<serve::Router> router_;
  std::unique_ptr<TimedHandler> timed_;
  std::unique_ptr<serve::Server> server_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread player_thread_;
};

}  // namespace dvpe::bench
