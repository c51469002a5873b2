// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A desk that records what publishers send, and a raw RTMP client: what the tests of ingest share.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "node/ingest/publication.h"
#include "node/ingest/rtmp/amf0.h"
#include "node/ingest/rtmp/chunk_writer.h"

namespace dvpe::ingest::test {

struct Packet {
  bool video = false;
  std::int64_t timeMs = 0;
  std::int32_t compositionMs = 0;
  bool key = false;
  base::SharedBytes data;
};

// What one publication received. Thread-safe.
struct Record {
  std::mutex mutex;
  std::vector<base::SharedBytes> videoFormats;
  std::map<int, base::SharedBytes> audioFormats;
  std::vector<Packet> packets;
  std::vector<SourceCue> cues;
  std::string protocol;
  std::atomic<std::size_t> count{0};
  std::atomic<bool> ended{false};
  std::atomic<bool> wantsMore{true};
  std::atomic<bool> revoked{false};
};

class RecordingPublication final : public Publication {
 public:
  RecordingPublication(std::shared_ptr<Record> record, std::atomic<int>& open)
      : record_(std::move(record)), open_(open) {
    ++open_;
  }
  ~RecordingPublication() override {
    --open_;
    record_->ended = true;
  }
  void videoFormat(base::SharedBytes avcc) override {
    const std::lock_guard lock(record_->mutex);
    record_->videoFormats.push_back(std::move(avcc));
  }
  void video(std::int64_t dtsMs, std::int32_t compositionMs, bool key, base::SharedBytes data,
             std::chrono::steady_clock::time_point) override {
    add({true, dtsMs, compositionMs, key, std::move(data)});
  }
  void audioFormat(int track, std::string, base::SharedBytes asc) override {
    const std::lock_guard lock(record_->mutex);
    record_->audioFormats[track] = std::move(asc);
  }
  void audio(int, std::int64_t ptsMs, base::SharedBytes data) override {
    add({false, ptsMs, 0, false, std::move(data)});
  }
  void cue(SourceCue cue) override {
    const std::lock_guard lock(record_->mutex);
    record_->cues.push_back(std::move(cue));
  }
  void caption(int, std::string, std::int64_t, std::int64_t, std::string) override {}
  bool wantsMore() const override { return record_->wantsMore; }
  bool revoked() const override { return record_->revoked; }

 private:
  void add(Packet packet) {
    const std::lock_guard lock(record_->mutex);
    record_->packets.push_back(std::move(packet));
    ++record_->count;
  }
  std::shared_ptr<Record> record_;
  std::atomic<int>& open_;
};

// Knows the key "key1"; a second publisher is refused, or takes over.
class FakeDesk final : public PublicationDesk {
 public:
  base::Result<std::unique_ptr<Publication>> open(std::string_view streamKey, std::string_view protocol) override {
    const std::lock_guard lock(mutex_);
    ++asked;
    if (streamKey != "key1") {
      return base::fail(base::ErrorCode::kRefused, "unknown key");
    }
    if (!records_.empty() && !records_.back()->ended) {
      if (!takeOver) {
        return base::fail(base::ErrorCode::kConflict, "somebody publishes");
      }
      records_.back()->revoked = true;
    }
    records_.push_back(std::make_shared<Record>());
    records_.back()->protocol = protocol;
    return std::unique_ptr<Publication>(std::make_unique<RecordingPublication>(records_.back(), open_));
  }
  // The newest, or null.
  std::shared_ptr<Record> last() const {
    const std::lock_guard lock(mutex_);
    return records_.empty() ? nullptr : records_.back();
  }
  std::shared_ptr<Record> at(std::size_t i) const {
    const std::lock_guard lock(mutex_);
    return records_.at(i);
  }
  int publications() const { return open_; }

  std::atomic<int> asked{0};
  std::atomic<bool> takeOver{false};

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Record>> records_;
  std::atomic<int> open_{0};
};

inline base::Bytes fromHex(std::string_view text) {
  base::Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Parameter sets as x264 writes them: main profile, 320x180, 25 fps.
inline base::Bytes smallAvcc() {
  return fromHex("014d400cffe10019674d400ceca0a0cfcf80880000030008000003019078a14cb001000468ce0fc8");
}
// High profile, interlaced, with scaling lists: 320x180.
inline base::Bytes interlacedAvcc() {
  return fromHex(
      "01640015ffe1001967640015acd941433f26022000000300200000064"
      "3e28532c001000768fba3cb3002c0fdf8f800");
}

// An FLV video payload: AVC, frame type 1 (key) or 2.
inline base::Bytes avcTag(bool key, std::uint8_t packetType, const base::Bytes& body, std::int32_t compositionMs = 0) {
  base::Bytes tag{static_cast<std::uint8_t>(key ? 0x17 : 0x27), packetType};
  rtmp::putBig24(tag, static_cast<std::uint32_t>(compositionMs) & 0xFFFFFF);
  tag.insert(tag.end(), body.begin(), body.end());
  return tag;
}

// One NAL unit of that many bytes with its 4-byte length.
inline base::Bytes nal(std::size_t size, std::uint8_t type = 0x65) {
  base::Bytes data;
  rtmp::putBig32(data, static_cast<std::uint32_t>(size));
  data.resize(4 + size, 0x11);
  if (size > 0) {
    data[4] = type;
  }
  return data;
}

// What a publisher sends, message by message; the caller moves the bytes.
class ClientBytes {
 public:
  base::Bytes take() { return std::exchange(out_, {}); }
  ClientBytes& handshake() {
    out_.push_back(3);
    out_.resize(out_.size() + 2 * 1536, 0x5A);
    return *this;
  }
  ClientBytes& command(const rtmp::AmfWriter& values, std::uint32_t stream = 0) {
    writer_.write(3, rtmp::MessageType::kCommandAmf0, stream, 0, values.bytes(), out_);
    return *this;
  }
  ClientBytes& connect(std::string_view app = "live") {
    return command(rtmp::AmfWriter{}.string("connect").number(1).object().key("app").string(app).end());
  }
  ClientBytes& createStream() { return command(rtmp::AmfWriter{}.string("createStream").number(4).null()); }
  ClientBytes& publish(std::string_view key, std::string_view type = "live") {
    return command(rtmp::AmfWriter{}.string("publish").number(5).null().string(key).string(type), 1);
  }
  ClientBytes& deleteStream() { return command(rtmp::AmfWriter{}.string("deleteStream").number(6).null().number(1)); }
  ClientBytes& data(const rtmp::AmfWriter& values, std::uint32_t timeMs = 0) {
    writer_.write(4, rtmp::MessageType::kDataAmf0, 1, timeMs, values.bytes(), out_);
    return *this;
  }
  ClientBytes& video(std::uint32_t timeMs, const base::Bytes& tag) {
    writer_.write(6, rtmp::MessageType::kVideo, 1, timeMs, tag, out_);
    return *this;
  }
  ClientBytes& audio(std::uint32_t timeMs, const base::Bytes& tag) {
    writer_.write(5, rtmp::MessageType::kAudio, 1, timeMs, tag, out_);
    return *this;
  }
  ClientBytes& raw(const base::Bytes& bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  // Everything up to a publication with a video format.
  ClientBytes& begin(std::string_view key = "key1") {
    return handshake().connect().createStream().publish(key).video(0, avcTag(true, 0, smallAvcc()));
  }

 private:
  base::Bytes out_;
  rtmp::ChunkWriter writer_;
};

}  // namespace dvpe::ingest::test
