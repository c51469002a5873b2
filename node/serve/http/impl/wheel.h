// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Deadlines of many connections on one coarse tick. Putting a deadline off costs one store: the entry is looked at
// again when the slot comes round in which it sits.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace dvpe::serve {

class Wheel;

// A place in a ring of such places.
struct TimedLink {
  TimedLink* next = nullptr;
  TimedLink* previous = nullptr;

  void clear() { next = previous = this; }
  bool empty() const { return next == this; }
  void unlink() {
    if (next == nullptr) return;
    next->previous = previous;
    previous->next = next;
    next = previous = nullptr;
  }
  // Takes what another ring holds; this one must be empty.
  void take(TimedLink& other) {
    if (other.empty()) return;
    next = other.next;
    previous = other.previous;
    next->previous = previous->next = this;
    other.clear();
  }
};

// Something with one deadline. Unlinks itself on destruction.
class Timed : private TimedLink {
 public:
  Timed() = default;
  virtual ~Timed() { unlink(); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  // The deadline has passed; none is set any more. May destroy this.
  virtual void expired() = 0;

 private:
  friend class Wheel;
  std::uint64_t due_ = 0;     // in ticks
  std::uint64_t parked_ = 0;  // the tick at whose slot we are looked at; never after due_
};

// One thread. The entries must be gone before the wheel is.
class Wheel {
 public:
  Wheel() {
    for (TimedLink& slot : slots_) slot.clear();
  }

  void set(Timed& t, std::uint64_t ticksFromNow) {
    t.due_ = now_ + std::max<std::uint64_t>(1, ticksFromNow);
    if (t.next != nullptr && t.parked_ <= t.due_) return;
    park(t);
  }

  void advance() {
    ++now_;
    TimedLink due;
    due.clear();
    due.take(slots_[now_ % kSlots]);
    while (!due.empty()) {
      Timed& t = static_cast<Timed&>(*due.next);
      t.unlink();
      if (t.due_ <= now_) {
        t.expired();
      } else {
        park(t);
      }
    }
  }

  // Calls f(entry) for each; f may set that entry's deadline anew but destroy nothing.
  template <class F>
  void forEach(F f) {
    TimedLink all;
    all.clear();
    for (TimedLink& slot : slots_) {
      TimedLink one;
      one.clear();
      one.take(slot);
      while (!one.empty()) move(*one.next, all);
    }
    while (!all.empty()) {
      Timed& t = static_cast<Timed&>(*all.next);
      park(t);
      f(t);
    }
  }

 private:
  static constexpr std::uint64_t kSlots = 1024;

  static void move(TimedLink& link, TimedLink& ring) {
    link.unlink();
    link.next = &ring;
    link.previous = ring.previous;
    link.previous->next = &link;
    ring.previous = &link;
  }

  void park(Timed& t) {
    t.parked_ = std::min(std::max(t.due_, now_ + 1), now_ + kSlots - 1);
    move(t, slots_[t.parked_ % kSlots]);
  }

  std::array<TimedLink, kSlots> slots_;
  std::uint64_t now_ = 0;
};

}  // namespace dvpe::serve
