// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/flv.h"

#include <string>

namespace dvpe::ingest::rtmp {
namespace {

using base::ByteView;
using base::ErrorCode;

constexpr int kAvc = 7;
constexpr int kAac = 10;
constexpr int kExAudio = 9;
constexpr int kInfoFrame = 5;
constexpr std::size_t kMaxAggregated = 1024;
constexpr std::size_t kMaxConfig = 64;  // bytes of an AudioSpecificConfig
constexpr int kMaxModifiers = 8;

constexpr std::uint32_t fourCc(const char (&s)[5]) {
  return (static_cast<std::uint32_t>(s[0]) << 24) | (static_cast<std::uint32_t>(s[1]) << 16) |
         (static_cast<std::uint32_t>(s[2]) << 8) | static_cast<std::uint32_t>(s[3]);
}

auto cutOff() { return base::fail(ErrorCode::kInvalidInput, "FLV: tag cut off"); }

// Reads big-endian integers off the front.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  base::Result<std::uint32_t> integer(std::size_t size) {
    DVPE_TRY(const ByteView bytes, take(size));
    std::uint32_t n = 0;
    for (const std::uint8_t b : bytes) {
      n = (n << 8) | b;
    }
    return n;
  }
  base::Result<ByteView> take(std::size_t size) {
    if (rest_.size() < size) {
      return cutOff();
    }
    const ByteView bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }
  base::Result<std::int32_t> signed24() {
    DVPE_TRY(const std::uint32_t n, integer(3));
    return static_cast<std::int32_t>(n << 8) >> 8;
  }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

// "hevc" is safe to show, bytes that are not letters are not.
std::string show(std::uint32_t code) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const char c = static_cast<char>(code >> shift);
    text += c > ' ' && c <= '~' ? c : '?';
  }
  return text;
}

// Packet types that Enhanced RTMP gives to audio and video alike.
enum PacketType { kSequenceStart = 0, kCodedFrames = 1, kSequenceEnd = 2, kCodedFramesX = 3, kModEx = 7 };
constexpr int kVideoMultitrack = 6;
constexpr int kAudioMultitrack = 5;

enum class MultitrackType : std::uint32_t { kOneTrack = 0, kManyTracks = 1, kManyTracksManyCodecs = 2 };

// ModEx: modifiers of the packet that follows; none changes what we need (the offset in nanoseconds is below our
// resolution), so they are skipped. Gives the real packet type.
base::Result<int> skipModifiers(Reader& in, int type) {
  for (int i = 0; type == kModEx; ++i) {
    if (i == kMaxModifiers) {
      return base::fail(ErrorCode::kLimitExceeded, "FLV: too many packet modifiers");
    }
    DVPE_TRY(std::uint32_t size, in.integer(1));
    ++size;
    if (size == 256) {
      DVPE_TRY(const std::uint32_t large, in.integer(2));
      size = large + 1;
    }
    DVPE_CHECK(in.take(size));
    DVPE_TRY(const std::uint32_t types, in.integer(1));
    type = static_cast<int>(types & 15);
  }
  return type;
}

// What one track of an enhanced packet holds.
struct TrackPacket {
  int type = 0;
  std::uint32_t codec = 0;
  int track = 0;
  ByteView body;
};

// Splits a multitrack packet (Enhanced RTMP v2, "Multitrack Streaming via Enhanced RTMP").
base::Result<std::vector<TrackPacket>> splitTracks(Reader& in, int multitrackPacket) {
  DVPE_TRY(const std::uint32_t types, in.integer(1));
  const auto kind = static_cast<MultitrackType>(types >> 4);
  TrackPacket packet;
  packet.type = static_cast<int>(types & 15);
  if (packet.type == multitrackPacket || kind > MultitrackType::kManyTracksManyCodecs) {
    return base::fail(ErrorCode::kInvalidInput, "FLV: bad multitrack packet");
  }
  if (kind != MultitrackType::kManyTracksManyCodecs) {
    DVPE_TRY(packet.codec, in.integer(4));
  }
  std::vector<TrackPacket> packets;
  do {
    if (kind == MultitrackType::kManyTracksManyCodecs) {
      DVPE_TRY(packet.codec, in.integer(4));
    }
    DVPE_TRY(const std::uint32_t track, in.integer(1));
    packet.track = static_cast<int>(track);
    std::size_t size = in.rest().size();
    if (kind != MultitrackType::kOneTrack) {
      DVPE_TRY(size, in.integer(3));
    }
    DVPE_TRY(packet.body, in.take(size));
    packets.push_back(packet);
  } while (!in.rest().empty() && packets.size() < 256);
  return packets;
}

// The enhanced header after its first byte: one packet, or one per track.
base::Result<std::vector<TrackPacket>> enhancedPackets(Reader& in, int type, int multitrackPacket) {
  DVPE_TRY(const int real, skipModifiers(in, type));
  if (real == multitrackPacket) {
    return splitTracks(in, multitrackPacket);
  }
  TrackPacket packet;
  packet.type = real;
  DVPE_TRY(packet.codec, in.integer(4));
  packet.body = in.rest();
  return std::vector<TrackPacket>{packet};
}

base::Result<VideoTag> enhancedVideo(Reader& in, std::uint32_t first) {
  VideoTag tag;
  const auto frameType = (first >> 4) & 7;
  tag.key = frameType == 1;
  DVPE_TRY(const auto packets, enhancedPackets(in, static_cast<int>(first & 15), kVideoMultitrack));
  for (const TrackPacket& packet : packets) {
    if (packet.track != 0 || frameType == kInfoFrame) {
      continue;
    }
    if (packet.codec != fourCc("avc1")) {
      return base::fail(ErrorCode::kUnsupported, "video codec " + show(packet.codec) + " is not supported: send H.264");
    }
    Reader body(packet.body);
    if (packet.type == kSequenceStart) {
      tag.kind = VideoTag::Kind::kFormat;
    } else if (packet.type == kCodedFrames) {
      tag.kind = VideoTag::Kind::kFrame;
      DVPE_TRY(tag.compositionMs, body.signed24());
    } else if (packet.type == kCodedFramesX) {
      tag.kind = VideoTag::Kind::kFrame;
    } else {
      continue;
    }
    tag.data = body.rest();
  }
  return tag;
}

base::Result<void> addAudio(std::vector<AudioTag>& tags, AudioTag tag) {
  if (tag.kind == AudioTag::Kind::kFormat && (tag.data.size() < 2 || tag.data.size() > kMaxConfig)) {
    return base::fail(ErrorCode::kInvalidInput, "FLV: bad AAC configuration");
  }
  if (!tag.data.empty()) {  // an empty audio message is silence
    tags.push_back(tag);
  }
  return base::success();
}

base::Result<std::vector<AudioTag>> enhancedAudio(Reader& in, std::uint32_t first) {
  DVPE_TRY(const auto packets, enhancedPackets(in, static_cast<int>(first & 15), kAudioMultitrack));
  std::vector<AudioTag> tags;
  for (const TrackPacket& packet : packets) {
    if (packet.type != kSequenceStart && packet.type != kCodedFrames) {
      continue;
    }
    if (packet.codec != fourCc("mp4a")) {
      return base::fail(ErrorCode::kUnsupported, "audio codec " + show(packet.codec) + " is not supported: send AAC");
    }
    const auto kind = packet.type == kSequenceStart ? AudioTag::Kind::kFormat : AudioTag::Kind::kFrame;
    DVPE_CHECK(addAudio(tags, {kind, packet.track, packet.body}));
  }
  return tags;
}

}  // namespace

base::Result<VideoTag> parseVideoTag(ByteView payload) {
  if (payload.empty()) {
    return VideoTag{};
  }
  Reader in(payload);
  DVPE_TRY(const std::uint32_t first, in.integer(1));
  if ((first & 0x80) != 0) {
    return enhancedVideo(in, first);
  }
  VideoTag tag;
  if (first >> 4 == kInfoFrame) {
    return tag;
  }
  if ((first & 15) != kAvc) {
    return base::fail(ErrorCode::kUnsupported,
                      "video codec " + std::to_string(first & 15) + " of FLV is not supported: send H.264");
  }
  tag.key = first >> 4 == 1 || first >> 4 == 4;
  DVPE_TRY(const std::uint32_t packet, in.integer(1));
  DVPE_TRY(tag.compositionMs, in.signed24());
  tag.data = in.rest();
  if (packet == kSequenceStart) {
    tag.kind = VideoTag::Kind::kFormat;
  } else if (packet == kCodedFrames) {
    tag.kind = VideoTag::Kind::kFrame;
  } else if (packet != kSequenceEnd) {
    return base::fail(ErrorCode::kInvalidInput, "FLV: unknown AVC packet type");
  }
  return tag;
}

base::Result<std::vector<AudioTag>> parseAudioTag(ByteView payload) {
  if (payload.empty()) {
    return std::vector<AudioTag>{};
  }
  Reader in(payload);
  DVPE_TRY(const std::uint32_t first, in.integer(1));
  if (first >> 4 == kExAudio) {
    return enhancedAudio(in, first);
  }
  if (first >> 4 != kAac) {
    return base::fail(ErrorCode::kUnsupported,
                      "audio codec " + std::to_string(first >> 4) + " of FLV is not supported: send AAC");
  }
  DVPE_TRY(const std::uint32_t packet, in.integer(1));
  if (packet > 1) {
    return base::fail(ErrorCode::kInvalidInput, "FLV: unknown AAC packet type");
  }
  std::vector<AudioTag> tags;
  DVPE_CHECK(addAudio(tags, {packet == 0 ? AudioTag::Kind::kFormat : AudioTag::Kind::kFrame, 0, in.rest()}));
  return tags;
}

base::Result<std::vector<AggregatedTag>> splitAggregate(ByteView payload) {
  Reader in(payload);
  std::vector<AggregatedTag> tags;
  while (!in.rest().empty()) {
    if (tags.size() == kMaxAggregated) {
      return base::fail(ErrorCode::kLimitExceeded, "FLV: too many tags in one aggregate message");
    }
    AggregatedTag tag;
    DVPE_TRY(const std::uint32_t type, in.integer(1));
    tag.type = static_cast<std::uint8_t>(type & 31);
    DVPE_TRY(const std::uint32_t size, in.integer(3));
    DVPE_TRY(const std::uint32_t low, in.integer(3));
    DVPE_TRY(const std::uint32_t high, in.integer(1));
    tag.timestampMs = (high << 24) | low;
    DVPE_CHECK(in.take(3));  // stream id: the message's counts
    DVPE_TRY(tag.payload, in.take(size));
    DVPE_CHECK(in.take(4));  // size of the previous tag
    tags.push_back(tag);
  }
  return tags;
}

}  // namespace dvpe::ingest::rtmp
