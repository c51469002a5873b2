// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Clock and randomness as interfaces: injected, never read directly, so that tests own them (style, 13).
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "shared/base/ticks.h"

namespace dvpe::base {

// Thread-safe. wall() may step; steady() may not.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual std::chrono::steady_clock::time_point steady() const = 0;
  // The same in whole seconds, rounded down, for who asks at every request: of wall() since 1970, of steady() since
  // its own beginning.
  virtual std::int64_t wallSeconds() const {
    return std::chrono::floor<std::chrono::seconds>(wall()).time_since_epoch().count();
  }
  virtual std::int64_t steadySeconds() const {
    return std::chrono::floor<std::chrono::seconds>(steady().time_since_epoch()).count();
  }
};

// The machine's clocks. Seconds come from the kernel's coarse ones: a few milliseconds late, and cheaper.
class SystemClock final : public Clock {
 public:
  WallTime wall() const override;
  std::chrono::steady_clock::time_point steady() const override;
  std::int64_t wallSeconds() const override;
  std::int64_t steadySeconds() const override;
};

// Set by hand. Not thread-safe: for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start) : wall_(start) {}
  WallTime wall() const override { return wall_; }
  std::chrono::steady_clock::time_point steady() const override { return steady_; }
  void advance(std::chrono::microseconds by) {
    wall_ += by;
    steady_ += by;
  }

 private:
  WallTime wall_;
  std::chrono::steady_clock::time_point steady_{std::chrono::seconds{1000}};
};

// Cryptographic randomness. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
};

// OpenSSL's generator. Ends the program when there is no randomness.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

}  // namespace dvpe::base
