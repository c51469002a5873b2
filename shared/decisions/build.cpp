// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/decisions.h"

#include <algorithm>

namespace dvpe::decisions {

namespace {

class Builder {
 public:
  Builder(const model::Documents& documents, std::vector<model::DocumentError>& errors)
      : documents_(documents), errors_(errors) {}

  Compiled::CompiledChannel channel(const model::Channel& channel) {
    Compiled::CompiledChannel out;
    out.channel = &channel;
    out.id.v = channel.id;
    for (const auto& [id, ruleset] : documents_.rulesets) {
      if (ruleset.channel == channel.id) addRules(ruleset, out);
    }
    return out;
  }

  void checkChannel(const model::Ruleset& ruleset) {
    if (!documents_.channels.contains(ruleset.channel)) {
      errors_.push_back({"ruleset " + ruleset.id, "/body/channel", "there is no channel \"" + ruleset.channel + "\""});
    }
  }

 private:
  void addRules(const model::Ruleset& ruleset, Compiled::CompiledChannel& out) {
    for (std::size_t i = 0; i < ruleset.rules.size(); ++i) {
      const model::Rule& rule = ruleset.rules[i];
      const std::string path = "/body/rules/" + std::to_string(i);
      Compiled::CompiledRule compiled;
      compiled.ruleset = &ruleset;
      compiled.rule = &rule;
      const rules::Declarations declarations{ruleset.fields, rules::Use::kContent,
                                             audiences(ruleset, rules::Use::kContent, rule.when), rule.lawfulBasis};
      compiled.when = condition(rule.when, declarations, "ruleset " + ruleset.id, path + "/when", std::string{});
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
          continue;
        }
        const rules::Declarations declarations{ruleset.fields, rules::Use::kCampaign,
                                               audiences(ruleset, rules::Use::kCampaign, found->second.when)};
        compiled.campaigns.emplace_back(&found->second, condition(found->second.when, declarations, "campaign " + id,
                                                                  "/body/when", withFieldsOf(ruleset)));
      }
    }
    return compiled;
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

  static std::string withFieldsOf(const model::Ruleset& ruleset) {
    return " (with the fields of ruleset \"" + ruleset.id + "\")";
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
  for (const auto& [id, channel] : documents->channels) compiled->channels_.emplace(id, builder.channel(channel));
  if (out.errors.empty()) out.compiled = std::move(compiled);
  return out;
}

UnitsOf unitsOf(const model::Documents& documents) {
  return [&documents](std::string_view media) {
    const auto found = documents.media.find(std::string{media});
    return found == documents.media.end() ? 0 : found->second.units;
  };
}

}  // namespace dvpe::decisions
