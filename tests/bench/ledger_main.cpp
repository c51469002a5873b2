// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How many events a second the ledger takes on one core, when a third of them are impressions: 500,000 events in
// memory, of 50 campaigns, written to a folder below the one that is given. One line of JSON.
#include <cstring>
#include <ctime>
#include <iostream>

#include "node/events/ledger.h"
#include "tests/support/folder.h"

namespace {

using namespace dvpe;
using namespace dvpe::events;

constexpr std::uint64_t kEvents = 500'000, kCampaigns = 50;

class Source final : public SpoolSource {
 public:
  Source(base::WallTime now) {
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      Event e;
      e.kind = i % 3 == 0 ? Kind::kAdDecided : Kind::kHeartbeat;
      e.at = now;
      e.day = dayOf(now);
      std::memcpy(e.session.data(), &i, sizeof i);
      e.breakNumber = static_cast<std::int64_t>(i / 1000) + 1;
      e.slot = 1;
      e.value = 8;
      e.place = {"channel-one", "v",  "rule", "campaign-" + std::to_string(i % kCampaigns), "line", "creative-1", "",
                 "DE",          "tv", ""};
      e.id = impressionId(e.day, e.session, e.breakNumber, e.slot, e.kind);
      at_.push_back(bytes_.size());
      write(e, bytes_);
    }
    at_.push_back(bytes_.size());
  }
  Id id() const override { return {1}; }
  base::Result<Spool::Batch> read(std::uint64_t from, std::size_t mostEvents, std::size_t) override {
    const std::uint64_t to = std::min<std::uint64_t>(kEvents, from + mostEvents);
    const auto begin = bytes_.begin();
    return Spool::Batch{
        from, to, {begin + static_cast<std::ptrdiff_t>(at_[from]), begin + static_cast<std::ptrdiff_t>(at_[to])}};
  }
  bool wait(std::uint64_t from, std::chrono::milliseconds) override { return from < kEvents; }
  void shipped(std::uint64_t upTo) override { done = upTo; }
  std::uint64_t done = 0;

 private:
  base::Bytes bytes_;
  std::vector<std::size_t> at_;
};

}  // namespace

int main() {
  const base::SystemClock clock;
  const test::Folder folder;
  Source source(clock.wall());
  const auto key = release::PrivateKey::generate();
  auto ledger = Ledger::open({.folder = folder / "ledger"}, source, key, privacy::SecretKey({}), clock);
  if (!ledger) return 1;
  const auto begin = clock.steady();
  const std::clock_t cpu = std::clock();
  for (std::uint64_t taken = 0; taken < kEvents; taken += 20'000) {
    if (!ledger.value()->step(std::chrono::milliseconds{0})) return 1;
  }
  if (!ledger.value()->finish()) return 1;
  const double wall = std::chrono::duration<double>(clock.steady() - begin).count();
  const double busy = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const auto counters = ledger.value()->counters();
  std::cout << "{\"events\":" << kEvents << ",\"impressions\":" << counters.impressions
            << ",\"seals\":" << counters.seals << ",\"bytes\":" << counters.bytes
            << ",\"events_per_s\":" << static_cast<std::uint64_t>(kEvents / wall)
            << ",\"events_per_cpu_s\":" << static_cast<std::uint64_t>(kEvents / busy) << "}\n";
  return counters.impressions == (kEvents + 2) / 3 ? 0 : 1;
}
