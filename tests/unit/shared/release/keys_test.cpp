// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/keys.h"

#include "tests/unit/shared/release/support.h"

namespace dvpe::release {
namespace {

using base::ErrorCode;
using namespace test;

class KeyRings : public ::testing::Test {
 protected:
  // Revision 1: two admins and a creator, signed by the root.
  void SetUp() override { ASSERT_TRUE(ring_.advance(first(), kNow).has_value()); }
  Signed first() {
    return people_.sign(toJson(document(1, {people_.line("ada", {Role::kAdmin}), people_.line("ben", {Role::kAdmin}),
                                            people_.line("cleo", {Role::kCreator})})),
                        Domain::kKeys, {"root"});
  }
  Signed next(int revision, std::initializer_list<std::string> by) {
    return people_.sign(
        toJson(document(revision, {people_.line("ada", {Role::kAdmin}), people_.line("eve", {Role::kAdmin})})),
        Domain::kKeys, by);
  }
  People people_;
  KeyRing ring_{people_.key("root").publicKey()};
};

TEST_F(KeyRings, TakeTheFirstRevisionFromTheRootOnly) {
  KeyRing fresh(people_.key("root").publicKey());
  EXPECT_EQ(fresh.advance(next(1, {"ada", "ben"}), kNow).error().code, ErrorCode::kRefused);
  EXPECT_TRUE(fresh.advance(first(), kNow).has_value());
  EXPECT_EQ(fresh.revision(), 1);
  EXPECT_EQ(fresh.keys().keys.size(), 3U);
}

TEST_F(KeyRings, TakeTheNextRevisionFromTwoAdminsOrTheRoot) {
  EXPECT_EQ(ring_.advance(next(2, {"ada"}), kNow).error().code, ErrorCode::kRefused);
  EXPECT_EQ(ring_.advance(next(2, {"ada", "ada"}), kNow).error().code, ErrorCode::kRefused) << "one admin twice is one";
  EXPECT_EQ(ring_.advance(next(2, {"ada", "cleo"}), kNow).error().code, ErrorCode::kRefused) << "a creator is no admin";
  EXPECT_EQ(ring_.advance(next(2, {"ada", "eve"}), kNow).error().code, ErrorCode::kRefused) << "eve is new";
  EXPECT_EQ(ring_.revision(), 1);
  EXPECT_TRUE(ring_.advance(next(2, {"ada", "ben"}), kNow).has_value());
  EXPECT_EQ(ring_.find(people_.key("ben").id()), nullptr) << "no longer listed";
  EXPECT_TRUE(ring_.advance(next(9, {"root"}), kNow).has_value()) << "the root may leave revisions out";
}

TEST_F(KeyRings, RefuseOldAndSkippedRevisions) {
  ASSERT_TRUE(ring_.advance(next(2, {"ada", "ben"}), kNow).has_value());
  EXPECT_EQ(ring_.advance(next(2, {"ada", "eve"}), kNow).error().code, ErrorCode::kConflict);
  EXPECT_EQ(ring_.advance(first(), kNow).error().code, ErrorCode::kConflict) << "replayed";
  EXPECT_EQ(ring_.advance(next(4, {"ada", "eve"}), kNow).error().code, ErrorCode::kConflict);
  EXPECT_EQ(ring_.revision(), 2);
}

TEST_F(KeyRings, CountTwoKeysOfOnePersonOnce) {
  Key second = people_.line("ada's other key", {Role::kAdmin});
  second.person = "ada";
  auto keys = people_.sign(
      toJson(document(2, {people_.line("ada", {Role::kAdmin}), second, people_.line("ben", {Role::kAdmin})})),
      Domain::kKeys, {"root"});
  ASSERT_TRUE(ring_.advance(keys, kNow).has_value());
  EXPECT_EQ(ring_.advance(next(3, {"ada", "ada's other key"}), kNow).error().code, ErrorCode::kRefused);
  EXPECT_TRUE(ring_.advance(next(3, {"ada's other key", "ben"}), kNow).has_value());
}

TEST_F(KeyRings, DoNotCountWhatWasAcceptedAfterAKeyWasLost) {
  Key stolen = people_.line("cleo", {Role::kCreator});
  stolen.compromisedFrom = kNow - 100;
  ASSERT_TRUE(ring_.advance(people_.sign(toJson(document(2, {stolen})), Domain::kKeys, {"root"}), kNow).has_value());
  const Signed text = people_.sign("{}", Domain::kDocument, {"cleo"});
  EXPECT_TRUE(ring_.signer(text, Domain::kDocument, {Role::kCreator}, kNow - 101).has_value());
  const auto refused = ring_.signer(text, Domain::kDocument, {Role::kCreator}, kNow - 100);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "the key of cleo was not valid then");
}

TEST_F(KeyRings, SayWhyASignatureDoesNotCount) {
  const auto why = [&](const Signed& text, const std::set<Role>& roles, Time when = kNow) {
    const auto found = ring_.signer(text, Domain::kDocument, roles, when);
    return found ? std::string("counts") : found.error().message;
  };
  EXPECT_EQ(why(people_.sign("{}", Domain::kDocument, {"cleo"}), {Role::kCreator}), "counts");
  EXPECT_EQ(why({"{}", {}}, {Role::kCreator}), "it is not signed");
  EXPECT_EQ(why(people_.sign("{}", Domain::kDocument, {"cleo"}), {Role::kAdmin}),
            "cleo has no role that may sign this");
  EXPECT_EQ(why(people_.sign("{}", Domain::kRelease, {"cleo"}), {Role::kCreator}),
            "the signature of cleo does not hold");
  EXPECT_EQ(why(people_.sign("{}", Domain::kDocument, {"cleo"}), {Role::kCreator}, kNow + kDay),
            "the key of cleo was not valid then");
  EXPECT_NE(why(people_.sign("{}", Domain::kDocument, {"mallory"}), {Role::kCreator}).find("is not among the keys"),
            std::string::npos);
  EXPECT_EQ(why(people_.sign("{}", Domain::kDocument, {"mallory", "cleo"}), {Role::kCreator}), "counts")
      << "a foreign signature takes nothing away";
}

TEST(KeyDocuments, AreReadStrictly) {
  People people;
  const std::string good = toJson(document(1, {people.line("ada", {Role::kAdmin, Role::kBroadcaster})}));
  const auto back = parseKeys(good);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(toJson(back.value()), good);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    const auto parsed = parseKeys(text);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_NE(with("\"kind\":\"keys\"", "\"kind\":\"key\"").find("/kind"), std::string::npos);
  EXPECT_NE(with("\"admin\"", "\"root\"").find("there is no role \"root\""), std::string::npos);
  EXPECT_NE(with("\"person\"", "\"persona\"").find("person"), std::string::npos);
  EXPECT_NE(with("\"revision\":1", "\"revision\":0").find("/revision"), std::string::npos);
  EXPECT_EQ(parseKeys(std::string(kMaxKeysBytes + 1, ' ')).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace dvpe::release
