// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/event.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "shared/base/byte_reader.h"

namespace dvpe::events {

using base::Bytes;
using base::ByteView;
using base::ErrorCode;
using base::fail;

namespace {

constexpr std::uint8_t kVersion = 1;

struct Named {
  Kind kind;
  std::string_view name;
};
constexpr Named kNames[] = {
    {Kind::kSessionStart, "session_start"},
    {Kind::kHeartbeat, "heartbeat"},
    {Kind::kSessionEnd, "session_end"},
    {Kind::kVariantShown, "variant_shown"},
    {Kind::kClipShown, "clip_shown"},
    {Kind::kRuleChosen, "rule_chosen"},
    {Kind::kArmAssigned, "arm_assigned"},
    {Kind::kBreakShown, "break_shown"},
    {Kind::kCreativeRanked, "creative_ranked"},
    {Kind::kAdDecided, "ad_decided"},
    {Kind::kAdDelivered, "ad_delivered"},
    {Kind::kAdStarted, "ad_started"},
    {Kind::kAdFirstQuartile, "ad_first_quartile"},
    {Kind::kAdMidpoint, "ad_midpoint"},
    {Kind::kAdThirdQuartile, "ad_third_quartile"},
    {Kind::kAdComplete, "ad_complete"},
    {Kind::kAdSkipped, "ad_skipped"},
    {Kind::kAdClicked, "ad_clicked"},
    {Kind::kError, "error"},
    {Kind::kStartup, "startup"},
    {Kind::kStall, "stall"},
    {Kind::kQuality, "quality"},
    {Kind::kFeedback, "feedback"},
    {Kind::kRecommendationShown, "recommendation_shown"},
    {Kind::kRecommendationTaken, "recommendation_taken"},
    {Kind::kConsentGiven, "consent_given"},
    {Kind::kConsentWithdrawn, "consent_withdrawn"},
};

template <class P>
auto texts(P& place) {
  return std::array{&place.channel,  &place.variant, &place.rule,    &place.campaign, &place.line,
                    &place.creative, &place.content, &place.country, &place.device,   &place.arm};
}

template <class T>
void put(Bytes& out, const T& value) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), from, from + sizeof value);
}

void put(Bytes& out, const void* from, std::size_t count) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  out.insert(out.end(), bytes, bytes + count);
}

// Cut where a character of UTF-8 begins.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return text.substr(0, most);
}

Id hashed(ByteView bytes) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(bytes.data(), bytes.size(), digest.data());
  Id id{};
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

}  // namespace

std::string_view nameOf(Kind kind) {
  const auto* it = std::find_if(std::begin(kNames), std::end(kNames), [&](const Named& n) { return n.kind == kind; });
  return it == std::end(kNames) ? std::string_view{} : it->name;
}

std::optional<Kind> kindOf(std::string_view name) {
  const auto* it = std::find_if(std::begin(kNames), std::end(kNames), [&](const Named& n) { return n.name == name; });
  return it == std::end(kNames) ? std::nullopt : std::optional{it->kind};
}

bool mayBeSampled(Kind kind) {
  return kind == Kind::kHeartbeat || kind == Kind::kStartup || kind == Kind::kStall || kind == Kind::kQuality;
}

Id impressionId(std::int32_t day, const Id& session, std::int64_t breakNumber, std::uint16_t slot, Kind state) {
  Bytes data{'i'};
  data.reserve(32);
  put(data, day);
  put(data, session.data(), session.size());
  put(data, breakNumber);
  put(data, slot);
  put(data, static_cast<std::uint8_t>(state));
  return hashed(data);
}

Id sessionEventId(const Id& session, Kind kind, std::uint64_t number) {
  Bytes data{'s'};
  data.reserve(32);
  put(data, session.data(), session.size());
  put(data, static_cast<std::uint8_t>(kind));
  put(data, number);
  return hashed(data);
}

std::int32_t dayOf(base::WallTime at) {
  return static_cast<std::int32_t>(std::chrono::floor<std::chrono::days>(at).time_since_epoch().count());
}

void write(const Event& event, Bytes& out, float times) {
  const std::size_t begin = out.size();
  put(out, std::uint32_t{0});
  put(out, kVersion);
  put(out, static_cast<std::uint8_t>(event.kind));
  put(out, event.id.data(), event.id.size());
  put(out, event.day);
  put(out, static_cast<std::int64_t>(
               std::chrono::duration_cast<std::chrono::microseconds>(event.at.time_since_epoch()).count()));
  put(out, event.session.data(), event.session.size());
  put(out, event.visitor);
  put(out, event.breakNumber);
  put(out, event.slot);
  put(out, event.value);
  put(out, event.weight * times);
  for (const std::string* text : texts(event.place)) {
    const std::string_view of = cut(*text, kMaxPlaceText);
    put(out, static_cast<std::uint8_t>(of.size()));
    put(out, of.data(), of.size());
  }
  const std::string_view text = cut(event.text, kMaxText);
  put(out, static_cast<std::uint16_t>(text.size()));
  put(out, text.data(), text.size());
  const std::size_t sealed = event.sealed.size() <= kMaxSealed ? event.sealed.size() : 0;  // half of it is nothing
  put(out, static_cast<std::uint16_t>(sealed));
  put(out, event.sealed.data(), sealed);
  const auto length = static_cast<std::uint32_t>(out.size() - begin - sizeof(std::uint32_t));
  std::memcpy(out.data() + begin, &length, sizeof length);
}

base::Result<std::pair<Event, std::size_t>> read(ByteView bytes) {
  const auto bad = [] { return fail(ErrorCode::kInvalidInput, "this is not an event"); };
  std::uint32_t length = 0;
  if (bytes.size() < sizeof length) return bad();
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMaxEventBytes || bytes.size() - sizeof length < length) return bad();
  base::ByteReader in{bytes.subspan(sizeof length, length)};
  if (in.number<std::uint8_t>() != kVersion) return bad();
  Event event;
  event.kind = static_cast<Kind>(in.number<std::uint8_t>());
  in.raw(event.id.data(), event.id.size());
  event.day = in.number<std::int32_t>();
  event.at = base::WallTime{
      std::chrono::duration_cast<base::WallTime::duration>(std::chrono::microseconds(in.number<std::int64_t>()))};
  in.raw(event.session.data(), event.session.size());
  event.visitor = in.number<std::uint64_t>();
  event.breakNumber = in.number<std::int64_t>();
  event.slot = in.number<std::uint16_t>();
  event.value = in.number<std::int64_t>();
  event.weight = in.number<float>();
  for (std::string* text : texts(event.place)) *text = in.text(in.number<std::uint8_t>(), kMaxPlaceText);
  event.text = in.text(in.number<std::uint16_t>(), kMaxText);
  const auto sealed = in.number<std::uint16_t>();
  const ByteView personal = in.view(sealed <= kMaxSealed ? sealed : kMaxEventBytes);
  event.sealed.assign(personal.begin(), personal.end());
  if (!in.whole() || nameOf(event.kind).empty()) return bad();
  return std::pair{std::move(event), sizeof length + length};
}

}  // namespace dvpe::events
