// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/impl/ledger_format.h"

#include <openssl/sha.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace dvpe::events {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kSignature = ",\"signature\":\"";
constexpr std::string_view kSignatureLine = "{\"signature\":\"";
constexpr std::size_t kMaxFiles = 200'000;
constexpr std::int64_t kVersion = 1;

auto bad(std::string what) { return fail(ErrorCode::kInvalidInput, std::move(what)); }

// One JSON object with what it lacks noted. Nothing in it is deeper than one level.
class Fields {
 public:
  static Result<Fields> parse(std::string_view line) {
    if (line.size() > kMaxLedgerLine) return fail(ErrorCode::kLimitExceeded, "a line is too long");
    json::error_code error;
    json::parse_options options;
    options.max_depth = 2;
    auto value = json::parse({line.data(), line.size()}, error, {}, options);
    if (error || !value.is_object()) return bad("a line is not a JSON object");
    return Fields(std::move(value.get_object()));
  }
  bool has(std::string_view key) const { return object_.contains({key.data(), key.size()}); }
  std::string text(std::string_view key) {
    const auto* value = find(key);
    if (value == nullptr || !value->is_string()) return missing(), std::string();
    return std::string(value->get_string());
  }
  std::int64_t integer(std::string_view key) {
    const auto* value = find(key);
    if (value == nullptr || !value->is_int64()) return missing(), 0;
    return value->get_int64();
  }
  std::uint64_t count(std::string_view key) {
    const std::int64_t number = integer(key);
    if (number < 0) missing();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
  }
  Hash hash(std::string_view key) {
    const auto hash = parseHash(text(key));
    if (!hash) missing();
    return hash.value_or(Hash{});
  }
  std::int32_t day(std::string_view key) {
    const auto day = parseDay(text(key));
    if (!day) missing();
    return day.value_or(0);
  }
  bool flag(std::string_view key) const {
    const auto* value = find(key);
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  void missing() { whole_ = false; }
  bool whole() const { return whole_; }

 private:
  explicit Fields(json::object object) : object_(std::move(object)) {}
  const json::value* find(std::string_view key) const { return object_.if_contains({key.data(), key.size()}); }
  json::object object_;
  bool whole_ = true;
};

void put(std::string& out, std::string_view key, std::string_view text) {
  out.append(",\"").append(key).append("\":");
  appendText(out, text);
}
void put(std::string& out, std::string_view key, std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(",\"").append(key).append("\":").append(digits, end);
}
void put(std::string& out, std::string_view key, std::uint64_t number) {
  put(out, key, static_cast<std::int64_t>(number));
}
void putHex(std::string& out, base::ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) out.append({kDigits[byte >> 4U], kDigits[byte & 15U]});
}

// Of a file in the folder of a day: no other folder can be named.
bool goodPath(std::string_view path, std::string_view ending) {
  const std::size_t slash = path.find('/');
  if (path.size() > 120 || slash == std::string_view::npos || !parseDay(path.substr(0, slash))) return false;
  const std::string_view name = path.substr(slash + 1);
  return name.size() > ending.size() && name.ends_with(ending) && name.front() != '.' &&
         name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-.") == std::string_view::npos;
}

Result<void> takeEntry(Fields& in, Manifest& out) {
  if (out.files.size() + out.closed.size() >= kMaxFiles) return fail(ErrorCode::kLimitExceeded, "it lists too much");
  bool good = false;
  if (in.has("file")) {
    LedgerFile file{in.text("file"),    in.text("campaign"), in.day("day"),   in.count("lines"),
                    in.count("sealed"), in.count("bytes"),   in.hash("hash"), in.flag("damaged")};
    good = in.whole() && goodPath(file.path, ".ndjson") && file.sealed <= file.lines;
    out.files.push_back(std::move(file));
  } else {
    ClosedDay day{in.text("closed"), in.day("day"), in.count("files"), in.count("bytes"), in.text("hash")};
    good = in.whole() && goodPath(day.path, ".closed") && parseHash(day.hash);
    out.closed.push_back(std::move(day));
  }
  if (!good) return bad("an entry is not as it should be");
  return base::success();
}

Result<void> takeHeader(Fields& in, Manifest& out) {
  const bool kind = in.text("dvpe") == "impression-manifest" && in.integer("version") == kVersion;
  out.number = in.count("number");
  out.previous = in.text("previous");
  out.key = in.text("key");
  out.at = in.integer("at");
  out.from = in.day("from");
  out.spool = in.text("spool");
  out.position = in.count("position");
  if (!kind || !in.whole() || (!out.previous.empty() && !parseHash(out.previous))) {
    return bad("this is no manifest of impressions, or of another version");
  }
  return base::success();
}

}  // namespace

Hash chained(const Hash& before, std::string_view line) {
  thread_local std::string text;
  text.assign(reinterpret_cast<const char*>(before.data()), before.size());
  text.append(line);
  Hash out{};
  ::SHA256(base::view(text).data(), text.size(), out.data());
  return out;
}

std::optional<Hash> parseHash(std::string_view hex) {
  auto key = release::parsePublicKey(hex);  // 64 digits, too
  if (!key) return std::nullopt;
  return key.value();
}

std::string dayText(std::int32_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return out;
}

std::optional<std::int32_t> parseDay(std::string_view text) {
  int year = 0;
  unsigned month = 0, day = 0;
  const auto number = [&](std::size_t from, std::size_t count, auto& out) {
    const char* end = text.data() + from + count;
    return std::from_chars(text.data() + from, end, out).ptr == end;
  };
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
  if (!date.ok()) return std::nullopt;
  return static_cast<std::int32_t>(std::chrono::sys_days{date}.time_since_epoch().count());
}

std::string_view stateOf(Kind kind) {
  switch (kind) {
    case Kind::kAdDecided:
      return "decided";
    case Kind::kAdDelivered:
      return "delivered";
    case Kind::kAdStarted:
      return "confirmed";
    case Kind::kAdComplete:
      return "complete";
    default:
      return {};
  }
}

std::string digestOf(std::string_view campaign) { return base::sha256(base::view(campaign)).substr(0, 32); }

namespace {
// Names are of documents, which are plain words; anything else becomes '?', so that a line means one thing to all.
char plain(char c) { return c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c; }
}  // namespace

std::string plain(std::string text) {
  for (char& c : text) c = plain(c);
  return text;
}

void appendText(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) out.push_back(plain(c));
  out.push_back('"');
}

std::string signedText(const Manifest& manifest, const release::PrivateKey& key) {
  std::string out = "{\"dvpe\":\"impression-manifest\"";
  out.reserve(512 + manifest.files.size() * 320 + manifest.closed.size() * 200);
  put(out, "version", kVersion);
  put(out, "number", manifest.number);
  put(out, "previous", manifest.previous);
  put(out, "key", manifest.key);
  put(out, "at", manifest.at);
  put(out, "from", dayText(manifest.from));
  put(out, "spool", manifest.spool);
  put(out, "position", manifest.position);
  out += "}\n";
  for (const ClosedDay& day : manifest.closed) {
    out += "{\"closed\":";
    appendText(out, day.path);
    put(out, "day", dayText(day.day));
    put(out, "files", day.files);
    put(out, "bytes", day.bytes);
    put(out, "hash", day.hash);
    out += "}\n";
  }
  for (const LedgerFile& file : manifest.files) {
    out += "{\"file\":";
    appendText(out, file.path);
    put(out, "campaign", file.campaign);
    put(out, "day", dayText(file.day));
    put(out, "lines", file.lines);
    put(out, "sealed", file.sealed);
    put(out, "bytes", file.bytes);
    out += ",\"hash\":\"";
    putHex(out, file.hash);
    out += file.damaged ? "\",\"damaged\":true}\n" : "\"}\n";
  }
  const auto signature = key.sign(release::Domain::kManifest, base::view(out));
  out += kSignatureLine;
  putHex(out, signature);
  out += "\"}\n";
  return out;
}

std::string hashOf(std::string_view signedText) { return base::sha256(base::view(signedText)); }

Result<ReadManifest> parseManifest(std::string_view text) {
  if (text.size() > kMaxManifest) return fail(ErrorCode::kLimitExceeded, "a manifest is too large");
  ReadManifest out;
  std::size_t at = 0;
  for (std::size_t count = 0;; ++count) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return bad("a manifest ends before its signature");
    const std::string_view line = text.substr(at, end - at);
    DVPE_TRY(auto in, Fields::parse(line));
    if (count == 0) {
      DVPE_CHECK(takeHeader(in, out.manifest));
    } else if (line.starts_with(kSignatureLine)) {
      DVPE_TRY(out.signature, release::parseSignature(in.text("signature")));
      out.bytes = text.substr(0, at);
      if (end + 1 != text.size()) return bad("something follows the signature of a manifest");
      return out;
    } else {
      DVPE_CHECK(takeEntry(in, out.manifest));
    }
    at = end + 1;
  }
}

std::string headerLine(const FileHeader& header) {
  std::string out = "{\"dvpe\":\"impressions\"";
  put(out, "version", kVersion);
  put(out, "key", header.key);
  put(out, "campaign", header.campaign);
  put(out, "day", dayText(header.day));
  put(out, "first", std::int64_t{1});
  return out + "}";
}

std::string sealLine(std::uint64_t lines, const Hash& hash, std::int64_t at, bool final,
                     const release::PrivateKey& key) {
  std::string out = "{\"seal\":" + std::to_string(lines) + ",\"hash\":\"";
  putHex(out, hash);
  out += '"';
  put(out, "at", at);
  if (final) out += ",\"final\":true";
  const auto signature = key.sign(release::Domain::kImpressions, base::view(out));
  out += kSignature;
  putHex(out, signature);
  return out + "\"}";
}

void appendLine(std::string& out, std::uint64_t number, const Id& id, const Event& event, const Hash& before) {
  out += "{\"n\":";
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  put(out, "state", stateOf(event.kind));
  out += ",\"id\":\"";
  putHex(out, id);
  out += '"';
  // To the second: a finer time would tell whose request it was to who has seen requests.
  put(out, "at", std::chrono::floor<std::chrono::seconds>(event.at).time_since_epoch().count());
  put(out, "channel", event.place.channel);
  put(out, "line", event.place.line);
  put(out, "creative", event.place.creative);
  put(out, "break", event.breakNumber);
  put(out, "slot", std::int64_t{event.slot});
  put(out, "value", event.value);
  out += ",\"prev\":\"";
  putHex(out, base::ByteView(before).first(8));
  out += "\"}";
}

Result<ReadLine> parseLine(std::string_view line) {
  DVPE_TRY(auto in, Fields::parse(line));
  ReadLine out;
  if (in.has("seal")) {
    out.type = ReadLine::Type::kSeal;
    out.number = in.count("seal");
    out.hash = in.hash("hash");
    out.at = in.integer("at");
    out.final = in.flag("final");
    const std::size_t end = line.rfind(kSignature);
    if (end == std::string_view::npos) return bad("a seal has no signature");
    out.bytes = line.substr(0, end);
    DVPE_TRY(out.signature, release::parseSignature(in.text("signature")));
  } else if (in.has("dvpe")) {
    out.type = ReadLine::Type::kHeader;
    if (in.text("dvpe") != "impressions" || in.integer("version") != kVersion) in.missing();
    out.header = {in.text("key"), in.text("campaign"), in.day("day")};
    if (in.integer("first") != 1) in.missing();
  } else {
    out.number = in.count("n");
    out.id = in.text("id");
    out.state = in.text("state");
    out.prev = in.text("prev");
    out.at = in.integer("at");
    if (out.id.size() != 32 || out.prev.size() != 16) in.missing();
  }
  if (!in.whole()) return bad("a line lacks something");
  return out;
}

std::uint64_t rememberedKey(std::string_view hexId, std::string_view state) {
  std::uint64_t key = 0;
  const std::size_t most = std::min<std::size_t>(hexId.size(), 16);
  std::from_chars(hexId.data(), hexId.data() + most, key, 16);
  return key ^ (state.size() < 3 ? 0 : (static_cast<std::uint64_t>(state[2]) * 0x9E3779B97F4A7C15U));
}

}  // namespace dvpe::events
