// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/shared_source.h"

#include <algorithm>

namespace dvpe::events {

SharedSource::SharedSource(SpoolSource& source) : source_(source) {}

void SharedSource::done(std::size_t index, std::uint64_t upTo) {
  std::uint64_t both = 0;
  {
    const std::lock_guard lock(mutex_);
    done_[index] = std::max(done_[index], upTo);
    both = std::min(done_[0], done_[1]);
  }
  if (both > 0) source_.shipped(both);
}

}  // namespace dvpe::events
