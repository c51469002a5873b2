// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/release.h"

#include "tests/unit/shared/release/support.h"

namespace dvpe::release {
namespace {

using base::ErrorCode;
using namespace test;

// A broadcaster with its people, an advertiser with theirs, and a release of two rulesets and a campaign.
class Releases : public ::testing::Test {
 protected:
  Releases() {
    const auto keys =
        document(3, {people_.line("ada", {Role::kAdmin}), people_.line("cleo", {Role::kCreator}),
                     people_.line("olga", {Role::kAdOperations}), people_.line("carl", {Role::kCoordinator}),
                     people_.line("adam", {Role::kAdvertiser, Role::kAdOperations}, "shop"),
                     people_.line("mallory", {Role::kCreator, Role::kCoordinator}, "other")});
    EXPECT_TRUE(ring_.advance(people_.sign(toJson(keys), Domain::kKeys, {"root"}), kNow).has_value());
    put("ruleset", "main", 4, "cleo");
    put("ruleset", "sport", 2, "cleo");
    put("campaign", "tea", 7, "adam", "shop", "olga");
    release_.order = {3, 12};
    release_.base = 11;
    release_.created = kNow;
    release_.expires = kNow + kDay;
    known_.order = {3, 11};
  }

  static std::string text(const std::string& kind, const std::string& id, int revision,
                          const std::string& organisation) {
    return R"({"kind":")" + kind + R"(","id":")" + id + R"(","organisation":")" + organisation + R"(","revision":)" +
           std::to_string(revision) + R"(,"body":{"channel":"one"}})";
  }
  // Stores a document and lists it. second: who countersigns, for channel "one".
  void put(const std::string& kind, const std::string& id, int revision, const std::string& author,
           const std::string& organisation = "demo", const std::string& second = "", std::string says = "") {
    if (says.empty()) says = text(kind, id, revision, organisation);
    StoredDocument stored{people_.sign(says, Domain::kDocument, {author}), {}};
    const std::string digest = base::sha256(base::view(says));
    if (!second.empty()) {
      stored.countersignature =
          people_.sign(toJson(Countersignature{digest, {"one"}, kNow + kDay}), Domain::kCountersignature, {second});
    }
    release_.documents[{kind, id}] = {organisation, revision, digest, says.size(), kNow - 10};
    stored_[digest] = std::move(stored);
  }
  StoredDocument& stored(const std::string& kind, const std::string& id) {
    return stored_.at(release_.documents.at({kind, id}).digest);
  }
  Source source() {
    return {[this](const std::string& d) { return stored_.contains(d) ? &stored_.at(d) : nullptr; },
            [this](const std::string& d) { return rollbacks_.contains(d) ? &rollbacks_.at(d) : nullptr; }};
  }
  base::Result<Release> check(const std::string& by = "carl", const std::string& node = "n1", Time now = kNow) {
    return checkRelease(people_.sign(toJson(release_), Domain::kRelease, {by}), ring_, known_, node, now);
  }
  // "kind/id: reason" of each refusal, joined.
  std::string refusals(Time now = kNow) {
    std::string out;
    for (const auto& r : checkDocuments(release_, ring_, known_, source(), now)) out += r.part + ": " + r.reason + "\n";
    return out;
  }
  void rollBack(std::map<DocumentName, int> to, const std::string& by, std::int64_t base = 11) {
    const Signed statement = people_.sign(toJson(Rollback{base, std::move(to)}), Domain::kRollback, {by});
    const std::string digest = base::sha256(base::view(statement.bytes));
    rollbacks_[digest] = statement;
    release_.rollbacks = {digest};
  }

  People people_;
  KeyRing ring_{people_.key("root").publicKey()};
  Release release_;
  Known known_;
  std::map<std::string, StoredDocument> stored_;
  std::map<std::string, Signed> rollbacks_;
};

TEST_F(Releases, PassWhenEverythingIsAsItShouldBe) {
  const auto checked = check();
  ASSERT_TRUE(checked.has_value()) << checked.error().message;
  EXPECT_EQ(toJson(checked.value()), toJson(release_));
  EXPECT_EQ(refusals(), "");
}

TEST_F(Releases, AreRefusedWhenOldExpiredOrForOthers) {
  known_.order = {3, 12};
  EXPECT_EQ(check().error().code, ErrorCode::kConflict) << "replayed";
  known_.order = {3, 400};
  EXPECT_EQ(check().error().code, ErrorCode::kConflict) << "lower";
  known_.order = {2, 400};
  EXPECT_TRUE(check().has_value()) << "a new revision of the keys ends an old run";
  EXPECT_EQ(check("carl", "n1", kNow + kDay).error().code, ErrorCode::kRefused);
  release_.expires = kNow;
  EXPECT_EQ(check().error().message, "the release has expired");
  release_.expires = kNow + 1;
  release_.nodes = {"n2", "n3"};
  EXPECT_EQ(check().error().message, "the release is for other nodes");
  EXPECT_TRUE(check("carl", "n2").has_value());
}

TEST_F(Releases, AreRefusedFromWhoIsNoCoordinator) {
  EXPECT_EQ(check("cleo").error().code, ErrorCode::kRefused);
  EXPECT_EQ(check("ada").error().code, ErrorCode::kRefused) << "not even an admin";
  EXPECT_EQ(check("stranger").error().code, ErrorCode::kRefused);
}

TEST_F(Releases, AreRefusedWithOtherKeysThanInForce) {
  release_.order.keys = 2;
  EXPECT_EQ(check().error().code, ErrorCode::kRefused);
  release_.order.keys = 4;
  EXPECT_EQ(check().error().code, ErrorCode::kRefused);
}

TEST_F(Releases, AreRefusedOverTheirLimits) {
  for (int i = 0; i < 260; ++i) {
    release_.documents[{"content", "c" + std::to_string(i)}] = {"demo", 1, std::string(64, 'a'), 1 << 20, kNow};
  }
  EXPECT_EQ(check().error().code, ErrorCode::kLimitExceeded);
  Signed large = people_.sign(std::string(kMaxReleaseBytes + 1, ' '), Domain::kRelease, {"carl"});
  EXPECT_EQ(checkRelease(large, ring_, known_, "n1", kNow).error().code, ErrorCode::kLimitExceeded);
}

TEST_F(Releases, NoticeABitFlippedAnywhere) {
  const Signed good = people_.sign(toJson(release_), Domain::kRelease, {"carl"});
  for (std::size_t at = 0; at < good.bytes.size(); at += 7) {
    Signed bad = good;
    bad.bytes[at] = static_cast<char>(bad.bytes[at] ^ 1);
    EXPECT_EQ(checkRelease(bad, ring_, known_, "n1", kNow).error().code, ErrorCode::kRefused) << at;
  }
  std::string& text = stored("ruleset", "main").document.bytes;
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  EXPECT_EQ(refusals(), "ruleset/main: its bytes are not those of the release\n");
}

TEST_F(Releases, RefuseDocumentsOfASignerWithoutRoleOrOrganisation) {
  put("ruleset", "main", 5, "ada");
  EXPECT_EQ(refusals(), "ruleset/main: ada has no role that may sign this\n");
  put("ruleset", "main", 5, "mallory");
  EXPECT_EQ(refusals(), "ruleset/main: mallory signs for another organisation\n");
  put("ruleset", "main", 5, "cleo", "shop");
  EXPECT_EQ(refusals(), "ruleset/main: cleo signs for another organisation\n");
  put("ruleset", "main", 5, "carl");
  EXPECT_EQ(refusals(), "ruleset/main: carl has no role that may sign this\n") << "the coordinator vouches for nothing";
  put("ruleset", "main", 5, "cleo");
  put("gadget", "x", 1, "cleo");
  EXPECT_EQ(refusals(), "gadget/x: there is no such kind of document\n");
}

TEST_F(Releases, RefuseAMixedSet) {
  put("ruleset", "main", 5, "cleo", "demo", "", text("ruleset", "sport", 5, "demo"));
  EXPECT_EQ(refusals(), "ruleset/main: it calls itself something else than the release does\n");
  put("ruleset", "main", 5, "cleo", "demo", "", text("ruleset", "main", 6, "demo"));
  EXPECT_EQ(refusals(), "ruleset/main: it calls itself something else than the release does\n");
  stored_.erase(release_.documents.at({"ruleset", "sport"}).digest);
  put("ruleset", "main", 5, "cleo");
  EXPECT_EQ(refusals(), "ruleset/sport: it is not here\n");
}

TEST_F(Releases, WantACountersignatureByAnotherPersonForTheseChannelsInTime) {
  stored("campaign", "tea").countersignature.reset();
  EXPECT_EQ(refusals(), "campaign/tea: ad operations have not countersigned it\n");
  put("campaign", "tea", 7, "adam", "shop", "adam");
  EXPECT_EQ(refusals(), "campaign/tea: its author cannot countersign it\n");
  put("campaign", "tea", 7, "adam", "shop", "ada");
  EXPECT_EQ(refusals(), "campaign/tea: its countersignature: ada has no role that may sign this\n");
  put("campaign", "tea", 7, "adam", "shop", "olga");
  EXPECT_EQ(refusals(kNow + kDay), "campaign/tea: its countersignature has expired\n");
  auto& other = stored("campaign", "tea");
  const std::string digest = release_.documents.at({"campaign", "tea"}).digest;
  const auto countersign = [&](const Countersignature& statement) {
    other.countersignature = people_.sign(toJson(statement), Domain::kCountersignature, {"olga"});
  };
  countersign({digest, {"two"}, kNow + kDay});
  EXPECT_EQ(refusals(), "campaign/tea: its countersignature is for other channels\n");
  countersign({std::string(64, 'b'), {"one"}, kNow + kDay});
  EXPECT_EQ(refusals(), "campaign/tea: its countersignature is for other contents\n");
  countersign({digest, {"one", "two"}, kNow + kDay});
  EXPECT_EQ(refusals(), "");
}

TEST_F(Releases, RefuseAKeyThatIsBoundToOtherChannels) {
  Key bound = people_.line("cleo", {Role::kCreator});
  bound.channels = {"two"};
  const auto keys = document(4, {bound, people_.line("carl", {Role::kCoordinator})});
  ASSERT_TRUE(ring_.advance(people_.sign(toJson(keys), Domain::kKeys, {"root"}), kNow).has_value());
  release_.documents.erase({"campaign", "tea"});
  EXPECT_EQ(refusals(),
            "ruleset/main: cleo may not sign for its channels\nruleset/sport: cleo may not sign for its channels\n");
}

TEST_F(Releases, GoBackToALowerRevisionOnlyOnAnAdminsWord) {
  known_.revisions[{"ruleset", "main"}] = 6;
  const std::string refusal = "ruleset/main: revision 4 is lower than 6, and no admin has signed a rollback\n";
  EXPECT_EQ(refusals(), refusal);
  rollBack({{{"ruleset", "main"}, 3}}, "ada");
  EXPECT_EQ(refusals(), refusal) << "agreed was revision 3";
  rollBack({{{"ruleset", "main"}, 4}}, "cleo");
  EXPECT_EQ(refusals(), "release: cleo has no role that may sign this\n" + refusal);
  rollBack({{{"ruleset", "main"}, 4}}, "ada", 12);
  EXPECT_EQ(refusals(), "release: a rollback statement is for another release\n" + refusal);
  rollBack({{{"ruleset", "main"}, 4}}, "ada", 10);
  EXPECT_EQ(refusals(), refusal) << "replayed";
  known_.order = {3, 9};
  EXPECT_EQ(refusals(), "") << "carried on, for a node that was away";
  known_.order = {3, 11};
  rollBack({{{"ruleset", "main"}, 4}}, "ada");
  EXPECT_EQ(refusals(), "");
  rollbacks_.clear();
  EXPECT_EQ(refusals(), "release: a rollback statement is not here\n" + refusal);
}

TEST_F(Releases, AreNotLookedAtAgainWhereABelievedOneSaysTheSameWithTheSameKeys) {
  EXPECT_EQ(refusals(), "");
  const Release believed = release_;
  stored("ruleset", "main").document.by.clear();
  const auto again = [&](const Release& before) {
    std::string out;
    for (const auto& r : checkDocuments(release_, ring_, known_, source(), kNow, &before)) out += r.part + " ";
    return out;
  };
  EXPECT_EQ(again(believed), "");
  Release other = believed;
  other.documents.at({"ruleset", "main"}).accepted += 1;
  EXPECT_EQ(again(other), "ruleset/main ") << "accepted at another time";
  other = believed;
  other.order.keys -= 1;
  EXPECT_EQ(again(other), "ruleset/main ") << "believed with other keys";
  stored_.erase(release_.documents.at({"ruleset", "main"}).digest);
  EXPECT_EQ(again(believed), "ruleset/main ") << "not here";
}

TEST_F(Releases, TellWhatChanged) {
  Release after = release_;
  after.documents.erase({"ruleset", "sport"});
  after.documents[{"ruleset", "main"}].digest = std::string(64, 'c');
  after.documents[{"ruleset", "main"}].revision = 5;
  after.documents[{"overlay", "logo"}] = {"demo", 1, std::string(64, 'd'), 10, kNow};
  std::string told;
  for (const auto& c : difference(release_, after)) {
    told += c.name.kind + "/" + c.name.id + " " + std::to_string(c.from) + "->" + std::to_string(c.to) + "\n";
  }
  EXPECT_EQ(told, "overlay/logo 0->1\nruleset/main 4->5\nruleset/sport 2->0\n");
  EXPECT_TRUE(difference(after, after).empty());
}

TEST(ReleaseJson, IsReadStrictly) {
  EXPECT_FALSE(parseRelease("").has_value());
  EXPECT_FALSE(parseRelease("{}").has_value());
  EXPECT_FALSE(parseRelease("[1]").has_value());
  const std::string twice = R"({"kind":"ruleset","id":"a","organisation":"o","revision":1,"digest":")" +
                            std::string(64, 'a') + R"(","bytes":1,"accepted":1})";
  const std::string head = R"({"kind":"release","keys":1,"sequence":1,"base":0,"created":1,"expires":2,"documents":[)";
  EXPECT_TRUE(parseRelease(head + twice + "]}").has_value());
  EXPECT_FALSE(parseRelease(head + twice + "," + twice + "]}").has_value());
  EXPECT_FALSE(parseRelease(head + "],\"more\":1}").has_value());
}

}  // namespace
}  // namespace dvpe::release
