// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/chunk_reader.h"

#include <gtest/gtest.h>

#include "node/ingest/rtmp/chunk_writer.h"

namespace dvpe::ingest::rtmp {
namespace {

using base::Bytes;
using base::ErrorCode;

// Chunk bytes by hand.
class Chunks {
 public:
  Chunks& basic(int format, std::uint32_t csid) {
    const auto top = static_cast<std::uint8_t>(format << 6);
    if (csid < 64) {
      bytes.push_back(static_cast<std::uint8_t>(top | csid));
    } else if (csid < 320) {
      bytes.insert(bytes.end(), {top, static_cast<std::uint8_t>(csid - 64)});
    } else {
      bytes.insert(bytes.end(), {static_cast<std::uint8_t>(top | 1), static_cast<std::uint8_t>((csid - 64) & 255),
                                 static_cast<std::uint8_t>((csid - 64) >> 8)});
    }
    return *this;
  }
  Chunks& type0(std::uint32_t csid, std::uint32_t time, std::uint32_t length, int type = 9, std::uint32_t stream = 1) {
    basic(0, csid);
    field(time, length, type);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<std::uint8_t>(stream >> shift));
    }
    return extend(time);
  }
  Chunks& type1(std::uint32_t csid, std::uint32_t delta, std::uint32_t length, int type = 9) {
    basic(1, csid);
    field(delta, length, type);
    return extend(delta);
  }
  Chunks& type2(std::uint32_t csid, std::uint32_t delta) {
    basic(2, csid);
    putBig24(bytes, std::min<std::uint32_t>(delta, 0xFFFFFF));
    return extend(delta);
  }
  Chunks& type3(std::uint32_t csid) { return basic(3, csid); }
  Chunks& big32(std::uint32_t value) {
    putBig32(bytes, value);
    return *this;
  }
  Chunks& body(std::size_t n, std::uint8_t with = 0xAB) {
    bytes.insert(bytes.end(), n, with);
    return *this;
  }
  Chunks& setChunkSize(std::uint32_t size) { return type0(2, 0, 4, 1, 0).big32(size); }

  Bytes bytes;

 private:
  void field(std::uint32_t time, std::uint32_t length, int type) {
    putBig24(bytes, std::min<std::uint32_t>(time, 0xFFFFFF));
    putBig24(bytes, length);
    bytes.push_back(static_cast<std::uint8_t>(type));
  }
  Chunks& extend(std::uint32_t time) { return time >= 0xFFFFFF ? big32(time) : *this; }
};

struct Outcome {
  std::vector<Message> messages;
  std::optional<base::Error> error;
  std::uint32_t chunkSize = 0;
};

// Feeds pieces of that many bytes, and drains after each.
Outcome readAll(const Bytes& bytes, std::size_t piece = 1u << 20, ChunkLimits limits = kPublishingLimits) {
  ChunkReader reader(limits);
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size() && !outcome.error; at += piece) {
    reader.feed(base::ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    for (;;) {
      auto next = reader.next();
      if (!next) {
        outcome.error = next.error();
        break;
      }
      if (!next.value()) {
        break;
      }
      outcome.messages.push_back(std::move(*next.value()));
    }
  }
  outcome.chunkSize = reader.chunkSize();
  return outcome;
}

std::vector<std::int64_t> times(const Outcome& outcome) {
  std::vector<std::int64_t> t;
  for (const Message& m : outcome.messages) {
    t.push_back(m.timestampMs);
  }
  return t;
}

using Times = std::vector<std::int64_t>;

TEST(ChunkReader, ReadsAllFourHeaderTypesInAnyPieces) {
  Chunks c;
  c.type0(6, 1000, 300).body(128).type3(6).body(128).type3(6).body(44);  // three chunks of one message
  c.type1(6, 40, 10).body(10);
  c.type2(6, 41).body(10);
  c.type3(6).body(10);  // a new message, same delta
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    const auto outcome = readAll(c.bytes, piece);
    ASSERT_FALSE(outcome.error) << outcome.error->message;
    EXPECT_EQ(times(outcome), (Times{1000, 1040, 1081, 1122})) << "in pieces of " << piece;
    EXPECT_EQ(outcome.messages[0].payload, Bytes(300, 0xAB));
    EXPECT_EQ(outcome.messages[3].payload.size(), 10U);
    EXPECT_EQ(outcome.messages[3].type, 9);
    EXPECT_EQ(outcome.messages[3].streamId, 1U);
  }
}

TEST(ChunkReader, ReadsWhatTheWriterWrites) {
  ChunkWriter writer;
  Bytes bytes;
  Bytes payload(100'000);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<std::uint8_t>(i * 7);
  }
  writer.write(4, MessageType::kVideo, 1, 5, Bytes(payload.begin(), payload.begin() + 1000), bytes);
  writer.setChunkSize(4096, bytes);
  writer.write(63, MessageType::kVideo, 1, 0x1234567, payload, bytes);
  const auto outcome = readAll(bytes, 999);
  ASSERT_FALSE(outcome.error);
  ASSERT_EQ(outcome.messages.size(), 2U);
  EXPECT_EQ(outcome.messages[0].payload.size(), 1000U);
  EXPECT_EQ(outcome.messages[1].payload, payload);
  EXPECT_EQ(outcome.messages[1].timestampMs, 0x1234567);
}

TEST(ChunkReader, InterleavesMessagesOfSeveralChunkStreams) {
  Chunks c;
  c.type0(6, 10, 200, 9).body(128, 1).type0(5, 12, 130, 8).body(128, 2).type3(6).body(72, 1).type3(5).body(2, 2);
  const auto outcome = readAll(c.bytes);
  ASSERT_EQ(outcome.messages.size(), 2U);
  EXPECT_EQ(outcome.messages[0].payload, Bytes(200, 1));
  EXPECT_EQ(outcome.messages[1].payload, Bytes(130, 2));
}

TEST(ChunkReader, ReadsTwoAndThreeByteChunkStreamIds) {
  Chunks c;
  for (const std::uint32_t csid : {2u, 63u, 64u, 319u, 320u, 65599u}) {
    c.type0(csid, 5, 130).body(128).type3(csid).body(2);
  }
  const auto outcome = readAll(c.bytes, 1);
  ASSERT_FALSE(outcome.error);
  EXPECT_EQ(outcome.messages.size(), 6U);
}

TEST(ChunkReader, GivesOutEmptyMessages) {
  const auto outcome = readAll(Chunks{}.type0(5, 7, 0, 8).type0(5, 9, 0, 8).bytes);
  EXPECT_EQ(times(outcome), (Times{7, 9}));
}

// Reliability, row 5.
TEST(ChunkReader, KeepsTimeContinuousPast24Bits) {
  Chunks c;
  constexpr std::uint32_t kStart = 0x1000000 - 10'000;
  c.type0(6, kStart, 1).body(1);
  for (int i = 0; i < 500; ++i) {
    c.type2(6, 40).body(1);
  }
  // And with absolute, extended timestamps.
  c.type0(5, kStart, 1, 8).body(1).type0(5, 0xFFFFFE, 1, 8).body(1).type0(5, 0xFFFFFF, 1, 8).body(1);
  c.type0(5, 0x1000010, 1, 8).body(1);
  const auto outcome = readAll(c.bytes, 5);
  ASSERT_FALSE(outcome.error);
  ASSERT_EQ(outcome.messages.size(), 505U);
  for (int i = 0; i <= 500; ++i) {
    ASSERT_EQ(outcome.messages[static_cast<std::size_t>(i)].timestampMs, std::int64_t{kStart} + 40 * i);
  }
  EXPECT_EQ(outcome.messages[502].timestampMs, 0xFFFFFE);
  EXPECT_EQ(outcome.messages[503].timestampMs, 0xFFFFFF);
  EXPECT_EQ(outcome.messages[504].timestampMs, 0x1000010);
}

TEST(ChunkReader, KeepsTimeContinuousPast32Bits) {
  constexpr std::int64_t kStart = (std::int64_t{1} << 32) - 10'000;
  Chunks c;
  Times expected;
  for (std::int64_t t = kStart; t < kStart + 20'000; t += 40) {
    c.type0(6, static_cast<std::uint32_t>(t), 1).body(1);
    c.type0(5, static_cast<std::uint32_t>(t - 7), 1, 8).body(1);  // audio runs a little behind, across the wrap too
    expected.insert(expected.end(), {t, t - 7});
  }
  const auto outcome = readAll(c.bytes);
  ASSERT_FALSE(outcome.error);
  EXPECT_EQ(times(outcome), expected);
}

TEST(ChunkReader, AddsDeltasAcrossTheWrapOf32Bits) {
  Chunks c;
  c.type0(6, 0xFFFFFFF0, 1).body(1).type2(6, 40).body(1).type3(6).body(1);
  EXPECT_EQ(times(readAll(c.bytes)), (Times{0xFFFFFFF0, 0x100000018, 0x100000040}));
}

TEST(ChunkReader, UnwrapsEachMessageStreamByItself) {
  Chunks c;
  c.type0(6, 0xFFFFFFF0, 1, 9, 1).body(1).type0(7, 5, 1, 9, 2).body(1).type0(6, 8, 1, 9, 1).body(1);
  EXPECT_EQ(times(readAll(c.bytes)), (Times{0xFFFFFFF0, 5, 0x100000008}));
}

TEST(ChunkReader, AcceptsAnExtendedTimestampRepeatedOnTypeThree) {
  constexpr std::uint32_t kTime = 0x01020304;
  Chunks c;
  c.type0(6, kTime, 300).body(128).type3(6).big32(kTime).body(128).type3(6).big32(kTime).body(44);
  for (const std::size_t piece : {1u, 500u}) {
    const auto outcome = readAll(c.bytes, piece);
    ASSERT_EQ(outcome.messages.size(), 1U);
    EXPECT_EQ(outcome.messages[0].payload, Bytes(300, 0xAB));
  }
}

TEST(ChunkReader, AcceptsAnExtendedTimestampLeftOutOnTypeThree) {
  Chunks c;
  c.type0(6, 0x01020304, 129).body(128).type3(6).body(1, 0x01);  // the body starts like the timestamp and is shorter
  c.type0(6, 0x01020305, 300).body(128).type3(6).body(128).type3(6).body(44);
  for (const std::size_t piece : {1u, 500u}) {
    const auto outcome = readAll(c.bytes, piece);
    ASSERT_FALSE(outcome.error);
    ASSERT_EQ(outcome.messages.size(), 2U);
    EXPECT_EQ(outcome.messages[1].payload, Bytes(300, 0xAB));
  }
}

TEST(ChunkReader, AddsNothingForATypeThreeMessageAfterALargeAbsoluteTimestamp) {
  EXPECT_EQ(times(readAll(Chunks{}.type0(6, 500'000, 1).body(1).type3(6).body(1).bytes)), (Times{500'000, 500'000}));
  EXPECT_EQ(times(readAll(Chunks{}.type0(6, 23, 1).body(1).type3(6).body(1).bytes)), (Times{23, 46}));
}

// Row 1.
TEST(ChunkReader, AllocatesNothingByADeclaredChunkSize) {
  Chunks c;
  c.setChunkSize(0x7FFFFFFF).type0(6, 0, 4'000'000).body(10);
  const auto outcome = readAll(c.bytes);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.chunkSize, 0xFFFFFFU);
}

TEST(ChunkReader, ReadsAMessageInOneLargeChunk) {
  const auto outcome = readAll(Chunks{}.setChunkSize(1'000'000).type0(6, 0, 300'000).body(300'000).bytes, 4096);
  ASSERT_EQ(outcome.messages.size(), 1U);
  EXPECT_EQ(outcome.messages[0].payload.size(), 300'000U);
}

// Row 2.
TEST(ChunkReader, RefusesChunkSizesThatAmplify) {
  for (const std::uint32_t size : {0u, 1u, 127u, 0x80000000u, 0xFFFFFFFFu}) {
    EXPECT_TRUE(readAll(Chunks{}.setChunkSize(size).bytes).error) << size;
  }
  EXPECT_FALSE(readAll(Chunks{}.setChunkSize(128).bytes).error);
  EXPECT_TRUE(readAll(Chunks{}.type0(2, 0, 3, 1, 0).body(3).bytes).error) << "too short";
}

TEST(ChunkReader, RefusesAFloodOfEmptyMessages) {
  Chunks c;
  c.type0(6, 0, 0);
  for (int i = 0; i < 20'000; ++i) {
    c.type3(6);
  }
  const auto outcome = readAll(c.bytes, 4096);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::kLimitExceeded);
}

TEST(ChunkReader, PaysForSmallChunksWithTime) {
  ChunkReader reader(kPublishingLimits);
  reader.feed(Chunks{}.type0(6, 0, 0).bytes);
  for (int i = 0; i < 40'000; ++i) {
    reader.feed(Bytes{0xC6});
    reader.grantWork(1);
    ASSERT_TRUE(reader.next());
  }
}

TEST(ChunkReader, HasWorkForManySmallChunksOfMedia) {
  Chunks c;
  c.type0(6, 0, 1'280'000).body(128);
  for (int i = 1; i < 10'000; ++i) {
    c.type3(6).body(128);
  }
  EXPECT_EQ(readAll(c.bytes, 65536).messages.size(), 1U);
}

// Row 4.
TEST(ChunkReader, RefusesAChunkWithoutAPreviousHeader) {
  EXPECT_EQ(readAll(Chunks{}.type3(6).body(10).bytes).error->code, ErrorCode::kInvalidInput);
  EXPECT_EQ(readAll(Chunks{}.type2(65599, 5).body(10).bytes).error->code, ErrorCode::kInvalidInput);
  EXPECT_EQ(readAll(Chunks{}.type1(6, 5, 10).body(10).bytes).error->code, ErrorCode::kInvalidInput);
}

TEST(ChunkReader, AcceptsThePingThatLibrtmpOpensTheControlStreamWith) {
  EXPECT_EQ(readAll(Chunks{}.type1(2, 0, 6, 4).body(6).bytes).messages.size(), 1U);
}

TEST(ChunkReader, CapsChunkStreamsAndMessageStreams) {
  Chunks c;
  for (std::uint32_t csid = 3; csid < 3 + 65; ++csid) {
    c.type0(csid, 0, 1).body(1);
  }
  const auto outcome = readAll(c.bytes);
  EXPECT_EQ(outcome.messages.size(), 64U);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::kLimitExceeded);
  Chunks m;
  for (std::uint32_t stream = 0; stream < 9; ++stream) {
    m.type0(3, 0, 1, 9, stream).body(1);
  }
  EXPECT_EQ(readAll(m.bytes).error->code, ErrorCode::kLimitExceeded);
}

TEST(ChunkReader, CapsMessagesAndTheSumOfUnfinishedOnes) {
  EXPECT_EQ(readAll(Chunks{}.type0(6, 0, 65'537).bytes, 100, ChunkLimits{}).error->code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(readAll(Chunks{}.type0(6, 0, 4 * 1024 * 1024 + 1).bytes).error->code, ErrorCode::kLimitExceeded);
  Chunks c;
  c.setChunkSize(60'000);
  for (std::uint32_t csid = 3; csid < 6; ++csid) {
    c.type0(csid, 0, 65'000).body(60'000);
  }
  EXPECT_EQ(readAll(c.bytes, 1000, ChunkLimits{}).error->code, ErrorCode::kLimitExceeded);
}

TEST(ChunkReader, AbortDropsOnlyThatMessage) {
  Chunks c;
  c.type0(6, 10, 200).body(128).type0(5, 12, 130, 8).body(128);
  c.type0(2, 0, 4, 2, 0).big32(6);
  c.type0(2, 0, 4, 2, 0).big32(999);  // unknown: nothing happens
  c.type3(5).body(2);
  c.type0(6, 50, 3).body(3);
  const auto outcome = readAll(c.bytes);
  ASSERT_FALSE(outcome.error);
  EXPECT_EQ(times(outcome), (Times{12, 50}));
}

// Row 12.
TEST(ChunkReader, RefusesAMessageWhoseSizeChangesBetweenChunks) {
  EXPECT_TRUE(readAll(Chunks{}.type0(6, 0, 300).body(128).type0(6, 0, 301).body(128).bytes).error);
  EXPECT_TRUE(readAll(Chunks{}.type0(6, 0, 300).body(128).type1(6, 0, 100).body(100).bytes).error);
  EXPECT_TRUE(readAll(Chunks{}.type0(6, 0, 300).body(128).type1(6, 0, 300, 8).body(128).bytes).error);
  EXPECT_TRUE(readAll(Chunks{}.type0(6, 0, 300).body(128).type0(6, 0, 300, 9, 2).body(128).bytes).error);
}

TEST(ChunkReader, GoesOnWhenAFullHeaderRepeatsTheSameMessage) {
  const auto outcome = readAll(Chunks{}.type0(6, 10, 200).body(128).type0(6, 10, 200).body(72).bytes);
  ASSERT_EQ(outcome.messages.size(), 1U);
  EXPECT_EQ(outcome.messages[0].payload.size(), 200U);
}

}  // namespace
}  // namespace dvpe::ingest::rtmp
