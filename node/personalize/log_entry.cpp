// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Entries of the log of breaks: little-endian, one byte of kind, then as written here.
#include "node/personalize/director_state.h"
#include "shared/base/byte_reader.h"

namespace dvpe::personalize {

namespace {

using base::ByteReader;
using base::Bytes;
using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::uint8_t kBind = 3, kSettle = 2;

class Writer {
 public:
  explicit Writer(std::uint8_t kind) { number(kind); }
  Writer() = default;
  template <class T>
  void number(T value) {
    raw(&value, sizeof value);
  }
  void text(std::string_view text) {
    number(static_cast<std::uint16_t>(text.size()));
    raw(text.data(), text.size());
  }
  void raw(const void* bytes, std::size_t count) {
    const auto* from = static_cast<const std::uint8_t*>(bytes);
    out_.insert(out_.end(), from, from + count);
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

std::string textOf(ByteReader& in) { return in.text(in.number<std::uint16_t>()); }

void write(Writer& out, const decisions::ImpressionKeys& keys) {
  for (const decisions::Key key : {keys.creative, keys.line, keys.campaign, keys.advertiser}) out.number(key);
}
decisions::ImpressionKeys readKeys(ByteReader& in) {
  decisions::ImpressionKeys keys;
  for (decisions::Key* key : {&keys.creative, &keys.line, &keys.campaign, &keys.advertiser}) {
    *key = in.number<decisions::Key>();
  }
  return keys;
}

Bytes write(const BindEntry& entry) {
  Writer out{kBind};
  out.text(entry.channel);
  out.text(entry.span.id);
  out.number(entry.span.start.count());
  out.number(entry.span.end.count());
  out.number(entry.span.number);
  out.number(static_cast<std::uint16_t>(entry.creatives.size()));
  for (const LoggedCreative& each : entry.creatives) {
    out.text(each.what->name);
    out.text(each.what->media);
    out.text(each.what->campaign);
    out.text(each.what->line);
    out.text(each.what->creative);
    write(out, each.keys);
    out.number(static_cast<std::uint8_t>(each.promised));
  }
  out.number(static_cast<std::uint32_t>(entry.sessions.size()));
  for (const BindEntry::Session& each : entry.sessions) {
    out.raw(each.id.data(), each.id.size());
    out.number(each.firstUnit);
    out.number(static_cast<std::uint16_t>(each.sealed.size()));
    out.raw(each.sealed.data(), each.sealed.size());
  }
  return out.take();
}

BindEntry readBind(ByteReader& in) {
  BindEntry out;
  out.channel = textOf(in);
  out.span.kind = timeline::SpanKind::kBreak;
  out.span.id = textOf(in);
  out.span.start = Ticks{in.number<std::int64_t>()};
  out.span.end = Ticks{in.number<std::int64_t>()};
  out.span.number = in.number<std::int64_t>();
  for (auto n = in.number<std::uint16_t>(); n > 0 && in.good(); --n) {
    LoggedCreative creative;
    PlacedCreative what;
    what.name = textOf(in);
    what.media = textOf(in);
    what.campaign = textOf(in);
    what.line = textOf(in);
    what.creative = textOf(in);
    creative.what = std::make_shared<const PlacedCreative>(std::move(what));
    creative.keys = readKeys(in);
    creative.promised = in.number<std::uint8_t>() != 0;
    out.creatives.push_back(std::move(creative));
  }
  for (auto n = in.number<std::uint32_t>(); n > 0 && in.good(); --n) {
    BindEntry::Session session;
    in.raw(session.id.data(), session.id.size());
    session.firstUnit = in.number<std::uint16_t>();
    const ByteView sealed = in.view(in.number<std::uint16_t>());
    session.sealed.assign(sealed.begin(), sealed.end());
    out.sessions.push_back(std::move(session));
  }
  return out;
}

Bytes write(const SettleEntry& entry) {
  Writer out{kSettle};
  for (const Outcome& each : entry.outcomes) {
    out.raw(each.id.data(), each.id.size());
    out.number(each.at);
    out.number(each.creative);
    out.number(static_cast<std::uint8_t>(each.delivered));
  }
  return out.take();
}

SettleEntry readSettle(ByteReader& in) {
  SettleEntry out;
  while (in.good() && !in.whole()) {
    Outcome each;
    in.raw(each.id.data(), each.id.size());
    each.at = in.number<std::uint32_t>();
    each.creative = in.number<decisions::Key>();
    each.delivered = in.number<std::uint8_t>() != 0;
    if (in.good()) out.outcomes.push_back(each);
  }
  return out;
}

}  // namespace

Bytes toBytes(const LogEntry& entry) {
  return std::visit([](const auto& each) { return write(each); }, entry);
}

Result<LogEntry> parseEntry(ByteView bytes) {
  ByteReader in{bytes};
  const auto kind = in.number<std::uint8_t>();
  LogEntry out;
  if (kind == kBind) out = readBind(in);
  if (kind == kSettle) out = readSettle(in);
  if (!in.whole() || (kind != kBind && kind != kSettle)) {
    return fail(ErrorCode::kInvalidInput, "not an entry of the log of breaks");
  }
  return out;
}

Bytes toBytes(const std::vector<LoggedSlot>& slots) {
  Writer out;
  for (const LoggedSlot& each : slots) {
    out.number(each.creative);
    out.number(each.units);
  }
  return out.take();
}

Result<std::vector<LoggedSlot>> parseSlots(ByteView bytes) {
  ByteReader in{bytes};
  std::vector<LoggedSlot> out;
  while (in.good() && !in.whole()) {
    LoggedSlot slot;
    slot.creative = in.number<std::uint16_t>();
    slot.units = in.number<std::uint16_t>();
    if (in.good()) out.push_back(slot);
  }
  if (!in.whole()) return fail(ErrorCode::kInvalidInput, "not the slots of a session");
  return out;
}

}  // namespace dvpe::personalize
