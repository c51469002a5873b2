// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The one walk over the rules that both choose() and explain() take, so that they cannot differ.
#pragma once

#include "shared/decisions/explain.h"

namespace dvpe::decisions {

struct Workspace::Data {
  explicit Data(const rules::Index& of) : index(of) {}
  rules::Index::Workspace index;
  std::vector<std::uint32_t> matched;
  std::vector<bool> trueRules;
  std::vector<std::pair<CompiledLine::LetIn, std::uint32_t>> lines;
};

namespace impl {

// A viewer on a channel: the viewer's attributes, channel.id, the moment, and what the viewer has seen.
class OnChannel final : public rules::AttributeSource {
 public:
  OnChannel(const Viewer& viewer, const model::Value& id) : viewer_(viewer), id_(id) {}
  const model::Value* find(std::string_view path) const override {
    return isId(path) ? &id_ : viewer_.attributes.find(path);
  }
  const std::vector<Entry>* entriesByPath() const override { return viewer_.attributes.entriesByPath(); }
  bool holds(std::string_view path) const override { return isId(path) || viewer_.attributes.holds(path); }
  bool consents(std::string_view purpose) const override { return viewer_.attributes.consents(purpose); }
  std::string_view identity() const override { return viewer_.attributes.identity(); }
  std::optional<base::WallTime> now() const override { return viewer_.at; }
  std::optional<std::int64_t> frequency(std::string_view campaign, std::chrono::seconds within) const override {
    if (!viewer_.history || !viewer_.at) return std::nullopt;
    const auto now =
        static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(*viewer_.at).time_since_epoch().count());
    if (!viewer_.history->holds(now, within)) return std::nullopt;
    return viewer_.history->count(keyOf(Level::kCampaign, campaign), now, within);
  }

 private:
  static bool isId(std::string_view path) { return path == "channel.id"; }
  const Viewer& viewer_;
  const model::Value& id_;
};

// Fills `choice`; with a report, also why. workspace: null makes one.
void walk(const Compiled& compiled, std::string_view channel, const Viewer& viewer, Workspace* workspace,
          Choice& choice, Report* report);

}  // namespace impl

}  // namespace dvpe::decisions
