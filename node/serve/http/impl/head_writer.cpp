// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/http/impl/head_writer.h"

#include <charconv>
#include <cstdio>
#include <ctime>

namespace dvpe::serve {
namespace {

// Players on other sites may read everything: nothing is answered by cookies.
constexpr std::string_view kPolicies =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: Age, Date, Content-Length\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n";

void append(std::string& out, std::uint64_t n) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

bool number(std::string_view text, std::uint64_t& out) {
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<ByteRange> readRange(std::string_view field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit)) return std::nullopt;
  field.remove_prefix(kUnit.size());
  const std::size_t dash = field.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view from = field.substr(0, dash);
  const std::string_view to = field.substr(dash + 1);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (from.empty()) {
    if (!number(to, b)) return std::nullopt;
    return ByteRange{size - std::min(b, size), size, size};
  }
  if (!number(from, a)) return std::nullopt;
  if (to.empty()) {
    b = size;
  } else {
    if (!number(to, b) || b < a) return std::nullopt;
    b = b >= size ? size : b + 1;
  }
  if (a >= size) return ByteRange{size, size, size};
  return ByteRange{a, b, size};
}

const char* reasonOf(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

void HeadWriter::setDate(base::WallTime now) {
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second == second_) return;
  second_ = second;
  const std::time_t t = second;
  std::tm utc{};
  gmtime_r(&t, &utc);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char date[64];
  std::snprintf(date, sizeof date, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", kDays[utc.tm_wday], utc.tm_mday,
                kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  common_.assign(date).append(kPolicies);
  okPrefix_.assign("HTTP/1.1 200 OK\r\n").append(common_);
}

std::string_view HeadWriter::write(const Response& response, int status, std::uint64_t length, After after,
                                   const ByteRange* range) {
  std::string& out = buffer_;
  if (status == 200) {
    out.assign(okPrefix_);
  } else {
    out.assign("HTTP/1.1 ");
    append(out, static_cast<std::uint64_t>(status));
    out.append(" ").append(reasonOf(status)).append("\r\n").append(common_);
  }
  if (!response.contentType.empty()) out.append("Content-Type: ").append(response.contentType).append("\r\n");
  if (status != 204 && status != 304) {
    out.append("Content-Length: ");
    append(out, length);
    out.append("\r\n");
  }
  if (range != nullptr) {
    out.append("Content-Range: bytes ");
    if (range->begin == range->end) {
      out.append("*");
    } else {
      append(out, range->begin);
      out.append("-");
      append(out, range->end - 1);
    }
    out.append("/");
    append(out, range->of);
    out.append("\r\n");
  }
  out.append(response.headers);
  if (after == After::kClose) out.append("Connection: close\r\n");
  if (after == After::kKeepAlive10) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  return out;
}

}  // namespace dvpe::serve
