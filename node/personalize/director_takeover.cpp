// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Other documents take over while sessions go on.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "node/personalize/director_state.h"
#include "shared/base/log.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace asio = boost::asio;

constexpr std::size_t kDecidedAtOnce = 512;        // sessions between two looks at what else there is to do
constexpr auto kNotice = std::chrono::seconds(1);  // what everybody else had

// Gives the view what `era` makes of it from its tick on. False: nothing changes.
bool Director::decideAnew(ChannelState& channel, const Era& era, const rules::Attributes& viewer, SessionView& view) {
  const decisions::Choice choice = choose(channel, era, viewer);
  bool changed = false;
  if (const std::uint16_t cohort = cohortOf(channel.number, choice); cohort != view.cohort) {
    const Ticks gone =
        (channel.cut ? channel.cut->at : Ticks{0}) - channel.config.window - 2 * channel.config.grid.cell();
    std::erase_if(view.former, [gone](const auto& f) { return f.until <= gone; });
    if (view.former.empty() || view.former.back().until < era.from) view.former.push_back({view.cohort, era.from});
    view.cohort = cohort;
    changed = true;
  }
  for (const auto& [id, span] : channel.spans) {
    if (span.start < era.from || span.end <= span.start) continue;
    const auto pod = bind(channel, era, span, 0, viewer, view.id, choice);
    if (pod.get() == view.podOf(id)) continue;  // equal pods are one object
    const auto same = [&name = id](const auto& p) { return p->spanId == name; };
    view.pods.erase(std::remove_if(view.pods.begin(), view.pods.end(), same), view.pods.end());
    if (pod) view.pods.push_back(pod);
    changed = true;
  }
  return changed;
}

// The next sessions after `after`; returns how many of them changed.
std::size_t Director::decideSome(std::optional<privacy::SessionId>& after, bool& more) {
  std::vector<SessionView> changed;
  auto it = after ? records_.upper_bound(*after) : records_.begin();
  for (std::size_t n = 0; it != records_.end() && n < kDecidedAtOnce; ++it, ++n) {
    const auto& [id, record] = *it;
    after = id;
    ChannelState& channel = *channels_[record.channel];
    const SessionView* old = table_.peek(id);
    auto claims = tokens_.open(record.token, 0);
    if (old == nullptr || !claims) continue;
    const auto attributes = attributesOf(claims.value());
    if (!attributes) continue;
    SessionView view = *old;
    if (decideAnew(channel, channel.eras.back(), attributes.value(), view) && journal(id, record, view)) {
      changed.push_back(std::move(view));
    }
  }
  more = it != records_.end();
  const std::size_t count = changed.size();
  return count > 0 && commitBound("a release", changed) ? count : 0;
}

asio::awaitable<InForce> Director::takeOver(Takeover next) {
  const auto before = std::chrono::steady_clock::now();
  const base::WallTime now = clock_.wall();
  InForce out;
  out.late = next.effective < now;
  if (out.late) next.effective = now + kNotice;
  takingOver_ = true;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    ChannelState& channel = *channels_[i];
    const Ticks wanted = base::fromWall(channel.config.epoch, next.effective);
    const Ticks from = channel.config.demand == nullptr ? wanted : channel.config.demand->begin(wanted);
    out.late = out.late || from != wanted;
    channel.eras.push_back(era(channel, from, next.release, next.compiled, std::move(next.media[i])));
    out.from.push_back(from);
  }
  std::optional<privacy::SessionId> after;
  for (bool more = true; more;) {
    out.changed += decideSome(after, more);
    co_await asio::post(context_, asio::use_awaitable);
  }
  takingOver_ = false;
  for (const auto& channel : channels_) {
    publishDemand(channel->number);
    const auto withheld = std::move(channel->withheld);
    channel->withheld.clear();
    for (const auto& cell : withheld) list(*channel, cell);
  }
  counters_.lastTakeoverMicroseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - before).count());
  co_return out;
}

asio::awaitable<std::vector<ChannelRelease>> Director::releases() {
  std::vector<ChannelRelease> out;
  for (const auto& channel : channels_) {
    const Era& era = channel->eraAt(channel->cut ? channel->cut->at : Ticks{0});
    out.push_back({channel->config.id, era.release, era.from});
  }
  co_return out;
}

}  // namespace dvpe::personalize
