// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/totals.h"

#include <algorithm>
#include <cstdlib>

namespace dvpe::rehearsal {

using decisions::CompiledLine;
using decisions::Refusal;

namespace {

constexpr std::int64_t kMicrosOfACent = 10'000;

void count(LineTotals& line, Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return;
    case Refusal::kCap:
      ++line.cap;
      return;
    case Refusal::kDraw:
      ++line.draw;
      return;
    case Refusal::kPlan:
      ++line.plan;
      return;
    case Refusal::kOthers:
      ++line.others;
      return;
    case Refusal::kClosed:
    case Refusal::kArm:
    case Refusal::kHidden:
    case Refusal::kCreatives:
      ++line.rest;
      return;
  }
}

}  // namespace

void LineTotals::add(const LineTotals& more) {
  house = more.house;
  impressions += more.impressions;
  units += more.units;
  revenue += more.revenue;
  cap += more.cap;
  draw += more.draw;
  plan += more.plan;
  others += more.others;
  rest += more.rest;
}

void Totals::add(const Session& session, const Outcome& outcome) {
  ++sums_.sessions;
  if (!outcome.terms) return;
  const auto& compiled = outcome.terms->channel();
  Channel& channel = channels_[&compiled];
  channel.lines.resize(compiled.lines.size());
  ++channel.sessions;
  const auto cohort = channel.cohorts.try_emplace(outcome.choice.cohort, channel.cohorts.size()).first->second;
  const auto minute = std::chrono::floor<std::chrono::minutes>(session.at).time_since_epoch().count();
  channel.minutes.insert(static_cast<std::uint64_t>(minute) << 32 | cohort);
  sums_.units += outcome.units;
  sums_.slateUnits += outcome.bound.slateUnits;
  for (const decisions::Slot& slot : outcome.bound.slots) {
    const CompiledLine& line = compiled.lines[slot.line];
    LineTotals& totals = channel.lines[slot.line];
    ++totals.impressions;
    totals.units += slot.units;
    (line.house() ? sums_.houseUnits : sums_.paidUnits) += slot.units;
    if (line.house()) continue;
    totals.revenue += line.worth;
    sums_.revenue += line.worth;
  }
  for (const decisions::Consideration& each : outcome.considered) {
    const bool lost = each.refusal == Refusal::kNone && !compiled.lines[each.line].house() &&
                      std::none_of(outcome.bound.slots.begin(), outcome.bound.slots.end(),
                                   [&](const decisions::Slot& slot) { return slot.line == each.line; });
    count(channel.lines[each.line], lost ? Refusal::kOthers : each.refusal);  // it is in a pod of another length
  }
}

Sums Totals::sums() const {
  Sums out = sums_;
  for (const auto& [compiled, channel] : channels_) {
    for (std::size_t i = 0; i < channel.lines.size(); ++i) {
      LineTotals& line = out.lines[compiled->lines[i].name];
      line.add(channel.lines[i]);
      line.house = compiled->lines[i].house();
    }
    std::unordered_map<std::uint64_t, std::size_t> atOnce;
    ChannelTotals& totals = out.channels[compiled->channel->id];
    for (const std::uint64_t each : channel.minutes) {
      totals.variantsAtOnce = std::max(totals.variantsAtOnce, ++atOnce[each >> 32]);
    }
    totals.sessions = channel.sessions;
    totals.variants = channel.cohorts.size();
  }
  return out;
}

std::string money(std::int64_t micros) {
  const std::int64_t size = std::abs(micros);
  std::int64_t cents = size / kMicrosOfACent;
  const std::int64_t rest = size % kMicrosOfACent;
  if (rest * 2 > kMicrosOfACent || (rest * 2 == kMicrosOfACent && cents % 2 != 0)) ++cents;
  const std::string part = std::to_string(cents % 100);
  return (micros < 0 && cents != 0 ? "-" : "") + std::to_string(cents / 100) + (part.size() < 2 ? ".0" : ".") + part;
}

}  // namespace dvpe::rehearsal
