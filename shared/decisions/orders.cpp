// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/impl/orders.h"

#include <algorithm>

#include "shared/decisions/impl/lines.h"
#include "shared/decisions/impl/wide.h"

namespace dvpe::decisions::impl {

namespace {

// In micro-units for a thousand impressions; 0: an impression costs nothing by itself.
model::Micros thousandOf(const model::Price& price) {
  switch (price.kind) {
    case model::PriceKind::kCpm:
      return price.micros;
    case model::PriceKind::kCpcv:
      // A slot that was delivered to its end is a completed view.
      return static_cast<model::Micros>(
          std::min<Wide>(Wide{price.micros} * 1000, std::numeric_limits<model::Micros>::max()));
    case model::PriceKind::kNone:
    case model::PriceKind::kFlat:
      break;
  }
  return 0;
}

// How many impressions so much money buys.
std::int64_t impressions(model::Micros money, model::Micros thousand) {
  if (money == 0 || thousand == 0) return kMostImpressions;
  return static_cast<std::int64_t>(std::min<Wide>(Wide{money} * 1000 / thousand, kMostImpressions));
}

// The end of the last of a line's dayparts in its flight, to the minute; of a flight without end there is none.
base::WallTime lastOf(const model::Line& line, const CompiledLine& laid) {
  constexpr std::chrono::minutes kMinute{1}, kQuarter{15};
  constexpr std::chrono::hours kWeek{24 * 7};
  if (line.dayparts.empty() || laid.until == base::WallTime::max()) return laid.until;
  base::WallTime last = laid.until;
  const auto open = [&] { return inDayparts(line, laid.zone, last - kMinute); };
  while (!open() && last > laid.until - kWeek) last -= kQuarter;
  if (!open()) return laid.until;  // never
  for (int i = 0; i < kQuarter / kMinute && last < laid.until; ++i) {
    last += kMinute;
    if (!open()) return last - kMinute;
  }
  return last;
}

}  // namespace

Orders ordersOf(const model::Documents& documents) {
  Orders out;
  const model::Channel nowhere{};  // flights, names and worth are the same on every channel
  for (const auto& [id, campaign] : documents.campaigns) {
    int pool = -1;
    if (campaign.budget.total != 0 || campaign.budget.day != 0) {
      Pool each{campaign.budget.total != 0, campaign.budget.day != 0, Wide{campaign.budget.total} * 1000,
                Wide{campaign.budget.day} * 1000};
      // A flat price is due whatever is delivered.
      for (const model::Line& line : campaign.lines) {
        if (line.price.kind == model::PriceKind::kFlat) each.mostTotal -= Wide{line.price.micros} * 1000;
      }
      pool = static_cast<int>(out.pools.size());
      out.pools.push_back(each);
    }
    for (const model::Line& line : campaign.lines) {
      std::vector<std::string> categories;
      std::vector<model::DocumentError> errors;
      const CompiledLine laid = layOut(documents, nowhere, campaign, &line, categories, errors);
      if (laid.house() || (laid.zone == nullptr && campaign.timezone != "UTC")) continue;
      Order order{laid.name, &line, laid.from, laid.until, lastOf(line, laid), laid.zone};
      order.worth = laid.worth;
      order.thousand = thousandOf(line.price);
      order.pool = pool;
      const bool counted =
          line.goal.kind == model::GoalKind::kImpressions || line.goal.kind == model::GoalKind::kCompletedViews;
      if (counted) order.most = std::min(line.goal.amount, kMostImpressions);
      order.most = std::min(order.most, impressions(line.budget.total, order.thousand));
      order.mostDay = impressions(line.budget.day, order.thousand);
      out.lines.push_back(std::move(order));
    }
  }
  return out;
}

Day dayOf(base::WallTime at, const date::time_zone* zone) {
  using std::chrono::days;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto local = zone ? zone->to_local(seconds).time_since_epoch() : seconds.time_since_epoch();
  const auto midnight = [&](days day) {
    return instant(model::LocalTime{std::chrono::seconds{day}}, zone, base::WallTime{});
  };
  const auto day = std::chrono::floor<days>(local);
  return {midnight(day), midnight(day + days{1})};
}

}  // namespace dvpe::decisions::impl
