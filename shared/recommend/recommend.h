// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Which contents to show beside the player, and why.
#pragma once

#include "shared/recommend/model.h"

namespace dvpe::recommend {

struct Request {
  bool personalised = true;           // off: what is popular, whatever else is said here
  std::vector<std::string> liked;     // said so by the viewer
  std::vector<std::string> seen;      // the newest first; not recommended again
  std::vector<std::string> excluded;  // "not for me": never recommended, and what is like them comes later
  std::size_t most = 10;
};

enum class Reason { kPopular, kLiked, kSimilar };

struct Recommendation {
  std::string content;
  Reason reason = Reason::kPopular;
  std::string because;  // the content that weighed most, "" when popular
  bool operator==(const Recommendation&) const = default;
};

// The best first. Names that the model does not know count for nothing. Pure.
std::vector<Recommendation> recommend(const Model& model, const Request& request);

// The answer of GET /v1/recommendations: {"model", "personalised", "items": [{"content", "title", "because"}]}, because
// in words: "because you liked X", "similar to X", "popular now".
std::string answerOf(const Model& model, const Request& request);

}  // namespace dvpe::recommend
