// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/http/impl/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace dvpe::serve {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;

Method methodOf(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    case http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

// Beast checks the grammar and the framing; this keeps views of the few fields that matter and applies our limits.
class HeadParser final : public http::basic_parser<true> {
 public:
  HeadParser(const Limits& limits, Head& head) : limits_(limits), head_(head) {
    header_limit(static_cast<std::uint32_t>(limits.headerBytes));
    body_limit(boost::none);  // ours comes below, once the method is known
    eager(false);
  }

  int refusal = 0;  // set by a callback that ends the parse
  bool sawRequestLine = false;
  bool transferCoded = false;
  int hosts = 0;

 private:
  using Code = boost::beast::error_code;

  void refuse(int status, Code& ec) {
    refusal = status;
    ec = http::error::bad_field;
  }

  void on_request_impl(http::verb verb, string_view, string_view target, int version, Code& ec) override {
    sawRequestLine = true;
    head_.http10 = version < 11;
    Request& r = head_.request;
    r.method = methodOf(verb);
    if (r.method == Method::kOther) return refuse(405, ec);
    if (target.size() > limits_.targetBytes) return refuse(414, ec);
    if (target.empty() || (target.front() != '/' && !(r.method == Method::kOptions && target == "*")))
      return refuse(400, ec);
    const std::string_view t(target.data(), target.size());
    const std::size_t mark = t.find('?');
    r.path = t.substr(0, mark);
    r.query = mark == std::string_view::npos ? std::string_view{} : t.substr(mark + 1);
  }

  void on_field_impl(http::field name, string_view, string_view v, Code& ec) override {
    if (++fields_ > limits_.headers) return refuse(431, ec);
    const std::string_view value(v.data(), v.size());
    Request& r = head_.request;
    switch (name) {
      case http::field::host:
        ++hosts;
        break;
      case http::field::content_type:
        r.contentType = value;
        break;
      case http::field::authorization:
        r.authorization = value;
        break;
      case http::field::origin:
        r.origin = value;
        break;
      case http::field::accept_encoding:
        r.acceptEncoding = value;
        break;
      case http::field::if_none_match:
        r.ifNoneMatch = value;
        break;
      case http::field::range:
        head_.range = value;
        break;
      case http::field::transfer_encoding:
        transferCoded = true;
        break;
      case http::field::if_range:
        ifRange_ = true;
        break;
      case http::field::expect:
        head_.expectContinue = value == "100-continue";
        break;
      default:
        break;
    }
  }

  void on_header_impl(Code&) override {
    if (ifRange_) head_.range = {};
  }

  // Bodies are read by the connection, not here.
  void on_response_impl(int, string_view, int, Code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, Code&) override {}
  std::size_t on_body_impl(string_view, Code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, Code&) override { return 0; }
  void on_finish_impl(Code&) override {}

  const Limits& limits_;
  Head& head_;
  int fields_ = 0;
  bool ifRange_ = false;
};

// obs-fold (RFC 9112, 5.2): Beast joins the lines in a buffer of its own; we refuse what proxies read differently.
bool isFolded(std::string_view head) {
  for (std::size_t at = head.find('\n'); at != head.npos && at + 1 < head.size(); at = head.find('\n', at + 1)) {
    if (head[at + 1] == ' ' || head[at + 1] == '\t') return true;
  }
  return false;
}

int statusOf(const HeadParser& parser, const boost::beast::error_code& ec) {
  if (parser.refusal != 0) return parser.refusal;
  if (ec == http::error::header_limit) return parser.sawRequestLine ? 431 : 414;
  return 400;
}

}  // namespace

int readHead(std::string_view input, const Limits& limits, Head& head) {
  head = {};
  HeadParser parser(limits, head);
  boost::beast::error_code ec;
  head.headerBytes = parser.put(boost::asio::buffer(input.data(), input.size()), ec);
  if (ec == http::error::need_more) return input.size() > limits.headerBytes ? 431 : kNeedMore;
  if (ec) return statusOf(parser, ec);
  if (head.headerBytes > limits.headerBytes) return 431;  // Beast counts request line and fields apart
  if (isFolded(input.substr(0, head.headerBytes))) return 400;
  head.keepAlive = parser.keep_alive();
  if (parser.hosts > 1 || (parser.hosts == 0 && !head.http10)) return 400;  // RFC 9112, 3.2
  const auto length = parser.content_length();
  const bool mayCarry = head.request.method == Method::kPost;
  if (!mayCarry && (parser.transferCoded || (length && *length > 0))) return 400;
  if (mayCarry && (parser.transferCoded || !length)) return 411;
  if (mayCarry && *length > limits.bodyBytes) return 413;
  head.bodyBytes = mayCarry ? static_cast<std::size_t>(*length) : 0;
  return 0;
}

}  // namespace dvpe::serve
