// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/placeholders.h"

#include <QStringDecoder>
#include <algorithm>
#include <cstdio>

#include "shared/overlay/painter.h"

namespace dvpe::overlay::impl {
namespace {

bool turnsDirection(QChar c) {
  const char16_t u = c.unicode();
  return (u >= 0x202A && u <= 0x202E) || (u >= 0x2066 && u <= 0x2069);
}

// What may be painted of a text that came from outside. Cut between characters, never inside of one.
QString harmless(const QString& text, qsizetype limit) {
  QString out;
  for (const QChar c : text) {
    if (turnsDirection(c)) continue;
    const bool control = c.unicode() < 0x20 || (c.unicode() >= 0x7f && c.unicode() < 0xa0);
    out += control && c != u'\n' ? QChar(u' ') : c;
  }
  if (out.size() > limit) {
    out.truncate(limit);
    if (out.back().isHighSurrogate()) out.chop(1);
  }
  return out;
}

}  // namespace

base::Result<Template> Template::parse(const std::string& text) {
  if (text.size() > 4 * kMaxTextCharacters) {
    return base::fail(base::ErrorCode::kLimitExceeded, "the text is longer than 500 characters");
  }
  QStringDecoder decoder(QStringDecoder::Utf8);
  const QString whole = decoder(QByteArrayView(text.data(), static_cast<qsizetype>(text.size())));
  if (decoder.hasError()) return base::fail(base::ErrorCode::kInvalidInput, "the text is not UTF-8");
  if (whole.size() > kMaxTextCharacters) {
    return base::fail(base::ErrorCode::kLimitExceeded, "the text is longer than 500 characters");
  }
  Template result;
  QString literal;
  for (qsizetype i = 0; i < whole.size(); ++i) {
    const QChar c = whole[i];
    if (c != u'{' && c != u'}') {
      literal += c;
    } else if (i + 1 < whole.size() && whole[i + 1] == c) {
      literal += c;
      ++i;
    } else {
      const qsizetype end = c == u'{' ? whole.indexOf(u'}', i) : -1;
      if (end < 0) return base::fail(base::ErrorCode::kInvalidInput, "the text has a brace without its partner");
      if (!literal.isEmpty()) result.parts_.push_back({false, harmless(literal, kMaxTextCharacters)});
      literal.clear();
      result.parts_.push_back({true, whole.mid(i + 1, end - i - 1)});
      i = end;
    }
  }
  if (!literal.isEmpty()) result.parts_.push_back({false, harmless(literal, kMaxTextCharacters)});
  return result;
}

std::vector<std::string> Template::fields() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) {
    if (part.field) names.push_back(part.text.toStdString());
  }
  return names;
}

QString Template::fill(const std::function<std::string(const std::string&)>& valueOf) const {
  QString out;
  const bool alone = parts_.size() == 1;
  for (const Part& part : parts_) {
    if (!part.field) {
      out += part.text;
      continue;
    }
    // 4 bytes hold any character of UTF-8: nothing longer is decoded.
    const std::string raw = valueOf(part.text.toStdString()).substr(0, 4 * kMaxValueCharacters);
    const QString value =
        harmless(QString::fromUtf8(raw.data(), static_cast<qsizetype>(raw.size())), kMaxValueCharacters);
    if (value.isEmpty()) continue;
    out += alone ? value : QChar(0x2068) + value + QChar(0x2069);
  }
  if (out.size() > kMaxTextCharacters) {
    out.truncate(kMaxTextCharacters);  // an isolate that stays open ends with its paragraph
    if (out.back().isHighSurrogate()) out.chop(1);
  }
  return out;
}

std::string clockText(std::int64_t seconds) {
  const std::int64_t day = 86400, s = ((seconds % day) + day) % day;
  char text[16];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(s / 3600), static_cast<int>(s / 60 % 60),
                static_cast<int>(s % 60));
  return text;
}

std::string countdownText(std::int64_t seconds) {
  const std::int64_t s = std::clamp<std::int64_t>(seconds, 0, 359999);
  char text[16];
  if (s >= 3600) {
    std::snprintf(text, sizeof text, "%d:%02d:%02d", static_cast<int>(s / 3600), static_cast<int>(s / 60 % 60),
                  static_cast<int>(s % 60));
  } else {
    std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(s / 60), static_cast<int>(s % 60));
  }
  return text;
}

}  // namespace dvpe::overlay::impl
