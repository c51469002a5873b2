// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What is known of viewers besides their sessions, the lines' counters, and what the log of breaks says of both.
#include "node/personalize/director_binding.h"
#include "shared/base/log.h"

namespace dvpe::personalize {

using base::Result;

namespace {

// A viewer's record: the number of the log's entry up to which it tells, then the history.
constexpr std::size_t kNumberBytes = sizeof(std::uint64_t);

constexpr std::int64_t kKeptUnstored = 3600;  // seconds: the log's entries beyond their time

base::Bytes toBytes(std::uint64_t number, const decisions::History& history) {
  const base::Bytes told = history.serialize();
  base::Bytes out(kNumberBytes + told.size());
  std::memcpy(out.data(), &number, kNumberBytes);
  std::memcpy(out.data() + kNumberBytes, told.data(), told.size());
  return out;
}

}  // namespace

// Finds or makes the state that a viewer's sessions share. Who has not agreed to be remembered for advertising is
// remembered for the session alone; whose home is another node, not at all.
void Director::attach(const privacy::SessionClaims& claims, Record& record) {
  record.purposes = claims.purposes;
  record.country = wordOf(claims, "country");
  record.device = wordOf(claims, "device");
  const bool kept = claims.consented("limited_ads") || claims.consented("personalised_ads");
  record.name = storedNameOf(claims.pseudonym);
  record.known = kept ? record.name : claims.sessionId;
  const auto [at, fresh] = viewers_.try_emplace(record.known);
  ViewerState& state = at->second;
  record.state = &state;
  ++state.sessions;
  if (!fresh) return;
  state.known = options_.homes->here(claims.pseudonym);
  if (!kept || !state.known) return;
  state.kept = true;
  const auto stored = store_.viewer(record.known);
  if (!stored || !stored.value() || stored.value()->size() < kNumberBytes) return;
  auto history = decisions::History::parse(base::ByteView{*stored.value()}.subspan(kNumberBytes));
  if (!history) return;
  std::memcpy(&state.stored, stored.value()->data(), kNumberBytes);
  state.history = std::move(history).value();
}

void Director::detach(Record& record) {
  if (record.state == nullptr || --record.state->sessions > 0) return;
  if (record.state->dirty && !store(record.known, *record.state)) ++counters_.storeErrors;
  viewers_.erase(record.known);
  record.state = nullptr;
}

// Into the journal's next transaction.
Result<void> Director::store(const privacy::Pseudonym& key, ViewerState& state) {
  const auto now = static_cast<std::uint32_t>(clock_.wallSeconds());
  if (!channels_.empty()) state.history.fold(now, channels_.front()->eras.back().compiled->keptKeys());
  state.dirty = false;
  if (!state.kept) return base::success();
  DVPE_CHECK(store_.putViewer(key, toBytes(newestEntry_, state.history)));
  state.stored = newestEntry_;
  return base::success();
}

// Records of viewers since the last commit are not on disk: all are written in the rounds to come, and what they tell
// stays in the log until then.
void Director::viewersLost() {
  for (auto& [key, state] : viewers_) state.dirty = state.kept;
  roundUpTo_ = storedUpTo_;
  roundFailed_ = true;
}

Result<void> Director::storeCounters() {
  for (LineCounter& counter : lineCounters_) {
    if (!std::exchange(counter.dirty, false)) continue;
    const LineCounts& counts = counter.counts;
    const std::int64_t values[] = {counts.eligible, counts.bound, counts.delivered, counts.returned};
    base::Bytes bytes(sizeof values);
    std::memcpy(bytes.data(), values, sizeof values);
    DVPE_CHECK(store_.putCounter(counter.name, bytes));
  }
  return base::success();
}

void Director::forget(std::map<privacy::SessionId, Record>::iterator session) {
  Binding log;
  for (const Promise& promise : session->second.promises) giveBack(session->first, session->second, promise, log);
  if (!log.empty() && !write(log)) ++counters_.storeErrors;
  detach(session->second);
  table_.erase(session->first);
  records_.erase(session);
}

// Entries whose spans have left every window, and whose impressions are in the viewers' records; or never will be, as
// nobody is there or nothing can be stored: a log without room is worse than a cap that a crash forgets. False: none.
bool Director::dropLogged() {
  std::uint64_t upTo = 0;
  const std::int64_t now = clock_.wallSeconds();
  for (; !logged_.empty(); logged_.pop_front()) {
    const LoggedBreak& oldest = logged_.front();
    const bool stored = oldest.entry <= storedUpTo_ || oldest.until + kKeptUnstored < now;
    if (oldest.until >= now || !stored) break;
    upTo = oldest.entry;
  }
  if (upTo != 0 && !store_.dropEntries(upTo)) ++counters_.storeErrors;
  return upTo != 0;
}

// What happened since the sessions and the viewers were written.
Result<void> Director::restoreLog() {
  DVPE_CHECK(store_.eachCounter([this](std::string_view name, base::ByteView value) {
    std::int64_t values[4];
    if (value.size() != sizeof values) return;
    std::memcpy(values, value.data(), sizeof values);
    const auto [at, fresh] = counterByLine_.emplace(name, static_cast<std::uint32_t>(lineCounters_.size()));
    if (fresh) {
      lineCounters_.push_back({});
      lineCounters_.back().name = name;
    }
    lineCounters_[at->second].counts = {values[0], values[1], values[2], values[3]};
  }));
  std::size_t unreadable = 0;
  std::vector<std::pair<std::uint64_t, LogEntry>> entries;
  DVPE_CHECK(store_.eachEntry([&](std::uint64_t number, base::ByteView bytes) {
    newestEntry_ = number;
    auto entry = parseEntry(bytes);
    if (entry) {
      entries.emplace_back(number, std::move(entry).value());
    } else {
      ++unreadable;
    }
  }));
  if (unreadable > 0) spdlog::error("entries of the log of breaks cannot be read entries={}", unreadable);
  // Opening what is sealed uses the store: not while it is being walked through.
  for (const auto& [number, entry] : entries) {
    if (const auto* bind = std::get_if<BindEntry>(&entry)) restoreBind(number, *bind);
    if (const auto* settle = std::get_if<SettleEntry>(&entry)) restoreSettle(number, *settle);
  }
  decideRestored();
  expire();
  commitAll();  // fails for a log without room, which keeps nobody from starting
  return base::success();
}

// What sessions hold ready is decided when all is known that their viewers have been shown. They were counted before.
void Director::decideRestored() {
  for (auto& [id, record] : records_) {
    ChannelState& channel = *channels_[record.channel];
    record.ready.breakNumber = static_cast<std::uint64_t>(channel.nextBreak);
    const auto claims = tokens_.open(record.token, 0);
    if (!claims) continue;
    const auto attributes = attributesFor(claims.value(), record);
    if (!attributes) continue;
    const decisions::Viewer viewer = viewerOf(record, attributes.value());
    Era& era = channel.eras.front();
    prepare(channel, era, record, id, viewer, choose(channel, era, viewer));
  }
}

void Director::restoreBind(std::uint64_t number, const BindEntry& entry) {
  const auto channelNumber = channelOf(entry.channel);
  if (!channelNumber) {
    logged_.push_back({number, 0});
    return;
  }
  ChannelState& channel = *channels_[channelNumber.value()];
  logged_.push_back({number, Binding::outOfWindows(channel.config, entry.span)});
  const timeline::Span& span = entry.span;
  const auto [at, unknown] = channel.spans.emplace(span.id, span);
  // The channel knows the spans that are open or ahead: another has ended by now, or was withdrawn, or is told of
  // again.
  if (unknown) at->second.end = std::clamp(channel.now(), span.start, span.end);
  channel.nextBreak = std::max(channel.nextBreak, entry.span.number + 1);
  for (const BindEntry::Session& session : entry.sessions) {
    const auto found = records_.find(session.id);
    const SessionView* old = table_.peek(session.id);
    if (found == records_.end() || old == nullptr) continue;
    Record& record = found->second;
    const auto plain = store_.openFor(record.name, session.sealed);
    const auto slots = plain ? parseSlots(plain.value()) : Result<std::vector<LoggedSlot>>{plain.as_failure()};
    if (!slots) continue;
    if (slots.value().empty()) {
      SessionView view = *old;
      const auto same = [&span](const auto& p) { return p->spanId == span.id; };
      view.pods.erase(std::remove_if(view.pods.begin(), view.pods.end(), same), view.pods.end());
      table_.put(std::move(view), nowSeconds());
      continue;
    }
    BoundPod pod{entry.span.id,    entry.span.kind, entry.span.start, entry.span.end, session.firstUnit, {},
                 entry.span.number};
    int unit = session.firstUnit;
    for (const LoggedSlot& slot : slots.value()) {
      if (slot.creative >= entry.creatives.size()) break;
      const LoggedCreative& creative = entry.creatives[slot.creative];
      pod.pieces.push_back({creative.what, 0, slot.units});
      Promise promise;
      promise.keys = creative.keys;
      promise.remembered = creative.promised && record.state->known;
      promise.counter =
          counterByLine_.emplace(creative.what->line, static_cast<std::uint32_t>(lineCounters_.size())).first->second;
      if (promise.counter == lineCounters_.size()) {
        lineCounters_.push_back({});
        lineCounters_.back().name = creative.what->line;
      }
      promise.what = creative.what;
      promise.breakNumber = static_cast<std::uint32_t>(span.number);
      promise.day = events::dayOf(base::toWall(channel.config.epoch, span.start));
      promise.slot = static_cast<std::uint16_t>(pod.pieces.size());
      promise.units = slot.units;
      const Ticks start = span.start + channel.config.grid.unit() * unit;
      unit += slot.units;
      promise.end = span.start + channel.config.grid.unit() * unit;
      promise.at =
          static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(base::toWall(channel.config.epoch, start))
                                         .time_since_epoch()
                                         .count());
      if (promise.remembered && number > record.state->stored) {
        record.state->history.add({promise.at, promise.keys});
        record.state->dirty = true;
      }
      record.promises.push_back(promise);
    }
    table_.put(withPod(channel, *old, intern(channel, std::move(pod))), nowSeconds());
  }
}

void Director::restoreSettle(std::uint64_t number, const SettleEntry& entry) {
  logged_.push_back({number, 0});
  for (const Outcome& outcome : entry.outcomes) {
    const auto found = records_.find(outcome.id);
    if (found == records_.end()) continue;
    Record& record = found->second;
    const auto same = [&](const Promise& p) { return p.at == outcome.at && p.keys.creative == outcome.creative; };
    const auto promise = std::find_if(record.promises.begin(), record.promises.end(), same);
    const bool remembered = promise == record.promises.end() || promise->remembered;
    if (promise != record.promises.end()) record.promises.erase(promise);
    if (!outcome.delivered && remembered && number > record.state->stored) {
      record.state->dirty = record.state->history.takeBack(outcome.at, outcome.creative) || record.state->dirty;
    }
  }
}

}  // namespace dvpe::personalize
