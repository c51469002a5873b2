// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a decision adds to the log of breaks, gathered for many sessions.
#pragma once

#include "node/personalize/director_state.h"

namespace dvpe::personalize {

struct Director::Binding {
  BindEntry bind;
  SettleEntry settle;
  std::int64_t until = 0;         // seconds since 1970: the span is out of every window by then
  std::vector<LoggedSlot> slots;  // of the session at hand
  bool failed = false;

  void begin(const DirectedChannel& channel, const timeline::Span& span) {
    if (!bind.channel.empty()) return;
    bind.channel = channel.id;
    bind.span = span;
    until = std::chrono::floor<std::chrono::seconds>(base::toWall(channel.epoch, span.end + channel.window))
                .time_since_epoch()
                .count() +
            600;
  }
  // The number of a creative in the entry.
  std::uint16_t creative(const std::shared_ptr<const PlacedCreative>& what, const decisions::ImpressionKeys& keys,
                         bool remembered) {
    const auto [at, fresh] = numbers.emplace(what.get(), static_cast<std::uint16_t>(bind.creatives.size()));
    if (fresh) bind.creatives.push_back({what, keys, remembered});
    return at->second;
  }

  std::unordered_map<const PlacedCreative*, std::uint16_t> numbers;
};

}  // namespace dvpe::personalize
