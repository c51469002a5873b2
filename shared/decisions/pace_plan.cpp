// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// From what is known to a plan.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "shared/decisions/compiled.h"
#include "shared/decisions/impl/lines.h"
#include "shared/decisions/impl/pacer.h"

namespace dvpe::decisions {

using base::WallTime;
using impl::Account;
using impl::LineBook;
using impl::NodeBook;
using impl::Wide;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr seconds kEarly{60};               // a line is planned so long before its flight
constexpr seconds kMostLead = minutes{10};  // so long before the end of a flight, at most, a line should be done
constexpr seconds kUnheard{40};             // from a break to a plan that knows of it
constexpr int kLeadShare = 33;              // or so short a part of the flight
constexpr double kAhead = 1.1;
constexpr std::uint32_t kFirstRate = kWholeRate / 100;  // of a line that nothing is known of
constexpr std::int64_t kFirstCeiling = 10;
constexpr double kWonBefore = 2;  // candidacies' weight of the guess that half of them are won
constexpr double kLeastWon = 0.0005, kMostNeeded = 100;
constexpr std::int64_t kLeastWorth = 100;  // of a line with a goal and no price, so that urgency has something to raise
constexpr double kScarce = 5;              // urgency of a line that needs every break there is
constexpr double kMostUrge = 5, kUrgeStep = 0.05, kUrgeFrom = 0.8;
constexpr double kLastDrawn = 8;  // viewers that the last impressions of a line are drawn for
constexpr seconds kOpenFor = minutes{5};
constexpr std::chrono::seconds kDaypartStep = minutes{15};
constexpr std::chrono::seconds kDaypartsAhead = std::chrono::hours{24 * 8};

// `total` in whole parts, in proportion to the weights (largest remainders); equal ones: those before.
std::vector<std::int64_t> split(std::int64_t total, const std::vector<double>& weights) {
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> out(weights.size());
  if (all <= 0 || total <= 0) return out;
  std::vector<std::pair<double, std::size_t>> rest;
  std::int64_t left = total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double exact = static_cast<double>(total) * weights[i] / all;
    out[i] = std::min(static_cast<std::int64_t>(exact), left);
    left -= out[i];
    if (weights[i] > 0) rest.emplace_back(static_cast<double>(out[i]) - exact, i);
  }
  std::sort(rest.begin(), rest.end());
  for (std::size_t i = 0; left > 0; i = (i + 1) % rest.size(), --left) ++out[rest[i].second];
  return out;
}

// With how much of its opportunities a line is drawn that needs such a share of those that it wins.
double drawn(double needed) { return needed >= 1 ? 1.0 : std::min(1.0, kAhead * needed / (1 - needed / 2)); }

}  // namespace

struct Pacer::Impl::Draft {
  LineBook& line;
  std::size_t number = 0;
  std::vector<impl::PoolBook>& pools;
  std::int64_t spent = 0, promised = 0, spentToday = 0, promisedToday = 0;
  double breaks = 0, breaksToday = 0;  // expected until the end of the flight and of the day
  bool late = false;                   // the flight is nearly over
  double unheard = 0;                  // of those, what passes before a plan can know of it
  double wanted = 0, wantedToday = 0;  // impressions in them

  const impl::Order& order() const { return line.order; }
  bool limited() const { return order().most < kMostImpressions || order().mostDay < kMostImpressions || pooled(); }
  bool pooled() const { return order().pool >= 0 && order().thousand > 0; }
  impl::PoolBook& pool() const { return pools[static_cast<std::size_t>(order().pool)]; }
  // By the goal and all budgets, of what has not been spent, or has not been promised.
  std::int64_t left(const impl::Orders& book) const {
    return within(book, std::min(order().most - spent, order().mostDay - spentToday), &impl::PoolBook::spent,
                  &impl::PoolBook::spentToday);
  }
  std::int64_t free(const impl::Orders& book) const {
    return within(book, std::min(order().most - promised, order().mostDay - promisedToday), &impl::PoolBook::promised,
                  &impl::PoolBook::promisedToday);
  }
  std::int64_t within(const impl::Orders& book, std::int64_t most, Wide impl::PoolBook::*all,
                      Wide impl::PoolBook::*today) const {
    if (pooled()) {
      const impl::Pool& of = book.pools[static_cast<std::size_t>(order().pool)];
      const auto buys = [&](Wide money) {
        return static_cast<std::int64_t>(
            std::clamp<Wide>(money / order().thousand, -kMostImpressions, kMostImpressions));
      };
      if (of.total) most = std::min(most, buys(of.mostTotal - pool().*all));
      if (of.day) most = std::min(most, buys(of.mostDay - pool().*today));
    }
    return std::max<std::int64_t>(most, 0);
  }
  bool endless() const { return order().until == WallTime::max(); }
};

// Sums up what was spent and promised, in impressions and in money.
void Pacer::Impl::limits(Draft& draft, WallTime now) {
  turnDay(draft.line, now);
  draft.spent = draft.promised = draft.line.settled;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const Account& each = draft.line.accounts[n];
    const std::int64_t spent = each.spent(nodes[n].lost(now)), promised = each.promised(nodes[n].lost(now));
    draft.spent += spent;
    draft.promised += promised;
    draft.spentToday += spent - each.dayBase();
    draft.promisedToday += promised - each.dayBase();
  }
  if (!draft.pooled()) return;
  const Wide thousand = draft.order().thousand;
  draft.pool().spent += thousand * draft.spent;
  draft.pool().promised += thousand * draft.promised;
  draft.pool().spentToday += thousand * draft.spentToday;
  draft.pool().promisedToday += thousand * draft.promisedToday;
}

// Of the traffic until a moment, what falls into the line's dayparts.
double Pacer::Impl::expected(LineBook& line, LineBook::Open& open, WallTime now, WallTime until) const {
  const double all = traffic.expected(now, until);
  if (line.order.line->dayparts.empty() || all <= 0) return all;
  if (open.until != until || now - open.at >= kOpenFor || until - now < 2 * kDaypartStep) {
    const WallTime end = std::min(until, now + kDaypartsAhead);
    double in = 0;
    for (WallTime at = now; at < end;) {
      const WallTime next = std::min(end, at + (end - now < 2 * kDaypartStep ? seconds{60} : kDaypartStep));
      if (impl::inDayparts(*line.order.line, line.order.zone, at)) in += traffic.expected(at, next);
      at = next;
    }
    open = {now, until, in / std::max(traffic.expected(now, end), 1e-9)};
  }
  return all * open.part;
}

// What the line could be in, and what it wants of that.
void Pacer::Impl::needs(Draft& draft, WallTime now) {
  LineBook& line = draft.line;
  const impl::Order& order = draft.order();
  const double share = line.share.whole > 0 ? (line.share.part + 0.5) / (line.share.whole + 1) : 0;
  const WallTime from = std::max(now, order.from);
  if (!draft.endless()) {
    const seconds length = std::chrono::floor<seconds>(order.last - std::max(order.from, now - kMostLead * kLeadShare));
    const WallTime end = order.last - std::clamp(length / kLeadShare, seconds{0}, kMostLead);
    draft.breaks = share * expected(line, line.open, from, end);
    draft.late = from >= end;
  }
  draft.breaksToday = share * expected(line, line.openToday, from, std::min(order.until, line.day.until));
  draft.unheard = share * traffic.now() * std::chrono::duration<double>(kUnheard).count();
  draft.breaks = std::max(draft.breaks, draft.unheard);
  draft.breaksToday = std::max(draft.breaksToday, draft.unheard);
  const auto within = [](std::int64_t most, std::int64_t spent, double breaks) {
    const auto left = static_cast<double>(std::max<std::int64_t>(most - spent, 0));
    return most < kMostImpressions ? left : breaks;
  };
  draft.wanted = within(order.most, draft.spent, draft.breaks);
  draft.wantedToday = within(order.mostDay, draft.spentToday, draft.breaksToday);
  if (!draft.pooled()) return;
  const auto money = [&](double impressions) {
    return Wide{order.thousand} * static_cast<std::int64_t>(std::min(impressions, 1e12));
  };
  draft.pool().wanted += money(std::min(draft.wanted, draft.endless() ? 1e12 : std::max(draft.breaks, 1.0)));
  draft.pool().wantedToday += money(std::min({draft.wanted, draft.wantedToday, std::max(draft.breaksToday, 1.0)}));
}

LinePlan Pacer::Impl::rate(Draft& draft, WallTime now) {
  LineBook& line = draft.line;
  const impl::Order& order = draft.order();
  Standing& standing = line.standing;
  // What it wins now may be much more than what it won when others were worth more.
  const auto wonOf = [](const impl::Fading& of) { return (of.part + kWonBefore / 2) / (of.whole + kWonBefore); };
  const double won = std::clamp(std::max(wonOf(line.won), wonOf(line.wonNow)), kLeastWon, 1.0);
  standing = {order.most, draft.spent, draft.promised, 0, won, 0};
  if (order.line->goal.kind == model::GoalKind::kShareOfVoice) {
    const auto share = static_cast<std::uint32_t>(order.line->goal.amount * (kWholeRate / 100));
    return {draft.left(orders) <= 0 ? 0 : share, order.worth};
  }
  if (!draft.limited()) return {kWholeRate, order.worth};
  // A campaign's money is for each of its lines a part of what it wants.
  double wanted = draft.wanted, wantedToday = draft.wantedToday;
  if (draft.pooled()) {
    const impl::Pool& pool = orders.pools[static_cast<std::size_t>(order.pool)];
    const auto part = [&](bool limit, Wide most, Wide spent, Wide all) {
      return !limit || all == 0 ? 1.0
                                : std::clamp(static_cast<double>(most - spent) / static_cast<double>(all), 0.0, 1.0);
    };
    const impl::PoolBook& sums = draft.pool();
    wanted = std::min(wanted, std::max(draft.breaks, 1.0)) * part(pool.total, pool.mostTotal, sums.spent, sums.wanted);
    wantedToday = std::min(wantedToday, std::max(draft.breaksToday, 1.0)) *
                  part(pool.day, pool.mostDay, sums.spentToday, sums.wantedToday);
  }
  if (draft.left(orders) <= 0) return {0, order.worth};
  const double worth = static_cast<double>(std::max(order.worth, kLeastWorth));
  const auto withUrgency = [&](double urgency) {
    standing.urgency = urgency;
    return static_cast<std::int64_t>(std::min(worth * std::exp(urgency), static_cast<double>(kMostWorth)));
  };
  // Nobody knows yet how many there are for it.
  if (line.share.whole <= 0) {
    return {order.line->pacing == model::Pacing::kFast ? kWholeRate : kFirstRate, withUrgency(kScarce / 2)};
  }
  const bool daily =
      order.mostDay < kMostImpressions || (draft.pooled() && orders.pools[static_cast<std::size_t>(order.pool)].day);
  const bool inAll =
      order.most < kMostImpressions || (draft.pooled() && orders.pools[static_cast<std::size_t>(order.pool)].total);
  const auto share = [](double part, double of) { return part / std::max(of, std::min(part, 1.0)); };
  double needed = std::numeric_limits<double>::max();
  if (inAll && !draft.endless()) needed = share(wanted, draft.breaks);
  if (daily) needed = std::min(needed, share(wantedToday, draft.breaksToday));
  const bool fast = order.line->pacing == model::Pacing::kFast || needed == std::numeric_limits<double>::max();
  needed = std::min(needed, kMostNeeded);
  standing.needed = needed;
  const double tight = needed / won;
  if (open(line, now)) {
    line.urge += kUrgeStep * std::clamp(2 * (tight / kUrgeFrom - 1), -1.0, 1.0);
    line.urge = std::clamp(line.urge, 0.0, kMostUrge);
  }
  // It may win all that it is drawn for from now on, whatever it did before; and what is drawn and cannot be bound is
  // time that nobody has: a few over what is left, so that the last ones find somebody, and no more, or lines that have
  // few viewers lose them. When its time is nearly over that does not matter.
  double rate = fast ? 1 : drawn(tight);
  const auto left = static_cast<double>(draft.left(orders));
  const double most = std::max(left, std::min(left + 3 * std::sqrt(left), kLastDrawn));
  if (!draft.late) rate = std::min(rate, most / std::max(draft.unheard, 1e-9));
  // What little is missing at the end comes first: nobody loses much by it.
  const bool last = draft.late && draft.left(orders) <= std::max<std::int64_t>(order.most / 20, 10);
  return {std::max<std::uint32_t>(static_cast<std::uint32_t>(rate * kWholeRate), 1),
          withUrgency(last ? kScarce + kMostUrge : kScarce * std::min(needed, 1.0) + line.urge)};
}

// Ceilings for what the next breaks may take, as far as goal and budgets go.
void Pacer::Impl::ceilings(Draft& draft, Plan& plan, WallTime now) {
  const impl::Order& order = draft.order();
  const LinePlan& line = plan.lines.find(order.name)->second;
  std::vector<std::size_t> who;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (!nodes[n].lost(now)) who.push_back(n);
  }
  const auto give = [&](std::size_t n, std::int64_t ceiling) {
    draft.line.accounts[n].grant(plan.number, ceiling);
    if (ceiling > 0) plan.ceilings[nodes[n].name].emplace(order.name, ceiling);
  };
  if (!draft.limited()) {
    for (const std::size_t n : who) give(n, kMostImpressions);
    return;
  }
  const std::int64_t left = draft.left(orders), free = strange(now) ? 0 : draft.free(orders);
  std::vector<double> need;
  double all = 0;
  for (const std::size_t n : who) {
    const Account& account = draft.line.accounts[n];
    // What it has won so far is what it could bind with the ceilings that it had. While there is plenty, all of its
    // candidacies may be won, and traffic may grow many times over before the next plan.
    const double drawn = account.burst * line.rate / kWholeRate, one = drawn * draft.line.standing.won;
    double each = std::ceil(2.5 * one + 3 * std::sqrt(one) + 1);
    if (draft.line.share.whole <= 0) each = kFirstCeiling;
    each = std::max(each, std::min(std::ceil(2.5 * drawn + 3 * std::sqrt(drawn) + 1), static_cast<double>(left) / 10));
    each = std::max(each, std::min(8 * each, static_cast<double>(left) / 50));
    // Who has some already keeps it rather than another getting it.
    const bool holds = account.promised(false) > account.spent();
    need.push_back(line.rate == 0 ? 0 : each * (holds ? 1.2 : 1));
    all += need.back();
  }
  std::vector<std::int64_t> target = split(std::min(left, static_cast<std::int64_t>(all)), need);
  std::vector<double> more;
  for (std::size_t i = 0; i < who.size(); ++i) {
    const Account& account = draft.line.accounts[who[i]];
    target[i] += account.spent();
    more.push_back(static_cast<double>(std::max<std::int64_t>(target[i] - account.promised(false), 0)));
  }
  const double asked = std::accumulate(more.begin(), more.end(), 0.0);
  const std::vector<std::int64_t> given = split(std::min(free, static_cast<std::int64_t>(asked)), more);
  for (std::size_t i = 0; i < who.size(); ++i) {
    const std::int64_t promised = draft.line.accounts[who[i]].promised(false);
    give(who[i], std::min(target[i], promised + given[i]));
    if (!draft.pooled()) continue;
    draft.pool().promised += Wide{order.thousand} * given[i];
    draft.pool().promisedToday += Wide{order.thousand} * given[i];
  }
}

Plan Pacer::Impl::plan(WallTime now) {
  forget(now);
  Plan plan;
  plan.number = ++number;
  plan.release = release;
  plan.made = now;
  for (const NodeBook& each : nodes) {
    if (!each.lost(now)) plan.ceilings[each.name];
  }
  std::vector<impl::PoolBook> pools(orders.pools.size());
  std::vector<Draft> drafts;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].sold) continue;
    Draft draft{lines[i], i, pools};
    limits(draft, now);
    const impl::Order& order = draft.order();
    if (now < order.until && now >= (order.from == WallTime::min() ? order.from : order.from - kEarly)) {
      drafts.push_back(draft);
    }
  }
  for (Draft& each : drafts) needs(each, now);
  std::vector<std::uint32_t> drawn(lines.size());
  for (Draft& each : drafts) {
    const LinePlan line = rate(each, now);
    drawn[each.number] = line.rate;
    plan.lines.emplace(each.order().name, line);
  }
  std::vector<bool> given(lines.size());
  for (Draft& each : drafts) {
    ceilings(each, plan, now);
    given[each.number] = true;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      if (!given[i] || nodes[n].lost(now)) lines[i].accounts[n].grant(number, 0);
    }
  }
  rates.emplace(number, std::move(drawn));
  return plan;
}

}  // namespace dvpe::decisions
