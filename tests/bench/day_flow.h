// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What could be delivered on a day by somebody who knows all of it beforehand: a maximum flow from lines to classes of
// viewers' breaks, in units of time. Apart from the product: it shares no code with it.
#pragma once

#include <cstdint>
#include <vector>

#include "day_world.h"

namespace dvpe::bench {

enum class Bound {
  // No more than can surely be done: a break holds kSafeUnits, what would keep lines of one category, advertiser or
  // campaign apart counts with their shortest creative, lines only play to who is there in open hours throughout, and
  // nothing at all plays to viewers of the dead node.
  kSafe,
  // No less than could ever be done: whole breaks, longest creatives, any open hour; viewers of the dead node see what
  // has no cap.
  kMost,
};
inline constexpr int kSafeUnits = 50;

// A maximum flow (Dinic) that can be asked for more: what is carried for a line is never taken from it again.
class Flow {
 public:
  Flow(const World& world, Bound bound);

  // Lets a line have up to so many impressions in all, of all its viewers alike, as far as there is room for them.
  void spread(std::size_t line, std::int64_t impressions);
  // Lets lines have up to so many impressions each, whatever others have to move for it; as many in all as can be had.
  void raise(const std::vector<std::int64_t>& impressions);

  std::int64_t carried(std::size_t line) const { return carried_[line] / unitsOf_[line]; }  // impressions
  std::int64_t carriedUnits() const;
  std::int64_t units(std::size_t line) const { return unitsOf_[line]; }  // of one impression
  std::int64_t capacity() const { return capacity_; }                    // units of all classes
  std::size_t classes() const { return classes_; }
  std::size_t edges() const { return to_.size() / 2; }

 private:
  struct Class;
  void add(const World& world, const Class& of);
  int addNode() { return nodes_++; }
  void connect(int from, int to, std::int64_t capacity);
  void index();
  bool level(const std::vector<std::int64_t>& wanted);
  std::int64_t push(int from, std::int64_t most);
  std::int64_t along(int from, std::int64_t most);

  Bound bound_;
  int nodes_ = 0, sink_ = 0;
  std::int64_t capacity_ = 0;
  std::size_t classes_ = 0;
  std::vector<std::int64_t> unitsOf_, carried_;  // by line
  // Edges in pairs: e and e ^ 1 are one edge and its way back.
  std::vector<std::int32_t> from_, to_;
  std::vector<std::int64_t> left_;
  std::vector<std::uint32_t> first_, order_;  // edges by node
  std::vector<std::int32_t> levels_;
  std::vector<std::uint32_t> at_;
  std::vector<std::int32_t> queue_;
};

}  // namespace dvpe::bench
