// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/impl/remembered.h"

#include <utility>

namespace dvpe::events {

namespace {

constexpr std::size_t kFirst = 1024;

// Where the key is, or where it would be. The keys are parts of keyed hashes: they need no mixing.
std::size_t placeOf(const std::vector<std::uint64_t>& slots, std::uint64_t key) {
  const std::size_t mask = slots.size() - 1;
  std::size_t at = key & mask;
  while (slots[at] != 0 && slots[at] != key) at = (at + 1) & mask;
  return at;
}

}  // namespace

bool Remembered::holds(const Set& set, std::uint64_t key) {
  return !set.slots.empty() && set.slots[placeOf(set.slots, key)] == key;
}

void Remembered::put(Set& set, std::uint64_t key) {
  if (set.count * 2 >= set.slots.size()) {
    std::vector<std::uint64_t> wider(set.slots.empty() ? kFirst : set.slots.size() * 2);
    for (const std::uint64_t old : set.slots) {
      if (old != 0) wider[placeOf(wider, old)] = old;
    }
    set.slots = std::move(wider);
  }
  set.slots[placeOf(set.slots, key)] = key;
  ++set.count;
}

bool Remembered::add(std::uint64_t key) {
  if (key == 0) key = 1;
  if (holds(newer_, key) || holds(older_, key)) return false;
  if (newer_.count >= most_) older_ = std::exchange(newer_, Set{});
  put(newer_, key);
  return true;
}

}  // namespace dvpe::events
