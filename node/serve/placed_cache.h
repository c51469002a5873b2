// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Segments of creatives placed on the clock, as one loop has given them lately: viewers of one pod ask for the same
// ones within seconds of each other. Bounded in bytes, and by time, so that a break's segments do not stay until the
// next thousand have pushed them out. One thread.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shared/base/bytes.h"

namespace dvpe::serve {

class PlacedCache {
 public:
  struct Placed {
    std::string path;
    base::SharedBytes bytes;
    std::string_view type;  // its content type, in static storage
    std::int64_t used = 0;  // seconds of the steady clock
  };
  // Holds at most so many bytes, and after an addition nothing that was not asked for within `seconds`.
  explicit PlacedCache(std::size_t bytes = 64 << 20, std::int64_t seconds = 60) : limit_(bytes), seconds_(seconds) {}

  // nullptr: not here. Valid until the next call.
  const Placed* find(std::string_view path, std::int64_t now);
  const Placed& add(Placed placed, std::int64_t now);
  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return placed_.size(); }

 private:
  void dropOldest();

  std::size_t limit_, bytes_ = 0;
  std::int64_t seconds_;
  std::list<Placed> placed_;                                                  // the one used last first
  std::unordered_map<std::string_view, std::list<Placed>::iterator> byPath_;  // views into placed_
};

}  // namespace dvpe::serve
