// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_break FOLDER SESSIONS CAMPAIGNS: the server side of ./dev bench break. A channel whose breaks are filled by
// CAMPAIGNS of one line each (seeded: prices, targeting over a dozen attributes, caps on every other, categories), and
// a house campaign; SESSIONS viewers; a new plan every ten seconds. Writes the playlists to FOLDER/paths, prints
// {"port":…}, and answers "break UNITS" and "report" on its standard input until that ends. bench_break client …:
// break_client.cpp.
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "shared/base/cpu_time.h"
#include "tests/bench/serve_node.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace {
std::atomic<std::uint64_t> connects{0};
}

// Whoever would call somebody outside has to come through here.
extern "C" int connect(int socket, const sockaddr* address, socklen_t length) {
  static const auto real = reinterpret_cast<int (*)(int, const sockaddr*, socklen_t)>(::dlsym(RTLD_NEXT, "connect"));
  ++connects;
  return real(socket, address, length);
}

namespace dvpe::bench {

int runClient(int port, const char* file, std::size_t connections);

namespace {

using model::Documents;

constexpr int kAttributes = 12;
constexpr int kValues = 20;

model::Documents documents(int campaigns) {
  std::mt19937_64 random(20'26);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
  Documents d;
  d.profiles["p"].id = "p";
  d.profiles["p"].rungs.push_back({"v720", 1280, 720, 0, 3'000'000, "superfast", "", 1});
  model::Channel& channel = d.channels["c"];
  channel.id = "c";
  channel.profile = "p";
  channel.epoch = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  model::Ruleset& rules = d.rulesets["r"];
  rules.id = "r";
  rules.channel = "c";
  for (int i = 0; i < kAttributes; ++i) {
    rules.fields.push_back({"viewer.a" + std::to_string(i), model::FieldType::kInt, "", ""});
  }
  rules.rules.push_back({"all", "true", {model::FillBreaks{{}, true}}});
  const auto conditioned = [&](const std::string& id, int units) {
    d.media[id].id = id;
    d.media[id].units = units;
  };
  for (int i = 0; i < 200; ++i) conditioned("m" + std::to_string(i), 10 + 5 * (i % 3));
  d.campaigns["house"] = {"house", 1, "", "true", {"h0", "h1", "h2"}};
  for (int i = 0; i < 3; ++i) conditioned("h" + std::to_string(i), 10 + 5 * i);
  for (int i = 0; i < campaigns; ++i) {
    const std::string id = "k" + std::to_string(i);
    model::Campaign& campaign = d.campaigns[id];
    campaign.id = id;
    campaign.advertiser = "a" + std::to_string(i % 300);
    campaign.when = "viewer.a" + std::to_string(below(kAttributes)) + " in [" + std::to_string(below(kValues)) + ", " +
                    std::to_string(below(kValues)) + "] && viewer.a" + std::to_string(below(kAttributes)) + " < " +
                    std::to_string(4 + below(kValues));
    if (i % 3 == 0) campaign.categories.push_back("cat" + std::to_string(i % 40));
    model::Line line;
    line.id = "l";
    line.goal = {model::GoalKind::kImpressions, 1'000'000};
    line.price = {model::PriceKind::kCpm, (2 + below(30)) * model::Micros{1'000'000}};
    if (i % 2 == 0) line.caps.push_back({2 + below(4), model::CapPeriod::kDay});
    for (int c = 0; c < 2; ++c) {
      const std::string creative = id + "-" + std::to_string(c);
      d.creatives[creative] = {creative, 1, "", "m" + std::to_string(below(200)), {}, 0, {}, ""};
      line.creatives.push_back({creative, 1});
    }
    campaign.lines.push_back(std::move(line));
  }
  return d;
}

personalize::NewSession viewer(const std::string& channel, int n, base::Random& random) {
  personalize::NewSession s;
  s.channel = channel;
  random.fill(s.id);
  random.fill(s.pseudonym);
  std::mt19937 own(static_cast<unsigned>(n));
  for (int i = 0; i < kAttributes; ++i) {
    s.attributes["a" + std::to_string(i)] = model::Value{static_cast<std::int64_t>(own() % kValues)};
  }
  s.purposes = {"personalised_content", "personalised_ads"};
  return s;
}

// Rates that let some twenty lines in for a viewer; ceilings that some lines reach.
std::shared_ptr<const decisions::Plan> plan(const decisions::Compiled& compiled, std::uint64_t number, int sessions) {
  std::mt19937_64 random(number);
  auto out = std::make_shared<decisions::Plan>();
  out->number = number;
  out->made = base::SystemClock{}.wall();
  for (const auto& line : compiled.channel("c")->lines) {
    if (line.house()) continue;
    out->lines[line.name] = {static_cast<std::uint32_t>(50'000 + random() % 200'000),
                             line.worth + static_cast<std::int64_t>(random() % 20'000)};
    out->ceilings["node"][line.name] =
        static_cast<std::int64_t>(random() % 400) * sessions / 5'000 * static_cast<int>(number);
  }
  return out;
}

struct Filled {
  double all = 0, paid = 0;
};

Filled filled(ServeNode& node, const std::vector<privacy::SessionId>& ids, const timeline::Span& span, int units) {
  const personalize::SessionTable::ReadScope scope(node.director().table(), 1);
  std::int64_t all = 0, paid = 0;
  for (const auto& id : ids) {
    const personalize::SessionView* view = node.director().table().peek(id);
    const personalize::BoundPod* pod = view != nullptr ? view->podOf(span.id) : nullptr;
    if (pod == nullptr) continue;
    for (const auto& piece : pod->pieces) {
      all += piece.units;
      paid += piece.what->campaign == "house" ? 0 : piece.units;
    }
  }
  const double most = static_cast<double>(units) * static_cast<double>(ids.size());
  return {static_cast<double>(all) / most, static_cast<double>(paid) / most};
}

double processSeconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

int serve(const std::filesystem::path& folder, int sessions, int campaigns) {
  const auto all = std::make_shared<const Documents>(documents(campaigns));
  std::vector<privacy::SessionId> ids;
  const auto remember = [&ids](const std::string& channel, int n, base::Random& random) {
    auto made = viewer(channel, n, random);
    ids.push_back(made.id);
    return made;
  };
  auto made = ServeNode::create({folder, std::filesystem::path(DVPE_BINARY_DIR) / "resources/player", all, remember,
                                 nullptr, nullptr, /*breaks=*/false});
  if (!made) {
    std::fprintf(stderr, "bench_break: %s\n", made.error().message.c_str());
    return 1;
  }
  ServeNode& node = *made.value();
  std::uint64_t number = 1;
  node.director().setPlan(plan(node.compiled(), number, sessions));
  for (int i = 0; i < 24; ++i) node.step();
  auto playlists = node.createSessions(sessions);
  if (!playlists) {
    std::fprintf(stderr, "bench_break: %s\n", playlists.error().message.c_str());
    return 1;
  }
  for (int i = 0; i < 24; ++i) node.step();
  std::ofstream paths(folder / "paths");
  for (const auto& p : playlists.value()) paths << p << '\n';
  paths.close();
  node.play();
  std::atomic<bool> stopping{false};
  std::thread planner([&] {
    for (int tenths = 1; !stopping; ++tenths) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (tenths % 100 == 0) node.director().setPlan(plan(node.compiled(), ++number, sessions));
    }
  });
  std::printf("{\"port\":%u,\"sessions\":%zu}\n", node.port(), node.director().sessions());
  std::fflush(stdout);
  const auto& counters = node.director().counters();
  std::uint64_t refresh = counters.refreshMicroseconds, age = 0, connected = connects;
  double cpu = processSeconds();
  auto since = std::chrono::steady_clock::now();
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word;
    int units = 0;
    words >> word >> units;
    if (word == "break") {
      const auto [span, took] = node.breakNow(units);
      const Filled share = filled(node, ids, span, units);
      std::printf("{\"bind_ms\":%.1f,\"filled\":%.4f,\"paid\":%.4f,\"bound\":%llu,\"contingencies\":%llu}\n",
                  static_cast<double>(took.count()) / 1000, share.all, share.paid,
                  static_cast<unsigned long long>(counters.bound.load()),
                  static_cast<unsigned long long>(counters.contingencies.load()));
    } else {
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
      age = counters.podAgeSeconds;
      auto counts =
          boost::asio::co_spawn(node.director().executor(), node.director().counts(), boost::asio::use_future).get();
      std::int64_t bound = 0, delivered = 0, returned = 0;
      for (const auto& [name, each] : counts.lines) {
        bound += each.bound;
        delivered += each.delivered;
        returned += each.returned;
      }
      std::printf(
          "{\"refresh_share\":%.4f,\"cpu_share\":%.4f,\"pod_age\":%llu,\"connects\":%llu,\"plans\":%llu,\"bound\":%lld,"
          "\"delivered\":%lld,\"returned\":%lld,\"viewer_bytes\":%llu,\"refreshed\":%llu}\n",
          static_cast<double>(counters.refreshMicroseconds - refresh) / 1e6 / seconds,
          (processSeconds() - cpu) / seconds, static_cast<unsigned long long>(age),
          static_cast<unsigned long long>(connects - connected), static_cast<unsigned long long>(number),
          static_cast<long long>(bound), static_cast<long long>(delivered), static_cast<long long>(returned),
          static_cast<unsigned long long>(counters.viewerBytes.load()),
          static_cast<unsigned long long>(counters.refreshed.load()));
      refresh = counters.refreshMicroseconds;
      cpu = processSeconds();
      since = std::chrono::steady_clock::now();
      connected = connects;
    }
    std::fflush(stdout);
  }
  stopping = true;
  planner.join();
  return 0;
}

}  // namespace

}  // namespace dvpe::bench

int main(int argc, char** argv) {
  if (argc == 5 && std::string_view(argv[1]) == "client") {
    return dvpe::bench::runClient(std::atoi(argv[2]), argv[3], static_cast<std::size_t>(std::atoi(argv[4])));
  }
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_break FOLDER SESSIONS CAMPAIGNS\n");
    return 2;
  }
  return dvpe::bench::serve(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
}
