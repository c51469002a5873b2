// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a document cannot know by itself: whether what it names exists.
#include <algorithm>

#include "shared/model/impl/read.h"

namespace dvpe::model {

namespace {

std::string didYouMean(std::string_view near) {
  return near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?";
}

class Checker {
 public:
  Checker(const Documents& documents, const LoadOptions& options) : documents_(documents), options_(options) {}

  std::vector<DocumentError> run() {
    for (const auto& [id, channel] : documents_.channels) checkChannel(channel);
    for (const auto& [id, ruleset] : documents_.rulesets) checkRuleset(ruleset);
    for (const auto& [id, campaign] : documents_.campaigns) checkCampaign(campaign);
    for (const auto& [id, creative] : documents_.creatives) {
      referMedia(creative.media, "creative " + id, "/body/media");
    }
    checkExperiments();
    checkCurrencies();
    for (const auto& [id, media] : documents_.media) {
      refer(documents_.profiles, "profile", media.profile, "media " + id, "/body/profile");
    }
    return mistakes_.take();
  }

 private:
  // Notes a mistake when `id` is not a key of `map`. An empty id was reported by its reader.
  template <class T>
  const T* refer(const std::map<std::string, T>& map, const char* kind, const std::string& id,
                 const std::string& document, std::string path) {
    if (id.empty()) return nullptr;
    const auto found = map.find(id);
    if (found != map.end()) return &found->second;
    // Looking for a near name is for people; it must not make thousands of mistakes slow.
    std::vector<std::string_view> ids;
    for (auto entry = map.begin(); map.size() <= 256 && entry != map.end(); ++entry) ids.push_back(entry->first);
    const std::string_view near = mistakes_.dropped() == 0 ? nearest(id, ids) : std::string_view{};
    mistakes_.add(document, std::move(path), std::string{"there is no "} + kind + " \"" + id + "\"" + didYouMean(near));
    return nullptr;
  }

  void referMedia(const std::string& id, const std::string& document, std::string path) {
    if (!options_.media || options_.media->contains(id)) return;
    refer(documents_.media, "media", id, document, std::move(path));
  }

  void checkChannel(const Channel& channel) {
    const std::string document = "channel " + channel.id;
    refer(documents_.profiles, "profile", channel.profile, document, "/body/profile");
    if (!channel.slate.empty()) referMedia(channel.slate, document, "/body/slate");
  }

  void checkCampaign(const Campaign& campaign) {
    for (std::size_t i = 0; i < campaign.creatives.size(); ++i) {
      referMedia(campaign.creatives[i], "campaign " + campaign.id, "/body/creatives/" + std::to_string(i));
    }
    for (std::size_t l = 0; l < campaign.lines.size(); ++l) {
      const Line& line = campaign.lines[l];
      const std::string path = "/body/lines/" + std::to_string(l);
      for (std::size_t c = 0; c < line.creatives.size(); ++c) {
        refer(documents_.creatives, "creative", line.creatives[c].creative, "campaign " + campaign.id,
              path + "/creatives/" + std::to_string(c) + "/creative");
      }
      checkArm(line.arm, "campaign " + campaign.id, path);
    }
  }

  void checkArm(const ArmName& name, const std::string& document, const std::string& path) {
    if (name.empty()) return;
    const Experiment* experiment =
        refer(documents_.experiments, "experiment", name.experiment, document, path + "/arm/experiment");
    if (!experiment || name.arm.empty()) return;  // reported
    std::vector<std::string_view> arms;
    for (const Arm& arm : experiment->arms) arms.push_back(arm.id);
    if (std::find(arms.begin(), arms.end(), name.arm) != arms.end()) return;
    const std::string_view near = mistakes_.dropped() == 0 ? nearest(name.arm, arms) : std::string_view{};
    mistakes_.add(document, path + "/arm/arm",
                  "experiment \"" + name.experiment + "\" has no arm \"" + name.arm + "\"" + didYouMean(near));
  }

  // No bucket of a group belongs to two arms, of one experiment or of two. An experiment without a group has one by its
  // own id: what viewers are put into buckets by is the name alone.
  void checkExperiments() {
    struct Taken {
      Buckets buckets;
      std::string experiment, arm, path;
    };
    std::map<std::string, std::vector<Taken>> groups;
    for (const auto& [id, experiment] : documents_.experiments) {
      auto& group = groups[experiment.group.empty() ? id : experiment.group];
      for (std::size_t a = 0; a < experiment.arms.size(); ++a) {
        for (std::size_t b = 0; b < experiment.arms[a].buckets.size(); ++b) {
          group.push_back({experiment.arms[a].buckets[b], id, experiment.arms[a].id,
                           "/body/arms/" + std::to_string(a) + "/buckets/" + std::to_string(b)});
        }
      }
    }
    for (auto& [name, group] : groups) {
      std::stable_sort(group.begin(), group.end(),
                       [](const Taken& a, const Taken& b) { return a.buckets < b.buckets; });
      const Taken* last = nullptr;
      for (const Taken& each : group) {
        if (last && each.buckets.first < last->buckets.second) {
          mistakes_.add(
              "experiment " + each.experiment, each.path,
              "these buckets are those of arm \"" + last->arm + "\" of experiment \"" + last->experiment + "\" too");
        }
        if (!last || each.buckets.second > last->buckets.second) last = &each;
      }
    }
  }

  // One currency for an advertiser, and a rate for it.
  void checkCurrencies() {
    static const Monetisation kNone;
    const Monetisation& policy = documents_.monetisation ? *documents_.monetisation : kNone;
    std::map<std::string, std::pair<std::string, std::string>> used;  // advertiser -> currency, campaign
    for (const auto& [id, campaign] : documents_.campaigns) {
      if (campaign.lines.empty()) continue;
      const auto known = policy.advertisers.find(campaign.advertiser);
      const bool fixed = known != policy.advertisers.end() && !known->second.currency.empty();
      std::string currency = !campaign.currency.empty() ? campaign.currency
                             : fixed                    ? known->second.currency
                                                        : policy.currency;
      const std::string document = "campaign " + id;
      if (fixed && currency != known->second.currency) {
        mistakes_.add(document, "/body/currency",
                      "advertiser \"" + campaign.advertiser + "\" has the currency " + known->second.currency);
      } else if (currency != policy.currency && !policy.rates.contains(currency)) {
        mistakes_.add(document, "/body/currency", "the monetisation policy has no rate for " + currency);
      } else if (const auto [at, fresh] = used.emplace(campaign.advertiser, std::pair{currency, id});
                 !fresh && at->second.first != currency) {
        mistakes_.add(document, "/body/currency",
                      "expected one currency for advertiser \"" + campaign.advertiser + "\": campaign \"" +
                          at->second.second + "\" has " + at->second.first);
      }
    }
  }

  void checkRuleset(const Ruleset& ruleset) {
    document_ = "ruleset " + ruleset.id;
    channel_ = refer(documents_.channels, "channel", ruleset.channel, document_, "/body/channel");
    ruleset_ = &ruleset;
    for (std::size_t r = 0; r < ruleset.rules.size(); ++r) {
      const Rule& rule = ruleset.rules[r];
      checkArm(rule.arm, document_, "/body/rules/" + std::to_string(r));
      for (std::size_t a = 0; a < rule.actions.size(); ++a) {
        const std::string path = "/body/rules/" + std::to_string(r) + "/actions/" + std::to_string(a);
        std::visit([&](const auto& action) { check(action, path); }, rule.actions[a]);
      }
    }
  }

  void check(const ShowOverlay& show, const std::string& path) {
    const std::string base = path + "/showOverlay";
    const Overlay* overlay = refer(documents_.overlays, "overlay", show.overlay, document_, base + "/overlay");
    if (!overlay) return;
    for (const auto& [name, value] : show.values) checkValue(*overlay, name, value, base + "/values/" + name);
  }

  void checkValue(const Overlay& overlay, const std::string& name, const std::string& value, const std::string& path) {
    const auto field = std::find_if(overlay.fields.begin(), overlay.fields.end(),
                                    [&, &wanted = name](const OverlayField& f) { return f.name == wanted; });
    if (field == overlay.fields.end()) {
      std::vector<std::string_view> names;
      for (const OverlayField& f : overlay.fields) names.push_back(f.name);
      const std::string_view near = nearest(name, names);
      return mistakes_.add(document_, path, "overlay \"" + overlay.id + "\" has no such field" + didYouMean(near));
    }
    if (field->programme) return mistakes_.add(document_, path, "this field's value comes from the programme");
    const std::string_view wanted = templatePath(value);
    if (!wanted.empty()) {
      if (!declared(wanted)) {
        mistakes_.add(document_, path, "\"" + std::string{wanted} + "\" is not among this ruleset's fields");
      }
    } else if (std::find(field->domain.begin(), field->domain.end(), value) == field->domain.end()) {
      mistakes_.add(document_, path, "\"" + value + "\" is not in the domain of this field");
    }
  }

  // A declared field, or something below a declared map.
  bool declared(std::string_view path) const {
    return std::any_of(ruleset_->fields.begin(), ruleset_->fields.end(), [&](const Field& field) {
      return path == field.path || (field.type == FieldType::kMap && path.size() > field.path.size() &&
                                    path.starts_with(field.path) && path[field.path.size()] == '.');
    });
  }

  void check(const ReplaceSpan& replace, const std::string& path) {
    if (!replace.clip.empty()) referMedia(replace.clip, document_, path + "/replaceSpan/clip");
  }

  void check(const ChooseAudio& choose, const std::string& path) {
    if (!channel_ || choose.language.empty()) return;
    if (std::find(channel_->languages.begin(), channel_->languages.end(), choose.language) ==
        channel_->languages.end()) {
      mistakes_.add(document_, path + "/chooseAudio/language",
                    "the channel has no audio track in \"" + choose.language + "\"");
    }
  }

  void check(const FillBreaks& fill, const std::string& path) {
    for (std::size_t i = 0; i < fill.campaigns.size(); ++i) {
      refer(documents_.campaigns, "campaign", fill.campaigns[i], document_,
            path + "/fillBreaks/campaigns/" + std::to_string(i));
    }
  }

  const Documents& documents_;
  const LoadOptions& options_;
  Mistakes mistakes_;
  std::string document_;
  const Channel* channel_ = nullptr;
  const Ruleset* ruleset_ = nullptr;
};

}  // namespace

std::vector<DocumentError> checkReferences(const Documents& documents, const LoadOptions& options) {
  return Checker{documents, options}.run();
}

}  // namespace dvpe::model
