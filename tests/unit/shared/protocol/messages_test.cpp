// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/messages.h"

#include <gmock/gmock.h>

#include "shared/base/bytes.h"

namespace dvpe::protocol {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;

release::Signed text(std::string bytes, int signatures = 1) {
  release::Signed out{std::move(bytes), {}};
  for (int i = 0; i < signatures; ++i) out.by.push_back({std::string(16, static_cast<char>('a' + i)), {}});
  return out;
}
std::string digestOf(const std::string& bytes) { return base::sha256(base::view(bytes)); }

Documents documents() {
  Documents out;
  out.keys = {text("keys 2", 2), text("keys 3")};
  out.documents[digestOf("one\xff")] = {text("one\xff"), {}};
  out.documents[digestOf("two")] = {text("two"), text("second")};
  out.rollbacks[digestOf("back")] = text("back");
  out.last = true;
  return out;
}

const std::string kDigest(64, 'a');

std::vector<Message> everyMessage() {
  return {Offer{text("{\"kind\":\"release\"}\n")},
          Need{{3, 12}, 2, {kDigest, std::string(64, '0')}, {kDigest}},
          Need{{1, 1}, 0, {}, {}},
          documents(),
          Documents{},
          Prepared{{3, 12}},
          Refused{{3, 12}, "ruleset/main: \xff not \"UTF-8\"\nand more"},
          CommandMessage{text("{}")},
          Answer{std::string(32, '0'), true, "", R"({"channels":[]})"},
          Answer{std::string(32, 'f'), false, "no", ""},
          Subscribe{true},
          Subscribe{false},
          Telemetry{R"({"cpu":0.5})"}};
}

std::string whyNot(const Frames& frames) {
  const auto decoded = decode(frames);
  return decoded ? "accepted" : decoded.error().message;
}

TEST(Messages, ComeBackAsTheyWereSent) {
  for (const Message& message : everyMessage()) {
    const Frames frames = encode(message);
    const auto back = decode(frames);
    ASSERT_TRUE(back.has_value()) << frames[0] << ": " << back.error().message;
    EXPECT_EQ(back.value().index(), message.index()) << frames[0];
    EXPECT_EQ(encode(back.value()), frames);
  }
}

TEST(Messages, KeepExactBytes) {
  using namespace std::string_literals;
  const std::string bytes = "{\"a\": 1.0}\r\n\0 \xff"s;
  const auto back = decode(encode(Offer{text(bytes)}));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(std::get<Offer>(back.value()).release.bytes, bytes);
}

TEST(Messages, RefuseUnknownTypesAndKeys) {
  EXPECT_THAT(whyNot({R"({"type":"hello","sizes":[]})"}), HasSubstr("there is no message \"hello\""));
  EXPECT_THAT(whyNot({R"({"type":"subscribe","sizes":[],"on":true,"of":1})"}),
              HasSubstr("/of: unknown key; did you mean \"on\"?"));
  EXPECT_THAT(whyNot({R"({"type":"subscribe","sizes":[]})"}), HasSubstr("\"on\" is missing"));
  EXPECT_THAT(whyNot({R"({"type":"subscribe","sizes":[],"on":1})"}), HasSubstr("expected true or false"));
  EXPECT_THAT(whyNot({R"({"sizes":[]})"}), HasSubstr("\"type\" is missing"));
  EXPECT_THAT(whyNot({"[]"}), HasSubstr("expected an object"));
  EXPECT_THAT(whyNot({""}), HasSubstr("not JSON"));
  EXPECT_EQ(whyNot({}), "a message without frames");
}

TEST(Messages, NameAllMistakesAtOnce) {
  const std::string why = whyNot({R"({"type":"prepared","sizes":[],"keys":0,"sequence":"x","extra":1})"});
  EXPECT_THAT(why, HasSubstr("/keys"));
  EXPECT_THAT(why, HasSubstr("/sequence"));
  EXPECT_THAT(why, HasSubstr("/extra"));
}

TEST(Messages, NoticeFramesThatAreMissingAddedOrChanged) {
  for (const Message& message : everyMessage()) {
    Frames more = encode(message), fewer = more, longer = more;
    more.emplace_back("x");
    EXPECT_THAT(whyNot(more), HasSubstr("sizes of the frames")) << more[0];
    if (fewer.size() == 1) continue;
    fewer.pop_back();
    EXPECT_NE(decode(fewer).has_value(), true) << more[0];
    longer.back() += 'x';
    EXPECT_THAT(whyNot(longer), HasSubstr("sizes of the frames")) << more[0];
  }
  EXPECT_THAT(whyNot({R"({"type":"subscribe","sizes":[1],"on":true})", "x"}), HasSubstr("bytes after the header"));
  EXPECT_THAT(whyNot({R"({"type":"subscribe","sizes":[0],"on":true})", ""}), HasSubstr("more frames than"));
}

TEST(Messages, LookAtSizesBeforeTheyParse) {
  EXPECT_EQ(decode({std::string(kMaxHeaderBytes + 1, '[')}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(decode(Frames(kMaxFrames + 1, "{}")).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(decode({"{}", std::string(kMaxMessageBytes, 'x')}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_FALSE(decode({std::string(60'000, '[')}).has_value()) << "too deep";
}

TEST(Messages, HoldEveryBound) {
  const auto good = [](const Message& m) { return decode(encode(m)).has_value(); };
  EXPECT_TRUE(good(Offer{text(std::string(release::kMaxReleaseBytes, 'x'))}));
  EXPECT_FALSE(good(Offer{text(std::string(release::kMaxReleaseBytes + 1, 'x'))}));
  EXPECT_TRUE(good(Offer{text("x", 16)}));
  EXPECT_FALSE(good(Offer{text("x", 17)}));
  using Digests = std::vector<std::string>;
  EXPECT_TRUE(good(Need{{1, 1}, 0, Digests(release::kMaxReleaseDocuments, kDigest), Digests(kMaxRollbacks, kDigest)}));
  EXPECT_FALSE(good(Need{{1, 1}, 0, Digests(release::kMaxReleaseDocuments + 1, kDigest), {}}));
  EXPECT_FALSE(good(Need{{1, 1}, 0, {}, Digests(kMaxRollbacks + 1, kDigest)}));
  EXPECT_FALSE(good(Need{{1, 1}, 0, {"short"}, {}}));
  EXPECT_FALSE(good(Need{{1, 1}, 0, {std::string(64, 'A')}, {}}));
  EXPECT_FALSE(good(Need{{1, 1}, -1, {}, {}}));
  EXPECT_FALSE(good(Need{{0, 1}, 0, {}, {}}));
  EXPECT_FALSE(good(Prepared{{1, 0}}));
  EXPECT_TRUE(good(Refused{{1, 1}, std::string(kMaxReasonBytes, 'x')}));
  EXPECT_FALSE(good(Refused{{1, 1}, std::string(kMaxReasonBytes + 1, 'x')}));
  EXPECT_TRUE(good(CommandMessage{text(std::string(kMaxCommandBytes, 'x'))}));
  EXPECT_FALSE(good(CommandMessage{text(std::string(kMaxCommandBytes + 1, 'x'))}));
  const std::string json = "\"" + std::string(kMaxDataBytes - 2, 'x') + "\"";
  EXPECT_TRUE(good(Answer{std::string(32, '0'), true, std::string(kMaxReasonBytes, 'x'), json}));
  EXPECT_FALSE(good(Answer{std::string(32, '0'), true, "", json + " "}));
  EXPECT_FALSE(good(Answer{std::string(32, '0'), true, std::string(kMaxReasonBytes + 1, 'x'), ""}));
  EXPECT_FALSE(good(Answer{std::string(31, '0'), true, "", ""}));
  EXPECT_FALSE(good(Answer{std::string(32, 'G'), true, "", ""}));
  EXPECT_FALSE(good(Answer{std::string(32, '0'), true, "", "{"}));
  EXPECT_TRUE(good(Telemetry{json}));
  EXPECT_FALSE(good(Telemetry{json + " "}));
  EXPECT_FALSE(good(Telemetry{""}));
  EXPECT_FALSE(good(Telemetry{"not json"}));
  Documents large;
  large.documents[kDigest] = {text(std::string(release::kMaxReleaseDocument + 1, 'x')), {}};
  EXPECT_FALSE(good(large));
}

TEST(Messages, RefuseADocumentThatComesTwice) {
  Documents twice;
  twice.documents[std::string(64, 'a')] = {text("same"), {}};
  twice.documents[std::string(64, 'b')] = {text("same"), {}};
  EXPECT_THAT(whyNot(encode(twice)), HasSubstr("comes twice"));
}

TEST(Splitting, KeepsEverythingInOrderAndEachPartWithinItsLimits) {
  Documents all;
  for (int i = 0; i < 250; ++i) all.keys.push_back(text("keys " + std::to_string(i), 2));
  for (int i = 0; i < 2'000; ++i) {
    const std::string bytes = "document " + std::to_string(i) + std::string(i % 100 == 0 ? 900'000 : 10, 'x');
    all.documents[digestOf(bytes)] = {text(bytes, 1 + i % 3), i % 2 != 0 ? std::optional(text("c", 1)) : std::nullopt};
  }
  for (int i = 0; i < 150; ++i) all.rollbacks[digestOf("r" + std::to_string(i))] = text("r" + std::to_string(i));
  all.last = true;
  const auto parts = split(all);
  EXPECT_GT(parts.size(), 3U);
  Documents together;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto back = decode(encode(parts[i]));
    ASSERT_TRUE(back.has_value()) << i << ": " << back.error().message;
    const auto& part = std::get<Documents>(back.value());
    EXPECT_EQ(part.last, i + 1 == parts.size());
    together.keys.insert(together.keys.end(), part.keys.begin(), part.keys.end());
    together.documents.insert(part.documents.begin(), part.documents.end());
    together.rollbacks.insert(part.rollbacks.begin(), part.rollbacks.end());
    together.last = part.last;
  }
  EXPECT_EQ(encode(together), encode(all));
}

TEST(Splitting, GivesOneMessageForNothingAndTakesTheLargestDocument) {
  EXPECT_EQ(split({}).size(), 1U);
  Documents all;
  for (char c = 'a'; c < 'n'; ++c) {
    const std::string bytes(release::kMaxReleaseDocument, c);
    all.documents[digestOf(bytes)] = {text(bytes, 16), text(std::string(release::kMaxReleaseDocument, 'z'), 16)};
  }
  all.keys.push_back(text(std::string(release::kMaxKeysBytes, 'k'), 16));
  for (const auto& part : split(all)) EXPECT_TRUE(decode(encode(part)).has_value()) << whyNot(encode(part));
}

}  // namespace
}  // namespace dvpe::protocol
