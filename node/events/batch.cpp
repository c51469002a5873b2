// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/events/batch.h"

#include <array>
#include <unordered_map>

namespace dvpe::events {

using database::Array;
using Of = database::Array::Of;

namespace {

// How many bytes the character at the beginning takes; 0: none begins here (RFC 3629, and no zero).
std::size_t characterAt(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  std::size_t size = 0;
  if (first >= 0xC2 && first <= 0xDF) size = 2;
  if ((first & 0xF0) == 0xE0) size = 3;
  if (first >= 0xF0 && first <= 0xF4) size = 4;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : size;
}

// The same text when all of it can be stored.
std::string storable(std::string text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = characterAt(std::string_view(text).substr(i));
    if (size == 0) text[i] = '?';
    i += size == 0 ? 1 : size;
  }
  return text;
}

// The places of a batch, each once, in the order in which they were met.
class Places {
 public:
  std::int64_t of(const Place& place) {
    key_.clear();
    for (const std::string* text : texts(place)) {
      key_ += static_cast<char>(text->size());  // at most kMaxPlaceText
      key_ += *text;
    }
    const auto [found, fresh] = known_.try_emplace(key_, static_cast<std::int64_t>(known_.size()));
    if (fresh) {
      for (const std::string* text : texts(place)) list.addText(storable(*text));
    }
    return found->second;
  }
  Array list{Of::kText};

 private:
  static std::array<const std::string*, kPlaceTexts> texts(const Place& p) {
    return {&p.channel,  &p.variant, &p.rule,    &p.campaign, &p.line,
            &p.creative, &p.content, &p.country, &p.device,   &p.arm};
  }
  std::unordered_map<std::string, std::int64_t> known_;
  std::string key_;
};

std::int64_t microsecondsOf(base::WallTime at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

}  // namespace

const char* const kShip =
    "SELECT watermark, inserted, refused FROM events.ship($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
    "$13, "
    "$14, $15, $16, $17)";

std::string textOf(const Id& id) {
  std::string out;
  for (const std::uint8_t byte : id) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

Shipment shipmentOf(const Id& spool, const Spool::Batch& batch) {
  Shipment out{.spool = spool, .from = batch.from, .to = batch.to};
  Places places;
  Array place(Of::kInt4), ids(Of::kUuid), days(Of::kInt4), kinds(Of::kInt2), ats(Of::kInt8), sessions(Of::kUuid),
      visitors(Of::kInt8), breaks(Of::kInt8), slots(Of::kInt2), values(Of::kInt8), weights(Of::kFloat4),
      texts(Of::kText), sealed(Of::kBytea);
  base::ByteView left = batch.events;
  while (!left.empty() && out.events < batch.to - batch.from) {
    auto next = read(left);
    if (!next) break;
    auto& [event, size] = next.value();
    left = left.subspan(size);
    place.addInteger(places.of(event.place));
    ids.addBytes(event.id);
    days.addInteger(event.day);
    kinds.addInteger(static_cast<std::int64_t>(event.kind));
    ats.addInteger(microsecondsOf(event.at));
    sessions.addBytes(event.session);
    visitors.addInteger(static_cast<std::int64_t>(event.visitor));
    breaks.addInteger(event.breakNumber);
    slots.addInteger(event.slot);
    values.addInteger(event.value);
    weights.addReal(event.weight);
    texts.addText(storable(std::move(event.text)));
    if (event.sealed.empty()) {
      sealed.addNull();
    } else {
      sealed.addBytes(event.sealed);
    }
    if (!out.oldest) out.oldest = event.at;
    ++out.events;
  }
  out.unreadable = batch.to - batch.from - out.events;
  out.params.reserve(17);
  out.params.emplace_back(textOf(spool));
  out.params.emplace_back(static_cast<std::int64_t>(out.from));
  out.params.emplace_back(static_cast<std::int64_t>(out.to));
  for (Array* list : {&places.list, &place, &ids, &days, &kinds, &ats, &sessions, &visitors, &breaks, &slots, &values,
                      &weights, &texts, &sealed}) {
    out.params.emplace_back(std::move(*list));
  }
  return out;
}

}  // namespace dvpe::events
