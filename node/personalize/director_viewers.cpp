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

base::Bytes toBytes(std::uint64_t number, const decisions::History& history) {
  const base::Bytes told = history.serialize();
  base::Bytes out(kNumberBytes + told.size());
  std::memcpy(out.data(), &number, kNumberBytes);
  std::memcpy(out.data() + kNumberBytes, told.data(), told.size());
  return out;
}

}  // namespace

// Finds or makes the state that a viewer's sessions share. Who has not agreed to be remembered for advertising is
// remembered for the session alone.
void Director::attach(const privacy::SessionClaims& claims, Record& record) {
  const bool kept = claims.consented("limited_ads") || claims.consented("personalised_ads");
  record.known = kept ? claims.pseudonym : claims.sessionId;
  const auto [at, fresh] = viewers_.try_emplace(record.known);
  ViewerState& state = at->second;
  record.state = &state;
  ++state.sessions;
  if (!fresh || !kept) return;
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
  state.dirty = false;
  const auto now = static_cast<std::uint32_t>(clock_.wallSeconds());
  state.history.fold(
      now, channels_.empty() ? std::set<decisions::Key>{} : channels_.front()->eras.back().compiled->keptKeys());
  if (!state.kept) return base::success();
  state.stored = newestEntry_;
  return store_.putViewer(key, toBytes(state.stored, state.history));
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
  for (const Promise& promise : session->second.promises) returnOne(session->first, session->second, promise, log);
  if (!write(log)) ++counters_.storeErrors;
  detach(session->second);
  table_.erase(session->first);
  records_.erase(session);
}

// Entries whose spans have left every window, and whose impressions are in the viewers' records.
void Director::dropLogged() {
  std::uint64_t upTo = 0;
  for (; !logged_.empty() && logged_.front().until < clock_.wallSeconds() && logged_.front().entry <= storedUpTo_;
       logged_.pop_front()) {
    upTo = logged_.front().entry;
  }
  if (upTo != 0 && !store_.dropEntries(upTo)) ++counters_.storeErrors;
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
  for (auto& [id, record] : records_) record.ready.historyVersion = record.state->history.version();
  return store_.commit();
}

void Director::restoreBind(std::uint64_t number, const BindEntry& entry) {
  Binding until;
  const auto channelNumber = channelOf(entry.channel);
  if (!channelNumber) {
    logged_.push_back({number, 0});
    return;
  }
  ChannelState& channel = *channels_[channelNumber.value()];
  until.begin(channel.config, entry.span);
  logged_.push_back({number, until.until});
  const timeline::Span span = channel.spans.emplace(entry.span.id, entry.span).first->second;
  channel.nextBreak = std::max(channel.nextBreak, entry.span.number + 1);
  for (const BindEntry::Session& session : entry.sessions) {
    const auto found = records_.find(session.id);
    const SessionView* old = table_.peek(session.id);
    if (found == records_.end() || old == nullptr) continue;
    Record& record = found->second;
    const auto plain = store_.openFor(record.viewer, session.sealed);
    const auto slots = plain ? parseSlots(plain.value()) : Result<std::vector<LoggedSlot>>{plain.as_failure()};
    if (!slots) continue;
    BoundPod pod{entry.span.id, entry.span.kind, entry.span.start, entry.span.end, session.firstUnit, {}};
    int at = session.firstUnit;
    for (const LoggedSlot& slot : slots.value()) {
      if (slot.creative >= entry.creatives.size()) break;
      const LoggedCreative& creative = entry.creatives[slot.creative];
      pod.pieces.push_back({creative.what, 0, slot.units});
      Promise promise;
      promise.keys = creative.keys;
      promise.remembered = creative.promised;
      promise.counter =
          counterByLine_.emplace(creative.what->line, static_cast<std::uint32_t>(lineCounters_.size())).first->second;
      if (promise.counter == lineCounters_.size()) {
        lineCounters_.push_back({});
        lineCounters_.back().name = creative.what->line;
      }
      const Ticks start = span.start + channel.config.grid.unit() * at;
      at += slot.units;
      promise.end = span.start + channel.config.grid.unit() * at;
      promise.at =
          static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(base::toWall(channel.config.epoch, start))
                                         .time_since_epoch()
                                         .count());
      if (creative.promised && number > record.state->stored) {
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
  for (const SettleEntry::Outcome& outcome : entry.outcomes) {
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
