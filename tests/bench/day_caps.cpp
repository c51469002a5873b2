// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "day_caps.h"

#include <algorithm>
#include <limits>
#include <thread>

namespace dvpe::bench {

namespace {

int seconds(model::CapPeriod period) {
  switch (period) {
    case model::CapPeriod::kHour:
      return 3600;
    case model::CapPeriod::kDay:
      return 24 * 3600;
    case model::CapPeriod::kFlight:
      break;
  }
  return std::numeric_limits<int>::max();
}

// The impressions of one viewer, in the order of their times.
void check(const World& world, const Impression* begin, const Impression* end, CapCheck& out) {
  for (const Impression* it = begin; it != end; ++it) {
    const Sold& line = world.lines[it->line];
    const auto over = [&](const std::vector<SoldCap>& caps, const auto& counts) {
      for (const SoldCap& cap : caps) {
        int many = 0;
        for (const Impression* other = it;; --other) {
          if (static_cast<int>(it->at - other->at) >= seconds(cap.per)) break;
          many += counts(*other) ? 1 : 0;
          if (other == begin) break;
        }
        if (many > cap.impressions) return true;
      }
      return false;
    };
    const auto& ofCampaign = world.campaignCaps[static_cast<std::size_t>(line.campaign)];
    const auto& ofAdvertiser = world.advertiserCaps[static_cast<std::size_t>(line.advertiser)];
    if (line.caps.empty() && line.creativeCaps.empty() && ofCampaign.empty() && ofAdvertiser.empty()) continue;
    ++out.checked;
    const bool broken =
        over(line.creativeCaps,
             [&](const Impression& o) { return o.line == it->line && o.creative == it->creative; }) ||
        over(line.caps, [&](const Impression& o) { return o.line == it->line; }) ||
        over(ofCampaign, [&](const Impression& o) { return world.lines[o.line].campaign == line.campaign; }) ||
        over(ofAdvertiser, [&](const Impression& o) { return world.lines[o.line].advertiser == line.advertiser; });
    out.broken += broken ? 1 : 0;
  }
}

}  // namespace

CapCheck checkCaps(const World& world, std::vector<Impression> impressions, int threads) {
  std::sort(impressions.begin(), impressions.end(), [](const Impression& a, const Impression& b) {
    return a.viewer != b.viewer ? a.viewer < b.viewer : a.at < b.at;
  });
  std::vector<CapCheck> parts(static_cast<std::size_t>(threads));
  std::vector<std::thread> workers;
  const auto* const data = impressions.data();
  const std::size_t size = impressions.size();
  for (std::size_t t = 0; t < parts.size(); ++t) {
    workers.emplace_back([&, t] {
      // Whole viewers: a part begins and ends where one does.
      const auto edge = [&](std::size_t part) {
        std::size_t at = size * part / parts.size();
        while (at > 0 && at < size && data[at].viewer == data[at - 1].viewer) ++at;
        return at;
      };
      for (std::size_t from = edge(t), until = edge(t + 1); from < until;) {
        std::size_t end = from;
        while (end < until && data[end].viewer == data[from].viewer) ++end;
        check(world, data + from, data + end, parts[t]);
        from = end;
      }
    });
  }
  CapCheck out;
  for (std::size_t t = 0; t < parts.size(); ++t) {
    workers[t].join();
    out.checked += parts[t].checked;
    out.broken += parts[t].broken;
  }
  return out;
}

}  // namespace dvpe::bench
