// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>
#include <array>
#include <cstdio>

#include "node/package/segmenter.h"

namespace dvpe::package {
namespace {

using base::Ticks;
using timeline::Caption;

constexpr Ticks kHour{3600 * base::kTicksPerSecond};
constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxCues = 1024;

// The length of the UTF-8 sequence at the start of s (RFC 3629, 4), or 0 if there is none.
std::size_t utf8Length(std::string_view s) {
  const auto at = [&](std::size_t i) { return i < s.size() ? static_cast<std::uint8_t>(s[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned a = at(0);
  const unsigned b = at(1);
  if (a < 0x80) return 1;
  if (a >= 0xc2 && a < 0xe0) return continues(1) ? 2 : 0;
  if (a >= 0xe0 && a < 0xf0) {
    if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b >= 0xa0)) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (a >= 0xf0 && a < 0xf5) {
    if ((a == 0xf0 && b < 0x90) || (a == 0xf4 && b >= 0x90)) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// Cue text that cannot end its cue: no blank lines, no "-->", no control characters, valid UTF-8.
std::string safeText(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kMaxText) {
    const std::size_t n = utf8Length(text);
    const std::string_view one = text.substr(0, std::max<std::size_t>(n, 1));
    text.remove_prefix(one.size());
    const char c = one[0];
    if (n == 0) {
      out += "\xef\xbf\xbd";
    } else if (n > 1) {
      out += one;
    } else if (c == '\n' || c == '\r') {
      if (!out.empty() && out.back() != '\n') out += '\n';
    } else if (c == '>' && out.ends_with("--")) {
      out += "&gt;";
    } else if (c == '\t' || (static_cast<std::uint8_t>(c) >= 0x20 && c != 0x7f)) {
      out += c;
    }
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::int64_t milliseconds(Ticks t) { return (t.count() + base::kTicksPerMillisecond / 2) / base::kTicksPerMillisecond; }

std::string clockTime(std::int64_t ms) {
  std::array<char, 48> text{};
  const int n =
      std::snprintf(text.data(), text.size(), "%02lld:%02d:%02d.%03d", static_cast<long long>(ms / 3'600'000),
                    static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
  return {text.data(), static_cast<std::size_t>(n)};
}

// FNV-1a: tells captions with the same times apart.
std::uint32_t fingerprint(std::string_view text) {
  std::uint32_t h = 2166136261U;
  for (const char c : text) h = (h ^ static_cast<std::uint8_t>(c)) * 16777619U;
  return h;
}

std::string cueId(const Caption& c, std::string_view text) {
  return std::to_string(c.start.count()) + '-' + std::to_string(c.end.count()) + '-' +
         std::to_string(fingerprint(text));
}

}  // namespace

std::string vttSegment(Ticks cellStart, Ticks cellEnd, std::span<const Caption> captions) {
  const Ticks base = kHour * std::max<std::int64_t>(cellStart / kHour - 1, 0);
  std::vector<const Caption*> shown;
  for (const Caption& c : captions) {
    if (c.start < cellEnd && c.end > cellStart && c.end > c.start) shown.push_back(&c);
  }
  std::stable_sort(shown.begin(), shown.end(), [](const Caption* a, const Caption* b) {
    return a->start != b->start ? a->start < b->start : a->end < b->end;
  });
  if (shown.size() > kMaxCues) shown.resize(kMaxCues);

  const std::int64_t mpegts = base.count() / base::kTicksPerSecond * 90'000 % (std::int64_t{1} << 33);
  std::string out = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:" + std::to_string(mpegts) + ",LOCAL:00:00:00.000\n";
  for (const Caption* c : shown) {
    const std::string text = safeText(c->text);
    if (text.empty()) continue;
    const std::int64_t start = milliseconds(std::max(c->start, base) - base);
    const std::int64_t end = std::max(milliseconds(c->end - base), start + 1);
    out += '\n' + cueId(*c, text) + '\n' + clockTime(start) + " --> " + clockTime(end) + '\n' + text + '\n';
  }
  return out;
}

}  // namespace dvpe::package
