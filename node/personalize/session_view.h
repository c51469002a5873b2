// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the request path knows of a session: small, immutable, replaced as a whole when a decision is added.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <memory>
#include <string>
#include <vector>

#include "node/timeline/stamped.h"
#include "shared/privacy/token.h"

namespace dvpe::personalize {

using base::Ticks;

// A conditioned creative by its name in URLs, and what it is for: many pods share one.
struct PlacedCreative {
  std::string name;
  std::string media, campaign, line;  // line: "campaign/line"; both empty: a clip
  std::string creative;               // its document, or the media that a campaign names in short; empty: a clip
  bool operator==(const PlacedCreative&) const = default;
};

// Units [from, from + units) of a creative.
struct PodPiece {
  std::shared_ptr<const PlacedCreative> what;
  int from = 0;
  int units = 0;
  bool operator==(const PodPiece& other) const {
    return from == other.from && units == other.units && (what == other.what || *what == *other.what);
  }
};

// What one viewer sees in one break or event, bound once and never decided again. Pieces follow each other from unit
// firstUnit of the span; a break's rest is slate, an event's the programme. Shared by all sessions that got the same.
struct BoundPod {
  std::string spanId;
  timeline::SpanKind kind = timeline::SpanKind::kBreak;
  Ticks start{}, end{};  // of the span as announced
  int firstUnit = 0;
  boost::container::small_vector<PodPiece, 4> pieces;
  std::int64_t number = 0;  // of the break, as in timeline::Span
  bool operator==(const BoundPod&) const = default;
};

struct SessionView {
  privacy::SessionId id{};
  std::uint16_t channel = 0;  // the channel's number on this node
  std::uint16_t cohort = 0;   // its newest; see cohortAt
  std::uint16_t audio = 0;    // the track that the multivariant playlist names as default
  std::int64_t fromMsn = 0;   // its own from this segment on; the programme before
  // Oldest first; those of spans that have left the window are gone. A window holds one or two spans: kept in the view,
  // they cost a request no further cache miss.
  boost::container::small_vector<std::shared_ptr<const BoundPod>, 2> pods;

  // What it was in before, oldest first: other documents made other cohorts. Those that have left the window are gone.
  struct Former {
    std::uint16_t cohort = 0;
    Ticks until{};  // segments that start earlier
    bool operator==(const Former&) const = default;
  };
  std::vector<Former> former;

  // The cohort whose look a segment has that starts there.
  std::uint16_t cohortAt(Ticks start) const {
    for (const Former& f : former) {
      if (start < f.until) return f.cohort;
    }
    return cohort;
  }
  const BoundPod* podOf(const std::string& spanId) const {
    const auto it = std::find_if(pods.rbegin(), pods.rend(), [&](const auto& pod) { return pod->spanId == spanId; });
    return it == pods.rend() ? nullptr : it->get();
  }
};

}  // namespace dvpe::personalize
