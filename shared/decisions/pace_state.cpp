// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a Pacer remembers, as JSON: {"number", "since", "traffic", "nodes": [[name, at, plan, breaks], ...], "lines":
// [[name, settled, day from, until, multiplier, share, won, won now, [an account for each node]], ...]}; times are
// microseconds since 1970.
#include <boost/json/serialize.hpp>

#include "shared/decisions/impl/pacer.h"
#include "shared/model/reader.h"

namespace dvpe::decisions {

namespace json = boost::json;
using base::WallTime;
using impl::Account;
using impl::Fading;
using impl::LineBook;
using impl::NodeBook;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace {

constexpr std::size_t kMostGrants = 100'000;
constexpr std::int64_t kMostCount = std::int64_t{1} << 53;

std::int64_t number(WallTime at) { return at.time_since_epoch().count(); }

json::array values(const Fading& of) { return {of.part, of.whole, number(of.at)}; }

json::array values(const Account& of) {
  json::array grants;
  for (const Account::Grant& each : of.grants) grants.push_back(json::array{each.plan, each.ceiling});
  return {of.eligible, of.bound, of.delivered, of.returned, of.dayBound, of.dayReturned, of.burst, std::move(grants)};
}

// Reads the items of an array one after the other; a wrong one is a mistake, after which nothing is read.
class Row {
 public:
  Row(const Place& place, std::size_t size) : place_(place), items_(place.value->if_array()) {
    good_ = items_ != nullptr && items_->size() == size;
    if (!good_) place_.mistake("expected an array of " + std::to_string(size));
  }

  bool good() const { return good_; }
  template <class T>
  void count(T& out, std::int64_t least = 0) {
    const json::value* value = next();
    const std::int64_t* found = value ? value->if_int64() : nullptr;
    if (!found || *found < least || *found > kMostCount) return bad("a whole number");
    out = static_cast<T>(*found);
  }
  void real(double& out) {
    const json::value* value = next();
    if (!value || !value->is_number()) return bad("a number");
    out = value->to_number<double>();
  }
  void time(WallTime& out) {
    std::int64_t micros = 0;
    count(micros);
    out = WallTime{std::chrono::microseconds{micros}};
  }
  void text(std::string& out) {
    const json::value* value = next();
    if (!value || !value->is_string() || value->get_string().size() > 256) return bad("a text");
    out.assign(value->get_string().data(), value->get_string().size());
  }
  Place place() {
    static const json::value kNone;
    const std::size_t at = at_;
    const json::value* value = next();
    return place_.child(value ? *value : kNone, at);
  }

 private:
  const json::value* next() { return good_ && at_ < items_->size() ? &(*items_)[at_++] : nullptr; }
  void bad(const std::string& wanted) {
    if (good_) place_.mistake("expected " + wanted + " as item " + std::to_string(at_));
    good_ = false;
  }
  Place place_;
  const json::array* items_ = nullptr;
  std::size_t at_ = 0;
  bool good_ = true;
};

struct State {
  std::uint64_t number = 0, since = 0;
  impl::Traffic::State traffic;
  std::vector<NodeBook> nodes;
  std::vector<LineBook> lines;
};

void each(const Place& place, std::size_t most, const std::function<void(const Place&)>& read) {
  const json::array* items = place.value->if_array();
  if (!items || items->size() > most) return place.mistake("expected an array of at most " + std::to_string(most));
  for (std::size_t i = 0; i < items->size(); ++i) read(place.child((*items)[i], i));
}

void readFading(const Place& place, Fading& out) {
  Row row{place, 3};
  row.real(out.part);
  row.real(out.whole);
  row.time(out.at);
}

void readAccount(const Place& place, Account& out) {
  Row row{place, 8};
  for (std::int64_t* value :
       {&out.eligible, &out.bound, &out.delivered, &out.returned, &out.dayBound, &out.dayReturned}) {
    row.count(*value);
  }
  row.real(out.burst);
  if (!row.good()) return;
  each(row.place(), kMostGrants, [&](const Place& at) {
    Account::Grant grant;
    Row pair{at, 2};
    pair.count(grant.plan);
    pair.count(grant.ceiling);
    const bool follows =
        out.grants.empty() || (out.grants.back().plan < grant.plan && out.grants.back().ceiling > grant.ceiling);
    if (pair.good() && !follows) at.mistake("expected later plans with lower ceilings");
    out.grants.push_back(grant);
  });
}

void readLine(const Place& place, State& out) {
  LineBook line;
  Row row{place, 9};
  row.text(line.order.name);
  row.count(line.settled, -kMostCount);
  row.time(line.day.from);
  row.time(line.day.until);
  row.real(line.urge);
  if (!row.good()) return;
  readFading(row.place(), line.share);
  readFading(row.place(), line.won);
  readFading(row.place(), line.wonNow);
  const Place accounts = row.place();
  each(accounts, kMaxPlanNodes, [&](const Place& at) { readAccount(at, line.accounts.emplace_back()); });
  if (line.accounts.size() != out.nodes.size()) accounts.mistake("expected an account for each node");
  out.lines.push_back(std::move(line));
}

void readTraffic(const Place& place, impl::Traffic::State& out) {
  Row row{place, 7};
  row.count(out.bin, -1);
  row.time(out.since);
  row.time(out.last);
  row.real(out.breaks);
  row.real(out.recent);
  row.real(out.recentTime);
  if (!row.good()) return;
  Row rates{row.place(), out.rates.size()};
  for (double& rate : out.rates) rates.real(rate);
}

void readState(ObjectReader& in, State& out) {
  std::int64_t number = 0, since = 0;
  in.integer("number", number, 0, kMostCount, Need::kRequired);
  in.integer("since", since, 0, kMostCount, Need::kRequired);
  out.number = static_cast<std::uint64_t>(number);
  out.since = static_cast<std::uint64_t>(since);
  if (in.find("traffic", Need::kRequired)) readTraffic(in.at("traffic"), out.traffic);
  in.array("nodes", Need::kRequired, kMaxPlanNodes, [&](const Place& place) {
    NodeBook& node = out.nodes.emplace_back();
    Row row{place, 4};
    row.text(node.name);
    row.time(node.at);
    row.count(node.plan);
    row.count(node.breaks);
  });
  in.array("lines", Need::kRequired, 3 * kMaxPlanLines, [&](const Place& place) { readLine(place, out); });
}

}  // namespace

std::string Pacer::state() const {
  json::array nodes, lines, rates;
  for (const NodeBook& each : impl_->nodes)
    nodes.push_back(json::array{each.name, number(each.at), each.plan, each.breaks});
  for (const LineBook& each : impl_->lines) {
    json::array accounts;
    for (const Account& account : each.accounts) accounts.push_back(values(account));
    lines.push_back(json::array{each.order.name, each.settled, number(each.day.from), number(each.day.until), each.urge,
                                values(each.share), values(each.won), values(each.wonNow), std::move(accounts)});
  }
  const impl::Traffic::State& traffic = impl_->traffic.state();
  for (const double rate : traffic.rates) rates.emplace_back(rate);
  json::object out;
  out["number"] = impl_->number;
  out["since"] = impl_->since;
  out["traffic"] = json::array{traffic.bin,    number(traffic.since), number(traffic.last), traffic.breaks,
                               traffic.recent, traffic.recentTime,    std::move(rates)};
  out["nodes"] = std::move(nodes);
  out["lines"] = std::move(lines);
  return json::serialize(out);
}

base::Result<void> Pacer::restore(std::string_view text) {
  DVPE_TRY(State state, model::readObject<State>(text, kMaxPacingStateBytes, "pacing", readState));
  Impl& to = *impl_;
  for (LineBook& each : to.lines) each.accounts.assign(state.nodes.size(), {});
  to.number = state.number;
  to.since = state.since;
  to.traffic.restore(state.traffic);
  to.nodes = std::move(state.nodes);
  to.rates.clear();
  for (LineBook& each : state.lines) {
    LineBook& book = to.lines[to.line(each.order.name)];
    each.order = std::move(book.order);
    each.sold = book.sold;
    book = std::move(each);
  }
  return base::success();
}

}  // namespace dvpe::decisions
