// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The bodies of profile, channel, ruleset, campaign and media.
#include <algorithm>
#include <array>

#include "shared/model/impl/read.h"

namespace dvpe::model::impl {

namespace json = boost::json;

namespace {

// What law 3 fixes; a profile may not say otherwise.
constexpr std::array kFixedX264 = {"bframes",
                                   "b-adapt",
                                   "b-pyramid",
                                   "rc-lookahead",
                                   "sync-lookahead",
                                   "scenecut",
                                   "stitchable",
                                   "cpu-independent",
                                   "threads",
                                   "sliced-threads",
                                   "vbv-maxrate",
                                   "vbv-bufsize",
                                   "vbv-init",
                                   "bitrate",
                                   "open-gop",
                                   "intra-refresh",
                                   "force-cfr",
                                   "fps",
                                   "timebase",
                                   "interlaced",
                                   "tff",
                                   "bff",
                                   "nal-hrd",
                                   "annexb",
                                   "colorprim",
                                   "transfer",
                                   "colormatrix",
                                   "fullrange",
                                   "range",
                                   "lookahead-threads",
                                   "stats",
                                   "pass",
                                   "log-file",
                                   "dump-yuv",
                                   "opencl"};

void checkX264(const Place& place, std::string_view options) {
  while (!options.empty()) {
    const std::size_t end = std::min(options.find(':'), options.size());
    std::string_view key = options.substr(0, end);
    options.remove_prefix(std::min(end + 1, options.size()));
    key = key.substr(0, key.find('='));
    std::string plain{key.substr(0, 64)};
    std::replace(plain.begin(), plain.end(), '_', '-');  // x264 takes both
    const bool word = !plain.empty() && std::all_of(plain.begin(), plain.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!word) {
      place.mistake("expected x264 options as name=value, separated by colons");
      return;
    }
    if (plain.rfind("no-", 0) == 0) plain.erase(0, 3);
    if (std::find(kFixedX264.begin(), kFixedX264.end(), plain) != kFixedX264.end()) {
      place.mistake("the option \"" + plain + "\" is fixed for every profile and cannot be set");
    }
  }
}

void readRung(const Place& place, Profile& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Rung rung;
  if (reader.name("name", rung.name, Need::kRequired) &&
      std::any_of(out.rungs.begin(), out.rungs.end(), [&](const Rung& r) { return r.name == rung.name; })) {
    reader.at("name").mistake("another rung is called \"" + rung.name + "\" too");
  }
  const auto size = [&](std::string_view key, int& value, int most) {
    if (reader.integer(key, value, 16, most, Need::kRequired) && value % 2 != 0) {
      reader.at(key).mistake("expected an even number, found " + std::to_string(value));
    }
  };
  size("width", rung.width, 7680);
  size("height", rung.height, 4320);
  const bool capped =
      reader.integer("maxrate", rung.maxrate, std::int64_t{1'000}, std::int64_t{200'000'000}, Need::kRequired);
  if (reader.integer("bitrate", rung.bitrate, std::int64_t{0}, std::int64_t{200'000'000}, Need::kOptional) && capped &&
      rung.bitrate > rung.maxrate) {
    reader.at("bitrate").mistake("expected at most maxrate, " + std::to_string(rung.maxrate));
  }
  std::string preset = rung.preset;
  using Word = std::pair<std::string_view, std::string_view>;
  std::string_view chosen = "superfast";
  reader.choice<std::string_view>(
      "preset", chosen,
      {Word{"ultrafast", "ultrafast"}, Word{"superfast", "superfast"}, Word{"veryfast", "veryfast"},
       Word{"faster", "faster"}, Word{"fast", "fast"}, Word{"medium", "medium"}, Word{"slow", "slow"},
       Word{"slower", "slower"}, Word{"veryslow", "veryslow"}},
      Need::kOptional);
  rung.preset = chosen;
  if (reader.text("x264", rung.x264, Need::kOptional)) checkX264(reader.at("x264"), rung.x264);
  reader.integer("threads", rung.threads, 1, 64, Need::kOptional);
  if (!out.rungs.empty() && rung.height > out.rungs.back().height) {
    place.mistake("expected the rungs from the highest to the lowest");
  }
  reader.finish();
  out.rungs.push_back(std::move(rung));
}

void readBreak(const Place& place, Channel& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  ScheduledBreak at;
  reader.integer("everySeconds", at.everySeconds, 0, 86'400, Need::kOptional);
  const int span = at.everySeconds > 0 ? at.everySeconds : 86'400;
  reader.integer("offsetSeconds", at.offsetSeconds, 0, span - 1, Need::kOptional);
  at.lengthUnits = out.defaultBreakUnits;
  reader.integer("lengthUnits", at.lengthUnits, 1, out.maxBreakUnits, Need::kOptional);
  // A unit is at most 1.001 s: a break must end before the next begins.
  if (at.lengthUnits >= span) place.mistake("expected a break shorter than its interval");
  reader.finish();
  out.breaks.push_back(at);
}

bool isPath(std::string_view path) {
  if (path.empty() || path.size() > 256) return false;
  bool start = true, dotted = false;
  for (const char c : path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (c == '.' && !start) {
      start = dotted = true;
    } else if (letter || (!start && c >= '0' && c <= '9')) {
      start = false;
    } else {
      return false;
    }
  }
  return !start && dotted;
}

// One of the values that a field can have.
void readFieldValue(const Place& place, Field& out) {
  const json::value& value = *place.value;
  if (out.type == FieldType::kString) {
    std::string text;
    if (readText(place, text, 256)) out.values.emplace_back(std::move(text));
  } else if (out.type == FieldType::kInt && value.is_int64()) {
    out.values.emplace_back(value.as_int64());
  } else {
    place.mistake("expected a text or a whole number, of a field of that type");
  }
}

// One of the steps of a number, above the one before.
void readFieldStep(const Place& place, Field& out) {
  const json::value& value = *place.value;
  if (out.type == FieldType::kInt && value.is_int64()) {
    out.steps.emplace_back(value.as_int64());
  } else if (out.type == FieldType::kDouble && value.is_number()) {
    out.steps.emplace_back(value.to_number<double>());
  } else {
    return place.mistake("expected a number, of a field of that type");
  }
  if (out.steps.size() > 1 && !(out.steps[out.steps.size() - 2] < out.steps.back())) {
    place.mistake("expected more than the step before");
  }
}

// The sample knows few values of a field, so that it tells nobody apart.
void checkForecastable(ObjectReader& reader, const Field& field) {
  if (!field.steps.empty() && !field.forecastable) {
    reader.at("steps").mistake("expected \"forecastable\": true, or no steps");
  }
  if (!field.forecastable) return;
  const Place place = reader.at("forecastable");
  const bool number = field.type == FieldType::kInt || field.type == FieldType::kDouble;
  if (field.type == FieldType::kBool) return;
  if (!number && field.type != FieldType::kString) {
    place.mistake("expected a bool, a number or a text");
  } else if (number && field.values.empty() == field.steps.empty()) {
    place.mistake("expected either values or steps of the number");
  } else if (!number && field.values.empty()) {
    place.mistake("expected values of the text");
  } else if (field.values.size() > kMaxForecastValues) {
    place.mistake("expected at most " + std::to_string(kMaxForecastValues) + " values");
  }
}

void readField(const Place& place, Ruleset& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Field field;
  if (reader.text("path", field.path, Need::kRequired, 256)) {
    if (!isPath(field.path)) {
      reader.at("path").mistake("expected names joined by dots, such as viewer.country");
    } else if (std::any_of(out.fields.begin(), out.fields.end(),
                           [&](const Field& f) { return f.path == field.path; })) {
      reader.at("path").mistake("the field \"" + field.path + "\" is declared twice");
    }
  }
  reader.choice<FieldType>("type", field.type,
                           {{"bool", FieldType::kBool},
                            {"int", FieldType::kInt},
                            {"double", FieldType::kDouble},
                            {"string", FieldType::kString},
                            {"timestamp", FieldType::kTimestamp},
                            {"list", FieldType::kList},
                            {"map", FieldType::kMap}},
                           Need::kRequired);
  reader.name("purpose", field.purpose, Need::kOptional);
  reader.name("campaignPurpose", field.campaignPurpose, Need::kOptional);
  reader.choice<FieldSource>("source", field.source,
                             {{"platform", FieldSource::kPlatform},
                              {"player", FieldSource::kPlayer},
                              {"node", FieldSource::kNode},
                              {"profile", FieldSource::kProfile}},
                             Need::kOptional);
  reader.array("values", Need::kOptional, 1'024, [&](const Place& at) { readFieldValue(at, field); });
  reader.flag("forecastable", field.forecastable);
  reader.array("steps", Need::kOptional, kMaxForecastSteps, [&](const Place& at) { readFieldStep(at, field); });
  checkForecastable(reader, field);
  reader.finish();
  out.fields.push_back(std::move(field));
}

ShowOverlay readShow(const Place& place) {
  ShowOverlay show;
  ObjectReader reader{place};
  reader.name("overlay", show.overlay, Need::kRequired);
  if (reader.name("event", show.event, Need::kOptional)) show.trigger = Trigger::kEvent;
  reader.members("values", 64, [&](const Place& at, std::string_view key) {
    std::string value;
    if (readText(at, value, 1024)) show.values.emplace(key, std::move(value));
  });
  reader.finish();
  return show;
}

// {"showOverlay": {...}} and the like: exactly one key.
void readAction(const Place& place, Rule& out) {
  constexpr const char* kWords = "expected an object with one key: showOverlay, replaceSpan, chooseAudio or fillBreaks";
  const json::object* object = place.value->if_object();
  if (!object || object->size() != 1) return place.mistake(kWords);
  const std::string_view key = object->begin()->key();
  const Place inner = place.child(object->begin()->value(), key);
  if (key == "showOverlay") {
    out.actions.emplace_back(readShow(inner));
  } else if (key == "replaceSpan") {
    ReplaceSpan replace;
    ObjectReader reader{inner};
    reader.name("event", replace.event, Need::kRequired);
    reader.name("clip", replace.clip, Need::kRequired);
    reader.finish();
    out.actions.emplace_back(std::move(replace));
  } else if (key == "chooseAudio") {
    ChooseAudio choose;
    ObjectReader reader{inner};
    reader.name("language", choose.language, Need::kRequired);
    reader.finish();
    out.actions.emplace_back(std::move(choose));
  } else if (key == "fillBreaks") {
    FillBreaks fill;
    ObjectReader reader{inner};
    reader.flag("all", fill.all);
    reader.names("campaigns", fill.campaigns, fill.all ? Need::kOptional : Need::kRequired, 256);
    reader.finish();
    out.actions.emplace_back(std::move(fill));
  } else {
    inner.mistake(kWords);
  }
}

void readRule(const Place& place, Ruleset& out) {
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  Rule rule;
  if (reader.name("id", rule.id, Need::kRequired) &&
      std::any_of(out.rules.begin(), out.rules.end(), [&](const Rule& r) { return r.id == rule.id; })) {
    reader.at("id").mistake("another rule has the id \"" + rule.id + "\" too");
  }
  reader.text("when", rule.when, Need::kRequired, 65'536);
  reader.flag("lawfulBasis", rule.lawfulBasis);
  readArmName(reader, rule.arm);
  reader.array("actions", Need::kRequired, 64, [&](const Place& at) { readAction(at, rule); });
  reader.finish();
  out.rules.push_back(std::move(rule));
}

void readBreakLengths(ObjectReader& body, Channel& out) {
  std::vector<int> given;
  body.array("breakLengths", Need::kOptional, 16, [&](const Place& place) {
    const std::int64_t* units = place.value->if_int64();
    const int least = given.empty() ? 1 : given.back() + 1;
    if (!units || *units < least || *units > out.maxBreakUnits) {
      return place.mistake("expected a whole number of units from " + std::to_string(least) + " to " +
                           std::to_string(out.maxBreakUnits) + ", ascending");
    }
    given.push_back(static_cast<int>(*units));
  });
  if (body.has("breakLengths")) out.breakLengths = std::move(given);
  // The longest and the default are always among them: breaks without a length have the one, none has more than the
  // other.
  std::erase_if(out.breakLengths, [&](int units) { return units > out.maxBreakUnits; });
  for (const int units : {out.defaultBreakUnits, out.maxBreakUnits}) {
    const auto at = std::lower_bound(out.breakLengths.begin(), out.breakLengths.end(), units);
    if (at == out.breakLengths.end() || *at != units) out.breakLengths.insert(at, units);
  }
}

}  // namespace

void readProfile(ObjectReader& body, Profile& out) {
  body.choice<FrameRate>("fps", out.fps,
                         {{"25", {25, 1}},
                          {"30000/1001", {30000, 1001}},
                          {"30", {30, 1}},
                          {"50", {50, 1}},
                          {"60000/1001", {60000, 1001}},
                          {"60", {60, 1}}},
                         Need::kRequired);
  body.array("rungs", Need::kRequired, 16, [&](const Place& place) { readRung(place, out); });
  if (out.rungs.empty() && body.has("rungs") && body.at("rungs").value->is_array()) {
    body.at("rungs").mistake("expected at least one rung");
  }
  body.integer("audioBitrate", out.audioBitrate, std::int64_t{32'000}, std::int64_t{512'000}, Need::kOptional);
}

void readChannel(ObjectReader& body, Channel& out) {
  out.epoch = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  body.text("title", out.title, Need::kOptional, 256);
  body.name("profile", out.profile, Need::kRequired);
  std::string epoch;
  if (body.text("epoch", epoch, Need::kOptional)) readInstant(body.at("epoch"), epoch, out.epoch);
  body.integer("windowSeconds", out.windowSeconds, 12, 86'400, Need::kOptional);
  body.integer("maxBreakUnits", out.maxBreakUnits, 1, 3'600, Need::kOptional);
  out.defaultBreakUnits = std::min(out.defaultBreakUnits, out.maxBreakUnits);
  body.integer("defaultBreakUnits", out.defaultBreakUnits, 1, out.maxBreakUnits, Need::kOptional);
  body.name("slate", out.slate, Need::kOptional);
  body.flag("takeover", out.takeover);
  body.names("languages", out.languages, Need::kOptional, 32);
  body.names("captions", out.captions, Need::kOptional, 16);
  body.text("file", out.file, Need::kOptional);
  body.array("breaks", Need::kOptional, 256, [&](const Place& place) { readBreak(place, out); });
  readBreakLengths(body, out);
  body.text("rating", out.rating, Need::kOptional, 64);
  body.integer("audienceAge", out.audienceAge, 0, 21, Need::kOptional);
  body.names("blockedCategories", out.blockedCategories, Need::kOptional, 256);
}

void readRuleset(ObjectReader& body, Ruleset& out) {
  body.name("channel", out.channel, Need::kRequired);
  body.array("fields", Need::kOptional, 1'024, [&](const Place& place) { readField(place, out); });
  const auto told = std::count_if(out.fields.begin(), out.fields.end(), [](const Field& f) { return f.forecastable; });
  if (static_cast<std::size_t>(told) > kMaxForecastFields) {
    body.at("fields").mistake("expected at most " + std::to_string(kMaxForecastFields) + " forecastable fields");
  }
  body.array("rules", Need::kRequired, 4'096, [&](const Place& place) { readRule(place, out); });
}

void readAudience(ObjectReader& body, Audience& out) {
  body.text("title", out.title, Need::kOptional, 256);
  body.text("when", out.when, Need::kRequired, 65'536);
}

namespace {

void readDigest(ObjectReader& reader, std::string& out) {
  if (reader.text("digest", out, Need::kRequired, 64) && !isDigest(out))
    reader.at("digest").mistake("expected 64 hexadecimal digits (SHA-256, lower case)");
}

void readMediaFile(const Place& place, std::string_view name, Media& out) {
  const bool plain =
      !name.empty() && name.size() <= 64 && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), [](char c) { return isName(std::string_view(&c, 1)) || c == '.'; });
  if (!plain)
    return place.mistake("expected a file name of 1 to 64 of the characters A-Z a-z 0-9 _ - ., no . at first");
  ObjectReader reader{place};
  if (!reader.isObject()) return;
  MediaFile file;
  readDigest(reader, file.digest);
  reader.integer("bytes", file.bytes, 1, kMaxMediaFileBytes, Need::kRequired);
  reader.finish();
  out.files.emplace(name, std::move(file));
}

}  // namespace

void readMedia(ObjectReader& body, Media& out) {
  readDigest(body, out.digest);
  body.name("profile", out.profile, Need::kRequired);
  body.integer("units", out.units, 1, 86'400, Need::kRequired);
  if (body.text("folder", out.folder, Need::kOptional) && (out.folder.empty() || out.folder.front() != '/')) {
    body.at("folder").mistake("expected an absolute path");
  }
  body.members("files", kMaxMediaFiles,
               [&](const Place& place, std::string_view name) { readMediaFile(place, name, out); });
  if (body.has("files") && body.at("files").value->is_object() && body.at("files").value->get_object().empty())
    body.at("files").mistake("expected at least one file");
  if (!body.has("files") && !body.has("folder"))
    body.place().mistake("expected \"files\", or \"folder\" for media on this machine");
}

}  // namespace dvpe::model::impl
