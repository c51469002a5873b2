// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/recording.h"

#include <algorithm>
#include <limits>

namespace dvpe::rehearsal {

namespace json = boost::json;
using model::Need;
using model::ObjectReader;
using model::Place;

namespace {

constexpr std::size_t kMaxIdBytes = 128;
constexpr std::size_t kMaxExpected = 256;
constexpr std::int64_t kMaxBreakNumber = std::int64_t{1} << 53;

// Nodes name sessions by 16 bytes, written as 32 digits.
std::string drawIdOf(const std::string& id) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (id.size() != 32 || !std::all_of(id.begin(), id.end(), [&](char c) { return digit(c) >= 0; })) return id;
  std::string out;
  for (std::size_t i = 0; i < id.size(); i += 2) out += static_cast<char>(digit(id[i]) * 16 + digit(id[i + 1]));
  return out;
}

bool isBlank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

void readId(ObjectReader& in, std::string_view key, std::string& out, Need need) {
  if (!in.text(key, out, need, kMaxIdBytes)) return;
  const auto wrong = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (out.empty() || std::any_of(out.begin(), out.end(), wrong)) {
    in.at(key).mistake("expected 1 to " + std::to_string(kMaxIdBytes) + " bytes without control characters");
  }
}

void readAttributes(ObjectReader& in, rules::Attributes& out) {
  if (const json::value* value = in.find("attributes", Need::kOptional)) {
    if (!value->is_object()) {
      in.at("attributes").mistake(std::string{"expected an object, found "} + model::describeKind(*value));
    } else if (const auto set = out.set("viewer", model::toValue(*value)); !set) {
      in.at("attributes").mistake(set.error().message);
    }
  }
  in.array("consent", Need::kOptional, rules::Attributes::kMaxPurposes, [&](const Place& place) {
    std::string word;
    if (!model::readText(place, word, 64)) return;
    if (const auto consented = out.consent(word); !consented) place.mistake(consented.error().message);
  });
}

void readTexts(ObjectReader& in, std::string_view key, std::optional<std::vector<std::string>>& out) {
  if (!in.has(key)) return;
  auto& list = out.emplace();
  in.array(key, Need::kOptional, kMaxExpected, [&](const Place& place) {
    std::string text;
    if (model::readText(place, text, 256)) list.push_back(std::move(text));
  });
}

void readExpectation(const Place& place, Expectation& out) {
  ObjectReader in{place};
  if (!in.isObject()) return;
  const auto text = [&](std::string_view key, std::optional<std::string>& into) {
    if (in.has(key)) in.text(key, into.emplace(), Need::kOptional, 256);
  };
  text("cohort", out.cohort);
  text("audio", out.audio);
  readTexts(in, "overlays", out.overlays);
  readTexts(in, "slots", out.slots);
  if (in.has("clips")) {
    auto& clips = out.clips.emplace();
    in.members("clips", kMaxExpected, [&](const Place& member, std::string_view event) {
      std::string media;
      if (model::readText(member, media, 256)) clips.emplace(event, std::move(media));
    });
  }
  in.finish();
}

}  // namespace

RecordingReader::RecordingReader(std::istream& in, std::string name)
    : in_(in), name_(std::move(name)), buffer_(kMaxLineBytes + 2) {}

void RecordingReader::note(std::string path, std::string message) {
  ++count_;
  mistakes_.add(name_ + ":" + std::to_string(line_), std::move(path), std::move(message));
}

void RecordingReader::mistake(const Session& session, std::string path, std::string message) {
  ++count_;
  mistakes_.add(name_ + ":" + std::to_string(session.line), std::move(path), std::move(message));
}

std::optional<Session> RecordingReader::next() {
  while (nextText()) {
    Session out;
    out.line = line_;
    if (read(out)) return out;
  }
  return std::nullopt;
}

// The next line that is not blank.
bool RecordingReader::nextText() {
  while (!ended_) {
    in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    const auto count = static_cast<std::size_t>(in_.gcount());
    if (in_.eof() && count == 0) break;
    if (in_.bad() || (in_.fail() && count == 0)) {
      note("", "the file cannot be read");
      break;
    }
    if (++line_ > kMaxLines) {
      note("", "expected at most " + std::to_string(kMaxLines) + " lines");
      break;
    }
    const bool cut = in_.fail();
    text_ = {buffer_.data(), in_.eof() || cut ? count : count - 1};
    if (cut) {
      in_.clear();
      in_.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    if (text_.size() > kMaxLineBytes) {
      note("", "expected a line of at most " + std::to_string(kMaxLineBytes) + " bytes");
    } else if (!isBlank(text_)) {
      return true;
    }
  }
  ended_ = true;
  return false;
}

bool RecordingReader::read(Session& out) {
  const auto parsed = model::parseJson(text_, kMaxLineBytes);
  if (!parsed) {
    note("", parsed.error().message);
    return false;
  }
  model::Mistakes mistakes;
  std::optional<std::int64_t> breakNumber;
  ObjectReader in{Place{&parsed.value(), "", "", &mistakes}};
  if (in.isObject()) {
    readId(in, "session", out.id, Need::kRequired);
    readId(in, "viewer", out.viewer, Need::kOptional);
    in.name("channel", out.channel, Need::kRequired);
    std::string at;
    if (in.text("at", at, Need::kRequired, 32)) model::readInstant(in.at("at"), at, out.at);
    if (in.has("break")) in.integer("break", breakNumber.emplace(), 1, kMaxBreakNumber, Need::kOptional);
    if (in.has("units")) in.integer("units", out.units.emplace(), 0, kMaxUnits, Need::kOptional);
    readAttributes(in, out.attributes);
    if (const json::value* expect = in.find("expect", Need::kOptional)) {
      readExpectation(in.place().child(*expect, "expect"), out.expect);
    }
    in.finish();
  }
  const auto errors = mistakes.take();
  for (const model::DocumentError& error : errors) note(error.path, error.message);
  if (!errors.empty()) return false;
  out.drawId = drawIdOf(out.id);
  out.attributes.setIdentity(out.viewer.empty() ? out.id : out.viewer);
  return follow(out, breakNumber);
}

// What came before of the same viewer.
bool RecordingReader::follow(Session& out, std::optional<std::int64_t> breakNumber) {
  const std::string key = out.viewer.empty() ? "s" + out.id : "v" + out.viewer;
  if (viewers_.size() == kMaxViewers && !viewers_.contains(key)) {
    note("", "expected at most " + std::to_string(kMaxViewers) + " viewers");
    ended_ = true;
    return false;
  }
  const auto [past, fresh] = viewers_.try_emplace(key, Past{static_cast<std::uint32_t>(viewers_.size()), 0, out.at});
  if (out.at < past->second.at) {
    note("/at", "expected the lines of one viewer in the order of their moments");
    return false;
  }
  past->second.at = out.at;
  past->second.breakNumber = breakNumber ? static_cast<std::uint64_t>(*breakNumber) : past->second.breakNumber + 1;
  out.viewerNumber = past->second.number;
  out.breakNumber = past->second.breakNumber;
  return true;
}

}  // namespace dvpe::rehearsal
