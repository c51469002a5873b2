// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Values while a condition is evaluated: small, without ownership, and the memory of one evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

namespace dvpe::rules::impl {

// kAny, of what is known before evaluation only: it is seen then. Timestamps are microseconds since 1970 in UTC,
// durations microseconds.
enum class Type : std::uint8_t { kBool, kInt, kDouble, kString, kTimestamp, kDuration, kList, kMap, kAny };

enum class State : std::uint8_t { kKnown, kUnknown, kError };

// Why a field is unknown.
enum class Why : std::uint8_t { kAbsent, kNoConsent, kWrongType };

// One value. Texts, lists and maps refer to memory of the condition, of the attributes or of a Scratch. A map is either
// `count` pairs, key and value in turn, or the attributes below a path (`flag`, and the path as a text).
struct Datum {
  State state = State::kKnown;
  Type type = Type::kAny;
  bool flag = false;
  Why why = Why::kAbsent;  // kUnknown
  std::uint32_t count = 0;
  union {
    std::int64_t whole = 0;
    double real;
    const char* bytes;  // kError: what is wrong, with a 0 at the end
    const Datum* items;
  };

  bool known() const { return state == State::kKnown; }
  bool is(Type t) const { return state == State::kKnown && type == t; }
  std::string_view text() const { return {bytes, count}; }
};
static_assert(sizeof(Datum) == 16);

inline Datum ofBool(bool value) {
  Datum out;
  out.type = Type::kBool;
  out.flag = value;
  return out;
}
inline Datum ofWhole(std::int64_t value, Type type = Type::kInt) {
  Datum out;
  out.type = type;
  out.whole = value;
  return out;
}
inline Datum ofReal(double value) {
  Datum out;
  out.type = Type::kDouble;
  out.real = value;
  return out;
}
inline Datum ofText(std::string_view value) {
  Datum out;
  out.type = Type::kString;
  out.bytes = value.data();
  out.count = static_cast<std::uint32_t>(value.size());
  return out;
}
inline Datum ofItems(Type type, const Datum* items, std::size_t count) {
  Datum out;
  out.type = type;
  out.items = items;
  out.count = static_cast<std::uint32_t>(count);
  return out;
}
inline Datum ofPath(std::string_view path) {
  Datum out = ofText(path);
  out.type = Type::kMap;
  out.flag = true;
  return out;
}
inline Datum unknown(Why why) {
  Datum out;
  out.state = State::kUnknown;
  out.why = why;
  return out;
}
inline Datum error(const char* what) {
  Datum out;
  out.state = State::kError;
  out.bytes = what;
  return out;
}

// Memory that one evaluation takes and gives back whole: of the thread, no allocation. Bounded: then take() gives null.
class Scratch {
 public:
  static constexpr std::size_t kBytes = 128 << 10;

  Scratch() : begin_(used()) {}
  ~Scratch() { used() = begin_; }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // What was taken since a mark is given back.
  std::size_t mark() const { return used(); }
  void giveBack(std::size_t mark) { used() = mark; }

  char* chars(std::size_t count) { return static_cast<char*>(take(count)); }
  Datum* data(std::size_t count) {
    auto* at = static_cast<Datum*>(take(count * sizeof(Datum)));
    if (at != nullptr) {
      for (std::size_t i = 0; i < count; ++i) new (at + i) Datum;
    }
    return at;
  }

 private:
  static std::size_t& used() {
    thread_local std::size_t used = 0;
    return used;
  }
  static void* take(std::size_t bytes) {
    alignas(Datum) thread_local std::byte memory[kBytes];
    std::size_t& at = used();
    bytes = (bytes + alignof(Datum) - 1) / alignof(Datum) * alignof(Datum);
    if (bytes > kBytes - at) return nullptr;
    at += bytes;
    return memory + (at - bytes);
  }
  const std::size_t begin_;
};

inline constexpr const char* kTooMuch = "the condition makes more than it may hold";
inline constexpr const char* kNoOverload = "values of these types do not go together";

}  // namespace dvpe::rules::impl
