// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One RTMP connection without its socket: bytes in, replies out, and a Publication driven in between (RTMP 1.0,
// sections 5 and 7; Enhanced RTMP v2 capabilities). One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "node/ingest/publication.h"
#include "node/ingest/rtmp/amf0.h"
#include "node/ingest/rtmp/chunk_reader.h"
#include "node/ingest/rtmp/chunk_writer.h"
#include "node/ingest/rtmp/counters.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace dvpe::ingest::rtmp {

struct SessionLimits {
  std::size_t bytesBeforePublish = 256 * 1024;
  int commandBurst = 100;      // AMF messages at once
  int commandsPerSecond = 20;  // and in the long run
  int maxWidth = 4096;         // as shared/media's decoder allows
  int maxHeight = 2304;
  int maxAudioTracks = 8;
};

class Session {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Stage { kHandshake, kConnect, kPublish, kPublishing };  // what it waits for, or does

  // The desk and the counters outlive the session. protocol: "rtmp" or "rtmps", handed to the desk.
  Session(PublicationDesk& desk, RtmpCounters& counters, base::Random& random, std::string protocol,
          SessionLimits limits = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Appends replies to out. After an error (its message may be logged): send out, close, and call nothing more.
  base::Result<void> feed(base::ByteView bytes, Time now, base::Bytes& out);

  // Ends the publication, if there is one.
  void end();

  Stage stage() const { return stage_; }
  // When the last whole message came: bytes that never make one keep nobody alive.
  Time lastMessage() const { return lastMessage_; }
  // Null unless publishing. Belongs to the session.
  Publication* publication() const { return publication_.get(); }

 private:
  using Values = std::vector<AmfValue>;

  base::Result<void> handshake(base::Bytes& out);
  base::Result<void> drain(Time now, base::Bytes& out);
  base::Result<void> handle(Message& message, Time now, base::Bytes& out);
  base::Result<void> userControl(const Message& message, base::Bytes& out);
  base::Result<void> command(const Message& message, base::Bytes& out);
  base::Result<void> connect(double transaction, const Values& values, base::Bytes& out);
  base::Result<void> publish(std::uint32_t streamId, const Values& values, base::Bytes& out);
  base::Result<void> data(const Message& message);
  base::Result<void> video(base::ByteView payload, std::int64_t timeMs, Time now);
  base::Result<void> videoFormat(base::ByteView avcc);
  base::Result<void> audio(base::ByteView payload, std::int64_t timeMs);
  base::Result<void> aggregate(const Message& message, Time now);
  base::Result<void> media(std::uint8_t type, base::ByteView payload, std::int64_t timeMs, Time now);
  base::Result<void> spendCommand();
  void unpublish(base::Bytes& out);
  void result(double transaction, const AmfWriter& rest, base::Bytes& out);
  void status(const char* level, const char* code, const char* description, std::uint32_t streamId, base::Bytes& out);
  void acknowledge(base::Bytes& out);
  void logMetadata(const AmfValue& metadata) const;

  PublicationDesk& desk_;
  RtmpCounters& counters_;
  base::Random& random_;
  std::string protocol_;
  SessionLimits limits_;

  Stage stage_ = Stage::kHandshake;
  base::Bytes handshake_;  // what has come of C0, C1, C2
  bool answered_ = false;  // S0, S1, S2 are out
  ChunkReader reader_;
  ChunkWriter writer_;
  std::uint64_t received_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t allowedFrom_ = 0;  // received_ when the allowance before publish began
  std::uint64_t window_ = 2'500'000;
  std::uint32_t publishStream_ = 0;
  std::unique_ptr<Publication> publication_;

  // Of the publication.
  std::optional<int> nalLengthSize_;
  base::Bytes avcc_;
  bool waitForKey_ = true;
  std::vector<base::Bytes> audioFormats_;  // by track; empty: none yet
  bool metadataLogged_ = false;

  double commandTokens_ = 0;
  Time lastFeed_{};
  Time lastMessage_{};
  bool fed_ = false;
};

}  // namespace dvpe::ingest::rtmp
