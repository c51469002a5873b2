// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/feed.h"

#include <algorithm>

namespace dvpe::timeline {

void Demand::set(std::vector<Era> eras) {
  const std::lock_guard lock(mutex_);
  eras_ = std::move(eras);
}

std::shared_ptr<const DemandList> Demand::at(Ticks cut) {
  const std::lock_guard lock(mutex_);
  asked_ = std::max(asked_, cut);
  if (clean_) return std::make_shared<const DemandList>();
  const auto after = std::find_if(eras_.begin() + 1, eras_.end(), [cut](const Era& era) { return era.from > cut; });
  return std::prev(after)->list;
}

Ticks Demand::begin(Ticks from) {
  const std::lock_guard lock(mutex_);
  from = std::max({from, asked_ + Ticks{1}, eras_.back().from});
  eras_.push_back({from, eras_.back().list});
  return from;
}

Ticks Demand::newest() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void Demand::clean(bool on) {
  const std::lock_guard lock(mutex_);
  clean_ = on;
}

bool Demand::isClean() const {
  const std::lock_guard lock(mutex_);
  return clean_;
}

}  // namespace dvpe::timeline
