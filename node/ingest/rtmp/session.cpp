// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/session.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "node/ingest/rtmp/avc.h"
#include "node/ingest/rtmp/cues.h"
#include "node/ingest/rtmp/flv.h"
#include "shared/base/log.h"

namespace dvpe::ingest::rtmp {
namespace {

using base::ErrorCode;

constexpr std::size_t kHandshakePart = 1536;
constexpr std::uint8_t kVersion = 3;
constexpr std::uint32_t kWindow = 2'500'000;
constexpr std::uint32_t kOurChunkSize = 4096;
constexpr std::uint64_t kSmallestWindow = 16384;
constexpr std::uint32_t kControlChunks = 2;
constexpr std::uint32_t kCommandChunks = 3;
constexpr std::uint32_t kStream = 1;  // the one message stream that createStream gives
constexpr std::size_t kMaxApp = 64;
constexpr std::size_t kMaxName = 128;
constexpr std::size_t kWorkPerSecond = 2000;  // chunks that time alone pays for
enum UserControl : std::uint8_t { kStreamBegin = 0, kPingRequest = 6, kPingResponse = 7 };

std::uint32_t big32(base::ByteView b) {
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) | b[3];
}

// For logs: at most 64 printable ASCII characters.
std::string printable(const AmfValue* value) {
  std::string text;
  if (value != nullptr) {
    for (const char c : value->text.substr(0, 64)) {
      text += c > ' ' && c <= '~' && c != '"' && c != '\\' ? c : '_';
    }
  }
  return text;
}

double numberOr(const AmfValue* value, double otherwise) {
  return value != nullptr && value->kind == AmfValue::Kind::kNumber && std::isfinite(value->number) ? value->number
                                                                                                    : otherwise;
}

const std::string& textAt(const std::vector<AmfValue>& values, std::size_t i) {
  static const std::string kNone;
  return i < values.size() && values[i].kind == AmfValue::Kind::kString ? values[i].text : kNone;
}

// The part before '?', if it is a key's form (reliability, row 8).
std::optional<std::string_view> streamName(std::string_view text) {
  text = text.substr(0, text.find('?'));
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return good && !text.empty() && text.size() <= kMaxName ? std::optional{text} : std::nullopt;
}

}  // namespace

Session::Session(PublicationDesk& desk, RtmpCounters& counters, base::Random& random, std::string protocol,
                 SessionLimits limits)
    : desk_(desk),
      counters_(counters),
      random_(random),
      protocol_(std::move(protocol)),
      limits_(limits),
      commandTokens_(limits.commandBurst) {}

Session::~Session() { end(); }

void Session::end() {
  base::Bytes unsent;
  unpublish(unsent);
}

base::Result<void> Session::feed(base::ByteView bytes, Time now, base::Bytes& out) {
  received_ += bytes.size();
  counters_.bytesIn += bytes.size();
  if (fed_) {
    const double elapsed = std::clamp(std::chrono::duration<double>(now - lastFeed_).count(), 0.0, 10.0);
    commandTokens_ = std::min<double>(limits_.commandBurst, commandTokens_ + elapsed * limits_.commandsPerSecond);
    reader_.grantWork(static_cast<std::size_t>(elapsed * kWorkPerSecond));
  }
  lastFeed_ = now;
  fed_ = true;
  if (stage_ == Stage::kHandshake) {
    // Two parts are wanted and no more: what follows is chunks already.
    const std::size_t wanted = 1 + 2 * kHandshakePart - handshake_.size();
    const auto part = bytes.first(std::min(wanted, bytes.size()));
    handshake_.insert(handshake_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    DVPE_CHECK(handshake(out));
    if (stage_ == Stage::kHandshake) {
      return base::success();
    }
  }
  if (stage_ != Stage::kPublishing && received_ - allowedFrom_ > limits_.bytesBeforePublish) {
    return base::fail(ErrorCode::kLimitExceeded, "too many bytes before publish");
  }
  reader_.feed(bytes);
  DVPE_CHECK(drain(now, out));
  acknowledge(out);
  return base::success();
}

// C0 C1 -> S0 S1 S2 (5.2). Handshakes with digests are answered plainly, as every publisher accepts.
base::Result<void> Session::handshake(base::Bytes& out) {
  if (!handshake_.empty() && handshake_[0] != kVersion) {
    return base::fail(ErrorCode::kInvalidInput, "not RTMP");
  }
  if (!answered_ && handshake_.size() >= 1 + kHandshakePart) {
    answered_ = true;
    base::Bytes s1(kHandshakePart, 0);
    random_.fill(std::span(s1).subspan(8));
    out.push_back(kVersion);
    out.insert(out.end(), s1.begin(), s1.end());
    out.insert(out.end(), handshake_.begin() + 1, handshake_.begin() + 1 + kHandshakePart);
  }
  if (handshake_.size() == 1 + 2 * kHandshakePart) {
    base::Bytes{}.swap(handshake_);
    stage_ = Stage::kConnect;
  }
  return base::success();
}

base::Result<void> Session::drain(Time now, base::Bytes& out) {
  for (;;) {
    DVPE_TRY(auto message, reader_.next());
    if (!message) {
      return base::success();
    }
    lastMessage_ = now;
    DVPE_CHECK(handle(*message, now, out));
  }
}

base::Result<void> Session::handle(Message& message, Time now, base::Bytes& out) {
  base::ByteView payload = message.payload;
  switch (static_cast<MessageType>(message.type)) {
    case MessageType::kWindowAckSize:
      if (payload.size() >= 4) {
        window_ = std::max<std::uint64_t>(kSmallestWindow, big32(payload));
      }
      return base::success();
    case MessageType::kUserControl:
      return userControl(message, out);
    case MessageType::kCommandAmf0:
    case MessageType::kCommandAmf3:
      return command(message, out);
    case MessageType::kDataAmf0:
    case MessageType::kDataAmf3:
      return data(message);
    case MessageType::kAudio:
    case MessageType::kVideo:
    case MessageType::kAggregate:
      if (stage_ != Stage::kPublishing || message.streamId != publishStream_) {
        ++counters_.ignoredMessages;
        return base::success();
      }
      return static_cast<MessageType>(message.type) == MessageType::kAggregate
                 ? aggregate(message, now)
                 : media(message.type, payload, message.timestampMs, now);
    case MessageType::kAcknowledgement:
    case MessageType::kSetPeerBandwidth:
      return base::success();
    default:
      ++counters_.ignoredMessages;
      return base::success();
  }
}

base::Result<void> Session::spendCommand() {
  commandTokens_ -= 1;
  if (commandTokens_ < 0) {
    return base::fail(ErrorCode::kLimitExceeded, "too many commands");
  }
  return base::success();
}

base::Result<void> Session::userControl(const Message& message, base::Bytes& out) {
  const auto& p = message.payload;
  if (p.size() >= 6 && p[0] == 0 && p[1] == kPingRequest) {
    base::Bytes pong{0, kPingResponse};
    pong.insert(pong.end(), p.begin() + 2, p.begin() + 6);
    writer_.write(kControlChunks, MessageType::kUserControl, 0, 0, pong, out);
  }
  return base::success();
}

base::Result<void> Session::command(const Message& message, base::Bytes& out) {
  DVPE_CHECK(spendCommand());
  base::ByteView payload = message.payload;
  if (static_cast<MessageType>(message.type) == MessageType::kCommandAmf3 && !payload.empty()) {
    payload = payload.subspan(1);  // a zero, then AMF0
  }
  DVPE_TRY(const Values values, parseAmf0(payload));
  const std::string& name = textAt(values, 0);
  const double transaction = values.size() > 1 ? numberOr(&values[1], 0) : 0;
  if (name == "connect") {
    return connect(transaction, values, out);
  }
  if (stage_ == Stage::kConnect) {
    ++counters_.ignoredMessages;
    return base::success();
  }
  if (name == "createStream") {
    result(transaction, AmfWriter{}.null().number(kStream), out);
  } else if (name == "releaseStream" || name == "FCPublish") {
    result(transaction, AmfWriter{}.null().undefined(), out);
  } else if (name == "publish") {
    return publish(message.streamId, values, out);
  } else if (name == "FCUnpublish" || name == "deleteStream" || name == "closeStream") {
    unpublish(out);
  } else if (name == "play" || name == "play2") {
    status("error", "NetStream.Play.Failed", "This server takes publishers; viewers come by HTTP.", message.streamId,
           out);
    return base::fail(ErrorCode::kRefused, "play is not served");
  } else {
    ++counters_.ignoredMessages;
    if (transaction > 0) {
      AmfWriter reply;
      reply.string("_error").number(transaction).null().object();
      reply.key("level").string("error").key("code").string("NetConnection.Call.Failed");
      reply.key("description").string("Unknown command.").end();
      writer_.write(kCommandChunks, MessageType::kCommandAmf0, message.streamId, 0, reply.bytes(), out);
    }
  }
  return base::success();
}

// _result(transaction, ...rest).
void Session::result(double transaction, const AmfWriter& rest, base::Bytes& out) {
  AmfWriter head;
  head.string("_result").number(transaction);
  base::Bytes bytes = head.bytes();
  bytes.insert(bytes.end(), rest.bytes().begin(), rest.bytes().end());
  writer_.write(kCommandChunks, MessageType::kCommandAmf0, 0, 0, bytes, out);
}

void Session::status(const char* level, const char* code, const char* description, std::uint32_t streamId,
                     base::Bytes& out) {
  AmfWriter message;
  message.string("onStatus").number(0).null().object();
  message.key("level").string(level).key("code").string(code).key("description").string(description).end();
  writer_.write(kCommandChunks, MessageType::kCommandAmf0, streamId, 0, message.bytes(), out);
}

base::Result<void> Session::connect(double transaction, const Values& values, base::Bytes& out) {
  if (stage_ != Stage::kConnect) {
    return base::fail(ErrorCode::kInvalidInput, "connected twice");
  }
  const AmfValue* app = values.size() > 2 ? values[2].find("app") : nullptr;
  if (app == nullptr || app->kind != AmfValue::Kind::kString || app->text.size() > kMaxApp) {
    return base::fail(ErrorCode::kInvalidInput, "connect without an app of at most 64 characters");
  }
  stage_ = Stage::kPublish;
  writer_.control(MessageType::kWindowAckSize, kWindow, out);
  base::Bytes bandwidth;
  putBig32(bandwidth, kWindow);
  bandwidth.push_back(2);  // dynamic
  writer_.write(kControlChunks, MessageType::kSetPeerBandwidth, 0, 0, bandwidth, out);
  writer_.setChunkSize(kOurChunkSize, out);
  AmfWriter reply;
  reply.object().key("fmsVer").string("FMS/3,5,7,7009").key("capabilities").number(31).key("mode").number(1).end();
  reply.object().key("level").string("status").key("code").string("NetConnection.Connect.Success");
  reply.key("description").string("Connection succeeded.").key("objectEncoding").number(0);
  if (values[2].find("fourCcList") != nullptr || values[2].find("capsEx") != nullptr) {
    constexpr double kCanForward = 4;
    constexpr double kMultitrackAndModEx = 2 + 4;
    reply.key("fourCcList").strictArray(2).string("avc1").string("mp4a");
    reply.key("videoFourCcInfoMap").object().key("avc1").number(kCanForward).end();
    reply.key("audioFourCcInfoMap").object().key("mp4a").number(kCanForward).end();
    reply.key("capsEx").number(kMultitrackAndModEx);
  }
  reply.end();
  result(transaction, reply, out);
  return base::success();
}

base::Result<void> Session::publish(std::uint32_t streamId, const Values& values, base::Bytes& out) {
  const auto refuse = [&](const char* why, ErrorCode code) {
    ++counters_.refusedPublishes;
    status("error", "NetStream.Publish.BadName", why, streamId, out);
    return base::fail(code, std::string("publish refused: ") + why);
  };
  if (stage_ == Stage::kPublishing) {
    return refuse("This connection publishes already.", ErrorCode::kConflict);
  }
  const auto name = streamName(textAt(values, 3));
  if (!name) {
    return refuse("The stream name is not valid.", ErrorCode::kInvalidInput);
  }
  auto opened = desk_.open(*name, protocol_);
  if (!opened) {
    const ErrorCode code = opened.error().code;
    return refuse(code == ErrorCode::kRefused    ? "The stream key is not known."
                  : code == ErrorCode::kConflict ? "Somebody publishes here already."
                                                 : "Publishing is not possible now.",
                  code);
  }
  publication_ = std::move(opened.value());
  stage_ = Stage::kPublishing;
  publishStream_ = streamId;
  nalLengthSize_.reset();
  avcc_.clear();
  waitForKey_ = true;
  audioFormats_.assign(static_cast<std::size_t>(limits_.maxAudioTracks), {});
  metadataLogged_ = false;
  reader_.setLimits(kPublishingLimits);
  ++counters_.published;
  ++counters_.publishing;
  base::Bytes begin{0, kStreamBegin};
  putBig32(begin, streamId);
  writer_.write(kControlChunks, MessageType::kUserControl, 0, 0, begin, out);
  status("status", "NetStream.Publish.Start", "Publishing.", streamId, out);
  return base::success();
}

void Session::unpublish(base::Bytes& out) {
  if (!publication_) {
    return;
  }
  publication_.reset();
  --counters_.publishing;
  reader_.setLimits(ChunkLimits{});
  stage_ = Stage::kPublish;
  allowedFrom_ = received_;
  status("status", "NetStream.Unpublish.Success", "Stopped.", publishStream_, out);
}

// Data that cannot be read is no reason to end a live programme: it is counted and ignored.
base::Result<void> Session::data(const Message& message) {
  DVPE_CHECK(spendCommand());
  base::ByteView payload = message.payload;
  if (static_cast<MessageType>(message.type) == MessageType::kDataAmf3 && !payload.empty()) {
    payload = payload.subspan(1);
  }
  auto parsed = stage_ == Stage::kPublishing ? parseAmf0(payload) : base::Result<Values>(Values{});
  if (!parsed || parsed.value().empty()) {
    ++counters_.ignoredMessages;
    return base::success();
  }
  Values& values = parsed.value();
  if (textAt(values, 0) == "@setDataFrame") {
    values.erase(values.begin());
  }
  const auto body =
      std::find_if(values.begin(), values.end(), [](const AmfValue& v) { return v.kind == AmfValue::Kind::kObject; });
  const std::string& name = textAt(values, 0);
  if (body == values.end()) {
    ++counters_.ignoredMessages;
  } else if (name == "onMetaData") {
    if (!std::exchange(metadataLogged_, true)) {
      logMetadata(*body);
    }
  } else if (auto cue = cueFrom(name, *body, message.timestampMs)) {
    ++counters_.cues;
    publication_->cue(std::move(*cue));
  } else {
    ++counters_.ignoredMessages;
  }
  return base::success();
}

void Session::logMetadata(const AmfValue& metadata) const {
  spdlog::info("rtmp metadata width={:.0f} height={:.0f} fps={:.3f} encoder={}", numberOr(metadata.find("width"), 0),
               numberOr(metadata.find("height"), 0), numberOr(metadata.find("framerate"), 0),
               printable(metadata.find("encoder")));
}

base::Result<void> Session::media(std::uint8_t type, base::ByteView payload, std::int64_t timeMs, Time now) {
  return static_cast<MessageType>(type) == MessageType::kVideo ? video(payload, timeMs, now) : audio(payload, timeMs);
}

// An unknown codec or an unreadable format ends the publication: nothing would be seen. A corrupt frame is dropped,
// and what follows up to the next key frame with it (reliability, row 16).
base::Result<void> Session::video(base::ByteView payload, std::int64_t timeMs, Time now) {
  const auto parsed = parseVideoTag(payload);
  if (!parsed && parsed.error().code == ErrorCode::kUnsupported) {
    return parsed.as_failure();
  }
  if (parsed && parsed.value().kind == VideoTag::Kind::kNothing) {
    return base::success();
  }
  if (parsed && parsed.value().kind == VideoTag::Kind::kFormat) {
    return videoFormat(parsed.value().data);
  }
  if (!parsed || !nalLengthSize_ || !checkNalUnits(parsed.value().data, *nalLengthSize_)) {
    waitForKey_ = true;
    ++counters_.droppedPackets;
    return base::success();
  }
  const VideoTag& tag = parsed.value();
  if (waitForKey_ && !tag.key) {
    ++counters_.droppedPackets;
    return base::success();
  }
  waitForKey_ = false;
  ++counters_.videoPackets;
  publication_->video(timeMs, tag.compositionMs, tag.key, base::share({tag.data.begin(), tag.data.end()}), now);
  return base::success();
}

base::Result<void> Session::videoFormat(base::ByteView avcc) {
  if (nalLengthSize_ && std::equal(avcc.begin(), avcc.end(), avcc_.begin(), avcc_.end())) {
    return base::success();  // repeated
  }
  DVPE_TRY(const AvcConfig config, parseAvcc(avcc));
  if (config.width > limits_.maxWidth || config.height > limits_.maxHeight) {
    return base::fail(ErrorCode::kLimitExceeded, "picture of " + std::to_string(config.width) + "x" +
                                                     std::to_string(config.height) + " is larger than allowed");
  }
  nalLengthSize_ = config.nalLengthSize;
  avcc_.assign(avcc.begin(), avcc.end());
  waitForKey_ = true;
  publication_->videoFormat(base::share(base::Bytes(avcc_)));
  return base::success();
}

base::Result<void> Session::audio(base::ByteView payload, std::int64_t timeMs) {
  const auto parsed = parseAudioTag(payload);
  if (!parsed) {
    if (parsed.error().code == ErrorCode::kUnsupported) {
      return parsed.as_failure();
    }
    ++counters_.droppedPackets;
    return base::success();
  }
  for (const AudioTag& tag : parsed.value()) {
    if (tag.track >= limits_.maxAudioTracks) {
      ++counters_.droppedPackets;
      continue;
    }
    base::Bytes& format = audioFormats_[static_cast<std::size_t>(tag.track)];
    if (tag.kind == AudioTag::Kind::kFormat) {
      if (!std::equal(tag.data.begin(), tag.data.end(), format.begin(), format.end())) {
        format.assign(tag.data.begin(), tag.data.end());
        publication_->audioFormat(tag.track, "und", base::share(base::Bytes(format)));
      }
    } else if (format.empty()) {
      ++counters_.droppedPackets;
    } else {
      ++counters_.audioPackets;
      publication_->audio(tag.track, timeMs, base::share({tag.data.begin(), tag.data.end()}));
    }
  }
  return base::success();
}

base::Result<void> Session::aggregate(const Message& message, Time now) {
  const auto tags = splitAggregate(message.payload);
  if (!tags) {
    ++counters_.droppedPackets;
    return base::success();
  }
  for (const AggregatedTag& tag : tags.value()) {
    const auto offset = static_cast<std::int32_t>(tag.timestampMs - tags.value().front().timestampMs);
    const auto type = static_cast<MessageType>(tag.type);
    if (type == MessageType::kAudio || type == MessageType::kVideo) {
      DVPE_CHECK(media(tag.type, tag.payload, message.timestampMs + offset, now));
    }
  }
  return base::success();
}

// At most one acknowledgement per feed, however small a window was asked for.
void Session::acknowledge(base::Bytes& out) {
  if (stage_ != Stage::kHandshake && received_ - acknowledged_ >= window_ / 2) {
    acknowledged_ = received_;
    writer_.control(MessageType::kAcknowledgement, static_cast<std::uint32_t>(received_), out);
  }
}

}  // namespace dvpe::ingest::rtmp
