// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// parseAmf0: whatever it accepts is written again and read again, to the same values.
#include <cmath>
#include <cstdlib>

#include "node/ingest/rtmp/amf0.h"

namespace {

using namespace dvpe::ingest::rtmp;
using Kind = AmfValue::Kind;

void write(AmfWriter& out, const AmfValue& value);

void writeMembers(AmfWriter& out, const AmfValue& value) {
  for (const AmfMember& member : value.members) {
    out.key(member.name);
    write(out, member.value);
    if (value.find(member.name) == nullptr) {
      std::abort();
    }
  }
  out.end();
}

void write(AmfWriter& out, const AmfValue& value) {
  switch (value.kind) {
    case Kind::kUndefined:
      out.undefined();
      break;
    case Kind::kNull:
      out.null();
      break;
    case Kind::kNumber:
    case Kind::kDate:
      out.number(value.number);
      break;
    case Kind::kBoolean:
      out.boolean(value.boolean);
      break;
    case Kind::kString:
      out.string(value.text);
      break;
    case Kind::kObject:
      writeMembers(out.object(), value);
      break;
    case Kind::kArray:
      out.strictArray(static_cast<std::uint32_t>(value.members.size()));
      for (const AmfMember& member : value.members) {
        write(out, member.value);
      }
  }
}

bool same(const AmfValue& a, const AmfValue& b) {
  const auto kind = [](const AmfValue& v) { return v.kind == Kind::kDate ? Kind::kNumber : v.kind; };
  if (kind(a) != kind(b) || a.boolean != b.boolean || a.members.size() != b.members.size() ||
      (a.number != b.number && !(std::isnan(a.number) && std::isnan(b.number))) || a.text.substr(0, 0xFFFF) != b.text) {
    return false;
  }
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (a.members[i].name != b.members[i].name || !same(a.members[i].value, b.members[i].value)) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto values = parseAmf0({data, size});
  if (!values) {
    return 0;
  }
  AmfWriter out;
  for (const AmfValue& value : values.value()) {
    write(out, value);
  }
  const auto again = parseAmf0(out.bytes());
  if (!again || again.value().size() != values.value().size()) {
    std::abort();
  }
  for (std::size_t i = 0; i < values.value().size(); ++i) {
    if (!same(values.value()[i], again.value()[i])) {
      std::abort();
    }
  }
  return 0;
}
