// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// What viewers may ask about themselves: to be forgotten.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

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

constexpr std::size_t kMaxJwt = 12 * 1024;

}  // namespace

// By "session", also one that is gone here; or by "token", the platform's.
Result<privacy::Pseudonym> Router::whoseToken(int number, const boost::json::object& body) {
  if (body.contains("session") == body.contains("token"))
    return fail(ErrorCode::kInvalidInput, "either 'session' or 'token' is expected");
  if (body.contains("session")) {
    DVPE_TRY(const std::string_view token, toldText(body, "session", privacy::kMaxToken));
    privacy::ClaimsView claims;
    Loop& loop = loops_[static_cast<std::size_t>(number)];
    if (loop.opener->openInto(token, clock_.wallSeconds(), claims)) return claims.pseudonym;
    refusedTokens_.add();
    return fail(ErrorCode::kRefused, "'session': this is not a session of ours, or it has expired");
  }
  DVPE_TRY(const std::string_view jwt, toldText(body, "token", kMaxJwt));
  if (!options_.verifier) return fail(ErrorCode::kUnsupported, "this node takes no platform tokens");
  DVPE_TRY(const auto identity, options_.verifier(jwt));
  return privacy::pseudonym(*options_.pseudonymKey, identity.subject);
}

// POST /v1/privacy/erasure: {"session":...} or {"token":...}. Answered when it is done here, and cannot be lost.
asio::awaitable<void> Router::erasure(int loop, const Request& request, Response& response) {
  response.headers.clear();
  if (!options_.erase || !options_.erasure) {
    answerError(response, 404, "not_found", "this node takes no such requests");
    co_return;
  }
  auto body = toldBody(request.body);
  auto viewer = body ? whoseToken(loop, body.value()) : Result<privacy::Pseudonym>(body.as_failure());
  auto asked = viewer ? options_.erase(viewer.value()) : Result<std::string>(viewer.as_failure());
  if (!asked) {
    answerError(response, asked.error());
    co_return;
  }
  std::vector<privacy::ViewerDigest> viewers{privacy::viewerDigest(*options_.erasure, viewer.value())};
  const auto done =
      co_await asio::co_spawn(director_.executor(), director_.eraseViewers(std::move(viewers)), asio::use_awaitable);
  if (!done.result) {  // kept all the same: it is tried again when the node starts
    answerError(response, 503, "unavailable", "not all of it could be erased now: ask again");
    co_return;
  }
  response.status = 202;
  response.contentType = "application/json";
  response.headers += kPrivate;
  response.body = "{\"request\":\"" + asked.value() + "\"}\n";
}

}  // namespace dvpe::serve
