// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Outcomes by names, and how they differ: from what a recording expects, and from those of another release.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shared/rehearsal/rehearsal.h"

namespace dvpe::rehearsal {

// What plays in a slot.
struct NamedSlot {
  std::string line;  // "campaign/line"; of a campaign in short its id
  std::string media;
  int units = 0;
  bool operator==(const NamedSlot&) const = default;
};

// An outcome in the words of documents.
struct Named {
  std::string cohort;
  std::string audio;                         // empty: the channel's first track
  std::vector<std::string> overlays;         // ids, in painting order
  std::map<std::string, std::string> clips;  // event -> media
  std::vector<NamedSlot> slots;
  int slateUnits = 0;
  bool operator==(const Named&) const = default;
};
Named named(const Outcome& outcome);

// One thing that is not as it was expected to be.
struct Unmet {
  std::string what;  // "overlays"
  std::string expected, came;
};
std::vector<Unmet> unmet(const Expectation& expected, const Named& came);

// In what two releases differ for a session.
struct Change {
  bool overlays = false, clips = false, audio = false, ads = false;
  bool any() const { return overlays || clips || audio || ads; }
};
Change changeOf(const Named& from, const Named& to);

// Names with ", " between them; "-" when there are none.
std::string joined(const std::vector<std::string>& names);
// "goal=clip-1, news=clip-2"
std::string joined(const std::map<std::string, std::string>& clips);
std::vector<std::string> lineNames(const Named& named);

}  // namespace dvpe::rehearsal
