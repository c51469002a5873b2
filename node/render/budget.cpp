// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/render/budget.h"

#include <algorithm>
#include <cmath>

namespace dvpe::render {

namespace {
constexpr double kFirstGuess = 0.35;  // cores for one 720p + 360p variant, until it has been measured
constexpr double kStaying = 1.2;
}  // namespace

void Budget::report(const std::string& channel, double programmeCost, double variantCost) {
  const std::lock_guard lock(mutex_);
  Share& share = shares_[channel];
  share.programme = programmeCost;
  if (variantCost > 0) share.variant = variantCost;
}

void Budget::leave(const std::string& channel) {
  const std::lock_guard lock(mutex_);
  shares_.erase(channel);
}

std::vector<std::string> Budget::admit(const std::string& channel, const std::vector<Variant>& wanted,
                                       const std::vector<std::string>& running) {
  const std::lock_guard lock(mutex_);
  Share& own = shares_[channel];
  const double each = own.variant > 0 ? own.variant : kFirstGuess;
  std::size_t room = 0;
  if (fixed_ >= 0) {
    int others = 0;
    for (const auto& [id, share] : shares_) others += id == channel ? 0 : share.running;
    room = static_cast<std::size_t>(std::max(0, fixed_ - others));
  } else {
    double left = cores_;
    for (const auto& [id, share] : shares_) {
      left -= share.programme;
      if (id != channel) left -= share.running * (share.variant > 0 ? share.variant : kFirstGuess);
    }
    const auto fits = [each](double cores) {
      return static_cast<std::size_t>(std::max(0.0, std::floor(cores / each + 1e-9)));
    };
    room = std::max(fits(left), std::min(running.size(), fits(left * kStaying)));
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& variant : wanted) {
    const bool stays = std::find(running.begin(), running.end(), variant.id) != running.end();
    order.emplace_back(-(variant.viewers * (stays ? kStaying : 1.0)), variant.id);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> admitted;
  for (const auto& [weight, id] : order) {
    if (admitted.size() == room) break;
    admitted.push_back(id);
  }
  std::sort(admitted.begin(), admitted.end());
  own.running = static_cast<int>(admitted.size());
  return admitted;
}

}  // namespace dvpe::render
