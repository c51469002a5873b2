// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What players tell (POST /v1/events, docs/reference/http.md): checked against the session and what was bound for it.
#pragma once

#include <array>
#include <boost/json/array.hpp>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "node/events/naming.h"
#include "node/events/sink.h"
#include "node/personalize/session_view.h"
#include "shared/privacy/token.h"

namespace dvpe::serve {

using base::Ticks;

// Of a channel, by its number on this node.
struct EventChannel {
  std::string id;
  base::WallTime epoch{};
  Ticks unit{};
};

// Any thread; several at once.
class EventIntake {
 public:
  static constexpr std::size_t kMostEvents = 100;         // in one request
  static constexpr std::chrono::minutes kLate{10};        // since it happened, or since the slot's end
  static constexpr std::chrono::seconds kEarly{5};        // players' clocks
  static constexpr std::uint32_t kMostOfASession = 4096;  // in 15 to 30 minutes

  EventIntake(std::vector<EventChannel> channels, events::Naming& naming, const base::Clock& clock);

  struct Checked {
    privacy::SessionId session{};
    std::vector<events::Event> events;   // to be written
    std::vector<std::uint64_t> numbers;  // theirs
    boost::json::array refused;          // {"n": …, "index": …, "why": …}, in their order
    boost::json::array slots;            // of each that starts one: {"n": …, "units": its length}
  };
  // told: the request's "events"; claims: of its session's token, which is known here as `view`.
  // kInvalidInput, kLimitExceeded: nothing of it is taken.
  base::Result<Checked> check(const boost::json::value& told, const privacy::ClaimsView& claims,
                              const personalize::SessionView& view);
  // These could not be written: the player may send them again.
  void giveBack(const privacy::SessionId& session, const std::vector<std::uint64_t>& numbers);

 private:
  // The numbers that a session's player has used: the newest, and which of the 64 up to it (as IPsec does against
  // replay, RFC 4303, 3.4.3).
  struct Numbers {
    std::uint64_t newest = 0, window = 0;
    std::uint32_t count = 0;
  };
  // Those of sessions that told something in the last 15 minutes, and of the 15 minutes before.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, Numbers> young, old;
    std::int64_t turned = 0;  // seconds since 1970
    Numbers& of(const privacy::SessionId& session, std::int64_t now);
  };

  base::Result<events::Event> read(const boost::json::object& told, const personalize::SessionView& view,
                                   base::WallTime now, int& units) const;
  base::Result<void> readSlot(const boost::json::object& told, const personalize::SessionView& view, base::WallTime now,
                              events::Event& event, int& units) const;
  base::Result<void> take(const privacy::SessionId& session, std::uint64_t number, std::int64_t now);
  Shard& shardOf(const privacy::SessionId& session) { return shards_[session[15] % shards_.size()]; }

  const std::vector<EventChannel> channels_;
  events::Naming& naming_;
  const base::Clock& clock_;
  std::array<Shard, 16> shards_;
};

}  // namespace dvpe::serve
