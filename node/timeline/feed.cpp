// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/feed.h"

namespace dvpe::timeline {

void Demand::set(std::shared_ptr<const DemandList> list) {
  const std::lock_guard lock(mutex_);
  list_ = std::move(list);
}

std::shared_ptr<const DemandList> Demand::get() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

}  // namespace dvpe::timeline
