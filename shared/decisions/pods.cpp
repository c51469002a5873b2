// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/pods.h"

#include <algorithm>
#include <numeric>

#include "shared/decisions/impl/wide.h"

namespace dvpe::decisions {

void PodSolver::prepare(const std::vector<Bid>& bids, const std::vector<std::uint8_t>& room, int longest) {
  items_.clear();
  room_ = room;
  step_ = 0;
  for (std::size_t i = 0; i < bids.size(); ++i) {
    const Bid& bid = bids[i];
    const bool possible = bid.units <= longest && std::all_of(bid.groups.begin(), bid.groups.begin() + bid.groupCount,
                                                              [&](std::uint16_t g) { return room[g] > 0; });
    if (!possible) continue;
    items_.push_back({bid, static_cast<std::uint16_t>(i), 0});
    step_ = std::gcd(step_, bid.units);
  }
  step_ = std::max(step_, 1);
  std::stable_sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) {
    return static_cast<impl::Wide>(a.bid.worth) * b.bid.units > static_cast<impl::Wide>(b.bid.worth) * a.bid.units;
  });
  columns_ = static_cast<std::size_t>(longest / step_) + 1;
  table_.assign((items_.size() + 1) * columns_, 0);
  most_.assign(items_.size() + 1, {});
  for (std::size_t i = items_.size(); i-- > 0;) {
    Item& item = items_[i];
    item.steps = item.bid.units / step_;
    const std::int64_t* below = &table_[(i + 1) * columns_];
    std::int64_t* row = &table_[i * columns_];
    const auto need = static_cast<std::size_t>(item.steps);
    std::copy(below, below + std::min(need, columns_), row);
    for (std::size_t left = need; left < columns_; ++left) {
      row[left] = std::max(below[left], below[left - need] + item.bid.worth);
    }
    for (std::size_t slots = 1; slots <= kMaxSlots; ++slots) {
      most_[i][slots] = std::max(most_[i + 1][slots], most_[i + 1][slots - 1] + item.bid.worth);
    }
  }
}

const PodChoice& PodSolver::solve(int units) {
  path_.clear();
  tried_ = 0;
  best_.bids.clear();
  best_.worth = 0;
  best_.exact = true;
  search(0, units / step_, 0);
  best_.units = 0;
  for (std::uint16_t& index : best_.bids) {
    best_.units += items_[index].bid.units;
    index = items_[index].place;
  }
  std::sort(best_.bids.begin(), best_.bids.end());
  return best_;
}

// Everything from item `at` on, with `left` steps of time; the path holds what was placed before.
void PodSolver::search(std::size_t at, int left, std::int64_t worth) {
  if (worth > best_.worth) {
    best_.worth = worth;
    best_.bids = path_;
  }
  if (path_.size() >= kMaxSlots) return;
  for (; at < items_.size(); ++at) {
    if (worth + bound(at, left) <= best_.worth) return;
    if (++tried_ > kMaxPodSteps) {
      best_.exact = false;
      return;
    }
    const Item& item = items_[at];
    if (item.steps > left) continue;
    const auto* const groups = item.bid.groups.data();
    const auto* const end = groups + item.bid.groupCount;
    if (std::any_of(groups, end, [this](std::uint16_t g) { return room_[g] == 0; })) continue;
    for (const auto* g = groups; g != end; ++g) --room_[*g];
    path_.push_back(static_cast<std::uint16_t>(at));
    search(at + 1, left - item.steps, worth + item.bid.worth);
    path_.pop_back();
    for (const auto* g = groups; g != end; ++g) ++room_[*g];
    if (!best_.exact) return;
  }
}

}  // namespace dvpe::decisions
