// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How many encodes this node can afford, measured; and who gets them. The programme itself is always paid first.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "node/render/on_air.h"

namespace dvpe::render {

// Shared by all channels of a node. Thread-safe.
//
// Costs are CPU seconds per second of programme, measured by whoever spends them and reported once per segment. What is
// left of the capacity after every channel's own decode and base ladder is for variants; over that, those with the
// fewest viewers fall back to the programme. One that is on air already counts for 20 % more, so that two of nearly
// equal size do not take turns; and as many as are on air stay while they cost up to 20 % more than there is, so that a
// cost that wavers does not end and start one at each cut.
class Budget {
 public:
  // cores: CPU seconds per second that rendering may take. variants >= 0 fixes the number instead of measuring.
  Budget(double cores, int variants) : cores_(cores), fixed_(variants) {}

  // What the channel itself takes, and one variant of it (0: not measured yet, an estimate is used).
  void report(const std::string& channel, double programmeCost, double variantCost);

  // The ids that may be encoded, among those wanted at this cut; running: those of the segment before.
  std::vector<std::string> admit(const std::string& channel, const std::vector<Variant>& wanted,
                                 const std::vector<std::string>& running);

  // A channel that is gone frees what it held.
  void leave(const std::string& channel);

 private:
  struct Share {
    double programme = 0, variant = 0;
    int running = 0;
  };
  std::mutex mutex_;
  const double cores_;
  const int fixed_;
  std::map<std::string, Share> shares_;
};

}  // namespace dvpe::render
