// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// The director's records in the session journal, and its explanations.
#include <boost/json.hpp>

#include "node/personalize/director_state.h"
#include "shared/base/log.h"
#include "shared/decisions/explain.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

using base::Result;
using boost::json::array;
using boost::json::object;

namespace {

object podJson(const BoundPod& pod) {
  array pieces;
  for (const auto& p : pod.pieces)
    pieces.push_back(
        array{p.what->name, p.from, p.units, p.what->media, p.what->campaign, p.what->line, p.what->creative});
  return {{"span", pod.spanId},         {"event", pod.kind == timeline::SpanKind::kEvent},
          {"start", pod.start.count()}, {"end", pod.end.count()},
          {"first", pod.firstUnit},     {"pieces", std::move(pieces)},
          {"number", pod.number}};
}

BoundPod podOf(const object& o) {
  BoundPod pod;
  pod.spanId = o.at("span").as_string();
  pod.kind = o.at("event").as_bool() ? timeline::SpanKind::kEvent : timeline::SpanKind::kBreak;
  pod.start = Ticks{o.at("start").to_number<std::int64_t>()};
  pod.end = Ticks{o.at("end").to_number<std::int64_t>()};
  pod.firstUnit = o.at("first").to_number<int>();
  if (const auto* number = o.if_contains("number")) pod.number = number->to_number<std::int64_t>();
  for (const auto& p : o.at("pieces").as_array()) {
    const array& a = p.as_array();
    const auto text = [&a](std::size_t i) { return i < a.size() ? std::string(a.at(i).as_string()) : std::string(); };
    auto what = std::make_shared<const PlacedCreative>(PlacedCreative{text(0), text(3), text(4), text(5), text(6)});
    pod.pieces.push_back({std::move(what), a.at(1).to_number<int>(), a.at(2).to_number<int>()});
  }
  return pod;
}

}  // namespace

Result<void> Director::journal(const privacy::SessionId& id, const Record& record, const SessionView& view) {
  array pods;
  for (const auto& pod : view.pods) pods.push_back(podJson(*pod));
  const ChannelState& channel = *channels_[record.channel];
  const auto cohortId = [&channel](std::uint16_t c) {
    return c < channel.cohortIds.size() ? channel.cohortIds[c] : std::string();
  };
  array former;
  for (const auto& f : view.former) former.push_back(array{cohortId(f.cohort), f.until.count()});
  object all{{"token", record.token},
             {"from", view.fromMsn},
             {"cohort", cohortId(view.cohort)},
             {"former", std::move(former)},
             {"pods", std::move(pods)}};
  if (record.profile && !record.profile->empty()) all["profile"] = record.profile->toJson();
  const std::string text = boost::json::serialize(all);
  auto done = store_.put(id, record.name, base::view(text));
  if (!done) ++counters_.storeErrors;
  return done;
}

// The cohorts that the session was in, for what is listed. A record of other documents than those that are in force now
// leaves the session in its old cohort up to the last cut that was made.
void Director::restoreFormer(const ChannelState& channel, const object& record, SessionView& view) {
  const Ticks border = channel.cut ? channel.cut->at + Ticks{1} : Ticks{0};
  const auto add = [&](const boost::json::value& id, Ticks until) {
    until = std::min(until, border);
    const auto known = channel.cohortIndex.find(std::string(id.as_string()));
    if (known == channel.cohortIndex.end() || (!view.former.empty() && view.former.back().until >= until)) return;
    view.former.push_back({known->second, until});
  };
  if (const auto* former = record.if_contains("former")) {
    for (const auto& f : former->as_array()) add(f.at(0), Ticks{f.at(1).to_number<std::int64_t>()});
  }
  const auto* last = record.if_contains("cohort");
  if (last != nullptr && last->as_string() != channel.cohortIds[view.cohort]) add(*last, border);
}

// One session of the journal. What cannot be understood, or belongs to a channel that is gone, is left out: its viewer
// is asked to start again, which contradicts nothing. False: its token has expired, it can be forgotten.
bool Director::restore(const privacy::SessionId& id, base::ByteView bytes) {
  try {
    const auto json = boost::json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const object& o = json.as_object();
    std::string token(o.at("token").as_string());
    auto claims = tokens_.open(token, 0);  // also one that has expired: its promises are to be settled
    if (!claims) return claims.error().code != base::ErrorCode::kRefused;
    auto number = channelOf(claims.value().channel);
    if (!number) return true;
    ChannelState& channel = *channels_[number.value()];
    Record kept;
    if (const auto* said = o.if_contains("profile")) {
      if (auto profile = Profile::parse(*said)) kept.profile = std::make_unique<Profile>(std::move(profile).value());
    }
    const auto attributes = attributesFor(claims.value(), kept);
    if (!attributes) return true;
    kept.channel = number.value();
    kept.token = std::move(token);
    kept.viewer = claims.value().pseudonym;
    kept.expiry = claims.value().expiry;
    attach(claims.value(), kept);
    const decisions::Viewer viewer = viewerOf(kept, attributes.value());
    const auto choice = choose(channel, channel.eras.front(), viewer);
    SessionView view;
    view.id = id;
    view.channel = static_cast<std::uint16_t>(number.value());
    view.cohort = cohortOf(number.value(), choice);
    const auto& languages = channel.config.languages;
    const auto track = std::find(languages.begin(), languages.end(), choice.audioLanguage);
    view.audio = track == languages.end() ? 0 : static_cast<std::uint16_t>(track - languages.begin());
    view.fromMsn = o.at("from").to_number<std::int64_t>();
    restoreFormer(channel, o, view);
    for (const auto& pod : o.at("pods").as_array()) view.pods.push_back(intern(channel, podOf(pod.as_object())));
    records_[id] = std::move(kept);
    table_.put(std::move(view), nowSeconds());
  } catch (const std::exception& e) {
    spdlog::warn("a session's record cannot be read reason=\"{}\"", e.what());
  }
  return true;
}

boost::asio::awaitable<Explained> Director::explain(std::string token, std::optional<base::WallTime> at) {
  auto claims = tokens_.open(token, clock_.wallSeconds());
  if (!claims) co_return Explained{{claims.as_failure()}, {}};
  const SessionView* view = table_.peek(claims.value().sessionId);
  const auto record = records_.find(claims.value().sessionId);
  if (view == nullptr || record == records_.end()) {
    co_return Explained{{base::fail(base::ErrorCode::kNotFound, "this session is not known here")},
                        claims.value().pseudonym};
  }
  co_return Explained{{explanation(claims.value(), record->second, *view, at)}, {}};
}

std::string Director::explanation(const privacy::SessionClaims& claims, const Record& record, const SessionView& view,
                                  std::optional<base::WallTime> at) {
  ChannelState& channel = *channels_[view.channel];
  const Ticks now = channel.newest ? channel.newest->start : channel.cut ? channel.cut->at : Ticks{0};
  const Era& era = channel.eraAt(now);
  const std::uint16_t cohort = view.cohortAt(now);
  const timeline::Grid& grid = channel.config.grid;
  const auto attributes = attributesFor(claims, record);
  object out{{"session", base::hex(claims.sessionId)}, {"channel", channel.config.id}};
  if (!attributes) return boost::json::serialize(out);
  const auto& documents = era.compiled->documents();
  const auto channelDocument = documents.channels.find(channel.config.id);
  const int units = channelDocument == documents.channels.end() ? 30 : channelDocument->second.defaultBreakUnits;
  // The break that is told of: the next, or the one of the asked moment.
  const BoundPod* asked = nullptr;
  for (const auto& pod : view.pods) {
    const bool began = at && pod->kind == timeline::SpanKind::kBreak &&
                       base::toWall(channel.config.epoch, pod->start) <= *at && channel.spans.contains(pod->spanId);
    if (began && (asked == nullptr || pod->start > asked->start)) asked = pod.get();
  }
  std::int64_t number = channel.nextBreak;
  decisions::Viewer viewer = viewerOf(record, attributes.value());
  decisions::History until;
  int length = units;
  if (asked != nullptr) {
    const base::WallTime began = base::toWall(channel.config.epoch, asked->start);
    until = record.state->history.before(
        static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(began).time_since_epoch().count()));
    viewer.at = began;
    if (viewer.history != nullptr) viewer.history = &until;
    number = channel.spans.at(asked->spanId).number;
    length = static_cast<int>((asked->end - asked->start) / grid.unit());
  } else if (at) {
    viewer.at = at;
  }
  const std::string_view name{reinterpret_cast<const char*>(view.id.data()), view.id.size()};
  const auto report =
      decisions::explain(*era.terms, viewer, {name, static_cast<std::uint64_t>(number)}, std::max(length, 0));
  if (viewer.at) out["at"] = base::isoDate(*viewer.at);
  if (asked != nullptr) out["asked"] = asked->spanId;
  const Homes& homes = *options_.homes;
  out["home"] = object{{"node", homes.peers()[homes.of(claims.pseudonym)].name},
                       {"here", homes.here(claims.pseudonym)},
                       {"capsKnown", record.state->known && record.state->history.complete()}};
  out["cohort"] = report.choice.cohort;
  if (!era.release.empty()) {
    out["release"] =
        object{{"name", era.release}, {"since", base::isoDate(base::toWall(channel.config.epoch, era.from))}};
  }
  out["from"] = object{{"cut", view.fromMsn}};

  // What is on air now, against what was chosen.
  std::string variant = timeline::kBaseVariant;
  bool fallback = false;
  if (channel.newest) {
    const auto& cell = *channel.newest;
    if (cohort < cell.variantOfCohort.size()) variant = cell.variants[cell.variantOfCohort[cohort]];
    fallback = std::find(cell.fallbacks.begin(), cell.fallbacks.end(), cohort) != cell.fallbacks.end();
    for (const auto& c : channel.recent) {
      if (c->msn == view.fromMsn)
        out["from"] =
            object{{"cut", view.fromMsn}, {"date", base::isoDate(base::toWall(channel.config.epoch, c->start))}};
    }
  }
  out["now"] = object{
      {"variant", variant}, {"fallback", fallback}, {"own", channel.newest && channel.newest->msn >= view.fromMsn}};
  out["audio"] =
      object{{"language", view.audio < channel.config.languages.size() ? channel.config.languages[view.audio] : "und"},
             {"wanted", report.choice.audioLanguage}};

  array overlays;
  for (const auto& o : report.choice.overlays) {
    object values;
    for (const auto& [k, v] : o.values) values[k] = v;
    const bool waits = o.trigger == model::Trigger::kEvent && variant == timeline::kBaseVariant && !fallback;
    overlays.push_back(object{{"overlay", o.overlay->id},
                              {"values", std::move(values)},
                              {"rule", o.ruleId},
                              {"event", o.event},
                              {"state", fallback ? "fallback"
                                        : waits  ? "waiting"
                                                 : "on_air"},
                              {"reason", fallback ? "this node has no encode left for so few viewers"
                                         : waits  ? "it is shown while '" + o.event + "' is open"
                                                  : "its rule matches"}});
  }
  out["overlays"] = std::move(overlays);

  array breaks;
  for (const auto& pod : view.pods) {
    const auto span = channel.spans.find(pod->spanId);  // as it is by now: a break may be ended early
    const Ticks end = span == channel.spans.end() ? pod->end : span->second.end;
    if (end <= pod->start) continue;  // withdrawn before it began
    array slots;
    for (const auto& p : pod->pieces) {
      const auto campaign = documents.campaigns.find(p.what->campaign);
      slots.push_back(object{{"creative", p.what->media},
                             {"campaign", p.what->campaign},
                             {"line", p.what->line},
                             {"title", campaign == documents.campaigns.end() ? p.what->media : campaign->second.title},
                             {"seconds", base::seconds(grid.unit() * p.units)}});
    }
    breaks.push_back(object{{"id", pod->spanId},
                            {"kind", pod->kind == timeline::SpanKind::kEvent ? "clip" : "break"},
                            {"date", base::isoDate(base::toWall(channel.config.epoch, pod->start))},
                            {"seconds", base::seconds(end - pod->start)},
                            {"joined_at_unit", pod->firstUnit},
                            {"slots", std::move(slots)}});
  }
  out["breaks"] = std::move(breaks);

  // The rules and campaigns in full, as shared/decisions tells them.
  const auto detail = boost::json::parse(decisions::toJson(report, *era.terms));
  for (const auto& [key, value] : detail.as_object()) {
    if (!out.contains(key)) out[key] = value;
  }
  return boost::json::serialize(out);
}

}  // namespace dvpe::personalize
