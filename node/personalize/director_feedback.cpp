// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What viewers say of what they see, and what that changes for them at once.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "node/personalize/director_binding.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {

namespace asio = boost::asio;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr auto kGather = std::chrono::milliseconds(50);  // one flush for all that is said meanwhile
constexpr std::size_t kMostWaiting = 2000;

}  // namespace

// Opinions that wait for the next flush, and who waits for them.
struct Director::Spoken {
  explicit Spoken(asio::io_context& context) : done(context, std::chrono::steady_clock::time_point::max()) {}
  struct One {
    privacy::SessionId id{};
    Feedback feedback;
    Result<void> result = fail(ErrorCode::kUnavailable, "this could not be kept");
  };
  std::deque<One> all;
  asio::steady_timer done;
};

Result<rules::Attributes> Director::attributesFor(privacy::SessionClaims claims, const Record& record) const {
  if (record.profile) record.profile->apply(claims.attributes, clock_.wallSeconds());
  return attributesOf(claims);
}

asio::awaitable<Reply> Director::feedback(privacy::SessionId id, Feedback feedback) {
  if (!records_.contains(id)) co_return Reply{fail(ErrorCode::kNotFound, "this session is not known here")};
  if (!spoken_) {
    spoken_ = std::make_shared<Spoken>(context_);
    asio::co_spawn(context_, hearSpoken(), asio::detached);
  }
  const auto spoken = spoken_;
  if (spoken->all.size() >= kMostWaiting) co_return Reply{fail(ErrorCode::kUnavailable, "too much at once")};
  // One of a session in a flush: somebody who says more is no person.
  const auto same = [&id](const Spoken::One& one) { return one.id == id; };
  if (std::any_of(spoken->all.begin(), spoken->all.end(), same))
    co_return Reply{fail(ErrorCode::kUnavailable, "one thing after the other: say it again")};
  auto& mine =
      spoken->all.emplace_back(Spoken::One{id, std::move(feedback)});  // a deque's elements stay where they are
  co_await spoken->done.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!mine.result) co_return Reply{mine.result.as_failure()};
  co_return Reply{std::string(mine.feedback.verb == Verb::kUndo ? "undone" : "heard")};
}

asio::awaitable<void> Director::hearSpoken() {
  asio::steady_timer timer(context_, kGather);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto spoken = std::move(spoken_);
  spoken_.reset();
  std::vector<SessionView> changed;
  std::vector<std::pair<Spoken::One*, std::unique_ptr<Profile>>> before;
  beginAnew();
  for (Spoken::One& one : spoken->all) {
    const auto record = records_.find(one.id);
    const SessionView* view = table_.peek(one.id);
    if (error || record == records_.end() || view == nullptr) continue;
    auto old = record->second.profile ? std::make_unique<Profile>(*record->second.profile) : nullptr;
    one.result = hear(one.feedback, record->second, *view, changed);
    if (one.result) before.emplace_back(&one, std::move(old));
  }
  const bool kept = changed.empty() || commitBound("feedback", changed, nullptr);
  for (auto& [one, old] : before) {
    const auto record = records_.find(one->id);
    if (record == records_.end()) continue;
    if (kept) {
      tellFeedback(one->id, record->second, one->feedback);
    } else {  // as it is on disk
      record->second.profile = std::move(old);
      one->result = fail(ErrorCode::kUnavailable, "this could not be kept: say it again later");
    }
  }
  flushEvents();
  spoken->done.cancel();
}

// The topics of an advertisement are what its documents call its categories. Profiles are made as far as the viewer
// lets that be done; that somebody does not want to see something again needs no consent.
Result<void> Director::hear(const Feedback& feedback, Record& record, const SessionView& old,
                            std::vector<SessionView>& changed) {
  const auto claims = tokens_.open(record.token, 0);
  if (!claims) return claims.as_failure();
  ChannelState& channel = *channels_[record.channel];
  Era& era = channel.eraAt(channel.now() + Ticks{1});
  auto profile = record.profile ? std::make_unique<Profile>(*record.profile) : std::make_unique<Profile>();
  const std::string campaign = feedback.about ? feedback.about->campaign : std::string();
  if (feedback.verb == Verb::kUndo) {
    if (!profile->undo(campaign, feedback.content)) return fail(ErrorCode::kNotFound, "nothing was said of it");
  } else {
    Opinion opinion{feedback.verb, campaign, feedback.content, {}, clock_.wallSeconds()};
    if (!campaign.empty() && claims.value().consented("ads_profile")) {
      opinion.topics = topicsOf(era.compiled->documents(), *feedback.about);
    } else if (campaign.empty() && claims.value().consented("content_profile")) {
      opinion.topics = feedback.topics;
    }
    profile->say(std::move(opinion));
  }
  std::swap(record.profile, profile);
  DVPE_TRY(const auto attributes, attributesFor(claims.value(), record));
  const decisions::Viewer viewer = viewerOf(record, attributes);
  const decisions::Choice choice = choose(channel, era, viewer);
  SessionView view = old;
  if (changeCohort(channel, choice, channel.now() + Ticks{1}, view)) tellChosen(view.id, record, choice);
  if (auto kept = journal(view.id, record, view); !kept) {
    std::swap(record.profile, profile);
    return kept;
  }
  prepare(channel, era, record, view.id, viewer, choice);
  if (Era& coming = channel.eras.back(); coming.number != era.number) {
    const decisions::Choice later = choose(channel, coming, viewer);
    record.next = std::make_unique<std::pair<std::uint32_t, decisions::Ready>>(
        coming.number, decideFor(coming, view.id, viewer, later, channel.nextBreak, false));
  }
  changed.push_back(std::move(view));
  return base::success();
}

std::vector<std::string> Director::topicsOf(const model::Documents& documents, const PlacedCreative& about) {
  std::vector<std::string> out;
  const auto add = [&out](const std::vector<std::string>& topics) {
    for (const std::string& topic : topics) {
      if (out.size() < Profile::kMostTopics && topic.size() <= Profile::kLongest) out.push_back(topic);
    }
  };
  if (const auto at = documents.campaigns.find(about.campaign); at != documents.campaigns.end())
    add(at->second.categories);
  if (const auto at = documents.creatives.find(about.creative); at != documents.creatives.end())
    add(at->second.categories);
  return out;
}

}  // namespace dvpe::personalize
