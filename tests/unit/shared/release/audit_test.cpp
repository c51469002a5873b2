// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The chain by itself; against PostgreSQL's own hashes in tests/integration/database/cli_test.py.
#include "shared/release/audit.h"

#include <gtest/gtest.h>

namespace dvpe::release {
namespace {

class TheChain : public ::testing::Test {
 protected:
  TheChain() {
    base::Bytes before = auditStart();
    for (int i = 1; i <= 5; ++i) {
      AuditEntry e;
      e.sequence = i;
      e.at = "2026-01-01T00:00:00.000000Z";
      e.who = "ada";
      e.what = "document.store";
      e.hash = auditHash(before, e);
      before = e.hash;
      entries.push_back(e);
    }
    last = before;
  }
  AuditHead headOf(std::size_t line) const {
    return {static_cast<std::int64_t>(line), base::hex(entries[line - 1].hash), 1'790'000'000};
  }
  // 0: it holds.
  std::int64_t firstBad(const std::vector<AuditHead>& heads = {}) {
    AuditChain chain;
    for (const auto& head : heads) EXPECT_TRUE(chain.expect(head));
    for (const auto& e : entries) chain.take(e);
    const auto broken = chain.finish(5, last);
    signedUpTo = chain.signedUpTo();
    return broken ? broken->sequence : 0;
  }
  void rehash() {
    base::Bytes before = auditStart();
    for (auto& e : entries) before = e.hash = auditHash(before, e);
    last = before;
  }
  std::vector<AuditEntry> entries;
  base::Bytes last;
  std::int64_t signedUpTo = 0;
};

TEST_F(TheChain, HoldsAsItWasWritten) {
  EXPECT_EQ(firstBad(), 0);
  EXPECT_EQ(signedUpTo, 0);
  EXPECT_EQ(firstBad({headOf(2), headOf(4)}), 0);
  EXPECT_EQ(signedUpTo, 4);
}

TEST_F(TheChain, ShowsAChange) {
  entries[2].who = "ben";
  EXPECT_EQ(firstBad(), 3);
}

TEST_F(TheChain, ShowsThatAFieldMovedIntoItsNeighbour) {
  entries[2].who = "adad";
  entries[2].what = "ocument.store";
  EXPECT_EQ(firstBad(), 3);
}

TEST_F(TheChain, ShowsARemovalAReorderAndACutTail) {
  auto whole = entries;
  entries.erase(entries.begin() + 1);
  EXPECT_EQ(firstBad(), 2);
  entries = whole;
  std::swap(entries[1], entries[2]);
  EXPECT_EQ(firstBad(), 2);
  entries = whole;
  entries.pop_back();
  EXPECT_EQ(firstBad(), 5);
  entries = {};
  EXPECT_EQ(firstBad(), 1);
}

TEST_F(TheChain, ShowsThatItWasWrittenAnewByWhatWasSigned) {
  const auto heads = std::vector{headOf(2), headOf(4)};
  entries[2].who = "ben";
  rehash();
  EXPECT_EQ(firstBad(), 0) << "it holds by itself";
  EXPECT_EQ(firstBad(heads), 3) << "up to 2 it is what was signed";
}

TEST_F(TheChain, ShowsByASignedHeadThatTheTailAndTheHeadWereCut) {
  const AuditHead kept = headOf(5);
  entries.resize(3);
  AuditChain chain;
  EXPECT_TRUE(chain.expect(kept));
  for (const auto& e : entries) chain.take(e);
  const auto broken = chain.finish(3, entries.back().hash);
  ASSERT_TRUE(broken.has_value());
  EXPECT_EQ(broken->sequence, 4);
}

TEST_F(TheChain, TakesNoTwoHeadsOfOneLine) {
  AuditChain chain;
  EXPECT_TRUE(chain.expect(headOf(2)));
  EXPECT_TRUE(chain.expect(headOf(2)));
  AuditHead other = headOf(2);
  other.hash = headOf(3).hash;
  EXPECT_FALSE(chain.expect(other));
}

TEST_F(TheChain, HeadsAreReadAsTheyAreWritten) {
  const auto head = parseAuditHead(toJson(headOf(3)));
  ASSERT_TRUE(head.has_value()) << head.error().message;
  EXPECT_EQ(head.value().sequence, 3);
  EXPECT_EQ(head.value().hash, headOf(3).hash);
  Signed statement{toJson(headOf(3)), {}};
  addSignature(statement, Domain::kAuditHead, PrivateKey::generate());
  const auto line = parseAuditLine(toLine(statement));
  ASSERT_TRUE(line.has_value()) << line.error().message;
  EXPECT_EQ(line.value().bytes, statement.bytes);
  EXPECT_EQ(line.value().by[0].signature, statement.by[0].signature);
  for (const char* bad : {"", "{}", "[]", "{\"statement\": 1, \"signatures\": []}"}) {
    EXPECT_FALSE(parseAuditLine(bad).has_value()) << bad;
  }
  for (const char* bad : {"", "{}", R"({"kind":"audit_head","sequence":0,"hash":"00","at":1})",
                          R"({"kind":"release","sequence":1,"hash":"00","at":1})"}) {
    EXPECT_FALSE(parseAuditHead(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace dvpe::release
