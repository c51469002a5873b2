// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What is read of pacing and of breaks. The first byte chooses: 0, a plan; 1, a viewer's history; 2, an entry of the
// log of breaks; 3, a session's slots; 4, what a node has counted. What one accepts, it writes so that it reads the
// same again.
#include <cstdint>
#include <cstdlib>

#include "node/coordinate/pacing.h"
#include "node/personalize/director_state.h"
#include "shared/decisions/plan.h"

namespace {

using namespace dvpe;

template <class Parse, class Write>
void roundTrip(base::ByteView bytes, Parse parse, Write write) {
  const auto read = parse(bytes);
  if (!read) return;
  const base::Bytes again = write(read.value());
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
}

void plan(std::string_view text) {
  const auto read = decisions::parsePlan(text);
  if (!read) return;
  const auto again = decisions::parsePlan(decisions::toJson(read.value()));
  if (!again || again.value() != read.value()) std::abort();
}

void history(base::ByteView bytes) {
  const auto read = decisions::History::parse(bytes);
  if (!read) return;
  decisions::History copy = read.value();
  const auto again = decisions::History::parse(copy.serialize());
  if (!again || !(again.value() == copy)) std::abort();
  copy.fold(2'000'000'000, {1, 2, 3}, 0);
  (void)copy.count(1, 2'000'000'000, std::chrono::hours{1});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::ByteView rest{data + 1, size - 1};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      plan(text);
      break;
    case 1:
      history(rest);
      break;
    case 2:
      if (const auto entry = personalize::parseEntry(rest)) {
        const base::Bytes again = personalize::toBytes(entry.value());
        const auto twice = personalize::parseEntry(again);
        if (!twice || personalize::toBytes(twice.value()) != again) std::abort();
      }
      break;
    case 3:
      roundTrip(
          rest, [](base::ByteView b) { return personalize::parseSlots(b); },
          [](const auto& slots) { return personalize::toBytes(slots); });
      break;
    default:
      (void)coordinate::readCounts(text, "n1", {});
  }
  return 0;
}
