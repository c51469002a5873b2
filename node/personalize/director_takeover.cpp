// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// Other documents take over while sessions go on.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "node/personalize/director_binding.h"
#include "shared/base/log.h"
#include "shared/decisions/pace.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace asio = boost::asio;

constexpr auto kNotice = std::chrono::seconds(1);  // what everybody else had
constexpr std::uint32_t kTermsLast = 5;            // seconds; flights and parts of the day begin that much late at most

Director::Era Director::makeEra(const ChannelState& channel, Ticks from, std::string release,
                                std::shared_ptr<const decisions::Compiled> compiled, MediaCatalog media) {
  Era era;
  era.number = ++eras_;
  era.from = from;
  era.release = std::move(release);
  era.compiled = std::move(compiled);
  era.media = std::move(media);
  era.terms = termsOf(channel, era);
  const auto* laidOut = era.compiled->channel(channel.config.id);
  if (laidOut == nullptr) return era;
  era.workspace = std::make_shared<decisions::Workspace>(*laidOut);
  era.eligible.resize(laidOut->lines.size());
  for (const decisions::CompiledLine& line : laidOut->lines) {
    era.counterOf.push_back(counterOf(line));
    auto& creatives = era.creatives.emplace_back();
    for (const decisions::CompiledCreative& creative : line.creatives) {
      const auto ref = era.media.find(creative.media);
      creatives.push_back(ref == era.media.end() ? nullptr
                                                 : std::make_shared<const PlacedCreative>(PlacedCreative{
                                                       ref->second.name, creative.media, line.campaign->id, line.name,
                                                       creative.creative ? creative.creative->id : creative.media}));
    }
  }
  return era;
}

std::shared_ptr<const decisions::Terms> Director::termsOf(const ChannelState& channel, const Era& era) const {
  return std::make_shared<const decisions::Terms>(
      era.compiled, channel.config.id, planFresh_ ? plan_ : nullptr, clock_.wall(),
      [&era](std::string_view id) { return era.unitsOf(id); }, model_);
}

std::uint32_t Director::counterOf(const decisions::CompiledLine& line) {
  const auto [at, fresh] = counterByLine_.emplace(line.name, static_cast<std::uint32_t>(lineCounters_.size()));
  if (fresh) {
    lineCounters_.push_back({});
    lineCounters_.back().name = line.name;
    if (plan_) lineCounters_.back().ceiling = plan_->ceiling(options_.homes->name(), line.name);
  }
  lineCounters_[at->second].metered = line.metered();
  return at->second;
}

// What everybody decides by: made anew for a new plan, and as time goes on.
void Director::renewTerms() {
  const bool plan = !std::exchange(planApplied_, true);
  const bool model = nextModel_ && nextModel_->from <= clock_.wall();
  if (!plan && !model && nowSeconds() - termsAt_ < kTermsLast) return;
  if (model) {
    model_ = std::move(nextModel_);
    counters_.model = model_->number;
  }
  termsAt_ = nowSeconds();
  if (plan && plan_) {
    for (LineCounter& counter : lineCounters_) counter.ceiling = plan_->ceiling(options_.homes->name(), counter.name);
    counters_.plan = plan_->number;
  }
  planFresh_ = plan_ && clock_.wall() - plan_->made <= decisions::kPlanLife;
  countEligible();
  for (const auto& channel : channels_) {
    for (Era& era : channel->eras) {
      if (era.terms->channel().lively) era.terms = termsOf(*channel, era);
    }
  }
}

void Director::countEligible() {
  for (const auto& channel : channels_) {
    for (Era& era : channel->eras) {
      for (std::size_t i = 0; i < era.eligible.size(); ++i) {
        if (era.eligible[i] == 0) continue;
        lineCounters_[era.counterOf[i]].counts.eligible += std::exchange(era.eligible[i], 0U);
        lineCounters_[era.counterOf[i]].dirty = lineCounters_[0].dirty = true;
      }
    }
  }
}

void Director::setPlan(std::shared_ptr<const decisions::Plan> plan) {
  asio::post(context_, [this, plan = std::move(plan)]() mutable {
    if (plan_ && plan->number <= plan_->number) return;
    plan_ = std::move(plan);
    planApplied_ = false;
    renewTerms();
  });
}

void Director::setModel(std::shared_ptr<const learning::Model> model) {
  asio::post(context_, [this, model = std::move(model)]() mutable {
    const auto& newest = nextModel_ ? nextModel_ : model_;
    if (newest && model->number <= newest->number) return;
    nextModel_ = std::move(model);
  });
}

asio::awaitable<Counts> Director::counts() {
  co_await asio::post(context_, asio::use_awaitable);
  countEligible();
  Counts out;
  for (const LineCounter& counter : lineCounters_) {
    if (counter.counts == LineCounts{}) continue;
    if (counter.name.empty()) {
      out.breaks = counter.counts.eligible;
    } else {
      out.lines.emplace(counter.name, counter.counts);
    }
  }
  co_return out;
}

decisions::Viewer Director::viewerOf(const Record& record, const rules::Attributes& attributes) const {
  decisions::Viewer out{attributes, clock_.wall(), record.state->known ? &record.state->history : nullptr};
  if (record.profile) out.hidden = &record.profile->hidden();
  return out;
}

decisions::Choice Director::choose(const ChannelState& channel, const Era& era, const decisions::Viewer& viewer) const {
  return decisions::choose(*era.compiled, channel.config.id, viewer, era.workspace.get());
}

// Puts the view into the cohort of the choice from a tick on. False: it is in it.
bool Director::changeCohort(ChannelState& channel, const decisions::Choice& choice, Ticks from, SessionView& view) {
  const std::uint16_t cohort = cohortOf(channel.number, choice);
  if (cohort == view.cohort) return false;
  const Ticks gone = channel.now() - channel.config.window - 2 * channel.config.grid.cell();
  std::erase_if(view.former, [gone](const auto& f) { return f.until <= gone; });
  if (view.former.empty() || view.former.back().until < from) view.former.push_back({view.cohort, from});
  view.cohort = cohort;
  return true;
}

// Gives the session what `era` makes of it from its tick on. False: nothing changes in its view.
bool Director::decideAnew(ChannelState& channel, Era& era, const rules::Attributes& attributes, Record& record,
                          SessionView& view, Binding& log) {
  const decisions::Viewer viewer = viewerOf(record, attributes);
  const decisions::Choice choice = choose(channel, era, viewer);
  bool changed = changeCohort(channel, choice, era.from, view);
  if (changed) tellChosen(view.id, record, choice);
  tellArms(view.id, record, era, attributes.identity(), &channel.eras.front());
  for (const auto& [id, span] : channel.spans) {
    if (span.start < era.from || span.end <= span.start) continue;
    std::shared_ptr<const BoundPod> pod;
    if (span.kind == timeline::SpanKind::kBreak) {
      unbind(span, view.id, record, log);
      const auto ready = decideFor(era, view.id, viewer, choice, span.number, false);
      pod = bindBreak(channel, era, span, 0, view.id, record, ready, true, log);
      if (!pod && view.podOf(id) != nullptr) bindNothing(channel, span, view.id, record, log);
    } else {
      pod = bindClip(channel, era, span, choice);
    }
    if (pod.get() == view.podOf(id)) continue;  // equal pods are one object
    const auto same = [&name = id](const auto& p) { return p->spanId == name; };
    view.pods.erase(std::remove_if(view.pods.begin(), view.pods.end(), same), view.pods.end());
    if (pod) view.pods.push_back(pod);
    changed = true;
  }
  record.next = std::make_unique<std::pair<std::uint32_t, decisions::Ready>>(
      era.number, decideFor(era, view.id, viewer, choice, channel.nextBreak, false));
  return changed;
}

// The next sessions after `after`; returns how many of them changed.
std::size_t Director::decideSome(std::optional<privacy::SessionId>& after, bool& more) {
  std::vector<SessionView> changed;
  Binding log;
  auto it = after ? records_.upper_bound(*after) : records_.begin();
  for (std::size_t n = 0; it != records_.end() && n < kDecidedAtOnce; ++it, ++n) {
    auto& [id, record] = *it;
    after = id;
    ChannelState& channel = *channels_[record.channel];
    const SessionView* old = table_.peek(id);
    auto claims = tokens_.open(record.token, 0);
    if (old == nullptr || !claims) continue;
    const auto attributes = attributesFor(claims.value(), record);
    if (!attributes) continue;
    SessionView view = *old;
    if (decideAnew(channel, channel.eras.back(), attributes.value(), record, view, log) && journal(id, record, view)) {
      changed.push_back(std::move(view));
    }
  }
  more = it != records_.end();
  const std::size_t count = changed.size();
  return !(changed.empty() && log.empty()) && commitBound("a release", changed, &log) ? count : 0;
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
    channel.eras.push_back(makeEra(channel, from, next.release, next.compiled, std::move(next.media[i])));
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
