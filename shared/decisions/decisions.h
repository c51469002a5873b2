// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Who sees what. Pure functions of (documents, channel, viewer, moment): the node's answers and the studio's previews
// are made here. The same input gives the same output on every machine; nothing here reads a clock, a file or a random
// number.
//
// A channel's rules are those of its rulesets, in the order of their ids, each from its highest priority down. Each
// rule whose condition is true, and of whose experiment's arm the viewer is, gives its actions; unknown counts as no.
// Where two rules contradict each other the earlier wins:
// - an overlay is shown by the first rule that shows it; different programme events may each have a rule of their own;
// - an event's span is replaced by the first clip given; the first language chosen is the audio's;
// - campaigns add up, in order, each once. Of these, the lines whose own condition is true may play in breaks:
// breaks.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/decisions/compiled.h"

namespace dvpe::decisions {

// A viewer at a moment. What is left out is unknown to conditions.
struct Viewer {
  Viewer(const rules::Attributes& a) : attributes(a) {}  // NOLINT(google-explicit-constructor): the common case
  Viewer(const rules::Attributes& a, base::WallTime moment, const History* seen)
      : attributes(a), at(moment), history(seen) {}

  const rules::Attributes& attributes;
  std::optional<base::WallTime> at;                  // the moment for which is decided: `now`
  const History* history = nullptr;                  // null: unknown, and so are caps
  const std::vector<std::string>* hidden = nullptr;  // campaigns that the viewer does not want to see; null: none
};

struct OverlayChoice {
  const model::Overlay* overlay = nullptr;    // lives as long as Compiled
  std::map<std::string, std::string> values;  // each field with a domain -> a value of that domain
  model::Trigger trigger = model::Trigger::kAlways;
  std::string event;  // kEvent: on air while this programme event is open
  std::string ruleId;
};

struct Clip {
  std::string media;
  std::string ruleId;
};

inline constexpr const char* kBaseCohort = "base";

// What a viewer gets, all but the times.
struct Choice {
  std::vector<OverlayChoice> overlays;  // in the order in which they are painted, a function of the set alone
  // 16 hex digits of a digest of (overlay, revision, trigger, event, values); "base" without overlays. Viewers of equal
  // cohorts see equal pictures.
  std::string cohort = kBaseCohort;
  std::map<std::string, Clip> clips;  // programme event -> what replaces its span
  std::string audioLanguage;          // empty: the channel's first track
  // For breaks: places of CompiledChannel::lines whose conditions are true, in the order in which rules let them in.
  std::vector<std::uint32_t> lines;
};

// Memory for deciding on one thread, used again for each viewer; for one channel of one Compiled.
class Workspace {
 public:
  explicit Workspace(const Compiled::CompiledChannel& channel);
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  struct Data;
  Data& data() const { return *data_; }

 private:
  std::unique_ptr<Data> data_;
};

// An unknown channel gives an empty choice. workspace: null makes one for this call, which takes its time.
Choice choose(const Compiled& compiled, std::string_view channel, const Viewer& viewer, Workspace* workspace = nullptr);

// The arms that a viewer is in, of the experiments that the channel's rules and lines name: "experiment/arm". identity:
// what the viewer is known by (rules::AttributeSource).
std::vector<std::string> armsOf(const Compiled& compiled, std::string_view channel, std::string_view identity);

// The length in units of a conditioned media document; 0 when it is not conditioned (yet).
using UnitsOf = std::function<int(std::string_view media)>;

// UnitsOf over the media documents in `documents`, which must outlive it.
UnitsOf unitsOf(const model::Documents& documents);

}  // namespace dvpe::decisions
