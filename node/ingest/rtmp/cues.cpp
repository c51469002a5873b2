// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/cues.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <string>

namespace dvpe::ingest::rtmp {
namespace {

using Cue = std::optional<SourceCue>;
using Kind = AmfValue::Kind;

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxValue = 256;
constexpr std::size_t kMaxValues = 32;
constexpr double kMaxDurationSeconds = 86400;
constexpr double kMaxTimeSeconds = 1e12;
constexpr std::int64_t kFarthestMs = 600'000;

// Length of the UTF-8 sequence at the front (RFC 3629), 0 if it is none or a control character.
std::size_t sequence(std::string_view s) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned a = byte(0);
  if (a < 0x80) {
    return a >= 0x20 && a != 0x7F ? 1 : 0;
  }
  if (a >= 0xC2 && a <= 0xDF && follows(1)) {
    return byte(1) >= 0xA0 || a != 0xC2 ? 2 : 0;
  }
  if (a >= 0xE0 && a <= 0xEF && follows(1) && follows(2)) {
    return (a == 0xE0 && byte(1) < 0xA0) || (a == 0xED && byte(1) >= 0xA0) ? 0 : 3;
  }
  if (a >= 0xF0 && a <= 0xF4 && follows(1) && follows(2) && follows(3)) {
    return (a == 0xF0 && byte(1) < 0x90) || (a == 0xF4 && byte(1) >= 0x90) ? 0 : 4;
  }
  return 0;
}

bool clean(std::string_view s, std::size_t longest) {
  if (s.size() > longest) {
    return false;
  }
  while (!s.empty()) {
    const std::size_t n = sequence(s);
    if (n == 0) {
      return false;
    }
    s = s.substr(n);
  }
  return true;
}

// A scalar as text; nothing for objects, dates and what is not clean.
std::optional<std::string> asText(const AmfValue* value, std::size_t longest) {
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->kind == Kind::kString && clean(value->text, longest)) {
    return value->text;
  }
  if (value->kind == Kind::kBoolean) {
    return value->boolean ? "true" : "false";
  }
  if (value->kind == Kind::kNumber && std::isfinite(value->number)) {
    std::array<char, 40> buffer{};
    const int n = std::snprintf(buffer.data(), buffer.size(), "%.15g", value->number);
    return std::string(buffer.data(), static_cast<std::size_t>(n));
  }
  return std::nullopt;
}

// A number, also when it was written as text.
std::optional<double> asNumber(const AmfValue* value) {
  if (value == nullptr) {
    return std::nullopt;
  }
  double number = value->number;
  if (value->kind == Kind::kString) {
    char* end = nullptr;
    number = std::strtod(value->text.c_str(), &end);
    if (value->text.empty() || *end != '\0') {
      return std::nullopt;
    }
  } else if (value->kind != Kind::kNumber) {
    return std::nullopt;
  }
  return std::isfinite(number) ? std::optional<double>{number} : std::nullopt;
}

double asDuration(const AmfValue* value) { return std::clamp(asNumber(value).value_or(0), 0.0, kMaxDurationSeconds); }

// Seconds of the source's clock, which wraps at 2^32 ms -> the unwrapped time nearest to the message's. -1 (now) when
// it is absent or more than ten minutes away: then it counts something else.
std::int64_t asTime(const AmfValue* value, std::int64_t messageMs) {
  const auto time = asNumber(value);
  if (!time || *time < 0 || *time > kMaxTimeSeconds) {
    return -1;
  }
  const auto ms = static_cast<std::int64_t>(std::llround(*time * 1000));
  const auto away = static_cast<std::int32_t>(static_cast<std::uint32_t>(ms) - static_cast<std::uint32_t>(messageMs));
  return std::abs(std::int64_t{away}) <= kFarthestMs ? std::max<std::int64_t>(0, messageMs + away) : -1;
}

// "SpliceOut", "splice_out" and "splice-out" are one word.
std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

// The words that start or end a break; everything else is a mark.
SourceCue::Kind kindOf(std::string_view word) {
  static constexpr std::array<std::string_view, 6> kStarts{"spliceout", "breakstart",   "adstart",
                                                           "cueout",    "adbreakstart", "scte35out"};
  static constexpr std::array<std::string_view, 6> kEnds{"splicein", "breakend",   "adend",
                                                         "cuein",    "adbreakend", "scte35in"};
  const std::string w = folded(word);
  if (std::find(kStarts.begin(), kStarts.end(), w) != kStarts.end()) {
    return SourceCue::Kind::kBreakStart;
  }
  if (std::find(kEnds.begin(), kEnds.end(), w) != kEnds.end()) {
    return SourceCue::Kind::kBreakEnd;
  }
  return SourceCue::Kind::kMark;
}

void addValues(const AmfValue& from, SourceCue& cue) {
  for (const AmfMember& member : from.members) {
    if (cue.values.size() == kMaxValues) {
      return;
    }
    auto text = asText(&member.value, kMaxValue);
    if (text && !member.name.empty() && clean(member.name, kMaxName)) {
      cue.values.emplace(member.name, std::move(*text));
    }
  }
}

// type="com.youtube.cuepoint": pre_roll_time_sec ahead of the message.
Cue youTube(const AmfValue& body, std::int64_t messageMs) {
  SourceCue cue;
  const AmfValue* start = body.find("cue_point_start");
  cue.kind = start != nullptr && start->kind == Kind::kBoolean && !start->boolean ? SourceCue::Kind::kBreakEnd
                                                                                  : SourceCue::Kind::kBreakStart;
  cue.id = asText(body.find("splice_event_id"), kMaxName).value_or("");
  cue.durationSeconds = asDuration(body.find("break_duration_sec"));
  const double preRoll = std::clamp(asNumber(body.find("pre_roll_time_sec")).value_or(0), 0.0, 600.0);
  cue.sourceTimeMs = messageMs + std::llround(preRoll * 1000);
  return cue;
}

// name="scte35" type="event": a splice out, unless the parameters say that it is the way back.
Cue scteEvent(const AmfValue& body, std::int64_t messageMs) {
  SourceCue cue;
  cue.sourceTimeMs = asTime(body.find("time"), messageMs);
  if (const AmfValue* parameters = body.find("parameters"); parameters != nullptr) {
    cue.id = asText(parameters->find("id"), kMaxName).value_or("");
    cue.durationSeconds = asDuration(parameters->find("duration"));
    addValues(*parameters, cue);
    for (const char* field : {"cue", "command", "type"}) {
      const auto word = asText(parameters->find(field), kMaxName);
      if (word && kindOf(*word) == SourceCue::Kind::kBreakEnd) {
        cue.kind = SourceCue::Kind::kBreakEnd;
      }
    }
    const auto out = asText(parameters->find("out_of_network_indicator"), kMaxName);
    if (out && (*out == "0" || *out == "false")) {
      cue.kind = SourceCue::Kind::kBreakEnd;
    }
  }
  return cue;
}

Cue cuePoint(const AmfValue& body, std::int64_t messageMs) {
  const auto type = asText(body.find("type"), kMaxName).value_or("");
  const auto name = asText(body.find("name"), kMaxName).value_or("");
  if (type == "com.youtube.cuepoint") {
    return youTube(body, messageMs);
  }
  if (name == "scte35") {
    return scteEvent(body, messageMs);
  }
  if (name.empty()) {
    return std::nullopt;
  }
  SourceCue cue;
  cue.kind = kindOf(name);
  cue.name = name;
  cue.sourceTimeMs = asTime(body.find("time"), messageMs);
  if (const AmfValue* parameters = body.find("parameters"); parameters != nullptr) {
    cue.id = asText(parameters->find("id"), kMaxName).value_or("");
    cue.durationSeconds = asDuration(parameters->find("duration"));
    addValues(*parameters, cue);
  }
  return cue;
}

Cue adCue(const AmfValue& body, std::int64_t messageMs) {
  const auto word = asText(body.find("cue"), kMaxName).value_or("");
  SourceCue cue;
  cue.kind = kindOf(word);
  if (cue.kind == SourceCue::Kind::kMark) {
    return std::nullopt;  // SCTE-35 sections among them
  }
  cue.id = asText(body.find("id"), kMaxName).value_or("");
  const double elapsed = asDuration(body.find("elapsed"));
  cue.durationSeconds = std::max(0.0, asDuration(body.find("duration")) - elapsed);
  cue.sourceTimeMs = asTime(body.find("time"), messageMs);
  return cue;
}

Cue textData(const AmfValue& body, std::int64_t messageMs) {
  auto name = asText(body.find("event"), kMaxName);
  if (!name) {
    name = asText(body.find("name"), kMaxName);
  }
  if (!name) {
    name = asText(body.find("text"), kMaxName);  // captions come this way too: only the words of a break count
    if (!name || kindOf(*name) == SourceCue::Kind::kMark) {
      return std::nullopt;
    }
  }
  if (name->empty()) {
    return std::nullopt;
  }
  SourceCue cue;
  cue.kind = kindOf(*name);
  cue.name = *name;
  cue.id = asText(body.find("id"), kMaxName).value_or("");
  cue.durationSeconds = asDuration(body.find("duration"));
  cue.sourceTimeMs = asTime(body.find("time"), messageMs);
  addValues(body, cue);
  return cue;
}

}  // namespace

std::optional<SourceCue> cueFrom(std::string_view message, const AmfValue& body, std::int64_t messageMs) {
  if (body.kind != Kind::kObject) {
    return std::nullopt;
  }
  if (message == "onCuePoint") {
    return cuePoint(body, messageMs);
  }
  if (message == "onAdCue") {
    return adCue(body, messageMs);
  }
  if (message == "onTextData") {
    return textData(body, messageMs);
  }
  return std::nullopt;
}

}  // namespace dvpe::ingest::rtmp
