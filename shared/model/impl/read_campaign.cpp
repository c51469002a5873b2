// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Campaigns, creatives, experiments and the monetisation policy.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cstdio>

#include "shared/model/impl/read.h"

namespace dvpe::model::impl {

namespace json = boost::json;

namespace {

constexpr int kMostCaps = 16;
constexpr int kMostLines = 256;
constexpr int kMostCreatives = 256;
constexpr std::int64_t kMostImpressions = 1'000'000'000'000;
constexpr Micros kMostMoney = 1'000'000'000'000 * Micros{1'000'000};
constexpr int kBuckets = 10'000;
constexpr int kDayMinutes = 24 * 60;

// A list that is there must not be empty.
void expectSome(const ObjectReader& reader, std::string_view key) {
  const json::array* list = reader.has(key) ? reader.at(key).value->if_array() : nullptr;
  if (list && list->empty()) reader.at(key).mistake("expected at least one");
}

// "1234.567890": money and rates are never floating point numbers, which cannot hold a cent.
bool parseDecimal(std::string_view text, Micros& out) {
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  const auto digits = [](std::string_view t) { return t.find_first_not_of("0123456789") == std::string_view::npos; };
  if (whole.empty() || whole.size() > 13 || part.size() > 6 || !digits(whole) || !digits(part)) return false;
  if (point != std::string_view::npos && part.empty()) return false;
  Micros value = 0;
  for (const char c : whole) value = value * 10 + (c - '0');
  if (value > kMostMoney / 1'000'000) return false;
  for (std::size_t i = 0; i < 6; ++i) value = value * 10 + (i < part.size() ? part[i] - '0' : 0);
  out = value;
  return value <= kMostMoney;
}

void readMoney(ObjectReader& reader, std::string_view key, Micros& out) {
  std::string text;
  if (!reader.text(key, text, Need::kOptional)) return;
  Micros value = 0;
  if (!parseDecimal(text, value) || value == 0) {
    return reader.at(key).mistake(
        "expected an amount such as \"12.50\", more than 0, at most 1000000000000, with at most 6 decimals");
  }
  out = value;
}

constexpr const char* kCurrencyWords = "expected a currency of ISO 4217 such as EUR";

bool isCurrency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void readCurrency(ObjectReader& reader, std::string& out) {
  std::string text;
  if (!reader.text("currency", text, Need::kOptional)) return;
  if (!isCurrency(text)) return reader.at("currency").mistake(kCurrencyWords);
  out = std::move(text);
}

// "2026-06-01T00:00:00": on the clock of the campaign's zone.
void readLocal(ObjectReader& reader, std::string_view key, LocalTime& out) {
  std::string text;
  if (!reader.text(key, text, Need::kOptional)) return;
  base::WallTime instant{};
  Mistakes unused;
  Place quiet = reader.at(key);
  quiet.mistakes = &unused;
  if (!readInstant(quiet, text + "Z", instant)) {
    return reader.at(key).mistake("expected a date and time such as 2026-06-01T00:00:00, in the campaign's time zone");
  }
  out = LocalTime{std::chrono::duration_cast<std::chrono::seconds>(instant.time_since_epoch())};
}

void readFlight(ObjectReader& reader, Flight& out) {
  const json::value* value = reader.find("flight", Need::kOptional);
  if (!value) return;
  ObjectReader inner{reader.place().child(*value, "flight")};
  readLocal(inner, "from", out.from);
  readLocal(inner, "until", out.until);
  if (out.until <= out.from) {
    inner.place().mistake("the flight ends before it starts: expected \"until\" after \"from\"");
  }
  inner.finish();
}

// "18:30" in minutes, at most so many; "24:00" is the day's end.
bool readMinute(ObjectReader& reader, std::string_view key, int& out, int most) {
  std::string text;
  if (!reader.text(key, text, Need::kOptional)) return !reader.has(key);
  int hour = 0, minute = 0;
  const bool shape = hasShape(text, "00:00") && std::sscanf(text.c_str(), "%2d:%2d", &hour, &minute) == 2;
  if (!shape || minute > 59 || hour * 60 + minute > most) {
    reader.at(key).mistake("expected a time of day such as 18:30");
    return false;
  }
  out = hour * 60 + minute;
  return true;
}

void readDaypart(const Place& place, Line& out) {
  constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Daypart part;
  std::uint8_t days = 0;
  reader.array("days", Need::kOptional, 7, [&](const Place& at) {
    std::string day;
    if (!readText(at, day, 16)) return;
    const auto found = std::find(kDays.begin(), kDays.end(), day);
    if (found == kDays.end()) return at.mistake("expected one of mon, tue, wed, thu, fri, sat, sun");
    const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(found - kDays.begin()));
    if ((days & bit) != 0) return at.mistake("\"" + day + "\" is listed twice");
    days = static_cast<std::uint8_t>(days | bit);
  });
  expectSome(reader, "days");
  if (days != 0) part.days = days;
  const bool from = readMinute(reader, "from", part.from, kDayMinutes - 1);
  if (readMinute(reader, "until", part.until, kDayMinutes) && from && part.from == part.until) {
    reader.place().mistake("this part of the day has no length");
  }
  reader.finish();
  out.dayparts.push_back(part);
}

void readCaps(ObjectReader& reader, std::vector<Cap>& out) {
  reader.array("caps", Need::kOptional, kMostCaps, [&](const Place& place) {
    ObjectReader inner{place};
    if (!inner.isObject()) return;
    Cap cap;
    inner.integer("impressions", cap.impressions, 1, 1'000'000, Need::kRequired);
    const bool known = inner.choice<CapPeriod>(
        "per", cap.per, {{"hour", CapPeriod::kHour}, {"day", CapPeriod::kDay}, {"flight", CapPeriod::kFlight}},
        Need::kRequired);
    inner.finish();
    if (!known) return;
    if (std::any_of(out.begin(), out.end(), [&](const Cap& c) { return c.per == cap.per; })) {
      place.mistake("there is a cap for this period already");
    }
    out.push_back(cap);
  });
}

void readBudget(ObjectReader& reader, Budget& out) {
  const json::value* value = reader.find("budget", Need::kOptional);
  if (!value) return;
  ObjectReader inner{reader.place().child(*value, "budget")};
  readMoney(inner, "total", out.total);
  readMoney(inner, "day", out.day);
  if (inner.isObject() && !inner.has("total") && !inner.has("day")) {
    inner.place().mistake("expected \"total\", \"day\" or both");
  }
  inner.finish();
}

// What RFC 3986 lets into an address, about; everything else is percent-encoded.
bool isAddress(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme) || text.size() == kScheme.size()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c <= '~' && std::string_view{"\"<>\\^`{|}"}.find(c) == std::string_view::npos;
  });
}

// An object with exactly one of these keys; returns which, or nothing after a mistake.
std::string_view oneOf(const ObjectReader& reader, std::initializer_list<std::string_view> keys) {
  std::string_view found;
  std::string all;
  for (const std::string_view key : keys) {
    all += (all.empty() ? "" : ", ") + std::string{key};
    if (!reader.has(key)) continue;
    if (!found.empty()) {
      reader.place().mistake("expected only one of " + std::string{found} + " and " + std::string{key});
      return {};
    }
    found = key;
  }
  if (found.empty() && reader.isObject()) reader.place().mistake("expected one of " + all);
  return found;
}

void readGoal(ObjectReader& reader, Goal& out) {
  const json::value* value = reader.find("goal", Need::kOptional);
  if (!value) return;
  ObjectReader inner{reader.place().child(*value, "goal")};
  const std::string_view which = oneOf(inner, {"impressions", "completedViews", "shareOfVoice"});
  if (which == "shareOfVoice") {
    out.kind = GoalKind::kShareOfVoice;
    inner.integer(which, out.amount, 1, 100, Need::kRequired);
  } else if (!which.empty()) {
    out.kind = which == "impressions" ? GoalKind::kImpressions : GoalKind::kCompletedViews;
    inner.integer(which, out.amount, 1, kMostImpressions, Need::kRequired);
  }
  if (!which.empty()) inner.finish();
}

void readPrice(ObjectReader& reader, Price& out) {
  const json::value* value = reader.find("price", Need::kOptional);
  if (!value) return;
  ObjectReader inner{reader.place().child(*value, "price")};
  const std::string_view which = oneOf(inner, {"cpm", "cpcv", "flat"});
  if (which.empty()) return;
  out.kind = which == "cpm" ? PriceKind::kCpm : which == "cpcv" ? PriceKind::kCpcv : PriceKind::kFlat;
  readMoney(inner, which, out.micros);
  inner.finish();
}

void readLineCreative(const Place& place, Line& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  LineCreative creative;
  reader.name("creative", creative.creative, Need::kRequired);
  reader.integer("weight", creative.weight, 1, 1'000, Need::kOptional);
  reader.finish();
  const auto same = [&](const LineCreative& c) { return c.creative == creative.creative; };
  if (!creative.creative.empty() && std::any_of(out.creatives.begin(), out.creatives.end(), same)) {
    reader.at("creative").mistake("\"" + creative.creative + "\" is listed twice");
  }
  out.creatives.push_back(std::move(creative));
}

void readLineWords(ObjectReader& reader, Line& line) {
  reader.choice<Priority>(
      "priority", line.priority,
      {{"sponsorship", Priority::kSponsorship}, {"standard", Priority::kStandard}, {"bulk", Priority::kBulk}},
      Need::kOptional);
  reader.choice<BreakPosition>(
      "position", line.position,
      {{"any", BreakPosition::kAny}, {"first", BreakPosition::kFirst}, {"last", BreakPosition::kLast}},
      Need::kOptional);
  reader.choice<Rotation>("rotation", line.rotation,
                          {{"even", Rotation::kEven},
                           {"weighted", Rotation::kWeighted},
                           {"sequential", Rotation::kSequential},
                           {"optimised", Rotation::kOptimised}},
                          Need::kOptional);
  reader.choice<BillOn>("billOn", line.billOn, {{"delivered", BillOn::kDelivered}, {"confirmed", BillOn::kConfirmed}},
                        Need::kOptional);
  reader.choice<Pacing>("pacing", line.pacing, {{"even", Pacing::kEven}, {"fast", Pacing::kFast}}, Need::kOptional);
}

void readLine(const Place& place, Campaign& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Line line;
  if (reader.name("id", line.id, Need::kRequired) &&
      std::any_of(out.lines.begin(), out.lines.end(), [&](const Line& l) { return l.id == line.id; })) {
    reader.at("id").mistake("another line has the id \"" + line.id + "\" too");
  }
  reader.text("title", line.title, Need::kOptional, 256);
  reader.text("when", line.when, Need::kOptional, 65'536);
  readFlight(reader, line.flight);
  reader.array("dayparts", Need::kOptional, 64, [&](const Place& at) { readDaypart(at, line); });
  readGoal(reader, line.goal);
  readPrice(reader, line.price);
  readBudget(reader, line.budget);
  readCaps(reader, line.caps);
  readLineWords(reader, line);
  readArmName(reader, line.arm);
  reader.array("creatives", Need::kRequired, kMostCreatives, [&](const Place& at) { readLineCreative(at, line); });
  expectSome(reader, "creatives");
  const bool flat = line.price.kind == PriceKind::kFlat;
  if (reader.has("budget") && (flat || !reader.has("price"))) {
    reader.at("budget").mistake("only a line with a price for impressions or views (cpm, cpcv) can use up a budget");
  }
  if (flat && !reader.has("goal")) reader.at("price").mistake("a flat price needs a goal");
  reader.finish();
  out.lines.push_back(std::move(line));
}

void readBuckets(const Place& place, Arm& out) {
  const json::array* pair = place.value->if_array();
  const auto at = [&](std::size_t i) { return (*pair)[i].is_int64() ? (*pair)[i].get_int64() : -1; };
  if (!pair || pair->size() != 2 || at(0) < 0 || at(1) <= at(0) || at(1) > kBuckets) {
    return place.mistake("expected two whole numbers [from, until] with 0 <= from < until <= 10000");
  }
  out.buckets.emplace_back(static_cast<int>(at(0)), static_cast<int>(at(1)));
}

void readArm(const Place& place, Experiment& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Arm arm;
  if (reader.name("id", arm.id, Need::kRequired) &&
      std::any_of(out.arms.begin(), out.arms.end(), [&](const Arm& a) { return a.id == arm.id; })) {
    reader.at("id").mistake("another arm has the id \"" + arm.id + "\" too");
  }
  reader.array("buckets", Need::kRequired, 256, [&](const Place& at) { readBuckets(at, arm); });
  reader.finish();
  out.arms.push_back(std::move(arm));
}

}  // namespace

void readArmName(ObjectReader& reader, ArmName& out) {
  const json::value* value = reader.find("arm", Need::kOptional);
  if (!value) return;
  ObjectReader inner{reader.place().child(*value, "arm")};
  if (!inner.isObject()) return;
  inner.name("experiment", out.experiment, Need::kRequired);
  inner.name("arm", out.arm, Need::kRequired);
  inner.finish();
}

void readCampaign(ObjectReader& body, Campaign& out) {
  body.text("title", out.title, Need::kOptional, 256);
  body.text("when", out.when, Need::kOptional, 65'536);
  body.name("advertiser", out.advertiser, Need::kOptional);
  body.text("timezone", out.timezone, Need::kOptional, 64);
  readCurrency(body, out.currency);
  readFlight(body, out.flight);
  readBudget(body, out.budget);
  readCaps(body, out.caps);
  body.names("categories", out.categories, Need::kOptional, 16);
  if (const json::value* value = body.find("exclude", Need::kOptional)) {
    ObjectReader inner{body.place().child(*value, "exclude")};
    inner.names("channels", out.excludeChannels, Need::kOptional, 256);
    inner.array("ratings", Need::kOptional, 64, [&](const Place& place) {
      std::string rating;
      if (readText(place, rating, 64)) out.excludeRatings.push_back(std::move(rating));
    });
    inner.finish();
  }
  body.array("lines", Need::kOptional, kMostLines, [&](const Place& place) { readLine(place, out); });
  expectSome(body, "lines");
  body.names("creatives", out.creatives, body.has("lines") ? Need::kOptional : Need::kRequired, kMostCreatives);
  if (body.has("lines") && body.has("creatives")) {
    body.at("creatives").mistake("a campaign has either creatives or lines");
  }
  if (!body.has("lines") && body.has("budget")) body.at("budget").mistake("only a campaign with lines has a budget");
}

void readCreative(ObjectReader& body, Creative& out) {
  body.text("title", out.title, Need::kOptional, 256);
  body.name("media", out.media, Need::kRequired);
  body.names("categories", out.categories, Need::kOptional, 16);
  body.integer("minAge", out.minAge, 0, 21, Need::kOptional);
  readCaps(body, out.caps);
  if (body.text("clickThrough", out.clickThrough, Need::kOptional, 2'048) && !isAddress(out.clickThrough)) {
    body.at("clickThrough").mistake("expected an address that begins with https://, of ASCII without blanks");
  }
}

void readExperiment(ObjectReader& body, Experiment& out) {
  body.text("title", out.title, Need::kOptional, 256);
  body.name("group", out.group, Need::kOptional);
  body.array("arms", Need::kRequired, 64, [&](const Place& place) { readArm(place, out); });
}

void readMonetisation(ObjectReader& body, Monetisation& out) {
  std::string policy;
  body.text("policy", policy, Need::kRequired);
  readCurrency(body, out.currency);
  body.members("rates", 200, [&](const Place& place, std::string_view key) {
    if (!isCurrency(key)) return place.mistake(kCurrencyWords);
    std::string text;
    Micros rate = 0;
    if (!readText(place, text, 32)) return;
    if (!parseDecimal(text, rate) || rate == 0 || rate > 1'000'000 * Micros{1'000'000}) {
      return place.mistake("expected a rate such as \"0.92\": what one " + std::string{key} + " is worth");
    }
    out.rates.emplace(key, rate);
  });
  body.members("advertisers", 10'000, [&](const Place& place, std::string_view key) {
    if (!isName(key)) return place.mistake("expected the name of an advertiser");
    ObjectReader inner{place};
    if (!inner.isObject()) return;
    Advertiser advertiser;
    readCurrency(inner, advertiser.currency);
    readCaps(inner, advertiser.caps);
    inner.finish();
    out.advertisers.emplace(key, std::move(advertiser));
  });
}

}  // namespace dvpe::model::impl
