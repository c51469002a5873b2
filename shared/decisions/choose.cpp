// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/decisions/impl/walk.h"

namespace dvpe::decisions {

namespace {

constexpr const char* kHeld = "held";  // by its owner: the reason in explanations

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
  Walker(const Compiled::CompiledChannel& channel, const Held& held, const Viewer& viewer, Workspace::Data& work,
         Choice& choice, Report* report)
      : channel_(channel), held_(held), source_(viewer, channel.id), work_(work), choice_(choice), report_(report) {}

  void run() {
    channel_.index.match(source_, work_.index, work_.matched);
    work_.trueRules.assign(channel_.rules.size(), false);
    auto next = work_.matched.begin();
    for (; next != work_.matched.end() && *next < channel_.rules.size(); ++next) {
      const Compiled::CompiledRule& rule = channel_.rules[*next];
      work_.trueRules[*next] = !held_.rulesets.contains(rule.ruleset->id) && inArm(rule.arm, viewer().identity());
    }
    for (std::size_t i = 0; i < channel_.rules.size(); ++i) apply(i);
    letIn(next);
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

  // Which lines follow is decided for all rules together: letIn().
  void apply(const Compiled::CompiledRule&, const Compiled::CompiledAction&, const model::FillBreaks& fill) {
    if (!report_) return;
    for (const std::string& id : fill.campaigns) {
      note("lets campaign " + id + " into breaks", !held_.campaigns.contains(id),
           held_.campaigns.contains(id) ? kHeld : "");
    }
    if (fill.all) note("lets every campaign into breaks", true, "");
  }

  void apply(std::size_t number) {
    const Compiled::CompiledRule& rule = channel_.rules[number];
    if (report_) {
      const char* why = held_.rulesets.contains(rule.ruleset->id) ? kHeld
                        : inArm(rule.arm, viewer().identity())    ? ""
                                                                  : "the viewer is not in its arm of the experiment";
      report_->rules.push_back({rule.ruleset->id, rule.rule->id, rules::explain(rule.when, source_), {}, why});
    }
    if (!work_.trueRules[number]) return;
    for (const Compiled::CompiledAction& action : rule.actions) {
      std::visit([&](const auto& what) { apply(rule, action, what); }, *action.action);
    }
  }

  // The lines among what matched, in the order of the rules that let them in, each once.
  void letIn(std::vector<std::uint32_t>::const_iterator next) {
    work_.lines.clear();
    const auto rules = static_cast<std::uint32_t>(channel_.rules.size());
    for (; next != work_.matched.end(); ++next) {
      const CompiledLine& line = channel_.lines[*next - rules];
      const auto by = std::find_if(line.letIn.begin(), line.letIn.end(),
                                   [&](const CompiledLine::LetIn& in) { return work_.trueRules[in.rule]; });
      if (by != line.letIn.end()) work_.lines.push_back({*by, *next - rules});
    }
    std::sort(work_.lines.begin(), work_.lines.end());
    for (const auto& [by, line] : work_.lines) {
      // The first ruleset that lets a line in declares the fields of its condition.
      const auto twin = [&, first = channel_.lines[line].first](std::uint32_t other) {
        return channel_.lines[other].first == first;
      };
      const bool twice =
          channel_.lines[line].first != line && std::any_of(choice_.lines.begin(), choice_.lines.end(), twin);
      if (!twice) choice_.lines.push_back(line);
    }
  }

  const rules::AttributeSource& viewer() const { return source_; }

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
  impl::OnChannel source_;
  Workspace::Data& work_;
  Choice& choice_;
  Report* report_;
  std::string audioRule_;
};

}  // namespace

namespace impl {

void walk(const Compiled& compiled, std::string_view channel, const Viewer& viewer, Workspace* workspace,
          Choice& choice, Report* report) {
  const Compiled::CompiledChannel* found = compiled.channel(channel);
  if (!found) return;
  std::optional<Workspace> own;
  if (!workspace) workspace = &own.emplace(*found);
  Walker{*found, compiled.held(), viewer, workspace->data(), choice, report}.run();
}

}  // namespace impl

Workspace::Workspace(const Compiled::CompiledChannel& channel) : data_(std::make_unique<Data>(channel.index)) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

Choice choose(const Compiled& compiled, std::string_view channel, const Viewer& viewer, Workspace* workspace) {
  Choice choice;
  impl::walk(compiled, channel, viewer, workspace, choice, nullptr);
  return choice;
}

UnitsOf unitsOf(const model::Documents& documents) {
  return [&documents](std::string_view media) {
    const auto found = documents.media.find(std::string{media});
    return found == documents.media.end() ? 0 : found->second.units;
  };
}

}  // namespace dvpe::decisions
