// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/decisions/impl/walk.h"

namespace dvpe::decisions {

namespace {

constexpr const char* kHeld = "held";  // by its owner: the reason in explanations

// A viewer on a channel: the viewer's attributes and channel.id.
class OnChannel final : public rules::AttributeSource {
 public:
  OnChannel(const rules::Attributes& viewer, const model::Value& id) : viewer_(viewer), id_(id) {}
  const model::Value* find(std::string_view path) const override { return isId(path) ? &id_ : viewer_.find(path); }
  bool holds(std::string_view path) const override { return isId(path) || viewer_.holds(path); }
  bool consents(std::string_view purpose) const override { return viewer_.consents(purpose); }
  std::string_view identity() const override { return viewer_.identity(); }

 private:
  static bool isId(std::string_view path) { return path == "channel.id"; }
  const rules::Attributes& viewer_;
  const model::Value& id_;
};

// An attribute as a text for an overlay; lists have none.
std::optional<std::string> asText(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.v)) return *text;
  rules::Node literal;
  if (const auto* flag = std::get_if<bool>(&value.v)) {
    literal.literal = *flag;
  } else if (const auto* whole = std::get_if<std::int64_t>(&value.v)) {
    literal.literal = *whole;
  } else if (const auto* real = std::get_if<double>(&value.v)) {
    literal.literal = *real;
  } else {
    return std::nullopt;
  }
  return rules::print(literal);
}

// The declared field that governs `path`: itself, or the map above it.
const model::Field* declared(const model::Ruleset& ruleset, std::string_view path) {
  for (const model::Field& field : ruleset.fields) {
    if (path == field.path) return &field;
    if (field.type == model::FieldType::kMap && path.size() > field.path.size() && path.starts_with(field.path) &&
        path[field.path.size()] == '.') {
      return &field;
    }
  }
  return nullptr;
}

class Walker {
 public:
  Walker(const Compiled::CompiledChannel& channel, const Held& held, const rules::Attributes& viewer, Choice& choice,
         Report* report)
      : channel_(channel), held_(held), source_(viewer, channel.id), choice_(choice), report_(report) {}

  void run() {
    for (const Compiled::CompiledRule& rule : channel_.rules) {
      const bool held = held_.rulesets.contains(rule.ruleset->id);
      if (report_) {
        report_->rules.push_back(
            {rule.ruleset->id, rule.rule->id, rules::explain(rule.when, source_), {}, held ? kHeld : ""});
      }
      if (held) continue;
      const rules::Verdict verdict = rules::evaluate(rule.when, source_);
      if (verdict != rules::Verdict::kTrue) continue;
      for (const Compiled::CompiledAction& action : rule.actions) {
        std::visit([&](const auto& what) { apply(rule, action, what); }, *action.action);
      }
    }
    std::stable_sort(choice_.overlays.begin(), choice_.overlays.end(), [&](const auto& a, const auto& b) {
      return place(a) != place(b) ? place(a) < place(b) : a.event < b.event;
    });
    choice_.cohort = cohort();
  }

 private:
  std::size_t place(const OverlayChoice& choice) const { return channel_.paintOrder.at(choice.overlay->id); }

  void note(std::string what, bool used, std::string why) {
    if (report_) report_->rules.back().actions.push_back({std::move(what), used, std::move(why)});
  }

  void apply(const Compiled::CompiledRule& rule, const Compiled::CompiledAction& action,
             const model::ShowOverlay& show) {
    OverlayChoice out;
    out.overlay = action.overlay;
    out.trigger = show.trigger;
    out.event = show.event;
    out.ruleId = rule.rule->id;
    std::string notes;
    for (const model::OverlayField& field : action.overlay->fields) {
      if (!field.domain.empty()) out.values.emplace(field.name, resolve(*rule.ruleset, field, show, notes));
    }
    if (held_.overlays.contains(show.overlay)) {
      if (report_) note(describe(out), false, kHeld);
      return;
    }
    const OverlayChoice* before = contradicting(out);
    if (report_) note(describe(out), !before, before ? "rule " + before->ruleId + " decided this overlay" : notes);
    if (!before) choice_.overlays.push_back(std::move(out));
  }

  // An earlier choice that leaves no room for this one.
  const OverlayChoice* contradicting(const OverlayChoice& next) const {
    for (const OverlayChoice& each : choice_.overlays) {
      if (each.overlay != next.overlay) continue;
      const bool bothEvents = each.trigger == model::Trigger::kEvent && next.trigger == model::Trigger::kEvent;
      if (!bothEvents || each.event == next.event) return &each;
    }
    return nullptr;
  }

  std::string resolve(const model::Ruleset& ruleset, const model::OverlayField& field, const model::ShowOverlay& show,
                      std::string& notes) {
    const auto given = show.values.find(field.name);
    if (given == show.values.end()) return field.fallback;
    const std::string_view path = model::templatePath(given->second);
    std::optional<std::string> value = path.empty() ? given->second : attribute(ruleset, path, notes);
    if (value && std::find(field.domain.begin(), field.domain.end(), *value) != field.domain.end()) return *value;
    if (value) notes += (notes.empty() ? "" : "; ") + rules::quote(*value) + " is not in the domain of " + field.name;
    return field.fallback;
  }

  std::optional<std::string> attribute(const model::Ruleset& ruleset, std::string_view path, std::string& notes) {
    const auto say = [&](const std::string& why) {
      notes += (notes.empty() ? "" : "; ") + std::string{path} + why;
      return std::nullopt;
    };
    const model::Field* field = declared(ruleset, path);
    if (!field && path != "channel.id") return say(" is not declared");
    if (field && !field->purpose.empty() && !source_.consents(field->purpose)) {
      return say(": no consent for " + field->purpose);
    }
    const model::Value* value = source_.find(path);
    std::optional<std::string> text = value ? asText(*value) : std::nullopt;
    if (!text) return say(" is absent");
    return text;
  }

  void apply(const Compiled::CompiledRule& rule, const Compiled::CompiledAction&, const model::ReplaceSpan& replace) {
    if (held_.media.contains(replace.clip)) {
      if (report_) note("replaces event " + replace.event + " by clip " + replace.clip, false, kHeld);
      return;
    }
    const auto [at, fresh] = choice_.clips.emplace(replace.event, Clip{replace.clip, rule.rule->id});
    if (report_) {
      note("replaces event " + replace.event + " by clip " + replace.clip, fresh,
           fresh ? "" : "rule " + at->second.ruleId + " decided this event");
    }
  }

  void apply(const Compiled::CompiledRule& rule, const Compiled::CompiledAction&, const model::ChooseAudio& choose) {
    const bool fresh = choice_.audioLanguage.empty();
    if (fresh) {
      choice_.audioLanguage = choose.language;
      audioRule_ = rule.rule->id;
    }
    if (report_) note("plays audio in " + choose.language, fresh, fresh ? "" : "rule " + audioRule_ + " decided it");
  }

  void apply(const Compiled::CompiledRule& rule, const Compiled::CompiledAction& action, const model::FillBreaks&) {
    for (const auto& [campaign, condition] : action.campaigns) {
      if (held_.campaigns.contains(campaign->id)) {
        if (report_) note("lets campaign " + campaign->id + " into breaks", false, kHeld);
        continue;
      }
      const bool fresh = std::find(seen_.begin(), seen_.end(), campaign) == seen_.end();
      if (report_) note("lets campaign " + campaign->id + " into breaks", fresh, fresh ? "" : "it was let in before");
      if (!fresh) continue;
      // The first ruleset that lets a campaign in declares the fields of its condition.
      seen_.push_back(campaign);
      if (report_) {
        report_->campaigns.push_back({campaign->id, rule.rule->id, rules::explain(condition, source_), {}});
      }
      if (rules::evaluate(condition, source_) == rules::Verdict::kTrue) choice_.campaigns.push_back(campaign->id);
    }
  }

  static std::string describe(const OverlayChoice& choice) {
    std::string out = "shows overlay " + choice.overlay->id;
    if (choice.trigger == model::Trigger::kEvent) out += " during event " + choice.event;
    std::string values;
    for (const auto& [name, value] : choice.values) values += (values.empty() ? "" : ", ") + name + " = " + value;
    return values.empty() ? out : out + " (" + values + ")";
  }

  // SHA-256 over the parts, each with its length before it, so that no two lists of parts look alike. The order of
  // painting is part of the picture and so of the digest.
  std::string cohort() const {
    if (choice_.overlays.empty()) return kBaseCohort;
    std::string all;
    const auto part = [&](std::string_view text) {
      all += std::to_string(text.size()) + ":";
      all += text;
    };
    for (const OverlayChoice& each : choice_.overlays) {
      part(each.overlay->id);
      part(std::to_string(each.overlay->revision));
      part(each.trigger == model::Trigger::kAlways ? "always" : "event");
      part(each.event);
      part(std::to_string(each.values.size()));
      for (const auto& [name, value] : each.values) {
        part(name);
        part(value);
      }
    }
    return base::sha256(base::view(all)).substr(0, 16);
  }

  const Compiled::CompiledChannel& channel_;
  const Held& held_;
  OnChannel source_;
  Choice& choice_;
  Report* report_;
  std::string audioRule_;
  std::vector<const model::Campaign*> seen_;
};

}  // namespace

namespace impl {

void walk(const Compiled& compiled, std::string_view channel, const rules::Attributes& viewer, Choice& choice,
          Report* report) {
  if (const auto* found = compiled.channel(channel)) Walker{*found, compiled.held(), viewer, choice, report}.run();
}

Pod fill(const Compiled& compiled, const Choice& choice, int units, const UnitsOf& lengths, Report* report) {
  Pod pod;
  const int length = std::max(units, 0);
  int used = 0;
  for (const std::string& id : choice.campaigns) {
    const model::Campaign* campaign = compiled.campaign(id);
    if (!campaign) continue;
    CampaignReport* reported = nullptr;
    if (report) {
      const auto at = std::find_if(report->campaigns.begin(), report->campaigns.end(),
                                   [&, &wanted = id](const CampaignReport& each) { return each.id == wanted; });
      if (at != report->campaigns.end()) reported = &*at;
    }
    for (const std::string& media : campaign->creatives) {
      const int need = lengths(media);
      const bool twice =
          std::any_of(pod.slots.begin(), pod.slots.end(), [&](const auto& s) { return s.media == media; });
      CreativeReport creative{media, need, std::nullopt, {}};
      if (compiled.held().media.contains(media)) {
        creative.why = kHeld;
      } else if (need <= 0) {
        creative.why = "not conditioned";
      } else if (twice) {
        creative.why = "already in this break";
      } else if (need > length - used) {
        creative.why = std::to_string(need) + " units do not fit into the " + std::to_string(length - used) + " left";
      } else {
        creative.fromUnit = used;
        pod.slots.push_back({media, id, used, need});
        used += need;
      }
      if (reported) reported->creatives.push_back(std::move(creative));
    }
  }
  pod.slateUnits = length - used;
  return pod;
}

}  // namespace impl

Choice choose(const Compiled& compiled, std::string_view channel, const rules::Attributes& viewer) {
  Choice choice;
  impl::walk(compiled, channel, viewer, choice, nullptr);
  return choice;
}

Pod fillBreak(const Compiled& compiled, const Choice& choice, int units, const UnitsOf& lengths) {
  return impl::fill(compiled, choice, units, lengths, nullptr);
}

}  // namespace dvpe::decisions
