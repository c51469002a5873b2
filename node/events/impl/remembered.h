// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which impressions were written lately, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dvpe::events {

// The last `most` to 2 * `most` numbers that were new, as two generations: when the newer is full, the older is
// forgotten. 16 bytes each at most. Two different impressions have the same 64 bits once in 10^5 lives of a full set.
class Remembered {
 public:
  explicit Remembered(std::size_t most) : most_(most) {}
  // Whether it is new; it is remembered then.
  bool add(std::uint64_t key);

 private:
  struct Set {
    std::vector<std::uint64_t> slots;  // a power of two; 0: free
    std::size_t count = 0;
  };
  static bool holds(const Set& set, std::uint64_t key);
  static void put(Set& set, std::uint64_t key);

  const std::size_t most_;
  Set newer_, older_;
};

}  // namespace dvpe::events
