// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/rtmp/amf0.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dvpe::ingest::rtmp {
namespace {

using base::Bytes;
using base::ErrorCode;
using Kind = AmfValue::Kind;

TEST(Amf0, ReadsWhatTheWriterWrites) {
  AmfWriter w;
  w.string("connect").number(-1.5).object().key("app").string("live").key("tls").boolean(true);
  w.key("inner").ecmaArray(1).key("n").null().end().key("list").strictArray(2).number(1).undefined().end();
  const auto parsed = parseAmf0(w.bytes());
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& values = parsed.value();
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0].text, "connect");
  EXPECT_EQ(values[1].number, -1.5);
  ASSERT_EQ(values[2].kind, Kind::kObject);
  EXPECT_EQ(values[2].find("app")->text, "live");
  EXPECT_TRUE(values[2].find("tls")->boolean);
  EXPECT_EQ(values[2].find("inner")->find("n")->kind, Kind::kNull);
  ASSERT_EQ(values[2].find("list")->members.size(), 2U);
  EXPECT_EQ(values[2].find("list")->members[0].value.number, 1);
  EXPECT_EQ(values[2].find("missing"), nullptr);
}

TEST(Amf0, ReadsTheRarerTypes) {
  Bytes b{11, 0x40, 0x59, 0, 0, 0, 0, 0, 0, 0, 0};               // date: 100
  b.insert(b.end(), {12, 0, 0, 0, 2, 'h', 'i'});                 // long string
  b.insert(b.end(), {15, 0, 0, 0, 1, 'x'});                      // XML
  b.insert(b.end(), {16, 0, 1, 'C', 0, 1, 'a', 1, 1, 0, 0, 9});  // typed object
  b.insert(b.end(), {7, 0, 0, 13, 6});                           // reference, unsupported, undefined
  const auto parsed = parseAmf0(b);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& v = parsed.value();
  ASSERT_EQ(v.size(), 7U);
  EXPECT_EQ(v[0].kind, Kind::kDate);
  EXPECT_EQ(v[0].number, 100);
  EXPECT_EQ(v[1].text, "hi");
  EXPECT_EQ(v[2].text, "x");
  EXPECT_TRUE(v[3].find("a")->boolean);
  EXPECT_EQ(v[4].kind, Kind::kUndefined);
}

// An object or an array holding the next one, `depth` times.
Bytes nested(int depth, bool arrays) {
  Bytes b;
  for (int i = 0; i < depth; ++i) {
    if (arrays) {
      b.insert(b.end(), {10, 0, 0, 0, 1});
    } else {
      b.insert(b.end(), {3, 0, 1, 'a'});
    }
  }
  b.push_back(5);
  for (int i = 0; i < depth && !arrays; ++i) {
    b.insert(b.end(), {0, 0, 9});
  }
  return b;
}

// Reliability, row 3.
TEST(Amf0, RefusesNestingThatIsTooDeep) {
  for (const bool arrays : {false, true}) {
    EXPECT_TRUE(parseAmf0(nested(16, arrays)));
    EXPECT_EQ(parseAmf0(nested(17, arrays)).error().code, ErrorCode::kLimitExceeded);
    EXPECT_EQ(parseAmf0(nested(10'000, arrays)).error().code, ErrorCode::kLimitExceeded);
  }
}

TEST(Amf0, RefusesCountsThatAreNotThere) {
  EXPECT_EQ(parseAmf0(Bytes{10, 0xFF, 0xFF, 0xFF, 0xFF}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(parseAmf0(Bytes{10, 0, 0, 0, 9, 5, 5}).error().code, ErrorCode::kLimitExceeded);
  // The count of an ECMA array is advice.
  EXPECT_TRUE(parseAmf0(Bytes{8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 'a', 5, 0, 0, 9}));
}

TEST(Amf0, RefusesTooManyValuesAndTooMuchText) {
  EXPECT_TRUE(parseAmf0(Bytes(1024, 5)));
  EXPECT_EQ(parseAmf0(Bytes(1025, 5)).error().code, ErrorCode::kLimitExceeded);
  Bytes text{12, 0, 1, 0, 1};
  text.resize(5 + 65'537, 'x');
  EXPECT_EQ(parseAmf0(text).error().code, ErrorCode::kLimitExceeded);
  AmfWriter w;
  for (int i = 0; i < 3; ++i) {
    w.string(std::string(60'000, 'x'));
  }
  EXPECT_EQ(parseAmf0(w.bytes()).error().code, ErrorCode::kLimitExceeded);
}

TEST(Amf0, RefusesEveryPrefixOfAValue) {
  AmfWriter w;
  w.object().key("app").string("live").key("n").number(3).key("l").strictArray(1).boolean(true).end();
  for (std::size_t n = 1; n < w.bytes().size(); ++n) {
    EXPECT_FALSE(parseAmf0(base::ByteView(w.bytes()).first(n))) << n;
  }
}

TEST(Amf0, RefusesUnknownTypesAndAmf3) {
  EXPECT_EQ(parseAmf0(Bytes{17, 4, 1}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parseAmf0(Bytes{4}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(parseAmf0(Bytes{9}).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace dvpe::ingest::rtmp
