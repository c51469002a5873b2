// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/pace.h"

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
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr seconds kShareMemory = minutes{60}, kWonMemory = minutes{10}, kWonNowMemory = minutes{1},
                  kBurstMemory = minutes{20};
constexpr double kEnough = 60;               // viewers' breaks and candidacies; of fewer nothing fades
constexpr seconds kDaySettles = minutes{5};  // in which what yesterday's viewers did not see is returned
constexpr seconds kNodeForgotten = std::chrono::hours{24 * 7};

}  // namespace

namespace impl {

void Account::grant(std::uint64_t plan, std::int64_t ceiling) {
  while (!grants.empty() && grants.back().ceiling <= ceiling) grants.pop_back();
  grants.push_back({plan, ceiling});
}

void Account::inForce(std::uint64_t plan) {
  const auto first = std::find_if(grants.begin(), grants.end(), [&](const Grant& each) { return each.plan >= plan; });
  grants.erase(grants.begin(), first);
}

void Fading::add(WallTime now, seconds memory, double left, double morePart, double moreWhole) {
  if (now > at && whole > 0) {
    const double keep =
        std::max(left, std::exp(-std::chrono::duration<double>(now - at) / std::chrono::duration<double>(memory)));
    part *= keep;
    whole *= keep;
  }
  at = std::max(at, now);
  part += morePart;
  whole += moreWhole;
}

}  // namespace impl

Pacer::Pacer(std::shared_ptr<const model::Documents> documents, std::string release) : impl_(std::make_unique<Impl>()) {
  impl_->use(std::move(documents), std::move(release));
}
Pacer::~Pacer() = default;
Pacer::Pacer(Pacer&&) noexcept = default;
Pacer& Pacer::operator=(Pacer&&) noexcept = default;

void Pacer::use(std::shared_ptr<const model::Documents> documents, std::string release) {
  impl_->use(std::move(documents), std::move(release));
}

void Pacer::hear(const NodeReport& report) { impl_->hear(report); }

Plan Pacer::plan(WallTime now) { return impl_->plan(now); }

std::optional<Standing> Pacer::standing(std::string_view line) const {
  const auto found = impl_->byName.find(std::string{line});
  if (found == impl_->byName.end() || !impl_->lines[found->second].sold) return std::nullopt;
  return impl_->lines[found->second].standing;
}

std::size_t Pacer::Impl::line(const std::string& name) {
  const auto [at, fresh] = byName.try_emplace(name, lines.size());
  if (fresh) {
    lines.emplace_back().order.name = name;
    lines.back().accounts.resize(nodes.size());
  }
  return at->second;
}

std::size_t Pacer::Impl::node(const std::string& name) {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const NodeBook& each) { return each.name == name; });
  if (found != nodes.end()) return static_cast<std::size_t>(found - nodes.begin());
  if (nodes.size() >= kMaxPlanNodes) return nodes.size();
  nodes.emplace_back().name = name;
  for (LineBook& each : lines) each.accounts.resize(nodes.size());
  return nodes.size() - 1;
}

void Pacer::Impl::use(std::shared_ptr<const model::Documents> next, std::string name) {
  for (LineBook& each : lines) {
    each.sold = false;
    each.order = impl::Order{std::move(each.order.name)};
  }
  documents = std::move(next);
  release = std::move(name);
  orders = impl::ordersOf(*documents);
  if (orders.lines.size() > kMaxPlanLines) orders.lines.resize(kMaxPlanLines);
  for (impl::Order& order : orders.lines) {
    LineBook& book = lines[line(order.name)];
    if (book.order.zone != order.zone) book.day = {};
    book.order = std::move(order);
    book.sold = true;
    book.open = book.openToday = {};
  }
  orders.lines.clear();
}

bool Pacer::Impl::open(const LineBook& line, WallTime at) const {
  return line.sold && at >= line.order.from && at < line.order.until &&
         impl::inDayparts(*line.order.line, line.order.zone, at);
}

std::uint32_t Pacer::Impl::rateOf(std::uint64_t plan, std::size_t line) const {
  const auto found = rates.find(plan);
  return found == rates.end() || line >= found->second.size() ? 0 : found->second[line];
}

// What had been heard when the day began is not of the day. What was bound in the last seconds before is, which is on
// the safe side; and so is what was bound before and comes back within minutes.
void Pacer::Impl::turnDay(LineBook& line, WallTime now) {
  if (now < line.day.until) return;
  line.day = impl::dayOf(now, line.order.zone);
  for (Account& each : line.accounts) {
    each.dayBound = each.bound;
    each.dayReturned = each.returned;
  }
}

void Pacer::Impl::learn(std::size_t place, Account& account, const LineCount& count, const NodeBook& before,
                        const NodeReport& report) {
  LineBook& book = lines[place];
  const auto eligible = static_cast<double>(std::max<std::int64_t>(count.eligible - account.eligible, 0));
  const auto bound = static_cast<double>(std::max<std::int64_t>(count.bound - account.bound, 0));
  account.burst = std::max(account.burst * std::exp(-std::chrono::duration<double>(report.at - before.at) /
                                                    std::chrono::duration<double>(kBurstMemory)),
                           eligible);
  const std::uint32_t rate = rateOf(report.plan, place);
  if (rate == 0 || rateOf(before.plan, place) == 0 || !open(book, before.at) || !open(book, report.at)) return;
  const auto least = [](double enough, double have) { return std::min(1.0, enough / std::max(have, 1.0)); };
  book.share.add(report.at, kShareMemory, least(kEnough, book.share.part), eligible,
                 static_cast<double>(report.breaks - before.breaks));
  // Where it met its ceiling, nobody knows what it would have won.
  if (!account.grants.empty() && count.bound - count.returned >= account.grants.front().ceiling) return;
  const double drawn = eligible * rate / kWholeRate;
  book.won.add(report.at, kWonMemory, least(kEnough, book.won.whole), bound, drawn);
  book.wonNow.add(report.at, kWonNowMemory, least(kEnough / 2, book.wonNow.whole), bound, drawn);
}

// Whether a node may be binding by a plan of which nothing is known here: then nothing more is promised to anybody.
bool Pacer::Impl::strange(WallTime now) const {
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const NodeBook& each) { return each.plan != 0 && each.plan < since && !each.lost(now); });
}

void Pacer::Impl::hear(const NodeReport& report) {
  const std::size_t n = node(report.node);
  if (n == nodes.size() || report.at <= nodes[n].at) return;
  if (report.plan > number) {
    number = report.plan;
    since = number + 1;
  }
  std::vector<LineCount> counts(lines.size());
  for (const LineCount& each : report.lines) {
    const std::size_t at = line(each.line);
    if (at >= counts.size()) counts.resize(at + 1);
    counts[at] = each;
  }
  counts.resize(lines.size());
  const NodeBook before = nodes[n];
  const bool follows = before.at != WallTime{} && report.breaks >= before.breaks;
  if (follows) traffic.add(report.at, static_cast<double>(report.breaks - before.breaks));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    LineBook& book = lines[i];
    Account& account = book.accounts[n];
    turnDay(book, report.at);
    if (follows && book.sold) learn(i, account, counts[i], before, report);
    account.eligible = std::max(account.eligible, counts[i].eligible);
    account.bound = std::max(account.bound, counts[i].bound);
    account.delivered = std::max(account.delivered, counts[i].delivered);
    account.returned = std::max(account.returned, counts[i].returned);
    if (report.at < book.day.from + kDaySettles) account.dayReturned = std::min(account.returned, account.dayBound);
    account.inForce(report.plan);
  }
  nodes[n] = {report.node, report.at, std::max(report.plan, before.plan), report.breaks};
  std::uint64_t oldest = number;
  for (const NodeBook& each : nodes) {
    if (!each.lost(report.at)) oldest = std::min(oldest, each.plan);
  }
  rates.erase(rates.begin(), rates.lower_bound(oldest));
}

// Nodes that have been silent for long leave what they spent; lines that are not sold and cost nothing leave nothing.
void Pacer::Impl::forget(WallTime now) {
  for (std::size_t n = nodes.size(); n-- > 0;) {
    if (now - nodes[n].at <= kNodeForgotten) continue;
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(n));
    for (LineBook& each : lines) {
      each.settled += each.accounts[n].spent(true);
      each.accounts.erase(each.accounts.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }
  if (lines.size() <= 2 * kMaxPlanLines) return;
  std::erase_if(lines, [](const LineBook& each) { return !each.sold; });
  byName.clear();
  for (std::size_t i = 0; i < lines.size(); ++i) byName.emplace(lines[i].order.name, i);
  rates.clear();
}

}  // namespace dvpe::decisions
