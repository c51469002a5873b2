// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What may wait: new sessions, explain, cues.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "node/serve/answered.h"
#include "node/serve/answers.h"
#include "node/serve/query.h"
#include "node/serve/router.h"
#include "node/serve/told.h"
#include "shared/model/reader.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::serve {

namespace asio = boost::asio;
using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t kMaxToken = 12 * 1024;  // what is longer than a token may be is refused by who checks tokens

Result<std::string> text(const boost::json::object& o, std::string_view key, std::size_t most = 128) {
  const auto* v = o.if_contains({key.data(), key.size()});
  if (v == nullptr) return std::string();
  if (!v->is_string() || v->as_string().size() > most) {
    return fail(ErrorCode::kInvalidInput,
                "'" + std::string(key) + "': a text of at most " + std::to_string(most) + " characters is expected");
  }
  return std::string(v->as_string());
}

Result<Ticks> ticksOf(const boost::json::object& o, std::string_view key, base::WallTime epoch) {
  const auto* v = o.if_contains({key.data(), key.size()});
  if (v == nullptr) return Ticks{0};
  if (v->is_number()) {
    const double unix = v->to_number<double>();
    if (unix > 0 && unix < 4e9)
      return base::fromWall(epoch, base::WallTime{std::chrono::microseconds{static_cast<std::int64_t>(unix * 1e6)}});
  }
  return fail(ErrorCode::kInvalidInput, "'" + std::string(key) + "': seconds since 1970 are expected");
}

// What stands between the two, when the path has both and something between.
std::optional<std::string_view> between(std::string_view path, std::string_view prefix, std::string_view suffix) {
  if (path.size() <= prefix.size() + suffix.size() || !path.starts_with(prefix) || !path.ends_with(suffix))
    return std::nullopt;
  return path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
}

// The token of a session for whom identify() found; empty: the answer says why there is none.
asio::awaitable<std::string> admitted(personalize::Director& director, Result<personalize::NewSession> who,
                                      Response& response) {
  if (who) {
    auto token =
        (co_await asio::co_spawn(director.executor(), director.create(std::move(who).value()), asio::use_awaitable))
            .result;
    if (token) co_return token.value();
    answerError(response, token.error());
  } else {
    answerError(response, who.error());
  }
  co_return std::string();
}

// "at=2026-03-01T20:00:00Z", perhaps with its colons escaped, and perhaps the mark of a redirect.
bool instantOf(std::string_view query, std::optional<base::WallTime>& out) {
  const std::string_view mark = query.substr(query.find_last_of('&') + 1);  // npos + 1 is 0
  if (!queryValue(mark, kRedirected).empty()) {
    query.remove_suffix(std::min(query.size(), mark.size() + 1));
    if (query.empty()) return true;
  }
  if (query.size() > 64 || !query.starts_with("at=")) return false;
  std::string text(query.substr(3));
  for (std::size_t i; (i = text.find("%3A")) != std::string::npos || (i = text.find("%3a")) != std::string::npos;) {
    text.replace(i, 3, ":");
  }
  model::Mistakes mistakes;
  base::WallTime at{};
  if (!model::readInstant({nullptr, {}, {}, &mistakes}, text, at)) return false;
  out = at;
  return true;
}

constexpr std::string_view kChannels = "/v1/channels/", kCues = "/cues", kLive = "/live/", kIndex = "/index.m3u8";

}  // namespace

asio::awaitable<void> Router::handleSlow(int loop, const Request& request, Response& response) {
  std::string_view path = request.path;
  response.headers += "Cache-Control: no-store\r\n";
  const bool reads = request.method == Method::kGet || request.method == Method::kHead;
  if (path == "/v1/sessions" && request.method == Method::kPost) {
    co_await newSession(request, response);
  } else if (path == "/v1/events" && request.method == Method::kPost) {
    co_await events(loop, request, response);
  } else if (path == "/v1/feedback" && request.method == Method::kPost) {
    co_await feedback(loop, request, response);
  } else if (path == "/v1/privacy/erasure" && request.method == Method::kPost) {
    co_await erasure(loop, request, response);
  } else if (path.starts_with("/v1/explain/") && reads) {
    path.remove_prefix(12);
    co_await explain(path, request, response);
  } else if (between(path, kChannels, kCues) && request.method == Method::kPost) {
    co_await cues(request, response);
  } else if (between(path, kLive, kIndex) && reads) {
    co_await live(request, response);
  } else {
    response.headers.clear();
    answerError(response, 404, "not_found", "there is nothing here");
  }
}

// Who asks: a persona of the demo, a platform's token, or nobody in particular (no attributes, no consent).
Result<personalize::NewSession> Router::identify(const std::string& channel, std::string_view persona,
                                                 std::string_view jwt) {
  personalize::NewSession session;
  session.channel = channel;
  std::array<std::uint8_t, 16> fresh{};
  random_.fill(fresh);
  std::string jti = base::hex(fresh), subject = jti;
  if (!jwt.empty()) {
    if (!options_.verifier)
      return fail(ErrorCode::kUnsupported, "this node takes no platform tokens: secrets.platform_keys_file is not set");
    DVPE_TRY(auto identity, options_.verifier(jwt));
    if (!identity.channel.empty() && identity.channel != channel)
      return fail(ErrorCode::kRefused, "the token is for another channel");
    jti = std::move(identity.jti);
    subject = std::move(identity.subject);
    session.attributes = std::move(identity.attributes);
    session.purposes = std::move(identity.purposes);
  } else if (!persona.empty()) {
    const auto it = options_.personas.find(std::string(persona));
    if (it == options_.personas.end()) return fail(ErrorCode::kNotFound, "there is no persona of that name");
    subject = "persona " + it->first;
    session.attributes = it->second.attributes;
    session.purposes = it->second.purposes;
  }
  if (jwt.empty() && persona.empty()) subject = strangerAtHome(std::move(subject));
  session.id = privacy::sessionId(*options_.pseudonymKey, jti, channel);
  session.pseudonym = privacy::pseudonym(*options_.pseudonymKey, subject);
  return session;
}

// A subject for nobody in particular: one whose home is here. Nothing is known of them anywhere, and what becomes known
// is for this session, which is here.
std::string Router::strangerAtHome(std::string subject) {
  constexpr int kTries = 1024;  // of 64 nodes one in 10 million finds none
  std::array<std::uint8_t, 16> fresh{};
  for (int i = 0; i < kTries; ++i) {
    if (options_.homes->here(privacy::pseudonym(*options_.pseudonymKey, subject))) break;
    random_.fill(fresh);
    subject = base::hex(fresh);
  }
  return subject;
}

// What stands before the paths that viewers are given. Sessions and handles are known to the node that made them: with
// others about, the address says which, whatever stands in front of them all.
std::string_view Router::origin() const {
  const personalize::Homes& homes = *options_.homes;
  return homes.several() ? homes.peers()[homes.self()].url : std::string_view{};
}

// GET /v1/explain/{session}[?at=INSTANT]
asio::awaitable<void> Router::explain(std::string_view token, const Request& request, Response& response) {
  response.headers.clear();
  std::optional<base::WallTime> at;
  if (!request.query.empty() && !instantOf(request.query, at)) {
    answerError(response, 400, "invalid", "expected at=2026-03-01T20:00:00Z and nothing else");
    co_return;
  }
  personalize::Explained answer =
      co_await asio::co_spawn(director_.executor(), director_.explain(std::string(token), at), asio::use_awaitable);
  auto& explained = answer.result;
  if (!explained) {
    if (answer.stranger && sentHome(*answer.stranger, request, response)) co_return;
    answerError(response, explained.error());
    co_return;
  }
  response.headers += kPrivate;
  response.contentType = "application/json";
  response.body = std::move(explained).value();
}

void Router::setOperatorKey(std::string key) {
  const std::lock_guard lock(operatorMutex_);
  operatorKey_ = std::move(key);
}

asio::awaitable<void> Router::newSession(const Request& request, Response& response) {
  response.headers.clear();
  auto body = toldBody(request.body);
  if (!body) {
    answerError(response, body.error());
    co_return;
  }
  auto channel = text(body.value(), "channel"), persona = text(body.value(), "persona"),
       jwt = text(body.value(), "token", kMaxToken);
  for (const auto* field : {&channel, &persona, &jwt}) {
    if (!*field) {
      answerError(response, field->error());
      co_return;
    }
  }
  const auto* wantsHandle = body.value().if_contains("handle");
  if (wantsHandle != nullptr && !wantsHandle->is_bool()) {
    answerError(response, 400, "invalid_input", "'handle': true or false is expected");
    co_return;
  }
  if (channel.value().empty() && !options_.channels.empty()) channel = options_.channels.front().facts.id;
  auto who = identify(channel.value(), persona.value(), jwt.value());
  if (who && sentHome(who.value().pseudonym, request, response)) co_return;
  const std::string token = co_await admitted(director_, std::move(who), response);
  if (token.empty()) co_return;
  std::string live;
  if (wantsHandle != nullptr && wantsHandle->get_bool()) {
    const std::string handle = handles_.issue(channel.value(), token);
    if (handle.empty()) {
      answerError(response, 503, "unavailable", "too many handles are open: use the playlist's own address");
      co_return;
    }
    live.append(",\"live\":\"").append(origin()).append("/live/").append(channel.value());
    live.append("/index.m3u8?token=").append(handle).append("\"");
  }
  response.status = 201;
  response.contentType = "application/json";
  response.headers += "Cache-Control: no-store\r\n";
  response.body.append("{\"session\":\"").append(token).append("\",\"playlist\":\"").append(origin());
  response.body.append("/s/").append(token).append("/index.m3u8\",\"explain\":\"").append(origin());
  response.body.append("/v1/explain/").append(token).append("\"");
  response.body.append(",\"feedback\":\"").append(origin()).append("/v1/feedback\"");
  if (intake_ != nullptr) response.body.append(",\"events\":\"").append(origin()).append("/v1/events\"");
  response.body.append(live).append("}\n");
}

// GET /live/{channel}/index.m3u8[?token=HANDLE | ?persona=NAME]: a session for players that take one URL
asio::awaitable<void> Router::live(const Request& request, Response& response) {
  response.headers.clear();
  const std::string_view path = between(request.path, kLive, kIndex).value_or("");
  const auto redirect = [&](std::string_view session) {
    response.status = 302;
    response.headers.append("Cache-Control: no-store\r\nLocation: ").append(origin());
    response.headers.append("/s/").append(session).append("/index.m3u8\r\n");
  };
  if (const std::string_view handle = queryValue(request.query, "token"); !handle.empty()) {
    const std::string session = handles_.redeem(path, handle);
    if (session.empty()) {
      answerError(response, 403, "refused", "this address has expired or never was one: start a new session");
    } else {
      redirect(session);
    }
    co_return;
  }
  auto who = channelOf(path) == static_cast<std::size_t>(-1)
                 ? Result<personalize::NewSession>(fail(ErrorCode::kNotFound, "there is no such channel"))
                 : identify(std::string(path), queryValue(request.query, "persona"), {});
  if (who && sentHome(who.value().pseudonym, request, response)) co_return;
  const std::string token = co_await admitted(director_, std::move(who), response);
  if (!token.empty()) redirect(token);
}

// POST /v1/channels/{channel}/cues: {"type":"break_start","seconds":30} | break_end | event_start | event_end | mark
asio::awaitable<void> Router::cues(const Request& request, Response& response) {
  response.headers.clear();
  const std::string_view path = between(request.path, kChannels, kCues).value_or("");
  const std::size_t number = channelOf(path);
  const std::string_view bearer =
      request.authorization.starts_with("Bearer ") ? request.authorization.substr(7) : std::string_view{};
  std::string key;
  {
    const std::lock_guard lock(operatorMutex_);
    key = operatorKey_;
  }
  if (key.empty() || !privacy::equalSecrets(bearer, key)) {
    answerError(response, 401, "refused", "the operator's key is expected as a bearer token");
    co_return;
  }
  if (number == static_cast<std::size_t>(-1)) {
    answerError(response, 404, "not_found", "there is no such channel");
    co_return;
  }
  const ServedChannel& channel = options_.channels[number];
  auto body = toldBody(request.body);
  if (!body) {
    answerError(response, body.error());
    co_return;
  }
  const auto& o = body.value();
  auto type = text(o, "type"), id = text(o, "id", 64), name = text(o, "name", 64);
  auto at = ticksOf(o, "at", channel.facts.epoch);
  for (const auto* field : {&type, &id, &name}) {
    if (!*field) {
      answerError(response, field->error());
      co_return;
    }
  }
  if (!at) {
    answerError(response, at.error());
    co_return;
  }
  double length = 0;
  if (const auto* v = o.if_contains("seconds"); v != nullptr) length = v->is_number() ? v->to_number<double>() : -1;
  if (!(length >= 0 && length <= 86400)) {
    answerError(response, 400, "invalid_input", "'seconds': 0 to 86400 is expected");
    co_return;
  }
  timeline::Inlet& inlet = *channel.inlet;
  boost::json::object out;
  const auto date = [&channel](Ticks t) { return base::isoDate(base::toWall(channel.facts.epoch, t)); };
  base::Error error{ErrorCode::kInvalidInput,
                    "'type': break_start, break_end, event_start, event_end, mark_open or mark_close is expected"};
  bool done = false;
  if (type.value() == "break_start" || type.value() == "event_start") {
    const auto kind = type.value() == "break_start" ? timeline::SpanKind::kBreak : timeline::SpanKind::kEvent;
    if (kind == timeline::SpanKind::kEvent && name.value().empty()) {
      error.message = "'name': an event needs one";
    } else {
      timeline::CueOut cue{kind, id.value(), name.value(), at.value(), static_cast<int>(std::lround(length))};
      auto span = co_await answered<Result<timeline::Span>>([&](auto answer) { inlet.cueOut(cue, std::move(answer)); });
      if (span) {
        done = true;
        out = {{"id", span.value().id},
               {"start", date(span.value().start)},
               {"end", date(span.value().end)},
               {"start_tick", span.value().start.count()}};
      } else {
        error = span.error();
      }
    }
  } else if (type.value() == "break_end" || type.value() == "event_end") {
    auto end = co_await answered<Result<Ticks>>([&](auto answer) {
      inlet.cueIn({id.value(), at.value()}, std::move(answer));
    });
    if (end) {
      done = true;
      out = {{"end", date(end.value())}, {"end_tick", end.value().count()}};
    } else {
      error = end.error();
    }
  } else if (type.value() == "mark_open" || type.value() == "mark_close") {
    timeline::Mark mark{name.value(), type.value() == "mark_open", at.value(), {}};
    if (const auto* values = o.if_contains("values"); values != nullptr && values->is_object()) {
      for (const auto& [k, v] : values->as_object()) {
        if (v.is_string() && mark.values.size() < 32 && v.as_string().size() <= 200)
          mark.values[std::string(k)] = std::string(v.as_string());
      }
    }
    auto marked = co_await answered<Result<void>>([&](auto answer) { inlet.mark(mark, std::move(answer)); });
    done = static_cast<bool>(marked);
    if (!done) error = marked.error();
  }
  if (!done) {
    answerError(response, error);
    co_return;
  }
  response.contentType = "application/json";
  response.headers += "Cache-Control: no-store\r\n";
  response.body = boost::json::serialize(out) + "\n";
}

}  // namespace dvpe::serve
