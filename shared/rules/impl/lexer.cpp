// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rules/impl/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace dvpe::rules::impl {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

int hexDigit(char c) {
  if (isDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void appendUtf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// The length of the UTF-8 character that begins at `at` (RFC 3629), or 0 when there is none.
std::size_t utf8Length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(at + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(at + 1) || !tail(at + 2)) return 0;
    if ((lead == 0xE0 && byte(at + 1) < 0xA0) || (lead == 0xED && byte(at + 1) > 0x9F)) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(at + 1) || !tail(at + 2) || !tail(at + 3)) return 0;
    if ((lead == 0xF0 && byte(at + 1) < 0x90) || (lead == 0xF4 && byte(at + 1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

class Lexer {
 public:
  Lexer(std::string_view source, std::vector<Mistake>& mistakes) : source_(source), mistakes_(mistakes) {}

  std::vector<Token> run() {
    while (skipBlank()) next();
    add(TokenKind::kEnd, source_.size());
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  bool startsWith(std::string_view text) const { return source_.substr(at_).starts_with(text); }

  // Past white space and comments; false at the end.
  bool skipBlank() {
    while (at_ < source_.size()) {
      if (startsWith("//")) {
        const std::size_t begin = at_ + 2;
        at_ = std::min(source_.find_first_of("\n\r", at_), source_.size());
        comment({begin, at_ - begin});
      } else if (std::string_view{" \t\n\r\f"}.find(source_[at_]) == std::string_view::npos) {
        return true;
      } else {
        ++at_;
      }
    }
    return false;
  }

  void comment(Span span) {
    std::string_view text = source_.substr(span.offset, span.length);
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t length = utf8Length(text, i);
      if (length == 0) return mistake({span.offset + i, 1}, "expected UTF-8 text");
      i += length;
    }
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    comments_.emplace_back(text);
  }

  Token& add(TokenKind kind, std::size_t begin) {
    const Span span{begin, at_ - begin};
    tokens_.push_back({kind, span, source_.substr(begin, span.length), false, std::exchange(comments_, {})});
    return tokens_.back();
  }

  void wrong(std::size_t begin, std::string message) {
    add(TokenKind::kWrong, begin);
    mistake({begin, at_ - begin}, std::move(message));
  }

  void mistake(Span span, std::string message) {
    if (mistakes_.size() < kMaxMistakes) mistakes_.push_back(mistakeAt(source_, span, std::move(message)));
  }

  void next() {
    const std::size_t begin = at_;
    const char c = peek();
    if (isDigit(c) || (c == '.' && isDigit(peek(1)))) return number();
    std::size_t prefix = c == 'b' || c == 'B' ? 1 : 0;
    if (peek(prefix) == 'r' || peek(prefix) == 'R') ++prefix;
    if (peek(prefix) == '"' || peek(prefix) == '\'') return string(prefix);
    if (isLetter(c)) {
      while (isLetter(peek()) || isDigit(peek())) ++at_;
      add(TokenKind::kName, begin);
      return;
    }
    static constexpr std::array<std::string_view, 6> kTwo = {"==", "!=", "<=", ">=", "&&", "||"};
    for (const std::string_view two : kTwo) {
      if (startsWith(two)) {
        at_ += 2;
        add(TokenKind::kOperator, begin);
        return;
      }
    }
    if (std::string_view{"<>!()[]{},.-+*/%?:"}.find(c) != std::string_view::npos) {
      ++at_;
      add(TokenKind::kOperator, begin);
      return;
    }
    unexpected(begin);
  }

  void unexpected(std::size_t begin) {
    const std::size_t length = utf8Length(source_, begin);
    at_ = begin + std::max<std::size_t>(length, 1);
    if (length == 0) return wrong(begin, "expected UTF-8 text");
    const char c = source_[begin];
    const std::string shown = c >= 0 && c < 0x20 ? std::string{"a control character"}
                                                 : "\"" + std::string{source_.substr(begin, length)} + "\"";
    if (c == '=') return wrong(begin, "expected ==, found =");
    if (c == '&') return wrong(begin, "expected &&, found &");
    if (c == '|') return wrong(begin, "expected ||, found |");
    wrong(begin, "expected a condition, found " + shown);
  }

  void number() {
    const std::size_t begin = at_;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
      at_ += 2;
      while (hexDigit(peek()) >= 0) ++at_;
      return finishInteger(begin, begin + 2, 16);
    }
    bool whole = true;
    while (isDigit(peek())) ++at_;
    if (peek() == '.' && isDigit(peek(1))) {
      whole = false;
      ++at_;
      while (isDigit(peek())) ++at_;
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if ((peek() == 'e' || peek() == 'E') && isDigit(peek(sign))) {
      whole = false;
      at_ += sign;
      while (isDigit(peek())) ++at_;
    }
    if (whole) return finishInteger(begin, begin, 10);
    if (trailing(begin)) return;
    double value = 0;
    const auto text = source_.substr(begin, at_ - begin);
    std::string padded = (text.front() == '.' ? "0" : "") + std::string{text};
    const auto result = std::from_chars(padded.data(), padded.data() + padded.size(), value);
    if (result.ec != std::errc{} || !std::isfinite(value)) return wrong(begin, "this number does not fit a double");
    add(TokenKind::kLiteral, begin).literal = value;
  }

  // 2^63 alone is one too many, unless the parser finds a minus before it: then it is kept as the smallest int64.
  void finishInteger(std::size_t begin, std::size_t digits, int radix) {
    if (trailing(begin)) return;
    std::uint64_t value = 0;
    const auto result = std::from_chars(source_.data() + digits, source_.data() + at_, value, radix);
    constexpr std::uint64_t kLargest = std::uint64_t{1} << 63;
    const bool minus = !tokens_.empty() && tokens_.back().text == "-" && tokens_.back().kind == TokenKind::kOperator;
    if (digits == at_) return wrong(begin, "expected hexadecimal digits after 0x");
    if (result.ec != std::errc{} || value > kLargest || (value == kLargest && !minus)) {
      return wrong(begin, "this number does not fit 64 bits");
    }
    add(TokenKind::kLiteral, begin).literal = static_cast<std::int64_t>(value);
  }

  // Letters glued to a number: a mistake that takes them along.
  bool trailing(std::size_t begin) {
    if (!isLetter(peek()) && !isDigit(peek())) return false;
    const bool isUnsigned = (peek() == 'u' || peek() == 'U') && !isLetter(peek(1)) && !isDigit(peek(1));
    while (isLetter(peek()) || isDigit(peek())) ++at_;
    wrong(begin, isUnsigned ? "unsigned numbers are not part of this language" : "expected a number");
    return true;
  }

  void string(std::size_t prefix) {
    const std::size_t begin = at_;
    bool raw = false, bytes = false;
    for (std::size_t i = 0; i < prefix; ++i) (peek(i) == 'r' || peek(i) == 'R' ? raw : bytes) = true;
    at_ += prefix;
    const char quoteMark = peek();
    const std::string three(3, quoteMark);
    const bool triple = startsWith(three);
    const std::string_view end = triple ? std::string_view{three} : std::string_view{three}.substr(0, 1);
    at_ += end.size();
    std::string value;
    std::vector<std::pair<Span, std::string>> faults;
    while (!startsWith(end)) {
      if (at_ >= source_.size() || (!triple && (peek() == '\n' || peek() == '\r'))) {
        return wrong(begin, "expected " + std::string{end} + " at the end of this text");
      }
      if (peek() == '\\' && !raw) {
        escape(value, faults);
        continue;
      }
      const std::size_t length = utf8Length(source_, at_);
      if (length == 0) faults.emplace_back(Span{at_, 1}, "expected UTF-8 text");
      value.append(source_.substr(at_, std::max<std::size_t>(length, 1)));
      at_ += std::max<std::size_t>(length, 1);
    }
    at_ += end.size();
    if (bytes) return wrong(begin, "bytes are not part of this language");
    if (!faults.empty()) {
      add(TokenKind::kWrong, begin);
      for (auto& [span, message] : faults) mistake(span, std::move(message));
      return;
    }
    add(TokenKind::kLiteral, begin).literal = std::move(value);
  }

  // cel-spec langdef, "String and bytes values": \a \b \f \n \r \t \v \\ \? \" \' \` \xHH \ooo \uHHHH \UHHHHHHHH.
  void escape(std::string& value, std::vector<std::pair<Span, std::string>>& faults) {
    const std::size_t begin = at_++;
    const char c = peek();
    static constexpr std::string_view kFrom = "abfnrtv\\?\"'`";
    static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\?\"'`";
    if (const std::size_t plain = kFrom.find(c); c != '\0' && plain != std::string_view::npos) {
      value += kTo[plain];
      ++at_;
      return;
    }
    int digits = 0, radix = 16;
    if (c == 'x' || c == 'X') digits = 2;
    if (c == 'u') digits = 4;
    if (c == 'U') digits = 8;
    if (c >= '0' && c <= '3') digits = 3, radix = 8;
    if (radix == 16 && digits > 0) ++at_;
    std::uint32_t code = 0;
    const bool whole = digitsOf(digits, radix, code);
    if (whole && c == 'u' && code >= 0xD800 && code <= 0xDBFF && startsWith("\\u")) {  // a surrogate pair
      const std::size_t first = at_;
      std::uint32_t low = 0;
      at_ += 2;
      if (digitsOf(4, 16, low) && low >= 0xDC00 && low <= 0xDFFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = first;
      }
    }
    if (digits == 0 || !whole) {
      if (digits == 0 && at_ < source_.size() && c != '\n' && c != '\r')
        at_ += std::max<std::size_t>(utf8Length(source_, at_), 1);
      faults.emplace_back(Span{begin, at_ - begin}, "this escape is not known; write \\\\ for a backslash");
    } else if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      faults.emplace_back(Span{begin, at_ - begin}, "this escape is not a Unicode character");
    } else {
      appendUtf8(value, code);
    }
  }

  // Exactly so many digits into code.
  bool digitsOf(int count, int radix, std::uint32_t& code) {
    for (; count > 0; --count, ++at_) {
      const int digit = hexDigit(peek());
      if (digit < 0 || digit >= radix) return false;
      code = code * static_cast<std::uint32_t>(radix) + static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  std::string_view source_;
  std::vector<Mistake>& mistakes_;
  std::vector<Token> tokens_;
  std::vector<std::string> comments_;  // since the last token
  std::size_t at_ = 0;
};

}  // namespace

Mistake mistakeAt(std::string_view source, Span span, std::string message) {
  Mistake out;
  out.span = span;
  out.message = std::move(message);
  for (std::size_t i = 0; i < std::min(span.offset, source.size()); ++i) {
    if (source[i] == '\n') {
      ++out.line;
      out.column = 1;
    } else if ((static_cast<unsigned char>(source[i]) & 0xC0) != 0x80) {
      ++out.column;
    }
  }
  return out;
}

std::vector<Token> lex(std::string_view source, std::vector<Mistake>& mistakes) {
  return Lexer{source, mistakes}.run();
}

}  // namespace dvpe::rules::impl
