// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_events FOLDER SESSIONS [HOST PORT USER PASSWORD_FILE ROOT_CERTIFICATE]: the server side of ./dev bench events.
// SESSIONS viewers who agreed to be measured, each with a break that is on air; events go into a spool in FOLDER/spool,
// and with a database from there to it. Writes the sessions' tokens to FOLDER/tokens, prints {"port":…}, and answers
// each line on its standard input with what it has counted. bench_events client …: events_client.cpp.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "node/events/shipper.h"
#include "shared/base/log.h"
#include "tests/bench/serve_node.h"

namespace dvpe::bench {

int runEventsClient(char** argument);

namespace {

model::Documents documents() {
  model::Documents d;
  d.profiles["p"].id = "p";
  d.profiles["p"].rungs.push_back({"v720", 1280, 720, 0, 3'000'000, "superfast", "", 1});
  model::Channel& channel = d.channels["c"];
  channel.id = "c";
  channel.profile = "p";
  channel.breakLengths = {60};
  channel.epoch = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  d.media["h"].id = "h";
  d.media["h"].units = 60;
  d.campaigns["house"] = {"house", 1, "", "true", {"h"}};
  model::Ruleset& rules = d.rulesets["r"];
  rules.id = "r";
  rules.channel = "c";
  rules.rules.push_back({"all", "true", {model::FillBreaks{{}, true}}});
  return d;
}

personalize::NewSession viewer(const std::string& channel, int n, base::Random& random) {
  personalize::NewSession s;
  s.channel = channel;
  random.fill(s.id);
  random.fill(s.pseudonym);
  s.attributes["country"] = model::Value{std::string(1, static_cast<char>('A' + n % 20)) + "X"};
  s.attributes["device"] = model::Value{std::string(n % 3 == 0 ? "tv" : "phone")};
  s.purposes = {"ad_measurement", "content_measurement"};
  return s;
}

database::ConnectOptions databaseOf(char** argument) {
  std::ifstream file(argument[3]);
  database::ConnectOptions connect;
  connect.host = argument[0];
  connect.port = static_cast<std::uint16_t>(std::atoi(argument[1]));
  connect.user = argument[2];
  connect.password.assign(std::istreambuf_iterator<char>(file), {});
  connect.rootCertificate = argument[4];
  return connect;
}

int serve(const std::filesystem::path& folder, int sessions, char** database) {
  const base::SystemClock clock;
  base::SystemRandom random;
  const auto said = [](const base::Error& error) {
    std::fprintf(stderr, "bench_events: %s\n", error.message.c_str());
    return 1;
  };
  auto spool = events::Spool::open({.folder = folder / "spool"}, random);
  if (!spool) return said(spool.error());
  events::Naming naming(privacy::SecretKey::generate(random), {}, random);
  auto made = ServeNode::create({folder / "node", std::filesystem::path(DVPE_BINARY_DIR) / "resources/player",
                                 std::make_shared<const model::Documents>(documents()), viewer, spool.value().get(),
                                 &naming, /*breaks=*/false});
  if (!made) return said(made.error());
  ServeNode& node = *made.value();
  const auto playlists = node.createSessions(sessions);
  if (!playlists) return said(playlists.error());
  node.play();
  const auto [span, took] = node.breakNow(60);
  std::ofstream tokens(folder / "tokens");
  for (const std::string& path : playlists.value()) tokens << path.substr(3, path.find('/', 3) - 3) << '\n';
  tokens.close();
  std::unique_ptr<events::SpoolSource> source;
  std::unique_ptr<events::Shipper> shipper;
  std::printf("{\"port\":%u,\"break\":\"%s\"}\n", node.port(), span.id.c_str());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "ship" && database != nullptr && !shipper) {
      source = events::sourceOf(*spool.value());
      shipper = std::make_unique<events::Shipper>(*source, events::databaseWarehouse(databaseOf(database)), clock);
    }
    const auto s = spool.value()->counters();
    const auto c = shipper ? shipper->counters() : events::ShipperCounters{};
    std::printf(
        "{\"accepted\":%llu,\"refused\":%llu,\"sampled\":%llu,\"commits\":%llu,\"bytes\":%llu,\"next\":%llu,"
        "\"shipped\":%llu,\"repeated\":%llu,\"batches\":%llu,\"errors\":%llu}\n",
        static_cast<unsigned long long>(s.accepted), static_cast<unsigned long long>(s.refused),
        static_cast<unsigned long long>(s.sampledOut), static_cast<unsigned long long>(s.commits),
        static_cast<unsigned long long>(s.bytes), static_cast<unsigned long long>(s.next),
        static_cast<unsigned long long>(c.shipped), static_cast<unsigned long long>(c.repeated),
        static_cast<unsigned long long>(c.batches), static_cast<unsigned long long>(c.errors));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

}  // namespace dvpe::bench

int main(int count, char** argument) {
  dvpe::base::setupLog("warn", false);
  if (count == 7 && std::string_view(argument[1]) == "client") return dvpe::bench::runEventsClient(argument + 2);
  if (count == 3) return dvpe::bench::serve(argument[1], std::atoi(argument[2]), nullptr);
  if (count == 8) return dvpe::bench::serve(argument[1], std::atoi(argument[2]), argument + 3);
  std::fprintf(stderr, "usage: bench_events FOLDER SESSIONS [HOST PORT USER PASSWORD_FILE ROOT_CERTIFICATE]\n");
  return 2;
}
