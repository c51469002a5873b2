// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The decision sample's part of a node (docs/reference/audience.md): whether a session is in it, and what is told of
// it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/events/event.h"
#include "node/events/naming.h"
#include "shared/base/clock.h"
#include "shared/database/connection.h"
#include "shared/model/documents.h"
#include "shared/privacy/secret.h"
#include "shared/rules/attributes.h"

namespace dvpe::events {

inline constexpr std::int64_t kWholeSample = std::int64_t{1} << 31;  // a threshold below which everybody is
inline constexpr std::size_t kMaxSampleADay = 200'000;               // of the database; a node keeps to it alone, too
inline constexpr std::size_t kMaxSampleBatch = 10'000;

// A session's day in the sample. Nothing in it names the session or the viewer but `visitor`.
struct Sampled {
  std::int32_t day = 0;  // since 1970, UTC
  Id id{};               // tells a second copy apart
  std::string channel;
  std::uint64_t visitor = 0;  // as in the viewer's events of this month
  std::int32_t draw = 0;      // 0 to 2^31 - 1
  std::string attributes;     // JSON
  privacy::Pseudonym name{};  // of the viewer in this node's files, for forget(); it is shipped to nobody
  std::array<std::int16_t, 24> breaks{};
};

// A viewer's forecastable fields as the sample keeps them, as JSON: keys of rules::sampleKey; null for what the viewer
// has not; left out without consent and when the value is none that the sample knows.
std::string coarseAttributes(const std::vector<model::Field>& fields, const rules::AttributeSource& viewer);

// Chooses, and keeps what was chosen until it is shipped. Any thread; nothing waits for anything but the mutex.
//
// A viewer who agreed to audience_statistics is in a day's sample when the hash of the month's number and the day is
// below the day's threshold, on every node and with all sessions. The threshold begins where the database has it and is
// halved when this node alone would exceed a day's most; what is above it then is let go. So whoever is left was chosen
// with the same probability, whenever they came.
class Sample {
 public:
  // key: the same on all nodes, as that of Naming.
  explicit Sample(const privacy::SecretKey& key);

  // Whether a session is in the sample of its event's day: asked before its attributes are looked at. visitor, session:
  // as Naming has made them. nullopt: it is not.
  std::optional<Sampled> choose(std::int32_t day, const Who& who, std::uint64_t visitor) const;
  // At the end of the session, or of the day. False: there is no room until something was shipped, or it is not wanted
  // any more.
  bool keep(Sampled sampled);

  // Up to `most` that are kept, the oldest days first; they stay until shipped() says that they came.
  std::vector<Sampled> next(std::size_t most = kMaxSampleBatch) const;
  // What next() gave has come; threshold: what the database wants of `today` from now on.
  void shipped(const std::vector<Sampled>& came, std::int32_t today, std::int64_t threshold);

  // Lets go of what is kept of these viewers, by their names in files. What is on its way just now the database leaves
  // out (docs/decisions/0014). How many sessions they were.
  std::size_t forget(const std::set<privacy::Pseudonym>& names);

  std::size_t waiting() const;
  std::uint64_t dropped() const;  // that had no room
  std::int64_t threshold(std::int32_t day) const;

 private:
  struct Day {
    std::int64_t threshold = kWholeSample;
    std::size_t kept = 0;  // this day in all, below the threshold as far as is known
    std::vector<Sampled> waiting;
  };
  std::int64_t thresholdOf(std::int32_t day) const;
  void lower(Day& day, std::int64_t threshold);

  const privacy::SecretKey draws_, ids_;
  mutable std::mutex mutex_;
  std::map<std::int32_t, Day> days_;
  std::int64_t newest_ = kWholeSample;  // of the newest day that the database has spoken of
  std::uint64_t dropped_ = 0;
};

// The parameters of kShipSample.
std::vector<database::Param> sampleParams(const std::vector<Sampled>& sessions);
// events.ship_sample: inserted, refused, threshold.
extern const char* const kShipSample;

}  // namespace dvpe::events
