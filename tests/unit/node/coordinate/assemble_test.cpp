// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/coordinate/assemble.h"

#include <gmock/gmock.h>

#include "tests/unit/shared/release/support.h"

namespace dvpe::coordinate {
namespace {

using namespace release;
using namespace release::test;
using testing::HasSubstr;

const std::string kProfile = R"({"fps":"30","rungs":[{"name":"v360","width":640,"height":360,"maxrate":800000}]})";

// A channel with a ruleset that books campaign "tea"; each test changes something.
class Assembly : public ::testing::Test {
 protected:
  Assembly() {
    keys(1, {});
    put("profile", "p", 1, "ada", kProfile);
    put("channel", "one", 1, "ada", R"({"title":"One","profile":"p"})");
    put("campaign", "tea", 1, "adam", R"({"title":"Tea","creatives":[]})");
    rules(1, "true");
  }
  void keys(int revision, std::optional<Time> creatorCompromised) {
    Key cleo = people_.line("cleo", {Role::kCreator});
    cleo.compromisedFrom = creatorCompromised;
    const auto listed = document(
        revision, {people_.line("ada", {Role::kAdmin}), cleo, people_.line("olga", {Role::kAdOperations}),
                   people_.line("adam", {Role::kAdvertiser}, "shop"), people_.line("bert", {Role::kCreator}, "other"),
                   people_.line("carl", {Role::kCoordinator}), people_.line("conny", {Role::kConditioner})});
    ASSERT_TRUE(ring_.advance(people_.sign(toJson(listed), Domain::kKeys, {"root"}), kNow).has_value());
  }
  void put(const std::string& kind, const std::string& id, int revision, const std::string& author,
           const std::string& body, bool countersigned = true) {
    const std::string organisation = author == "adam" ? "shop" : author == "bert" ? "other" : "demo";
    const std::string text = R"({"kind":")" + kind + R"(","id":")" + id + R"(","organisation":")" + organisation +
                             R"(","revision":)" + std::to_string(revision) + R"(,"body":)" + body + "}";
    StoredDocument stored{people_.sign(text, Domain::kDocument, {author}), {}};
    const std::string digest = base::sha256(base::view(text));
    if (kind == "campaign" && countersigned) {
      stored.countersignature = people_.sign(toJson(release::Countersignature{digest, {}, kNow + 100 * kDay}),
                                             Domain::kCountersignature, {"olga"});
    }
    stored_[digest] = std::move(stored);
    std::erase_if(wishes_.candidates, [&](const Candidate& c) {
      return c.name == DocumentName{kind, id} && c.entry.organisation == organisation;
    });
    wishes_.candidates.push_back({{kind, id}, {organisation, revision, digest, text.size(), ++accepted_}});
  }
  void rules(int revision, const std::string& when) {
    put("ruleset", "main", revision, "cleo",
        R"({"channel":"one","fields":[],"rules":[{"id":"r","when":")" + when +
            R"(","actions":[{"fillBreaks":{"campaigns":["tea"]}}]}]})");
  }
  Entry& newest(const std::string& kind, const std::string& id) {
    for (Candidate& c : wishes_.candidates) {
      if (c.name == DocumentName{kind, id}) return c.entry;
    }
    ADD_FAILURE() << kind << "/" << id;
    return wishes_.candidates.front().entry;
  }
  void rollBack(int to) {
    const Rollback statement{wishes_.current->order.sequence, {{{"ruleset", "main"}, to}}};
    const Signed by = people_.sign(toJson(statement), Domain::kRollback, {"ada"});
    const std::string digest = base::sha256(base::view(by.bytes));
    statements_[digest] = by;
    wishes_.rollbacks[digest] = {statement, accepted_};
  }
  Assembled next() {
    const Source source{
        [this](const std::string& d) { return stored_.contains(d) ? &stored_.at(d) : nullptr; },
        [this](const std::string& d) { return statements_.contains(d) ? &statements_.at(d) : nullptr; }};
    auto made = assemble(wishes_, ring_, source, now_);
    error_ = made ? "" : made.error().message;
    return made ? made.value() : Assembled{};
  }
  // Makes it the current one; the revision of the ruleset in it, 0: none.
  int publish() {
    Assembled made = next();
    EXPECT_EQ(error_, "");
    said_ = made.leftOut.empty() ? "" : made.leftOut.front().reason;
    wishes_.current = made.release;
    const auto at = made.release.documents.find({"ruleset", "main"});
    return at == made.release.documents.end() ? 0 : at->second.revision;
  }

  People people_;
  KeyRing ring_{people_.key("root").publicKey()};
  std::map<std::string, StoredDocument> stored_;
  std::map<std::string, Signed> statements_;
  Wishes wishes_;
  Time now_ = kNow, accepted_ = kNow - 1000;
  std::string error_, said_;
};

TEST_F(Assembly, ListsTheFilesThatItsDocumentsNeed) {
  EXPECT_TRUE(next().release.blobs.empty());
  const auto of = [](char digit) { return std::string(64, digit); };
  const auto media = [&](const std::string& files) {
    return R"({"digest":")" + of('9') + R"(","profile":"p","units":4,"files":{)" + files + "}}";
  };
  const auto file = [&](char digit, int bytes) {
    return R"({"digest":")" + of(digit) + R"(","bytes":)" + std::to_string(bytes) + "}";
  };
  put("media", "spot", 1, "conny", media(R"("media.json":)" + file('c', 7) + R"(,"v360.mp4":)" + file('a', 5)));
  put("media", "same", 1, "conny", media(R"("v360.mp4":)" + file('a', 5)));
  put("overlay", "bug", 1, "cleo",
      R"({"fields":[],"layers":[],"assets":{"x":")" + of('b') + R"(.png","y":"logo.svg"}})");
  const Assembled made = next();
  ASSERT_EQ(error_, "");
  EXPECT_EQ(made.release.blobs, (std::vector<BlobRef>{{of('a'), 5}, {of('b'), 0}, {of('c'), 7}}));
  publish();
  EXPECT_FALSE(next().changed);
}

TEST_F(Assembly, TakesTheNewestOfEachDocument) {
  const Assembled first = next();
  EXPECT_TRUE(first.changed);
  EXPECT_EQ(first.release.documents.size(), 4U);
  EXPECT_EQ(first.release.order, (Order{1, 1}));
  publish();
  EXPECT_FALSE(next().changed) << "nothing new";
  rules(2, "1 < 2");
  const Assembled second = next();
  EXPECT_TRUE(second.changed);
  EXPECT_EQ(second.release.base, 1);
  EXPECT_EQ(second.release.order, (Order{1, 2}));
  EXPECT_EQ(publish(), 2);
}

TEST_F(Assembly, LeavesOutWhatNodesWouldRefuseAndKeepsWhatIsInForce) {
  publish();
  put("campaign", "tea", 2, "adam", R"({"title":"Tea again","creatives":[]})", false);
  rules(2, "1 < 2");
  EXPECT_EQ(publish(), 2) << "others' changes go on air";
  EXPECT_THAT(said_, HasSubstr("countersign"));
  EXPECT_EQ(wishes_.current->documents.at({"campaign", "tea"}).revision, 1);
  EXPECT_FALSE(next().changed);
}

TEST_F(Assembly, LeavesOutWhatDoesNotCompile) {
  publish();
  rules(2, "viewer.age > 3");
  put("campaign", "tea", 2, "adam", R"({"title":"Tea again","creatives":[]})");
  EXPECT_EQ(publish(), 1);
  EXPECT_THAT(said_, HasSubstr("/body/rules/0/when"));
  EXPECT_EQ(wishes_.current->documents.at({"campaign", "tea"}).revision, 2);
}

TEST_F(Assembly, NeverHasADocumentOfAKindThatThisVersionCannotRead) {
  put("schedule", "week", 1, "cleo", "{}");
  EXPECT_EQ(publish(), 1);
  EXPECT_THAT(said_, HasSubstr("kind"));
  EXPECT_FALSE(wishes_.current->documents.contains({"schedule", "week"}));
}

TEST_F(Assembly, PassesHoldsOver) {
  put("hold", "stop", 1, "cleo", R"({"holds":{"kind":"ruleset","id":"main"}})");
  EXPECT_EQ(publish(), 1);
  EXPECT_EQ(said_, "") << "not as something left out";
  EXPECT_FALSE(wishes_.current->documents.contains({"hold", "stop"}));
}

TEST_F(Assembly, LeavesANameToWhoHadItFirst) {
  publish();
  put("ruleset", "main", 9, "bert", R"({"channel":"one","fields":[],"rules":[]})");
  EXPECT_EQ(publish(), 1);
  EXPECT_THAT(said_, HasSubstr("another organisation"));
}

TEST_F(Assembly, GoesBackOnAnAdminsWordAndStaysThereUntilThereIsSomethingNew) {
  publish();
  wishes_.rolledTo[{"ruleset", "main"}] = {{"ruleset", "main"}, newest("ruleset", "main")};
  rules(2, "1 < 2");
  EXPECT_EQ(publish(), 2);
  rollBack(1);
  EXPECT_EQ(publish(), 1);
  EXPECT_EQ(wishes_.current->rollbacks.size(), 1U);
  wishes_.rolledTo.clear();
  EXPECT_FALSE(next().changed) << "revision 2 does not come back by itself";
  put("campaign", "tea", 2, "adam", R"({"title":"Tea again","creatives":[]})");
  EXPECT_EQ(publish(), 1);
  EXPECT_EQ(wishes_.current->rollbacks.size(), 1U) << "for nodes that were away";
  rules(3, "2 < 3");
  EXPECT_EQ(publish(), 3);
  EXPECT_TRUE(wishes_.current->rollbacks.empty());
}

TEST_F(Assembly, TakesOutWhatAStolenKeyHasSigned) {
  rules(1, "true");
  publish();
  keys(2, newest("ruleset", "main").accepted);
  EXPECT_EQ(publish(), 0);
  EXPECT_EQ(wishes_.current->order, (Order{2, 2}));
  EXPECT_EQ(wishes_.current->documents.size(), 3U);
}

TEST_F(Assembly, KeepsWhatWasWithdrawnAsLongAsOthersNeedIt) {
  publish();
  std::erase_if(wishes_.candidates, [](const Candidate& c) { return c.name.kind == "campaign"; });
  EXPECT_FALSE(next().changed);
  EXPECT_THAT(next().leftOut.at(0).reason, HasSubstr("ruleset/main"));
  put("ruleset", "main", 2, "cleo", R"({"channel":"one","fields":[],"rules":[]})");
  EXPECT_EQ(publish(), 2);
  EXPECT_FALSE(wishes_.current->documents.contains({"campaign", "tea"}));
}

TEST_F(Assembly, IsMadeAnewBeforeItExpires) {
  publish();
  now_ += kReleaseLife / 2 - kDay;
  EXPECT_FALSE(next().changed);
  now_ += 2 * kDay;
  EXPECT_TRUE(next().changed);
  EXPECT_EQ(next().release.expires, now_ + kReleaseLife);
}

TEST_F(Assembly, SaysWhyNothingCanBePublished) {
  std::erase_if(wishes_.candidates, [](const Candidate& c) { return c.name.kind == "profile"; });
  const Assembled made = next();
  EXPECT_EQ(error_, "");
  EXPECT_TRUE(made.release.documents.empty() || !made.leftOut.empty());
}

}  // namespace
}  // namespace dvpe::coordinate
