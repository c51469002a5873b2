// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/director.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "node/personalize/director_binding.h"
#include "shared/base/log.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace asio = boost::asio;
using base::ErrorCode;
using base::fail;
using base::Result;

void Director::Feed::spanAnnounced(const timeline::Span& span) {
  asio::post(director_.context_, [d = &director_, c = channel_, span] { d->spanAnnounced(c, span); });
}
void Director::Feed::spanEnds(const std::string& id, Ticks at) {
  asio::post(director_.context_, [d = &director_, c = channel_, id, at] {
    auto& spans = d->channels_[c]->spans;
    const auto it = spans.find(id);
    if (it == spans.end()) return;
    if (it->second.kind == timeline::SpanKind::kBreak) d->breakEnds(*d->channels_[c], it->second, at);
    it->second.end = at;
  });
}
void Director::Feed::cutMade(const timeline::Cut& cut) {
  asio::post(director_.context_, [d = &director_, c = channel_, cut] { d->cutMade(c, cut); });
}
void Director::Feed::cellFinished(std::shared_ptr<const timeline::Cell> cell) {
  asio::post(director_.context_,
             [d = &director_, c = channel_, cell = std::move(cell)]() mutable { d->cellFinished(c, std::move(cell)); });
}

Director::Director(DirectorOptions options, std::shared_ptr<const decisions::Compiled> compiled,
                   std::vector<DirectedChannel> channels, SessionStore& store, privacy::TokenSealer& tokens,
                   const base::Clock& clock)
    : options_(std::move(options)),
      store_(store),
      tokens_(tokens),
      clock_(clock),
      table_(options_.maxSessions, options_.readers) {
  lineCounters_.push_back({});  // the node's own
  lineCounters_[0].metered = false;
  counterByLine_.emplace("", 0);
  for (auto& config : channels) {
    auto state = std::make_unique<ChannelState>(channels_.size(), std::move(config));
    state->eras.push_back(makeEra(*state, Ticks{0}, options_.release, compiled, state->config.media));
    for (const auto& id : state->config.cohorts) {
      state->cohortIndex.emplace(id, static_cast<std::uint16_t>(state->cohortIndex.size()));
    }
    state->cohortIds = state->config.cohorts;
    state->overlays.resize(state->config.cohorts.size());
    if (const auto& resumed = state->config.state) {
      state->cut = resumed->last;
      state->nextBreak = resumed->breaks + 1;
      for (const auto& span : {resumed->open, resumed->ahead}) {
        if (span) state->spans[span->id] = *span;
      }
    }
    feeds_.push_back(std::make_unique<Feed>(*this, channels_.size()));
    channels_.push_back(std::move(state));
  }
}

Director::~Director() { stop(); }

timeline::FeedListener& Director::feed(std::size_t channel) { return *feeds_.at(channel); }

std::uint32_t Director::nowSeconds() const { return static_cast<std::uint32_t>(clock_.steadySeconds()); }

Result<void> Director::start() {
  DVPE_CHECK(store_.each([this](const privacy::SessionId& id, base::ByteView record) { return restore(id, record); }));
  DVPE_CHECK(restoreLog());
  for (std::size_t c = 0; c < channels_.size(); ++c) publishDemand(c);
  asio::co_spawn(context_, housekeeping(), asio::detached);
  asio::co_spawn(context_, refresh(), asio::detached);
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "decide");
    const auto work = asio::make_work_guard(context_);
    context_.run();
  });
  return base::success();
}

void Director::stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  for (auto& [id, record] : records_) endSample(record);
}

Result<std::size_t> Director::channelOf(const std::string& id) const {
  for (const auto& c : channels_) {
    if (c->config.id == id) return c->number;
  }
  return fail(ErrorCode::kNotFound, "there is no channel of that name");
}

Result<rules::Attributes> attributesOf(const privacy::SessionClaims& claims) {
  rules::Attributes attributes;
  DVPE_CHECK(attributes.set("viewer", model::Value{std::make_shared<const model::Map>(claims.attributes)}));
  for (const auto word : privacy::kPurposes) {
    if (claims.consented(word)) DVPE_CHECK(attributes.consent(word));
  }
  for (const auto& word : claims.otherPurposes) DVPE_CHECK(attributes.consent(word));
  // A share of viewers is the same share tomorrow for those who have agreed to be known again, else for the session.
  attributes.setIdentity(claims.consented("personalised_content") ? base::hex(claims.pseudonym)
                                                                  : base::hex(claims.sessionId));
  return attributes;
}

std::uint16_t Director::cohortOf(std::size_t channel, const decisions::Choice& choice) {
  ChannelState& state = *channels_[channel];
  if (state.cohortIndex.size() == kNoCohort && !state.cohortIndex.contains(choice.cohort)) {
    spdlog::error("a channel has had too many cohorts: new ones see the programme channel={}", state.config.id);
    return kNoCohort;
  }
  const auto [it, fresh] =
      state.cohortIndex.emplace(choice.cohort, static_cast<std::uint16_t>(state.cohortIndex.size()));
  if (fresh) {
    state.cohortIds.push_back(choice.cohort);
    state.overlays.emplace_back();
    if (state.config.newCohort) state.config.newCohort(it->second, it->first);
  }
  auto& uses = state.overlays[it->second];
  if (uses.empty()) {
    for (const auto& o : choice.overlays) {
      // A copy: a cohort outlives the documents that made it.
      uses.push_back({std::make_shared<const model::Overlay>(*o.overlay), o.values, o.trigger, o.event});
    }
  }
  return it->second;
}

void Director::cutMade(std::size_t number, const timeline::Cut& cut) {
  ChannelState& channel = *channels_[number];
  channel.cut = cut;
  const bool next = channel.eras.size() > 1 && channel.eras[1].from <= cut.at;
  while (channel.eras.size() > 1 && channel.eras[1].from <= cut.at) channel.eras.pop_front();
  if (next) {
    spdlog::info("a release is on air channel={} release={} cut={} at={}", channel.config.id,
                 channel.eras.front().release, cut.msn, cut.at.count());
  }
}

void Director::cellFinished(std::size_t number, std::shared_ptr<const timeline::Cell> cell) {
  ChannelState& channel = *channels_[number];
  if (!channel.withheld.empty() || (takingOver_ && cell->start >= channel.eras.back().from)) {
    channel.withheld.push_back(std::move(cell));
  } else {
    list(channel, std::move(cell));
  }
}

void Director::list(ChannelState& channel, std::shared_ptr<const timeline::Cell> cell) {
  channel.newest = cell;
  channel.recent.push_back(cell);
  if (channel.recent.size() > 64) channel.recent.pop_front();
  const Ticks old = cell->end - kLongestWindow;
  std::erase_if(channel.spans, [&](const auto& s) { return s.second.end < old; });
  std::erase_if(channel.pods, [&](const auto& p) { return !channel.spans.contains(p.first); });
  if (channel.config.listed) channel.config.listed(std::move(cell));
}

asio::awaitable<Reply> Director::create(NewSession request) {
  auto number = channelOf(request.channel);
  if (!number) co_return Reply{number.as_failure()};
  ChannelState& channel = *channels_[number.value()];
  const SessionView* known = table_.peek(request.id);
  if (known == nullptr && records_.size() >= options_.maxSessions) {
    ++counters_.refused;
    co_return Reply{fail(ErrorCode::kUnavailable, "this node is full")};
  }
  privacy::SessionClaims claims;
  claims.sessionId = request.id;
  claims.pseudonym = request.pseudonym;
  claims.channel = request.channel;
  claims.attributes = std::move(request.attributes);
  for (const auto& word : request.purposes) claims.consent(word);
  claims.expiry = clock_.wallSeconds() + options_.sessionLife.count();
  auto token = tokens_.seal(claims);
  if (!token) co_return Reply{token.as_failure()};
  if (known != nullptr) {
    ++counters_.repeated;
    co_return Reply{token};
  }
  auto attributes = attributesOf(claims);
  if (!attributes) co_return Reply{attributes.as_failure()};
  SessionView view;
  view.id = request.id;
  view.channel = static_cast<std::uint16_t>(number.value());
  Era& first = channel.eraAt(channel.cut ? channel.cut->at + Ticks{1} : Ticks{0});
  Record record;
  record.channel = number.value();
  record.token = token.value();
  record.viewer = request.pseudonym;
  record.expiry = claims.expiry;
  attach(claims, record);
  const bool away = !record.state->known;
  const decisions::Viewer viewer = viewerOf(record, attributes.value());
  const decisions::Choice choice = choose(channel, first, viewer);
  view.cohort = cohortOf(number.value(), choice);
  const auto& languages = channel.config.languages;
  const auto track = std::find(languages.begin(), languages.end(), choice.audioLanguage);
  view.audio = track == languages.end() ? 0 : static_cast<std::uint16_t>(track - languages.begin());
  // Its own from the next cut that is not yet open.
  view.fromMsn = channel.cut ? channel.cut->msn + 1 : 0;
  Binding log;
  for (const auto& [id, span] : channel.spans) {
    int joins = 0;
    if (channel.cut && channel.cut->at >= span.start) {
      joins = static_cast<int>((channel.cut->at - span.start) / channel.config.grid.cell() + 1) * 4;
    }
    if (span.start + channel.config.grid.unit() * joins >= span.end) continue;  // it is over
    std::shared_ptr<const BoundPod> pod;
    if (span.kind == timeline::SpanKind::kBreak) {
      const auto ready = decideFor(first, request.id, viewer, choice, span.number, true);
      pod = bindBreak(channel, first, span, joins, request.id, record, ready, true, log);
    } else if (joins == 0) {  // a clip is not joined in its middle
      pod = bindClip(channel, first, span, choice);
    }
    if (pod) view.pods.push_back(std::move(pod));
  }
  prepare(channel, first, record, request.id, viewer, choice);
  for (Era& era : channel.eras) {
    if (era.from > first.from) (void)decideAnew(channel, era, attributes.value(), record, view, log);
  }
  auto journalled = journal(request.id, record, view);
  if (journalled) journalled = write(log);
  if (!journalled) {
    for (const Promise& promise : record.promises) returnOne(record, promise);
    detach(record);
    (void)store_.erase(request.id);
    co_return Reply{journalled.as_failure()};
  }
  records_[request.id] = std::move(record);
  const auto unseen = [&channel](std::size_t c) { return c >= channel.viewers.size() || channel.viewers[c] == 0; };
  const bool fresh = unseen(view.cohort) || std::any_of(view.former.begin(), view.former.end(),
                                                        [&](const auto& f) { return unseen(f.cohort); });
  table_.put(std::move(view), nowSeconds());
  // One more of a cohort that is watched already is counted within the second.
  if (fresh) publishDemand(number.value());
  auto done = co_await committed();
  const auto made = records_.find(request.id);  // it may have expired meanwhile
  if (!done) {
    if (made != records_.end()) forget(made);
    co_return Reply{done.as_failure()};
  }
  if (made != records_.end()) {
    beginSample(request.id, made->second, channel.eras.front().compiled->documents(), attributes.value());
    tell(events::Kind::kSessionStart, request.id, made->second, 0);
    tellChosen(request.id, made->second, choice);
    tellArms(request.id, made->second, channel.eras.front(), attributes.value().identity(), nullptr);
  }
  tellDecided(log);
  ++counters_.created;
  if (away) ++counters_.away;
  co_return Reply{token};
}

// Waits for the commit that everything journalled in this turn of the loop shares.
asio::awaitable<Result<void>> Director::committed() {
  if (!batch_) {
    batch_ = std::make_shared<Batch>(context_);
    asio::post(context_, [this] { commitSoon(); });
  }
  const auto batch = batch_;
  co_await batch->done.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return batch->result;
}

void Director::commitSoon() {
  const auto batch = std::move(batch_);
  batch_.reset();
  if (batch->result) batch->result = commit();
  if (!batch->result) {
    ++counters_.storeErrors;
    spdlog::error("the session journal cannot be written reason=\"{}\"", batch->result.error().message);
  }
  batch->done.cancel();
}

void Director::publishDemand(std::size_t number) {
  ChannelState& channel = *channels_[number];
  if (channel.config.demand == nullptr) return;
  const Ticks newest = channel.cut ? channel.cut->at : Ticks{0};
  std::vector<int> viewers(channel.overlays.size(), 0);
  std::vector<std::vector<int>> byEra(channel.eras.size(), viewers);
  const std::uint32_t now = nowSeconds();
  for (const auto& [id, record] : records_) {
    if (record.channel != number) continue;
    const SessionView* view = table_.peek(id);
    // Signed: a loop may have seen the viewer in a second that had not begun here.
    const auto ago = static_cast<std::int32_t>(now - table_.lastSeen(id));
    if (view == nullptr || ago > static_cast<std::int32_t>(options_.watching.count())) continue;
    for (std::size_t e = 0; e < byEra.size(); ++e) {
      const std::uint16_t cohort = view->cohortAt(std::max(channel.eras[e].from, newest + Ticks{1}));
      if (cohort == kNoCohort) continue;
      ++byEra[e][cohort];
      ++viewers[cohort];
    }
  }
  std::vector<timeline::Demand::Era> eras;
  for (std::size_t e = 0; e < byEra.size(); ++e) {
    auto list = std::make_shared<timeline::DemandList>();
    for (std::size_t i = 0; i < byEra[e].size(); ++i) {
      if (channel.overlays[i].empty()) continue;
      list->push_back({static_cast<std::uint16_t>(i), {}, channel.overlays[i], byEra[e][i]});
    }
    eras.push_back({channel.eras[e].from, std::move(list)});
  }
  channel.config.demand->set(std::move(eras));
  channel.viewers = std::move(viewers);
}

void Director::expire() {
  const std::int64_t now = clock_.wallSeconds();
  for (auto it = records_.begin(); it != records_.end();) {
    const auto session = it++;
    if (session->second.expiry > now) continue;
    (void)store_.erase(session->first);
    ++counters_.expired;
    tellEnd(session->first, session->second);
    endSample(session->second);
    forget(session);
  }
}

// What new sessions wait for is committed by them.
void Director::commitAll() {
  if (batch_) return;
  if (!commit()) {
    ++counters_.storeErrors;
  } else if (!store_.commitViewers()) {
    ++counters_.storeErrors;
    viewersLost();
  } else {
    storedUpTo_ = roundUpTo_;
  }
}

asio::awaitable<void> Director::housekeeping() {
  asio::steady_timer timer(context_);
  for (;;) {
    timer.expires_after(std::chrono::seconds(1));
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    // First, and by itself: in a log without room nothing else can be done.
    if (dropLogged()) commitAll();
    expire();
    settle();
    commitAll();
    flushEvents();
    table_.reclaim();
    for (std::size_t c = 0; c < channels_.size(); ++c) publishDemand(c);
    ++counters_.seconds;
  }
}

}  // namespace dvpe::personalize
