// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Events as the database takes them: an array for each field.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/events/event.h"
#include "node/events/spool.h"
#include "shared/database/connection.h"

namespace dvpe::events {

// What is shipped at once: the events [from, to) of a spool, but those that cannot be read.
struct Shipment {
  Id spool{};
  std::uint64_t from = 0, to = 0;
  std::size_t events = 0;
  std::uint64_t unreadable = 0;            // numbers in [from, to) without an event
  std::optional<base::WallTime> oldest{};  // when the first of them happened
  std::vector<database::Param> params{};   // of kShip
};

// events.ship with the parameters of a shipment: watermark, inserted, refused.
extern const char* const kShip;

// Bytes that are no event end it: those behind them are unreadable too. Texts become what PostgreSQL can store: what is
// not UTF-8, and zeros, become '?'.
Shipment shipmentOf(const Id& spool, const Spool::Batch& batch);

// 32 hexadecimal digits, which PostgreSQL reads as a uuid.
std::string textOf(const Id& id);

}  // namespace dvpe::events
