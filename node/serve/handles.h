// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One-time handles: names for sessions that may stand in an address which people and devices pass on, because they
// open for a minute only (design, section 8: `?token=` takes such a handle, never a platform's token).
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace dvpe::serve {

// 128 random bits each, kept by their digest: what is looked up tells nothing by its time about what is kept.
// Thread-safe by a lock: for the slow path.
class Handles {
 public:
  static constexpr std::size_t kMost = 16 * 1024;  // open at a time
  static constexpr std::chrono::seconds kLife{60};

  Handles(const base::Clock& clock, base::Random& random) : clock_(clock), random_(random) {}

  // 32 hexadecimal digits; empty: too many are open.
  std::string issue(std::string_view channel, std::string_view session) {
    std::array<std::uint8_t, 16> bytes{};
    random_.fill(bytes);
    std::string handle = base::hex(bytes);
    std::string digest = base::sha256(base::view(handle));
    const auto now = clock_.steady();
    const std::lock_guard lock(mutex_);
    while (!order_.empty() && open_.at(order_.front()).until <= now) {
      open_.erase(order_.front());
      order_.pop_front();
    }
    if (order_.size() == kMost) return {};
    open_[digest] = {std::string(channel), std::string(session), now + kLife};
    order_.push_back(std::move(digest));
    return handle;
  }

  // The session, the same for as long as the handle opens; empty: it does not, or is for another channel.
  std::string redeem(std::string_view channel, std::string_view handle) const {
    const std::string digest = base::sha256(base::view(handle));
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(digest);
    const bool opens =
        found != open_.end() && found->second.channel == channel && clock_.steady() < found->second.until;
    return opens ? found->second.session : std::string();
  }

 private:
  struct Open {
    std::string channel, session;
    std::chrono::steady_clock::time_point until;
  };
  const base::Clock& clock_;
  base::Random& random_;
  mutable std::mutex mutex_;
  std::map<std::string, Open> open_;  // by digest
  std::deque<std::string> order_;     // the same digests, the oldest first
};

}  // namespace dvpe::serve
