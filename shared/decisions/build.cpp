// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>

#include "shared/decisions/compiled.h"
#include "shared/decisions/impl/lines.h"
#include "shared/decisions/rank.h"

namespace dvpe::decisions {

namespace {

class Builder {
 public:
  Builder(const model::Documents& documents, std::vector<model::DocumentError>& errors)
      : documents_(documents), errors_(errors) {}

  Compiled::CompiledChannel channel(const model::Channel& channel, std::set<Key>& kept) {
    Compiled::CompiledChannel out;
    out.channel = &channel;
    out.id.v = channel.id;
    lines_.clear();
    firsts_.clear();
    for (const auto& [id, ruleset] : documents_.rulesets) {
      if (ruleset.channel == channel.id) addRules(ruleset, out);
    }
    std::vector<rules::Condition> conditions;
    for (const auto& rule : out.rules) conditions.push_back(rule.when);
    for (const CompiledLine& line : out.lines) {
      conditions.push_back(line.when);
      for (const CapOf& cap : line.caps) keep(cap, kept);
      // The turns of its creatives are counted.
      if (line.line && line.line->rotation == model::Rotation::kSequential) kept.insert(line.key);
      for (const CompiledCreative& creative : line.creatives) {
        for (const CapOf& cap : creative.caps) keep(cap, kept);
      }
    }
    out.lively =
        std::any_of(out.rules.begin(), out.rules.end(), [](const auto& rule) { return changes(rule.rule->when); }) ||
        std::any_of(out.lines.begin(), out.lines.end(), [](const CompiledLine& line) { return changes(line); });
    if (errors_.empty()) out.index = rules::Index{conditions};
    addArms(out);
    return out;
  }

  void checkChannel(const model::Ruleset& ruleset) {
    if (!documents_.channels.contains(ruleset.channel)) {
      errors_.push_back({"ruleset " + ruleset.id, "/body/channel", "there is no channel \"" + ruleset.channel + "\""});
    }
  }

 private:
  // All arms of the experiments that are named, since what an arm gives is compared with the others.
  void addArms(Compiled::CompiledChannel& out) {
    std::set<std::string, std::less<>> named;
    for (const auto& rule : out.rules) named.insert(rule.rule->arm.experiment);
    for (const CompiledLine& line : out.lines) {
      if (line.line) named.insert(line.line->arm.experiment);
    }
    for (const std::string& id : named) {
      const auto found = documents_.experiments.find(id);
      if (found == documents_.experiments.end()) continue;
      for (const model::Arm& arm : found->second.arms) {
        out.arms.emplace_back(id + "/" + arm.id, impl::armOf(documents_, {id, arm.id}));
      }
    }
  }

  // Whether a condition may read the moment or what the viewer has seen; audiences may. A guess to the safe side.
  static bool changes(const std::string& when) {
    return when.find("now") != std::string::npos || when.find("frequency") != std::string::npos ||
           when.find("segment") != std::string::npos;
  }
  static bool changes(const CompiledLine& line) {
    return !line.house() || !line.caps.empty() || line.from != base::WallTime::min() ||
           line.until != base::WallTime::max() || (line.line && !line.line->dayparts.empty()) ||
           changes(line.campaign->when) || (line.line && changes(line.line->when)) ||
           std::any_of(line.creatives.begin(), line.creatives.end(), [](const auto& c) { return !c.caps.empty(); });
  }
  static void keep(const CapOf& cap, std::set<Key>& kept) {
    if (cap.cap.per == model::CapPeriod::kFlight) kept.insert(cap.key);
  }

  void addRules(const model::Ruleset& ruleset, Compiled::CompiledChannel& out) {
    addFacts(ruleset, out);
    for (std::size_t i = 0; i < ruleset.rules.size(); ++i) {
      const model::Rule& rule = ruleset.rules[i];
      const std::string path = "/body/rules/" + std::to_string(i);
      Compiled::CompiledRule compiled;
      compiled.ruleset = &ruleset;
      compiled.rule = &rule;
      compiled.arm = impl::armOf(documents_, rule.arm);
      const rules::Declarations declarations{ruleset.fields, rules::Use::kContent,
                                             audiences(ruleset, rules::Use::kContent, rule.when), rule.lawfulBasis};
      compiled.when = condition(rule.when, declarations, "ruleset " + ruleset.id, path + "/when", std::string{});
      place_ = 0;
      for (const model::Action& action : rule.actions) compiled.actions.push_back(resolve(action, ruleset, path, out));
      out.rules.push_back(std::move(compiled));
    }
  }

  Compiled::CompiledAction resolve(const model::Action& action, const model::Ruleset& ruleset, const std::string& path,
                                   Compiled::CompiledChannel& out) {
    Compiled::CompiledAction compiled;
    compiled.action = &action;
    const std::string document = "ruleset " + ruleset.id;
    if (const auto* show = std::get_if<model::ShowOverlay>(&action)) {
      const auto found = documents_.overlays.find(show->overlay);
      if (found == documents_.overlays.end()) {
        errors_.push_back({document, path, "there is no overlay \"" + show->overlay + "\""});
      } else {
        compiled.overlay = &found->second;
        out.paintOrder.emplace(show->overlay, out.paintOrder.size());
      }
    } else if (const auto* breaks = std::get_if<model::FillBreaks>(&action)) {
      for (const std::string& id : breaks->campaigns) {
        const auto found = documents_.campaigns.find(id);
        if (found == documents_.campaigns.end()) {
          errors_.push_back({document, path, "there is no campaign \"" + id + "\""});
        } else {
          letIn(found->second, ruleset, Named::kYes, out);
        }
      }
      for (const auto& [id, campaign] : documents_.campaigns) {
        const bool named = std::find(breaks->campaigns.begin(), breaks->campaigns.end(), id) != breaks->campaigns.end();
        if (breaks->all && !named) letIn(campaign, ruleset, Named::kNo, out);
      }
    }
    return compiled;
  }

  enum class Named { kYes, kNo };

  // The lines of a campaign, compiled once for each ruleset, may play where the rule at hand is true. Not named: by
  // `all`, where a campaign that excludes the channel may read fields that the ruleset does not declare.
  void letIn(const model::Campaign& campaign, const model::Ruleset& ruleset, Named named,
             Compiled::CompiledChannel& out) {
    const auto [at, fresh] = lines_.try_emplace({ruleset.id, campaign.id});
    if (fresh) {
      const std::size_t count = std::max<std::size_t>(campaign.lines.size(), 1);
      for (std::size_t i = 0; i < count; ++i) {
        const model::Line* line = campaign.lines.empty() ? nullptr : &campaign.lines[i];
        CompiledLine compiled = impl::layOut(documents_, *out.channel, campaign, line, out.categories, errors_);
        const std::size_t before = errors_.size();
        compiled.when = lineCondition(campaign, line, i, ruleset);
        if (named == Named::kNo && !compiled.never.empty() && errors_.size() > before) {
          errors_.resize(before);
          compiled.when = rules::compile("false", {ruleset.fields, rules::Use::kCampaign}).value();
        }
        compiled.first = firsts_.emplace(compiled.name, out.lines.size()).first->second;
        at->second.push_back(static_cast<std::uint32_t>(out.lines.size()));
        out.lines.push_back(std::move(compiled));
      }
    }
    for (const std::uint32_t line : at->second) {
      out.lines[line].letIn.push_back({static_cast<std::uint32_t>(out.rules.size()), place_++});
    }
  }

  // The campaign's condition and the line's, each checked for itself so that mistakes name their place.
  rules::Condition lineCondition(const model::Campaign& campaign, const model::Line* line, std::size_t number,
                                 const model::Ruleset& ruleset) {
    const std::string document = "campaign " + campaign.id;
    const std::string note = " (with the fields of ruleset \"" + ruleset.id + "\")";
    const auto check = [&](const std::string& text, const std::string& path) {
      const rules::Declarations declarations{ruleset.fields, rules::Use::kCampaign,
                                             audiences(ruleset, rules::Use::kCampaign, text)};
      return condition(text, declarations, document, path, note);
    };
    rules::Condition whole = check(campaign.when, "/body/when");
    if (!line || line->when == "true") return whole;
    const std::string path = "/body/lines/" + std::to_string(number) + "/when";
    const std::size_t before = errors_.size();
    rules::Condition own = check(line->when, path);
    if (campaign.when == "true" || errors_.size() != before) return own;
    // A comment at the end of the one must not swallow the other.
    return check("(" + campaign.when + "\n) && (" + line->when + "\n)", path);
  }

  // The audiences with the fields of one ruleset, for a text that may name some. One that reads other fields is a
  // mistake only where it is named.
  const rules::Segments* audiences(const model::Ruleset& ruleset, rules::Use use, const std::string& text) {
    if (documents_.audiences.empty() || text.find("segment") == std::string::npos) return nullptr;
    const auto [at, fresh] = audiences_.try_emplace({ruleset.id, use});
    if (fresh) {
      std::map<std::string, std::string> texts;
      for (const auto& [id, audience] : documents_.audiences) texts.emplace(id, audience.when);
      at->second = rules::compileSegments(texts, {ruleset.fields, use});
    }
    return &at->second;
  }

  void complain(model::DocumentError error) {
    // A campaign may be named by several rules of a ruleset.
    if (std::find(errors_.begin(), errors_.end(), error) == errors_.end()) errors_.push_back(std::move(error));
  }

  rules::Condition condition(const std::string& text, const rules::Declarations& declarations,
                             const std::string& document, const std::string& path, const std::string& note) {
    std::vector<rules::Mistake> mistakes;
    auto compiled = rules::compile(text, declarations, &mistakes);
    if (compiled) return compiled.value();
    for (const rules::Mistake& each : mistakes) complain({document, path, rules::describe(each) + note});
    return {};
  }

  const model::Documents& documents_;
  std::vector<model::DocumentError>& errors_;
  std::map<std::pair<std::string, rules::Use>, rules::Segments> audiences_;  // by ruleset
  // Of the channel at hand: places of the lines, by ruleset and campaign.
  std::map<std::pair<std::string, std::string>, std::vector<std::uint32_t>> lines_;
  std::map<std::string, std::uint32_t, std::less<>> firsts_;  // line -> its first place
  std::uint32_t place_ = 0;                                   // in the rule at hand
};

}  // namespace

const Compiled::CompiledChannel* Compiled::channel(std::string_view id) const {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : &found->second;
}

const model::Campaign* Compiled::campaign(std::string_view id) const {
  const auto found = documents_->campaigns.find(std::string{id});
  return found == documents_->campaigns.end() ? nullptr : &found->second;
}

Built build(std::shared_ptr<const model::Documents> documents, Held held) {
  Built out;
  auto compiled = std::make_shared<Compiled>();
  compiled->documents_ = documents;
  compiled->held_ = std::move(held);
  Builder builder{*documents, out.errors};
  for (const auto& [id, ruleset] : documents->rulesets) builder.checkChannel(ruleset);
  for (const auto& [id, channel] : documents->channels) {
    compiled->channels_.emplace(id, builder.channel(channel, compiled->keptKeys_));
  }
  if (out.errors.empty()) out.compiled = std::move(compiled);
  return out;
}

}  // namespace dvpe::decisions
