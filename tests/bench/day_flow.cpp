// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "day_flow.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

namespace dvpe::bench {

// Viewers who are alike in all that lines ask for.
struct Flow::Class {
  Person like;
  int first = 0, last = 0;              // windows of their first and last break
  std::int64_t viewers = 0, views = 0;  // breaks at which it is known what they have seen
  std::int64_t others = 0;              // and at which it is not
};

Flow::Flow(const World& world, Bound bound) : bound_(bound) {
  using Key = std::tuple<int, int, int, int, int, int, int>;
  std::map<Key, Class> classes;
  for (const Person& person : world.people) {
    int first = kDaySeconds, last = 0;
    std::int64_t known = 0, unknown = 0;
    for (int device = 0; device < person.devices; ++device) {
      const int channel = device == 0 ? person.channel : person.second;
      int at = firstBreak(channel, static_cast<int>(person.arrival));
      first = std::min(first, at);
      for (int i = 0; i < person.breaksOf(device); ++i, at += kBreakEvery) {
        ++(person.home == kDeadNode && at + kBreakUnits > kDeathAt ? unknown : known);
        last = std::max(last, at);
      }
    }
    const int rating = world.ratingOf[person.channel];
    Class& of = classes[Key{person.country, bandOf(person.age), person.device, person.interest, rating,
                            first / kWindowSeconds, last / kWindowSeconds}];
    of.like = person;
    of.first = first / kWindowSeconds;
    of.last = last / kWindowSeconds;
    of.viewers += known > 0 ? 1 : 0;
    of.views += known;
    of.others += unknown;
  }
  for (const Sold& line : world.lines) {
    addNode();
    unitsOf_.push_back(bound == Bound::kSafe ? line.longest() : line.shortest());
  }
  carried_.resize(world.lines.size());
  sink_ = addNode();
  for (const auto& [key, of] : classes) add(world, of);
  classes_ = classes.size();
  index();
}

void Flow::add(const World& world, const Class& of) {
  struct Entry {
    std::size_t line;
    std::int64_t most;  // impressions
  };
  const auto open = [&](const Sold& line) {
    const bool first = (line.target.windows >> of.first & 1U) != 0, last = (line.target.windows >> of.last & 1U) != 0;
    return bound_ == Bound::kSafe ? first && last : first || last;
  };
  const auto least = [](const std::vector<SoldCap>& caps, std::int64_t viewers, std::int64_t most) {
    for (const SoldCap& cap : caps) most = std::min(most, cap.impressions * viewers);
    return most;
  };
  std::vector<Entry> entries;
  std::vector<std::size_t> uncapped;
  for (std::size_t i = 0; i < world.lines.size(); ++i) {
    const Sold& line = world.lines[i];
    if (!open(line) || !world.wants(line, of.like, of.like.channel)) continue;
    std::int64_t most = least(line.caps, of.viewers, of.views);
    for (const SoldCap& cap : line.creativeCaps) {
      const auto many = bound_ == Bound::kSafe ? 1 : static_cast<std::int64_t>(line.units.size());
      most = std::min(most, cap.impressions * many * of.viewers);
    }
    if (most > 0) entries.push_back({i, most});
    if (line.caps.empty() && line.creativeCaps.empty() &&
        world.campaignCaps[static_cast<std::size_t>(line.campaign)].empty() &&
        world.advertiserCaps[static_cast<std::size_t>(line.advertiser)].empty()) {
      uncapped.push_back(i);
    }
  }
  // Groups within one another: category, advertiser, campaign. `most` impressions of a group of lines, in units.
  const auto inUnits = [&](std::int64_t most, const std::vector<Entry>& of2) {
    std::int64_t units = unitsOf_[of2.front().line];
    for (const Entry& each : of2) {
      const Sold& line = world.lines[each.line];
      units = bound_ == Bound::kSafe ? std::min<std::int64_t>(units, line.shortest())
                                     : std::max<std::int64_t>(units, line.longest());
    }
    return most * units;
  };
  const auto grouped = [](const std::vector<Entry>& from, const auto& of2) {
    std::map<int, std::vector<Entry>> out;
    for (const Entry& each : from) out[of2(each)].push_back(each);
    return out;
  };
  const auto sold = [&](const Entry& each) -> const Sold& { return world.lines[each.line]; };
  const auto enter = [&](const Entry& each, int node) {
    connect(static_cast<int>(each.line), node, each.most * unitsOf_[each.line]);
  };
  if (!entries.empty()) {
    const int node = addNode();
    const std::int64_t units = of.views * (bound_ == Bound::kSafe ? kSafeUnits : kBreakUnits);
    connect(node, sink_, units);
    capacity_ += units;
    for (const auto& [category, inCategory] : grouped(entries, [&](const Entry& e) { return sold(e).category; })) {
      int categoryNode = node;
      if (category >= 0 && inCategory.size() > 1) {
        categoryNode = addNode();
        connect(categoryNode, node, inUnits(of.views, inCategory));
      }
      for (const auto& [advertiser, ofAdvertiser] :
           grouped(inCategory, [&](const Entry& e) { return sold(e).advertiser; })) {
        int advertiserNode = categoryNode;
        const auto& caps = world.advertiserCaps[static_cast<std::size_t>(advertiser)];
        if (!caps.empty()) {
          advertiserNode = addNode();
          connect(advertiserNode, categoryNode,
                  inUnits(least(caps, of.viewers, kBreaks * of.viewers * 6), ofAdvertiser));
        }
        for (const auto& [campaign, ofCampaign] :
             grouped(ofAdvertiser, [&](const Entry& e) { return sold(e).campaign; })) {
          int campaignNode = advertiserNode;
          const auto& own = world.campaignCaps[static_cast<std::size_t>(campaign)];
          if (!own.empty()) {
            campaignNode = addNode();
            connect(campaignNode, advertiserNode,
                    inUnits(least(own, of.viewers, kBreaks * of.viewers * 6), ofCampaign));
          }
          for (const Entry& each : ofCampaign) enter(each, campaignNode);
        }
      }
    }
  }
  if (bound_ == Bound::kSafe || of.others == 0 || uncapped.empty()) return;
  const int node = addNode();
  connect(node, sink_, of.others * kBreakUnits);
  capacity_ += of.others * kBreakUnits;
  for (const std::size_t line : uncapped) enter({line, of.others}, node);
}

void Flow::connect(int from, int to, std::int64_t capacity) {
  for (const bool back : {false, true}) {
    from_.push_back(back ? to : from);
    to_.push_back(back ? from : to);
    left_.push_back(back ? 0 : capacity);
  }
}

void Flow::index() {
  const auto nodes = static_cast<std::size_t>(nodes_);
  first_.assign(nodes + 1, 0);
  for (const std::int32_t from : from_) ++first_[static_cast<std::size_t>(from) + 1];
  for (std::size_t i = 0; i < nodes; ++i) first_[i + 1] += first_[i];
  order_.resize(from_.size());
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  for (std::uint32_t edge = 0; edge < from_.size(); ++edge)
    order_[next[static_cast<std::size_t>(from_[edge])]++] = edge;
  from_ = {};
  levels_.resize(nodes);
  at_.resize(nodes);
}

std::int64_t Flow::carriedUnits() const { return std::accumulate(carried_.begin(), carried_.end(), std::int64_t{0}); }

// How far each node is from the sink; false when none of the lines that want more can reach it.
bool Flow::level(const std::vector<std::int64_t>& wanted) {
  std::fill(levels_.begin(), levels_.end(), -1);
  std::copy(first_.begin(), first_.end() - 1, at_.begin());
  queue_.assign(1, sink_);
  levels_[static_cast<std::size_t>(sink_)] = 0;
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    const auto node = static_cast<std::size_t>(queue_[i]);
    for (std::uint32_t e = first_[node]; e < first_[node + 1]; ++e) {
      const auto from = static_cast<std::size_t>(to_[order_[e]]);
      if (left_[order_[e] ^ 1U] == 0 || levels_[from] >= 0) continue;
      levels_[from] = levels_[node] + 1;
      queue_.push_back(to_[order_[e]]);
    }
  }
  for (std::size_t line = 0; line < wanted.size(); ++line) {
    if (levels_[line] >= 0 && carried_[line] < wanted[line]) return true;
  }
  return false;
}

std::int64_t Flow::push(int from, std::int64_t most) {
  if (from == sink_) return most;
  const auto node = static_cast<std::size_t>(from);
  std::int64_t done = 0;
  for (; at_[node] < first_[node + 1]; ++at_[node]) {
    const std::uint32_t edge = order_[at_[node]];
    if (left_[edge] == 0 || levels_[static_cast<std::size_t>(to_[edge])] != levels_[node] - 1) continue;
    const std::int64_t part = push(to_[edge], std::min(most - done, left_[edge]));
    left_[edge] -= part;
    left_[edge ^ 1U] += part;
    done += part;
    if (done == most) return done;
  }
  return done;
}

void Flow::raise(const std::vector<std::int64_t>& impressions) {
  std::vector<std::int64_t> wanted;
  for (std::size_t line = 0; line < impressions.size(); ++line) wanted.push_back(impressions[line] * unitsOf_[line]);
  while (level(wanted)) {
    for (std::size_t line = 0; line < wanted.size(); ++line) {
      if (levels_[line] < 0 || carried_[line] >= wanted[line]) continue;
      carried_[line] += push(static_cast<int>(line), wanted[line] - carried_[line]);
    }
  }
}

// The one way from a group of lines to the sink: edges forward, of which every node but a line has one.
std::int64_t Flow::along(int from, std::int64_t most) {
  if (from == sink_) return most;
  const auto node = static_cast<std::size_t>(from);
  for (std::uint32_t e = first_[node]; e < first_[node + 1]; ++e) {
    const std::uint32_t edge = order_[e];
    if ((edge & 1U) != 0) continue;
    const std::int64_t part = along(to_[edge], std::min(most, left_[edge]));
    left_[edge] -= part;
    left_[edge ^ 1U] += part;
    return part;
  }
  return 0;
}

void Flow::spread(std::size_t line, std::int64_t impressions) {
  const std::int64_t wanted = impressions * unitsOf_[line] - carried_[line];
  if (wanted <= 0) return;
  double room = 0;
  for (std::uint32_t e = first_[line]; e < first_[line + 1]; ++e) room += static_cast<double>(left_[order_[e]]);
  std::int64_t done = 0;
  for (std::uint32_t e = first_[line]; e < first_[line + 1] && done < wanted; ++e) {
    const std::uint32_t edge = order_[e];
    const auto part =
        static_cast<std::int64_t>(std::ceil(static_cast<double>(left_[edge]) * static_cast<double>(wanted) / room));
    const std::int64_t got = along(to_[edge], std::min({part, left_[edge], wanted - done}));
    left_[edge] -= got;
    left_[edge ^ 1U] += got;
    done += got;
  }
  carried_[line] += done;
}

}  // namespace dvpe::bench
