// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Who an event is about, as far as its viewer lets it be known.
#pragma once

#include <filesystem>
#include <mutex>
#include <vector>

#include "node/events/event.h"
#include "shared/base/clock.h"
#include "shared/model/documents.h"
#include "shared/privacy/purposes.h"
#include "shared/privacy/secret.h"

namespace dvpe::events {

// A session and its viewer's consent.
struct Who {
  privacy::SessionId session{};
  privacy::Pseudonym viewer{};
  privacy::PurposeSet purposes = 0;
};

// A viewer's "country" or "device", as the platform says it, for a place; empty when it says none, says something
// longer than a word, or the viewer did not agree to be measured. Lives as long as the attributes.
std::string_view coarse(const model::Map& attributes, std::string_view name, privacy::PurposeSet purposes);

// Any thread. A viewer who agreed to be measured (`ad_measurement`, `content_measurement` or `audience_statistics`) is
// a session with a visitor's number. Of anybody else only what is in a break is told apart, under a number that is
// random for each session and break, and nobody's any more some days later: the day's key, which makes it, is deleted.
class Naming {
 public:
  // key: the same on all nodes, or visitors are counted once for each node. folder: where days' keys are kept over a
  // restart, which would else count a break's impressions once more; empty: nowhere.
  Naming(const privacy::SecretKey& key, std::filesystem::path folder, base::Random& random);

  static bool measured(privacy::PurposeSet purposes);

  // Sets id, session and visitor; kind, day, breakNumber and slot are set. number: tells events of one kind and session
  // apart that are not an impression's state.
  void name(Event& event, const Who& who, std::uint64_t number = 0);

  // The number of a viewer in events of this day; 0: who did not agree to be measured has none.
  std::uint64_t visitorOn(const Who& who, std::int32_t day) const;

  // The numbers that events of a viewer can have anywhere: of the month of this day (since 1970), of the one to come,
  // in which a break of tomorrow may be, and of so many before as anything is kept of visitors.
  std::vector<std::uint64_t> visitorsOf(const privacy::Pseudonym& viewer, std::int32_t day) const;

 private:
  std::uint64_t visitorOf(const privacy::Pseudonym& viewer, std::int32_t month) const;
  privacy::SecretKey keyOf(std::int32_t day);
  privacy::SecretKey load(std::int32_t day);

  const privacy::SecretKey visitors_;
  const std::filesystem::path folder_;
  base::Random& random_;
  std::mutex mutex_;
  struct Day {
    std::int32_t day;
    privacy::SecretKey key;
  };
  std::vector<Day> days_;  // the newest few
};

}  // namespace dvpe::events
