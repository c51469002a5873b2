// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/serve/http/impl/connection.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "shared/base/log.h"

namespace dvpe::serve {
namespace {

constexpr std::size_t kProgressBytes = 16 * 1024;    // per write deadline, else the reader is too slow
constexpr std::size_t kMostDiscarded = 1024 * 1024;  // read and thrown away after the last answer
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kJson = "application/json";

void setError(Response& response, int status) {
  response.clear();
  response.status = status;
  response.contentType = kJson;
  response.headers = "Cache-Control: no-store\r\n";
  if (status == 405) response.headers += "Allow: GET, HEAD, POST, OPTIONS\r\n";
  if (status == 503) response.headers += "Retry-After: 2\r\n";
  response.body.append("{\"error\":\"").append(reasonOf(status)).append("\"}\n");
}

// CORS preflight (Fetch standard, 3.2.2): everything we serve may be asked for from anywhere; keys come as headers.
void setPreflight(Response& response) {
  response.status = 204;
  response.headers =
      "Allow: GET, HEAD, POST, OPTIONS\r\n"
      "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"
      "Access-Control-Allow-Headers: Authorization, Content-Type, Range\r\n"
      "Access-Control-Max-Age: 86400\r\n";
}

// A regular file for reading, with its size.
Descriptor openFile(const std::string& path, std::uint64_t& size) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  size = static_cast<std::uint64_t>(info.st_size);
  return file;
}

std::string_view bodyOf(const Response& r) {
  if (r.shared) return {reinterpret_cast<const char*>(r.shared->data()), r.shared->size()};
  return r.body;
}

}  // namespace

void Descriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string_view Outgoing::bodyLeft() const {
  if (file) return {};
  return bodyOf(response).substr(at, end - at);
}

void Outgoing::advance(std::size_t bytes) {
  const std::size_t ofHead = std::min(bytes, head.size() - headSent);
  headSent += ofHead;
  at += bytes - ofHead;
}

struct Connection::Slow {
  Head head;
  Response response;
  std::size_t total = 0;
  bool mayGoOn = true;
};

Connection::Connection(Loop& loop, boost::asio::ip::tcp::endpoint peer, bool tls)
    : loop_(loop), peer_(std::move(peer)), tls_(tls) {
  bump(loop_.counters.openConnections, std::int64_t{1});
  bump(loop_.counters.accepted, std::uint64_t{1});
  loop_.openTotal.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() {
  bump(loop_.counters.openConnections, std::int64_t{-1});
  loop_.openTotal.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::begin() {
  state_ = State::kHead;
  loop_.deadline(*this, loop_.limits.header);
  receive();
}

void Connection::turnAway() {
  Ptr self(this);
  bump(loop_.counters.refusedConnections, std::uint64_t{1});
  if (tls_) return abort(false);
  refuse(503);
}

void Connection::received(std::string_view bytes) {
  if (state_ == State::kLingering) {
    discarded_ += bytes.size();
    inbox_.clear();
    if (discarded_ > kMostDiscarded) return abort(true);
    return receive();
  }
  consume(bytes);
}

// What trickles in is looked at again only when that can change something.
void Connection::receivedMore(std::string_view fresh) {
  if (state_ == State::kLingering) return received(fresh);
  const bool lookAgain = needed_ > 0 ? inbox_.size() >= needed_
                                     : inbox_.size() > loop_.limits.headerBytes || fresh.find('\n') != fresh.npos;
  if (!lookAgain) return receive();
  consume(inbox_);
}

void Connection::consume(std::string_view bytes) {
  std::size_t used = 0;
  int handled = 0;
  while (used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    if (rest.size() < needed_) break;
    Head& head = loop_.head;
    const int status = readHead(rest, loop_.limits, head);
    if (status == kNeedMore) break;
    if (status != 0) {
      refuse(status);
      return;
    }
    const std::size_t total = head.headerBytes + head.bodyBytes;
    if (partial(rest, total, head.expectContinue)) break;
    head.request.body = rest.substr(head.headerBytes, head.bodyBytes);
    used += total;
    const bool mayGoOn = ++handled < loop_.limits.pipelined || used == bytes.size();
    if (!answer(rest.substr(0, total), bytes.substr(used), mayGoOn)) return;
  }
  waitForMore(bytes.substr(used), handled > 0);
}

// True when the body is still to come.
bool Connection::partial(std::string_view rest, std::size_t total, bool expectContinue) {
  if (rest.size() >= total) {
    needed_ = 0;
    return false;
  }
  if (needed_ == 0 && expectContinue) sendNow(kContinue, {}, false);
  needed_ = total;
  return true;
}

void Connection::waitForMore(std::string_view rest, bool fresh) {
  keep(rest);
  if (inbox_.empty()) {
    if (fresh || state_ != State::kHead) {
      state_ = State::kIdle;
      loop_.deadline(*this, loop_.draining ? loop_.limits.drainIdle : loop_.limits.idle);
    }
  } else {
    if (fresh || state_ == State::kIdle) loop_.deadline(*this, loop_.limits.header);
    state_ = State::kHead;
  }
  receive();
}

// inbox_ becomes rest, which may lie in inbox_.
void Connection::keep(std::string_view rest) {
  if (rest.empty()) {
    inbox_.clear();
    if (inbox_.capacity() > 2 * kProgressBytes) inbox_.shrink_to_fit();
  } else if (rest.data() >= inbox_.data() && rest.data() <= inbox_.data() + inbox_.size()) {
    inbox_.erase(0, static_cast<std::size_t>(rest.data() - inbox_.data()));
  } else {
    inbox_.assign(rest);
  }
}

Connection::Exchange Connection::exchangeOf(const Head& head, bool mayGoOn) const {
  Exchange e;
  e.method = head.request.method;
  e.range = head.range;
  if (!head.keepAlive || !mayGoOn || loop_.draining) {
    e.after = HeadWriter::After::kClose;
  } else if (head.http10) {
    e.after = HeadWriter::After::kKeepAlive10;
  }
  return e;
}

// loop_.head is the request. True: answered, go on with what follows it. rest: what follows.
bool Connection::answer(std::string_view request, std::string_view rest, bool mayGoOn) {
  Head& head = loop_.head;
  Response& response = loop_.response;
  response.clear();
  if (head.request.method == Method::kOptions) {
    setPreflight(response);
  } else {
    if (peerText_.empty()) peerText_ = peer_.address().to_string();
    head.request.remoteAddress = peerText_;
    head.request.tls = tls_;
    try {
      if (!loop_.handler.handle(loop_.number, head.request, response)) {
        // The request and what follows it lie side by side.
        startSlow({request.data(), request.size() + rest.size()}, request.size(), mayGoOn);
        return false;
      }
    } catch (const std::exception& e) {
      spdlog::error("request failed error=\"{}\"", e.what());
      setError(response, 500);
    }
  }
  Exchange exchange = exchangeOf(head, mayGoOn);
  exchange.last = rest.empty();
  if (deliver(exchange, response)) return true;
  if (state_ == State::kWriting || state_ == State::kQueued) keep(rest);
  return false;
}

void Connection::startSlow(std::string_view rest, std::size_t total, bool mayGoOn) {
  keep(rest);  // the loop's buffer is needed by others meanwhile
  slow_ = std::make_unique<Slow>();
  slow_->total = total;
  slow_->mayGoOn = mayGoOn;
  Head& head = slow_->head;
  readHead(inbox_, loop_.limits, head);
  head.request.body = std::string_view(inbox_).substr(head.headerBytes, head.bodyBytes);
  head.request.remoteAddress = peerText_;
  head.request.tls = tls_;
  state_ = State::kSlow;
  loop_.deadline(*this, loop_.limits.answer);
  boost::asio::co_spawn(loop_.io, loop_.handler.handleSlow(loop_.number, head.request, slow_->response),
                        [self = Ptr(this)](const std::exception_ptr& error) { self->finishSlow(error); });
}

void Connection::finishSlow(const std::exception_ptr& error) {
  if (closed()) return;
  const std::unique_ptr<Slow> slow = std::move(slow_);
  if (error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      spdlog::error("request failed error=\"{}\"", e.what());
    } catch (...) {
      spdlog::error("request failed error=unknown");
    }
    setError(slow->response, 500);
  }
  const std::string rangeText(slow->head.range);
  Exchange exchange = exchangeOf(slow->head, slow->mayGoOn);
  exchange.range = rangeText;
  inbox_.erase(0, slow->total);
  if (deliver(exchange, slow->response)) sentAll();
}

bool Connection::refuse(int status) {
  setError(loop_.response, status);
  Exchange e;
  e.after = HeadWriter::After::kClose;
  inbox_.clear();
  return deliver(e, loop_.response);
}

// Sends a response. True: it has gone and the connection goes on. False: it is under way or waits in the loop's outbox,
// and sentAll() comes later; or the connection ends.
bool Connection::deliver(const Exchange& exchange, Response& response) {
  std::uint64_t size = 0;
  Descriptor file;
  if (!response.file.empty()) {
    file = openFile(response.file, size);
    if (!file) setError(response, 404);
  }
  if (!file) size = bodyOf(response).size();

  int status = response.status;
  ByteRange span{0, size, size};
  const ByteRange* partOf = nullptr;
  if (!exchange.range.empty() && exchange.method == Method::kGet && status == 200 && (file || response.shared)) {
    if (const auto range = readRange(exchange.range, size)) {
      span = *range;
      partOf = &span;
      status = span.begin == span.end ? 416 : 206;
    }
  }
  const std::string_view head = loop_.heads.write(response, status, span.end - span.begin, exchange.after, partOf);
  if (exchange.method == Method::kHead || status == 204 || status == 304) span.end = span.begin;
  bump(loop_.counters.requests[static_cast<std::size_t>(std::clamp(status / 100, 1, 5))], std::uint64_t{1});

  if (exchange.last && !file && !tls_ && loop_.outbox.isOpen() && exchange.after == HeadWriter::After::kKeepAlive) {
    Outbox::Answer& answer = loop_.outbox.add();
    answer.connection = Ptr(this);
    answer.head.assign(head);
    std::swap(answer.response, response);
    answer.body = span;
    state_ = State::kQueued;
    return false;
  }
  return transmit(head, response, span, std::move(file), exchange.after);
}

// The pass is over in which the answer was given.
void Connection::sendQueued(Outbox::Answer& answer) {
  if (closed()) return;
  try {
    if (transmit(answer.head, answer.response, answer.body, {}, HeadWriter::After::kKeepAlive)) sentAll();
  } catch (const std::exception& e) {
    spdlog::error("connection failed error=\"{}\"", e.what());
    abort(true);
  }
}

// Sends a head and the bytes `span` of the body, or of the file. As deliver().
bool Connection::transmit(std::string_view head, Response& response, const ByteRange& span, Descriptor file,
                          HeadWriter::After after) {
  std::string_view body;
  if (!file) body = bodyOf(response).substr(span.begin, span.end - span.begin);
  const bool more = file && span.end > span.begin;
  const std::ptrdiff_t sent = sendNow(head, body, more);
  if (sent < 0) {
    abort(true);
    return false;
  }
  progressed(static_cast<std::size_t>(sent));
  if (!more && static_cast<std::size_t>(sent) == head.size() + body.size()) return finish(after);

  // The rest must wait, or comes from a file.
  if (!out_) out_ = std::make_unique<Outgoing>();
  out_->head.assign(head);
  out_->headSent = 0;
  out_->at = span.begin;
  out_->end = span.end;
  out_->file = std::move(file);
  if (body.empty()) {
    out_->response.clear();
  } else {
    out_->response = std::move(response);
  }
  out_->advance(static_cast<std::size_t>(sent));
  after_ = after;
  state_ = State::kWriting;
  delivered_ = delivered();
  loop_.deadline(*this, loop_.limits.write);
  if (!pump()) return false;
  out_.reset();
  return finish(after_);
}

bool Connection::finish(HeadWriter::After after) {
  if (after != HeadWriter::After::kClose) return true;
  closeGently();
  return false;
}

void Connection::progressed(std::size_t bytes) {
  bump(loop_.counters.bytesSent, static_cast<std::uint64_t>(bytes));
  sent_ += bytes;
}

// What the client's side has acknowledged: the kernel may hold megabytes of what it has taken from us.
std::uint64_t Connection::delivered() {
  int queued = 0;
  ::ioctl(descriptor(), SIOCOUTQ, &queued);
  return sent_ - std::min(sent_, static_cast<std::uint64_t>(queued));
}

// An answer that had to wait has gone: on with what has come meanwhile.
void Connection::sentAll() {
  const HeadWriter::After after = state_ == State::kWriting ? after_ : HeadWriter::After::kKeepAlive;
  out_.reset();
  if (!finish(after)) return;
  state_ = State::kIdle;
  needed_ = 0;
  if (inbox_.empty()) return waitForMore({}, true);
  loop_.deadline(*this, loop_.limits.header);
  state_ = State::kHead;
  consume(inbox_);
}

void Connection::receivedEnd() { abort(false); }

void Connection::closeGently() {
  state_ = State::kLingering;
  inbox_.clear();
  loop_.deadline(*this, loop_.limits.linger);
  shutdownSend();
}

void Connection::abort(bool reset) {
  if (closed()) return;
  state_ = State::kClosed;
  out_.reset();
  closeSocket(reset);
}

void Connection::drain() {
  if (state_ == State::kIdle || (state_ == State::kHead && inbox_.empty()))
    loop_.deadline(*this, loop_.limits.drainIdle);
}

void Connection::expired() {
  Ptr self(this);
  switch (state_) {
    case State::kIdle:
      return closeGently();
    case State::kHead:
      if (inbox_.empty()) return closeGently();
      bump(loop_.counters.deadlines, std::uint64_t{1});
      refuse(408);
      return;
    case State::kWriting:
      if (delivered() >= delivered_ + kProgressBytes) {  // slow, but it reads
        delivered_ = delivered();
        return loop_.deadline(*this, loop_.limits.write);
      }
      [[fallthrough]];
    case State::kSlow:
      bump(loop_.counters.deadlines, std::uint64_t{1});
      return abort(true);
    case State::kLingering:
      return abort(false);
    case State::kQueued:  // not for as long as a pass over the ready sockets takes
    case State::kClosed:
      return;
  }
}

}  // namespace dvpe::serve
