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
constexpr std::size_t kToldAtOnce = 8192;    // events to a call of the sink
constexpr std::size_t kMostCountries = 300;  // whatever platforms call countries

}  // namespace

std::uint16_t Director::countryOf(const privacy::SessionClaims& claims) {
  const auto it = claims.attributes.find("country");
  const auto* name = it == claims.attributes.end() ? nullptr : std::get_if<std::string>(&it->second.v);
  if (name == nullptr || name->empty() || name->size() > 8 || !events::Naming::measured(claims.purposes)) return 0;
  const auto at = std::find(countries_.begin(), countries_.end(), *name);
  if (at == countries_.end()) {
    if (countries_.size() >= kMostCountries) return 0;
    countries_.push_back(*name);
    return static_cast<std::uint16_t>(countries_.size() - 1);
  }
  return static_cast<std::uint16_t>(at - countries_.begin());
}

void Director::tell(Kind kind, const privacy::SessionId& id, const Record& record, std::int64_t value,
                    std::string about) {
  if (options_.events == nullptr) return;
  Event& event = told_.emplace_back();
  event.kind = kind;
  event.at = clock_.wall();
  event.day = events::dayOf(event.at);
  event.value = value;
  event.place.channel = channels_[record.channel]->config.id;
  event.place.country = countries_[record.country];
  (kind == Kind::kClipShown ? event.place.content : event.place.variant) = std::move(about);
  // One of its kind in a session and second.
  const auto second = std::chrono::floor<std::chrono::seconds>(event.at).time_since_epoch().count();
  const bool once = kind == Kind::kSessionStart || kind == Kind::kSessionEnd;
  options_.naming->name(event, {id, record.viewer, record.purposes}, once ? 0 : static_cast<std::uint64_t>(second));
}

void Director::tell(Kind kind, const privacy::SessionId& id, const Record& record, const Promise& promise) {
  if (options_.events == nullptr || !promise.what) return;
  Event& event = told_.emplace_back();
  event.kind = kind;
  event.at = clock_.wall();
  event.day = promise.day;
  event.breakNumber = promise.breakNumber;
  event.slot = promise.slot;
  event.value = promise.units;
  event.place.channel = channels_[record.channel]->config.id;
  event.place.country = countries_[record.country];
  event.place.campaign = promise.what->campaign;
  event.place.line = promise.what->line;
  event.place.creative = promise.what->creative;
  options_.naming->name(event, {id, record.viewer, record.purposes});
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
        if (promise.end > span.start && promise.end <= span.end) tell(Kind::kAdDecided, it->first, it->second, promise);
      }
    }
    if (told_.size() >= kToldAtOnce) flushEvents();
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
