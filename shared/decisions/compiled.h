// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Documents with their conditions compiled and their campaigns laid out for deciding: made once for a release, shared
// by all threads.
#pragma once

#include <date/tz.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/decisions/history.h"
#include "shared/learning/features.h"
#include "shared/model/documents.h"
#include "shared/model/json.h"
#include "shared/rules/condition.h"
#include "shared/rules/match.h"

namespace dvpe::decisions {

struct Built;

// What is held by its owners (kind `hold`), by ids. A held overlay is shown by no rule, a held ruleset has no rules, a
// held campaign takes part in no break, held media are placed nowhere; what else the rules say counts as before. Names
// of documents that are not there change nothing.
struct Held {
  std::set<std::string, std::less<>> overlays, rulesets, campaigns, media;
  bool operator==(const Held&) const = default;
};

// A cap with the key that it counts.
struct CapOf {
  Level level = Level::kLine;
  Key key = 0;
  model::Cap cap;
};

// The buckets of an experiment that must be the viewer's.
struct ArmOf {
  std::string salt;                 // the group's; empty: no experiment, everybody
  const model::Arm* arm = nullptr;  // null with a salt: nobody
};

// Whether a viewer is in the arm. identity: what the viewer is known by (rules::AttributeSource); nobody without one
// is.
bool inArm(const ArmOf& arm, std::string_view identity);

struct CompiledCreative {
  std::string media;
  const model::Creative* creative = nullptr;  // null: media named by a campaign in short
  Key key = 0;
  Key mediaKey = 0;  // of what is seen: in a break once, whatever creatives show it
  int weight = 1;
  std::vector<CapOf> caps;
  std::vector<std::uint16_t> categories;  // the campaign's and its own, by number in the channel
  std::string never;                      // why the channel does not show it; empty: it may
};

// A campaign's line on a channel, with the fields of one ruleset; or a campaign in short, which is a house line.
struct CompiledLine {
  const model::Campaign* campaign = nullptr;
  const model::Line* line = nullptr;  // null: in short
  std::string name;                   // "campaign/line"; in short "campaign"
  rules::Condition when;              // the campaign's and its own
  Key key = 0, campaignKey = 0, advertiserKey = 0;
  std::uint64_t drawKey = 0;
  base::WallTime from = base::WallTime::min(), until = base::WallTime::max();
  const date::time_zone* zone = nullptr;  // of the dayparts; null: UTC
  // What one impression earns, in micro-units of the policy's currency; at most kMostWorth. 0: a house line.
  std::int64_t worth = 0;
  std::vector<CapOf> caps;  // of the line, the campaign and the advertiser
  std::vector<CompiledCreative> creatives;
  ArmOf arm;
  std::string never;  // why the channel never has it: it excludes the channel or its rating
  // The rules that let it in, and where in their lists: ascending.
  struct LetIn {
    std::uint32_t rule = 0, place = 0;
    auto operator<=>(const LetIn&) const = default;
  };
  std::vector<LetIn> letIn;
  std::uint32_t first = 0;  // the same line with the fields of an earlier ruleset; else itself

  // Without goal and price: shown where nothing else is, and needs no plan.
  bool house() const {
    return line == nullptr ||
           (line->goal.kind == model::GoalKind::kHouse && line->price.kind == model::PriceKind::kNone);
  }
  // Whether a model chooses among its creatives (rank.h).
  bool optimised() const { return line != nullptr && line->rotation == model::Rotation::kOptimised; }
  // Whether it plays only as often as the plan's ceilings allow: it has a goal in numbers, or a budget.
  bool metered() const;
  ImpressionKeys keys(std::size_t creative) const { return {creatives[creative].key, key, campaignKey, advertiserKey}; }
};

// A field of viewers that a model may look at, with the facts that its values are.
struct FactField {
  const model::Field* field = nullptr;
  std::vector<std::pair<model::Scalar, learning::Fact>> facts;
};

// Documents with their conditions compiled. Immutable; shared between threads.
class Compiled {
 public:
  struct CompiledAction {
    const model::Action* action = nullptr;
    const model::Overlay* overlay = nullptr;  // of a ShowOverlay
  };
  struct CompiledRule {
    const model::Ruleset* ruleset = nullptr;
    const model::Rule* rule = nullptr;
    rules::Condition when;
    ArmOf arm;
    std::vector<CompiledAction> actions;
  };
  struct CompiledChannel {
    const model::Channel* channel = nullptr;
    std::vector<CompiledRule> rules;
    std::vector<CompiledLine> lines;
    // Each arm ("experiment/arm") of the experiments that rules or lines name: also those that get nothing of their
    // own.
    std::vector<std::pair<std::string, ArmOf>> arms;
    std::vector<std::string> categories;            // of advertising, by number
    std::map<std::string, std::size_t> paintOrder;  // overlay id -> place of its first mention
    model::Value id;                                // channel.id, for conditions
    rules::Index index;                             // of the rules' conditions, then the lines'
    std::vector<FactField> facts;                   // of the forecastable fields of its rulesets, each path once
    bool lively = false;  // what a viewer gets may change with time, plan or what the viewer has seen
  };

  const model::Documents& documents() const { return *documents_; }
  const Held& held() const { return held_; }
  // Null when there is no such channel.
  const CompiledChannel* channel(std::string_view id) const;
  const model::Campaign* campaign(std::string_view id) const;
  // What histories must keep for ever: keys with a cap for a whole flight, lines whose creatives follow each other.
  const std::set<Key>& keptKeys() const { return keptKeys_; }

 private:
  friend Built build(std::shared_ptr<const model::Documents> documents, Held held);
  std::shared_ptr<const model::Documents> documents_;
  Held held_;
  std::map<std::string, CompiledChannel, std::less<>> channels_;
  std::set<Key> keptKeys_;
};

inline constexpr std::int64_t kMostWorth = std::int64_t{1} << 32;

// Either compiled, or every mistake in the conditions and references ("ruleset demo", "/body/rules/3/when").
struct Built {
  std::shared_ptr<const Compiled> compiled;  // null when there are errors
  std::vector<model::DocumentError> errors;
};

// documents must have passed model::readDocuments; what it would have refused is refused here too, where it matters.
// What is held is compiled and checked like the rest.
Built build(std::shared_ptr<const model::Documents> documents, Held held = {});

}  // namespace dvpe::decisions
