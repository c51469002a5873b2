// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// AMF0, the value format of RTMP commands and data (Adobe AMF 0, 2007). Depth, values and text are counted before
// anything is allocated; declared counts are not believed. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::ingest::rtmp {

struct AmfMember;

// One value. Objects, typed objects and ECMA arrays are kObject; strict arrays have members without names. References
// and what AMF0 calls unsupported read as kUndefined. AMF3 inside AMF0 is refused.
struct AmfValue {
  enum class Kind { kUndefined, kNull, kNumber, kBoolean, kString, kObject, kArray, kDate };
  Kind kind = Kind::kUndefined;
  double number = 0;  // kNumber; kDate: milliseconds since 1970
  bool boolean = false;
  std::string text;
  std::vector<AmfMember> members;

  // The first member of that name, or null.
  const AmfValue* find(std::string_view name) const;
};

struct AmfMember {
  std::string name;
  AmfValue value;
};

struct AmfLimits {
  int depth = 16;                       // objects within objects
  std::size_t values = 1024;            // of the whole message
  std::size_t textBytes = 128 * 1024;   // names and strings together
  std::size_t stringBytes = 64 * 1024;  // one string
};

// All values up to the end of the bytes. An object that the message's end cuts off is an error.
base::Result<std::vector<AmfValue>> parseAmf0(base::ByteView bytes, AmfLimits limits = {});

// Appends values. Names and strings longer than 65,535 bytes are cut.
class AmfWriter {
 public:
  AmfWriter& number(double value);
  AmfWriter& boolean(bool value);
  AmfWriter& string(std::string_view value);
  AmfWriter& null();
  AmfWriter& undefined();
  // object(), then key() and one value each, then end().
  AmfWriter& object();
  AmfWriter& ecmaArray(std::uint32_t count);
  AmfWriter& strictArray(std::uint32_t count);  // count values follow, no end()
  AmfWriter& key(std::string_view name);
  AmfWriter& end();
  const base::Bytes& bytes() const { return bytes_; }

 private:
  void text(std::string_view value);
  base::Bytes bytes_;
};

}  // namespace dvpe::ingest::rtmp
