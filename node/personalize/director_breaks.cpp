// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// A pod is ready before the break, bound at it, and settled after it.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "node/personalize/director_binding.h"
#include "shared/base/cpu_time.h"
#include "shared/base/log.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kBoundAtOnce = 4096;                     // sessions to a transaction
constexpr auto kRefreshTick = std::chrono::milliseconds(100);  // between two steps of the refresh
constexpr auto kMostBehind = 10 * kRefreshTick;                // of what is made up for
constexpr std::size_t kTicksOfARound = 200;                    // every session's turn comes within 20 s
constexpr auto kPatience = std::chrono::seconds(10);           // with viewers who fetch late

std::size_t hashOf(const BoundPod& pod) {
  std::size_t h = static_cast<std::size_t>(pod.firstUnit);
  for (const PodPiece& piece : pod.pieces) {
    h = h * 1099511628211ULL + std::hash<std::string>{}(piece.what->name);
    h = h * 1099511628211ULL + static_cast<std::size_t>(piece.units);
  }
  return h;
}

std::string_view nameOf(const privacy::SessionId& id) { return {reinterpret_cast<const char*>(id.data()), id.size()}; }

}  // namespace

decisions::Ready Director::decideFor(Era& era, const privacy::SessionId& id, const decisions::Viewer& viewer,
                                     const decisions::Choice& choice, std::int64_t breakNumber, bool count) {
  if (count) ++lineCounters_[0].counts.eligible;
  return decider_.decide(*era.terms, choice, viewer, {nameOf(id), static_cast<std::uint64_t>(breakNumber)},
                         count ? &era.eligible : nullptr);
}

// What the session holds for the next break. Whoever could have a line in it is counted once for each break.
void Director::prepare(ChannelState& channel, Era& era, Record& record, const privacy::SessionId& id,
                       const decisions::Viewer& viewer, const decisions::Choice& choice) {
  const bool first = record.ready.breakNumber != static_cast<std::uint64_t>(channel.nextBreak);
  record.ready = decideFor(era, id, viewer, choice, channel.nextBreak, first);
  record.era = era.number;
  record.next.reset();
  record.decided = nowSeconds();
}

std::shared_ptr<const BoundPod> Director::intern(ChannelState& channel, BoundPod pod) {
  auto& known = channel.pods[pod.spanId];
  const std::size_t hash = hashOf(pod);
  const auto [from, to] = known.equal_range(hash);
  for (auto it = from; it != to; ++it) {
    if (*it->second == pod) return it->second;
  }
  return known.emplace(hash, std::make_shared<const BoundPod>(std::move(pod)))->second;
}

// The clip that the viewer sees in an event; nullptr: the programme.
std::shared_ptr<const BoundPod> Director::bindClip(ChannelState& channel, const Era& era, const timeline::Span& span,
                                                   const decisions::Choice& choice) {
  const int units = static_cast<int>((span.end - span.start) / channel.config.grid.unit());
  const auto clip = choice.clips.find(span.name);
  if (units <= 0 || clip == choice.clips.end()) return nullptr;
  const auto media = era.media.find(clip->second.media);
  if (media == era.media.end()) return nullptr;
  BoundPod pod{span.id, span.kind, span.start, span.end, 0, {}, span.number};
  const auto what =
      std::make_shared<const PlacedCreative>(PlacedCreative{media->second.name, clip->second.media, {}, {}, {}});
  pod.pieces.push_back({what, 0, std::min(media->second.units, units)});
  return intern(channel, std::move(pod));
}

// Whether a line may have one impression more. By an old plan nothing is bound: others may have been given what it
// left.
bool Director::spend(std::uint32_t number) {
  LineCounter& counter = lineCounters_[number];
  if (!counter.metered) return true;
  return planFresh_ && counter.counts.bound - counter.counts.returned < counter.ceiling;
}

// What the viewer sees from unit firstUnit of a break on; nullptr: slate or, in a break that is over, the programme.
// Impressions are reserved: promised, counted, remembered and logged.
std::shared_ptr<const BoundPod> Director::bindBreak(ChannelState& channel, Era& era, const timeline::Span& span,
                                                    int firstUnit, const privacy::SessionId& id, Record& record,
                                                    const decisions::Ready& ready, bool current, Binding& log) {
  const timeline::Grid& grid = channel.config.grid;
  const int units = static_cast<int>((span.end - span.start) / grid.unit()) - firstUnit;
  if (units <= 0) return nullptr;
  const decisions::Bound bound = decisions::bind(*era.terms, ready, units, current, [&](std::uint32_t line) {
    const std::uint32_t number = era.counterOf[line];
    if (!spend(number)) return false;
    ++lineCounters_[number].counts.bound;
    lineCounters_[number].dirty = true;
    return true;
  });
  if (bound.contingency || !current) ++counters_.contingencies;
  if (bound.slots.empty()) return nullptr;
  BoundPod pod{span.id, span.kind, span.start, span.end, firstUnit, {}, span.number};
  Binding::Part& part = log.part(channel.config, span);
  std::vector<LoggedSlot>& slots = log.slots;
  slots.clear();
  const std::int32_t day = events::dayOf(base::toWall(channel.config.epoch, span.start));
  int at = firstUnit;
  for (const decisions::Slot& slot : bound.slots) {
    const decisions::CompiledLine& line = era.terms->channel().lines[slot.line];
    const auto& what = era.creatives[slot.line][slot.creative];
    pod.pieces.push_back({what, 0, slot.units});
    if (line.house()) {
      ++lineCounters_[era.counterOf[slot.line]].counts.bound;
      lineCounters_[era.counterOf[slot.line]].dirty = true;
    }
    Promise promise;
    promise.keys = line.keys(slot.creative);
    promise.counter = era.counterOf[slot.line];
    const bool counts = !line.house() || !line.caps.empty() || !line.creatives[slot.creative].caps.empty();
    promise.remembered = counts && record.state->known;
    promise.what = what;
    promise.breakNumber = static_cast<std::uint32_t>(span.number);
    promise.day = day;
    promise.slot = static_cast<std::uint16_t>(pod.pieces.size());
    promise.units = slot.units;
    if (ready.rankings && ready.rankings->find(slot.line, slot.creative) != nullptr) {
      promise.rankings = ready.rankings;
      promise.line = slot.line;
      promise.creative = slot.creative;
    }
    const Ticks start = span.start + grid.unit() * at;
    at += slot.units;
    promise.end = span.start + grid.unit() * at;
    promise.at = static_cast<std::uint32_t>(
        std::chrono::floor<std::chrono::seconds>(base::toWall(channel.config.epoch, start)).time_since_epoch().count());
    if (promise.remembered) {
      record.state->history.add({promise.at, promise.keys});
      record.state->dirty = true;
    }
    slots.push_back({part.creative(what, promise.keys, counts), slot.units});
    record.promises.push_back(promise);
  }
  seal(part.entry, id, firstUnit, record, log);
  return intern(channel, std::move(pod));
}

// In place of what was bound before: a restart must not find that again.
void Director::bindNothing(ChannelState& channel, const timeline::Span& span, const privacy::SessionId& id,
                           const Record& record, Binding& log) {
  log.slots.clear();
  seal(log.part(channel.config, span).entry, id, 0, record, log);
}

void Director::seal(BindEntry& entry, const privacy::SessionId& id, int firstUnit, const Record& record, Binding& log) {
  auto sealed = store_.sealFor(record.name, toBytes(log.slots));
  log.failed = log.failed || !sealed;
  entry.sessions.push_back(
      {id, static_cast<std::uint16_t>(firstUnit), sealed ? std::move(sealed).value() : base::Bytes{}});
}

// Takes back what was bound to the session in a span, because it is bound anew or could not be kept.
void Director::unbind(const timeline::Span& span, const privacy::SessionId& id, Record& record, Binding& log) {
  auto& promises = record.promises;
  const auto of = [&](const Promise& p) { return p.end > span.start && p.end <= span.end; };
  // What is bound in the same transaction is as if it had never been.
  auto* part = log.find(channels_[record.channel]->config.id, span.id);
  const bool fresh = part != nullptr && !part->entry.sessions.empty() && part->entry.sessions.back().id == id;
  if (fresh) part->entry.sessions.pop_back();
  for (const Promise& promise : promises) {
    if (!of(promise)) continue;
    if (fresh) {
      returnOne(record, promise);
      continue;
    }
    giveBack(id, record, promise, log);
    log.undone.emplace_back(id, promise);
  }
  promises.erase(std::remove_if(promises.begin(), promises.end(), of), promises.end());
}

// Takes a promise back, and has the log say so.
void Director::giveBack(const privacy::SessionId& id, Record& record, const Promise& promise, Binding& log) {
  returnOne(record, promise);
  log.settle.outcomes.push_back({id, promise.at, promise.keys.creative, false});
}

void Director::returnOne(Record& record, const Promise& promise) {
  ++lineCounters_[promise.counter].counts.returned;
  lineCounters_[promise.counter].dirty = true;
  if (promise.remembered && record.state->history.takeBack(promise.at, promise.keys.creative)) {
    record.state->dirty = true;
  }
}

// Into the journal's next transaction. What became of promises is written again until it is on disk: it was counted.
base::Result<void> Director::write(Binding& log) {
  owed_.insert(owed_.end(), log.settle.outcomes.begin(), log.settle.outcomes.end());
  if (log.failed) return base::fail(base::ErrorCode::kIo, "what is personal cannot be sealed");
  if (owed_.size() > owedWritten_) {
    const SettleEntry settle{{owed_.begin() + static_cast<std::ptrdiff_t>(owedWritten_), owed_.end()}};
    DVPE_TRY(newestEntry_, store_.append(toBytes(settle)));
    logged_.push_back({newestEntry_, clock_.wallSeconds()});
    owedWritten_ = owed_.size();
  }
  for (const Binding::Part& part : log.parts) {
    if (part.entry.sessions.empty()) continue;
    DVPE_TRY(newestEntry_, store_.append(toBytes(part.entry)));
    logged_.push_back({newestEntry_, part.until});
  }
  return storeCounters();
}

// Everything since the last one is on disk, or nothing is, and is written again as far as it still holds.
base::Result<void> Director::commit() {
  auto done = store_.commit();
  if (done) {
    owed_.erase(owed_.begin(), owed_.begin() + static_cast<std::ptrdiff_t>(owedWritten_));
    owedWritten_ = 0;
  } else {
    transactionLost();
  }
  return done;
}

// Begins anew when something could not be put: it would take with it what is put now.
void Director::beginAnew() {
  auto good = store_.good();
  if (good) return;
  ++counters_.storeErrors;
  if (batch_) batch_->result = good;
  transactionLost();
}

void Director::transactionLost() {
  store_.abort();
  newestEntry_ = store_.newestEntry();
  while (!logged_.empty() && logged_.back().entry > newestEntry_) logged_.pop_back();
  owedWritten_ = 0;
  for (LineCounter& counter : lineCounters_) counter.dirty = counter.counts != LineCounts{};
  viewersLost();
}

// Takes back what was bound and could not be kept, and gives what it took the place of back to the sessions.
void Director::undo(const Binding& log) {
  Binding none;
  for (const Binding::Part& part : log.parts) {
    for (const BindEntry::Session& session : part.entry.sessions) {
      if (const auto it = records_.find(session.id); it != records_.end()) {
        unbind(part.entry.span, session.id, it->second, none);
      }
    }
  }
  for (const auto& [id, promise] : log.undone) {
    const auto it = records_.find(id);
    if (it == records_.end()) continue;
    --lineCounters_[promise.counter].counts.returned;
    lineCounters_[promise.counter].dirty = true;
    if (promise.remembered) {
      it->second.state->history.add({promise.at, promise.keys});
      it->second.state->dirty = true;
    }
    it->second.promises.push_back(promise);
  }
}

// What cannot be remembered is not promised: the programme.
bool Director::commitBound(std::string_view what, std::vector<SessionView>& bound, Binding* log, bool clips) {
  const std::size_t owed = owed_.size();
  base::Result<void> done = log ? write(*log) : base::success();
  if (done) {
    done = commit();
  } else {
    transactionLost();
  }
  if (done) {
    for (auto& view : bound) {
      if (clips) tellClip(view);
      table_.put(std::move(view), nowSeconds());
    }
    table_.reclaim();
    if (log) tellDecided(*log);
  } else {
    ++counters_.storeErrors;
    spdlog::error("{} is not decided: the session journal cannot be written reason=\"{}\"", what, done.error().message);
    if (batch_) batch_->result = done;  // new sessions were in the same transaction
    if (log) {
      owed_.resize(owed);
      undo(*log);
    }
  }
  bound.clear();
  if (log) *log = Binding{};
  return static_cast<bool>(done);
}

void Director::spanAnnounced(std::size_t number, const timeline::Span& announced) {
  const auto before = std::chrono::steady_clock::now();
  ChannelState& channel = *channels_[number];
  timeline::Span span = announced;
  if (span.kind == timeline::SpanKind::kBreak && span.number == 0) span.number = channel.nextBreak;
  channel.spans[span.id] = span;
  if (span.kind == timeline::SpanKind::kBreak) {
    breakAnnounced(channel, span);
  } else {
    eventAnnounced(channel, span);
  }
  counters_.lastBindMicroseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - before).count());
}

// A view with one more pod, and without those whose spans are gone. After a restart not all spans are known that are
// still in a window.
SessionView Director::withPod(const ChannelState& channel, const SessionView& old,
                              std::shared_ptr<const BoundPod> pod) {
  SessionView view = old;
  const auto gone = [&, oldest = channel.now() - kLongestWindow](const auto& p) {
    return p->spanId == pod->spanId || (p->end < oldest && !channel.spans.contains(p->spanId));
  };
  view.pods.erase(std::remove_if(view.pods.begin(), view.pods.end(), gone), view.pods.end());
  view.pods.push_back(std::move(pod));
  return view;
}

void Director::breakAnnounced(ChannelState& channel, const timeline::Span& span) {
  beginAnew();
  Era& era = channel.eraAt(span.start);
  std::vector<SessionView> bound;
  Binding log;
  std::size_t count = 0;
  bool kept = true;
  for (auto& [id, record] : records_) {
    if (record.channel != channel.number) continue;
    // Some at a time: what a transaction has touched stays in memory until it ends.
    if (bound.size() == kBoundAtOnce && !(kept = commitBound("a break", bound, &log))) break;
    const SessionView* old = table_.peek(id);
    if (old == nullptr || old->podOf(span.id) != nullptr) continue;
    auto pod = bindReady(channel, era, span, id, record, log);
    if (!pod) continue;
    bound.push_back(withPod(channel, *old, std::move(pod)));
    ++count;
  }
  channel.nextBreak = std::max(channel.nextBreak, span.number + 1);
  if (kept && commitBound("a break", bound, &log)) counters_.bound += count;
  tellBreak(channel, span);
}

// Binds what the session holds. Decided for another break (it comes early): the contingency. Decided before the viewer
// saw something else, on another device, or by other documents: decided again.
std::shared_ptr<const BoundPod> Director::bindReady(ChannelState& channel, Era& era, const timeline::Span& span,
                                                    const privacy::SessionId& id, Record& record, Binding& log) {
  if (record.next && record.next->first == era.number) {
    record.ready = std::move(record.next->second);
    record.era = era.number;
    record.next.reset();
  }
  const bool sameBreak = record.ready.breakNumber == static_cast<std::uint64_t>(span.number);
  if (record.era != era.number || (sameBreak && record.ready.historyVersion != record.state->history.version())) {
    const auto claims = tokens_.open(record.token, 0);
    const auto attributes =
        claims ? attributesFor(claims.value(), record) : base::Result<rules::Attributes>{claims.as_failure()};
    if (!attributes) return nullptr;
    const decisions::Viewer viewer = viewerOf(record, attributes.value());
    const decisions::Ready ready = decideFor(era, id, viewer, choose(channel, era, viewer), span.number, !sameBreak);
    return bindBreak(channel, era, span, 0, id, record, ready, true, log);
  }
  return bindBreak(channel, era, span, 0, id, record, record.ready, sameBreak, log);
}

void Director::eventAnnounced(ChannelState& channel, const timeline::Span& span) {
  beginAnew();
  Era& era = channel.eraAt(span.start);
  std::vector<SessionView> bound;
  std::size_t count = 0;
  bool kept = true;
  for (const auto& [id, record] : records_) {
    if (record.channel != channel.number) continue;
    if (bound.size() == kDecidedAtOnce && !(kept = commitBound("an event", bound, nullptr, true))) break;
    const SessionView* old = table_.peek(id);
    const auto claims = tokens_.open(record.token, 0);
    if (old == nullptr || !claims || old->podOf(span.id) != nullptr) continue;
    const auto attributes = attributesFor(claims.value(), record);
    if (!attributes) continue;
    auto pod = bindClip(channel, era, span, choose(channel, era, viewerOf(record, attributes.value())));
    if (!pod) continue;
    SessionView view = withPod(channel, *old, std::move(pod));
    if (!journal(id, record, view)) continue;
    bound.push_back(std::move(view));
    ++count;
  }
  if (kept && commitBound("an event", bound, nullptr, true)) counters_.bound += count;
}

// What cannot be whole any more is given back at once.
void Director::breakEnds(ChannelState& channel, const timeline::Span& span, Ticks end) {
  Binding log;
  for (auto& [id, record] : records_) {
    if (record.channel != channel.number) continue;
    const auto over = [&](const Promise& p) { return p.end > end && p.end > span.start && p.end <= span.end; };
    for (const Promise& promise : record.promises) {
      if (over(promise)) giveBack(id, record, promise, log);
    }
    record.promises.erase(std::remove_if(record.promises.begin(), record.promises.end(), over), record.promises.end());
  }
  if (auto done = write(log); !done) ++counters_.storeErrors;
}

// Delivered is what was listed to its last cell in a playlist that the viewer fetched, who asked again at least a
// target duration later. Times are whole seconds, always taken to the later side.
void Director::settle() {
  const std::int64_t now = clock_.wallSeconds();
  Binding log;
  for (auto& session : records_) {
    const privacy::SessionId& id = session.first;
    Record& record = session.second;
    if (record.promises.empty()) continue;
    const ChannelState& channel = *channels_[record.channel];
    const auto target = static_cast<std::uint32_t>((channel.config.grid.cell().count() + base::kTicksPerSecond - 1) /
                                                   base::kTicksPerSecond);
    const SessionTable::Seen seen = table_.seen(id);
    const auto done = [&](Promise& p) {
      // Who comes when it has left the window has not been given it.
      const bool listed = seen.listed >= p.end && seen.listed < p.end + channel.config.window;
      if (p.listedAt == 0 && listed) p.listedAt = std::max(seen.at, 1U);
      if (p.listedAt != 0 && seen.at >= p.listedAt + target) {
        ++lineCounters_[p.counter].counts.delivered;
        lineCounters_[p.counter].dirty = true;
        log.settle.outcomes.push_back({id, p.at, p.keys.creative, true});
        tell(events::Kind::kAdDelivered, id, record, p);
        return true;
      }
      const auto gone = base::toWall(channel.config.epoch, p.end + channel.config.window) + kPatience;
      if (std::chrono::floor<std::chrono::seconds>(gone).time_since_epoch().count() >= now) return false;
      giveBack(id, record, p, log);
      return true;
    };
    record.promises.erase(std::remove_if(record.promises.begin(), record.promises.end(), done), record.promises.end());
  }
  if (auto done = write(log); !done) ++counters_.storeErrors;
}

// Every session's turn comes within 20 s, so that no pod is older than that, and at the break nothing is to be decided.
asio::awaitable<void> Director::refresh() {
  asio::steady_timer timer(context_);
  auto next = std::chrono::steady_clock::now();
  for (;;) {
    // A tick that took long, or came late, is made up for: pods are to be no older because there is much to do.
    next = std::max(next + kRefreshTick, std::chrono::steady_clock::now() - kMostBehind);
    timer.expires_at(next);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    const double before = base::threadCpuSeconds();
    renewTerms();
    std::size_t left = std::max(records_.size() / kTicksOfARound + 1, std::size_t{1});
    while (left > 0 && !records_.empty()) {
      const std::size_t some = std::min(left, std::size_t{64});
      refreshSome(some);
      left -= some;
      co_await asio::post(context_, asio::use_awaitable);
    }
    counters_.refreshMicroseconds += static_cast<std::uint64_t>((base::threadCpuSeconds() - before) * 1e6);
  }
}

void Director::refreshSome(std::size_t most) {
  std::vector<SessionView> changed;
  auto it = refreshedUpTo_ ? records_.upper_bound(*refreshedUpTo_) : records_.begin();
  for (std::size_t n = 0; n < most; ++n) {
    if (it == records_.end()) {  // a round is over: all that was dirty when it began is stored
      if (!std::exchange(roundFailed_, false)) roundUpTo_ = std::max(roundUpTo_, roundBegan_);
      roundBegan_ = newestEntry_;
      counters_.podAgeSeconds = std::exchange(podAge_, 0U);
      counters_.viewerBytes = std::exchange(viewerBytes_, 0U);
      refreshedUpTo_.reset();
      break;
    }
    refreshedUpTo_ = it->first;
    refreshOne(it->first, it->second, changed);
    ++it;
  }
  if (!changed.empty()) (void)commitBound("a rule of the hour", changed, nullptr);
}

void Director::refreshOne(const privacy::SessionId& id, Record& record, std::vector<SessionView>& changed) {
  ChannelState& channel = *channels_[record.channel];
  Era& era = channel.eraAt(channel.now() + Ticks{1});
  tellThere(id, record);
  renewSample(id, record);
  if (record.state->dirty) {
    if (!store(record.known, *record.state)) ++counters_.storeErrors;
  }
  viewerBytes_ += (sizeof(ViewerState) + sizeof(privacy::Pseudonym) + record.state->history.bytes()) /
                  static_cast<std::size_t>(record.state->sessions);
  if (!era.terms->channel().lively) return;
  podAge_ = std::max<std::uint64_t>(podAge_, nowSeconds() - record.decided);
  const auto claims = tokens_.open(record.token, 0);
  if (!claims) return;
  const auto attributes = attributesFor(claims.value(), record);
  if (!attributes) return;
  const decisions::Viewer viewer = viewerOf(record, attributes.value());
  const decisions::Choice choice = choose(channel, era, viewer);
  const bool coming = channel.eras.back().number != era.number;
  if (const SessionView* old = table_.peek(id); !coming && old != nullptr) {
    SessionView view = *old;
    if (changeCohort(channel, choice, channel.now() + Ticks{1}, view) && journal(id, record, view)) {
      tellChosen(id, record, choice);
      changed.push_back(std::move(view));
    }
  }
  auto next = std::move(record.next);
  prepare(channel, era, record, id, viewer, choice);
  if (coming) record.next = std::move(next);
  ++counters_.refreshed;
}

}  // namespace dvpe::personalize
