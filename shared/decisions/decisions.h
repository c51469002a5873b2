// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Who sees what. Pure functions of (documents, channel, viewer): the node's answers and the studio's previews are made
// here. The same input gives the same output on every machine; nothing here reads a clock, a file or a random number.
//
// A channel's rules are those of its rulesets, in the order of their ids, each from its highest priority down. Each
// rule whose condition is true gives its actions; unknown counts as no. Where two rules contradict each other the
// earlier wins:
// - an overlay is shown by the first rule that shows it; different programme events may each have a rule of their own;
// - an event's span is replaced by the first clip given; the first language chosen is the audio's;
// - campaigns add up, in order, each once. Of these, those whose own condition is true take part in breaks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/model/documents.h"
#include "shared/model/json.h"
#include "shared/rules/condition.h"

namespace dvpe::decisions {

struct Built;

// What is held by its owners (kind `hold`), by ids. A held overlay is shown by no rule, a held ruleset has no rules, a
// held campaign takes part in no break, held media are placed nowhere; what else the rules say counts as before. Names
// of documents that are not there change nothing.
struct Held {
  std::set<std::string, std::less<>> overlays, rulesets, campaigns, media;
  bool operator==(const Held&) const = default;
};

// Documents with their conditions compiled. Immutable; shared between threads.
class Compiled {
 public:
  struct CompiledAction {
    const model::Action* action = nullptr;
    const model::Overlay* overlay = nullptr;  // of a ShowOverlay
    // Of FillBreaks: with the conditions compiled against this ruleset's fields.
    std::vector<std::pair<const model::Campaign*, rules::Condition>> campaigns;
  };
  struct CompiledRule {
    const model::Ruleset* ruleset = nullptr;
    const model::Rule* rule = nullptr;
    rules::Condition when;
    std::vector<CompiledAction> actions;
  };
  struct CompiledChannel {
    const model::Channel* channel = nullptr;
    std::vector<CompiledRule> rules;
    std::map<std::string, std::size_t> paintOrder;  // overlay id -> place of its first mention
    model::Value id;                                // channel.id, for conditions
  };

  const model::Documents& documents() const { return *documents_; }
  const Held& held() const { return held_; }
  // Null when there is no such channel.
  const CompiledChannel* channel(std::string_view id) const;
  const model::Campaign* campaign(std::string_view id) const;

 private:
  friend Built build(std::shared_ptr<const model::Documents> documents, Held held);
  std::shared_ptr<const model::Documents> documents_;
  Held held_;
  std::map<std::string, CompiledChannel, std::less<>> channels_;
};

// Either compiled, or every mistake in the conditions and references ("ruleset demo", "/body/rules/3/when").
struct Built {
  std::shared_ptr<const Compiled> compiled;  // null when there are errors
  std::vector<model::DocumentError> errors;
};

// documents must have passed model::readDocuments; what it would have refused is refused here too, where it matters.
// What is held is compiled and checked like the rest.
Built build(std::shared_ptr<const model::Documents> documents, Held held = {});

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
  std::map<std::string, Clip> clips;   // programme event -> what replaces its span
  std::string audioLanguage;           // empty: the channel's first track
  std::vector<std::string> campaigns;  // for breaks, in order; their conditions are true
};

// An unknown channel gives an empty choice.
Choice choose(const Compiled& compiled, std::string_view channel, const rules::Attributes& viewer);

// The length in units of a conditioned media document; 0 when it is not conditioned (yet).
using UnitsOf = std::function<int(std::string_view media)>;

// UnitsOf over the media documents in `documents`, which must outlive it.
UnitsOf unitsOf(const model::Documents& documents);

struct PodSlot {
  std::string media;
  std::string campaign;
  int fromUnit = 0;  // in the break
  int units = 0;
  bool operator==(const PodSlot&) const = default;
};

// What plays in a break. Slots follow each other without a gap from unit 0; the rest is slate.
struct Pod {
  std::vector<PodSlot> slots;
  int slateUnits = 0;
  bool operator==(const Pod&) const = default;
};

// Takes the campaigns in order and each one's creatives in order; each creative that fits into what is left is placed,
// at most once in a break.
Pod fillBreak(const Compiled& compiled, const Choice& choice, int units, const UnitsOf& lengths);

}  // namespace dvpe::decisions
