// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the director tells of sessions (docs/reference/events.md). What is told again after a crash has the same id as
// before, and is not counted again.
#include "node/personalize/director_binding.h"

namespace dvpe::personalize {

using events::Event;
using events::Kind;

namespace {

constexpr std::uint32_t kBeatSeconds = 60;
constexpr std::size_t kToldAtOnce = 8192;  // events to a call of the sink
constexpr std::size_t kMostWords = 400;    // whatever platforms call countries and devices

// Of a document's name, the same wherever it is computed (FNV-1a): told again, an event has the same id.
std::uint64_t numberOf(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

std::uint16_t Director::wordOf(const privacy::SessionClaims& claims, std::string_view attribute) {
  const std::string_view word = events::coarse(claims.attributes, attribute, claims.purposes);
  if (word.empty()) return 0;
  const auto at = std::find(words_.begin(), words_.end(), word);
  if (at == words_.end()) {
    if (words_.size() >= kMostWords) return 0;
    words_.emplace_back(word);
    return static_cast<std::uint16_t>(words_.size() - 1);
  }
  return static_cast<std::uint16_t>(at - words_.begin());
}

Event& Director::begin(Kind kind, const Record& record) {
  if (told_.size() >= kToldAtOnce) flushEvents();
  Event& event = told_.emplace_back();
  event.kind = kind;
  event.at = clock_.wall();
  event.day = events::dayOf(event.at);
  event.place.channel = channels_[record.channel]->config.id;
  event.place.country = words_[record.country];
  event.place.device = words_[record.device];
  return event;
}

void Director::tell(Kind kind, const privacy::SessionId& id, const Record& record, std::int64_t value,
                    std::string about) {
  if (options_.events == nullptr) return;
  Event& event = begin(kind, record);
  event.value = value;
  (kind == Kind::kClipShown ? event.place.content : event.place.variant) = std::move(about);
  // One of its kind in a session and second.
  const auto second = std::chrono::floor<std::chrono::seconds>(event.at).time_since_epoch().count();
  const bool once = kind == Kind::kSessionStart || kind == Kind::kSessionEnd;
  options_.naming->name(event, {id, record.viewer, record.purposes}, once ? 0 : static_cast<std::uint64_t>(second));
}

void Director::tell(Kind kind, const privacy::SessionId& id, const Record& record, const Promise& promise) {
  if (options_.events == nullptr || !promise.what) return;
  Event& event = begin(kind, record);
  event.day = promise.day;
  event.breakNumber = promise.breakNumber;
  event.slot = promise.slot;
  event.value = promise.units;
  event.place.campaign = promise.what->campaign;
  event.place.line = promise.what->line;
  event.place.creative = promise.what->creative;
  options_.naming->name(event, {id, record.viewer, record.purposes});
}

// The rules that give the session something from now on, once each.
void Director::tellChosen(const privacy::SessionId& id, const Record& record, const decisions::Choice& choice) {
  if (options_.events == nullptr) return;
  const auto one = [&](const std::string& rule, const std::string& variant) {
    Event& event = begin(Kind::kRuleChosen, record);
    event.place.rule = rule;
    event.place.variant = variant;
    options_.naming->name(event, {id, record.viewer, record.purposes}, numberOf(rule));
  };
  for (const auto& overlay : choice.overlays) one(overlay.ruleId, choice.cohort);
  for (const auto& [span, clip] : choice.clips) one(clip.ruleId, {});
}

// The arms that it is in by the documents of this era and was not by those before.
void Director::tellArms(const privacy::SessionId& id, const Record& record, const Era& era, std::string_view identity,
                        const Era* before) {
  if (options_.events == nullptr) return;
  const std::string& channel = channels_[record.channel]->config.id;
  std::vector<std::string> known;
  if (before != nullptr) known = decisions::armsOf(*before->compiled, channel, identity);
  for (std::string& arm : decisions::armsOf(*era.compiled, channel, identity)) {
    if (std::find(known.begin(), known.end(), arm) != known.end()) continue;
    Event& event = begin(Kind::kArmAssigned, record);
    const std::uint64_t number = numberOf(arm);
    event.place.arm = std::move(arm);
    options_.naming->name(event, {id, record.viewer, record.purposes}, number);
  }
}

void Director::tellFeedback(const privacy::SessionId& id, const Record& record, const Feedback& feedback) {
  if (options_.events == nullptr) return;
  Event& event = begin(Kind::kFeedback, record);
  event.text = nameOf(feedback.verb);
  event.place.content = feedback.content;
  if (feedback.about) {
    event.day = feedback.day;
    event.breakNumber = feedback.breakNumber;
    event.slot = feedback.slot;
    event.place.campaign = feedback.about->campaign;
    event.place.line = feedback.about->line;
    event.place.creative = feedback.about->creative;
  }
  options_.naming->name(event, {id, record.viewer, record.purposes}, feedback.number);
}

// Of what is bound and on disk: it stands in playlists from now on.
void Director::tellDecided(const Binding& log) {
  if (options_.events == nullptr) return;
  for (const Binding::Part& part : log.parts) {
    const timeline::Span& span = part.entry.span;
    for (const BindEntry::Session& session : part.entry.sessions) {
      const auto it = records_.find(session.id);
      if (it == records_.end()) continue;
      for (const Promise& promise : it->second.promises) {
        if (promise.end <= span.start || promise.end > span.end) continue;
        tell(Kind::kAdDecided, it->first, it->second, promise);
        if (promise.rankings) tellRanked(it->first, it->second, promise);
      }
    }
  }
  flushEvents();
}

// How a model chose it: what is learnt from. value: seconds until its end, so that it is known when to look what came
// of it.
void Director::tellRanked(const privacy::SessionId& id, const Record& record, const Promise& promise) {
  ChannelState& channel = *channels_[record.channel];
  tell(Kind::kCreativeRanked, id, record, promise);
  if (told_.empty() || told_.back().kind != Kind::kCreativeRanked) return;
  Event& event = told_.back();
  const auto left = base::toWall(channel.config.epoch, promise.end) - event.at;
  event.value = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(left).count());
  event.text = toText(*promise.rankings, *promise.rankings->find(promise.line, promise.creative),
                      channel.eraAt(promise.end).release, plan_ ? plan_->number : 0);
}

// Of who is watching, whatever was bound for them: what there is to be filled.
void Director::tellBreak(const ChannelState& channel, const timeline::Span& span) {
  if (options_.events == nullptr) return;
  const std::uint32_t now = nowSeconds();
  const base::WallTime begins = base::toWall(channel.config.epoch, span.start);
  for (auto& [id, record] : records_) {
    if (record.channel != channel.number) continue;
    const auto ago = static_cast<std::int32_t>(now - table_.lastSeen(id));
    if (ago > static_cast<std::int32_t>(options_.watching.count())) continue;
    countSampled(record, begins);
    Event& event = begin(Kind::kBreakShown, record);
    event.day = events::dayOf(begins);
    event.breakNumber = span.number;
    event.value = (span.end - span.start) / channel.config.grid.unit();
    options_.naming->name(event, {id, record.viewer, record.purposes});
  }
  flushEvents();
}

// The newest that is bound to the session.
void Director::tellClip(const SessionView& view) {
  const auto it = records_.find(view.id);
  if (options_.events == nullptr || it == records_.end()) return;
  const PodPiece& clip = view.pods.back()->pieces.front();
  tell(Kind::kClipShown, view.id, it->second, clip.units, clip.what->media);
}

// Once a minute while the viewer asks for playlists; and when they see another variant.
void Director::tellThere(const privacy::SessionId& id, Record& record) {
  if (options_.events == nullptr) return;
  const SessionTable::Seen seen = table_.seen(id);
  const SessionView* view = table_.peek(id);
  if (view == nullptr || seen.at == 0) return;
  const ChannelState& channel = *channels_[record.channel];
  if (record.heard == 0) record.heard = seen.at;
  const auto cohort = view->cohortAt(channel.now());
  const auto variant = [&] { return cohort < channel.cohortIds.size() ? channel.cohortIds[cohort] : std::string(); };
  if (cohort != record.told) {
    record.told = cohort;
    tell(Kind::kVariantShown, id, record, 0, variant());
  }
  const auto since = static_cast<std::int32_t>(seen.at - record.heard);
  if (since < static_cast<std::int32_t>(kBeatSeconds)) return;
  record.heard = seen.at;
  tell(Kind::kHeartbeat, id, record, since, variant());
}

void Director::tellEnd(const privacy::SessionId& id, Record& record) {
  const auto since = static_cast<std::int32_t>(table_.seen(id).at - record.heard);
  tell(Kind::kSessionEnd, id, record, record.heard == 0 ? 0 : std::max(since, 0));
}

void Director::flushEvents() {
  if (told_.empty()) return;
  if (!options_.events->append(told_, {})) counters_.untold += told_.size();
  told_.clear();
}

}  // namespace dvpe::personalize
