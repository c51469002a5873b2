// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Walks a parsed JSON document and notes each mistake with its place, without stopping at the first.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/model/json.h"

namespace dvpe::model {

// Collects mistakes of one or more documents, up to kMaxDocumentErrors.
class Mistakes {
 public:
  void add(std::string document, std::string path, std::string message);
  std::vector<DocumentError> take() { return std::move(errors_); }
  std::size_t dropped() const { return dropped_; }

 private:
  std::vector<DocumentError> errors_;
  std::size_t dropped_ = 0;
};

// Text -> JSON (RFC 8259) of at most this many bytes and kMaxDocumentDepth levels, and nothing after it. The message of
// an error names line and column. kLimitExceeded, kInvalidInput.
base::Result<boost::json::value> parseJson(std::string_view text, std::size_t maxBytes);

// A value in a document, and where it is.
struct Place {
  const boost::json::value* value = nullptr;
  std::string document;
  std::string path;
  Mistakes* mistakes = nullptr;

  void mistake(std::string message) const { mistakes->add(document, path, std::move(message)); }
  Place child(const boost::json::value& of, std::string_view key) const;
  Place child(const boost::json::value& of, std::size_t index) const;
};

// As documents and attributes hold it.
Value toValue(const boost::json::value& value);

// What a value is, for messages: "a string", "a number", ...
const char* describeKind(const boost::json::value& value);

// The name among `names` that is nearest to `text`, if near enough to be a slip of the finger; otherwise empty.
std::string_view nearest(std::string_view text, const std::vector<std::string_view>& names);

enum class Need { kRequired, kOptional };

// Reads an object key by key; finish() reports the keys that nobody asked for.
class ObjectReader {
 public:
  explicit ObjectReader(Place place);

  bool isObject() const { return object_ != nullptr; }
  const Place& place() const { return place_; }

  // Each reader leaves `out` alone when the key is absent or wrong, and notes the mistake.
  bool text(std::string_view key, std::string& out, Need need, std::size_t maxBytes = 4096);
  bool name(std::string_view key, std::string& out, Need need);
  bool integer(std::string_view key, std::int64_t& out, std::int64_t low, std::int64_t high, Need need);
  bool integer(std::string_view key, int& out, int low, int high, Need need);
  bool number(std::string_view key, double& out, double low, double high, Need need);
  bool flag(std::string_view key, bool& out);

  // One of these words; out becomes its value.
  template <class T>
  bool choice(std::string_view key, T& out, std::initializer_list<std::pair<std::string_view, T>> words, Need need) {
    std::string word;
    if (!text(key, word, need)) return false;
    std::string all;
    for (const auto& [known, value] : words) {
      if (known == word) {
        out = value;
        return true;
      }
      all += (all.empty() ? "" : ", ") + std::string{known};
    }
    at(key).mistake("expected one of " + all);
    return false;
  }

  void array(std::string_view key, Need need, std::size_t most, const std::function<void(const Place&)>& each);
  void names(std::string_view key, std::vector<std::string>& out, Need need, std::size_t most);
  // An object whose keys are free; each(place, key).
  void members(std::string_view key, std::size_t most, const std::function<void(const Place&, std::string_view)>& each);

  // The place of a key that is there; for a missing key, the object's own.
  Place at(std::string_view key) const;
  bool has(std::string_view key) const { return object_ && object_->contains(key); }
  const boost::json::value* find(std::string_view key, Need need);

  void finish();

 private:
  Place place_;
  const boost::json::object* object_ = nullptr;
  std::vector<std::string_view> known_;
};

// Reads one object with read(ObjectReader&, T&): all mistakes in the error, one a line, unknown keys among them. what:
// its name in messages.
template <class T, class Read>
base::Result<T> readObject(std::string_view text, std::size_t maxBytes, std::string what, Read read) {
  DVPE_TRY(const auto json, parseJson(text, maxBytes));
  Mistakes mistakes;
  T out{};
  ObjectReader in(Place{&json, std::move(what), "", &mistakes});
  if (in.isObject()) {
    read(in, out);
    in.finish();
  }
  if (const auto errors = mistakes.take(); !errors.empty()) {
    return base::fail(base::ErrorCode::kInvalidInput, describe(errors));
  }
  return out;
}

// A string at `place`, or a mistake.
bool readText(const Place& place, std::string& out, std::size_t maxBytes);
bool readName(const Place& place, std::string& out);
// Whether `text` is as long as `shape`, a digit where that has "0", and the same elsewhere: "00:00".
bool hasShape(std::string_view text, std::string_view shape);
// "2026-01-01T00:00:00Z", years 1970 to 2199, or a mistake at `place`.
bool readInstant(const Place& place, const std::string& text, base::WallTime& out);

}  // namespace dvpe::model
