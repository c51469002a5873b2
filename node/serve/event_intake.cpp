// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/event_intake.h"

#include <boost/json.hpp>
#include <cstring>

#include "node/serve/told.h"

namespace dvpe::serve {

using base::ErrorCode;
using base::fail;
using base::Result;
using boost::json::object;
using boost::json::value;
using events::Event;
using events::Kind;

namespace {

constexpr std::chrono::minutes kTurn{15};            // longer than an event may be late
constexpr std::size_t kMostSessions = 200'000 / 16;  // in one half of a shard
constexpr std::size_t kMostWords = 256;
constexpr std::int64_t kMostValue = std::int64_t{1} << 40;

bool inBreak(Kind kind) { return kind >= Kind::kAdStarted && kind <= Kind::kAdClicked; }

// What players may say; the rest is the node's own knowledge.
bool playersOwn(Kind kind) {
  return inBreak(kind) || (kind >= Kind::kError && kind <= Kind::kQuality) || kind == Kind::kRecommendationShown ||
         kind == Kind::kRecommendationTaken;
}

}  // namespace

EventIntake::EventIntake(std::vector<EventChannel> channels, events::Naming& naming, const base::Clock& clock)
    : channels_(std::move(channels)), naming_(naming), clock_(clock) {}

EventIntake::Numbers& EventIntake::Shard::of(const privacy::SessionId& session, std::int64_t now) {
  if (now - turned >= std::chrono::seconds(kTurn).count() || young.size() >= kMostSessions) {
    old = std::exchange(young, {});
    turned = now;
  }
  std::uint64_t key = 0;  // an HMAC: its bytes are as good as any hash of them
  std::memcpy(&key, session.data(), sizeof key);
  const auto [at, fresh] = young.try_emplace(key);
  if (fresh) {
    if (const auto before = old.find(key); before != old.end()) at->second = before->second;
  }
  return at->second;
}

Result<void> EventIntake::take(const privacy::SessionId& session, std::uint64_t number, std::int64_t now) {
  Shard& shard = shardOf(session);
  const std::lock_guard lock(shard.mutex);
  Numbers& known = shard.of(session, now);
  if (known.count >= kMostOfASession) return fail(ErrorCode::kLimitExceeded, "too many events of one session");
  if (number > known.newest) {
    const std::uint64_t ahead = number - known.newest;
    known.window = (ahead < 64 ? known.window << ahead : 0) | 1;
    known.newest = number;
  } else {
    const std::uint64_t behind = known.newest - number;
    const std::uint64_t bit = behind < 64 ? std::uint64_t{1} << behind : 0;
    if (bit == 0 || (known.window & bit) != 0) {
      return fail(ErrorCode::kConflict, "this number was used before: it was told already");
    }
    known.window |= bit;
  }
  ++known.count;
  return base::success();
}

void EventIntake::giveBack(const privacy::SessionId& session, const std::vector<std::uint64_t>& numbers) {
  Shard& shard = shardOf(session);
  const std::lock_guard lock(shard.mutex);
  Numbers& known = shard.of(session, clock_.wallSeconds());
  for (const std::uint64_t number : numbers) {
    if (known.newest >= number && known.newest - number < 64)
      known.window &= ~(std::uint64_t{1} << (known.newest - number));
    if (known.count > 0) --known.count;
  }
}

// Only what was bound to this session, not before it is on air, and not much later.
Result<void> EventIntake::readSlot(const object& told, const personalize::SessionView& view, base::WallTime now,
                                   Event& event, int& units) const {
  const EventChannel& channel = channels_[view.channel];
  DVPE_TRY(const auto found, slotOf(told, view, channel.unit));
  const auto [pod, slot] = found;
  int unit = pod->firstUnit;
  for (std::int64_t i = 1; i < slot; ++i) unit += pod->pieces[static_cast<std::size_t>(i - 1)].units;
  const personalize::PodPiece& piece = pod->pieces[static_cast<std::size_t>(slot - 1)];
  const Ticks start = pod->start + channel.unit * unit;
  if (now + kEarly < base::toWall(channel.epoch, start)) {
    return fail(ErrorCode::kRefused, "this slot is not on air yet");
  }
  if (now > base::toWall(channel.epoch, start + channel.unit * piece.units) + kLate) {
    return fail(ErrorCode::kRefused, "this slot was on air more than 10 minutes ago");
  }
  event.day = events::dayOf(base::toWall(channel.epoch, pod->start));
  event.breakNumber = pod->number;
  event.slot = static_cast<std::uint16_t>(slot);
  units = piece.units;
  event.place.campaign = piece.what->campaign;
  event.place.line = piece.what->line;
  event.place.creative = piece.what->creative;
  return base::success();
}

Result<Event> EventIntake::read(const object& told, const personalize::SessionView& view, base::WallTime now,
                                int& units) const {
  Event event;
  DVPE_TRY(const std::string_view kind, toldText(told, "kind", 32));
  const auto known = events::kindOf(kind);
  if (!known || !playersOwn(*known)) return fail(ErrorCode::kUnsupported, "players tell of no such kind");
  event.kind = *known;
  DVPE_TRY(const std::int64_t at, toldNumber(told, "at", 4'000'000'000'000));
  event.at = base::WallTime{std::chrono::milliseconds{at}};
  if (event.at > now + kEarly) return fail(ErrorCode::kRefused, "this is to come: 'at' is milliseconds since 1970");
  if (event.at < now - kLate) return fail(ErrorCode::kRefused, "this was more than 10 minutes ago");
  DVPE_TRY(event.value, toldNumber(told, "value", kMostValue, 0));
  DVPE_TRY(const std::string_view words, toldText(told, "text", kMostWords));
  event.text = words;
  event.day = events::dayOf(event.at);
  event.place.channel = channels_[view.channel].id;
  if (inBreak(event.kind)) {
    DVPE_CHECK(readSlot(told, view, now, event, units));
  }
  return event;
}

Result<EventIntake::Checked> EventIntake::check(const value& told, const privacy::ClaimsView& claims,
                                                const personalize::SessionView& view) {
  if (!told.is_array()) return fail(ErrorCode::kInvalidInput, "'events': a list is expected");
  const auto& all = told.get_array();
  if (all.size() > kMostEvents) {
    return fail(ErrorCode::kLimitExceeded, "'events': at most " + std::to_string(kMostEvents) + " at once");
  }
  const base::WallTime now = clock_.wall();
  const events::Who who{claims.sessionId, claims.pseudonym, claims.purposes};
  model::Map attributes;
  if (events::Naming::measured(claims.purposes)) {
    if (auto whole = privacy::toClaims(claims)) attributes = std::move(whole.value().attributes);
  }
  const std::string_view country = events::coarse(attributes, "country", claims.purposes);
  const std::string_view device = events::coarse(attributes, "device", claims.purposes);
  Checked out;
  out.session = claims.sessionId;
  out.events.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto one = [&]() -> Result<void> {
      if (!all[i].is_object()) return fail(ErrorCode::kInvalidInput, "an object is expected");
      const object& each = all[i].get_object();
      DVPE_TRY(const std::int64_t n, toldNumber(each, "n", kMostToldNumber));
      int units = 0;
      DVPE_TRY(Event event, read(each, view, now, units));
      const auto used = static_cast<std::uint64_t>(n);
      DVPE_CHECK(
          take(claims.sessionId, used, std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count()));
      event.place.country = country;
      event.place.device = device;
      naming_.name(event, who, used);
      if (event.kind == Kind::kAdStarted) out.slots.push_back(object{{"n", n}, {"units", units}});
      out.events.push_back(std::move(event));
      out.numbers.push_back(used);
      return base::success();
    }();
    if (one) continue;
    const value* n = all[i].is_object() ? all[i].get_object().if_contains("n") : nullptr;
    out.refused.push_back(
        object{{"n", n != nullptr && n->is_int64() ? *n : value(nullptr)}, {"index", i}, {"why", one.error().message}});
  }
  return out;
}

}  // namespace dvpe::serve
