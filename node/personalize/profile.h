// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a viewer has said in a session of what they see, and what that changes for them: in this session alone.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"

namespace dvpe::personalize {

enum class Verb : std::uint8_t { kLike, kDislike, kHide, kUndo };
// "like", "dislike", "hide", "undo"; nothing: no such verb.
std::optional<Verb> verbOf(std::string_view name);
std::string_view nameOf(Verb verb);

// Of one thing: an advertisement's campaign, or a content item.
struct Opinion {
  Verb verb = Verb::kLike;          // never kUndo
  std::string campaign, content;    // one of them
  std::vector<std::string> topics;  // of it, as far as the viewer lets a profile be made of them
  std::int64_t at = 0;              // seconds since 1970
  bool operator==(const Opinion&) const = default;
};

// A list of opinions, the newest last, one for each thing: what is undone is as if it had never been said. A value.
class Profile {
 public:
  static constexpr std::size_t kMostOpinions = 64;  // beyond them the oldest are forgotten
  static constexpr std::size_t kMostTopics = 8;     // of one opinion
  static constexpr std::size_t kLongest = 64;       // bytes of a topic, a campaign or a content item
  static constexpr std::int64_t kHalfLife = 1800;   // seconds until an opinion counts half as much
  static constexpr double kStep = 0.3;              // what one opinion moves an interest by, at first

  // Takes the place of what was said of the same thing.
  void say(Opinion opinion);
  // False: nothing was said of it.
  bool undo(std::string_view campaign, std::string_view content);

  // `interests` (topic -> 0 to 1) of a viewer's attributes as they are now: what the platform said, or one half, moved
  // by the opinions as far as they still count.
  void apply(model::Map& attributes, std::int64_t now) const;
  // Campaigns that the viewer does not want to see: hidden or disliked. Lives as long as it is not changed.
  const std::vector<std::string>& hidden() const { return hidden_; }
  bool empty() const { return opinions_.empty(); }

  boost::json::array toJson() const;
  // What toJson() made. kInvalidInput.
  static base::Result<Profile> parse(const boost::json::value& json);

  bool operator==(const Profile& other) const { return opinions_ == other.opinions_; }

 private:
  void changed();

  std::vector<Opinion> opinions_;
  std::vector<std::string> hidden_;  // made of them
};

}  // namespace dvpe::personalize
