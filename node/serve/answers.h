// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Error answers in one form: {"error":"not_found","message":"..."}.
#pragma once

#include <string_view>

#include "node/serve/http/handler.h"
#include "shared/base/result.h"

namespace dvpe::serve {

// message: one line for people; quotes and control characters are made harmless.
inline void answerError(Response& response, int status, std::string_view code, std::string_view message) {
  response.status = status;
  response.contentType = "application/json";
  response.headers += "Cache-Control: no-store\r\n";
  response.body = "{\"error\":\"";
  response.body += code;
  response.body += "\",\"message\":\"";
  for (const char c : message) {
    if (c == '"' || c == '\\') response.body += '\\';
    response.body += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  response.body += "\"}\n";
}

// The status that says what an Error says.
inline int statusOf(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::kInvalidInput:
    case base::ErrorCode::kUnsupported:
      return 400;
    case base::ErrorCode::kLimitExceeded:
      return 413;
    case base::ErrorCode::kNotFound:
      return 404;
    case base::ErrorCode::kRefused:
      return 403;
    case base::ErrorCode::kConflict:
      return 409;
    case base::ErrorCode::kUnavailable:
      return 503;
    case base::ErrorCode::kIo:
    case base::ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

// Of answers that are one viewer's.
inline constexpr std::string_view kPrivate = "Cache-Control: private, no-store\r\n";

inline void answerError(Response& response, const base::Error& error) {
  answerError(response, statusOf(error.code), base::name(error.code), error.message);
}

}  // namespace dvpe::serve
