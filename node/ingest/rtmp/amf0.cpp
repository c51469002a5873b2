// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/amf0.h"

#include <algorithm>
#include <bit>

namespace dvpe::ingest::rtmp {
namespace {

using base::ErrorCode;
using Kind = AmfValue::Kind;

enum Marker : std::uint8_t {
  kNumber = 0,
  kBoolean = 1,
  kString = 2,
  kObject = 3,
  kNull = 5,
  kUndefined = 6,
  kReference = 7,
  kEcmaArray = 8,
  kObjectEnd = 9,
  kStrictArray = 10,
  kDate = 11,
  kLongString = 12,
  kUnsupported = 13,
  kXmlDocument = 15,
  kTypedObject = 16,
};

class Parser {
 public:
  Parser(base::ByteView bytes, const AmfLimits& limits) : bytes_(bytes), limits_(limits) {}

  bool done() const { return bytes_.empty(); }

  base::Result<void> value(AmfValue& out, int depth) {
    if (++values_ > limits_.values) {
      return base::fail(ErrorCode::kLimitExceeded, "AMF: too many values");
    }
    DVPE_TRY(const std::uint64_t marker, integer(1));
    switch (marker) {
      case kNumber:
        return number(out, Kind::kNumber);
      case kBoolean:
        return boolean(out);
      case kString:
        return string(out, 2);
      case kLongString:
      case kXmlDocument:
        return string(out, 4);
      case kObject:
        return object(out, depth);
      case kTypedObject:
        return typedObject(out, depth);
      case kEcmaArray:
        return ecmaArray(out, depth);
      case kStrictArray:
        return strictArray(out, depth);
      case kDate:
        return date(out);
      case kReference:
        return reference(out);
      case kNull:
        out.kind = Kind::kNull;
        return base::success();
      case kUndefined:
      case kUnsupported:
        out.kind = Kind::kUndefined;
        return base::success();
      default:
        return base::fail(ErrorCode::kUnsupported, "AMF: unknown type " + std::to_string(marker));
    }
  }

 private:
  base::Result<std::uint64_t> integer(std::size_t size) {
    if (bytes_.size() < size) {
      return base::fail(ErrorCode::kInvalidInput, "AMF: cut off");
    }
    std::uint64_t n = 0;
    for (const std::uint8_t b : bytes_.first(size)) {
      n = (n << 8) | b;
    }
    bytes_ = bytes_.subspan(size);
    return n;
  }

  base::Result<std::string> text(std::size_t lengthSize) {
    DVPE_TRY(const std::uint64_t length, integer(lengthSize));
    if (length > bytes_.size()) {
      return base::fail(ErrorCode::kInvalidInput, "AMF: string longer than its message");
    }
    textBytes_ += length;
    if (length > limits_.stringBytes || textBytes_ > limits_.textBytes) {
      return base::fail(ErrorCode::kLimitExceeded, "AMF: too much text");
    }
    std::string s(reinterpret_cast<const char*>(bytes_.data()), length);
    bytes_ = bytes_.subspan(length);
    return s;
  }

  base::Result<void> number(AmfValue& out, Kind kind) {
    DVPE_TRY(const std::uint64_t bits, integer(8));
    out.kind = kind;
    out.number = std::bit_cast<double>(bits);
    return base::success();
  }

  base::Result<void> boolean(AmfValue& out) {
    DVPE_TRY(const std::uint64_t n, integer(1));
    out.kind = Kind::kBoolean;
    out.boolean = n != 0;
    return base::success();
  }

  base::Result<void> string(AmfValue& out, std::size_t lengthSize) {
    DVPE_TRY(out.text, text(lengthSize));
    out.kind = Kind::kString;
    return base::success();
  }

  base::Result<void> date(AmfValue& out) {
    DVPE_CHECK(number(out, Kind::kDate));
    DVPE_CHECK(integer(2));  // time zone: reserved, zero
    return base::success();
  }

  base::Result<void> reference(AmfValue& out) {
    DVPE_CHECK(integer(2));
    out.kind = Kind::kUndefined;
    return base::success();
  }

  base::Result<void> typedObject(AmfValue& out, int depth) {
    DVPE_CHECK(text(2));  // the class
    return object(out, depth);
  }

  base::Result<void> ecmaArray(AmfValue& out, int depth) {
    DVPE_CHECK(integer(4));  // the count is advice; the end marker decides
    return object(out, depth);
  }

  // Pairs up to an empty name with the end marker.
  base::Result<void> object(AmfValue& out, int depth) {
    DVPE_CHECK(deeper(depth));
    out.kind = Kind::kObject;
    for (;;) {
      DVPE_TRY(std::string key, text(2));
      if (key.empty() && !bytes_.empty() && bytes_.front() == kObjectEnd) {
        bytes_ = bytes_.subspan(1);
        return base::success();
      }
      AmfMember member;
      member.name = std::move(key);
      DVPE_CHECK(value(member.value, depth + 1));
      out.members.push_back(std::move(member));
    }
  }

  base::Result<void> strictArray(AmfValue& out, int depth) {
    DVPE_CHECK(deeper(depth));
    DVPE_TRY(const std::uint64_t count, integer(4));
    if (count > limits_.values || count > bytes_.size()) {
      return base::fail(ErrorCode::kLimitExceeded, "AMF: array of " + std::to_string(count) + " values");
    }
    out.kind = Kind::kArray;
    for (std::uint64_t i = 0; i < count; ++i) {
      AmfMember member;
      DVPE_CHECK(value(member.value, depth + 1));
      out.members.push_back(std::move(member));
    }
    return base::success();
  }

  base::Result<void> deeper(int depth) const {
    if (depth >= limits_.depth) {
      return base::fail(ErrorCode::kLimitExceeded, "AMF: nested too deep");
    }
    return base::success();
  }

  base::ByteView bytes_;
  const AmfLimits& limits_;
  std::size_t values_ = 0;
  std::size_t textBytes_ = 0;
};

}  // namespace

const AmfValue* AmfValue::find(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const AmfMember& m) { return m.name == name; });
  return found == members.end() ? nullptr : &found->value;
}

base::Result<std::vector<AmfValue>> parseAmf0(base::ByteView bytes, AmfLimits limits) {
  Parser parser(bytes, limits);
  std::vector<AmfValue> values;
  while (!parser.done()) {
    AmfValue value;
    DVPE_CHECK(parser.value(value, 0));
    values.push_back(std::move(value));
  }
  return values;
}

AmfWriter& AmfWriter::number(double value) {
  bytes_.push_back(kNumber);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes_.push_back(static_cast<std::uint8_t>(bits >> shift));
  }
  return *this;
}

AmfWriter& AmfWriter::boolean(bool value) {
  bytes_.insert(bytes_.end(), {kBoolean, static_cast<std::uint8_t>(value ? 1 : 0)});
  return *this;
}

AmfWriter& AmfWriter::string(std::string_view value) {
  bytes_.push_back(kString);
  text(value);
  return *this;
}

AmfWriter& AmfWriter::null() {
  bytes_.push_back(kNull);
  return *this;
}

AmfWriter& AmfWriter::undefined() {
  bytes_.push_back(kUndefined);
  return *this;
}

AmfWriter& AmfWriter::object() {
  bytes_.push_back(kObject);
  return *this;
}

AmfWriter& AmfWriter::ecmaArray(std::uint32_t count) {
  bytes_.push_back(kEcmaArray);
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes_.push_back(static_cast<std::uint8_t>(count >> shift));
  }
  return *this;
}

AmfWriter& AmfWriter::strictArray(std::uint32_t count) {
  ecmaArray(count);
  bytes_[bytes_.size() - 5] = kStrictArray;
  return *this;
}

AmfWriter& AmfWriter::key(std::string_view name) {
  text(name);
  return *this;
}

AmfWriter& AmfWriter::end() {
  bytes_.insert(bytes_.end(), {0, 0, kObjectEnd});
  return *this;
}

void AmfWriter::text(std::string_view value) {
  value = value.substr(0, 0xFFFF);
  bytes_.push_back(static_cast<std::uint8_t>(value.size() >> 8));
  bytes_.push_back(static_cast<std::uint8_t>(value.size()));
  bytes_.insert(bytes_.end(), value.begin(), value.end());
}

}  // namespace dvpe::ingest::rtmp
