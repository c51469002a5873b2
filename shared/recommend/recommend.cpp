// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/recommend/recommend.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

namespace dvpe::recommend {

namespace json = boost::json;

namespace {

constexpr std::size_t kMostHistory = 64;  // of each kind; what is further back says little
constexpr double kLiked = 2;              // a like against having viewed
constexpr double kSharpness = 4;          // how much a viewer's own taste counts against popularity

struct Score {
  double own = 0;   // how much the viewer's history speaks for it
  double best = 0;  // the most that one content of it says
  double against = 0;
  std::uint32_t because = 0;
  bool liked = false, byContent = false, barred = false;
};

void weigh(const Model& model, const std::vector<std::string>& names, double weight, std::vector<Score>& scores,
           double& total) {
  for (std::size_t n = 0; n < std::min(names.size(), kMostHistory); ++n) {
    const std::int64_t place = model.find(names[n]);
    if (place < 0) continue;
    const bool liked = weight == kLiked;
    total += weight;
    scores[static_cast<std::size_t>(place)].barred = true;
    for (const Neighbour& each : model.items[static_cast<std::size_t>(place)].neighbours) {
      Score& score = scores[each.item];
      const double part = weight * each.weight / 1000.0;
      score.own += part;
      if (part <= score.best) continue;
      score.best = part;
      score.because = static_cast<std::uint32_t>(place);
      score.liked = liked;
      score.byContent = each.byContent;
    }
  }
}

void pushDown(const Model& model, const std::vector<std::string>& names, std::vector<Score>& scores) {
  for (std::size_t n = 0; n < std::min(names.size(), kMostHistory); ++n) {
    const std::int64_t place = model.find(names[n]);
    if (place < 0) continue;
    const Item& excluded = model.items[static_cast<std::size_t>(place)];
    for (const Neighbour& each : excluded.neighbours) scores[each.item].against += each.weight / 1000.0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      scores[i].against += 2 * likeness(excluded.features, model.items[i].features);
    }
  }
  // Each of them, however long the list: what a viewer has refused is not offered again.
  for (const std::string& name : names) {
    if (const std::int64_t place = model.find(name); place >= 0) scores[static_cast<std::size_t>(place)].barred = true;
  }
}

}  // namespace

std::vector<Recommendation> recommend(const Model& model, const Request& request) {
  std::vector<Score> scores(model.items.size());
  double total = 0;
  if (request.personalised) {
    weigh(model, request.liked, kLiked, scores, total);
    std::vector<std::string> seen;
    for (const std::string& name : request.seen) {
      if (std::find(request.liked.begin(), request.liked.end(), name) == request.liked.end()) seen.push_back(name);
      if (const std::int64_t at = model.find(name); at >= 0) scores[static_cast<std::size_t>(at)].barred = true;
    }
    weigh(model, seen, 1, scores, total);
    pushDown(model, request.excluded, scores);
  }
  std::vector<std::pair<double, std::uint32_t>> order;
  for (std::uint32_t i = 0; i < scores.size(); ++i) {
    if (scores[i].barred) continue;
    const double taste = total > 0 ? kSharpness * scores[i].own / total : 0;
    const double popularity =
        static_cast<double>(model.items[i].popularity) + 1;  // one that nobody knows yet counts too
    order.emplace_back(-popularity * (1 + taste) / (1 + scores[i].against), i);
  }
  const std::size_t count = std::min(request.most, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end());
  std::vector<Recommendation> out;
  for (std::size_t n = 0; n < count; ++n) {
    const Score& score = scores[order[n].second];
    Recommendation each{model.items[order[n].second].content, Reason::kPopular, ""};
    if (score.best > 0) {
      each.reason = score.liked && !score.byContent ? Reason::kLiked : Reason::kSimilar;
      each.because = model.items[score.because].content;
    }
    out.push_back(std::move(each));
  }
  return out;
}

std::string answerOf(const Model& model, const Request& request) {
  const auto title = [&](const std::string& content) {
    const std::int64_t place = model.find(content);
    const std::string& found = place < 0 ? content : model.items[static_cast<std::size_t>(place)].features.title;
    return found.empty() ? content : found;
  };
  json::array items;
  for (const Recommendation& each : recommend(model, request)) {
    const std::string because = each.reason == Reason::kPopular ? "popular now"
                                : each.reason == Reason::kLiked ? "because you liked " + title(each.because)
                                                                : "similar to " + title(each.because);
    items.push_back(json::object{{"content", each.content}, {"title", title(each.content)}, {"because", because}});
  }
  return json::serialize(
      json::object{{"model", model.number}, {"personalised", request.personalised}, {"items", std::move(items)}});
}

}  // namespace dvpe::recommend
