// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/rehearsal.h"

#include <algorithm>

namespace dvpe::rehearsal {

using decisions::CompiledLine;
using decisions::Terms;

namespace {

constexpr std::size_t kMostTerms = 256;  // of a channel, for different moments

std::uint32_t secondsOf(base::WallTime at) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
}

}  // namespace

struct Rehearsal::Channel {
  explicit Channel(const decisions::Compiled::CompiledChannel& c) : compiled(c), workspace(c) {
    for (const CompiledLine& line : c.lines) {
      turns.push_back(line.from);
      turns.push_back(line.until);
      dayparts = dayparts || (line.line && !line.line->dayparts.empty());
    }
    std::sort(turns.begin(), turns.end());
    turns.erase(std::unique(turns.begin(), turns.end()), turns.end());
  }

  // Between two equal ones of these, nothing changes that is the same for all viewers.
  std::pair<std::int64_t, std::int64_t> keyOf(base::WallTime at) const {
    const auto minute = std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count();
    return {std::upper_bound(turns.begin(), turns.end(), at) - turns.begin(), dayparts ? minute : 0};
  }

  const decisions::Compiled::CompiledChannel& compiled;
  decisions::Workspace workspace;
  std::vector<base::WallTime> turns;  // at which flights begin or end
  bool dayparts = false;
  std::map<std::pair<std::int64_t, std::int64_t>, std::shared_ptr<const Terms>> terms;
};

Rehearsal::Rehearsal(std::shared_ptr<const decisions::Compiled> compiled, std::shared_ptr<const decisions::Plan> plan,
                     decisions::UnitsOf lengths)
    : compiled_(std::move(compiled)), plan_(std::move(plan)), lengths_(std::move(lengths)) {}
Rehearsal::~Rehearsal() = default;

Rehearsal::Channel* Rehearsal::channelOf(const std::string& id) {
  const auto known = channels_.find(id);
  if (known != channels_.end()) return known->second.get();
  const auto* compiled = compiled_->channel(id);
  if (!compiled) return nullptr;
  return channels_.emplace(id, std::make_unique<Channel>(*compiled)).first->second.get();
}

const std::shared_ptr<const Terms>& Rehearsal::termsAt(Channel& channel, base::WallTime at) const {
  const auto key = channel.keyOf(at);
  const auto known = channel.terms.find(key);
  if (known != channel.terms.end()) return known->second;
  if (channel.terms.size() >= kMostTerms) channel.terms.clear();
  return channel.terms
      .emplace(key, std::make_shared<const Terms>(compiled_, channel.compiled.channel->id, plan_, at, lengths_))
      .first->second;
}

decisions::History& Rehearsal::historyOf(const Session& session) {
  if (session.viewerNumber >= histories_.size()) histories_.resize(session.viewerNumber + 1);
  return histories_[session.viewerNumber];
}

Outcome Rehearsal::decide(const Session& session) {
  Outcome out;
  Channel* const channel = channelOf(session.channel);
  if (!channel) return out;
  out.terms = termsAt(*channel, session.at);
  out.units = session.units.value_or(channel->compiled.channel->defaultBreakUnits);
  const decisions::Viewer viewer{session.attributes, session.at, &historyOf(session)};
  out.choice = decisions::choose(*compiled_, session.channel, viewer, &channel->workspace);
  if (out.units == 0) return out;
  const auto ready =
      decider_.decide(*out.terms, out.choice, viewer, {session.drawId, session.breakNumber}, out.considered);
  out.bound = decisions::bind(*out.terms, ready, out.units, true, [](std::uint32_t) { return true; });
  remember(session, out);
  return out;
}

// As nodes do: what counts for nothing is not kept.
void Rehearsal::remember(const Session& session, const Outcome& outcome) {
  decisions::History& history = historyOf(session);
  std::uint32_t at = secondsOf(session.at);
  for (const decisions::Slot& slot : outcome.bound.slots) {
    const CompiledLine& line = outcome.terms->channel().lines[slot.line];
    if (!line.house() || !line.caps.empty() || !line.creatives[slot.creative].caps.empty()) {
      history.add({at, line.keys(slot.creative)});
    }
    at += slot.units;
  }
  history.fold(secondsOf(session.at), compiled_->keptKeys());
}

Rehearsal::Explained Rehearsal::explain(const Session& session) {
  Channel& channel = *channelOf(session.channel);
  Explained out;
  out.terms = termsAt(channel, session.at);
  const decisions::History& history = historyOf(session);
  out.seen = history.impressions().size();
  out.report =
      decisions::explain(*out.terms, {session.attributes, session.at, &history}, {session.drawId, session.breakNumber},
                         session.units.value_or(channel.compiled.channel->defaultBreakUnits));
  return out;
}

decisions::Plan everyLinePlays(const decisions::Compiled& compiled) {
  decisions::Plan out;
  out.number = 1;
  for (const auto& [id, channel] : compiled.documents().channels) {
    const auto* lines = compiled.channel(id);
    if (!lines) continue;
    for (const CompiledLine& line : lines->lines) {
      if (!line.house()) out.lines[line.name] = {decisions::kWholeRate, line.worth};
    }
  }
  return out;
}

}  // namespace dvpe::rehearsal
