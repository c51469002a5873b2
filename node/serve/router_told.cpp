// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What players tell: events, and what viewers think of what they see.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "node/serve/answered.h"
#include "node/serve/answers.h"
#include "node/serve/router.h"
#include "node/serve/told.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::serve {

namespace asio = boost::asio;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t kMaxEventsBody = 64 * 1024;

}  // namespace

// Whose session "session" is, in whose scope it may be looked at: `look` is called with its claims and view.
template <class T, class Look>
Result<T> Router::withSession(int number, const boost::json::object& body, const Look& look) {
  Loop& loop = loops_[static_cast<std::size_t>(number)];
  DVPE_TRY(const std::string_view token, toldText(body, "session", privacy::kMaxToken));
  privacy::ClaimsView claims;
  if (auto opened = loop.opener->openInto(token, clock_.wallSeconds(), claims); !opened) {
    refusedTokens_.add();
    return fail(ErrorCode::kRefused, "'session': this is not a session of ours, or it has expired");
  }
  const personalize::SessionTable::ReadScope scope(director_.table(), number);
  const auto* view = director_.table().peek(claims.sessionId);  // not seen: what counts as delivered is asked for
  if (view == nullptr) return fail(ErrorCode::kNotFound, "the session is gone: start a new one");
  return look(claims, *view);
}

// POST /v1/events: {"session":…, "events":[…]}. Answered when they are on disk.
asio::awaitable<void> Router::events(int loop, const Request& request, Response& response) {
  response.headers.clear();
  if (intake_ == nullptr) {
    answerError(response, 404, "not_found", "this node keeps no events");
    co_return;
  }
  auto body = toldBody(request.body, kMaxEventsBody);
  auto checked = body
                     ? withSession<EventIntake::Checked>(
                           loop, body.value(),
                           [&](const auto& claims, const auto& view) {
                             const auto* told = body.value().if_contains("events");
                             return intake_->check(told != nullptr ? *told : boost::json::value(nullptr), claims, view);
                           })
                     : Result<EventIntake::Checked>(body.as_failure());
  if (!checked) {
    eventsRefused_.add();
    answerError(response, checked.error());
    co_return;
  }
  EventIntake::Checked& of = checked.value();
  eventsRefused_.add(of.refused.size());
  if (!of.events.empty()) {
    auto written = co_await answered<Result<void>>([&](const auto& answer) {
      if (auto taken = options_.events->append(of.events, answer); !taken) answer(std::move(taken));
    });
    if (!written) {
      intake_->giveBack(of.session, of.numbers);
      answerError(response, 503, "unavailable", "events cannot be kept now: send them again later");
      co_return;
    }
  }
  eventsAccepted_.add(of.events.size());
  response.contentType = "application/json";
  response.headers += kPrivate;
  boost::json::object answer{{"accepted", of.events.size()}, {"refused", std::move(of.refused)}};
  if (!of.slots.empty()) answer["slots"] = std::move(of.slots);
  response.body = boost::json::serialize(answer);
}

// {"verb", and either a slot or "content" and "topics"}
Result<personalize::Feedback> Router::readFeedback(const boost::json::object& body,
                                                   const personalize::SessionView& view) const {
  using personalize::Profile;
  personalize::Feedback out;
  DVPE_TRY(const std::string_view verb, toldText(body, "verb", 16));
  const auto known = personalize::verbOf(verb);
  if (!known) return fail(ErrorCode::kInvalidInput, "'verb': like, dislike, hide or undo is expected");
  out.verb = *known;
  DVPE_TRY(const std::int64_t n, toldNumber(body, "n", kMostToldNumber));
  out.number = static_cast<std::uint64_t>(n);
  if (body.contains("tick") || body.contains("slot")) {
    DVPE_TRY(const ToldSlot slot, slotOf(body, view, options_.channels[view.channel].facts.grid.unit()));
    out.about = slot.pod->pieces[static_cast<std::size_t>(slot.number - 1)].what;
    out.day = events::dayOf(base::toWall(options_.channels[view.channel].facts.epoch, slot.pod->start));
    out.breakNumber = slot.pod->number;
    out.slot = static_cast<std::uint16_t>(slot.number);
    return out;
  }
  DVPE_TRY(const std::string_view content, toldText(body, "content", Profile::kLongest));
  out.content = content;
  if (out.verb == personalize::Verb::kHide)
    return fail(ErrorCode::kInvalidInput, "'verb': advertisements can be hidden: a slot is expected");
  const auto* topics = body.if_contains("topics");
  if (topics == nullptr) return out;
  if (!topics->is_array() || topics->get_array().size() > Profile::kMostTopics)
    return fail(ErrorCode::kInvalidInput, "'topics': a list of at most 8 is expected");
  for (const auto& topic : topics->get_array()) {
    if (!topic.is_string() || topic.get_string().empty() || topic.get_string().size() > Profile::kLongest)
      return fail(ErrorCode::kInvalidInput, "'topics': words of at most 64 bytes are expected");
    out.topics.emplace_back(topic.get_string());
  }
  return out;
}

// POST /v1/feedback: {"session":…, "verb":…, …}. Answered when it is on disk and decided by.
asio::awaitable<void> Router::feedback(int loop, const Request& request, Response& response) {
  response.headers.clear();
  auto body = toldBody(request.body);
  privacy::SessionId session{};
  auto read = body ? withSession<personalize::Feedback>(loop, body.value(),
                                                        [&](const auto& claims, const auto& view) {
                                                          session = claims.sessionId;
                                                          return readFeedback(body.value(), view);
                                                        })
                   : Result<personalize::Feedback>(body.as_failure());
  if (!read) {
    feedbackRefused_.add();
    answerError(response, read.error());
    co_return;
  }
  auto heard = co_await asio::co_spawn(director_.executor(), director_.feedback(session, std::move(read).value()),
                                       asio::use_awaitable);
  if (!heard.result) {
    feedbackRefused_.add();
    answerError(response, heard.result.error());
    co_return;
  }
  feedbackHeard_.add();
  response.contentType = "application/json";
  response.headers += kPrivate;
  response.body = "{\"done\":\"" + heard.result.value() + "\"}";
}

}  // namespace dvpe::serve
