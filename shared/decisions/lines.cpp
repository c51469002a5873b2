// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/impl/lines.h"

#include <algorithm>

#include "shared/decisions/impl/wide.h"

namespace dvpe::decisions {

bool CompiledLine::metered() const {
  if (house()) return false;
  const auto limited = [](const model::Budget& budget) { return budget.total != 0 || budget.day != 0; };
  return line->goal.kind == model::GoalKind::kImpressions || line->goal.kind == model::GoalKind::kCompletedViews ||
         limited(line->budget) || limited(campaign->budget);
}

namespace impl {

namespace {

// FNV-1a, 64 bits.
std::uint64_t drawKeyOf(std::string_view name) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  return hash;
}

// Whether a part of the day is open. One that runs past midnight belongs to the day on which it began.
bool inDaypart(const model::Daypart& part, unsigned weekday, int minute) {
  const auto on = [&](unsigned day) { return (part.days >> (day % 7) & 1U) != 0; };
  if (part.from < part.until) return on(weekday) && minute >= part.from && minute < part.until;
  return (on(weekday) && minute >= part.from) || (on(weekday + 6) && minute < part.until);
}

// What one impression earns. A flat price is spread over the goal; a share of voice has no number of impressions, its
// priority must carry it.
model::Micros worthOf(const model::Line& line) {
  switch (line.price.kind) {
    case model::PriceKind::kNone:
      return 0;
    case model::PriceKind::kCpm:
      return line.price.micros / 1000;
    case model::PriceKind::kCpcv:
      return line.price.micros;  // a slot that was delivered to its end is a completed view
    case model::PriceKind::kFlat:
      return line.goal.kind == model::GoalKind::kShareOfVoice
                 ? 0
                 : line.price.micros / std::max<std::int64_t>(line.goal.amount, 1);
  }
  return 0;
}

// In the policy's currency.
model::Micros converted(const model::Documents& documents, const model::Campaign& campaign, model::Micros amount) {
  if (!documents.monetisation) return amount;
  const model::Monetisation& policy = *documents.monetisation;
  std::string currency = campaign.currency;
  const auto advertiser = policy.advertisers.find(campaign.advertiser);
  if (currency.empty() && advertiser != policy.advertisers.end()) currency = advertiser->second.currency;
  const auto rate = policy.rates.find(currency);
  if (currency.empty() || currency == policy.currency || rate == policy.rates.end()) return amount;
  return static_cast<model::Micros>(
      std::min<impl::Wide>(static_cast<impl::Wide>(amount) * rate->second / 1'000'000, kMostWorth));
}

void addCaps(std::vector<CapOf>& out, Level level, Key key, const std::vector<model::Cap>& caps) {
  for (const model::Cap& cap : caps) out.push_back({level, key, cap});
}

std::uint16_t number(std::vector<std::string>& categories, const std::string& name) {
  const auto found = std::find(categories.begin(), categories.end(), name);
  if (found == categories.end()) {
    categories.push_back(name);
    return static_cast<std::uint16_t>(categories.size() - 1);
  }
  return static_cast<std::uint16_t>(found - categories.begin());
}

class Layout {
 public:
  Layout(const model::Documents& documents, const model::Channel& channel, const model::Campaign& campaign,
         std::vector<std::string>& categories, std::vector<model::DocumentError>& errors)
      : documents_(documents), channel_(channel), campaign_(campaign), categories_(categories), errors_(errors) {}

  CompiledLine run(const model::Line* line) {
    CompiledLine out;
    out.campaign = &campaign_;
    out.line = line;
    out.name = line ? campaign_.id + "/" + line->id : campaign_.id;
    out.key = keyOf(Level::kLine, out.name);
    out.campaignKey = keyOf(Level::kCampaign, campaign_.id);
    out.advertiserKey = keyOf(Level::kAdvertiser, campaign_.advertiser);
    out.drawKey = drawKeyOf(out.name);
    flight(out);
    if (line) {
      out.worth = std::min<std::int64_t>(converted(documents_, campaign_, worthOf(*line)), kMostWorth);
      out.arm = armOf(documents_, line->arm);
      addCaps(out.caps, Level::kLine, out.key, line->caps);
    }
    addCaps(out.caps, Level::kCampaign, out.campaignKey, campaign_.caps);
    if (documents_.monetisation) {
      const auto& advertisers = documents_.monetisation->advertisers;
      const auto known = advertisers.find(campaign_.advertiser);
      if (known != advertisers.end()) addCaps(out.caps, Level::kAdvertiser, out.advertiserKey, known->second.caps);
    }
    out.never = never();
    creatives(out);
    return out;
  }

 private:
  void mistake(const std::string& path, std::string message) {
    model::DocumentError error{"campaign " + campaign_.id, path, std::move(message)};
    if (std::find(errors_.begin(), errors_.end(), error) == errors_.end()) errors_.push_back(std::move(error));
  }

  // The campaign's flight and, within it, the line's.
  void flight(CompiledLine& out) {
    if (campaign_.timezone != "UTC") {
      try {
        out.zone = date::locate_zone(campaign_.timezone);
      } catch (const std::exception&) {
        mistake("/body/timezone", "there is no time zone \"" + campaign_.timezone + "\" (IANA, such as Europe/Berlin)");
        return;
      }
    }
    for (const model::Flight* each : {&campaign_.flight, out.line ? &out.line->flight : nullptr}) {
      if (!each) continue;
      out.from = std::max(out.from, instant(each->from, out.zone, base::WallTime::min()));
      out.until = std::min(out.until, instant(each->until, out.zone, base::WallTime::max()));
    }
  }

  std::string never() const {
    const auto& channels = campaign_.excludeChannels;
    const auto& ratings = campaign_.excludeRatings;
    if (std::find(channels.begin(), channels.end(), channel_.id) != channels.end()) {
      return "the campaign excludes this channel";
    }
    if (!channel_.rating.empty() && std::find(ratings.begin(), ratings.end(), channel_.rating) != ratings.end()) {
      return "the campaign excludes the rating " + channel_.rating;
    }
    return {};
  }

  void creatives(CompiledLine& out) {
    if (!out.line) {
      for (const std::string& media : campaign_.creatives) {
        CompiledCreative creative;
        creative.media = media;
        creative.key = keyOf(Level::kCreative, media);
        label(creative);
        out.creatives.push_back(std::move(creative));
      }
      return;
    }
    for (const model::LineCreative& each : out.line->creatives) {
      const auto found = documents_.creatives.find(each.creative);
      if (found == documents_.creatives.end()) {
        mistake("/body/lines", "there is no creative \"" + each.creative + "\"");
        continue;
      }
      CompiledCreative creative;
      creative.creative = &found->second;
      creative.media = found->second.media;
      creative.key = keyOf(Level::kCreative, each.creative);
      creative.weight = each.weight;
      addCaps(creative.caps, Level::kCreative, creative.key, found->second.caps);
      label(creative);
      out.creatives.push_back(std::move(creative));
    }
  }

  void label(CompiledCreative& out) {
    out.mediaKey = keyOf(Level::kCreative, "media/" + out.media);  // no creative has such a name
    std::vector<std::string> all = campaign_.categories;
    if (out.creative) all.insert(all.end(), out.creative->categories.begin(), out.creative->categories.end());
    const auto& blocked = channel_.blockedCategories;
    for (const std::string& category : all) {
      const std::uint16_t n = number(categories_, category);
      if (std::find(out.categories.begin(), out.categories.end(), n) == out.categories.end())
        out.categories.push_back(n);
      if (std::find(blocked.begin(), blocked.end(), category) != blocked.end()) {
        out.never = "the channel shows no advertising of the category " + category;
      }
    }
    if (out.creative && out.creative->minAge > channel_.audienceAge) {
      out.never = "it is for viewers of " + std::to_string(out.creative->minAge) + " and older";
    }
  }

  const model::Documents& documents_;
  const model::Channel& channel_;
  const model::Campaign& campaign_;
  std::vector<std::string>& categories_;
  std::vector<model::DocumentError>& errors_;
};

}  // namespace

bool inDayparts(const model::Line& line, const date::time_zone* zone, base::WallTime at) {
  if (line.dayparts.empty()) return true;
  const auto utc = std::chrono::floor<std::chrono::minutes>(at);
  const auto local =
      zone ? std::chrono::floor<std::chrono::minutes>(zone->to_local(utc).time_since_epoch()) : utc.time_since_epoch();
  const auto days = std::chrono::floor<std::chrono::days>(local);
  const auto weekday = static_cast<unsigned>((days.count() % 7 + 7 + 3) % 7);  // 1970-01-01 was a Thursday
  const auto minute = static_cast<int>((local - days).count());
  return std::any_of(line.dayparts.begin(), line.dayparts.end(),
                     [&](const model::Daypart& part) { return inDaypart(part, weekday, minute); });
}

base::WallTime instant(model::LocalTime local, const date::time_zone* zone, base::WallTime otherwise) {
  if (local == model::LocalTime::min() || local == model::LocalTime::max()) return otherwise;
  const auto seconds = local.time_since_epoch();
  if (zone == nullptr) return base::WallTime{seconds};
  return base::WallTime{zone->to_sys(date::local_seconds{seconds}, date::choose::earliest).time_since_epoch()};
}

ArmOf armOf(const model::Documents& documents, const model::ArmName& name) {
  if (name.empty()) return {};
  const auto found = documents.experiments.find(name.experiment);
  if (found == documents.experiments.end()) return {name.experiment, nullptr};
  const std::string& salt = found->second.group.empty() ? name.experiment : found->second.group;
  for (const model::Arm& arm : found->second.arms) {
    if (arm.id == name.arm) return {salt, &arm};
  }
  return {salt, nullptr};
}

CompiledLine layOut(const model::Documents& documents, const model::Channel& channel, const model::Campaign& campaign,
                    const model::Line* line, std::vector<std::string>& categories,
                    std::vector<model::DocumentError>& errors) {
  return Layout{documents, channel, campaign, categories, errors}.run(line);
}

}  // namespace impl

}  // namespace dvpe::decisions
