// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What happened, as it is written, shipped and stored: docs/reference/events.md says what each kind means.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::events {

// The numbers are stored: they are never given to something else.
enum class Kind : std::uint8_t {
  kSessionStart = 1,
  kHeartbeat = 2,
  kSessionEnd = 3,
  kVariantShown = 10,
  kClipShown = 11,
  kRuleChosen = 12,
  kArmAssigned = 13,
  kBreakShown = 14,
  kCreativeRanked = 15,
  kAdDecided = 20,
  kAdDelivered = 21,
  kAdStarted = 22,
  kAdFirstQuartile = 23,
  kAdMidpoint = 24,
  kAdThirdQuartile = 25,
  kAdComplete = 26,
  kAdSkipped = 27,
  kAdClicked = 28,
  kError = 40,
  kStartup = 41,
  kStall = 42,
  kQuality = 43,
  kFeedback = 60,
  kRecommendationShown = 61,
  kRecommendationTaken = 62,
  kConsentGiven = 80,
  kConsentWithdrawn = 81,
};

// "ad_decided" and so on; "": no such kind.
std::string_view nameOf(Kind kind);
std::optional<Kind> kindOf(std::string_view name);

// What may be left out, with the weight of those that stay raised, when the disk is full: one heartbeat is like
// another. Never what somebody pays for, agreed to or said.
bool mayBeSampled(Kind kind);

using Id = std::array<std::uint8_t, 16>;

// What an event is about: few different ones, each stored once. Texts are names of documents (at most 128 bytes each);
// empty: not about any.
struct Place {
  std::string channel, variant, rule, campaign, line, creative, content, country, device, arm;
  bool operator==(const Place&) const = default;
};
inline constexpr std::size_t kPlaceTexts = 10;
inline constexpr std::size_t kMaxPlaceText = 128;

// One thing that happened. Nothing in it but `sealed` and `visitor` is personal.
struct Event {
  Kind kind = Kind::kHeartbeat;
  Id id{};  // what happens once has one: a second event of the same day and id is the first one again
  std::int32_t day =
      0;  // UTC days since 1970: of the break, of the session's minute; it does not change when sent again
  base::WallTime at{};        // microseconds since 1970
  Id session{};               // the session's; of a viewer without a lawful basis a random one for each break
  std::uint64_t visitor = 0;  // a keyed hash of the pseudonym and the month, for counting who differs; 0: not counted
  Place place;
  std::int64_t breakNumber = 0;  // of the channel; 0: not in a break
  std::uint16_t slot = 0;        // in its break, from 1; 0: none
  std::int64_t value = 0;        // by its kind: milliseconds, bits per second, units
  float weight = 1;              // how many it stands for
  std::string text;              // by its kind: a code, a verb; at most kMaxText bytes
  base::Bytes sealed;            // personal, sealed for its viewer; at most kMaxSealed bytes
  bool operator==(const Event&) const = default;
};
inline constexpr std::size_t kMaxText = 2048;
inline constexpr std::size_t kMaxSealed = 4096;
// Of one event as bytes, at most.
inline constexpr std::size_t kMaxEventBytes = 8192;

// An impression's state is counted once for each (UTC day of the break, session, break, slot, state): the id is made of
// these, whoever says it.
Id impressionId(std::int32_t day, const Id& session, std::int64_t breakNumber, std::uint16_t slot, Kind state);
// Of what a session tells under a number of its own.
Id sessionEventId(const Id& session, Kind kind, std::uint64_t number);
std::int32_t dayOf(base::WallTime at);

// Little-endian: u32 length of what follows, then the fields as event.cpp writes them. Appends to `out`. Texts that are
// too long are cut. It is written as standing for so many `times` what it stands for.
void write(const Event& event, base::Bytes& out, float times = 1);
// The event at the beginning of `bytes`, and how many bytes it took. kInvalidInput: write() makes no such bytes.
base::Result<std::pair<Event, std::size_t>> read(base::ByteView bytes);

}  // namespace dvpe::events
