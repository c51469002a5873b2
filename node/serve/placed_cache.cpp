// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/placed_cache.h"

namespace dvpe::serve {

const PlacedCache::Placed* PlacedCache::find(std::string_view path, std::int64_t now) {
  const auto it = byPath_.find(path);
  if (it == byPath_.end()) return nullptr;
  placed_.splice(placed_.begin(), placed_, it->second);
  placed_.front().used = now;
  return &placed_.front();
}

const PlacedCache::Placed& PlacedCache::add(Placed placed, std::int64_t now) {
  bytes_ += placed.bytes->size();
  while (!placed_.empty() && (bytes_ > limit_ || placed_.back().used + seconds_ < now)) dropOldest();
  placed.used = now;
  placed_.push_front(std::move(placed));
  byPath_.emplace(placed_.front().path, placed_.begin());
  return placed_.front();
}

void PlacedCache::dropOldest() {
  bytes_ -= placed_.back().bytes->size();
  byPath_.erase(placed_.back().path);
  placed_.pop_back();
}

}  // namespace dvpe::serve
