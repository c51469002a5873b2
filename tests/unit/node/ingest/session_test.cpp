// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A connection without its socket: states, replies, media and cues.
#include "node/ingest/rtmp/session.h"

#include "tests/unit/node/ingest/support.h"

namespace dvpe::ingest::rtmp {
namespace {

using base::Bytes;
using base::ErrorCode;
using test::avcTag;
using test::ClientBytes;
using test::nal;
using Kind = SourceCue::Kind;

class SessionTest : public ::testing::Test {
 protected:
  base::Result<void> feed(const Bytes& bytes) {
    now_ += std::chrono::milliseconds{10};
    Bytes out;
    auto result = session_.feed(bytes, now_, out);
    heard_.append(out.begin(), out.end());
    return result;
  }
  void expectFeeds(const Bytes& bytes) {
    const auto result = feed(bytes);
    EXPECT_TRUE(result) << result.error().message;
  }
  bool heard(std::string_view text) const { return heard_.find(text) != std::string::npos; }
  // The one cue that this data message makes.
  std::optional<SourceCue> cueOf(const AmfWriter& values, std::uint32_t timeMs = 5000) {
    const auto before = desk_.last()->cues.size();
    expectFeeds(client_.data(values, timeMs).take());
    const auto& cues = desk_.last()->cues;
    return cues.size() == before + 1 ? std::optional(cues.back()) : std::nullopt;
  }

  test::FakeDesk desk_;
  RtmpCounters counters_;
  base::SystemRandom random_;
  Session session_{desk_, counters_, random_, "rtmp"};
  ClientBytes client_;
  std::string heard_;
  Session::Time now_{};
};

TEST_F(SessionTest, AnswersTheHandshakeByteByByteWithTheClientsOwnBytes) {
  Bytes hello = client_.handshake().take();
  for (std::size_t i = 0; i < 1536; ++i) {
    hello[1 + i] = static_cast<std::uint8_t>(i);  // non-zero where a digest's version would be
  }
  for (const std::uint8_t b : hello) {
    expectFeeds({b});
  }
  EXPECT_EQ(session_.stage(), Session::Stage::kConnect);
  ASSERT_EQ(heard_.size(), 1U + 2 * 1536);
  EXPECT_EQ(heard_.substr(1 + 1536), std::string(hello.begin() + 1, hello.begin() + 1 + 1536));
  EXPECT_EQ(heard_.substr(5, 4), std::string(4, '\0')) << "no digest is offered";
}

TEST_F(SessionTest, RefusesWhatIsNotRtmpAtItsFirstByte) { EXPECT_FALSE(feed({'G', 'E', 'T', ' '})); }

// The order and the header types in which OBS (librtmp) talks.
TEST_F(SessionTest, ServesWhatObsSays) {
  Bytes flow = client_.handshake().take();
  ChunkWriter writer;
  writer.setChunkSize(4096, flow);
  AmfWriter connect;
  connect.string("connect").number(1).object().key("app").string("live").key("type").string("nonprivate");
  connect.key("flashVer").string("FMLE/3.0 (compatible; FMSc/1.0)").key("tcUrl").string("rtmp://x/live");
  connect.key("fourCcList").strictArray(1).string("hvc1").end();
  writer.write(3, MessageType::kCommandAmf0, 0, 0, connect.bytes(), flow);
  flow.insert(flow.end(), {0x42, 0, 0, 0, 0, 0, 10, 4});  // librtmp: a type-1 header on chunk stream 2
  flow.insert(flow.end(), {0, 3, 0, 0, 0, 0, 0, 0, 1, 0x2C});
  const auto say = [&](const AmfWriter& w, std::uint32_t csid = 3, std::uint32_t stream = 0) {
    writer.write(csid, MessageType::kCommandAmf0, stream, 0, w.bytes(), flow);
  };
  say(AmfWriter{}.string("releaseStream").number(2).null().string("key1"));
  say(AmfWriter{}.string("FCPublish").number(3).null().string("key1"));
  say(AmfWriter{}.string("createStream").number(4).null());
  say(AmfWriter{}.string("publish").number(5).null().string("key1?token=x").string("live"), 4, 1);
  AmfWriter metadata;
  metadata.string("@setDataFrame").string("onMetaData").ecmaArray(2).key("width").number(320).key("height").number(180);
  metadata.key("encoder").string("obs-output module\n\"x\"").end();
  writer.write(4, MessageType::kDataAmf0, 1, 0, metadata.bytes(), flow);
  writer.write(4, MessageType::kVideo, 1, 0, avcTag(true, 0, test::smallAvcc()), flow);
  writer.write(4, MessageType::kAudio, 1, 0, Bytes{0xAF, 0, 0x11, 0x90}, flow);
  writer.write(4, MessageType::kVideo, 1, 0, avcTag(true, 1, nal(9000), 80), flow);
  writer.write(4, MessageType::kAudio, 1, 10, Bytes{0xAF, 1, 1, 2}, flow);
  expectFeeds(flow);
  EXPECT_TRUE(heard("NetConnection.Connect.Success"));
  EXPECT_TRUE(heard("fourCcList"));
  EXPECT_TRUE(heard("NetStream.Publish.Start"));
  const auto record = desk_.last();
  ASSERT_TRUE(record);
  EXPECT_EQ(*record->videoFormats.at(0), test::smallAvcc());
  EXPECT_EQ(*record->audioFormats.at(0), (Bytes{0x11, 0x90}));
  ASSERT_EQ(record->packets.size(), 2U);
  EXPECT_TRUE(record->packets[0].video && record->packets[0].key);
  EXPECT_EQ(record->packets[0].compositionMs, 80);
  EXPECT_EQ(*record->packets[0].data, nal(9000));
  EXPECT_EQ(record->packets[1].timeMs, 10);
  Bytes end;
  AmfWriter bye;
  bye.string("FCUnpublish").number(6).null().string("key1");
  writer.write(3, MessageType::kCommandAmf0, 0, 0, bye.bytes(), end);
  expectFeeds(end);
  EXPECT_TRUE(record->ended);
  EXPECT_EQ(session_.publication(), nullptr);
}

// Reliability, row 6.
TEST_F(SessionTest, IgnoresMessagesOutOfState) {
  expectFeeds(
      client_.handshake().publish("key1").createStream().deleteStream().video(0, avcTag(true, 1, nal(9))).take());
  EXPECT_EQ(desk_.asked, 0);
  expectFeeds(client_.connect().video(0, avcTag(true, 1, nal(9))).deleteStream().take());
  expectFeeds(client_.data(AmfWriter{}.string("onMetaData").object().end()).take());
  expectFeeds(client_.publish("key1").video(0, avcTag(true, 1, nal(9))).take());  // a frame before its format
  ASSERT_TRUE(desk_.last());
  EXPECT_TRUE(desk_.last()->packets.empty());
  expectFeeds(client_.video(0, avcTag(true, 0, test::smallAvcc())).video(40, avcTag(true, 1, nal(9))).take());
  EXPECT_EQ(desk_.last()->packets.size(), 1U);
  EXPECT_GE(counters_.ignoredMessages, 4U);
}

TEST_F(SessionTest, RefusesPlayPolitely) {
  EXPECT_EQ(feed(client_.handshake()
                     .connect()
                     .createStream()
                     .command(AmfWriter{}.string("play").number(0).null().string("key1"), 1)
                     .take())
                .error()
                .code,
            ErrorCode::kRefused);
  EXPECT_TRUE(heard("NetStream.Play.Failed"));
}

TEST_F(SessionTest, RefusesASecondConnectAndAnOverlongApp) {
  EXPECT_FALSE(feed(client_.handshake().connect(std::string(65, 'a')).take()));
  Session other(desk_, counters_, random_, "rtmp");
  Bytes out;
  EXPECT_FALSE(other.feed(ClientBytes{}.handshake().connect("../../etc").connect().take(), now_, out));
}

// Row 7.
TEST_F(SessionTest, ServesFlashStylePublishTypesAndRefusesADoublePublish) {
  expectFeeds(client_.handshake().connect().createStream().publish("key1", "record").take());
  EXPECT_EQ(session_.stage(), Session::Stage::kPublishing);
  EXPECT_FALSE(feed(client_.publish("key1", "append").take()));
  EXPECT_TRUE(heard("NetStream.Publish.BadName"));
  EXPECT_EQ(counters_.refusedPublishes, 1U);
}

TEST_F(SessionTest, PublishesAgainAfterDeleteStream) {
  expectFeeds(client_.handshake().connect().take());
  for (int i = 0; i < 5; ++i) {
    expectFeeds(client_.createStream().publish("key1").video(0, avcTag(true, 0, test::smallAvcc())).take());
    expectFeeds(client_.video(0, avcTag(true, 1, nal(100))).deleteStream().take());
    EXPECT_TRUE(desk_.last()->ended);
    EXPECT_EQ(desk_.last()->packets.size(), 1U);
  }
  EXPECT_EQ(counters_.published, 5U);
  EXPECT_EQ(counters_.publishing, 0U);
}

// Row 8.
TEST_F(SessionTest, RefusesBadStreamNamesWithoutAskingTheDesk) {
  for (const std::string& name :
       {std::string("../../etc/passwd"), std::string(300, 'a'), std::string("a\0b", 3), std::string("\xff\xfe"),
        std::string("k\xc3\xa4se"), std::string(""), std::string("?x"), std::string("a b"), std::string(129, 'k')}) {
    Session session(desk_, counters_, random_, "rtmp");
    Bytes out;
    const auto result =
        session.feed(ClientBytes{}.handshake().connect().createStream().publish(name).take(), now_, out);
    EXPECT_FALSE(result) << name;
    EXPECT_EQ(result.error().message.find("etc"), std::string::npos);
  }
  EXPECT_EQ(desk_.asked, 0);
}

TEST_F(SessionTest, NeverPutsTheKeyIntoAReason) {
  const auto result = feed(client_.handshake().connect().createStream().publish("wrongkey").take());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.find("wrongkey"), std::string::npos);
  EXPECT_FALSE(heard("wrongkey"));
  EXPECT_EQ(desk_.asked, 1);
}

TEST_F(SessionTest, RefusesTooMuchBeforePublish) {
  expectFeeds(client_.handshake().connect().take());
  base::Result<void> result = base::success();
  for (int i = 0; i < 10 && result; ++i) {
    result = feed(client_.video(0, Bytes(50'000)).take());
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kLimitExceeded);
}

TEST_F(SessionTest, RefusesAFloodOfCommandsButNotASteadyFew) {
  expectFeeds(client_.begin().take());
  for (int i = 0; i < 300; ++i) {
    now_ += std::chrono::milliseconds{90};  // and 10 in feed: 10 per second
    expectFeeds(client_.data(AmfWriter{}.string("onTextData").object().key("text").string("caption").end()).take());
  }
  base::Result<void> result = base::success();
  int n = 0;
  for (; n < 300 && result; ++n) {
    client_.data(AmfWriter{}.string("x").object().end());
  }
  result = feed(client_.take());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kLimitExceeded);
}

TEST_F(SessionTest, AnswersPingsAndAcknowledgesWhatItReceives) {
  expectFeeds(client_.begin().take());
  heard_.clear();
  ChunkWriter writer;
  Bytes bytes;
  writer.write(2, MessageType::kUserControl, 0, 0, Bytes{0, 6, 1, 2, 3, 4}, bytes);
  writer.control(MessageType::kWindowAckSize, 1, bytes);  // absurdly small: still no flood of acknowledgements
  expectFeeds(bytes);
  EXPECT_TRUE(heard(std::string("\x00\x07\x01\x02\x03\x04", 6)));
  heard_.clear();
  expectFeeds(client_.video(40, avcTag(true, 1, nal(20'000))).take());
  EXPECT_EQ(heard_.size(), 16U) << "one acknowledgement";
}

// Row 16.
TEST_F(SessionTest, DropsACorruptFrameAndWaitsForTheNextKeyFrame) {
  expectFeeds(client_.begin().take());
  client_.video(0, avcTag(false, 1, nal(50, 0x41)));     // no key yet
  client_.video(40, avcTag(true, 1, nal(50)));           // taken
  client_.video(80, avcTag(false, 1, {0, 0, 9, 9, 1}));  // longer than its tag
  client_.video(120, avcTag(false, 1, nal(50, 0x41)));
  client_.video(160, avcTag(true, 1, nal(50)));         // taken
  client_.video(200, avcTag(false, 1, nal(50, 0x41)));  // taken
  expectFeeds(client_.take());
  std::vector<std::int64_t> times;
  for (const auto& p : desk_.last()->packets) {
    times.push_back(p.timeMs);
  }
  EXPECT_EQ(times, (std::vector<std::int64_t>{40, 160, 200}));
  EXPECT_EQ(counters_.droppedPackets, 3U);
}

TEST_F(SessionTest, GivesANewFormatOnceWhenItChanges) {
  expectFeeds(client_.begin().video(0, avcTag(true, 0, test::smallAvcc())).take());
  EXPECT_EQ(desk_.last()->videoFormats.size(), 1U);
  expectFeeds(client_.video(10, avcTag(true, 0, test::interlacedAvcc())).take());
  EXPECT_EQ(desk_.last()->videoFormats.size(), 2U);
}

// Row 15: 8192x8192, written as a baseline SPS.
TEST_F(SessionTest, RefusesPicturesThatAreTooLarge) {
  expectFeeds(client_.begin().take());
  // profile 66, level 5.2; ue: sps 0, frame_num 0, poc type 2, refs 1, gaps 0, width 511, height 511, frames only 1,
  // direct 1, no cropping, no VUI: 1 1 011 010 0 (0000000001 0000000000 = 511+1) twice, 1 1 0 0 1
  const std::string bits =
      "11011010"
      "0"
      "0000000001000000000"
      "0000000001000000000"
      "11001";
  Bytes sps{0x67, 66, 0, 52};
  for (std::size_t i = 0; i < bits.size(); i += 8) {
    std::uint8_t byte = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      byte = static_cast<std::uint8_t>(byte << 1 | (i + k < bits.size() && bits[i + k] == '1' ? 1 : 0));
    }
    sps.push_back(byte);
  }
  Bytes avcc{1, 66, 0, 52, 0xFF, 0xE1, 0, static_cast<std::uint8_t>(sps.size())};
  avcc.insert(avcc.end(), sps.begin(), sps.end());
  avcc.insert(avcc.end(), {1, 0, 4, 0x68, 0xce, 0x0f, 0xc8});
  const auto result = feed(client_.video(0, avcTag(true, 0, avcc)).take());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(result.error().message.find("8192x8192"), std::string::npos) << result.error().message;
}

TEST_F(SessionTest, RefusesOtherCodecs) {
  expectFeeds(client_.begin().take());
  const auto result = feed(client_.video(0, Bytes{0x90, 'a', 'v', '0', '1', 1}).take());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
}

TEST_F(SessionTest, OpensAggregates) {
  expectFeeds(client_.begin().take());
  Bytes aggregate;
  const auto add = [&](std::uint8_t type, std::uint8_t time, const Bytes& tag) {
    aggregate.push_back(type);
    putBig24(aggregate, static_cast<std::uint32_t>(tag.size()));
    aggregate.insert(aggregate.end(), {0, 0, time, 0, 0, 0, 0});
    aggregate.insert(aggregate.end(), tag.begin(), tag.end());
    putBig32(aggregate, static_cast<std::uint32_t>(tag.size() + 11));
  };
  add(9, 100, avcTag(true, 1, nal(10)));
  add(8, 110, {0xAF, 0, 0x11, 0x90});
  add(8, 120, {0xAF, 1, 1});
  Bytes bytes;
  ChunkWriter{}.write(7, MessageType::kAggregate, 1, 5000, aggregate, bytes);
  expectFeeds(bytes);
  ASSERT_EQ(desk_.last()->packets.size(), 2U);
  EXPECT_EQ(desk_.last()->packets[0].timeMs, 5000);
  EXPECT_EQ(desk_.last()->packets[1].timeMs, 5020);
}

TEST_F(SessionTest, ReadsYouTubeCuePoints) {
  expectFeeds(client_.begin().take());
  AmfWriter start;
  start.string("onCuePoint").object().key("type").string("com.youtube.cuepoint").key("version").string("0.1");
  start.key("cue_point_start").boolean(true).key("break_duration_sec").number(30);
  start.key("pre_roll_time_sec").number(4).key("splice_event_id").number(77).end();
  const auto cue = cueOf(start, 5000);
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->kind, Kind::kBreakStart);
  EXPECT_EQ(cue->durationSeconds, 30);
  EXPECT_EQ(cue->id, "77");
  EXPECT_EQ(cue->sourceTimeMs, 9000);
  AmfWriter end;
  end.string("onCuePoint")
      .object()
      .key("type")
      .string("com.youtube.cuepoint")
      .key("cue_point_start")
      .boolean(false)
      .end();
  EXPECT_EQ(cueOf(end)->kind, Kind::kBreakEnd);
}

TEST_F(SessionTest, ReadsScteEventsAndNamedCuePoints) {
  expectFeeds(client_.begin().take());
  AmfWriter scte;
  scte.string("onCuePoint").object().key("name").string("scte35").key("type").string("event").key("time").number(6.5);
  scte.key("parameters")
      .object()
      .key("id")
      .string("e1")
      .key("duration")
      .string("15")
      .key("note")
      .string("x")
      .end()
      .end();
  auto cue = cueOf(scte, 5000);
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->kind, Kind::kBreakStart);
  EXPECT_EQ(cue->id, "e1");
  EXPECT_EQ(cue->durationSeconds, 15);
  EXPECT_EQ(cue->sourceTimeMs, 6500);
  EXPECT_EQ(cue->values["note"], "x");
  AmfWriter mark;
  mark.string("onCuePoint").object().key("name").string("goal").key("time").number(99999).key("parameters").object();
  mark.key("team").string("home").key("score").number(2).key("bad").string("a\nb").end().end();
  cue = cueOf(mark, 5000);
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->kind, Kind::kMark);
  EXPECT_EQ(cue->name, "goal");
  EXPECT_EQ(cue->sourceTimeMs, -1) << "a time that is not of this stream means now";
  EXPECT_EQ(cue->values, (std::map<std::string, std::string>{{"team", "home"}, {"score", "2"}}));
}

TEST_F(SessionTest, ReadsAdCuesAndTextData) {
  expectFeeds(client_.begin().take());
  AmfWriter out;
  out.string("onAdCue").object().key("type").string("").key("cue").string("SpliceOut").key("id").string("a7");
  out.key("duration").number(60).key("elapsed").number(10).key("time").number(5).end();
  auto cue = cueOf(out, 5000);
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->kind, Kind::kBreakStart);
  EXPECT_EQ(cue->durationSeconds, 50);
  EXPECT_EQ(cue->sourceTimeMs, 5000);
  cue =
      cueOf(AmfWriter{}.string("onTextData").object().key("event").string("halftime").key("score").string("1:0").end());
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->kind, Kind::kMark);
  EXPECT_EQ(cue->name, "halftime");
  EXPECT_EQ(cue->values["score"], "1:0");
  cue = cueOf(
      AmfWriter{}.string("onTextData").object().key("text").string("break_start").key("duration").number(20).end());
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->kind, Kind::kBreakStart);
  EXPECT_EQ(cue->durationSeconds, 20);
  EXPECT_EQ(cueOf(AmfWriter{}.string("onTextData").object().key("text").string("Break-End").end())->kind,
            Kind::kBreakEnd);
  EXPECT_FALSE(cueOf(AmfWriter{}.string("onTextData").object().key("text").string("a caption").end()));
}

TEST_F(SessionTest, BoundsWhatCuesCarry) {
  expectFeeds(client_.begin().take());
  const auto mark = [](std::string_view name, double duration) {
    AmfWriter w;
    w.string("onCuePoint")
        .object()
        .key("name")
        .string(name)
        .key("time")
        .number(std::numeric_limits<double>::quiet_NaN());
    w.key("parameters").object().key("duration").number(duration);
    for (int i = 0; i < 100; ++i) {
      w.key("v" + std::to_string(i)).number(i);
    }
    return w.end().end();
  };
  const auto cue = cueOf(mark("goal", 1e300));
  ASSERT_TRUE(cue);
  EXPECT_EQ(cue->durationSeconds, 86400);
  EXPECT_EQ(cue->sourceTimeMs, -1);
  EXPECT_LE(cue->values.size(), 32U);
  EXPECT_EQ(cueOf(mark("goal", -5))->durationSeconds, 0);
  EXPECT_EQ(cueOf(mark("goal", std::numeric_limits<double>::infinity()))->durationSeconds, 0);
  EXPECT_FALSE(cueOf(mark(std::string(200, 'x'), 0)));
  EXPECT_FALSE(cueOf(mark("bad\x01name", 0)));
  EXPECT_FALSE(cueOf(mark("\xC0\xAF", 0))) << "overlong UTF-8";
  EXPECT_TRUE(cueOf(mark("tor\xC3\xA4", 0)));
  EXPECT_FALSE(cueOf(AmfWriter{}.string("onCuePoint").string("no object")));
}

TEST_F(SessionTest, KeepsCueTimesInTheUnwrappedClock) {
  expectFeeds(client_.begin().video(0xFFFFFFF0, avcTag(true, 1, nal(9))).take());
  AmfWriter cue;
  cue.string("onCuePoint").object().key("name").string("goal").key("time").number(2.0).end();
  const auto got = cueOf(cue, 1000);  // 1 s after the wrap; the first message of this stream was at 0
  ASSERT_TRUE(got);
  EXPECT_EQ(got->sourceTimeMs % (std::int64_t{1} << 32), 2000);
}

TEST_F(SessionTest, GoesOnWhenDataCannotBeRead) {
  expectFeeds(client_.begin().take());
  Bytes bytes;
  ChunkWriter{}.write(4, MessageType::kDataAmf0, 1, 0, Bytes{2, 0xFF, 0xFF, 'x'}, bytes);
  expectFeeds(bytes);
  EXPECT_EQ(session_.stage(), Session::Stage::kPublishing);
  bytes.clear();
  ChunkWriter{}.write(3, MessageType::kCommandAmf0, 1, 0, Bytes{2, 0xFF, 0xFF, 'x'}, bytes);
  EXPECT_FALSE(feed(bytes)) << "a command that cannot be read is different";
}

}  // namespace
}  // namespace dvpe::ingest::rtmp
