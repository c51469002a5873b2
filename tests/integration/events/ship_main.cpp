// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Puts events with known ids into a spool, ships them, and says once a tenth of a second how far it is, as JSON.
// Started again with the same folder it goes on where it was killed:
//
//     ship_events HOST PORT USER PASSWORD_FILE ROOT_CERTIFICATE FOLDER COUNT
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "node/events/shipper.h"

namespace {

using namespace dvpe;
using namespace std::chrono_literals;

// The nth event: the same one each time.
events::Event nth(std::uint64_t n, base::WallTime now) {
  static const char* const kCountries[] = {"DE", "FR", "AT", "CH", "IT", "ES", "PL", "NL", "BE", "DK"};
  events::Event e;
  e.kind = n % 4 == 0 ? events::Kind::kAdDecided : events::Kind::kHeartbeat;
  e.session = {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8)};
  e.id = events::sessionEventId(e.session, e.kind, n);
  e.at = now;
  e.day = events::dayOf(now);
  e.visitor = n % 5000 + 1;
  e.place.channel = "one";
  e.place.variant = "v" + std::to_string(n % 5);
  e.place.campaign = "campaign-" + std::to_string(n % 7);
  e.place.line = "line";
  e.place.creative = "creative-" + std::to_string(n % 3);
  e.place.country = kCountries[n % 10];
  e.place.device = n % 2 == 0 ? "tv" : "phone";
  e.value = static_cast<std::int64_t>(n);
  return e;
}

int run(char** argument) {
  std::ifstream file(argument[4]);
  database::ConnectOptions connect;
  connect.host = argument[1];
  connect.port = static_cast<std::uint16_t>(std::stoi(argument[2]));
  connect.user = argument[3];
  connect.password.assign(std::istreambuf_iterator<char>(file), {});
  connect.rootCertificate = argument[5];
  const std::uint64_t count = std::stoull(argument[7]);
  const base::SystemClock clock;
  base::SystemRandom random;
  auto opened = events::Spool::open({.folder = argument[6]}, random);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  events::Spool& spool = *opened.value();
  std::vector<events::Event> some;
  for (std::uint64_t n = spool.counters().next; n < count;) {
    some.clear();
    for (; n < count && some.size() < 1000; ++n) some.push_back(nth(n, clock.wall()));
    while (!spool.append(some, {})) std::this_thread::sleep_for(1ms);
  }
  while (spool.counters().next < count) std::this_thread::sleep_for(1ms);
  const auto began = clock.steady();
  const auto source = events::sourceOf(spool);
  events::Shipper shipper(*source, events::databaseWarehouse(connect), clock);
  for (;;) {
    const auto c = shipper.counters();
    std::printf(
        "{\"next\": %llu, \"shipped\": %llu, \"repeated\": %llu, \"refused\": %llu, \"unreadable\": %llu, \"batches\": "
        "%llu, \"errors\": %llu, \"lag\": %.3f, \"seconds\": %.3f}\n",
        static_cast<unsigned long long>(c.next), static_cast<unsigned long long>(c.shipped),
        static_cast<unsigned long long>(c.repeated), static_cast<unsigned long long>(c.refused),
        static_cast<unsigned long long>(c.unreadable), static_cast<unsigned long long>(c.batches),
        static_cast<unsigned long long>(c.errors), c.lagSeconds,
        std::chrono::duration<double>(clock.steady() - began).count());
    std::fflush(stdout);
    if (c.next >= count) return 0;
    std::this_thread::sleep_for(count - c.next > 50'000 ? 100ms : 10ms);
  }
}

}  // namespace

int main(int count, char** argument) { return count == 8 ? run(argument) : 2; }
