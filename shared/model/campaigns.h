// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Advertiser > campaign > line > creative, experiments and the monetisation policy as values; the format is
// docs/reference/campaigns.md. Money is int64 micro-units (1/1,000,000) of a currency (ISO 4217).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dvpe::model {

using Micros = std::int64_t;

// Seconds since 1970-01-01T00:00:00 on the clock of the campaign's zone; what zone that is decides shared/decisions.
using LocalTime = std::chrono::local_seconds;

// From (inclusive) until (exclusive). The defaults: always.
struct Flight {
  LocalTime from = LocalTime::min();
  LocalTime until = LocalTime::max();
  bool operator==(const Flight&) const = default;
};

// On these days, from minute `from` until before minute `until` of the day; until <= from: past midnight, of the day on
// which it began.
struct Daypart {
  std::uint8_t days = 0x7F;  // bit 0: Monday
  int from = 0;
  int until = 24 * 60;
  bool operator==(const Daypart&) const = default;
};

enum class CapPeriod { kHour, kDay, kFlight };  // the hour and the day before now; for ever

// At most so many impressions for one viewer.
struct Cap {
  int impressions = 0;
  CapPeriod per = CapPeriod::kDay;
  bool operator==(const Cap&) const = default;
};

enum class GoalKind { kHouse, kImpressions, kCompletedViews, kShareOfVoice };
struct Goal {
  GoalKind kind = GoalKind::kHouse;
  std::int64_t amount = 0;  // impressions or views; kShareOfVoice: per cent of the breaks that it could be in
};

enum class PriceKind {
  kNone,
  kCpm,
  kCpcv,
  kFlat
};  // for 1,000 impressions; for a completed view; for the whole flight
struct Price {
  PriceKind kind = PriceKind::kNone;
  Micros micros = 0;
};

// 0: no limit.
struct Budget {
  Micros total = 0;
  Micros day = 0;  // calendar days of the campaign's zone
};

// What comes first when not all fit; within one of them the worth decides.
enum class Priority { kSponsorship, kStandard, kBulk };
enum class BreakPosition { kAny, kFirst, kLast };
enum class Rotation { kEven, kWeighted, kSequential, kOptimised };
enum class BillOn { kDelivered, kConfirmed };
enum class Pacing { kEven, kFast };  // over the flight; as soon as there are viewers for it

struct LineCreative {
  std::string creative;
  int weight = 1;  // kWeighted: its share
};

// One arm of an experiment: who is not in it, does not get what names it.
struct ArmName {
  std::string experiment, arm;
  bool empty() const { return experiment.empty(); }
};

struct Line {
  std::string id;  // unique in its campaign
  std::string title;
  std::string when = "true";  // in addition to the campaign's
  Flight flight;
  std::vector<Daypart> dayparts;  // none: always
  Goal goal;
  Price price;
  Budget budget;
  std::vector<Cap> caps;
  Priority priority = Priority::kStandard;
  BreakPosition position = BreakPosition::kAny;
  Rotation rotation = Rotation::kEven;
  BillOn billOn = BillOn::kDelivered;
  Pacing pacing = Pacing::kEven;
  ArmName arm;
  std::vector<LineCreative> creatives;
};

// Either creatives of its own, media that are shown in their order where nothing else is (a house campaign in short),
// or lines.
struct Campaign {
  std::string id{};
  int revision = 1;
  std::string title{};
  std::string when = "true";
  std::vector<std::string> creatives{};  // media ids, in order; only without lines
  std::string advertiser{};              // absent: the organisation that signs it
  std::string timezone = "UTC";          // IANA
  std::string currency{};                // absent: the monetisation policy's
  Flight flight{};
  Budget budget{};
  std::vector<Cap> caps{};
  std::vector<std::string> categories{};       // of what it advertises: two of one category are never in one break
  std::vector<std::string> excludeChannels{};  // where it does not want to be
  std::vector<std::string> excludeRatings{};   // of channels
  std::vector<Line> lines{};
};

// What is shown for a line: a conditioned file and what must be known about it.
struct Creative {
  std::string id;
  int revision = 1;
  std::string title;
  std::string media;
  std::vector<std::string> categories;  // in addition to the campaign's
  int minAge = 0;                       // not on channels whose viewers may be younger
  std::vector<Cap> caps;
  std::string clickThrough;  // https://...
};

// A part of an experiment's viewers, in ten-thousandths: [first, second).
using Buckets = std::pair<int, int>;

struct Arm {
  std::string id;
  std::vector<Buckets> buckets;  // a share grows by further buckets: nobody moves
};

// Viewers are put into 10,000 buckets by a hash of who they are and of `group` (or id). Experiments of one group share
// its buckets, so that nobody is in two of them. Buckets of no arm see none of it.
struct Experiment {
  std::string id;
  int revision = 1;
  std::string title;
  std::string group;
  std::vector<Arm> arms;
};

struct Advertiser {
  std::string currency;  // of all its campaigns
  std::vector<Cap> caps;
};

// The policy "monetisation": how money of several currencies is compared, and what holds for a whole advertiser.
struct Monetisation {
  std::string id;
  int revision = 1;
  std::string currency = "EUR";
  std::map<std::string, Micros> rates;  // currency -> millionths of `currency` that one of it is worth
  std::map<std::string, Advertiser> advertisers;
};

}  // namespace dvpe::model
