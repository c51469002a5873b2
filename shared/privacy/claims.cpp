// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/impl/claims.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace dvpe::privacy {

using base::ErrorCode;
using base::fail;

namespace {

constexpr std::uint8_t kFormat = 1;
constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxOthers = 16;
constexpr std::size_t kMaxName = 64;

enum Tag : std::uint8_t { kNull, kFalse, kTrue, kInteger, kDouble, kFloat, kText, kList, kMap };

bool channelName(std::string_view s) {
  return !s.empty() && s.size() <= kMaxName && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Appends to a vector; says once, at the end, whether something went wrong.
class Writer {
 public:
  void byte(std::uint8_t b) { out_.push_back(b); }
  void raw(base::ByteView b) { out_.insert(out_.end(), b.begin(), b.end()); }
  void number(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) byte(static_cast<std::uint8_t>(n | 0x80));
    byte(static_cast<std::uint8_t>(n));
  }
  void big(std::uint64_t n, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) byte(static_cast<std::uint8_t>(n >> shift & 255));
  }
  void name(std::string_view s) {
    ok_ = ok_ && !s.empty() && s.size() <= kMaxName;
    byte(static_cast<std::uint8_t>(s.size()));
    raw(base::view(s));
  }
  void value(const model::Value& v, int depth) {
    if (depth > kMaxDepth || tooLong()) {
      ok_ = ok_ && depth <= kMaxDepth;
      return;
    }
    std::visit([&](const auto& x) { put(x, depth); }, v.v);
  }
  void members(const model::Map& map, int depth) {
    number(map.size());
    for (const auto& [key, v] : map) {
      name(key);
      value(v, depth);
    }
  }
  bool ok() const { return ok_; }
  bool tooLong() const { return out_.size() > kMaxClaims; }
  base::Bytes take() { return std::move(out_); }

 private:
  void put(std::monostate, int) { byte(kNull); }
  void put(bool b, int) { byte(b ? kTrue : kFalse); }
  void put(std::int64_t n, int) {
    byte(kInteger);
    number(static_cast<std::uint64_t>(n) << 1 ^ static_cast<std::uint64_t>(n >> 63));
  }
  void put(double d, int) {
    // Narrowing is defined only within a float's range; NaN is kept as a double.
    if (std::abs(d) <= 3e38 && static_cast<double>(static_cast<float>(d)) == d) {
      byte(kFloat);
      big(std::bit_cast<std::uint32_t>(static_cast<float>(d)), 4);
    } else {
      byte(kDouble);
      big(std::bit_cast<std::uint64_t>(d), 8);
    }
  }
  void put(const std::string& s, int) {
    byte(kText);
    number(s.size());
    if (s.size() > kMaxClaims) {
      out_.resize(kMaxClaims + 1);  // too long anyway: do not copy it
    } else {
      raw(base::view(s));
    }
  }
  void put(const std::shared_ptr<const model::List>& list, int depth) {
    byte(kList);
    number(list ? list->size() : 0);
    if (!list) return;
    for (const model::Value& v : *list) value(v, depth + 1);
  }
  void put(const std::shared_ptr<const model::Map>& map, int depth) {
    byte(kMap);
    if (map) {
      members(*map, depth + 1);
    } else {
      number(0);
    }
  }
  base::Bytes out_;
  bool ok_ = true;
};

// Reads within bounds; after a failure everything is empty and ok() is false.
class Reader {
 public:
  explicit Reader(base::ByteView bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  base::ByteView rest() const { return rest_; }
  base::ByteView raw(std::size_t n) {
    if (n > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const base::ByteView out = rest_.first(n);
    rest_ = rest_.subspan(n);
    return out;
  }
  std::uint8_t byte() {
    const base::ByteView b = raw(1);
    return b.empty() ? 0 : b[0];
  }
  std::uint64_t number() {
    std::uint64_t n = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t b = byte();
      n |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return n;
    }
    ok_ = false;
    return 0;
  }
  std::uint64_t big(int bytes) {
    std::uint64_t n = 0;
    for (const std::uint8_t b : raw(static_cast<std::size_t>(bytes))) n = n << 8 | b;
    return n;
  }
  std::string_view text(std::size_t n) {
    const base::ByteView b = raw(n);
    return {reinterpret_cast<const char*>(b.data()), b.size()};
  }
  std::string_view name() { return text(byte()); }
  // A count of things that take at least a byte each, so that a wrong one cannot make us reserve memory.
  std::size_t count() {
    const std::uint64_t n = number();
    if (n > rest_.size()) ok_ = false;
    return ok_ ? static_cast<std::size_t>(n) : 0;
  }
  template <std::size_t N>
  void fill(std::array<std::uint8_t, N>& out) {
    const base::ByteView b = raw(N);
    std::copy(b.begin(), b.end(), out.begin());
  }
  model::Value value(int depth) {
    if (depth > kMaxDepth) {
      ok_ = false;
      return {};
    }
    switch (byte()) {
      case kNull:
        return {};
      case kFalse:
        return {false};
      case kTrue:
        return {true};
      case kInteger: {
        const std::uint64_t n = number();
        return {static_cast<std::int64_t>(n >> 1 ^ (~(n & 1) + 1))};
      }
      case kDouble:
        return {std::bit_cast<double>(big(8))};
      case kFloat:
        return {static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(big(4))))};
      case kText:
        return {std::string(text(number()))};
      case kList: {
        auto list = std::make_shared<model::List>();
        for (std::size_t n = count(); ok_ && n > 0; --n) list->push_back(value(depth + 1));
        return {std::shared_ptr<const model::List>(std::move(list))};
      }
      case kMap:
        return {std::make_shared<const model::Map>(members(depth + 1))};
      default:
        ok_ = false;
        return {};
    }
  }
  model::Map members(int depth) {
    model::Map map;
    for (std::size_t n = count(); ok_ && n > 0; --n) {
      std::string key(name());
      map.insert_or_assign(std::move(key), value(depth));
    }
    return map;
  }

 private:
  base::ByteView rest_;
  bool ok_ = true;
};

}  // namespace

namespace impl {

base::Result<base::Bytes> encodeClaims(const SessionClaims& claims) {
  if (!channelName(claims.channel)) {
    return fail(ErrorCode::kInvalidInput, "a channel's id has 1 to 64 letters, digits, '_' or '-'");
  }
  if (claims.expiry < 0 || claims.otherPurposes.size() > kMaxOthers) {
    return fail(ErrorCode::kInvalidInput, "a session's expiry or its purposes are out of bounds");
  }
  Writer w;
  w.byte(kFormat);
  w.raw(claims.sessionId);
  w.raw(claims.pseudonym);
  w.number(static_cast<std::uint64_t>(claims.expiry));
  w.number(claims.purposes);
  w.name(claims.channel);
  w.number(claims.otherPurposes.size());
  for (const std::string& word : claims.otherPurposes) w.name(word);
  w.members(claims.attributes, 1);
  if (!w.ok()) {
    return fail(ErrorCode::kInvalidInput,
                "a viewer's attributes are nested too deep, or a name has not 1 to 64 characters");
  }
  if (w.tooLong()) {
    return fail(ErrorCode::kLimitExceeded, "a viewer's attributes and consent do not fit into a session's URL");
  }
  return w.take();
}

bool decodeClaims(base::ByteView bytes, ClaimsView& out) {
  Reader r(bytes);
  const std::uint8_t format = r.byte();
  r.fill(out.sessionId);
  r.fill(out.pseudonym);
  out.expiry = static_cast<std::int64_t>(r.number());
  out.purposes = static_cast<PurposeSet>(r.number());
  out.channel = r.name();
  const base::ByteView others = r.rest();
  const std::size_t n = r.count();
  if (!r.ok() || n > kMaxOthers) return false;
  for (std::size_t i = 0; i < n; ++i) r.name();
  out.otherPurposes = others.first(others.size() - r.rest().size());
  out.attributes = r.rest();
  return r.ok() && format == kFormat && out.expiry >= 0 && channelName(out.channel);
}

}  // namespace impl

base::Result<SessionClaims> toClaims(const ClaimsView& view) {
  SessionClaims claims;
  claims.keyId = view.keyId;
  claims.sessionId = view.sessionId;
  claims.pseudonym = view.pseudonym;
  claims.channel = std::string(view.channel);
  claims.purposes = view.purposes;
  claims.expiry = view.expiry;
  Reader others(view.otherPurposes);
  for (std::size_t n = others.count(); others.ok() && n > 0; --n) claims.otherPurposes.emplace_back(others.name());
  Reader attributes(view.attributes);
  claims.attributes = attributes.members(1);
  if (!others.ok() || !attributes.ok() || !attributes.rest().empty()) {
    return fail(ErrorCode::kInvalidInput, "a session's claims are damaged");
  }
  return claims;
}

void SessionClaims::consent(std::string_view purposeWord) {
  if (const auto known = purpose(purposeWord)) {
    purposes |= *known;
  } else if (!consented(purposeWord)) {
    otherPurposes.emplace_back(purposeWord);
  }
}

bool SessionClaims::consented(std::string_view purposeWord) const {
  if (const auto known = purpose(purposeWord)) {
    return (purposes & *known) != 0;
  }
  return std::find(otherPurposes.begin(), otherPurposes.end(), purposeWord) != otherPurposes.end();
}

}  // namespace dvpe::privacy
