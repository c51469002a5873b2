// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a decision adds to the log of breaks, gathered for many sessions.
#pragma once

#include "node/personalize/director_state.h"

namespace dvpe::personalize {

struct Director::Binding {
  // What was bound in one span: an entry of the log.
  struct Part {
    BindEntry entry;
    std::int64_t until = 0;  // seconds since 1970: the span is out of every window by then
    std::unordered_map<const PlacedCreative*, std::uint16_t> numbers;

    // The number of a creative in the entry.
    std::uint16_t creative(const std::shared_ptr<const PlacedCreative>& what, const decisions::ImpressionKeys& keys,
                           bool promised) {
      const auto [at, fresh] = numbers.emplace(what.get(), static_cast<std::uint16_t>(entry.creatives.size()));
      if (fresh) entry.creatives.push_back({what, keys, promised});
      return at->second;
    }
  };

  std::deque<Part> parts;
  SettleEntry settle;
  std::vector<std::pair<privacy::SessionId, Promise>> undone;  // what `settle` gives back: theirs again if it is lost
  std::vector<LoggedSlot> slots;                               // of the session at hand
  bool failed = false;

  Part* find(const std::string& channel, const std::string& span) {
    const auto it = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
      return part.entry.span.id == span && part.entry.channel == channel;
    });
    return it == parts.end() ? nullptr : &*it;
  }
  Part& part(const DirectedChannel& channel, const timeline::Span& span) {
    if (Part* known = find(channel.id, span.id)) return *known;
    Part& made = parts.emplace_back();
    made.entry.channel = channel.id;
    made.entry.span = span;
    made.until = outOfWindows(channel, span);
    return made;
  }
  bool empty() const { return parts.empty() && settle.outcomes.empty(); }
  static std::int64_t outOfWindows(const DirectedChannel& channel, const timeline::Span& span) {
    return std::chrono::floor<std::chrono::seconds>(base::toWall(channel.epoch, span.end + channel.window))
               .time_since_epoch()
               .count() +
           600;
  }
};

}  // namespace dvpe::personalize
