// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/rehearsal/comparison.h"

#include <algorithm>

namespace dvpe::rehearsal {

Named named(const Outcome& outcome) {
  Named out;
  const decisions::Choice& choice = outcome.choice;
  out.cohort = choice.cohort;
  out.audio = choice.audioLanguage;
  for (const auto& each : choice.overlays) out.overlays.push_back(each.overlay->id);
  for (const auto& [event, clip] : choice.clips) out.clips.emplace(event, clip.media);
  for (const decisions::Slot& slot : outcome.bound.slots) {
    const decisions::CompiledLine& line = outcome.terms->channel().lines[slot.line];
    out.slots.push_back({line.name, line.creatives[slot.creative].media, slot.units});
  }
  out.slateUnits = outcome.bound.slateUnits;
  return out;
}

std::vector<Unmet> unmet(const Expectation& expected, const Named& came) {
  std::vector<Unmet> out;
  const auto add = [&](const char* what, const std::string& wanted, const std::string& found) {
    out.push_back({what, wanted.empty() ? "-" : wanted, found.empty() ? "-" : found});
  };
  if (expected.cohort && *expected.cohort != came.cohort) add("cohort", *expected.cohort, came.cohort);
  if (expected.overlays) {
    auto wanted = *expected.overlays, found = came.overlays;
    std::sort(wanted.begin(), wanted.end());
    std::sort(found.begin(), found.end());
    if (wanted != found) add("overlays", joined(wanted), joined(found));
  }
  if (expected.clips && *expected.clips != came.clips) add("clips", joined(*expected.clips), joined(came.clips));
  if (expected.audio && *expected.audio != came.audio) add("audio", *expected.audio, came.audio);
  const auto slots = lineNames(came);
  if (expected.slots && *expected.slots != slots) add("slots", joined(*expected.slots), joined(slots));
  return out;
}

Change changeOf(const Named& from, const Named& to) {
  return {from.cohort != to.cohort || from.overlays != to.overlays, from.clips != to.clips, from.audio != to.audio,
          from.slots != to.slots || from.slateUnits != to.slateUnits};
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "-" : out;
}

std::string joined(const std::map<std::string, std::string>& clips) {
  std::vector<std::string> all;
  for (const auto& [event, media] : clips) all.push_back(event + "=" + media);
  return joined(all);
}

std::vector<std::string> lineNames(const Named& named) {
  std::vector<std::string> out;
  for (const NamedSlot& slot : named.slots) out.push_back(slot.line);
  return out;
}

}  // namespace dvpe::rehearsal
