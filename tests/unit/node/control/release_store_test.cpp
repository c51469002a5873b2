// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/release_store.h"

#include <fstream>
#include <sstream>

#include "tests/support/folder.h"
#include "tests/unit/shared/release/support.h"

namespace dvpe::control {
namespace {

using base::ErrorCode;
using namespace release;
using namespace release::test;

class Store : public ::testing::Test {
 protected:
  Store() { keys(1); }
  // The next revision of the keys, for the bundle at hand.
  void keys(int revision) {
    const auto listed =
        document(revision, {people_.line("ada", {Role::kAdmin}), people_.line("ben", {Role::kAdmin}),
                            people_.line("cleo", {Role::kCreator}), people_.line("carl", {Role::kCoordinator})});
    bundle_.keys = {people_.sign(release::toJson(listed), Domain::kKeys, {"root"})};
    keysRevision_ = revision;
  }
  // A release of one ruleset at this revision.
  const Bundle& make(std::int64_t sequence, int revision, const std::string& author = "cleo") {
    const std::string text = R"({"kind":"ruleset","id":"main","organisation":"demo","revision":)" +
                             std::to_string(revision) + R"(,"body":{"rules":")" + std::string(100, 'x') + R"("}})";
    const std::string digest = base::sha256(base::view(text));
    Release r;
    r.order = {keysRevision_, sequence};
    r.base = sequence - 1;
    r.created = kNow;
    r.expires = kNow + kDay;
    r.documents[{"ruleset", "main"}] = {"demo", revision, digest, text.size(), kNow - 10};
    bundle_.documents = {{digest, {people_.sign(text, Domain::kDocument, {author}), {}}}};
    bundle_.release = people_.sign(release::toJson(r), Domain::kRelease, {"carl"});
    return bundle_;
  }
  ReleaseStore open() { return {folder_, "n1", people_.key("root").publicKey()}; }
  static void take(ReleaseStore& store, const Bundle& bundle) {
    const auto checked = store.check(bundle, kNow);
    ASSERT_TRUE(checked.has_value()) << checked.error().message;
    const auto kept = store.keep(bundle, checked.value());
    ASSERT_TRUE(kept.has_value()) << kept.error().message;
  }
  std::filesystem::path file() const { return folder_ / "release/current.json"; }

  dvpe::test::Folder folder_;
  People people_;
  Bundle bundle_;
  int keysRevision_ = 0;
};

TEST_F(Store, IsEmptyAtFirst) {
  auto store = open();
  const auto loaded = store.load();
  ASSERT_TRUE(loaded.has_value());
  EXPECT_FALSE(loaded.value().has_value());
}

TEST_F(Store, GivesTheLastGoodReleaseBackAfterARestart) {
  auto store = open();
  take(store, make(1, 1));
  bundle_.keys.clear();
  take(store, make(2, 2));
  auto again = open();
  const auto loaded = again.load();
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  ASSERT_TRUE(loaded.value().has_value());
  EXPECT_EQ(loaded.value()->release.order.sequence, 2);
  EXPECT_EQ(loaded.value()->texts.begin()->second, bundle_.documents.begin()->second.document.bytes);
  EXPECT_EQ(again.ringRevision(), 1);
}

TEST_F(Store, NeverGoesBackNotEvenAfterARestart) {
  auto store = open();
  take(store, make(5, 3));
  bundle_.keys.clear();
  auto again = open();
  ASSERT_TRUE(again.load().has_value());
  EXPECT_EQ(again.check(make(4, 3), kNow).error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.check(make(5, 3), kNow).error().code, ErrorCode::kConflict) << "replayed";
  const auto lower = again.check(make(6, 2), kNow);
  ASSERT_FALSE(lower.has_value());
  EXPECT_NE(lower.error().message.find("revision 2 is lower than 3"), std::string::npos);
  EXPECT_TRUE(again.check(make(6, 3), kNow).has_value());
}

TEST_F(Store, KeepsWhatItHasWhenTheNextOneIsBad) {
  auto store = open();
  take(store, make(1, 1));
  bundle_.keys.clear();
  EXPECT_FALSE(store.check(make(2, 2, "carl"), kNow).has_value()) << "signed by the coordinator alone";
  EXPECT_EQ(open().load().value()->release.order.sequence, 1);
}

TEST_F(Store, StartsWithAReleaseThatHasExpiredMeanwhile) {
  auto store = open();
  take(store, make(1, 1));
  EXPECT_TRUE(open().load().value().has_value());
  bundle_.keys.clear();
  EXPECT_FALSE(store.check(make(2, 1), kNow + kDay).has_value()) << "as a new one it is refused";
}

TEST_F(Store, NoticesThatSomebodyChangedItsFile) {
  auto store = open();
  take(store, make(1, 1));
  std::ostringstream text;
  text << std::ifstream(file()).rdbuf();
  std::string changed = text.str();
  changed.replace(changed.find(std::string(50, 'x')), 1, "y");
  std::ofstream(file()) << changed;
  EXPECT_FALSE(open().load().has_value());
  std::ofstream(file()) << changed.substr(0, changed.size() / 2);
  EXPECT_EQ(open().load().error().code, ErrorCode::kInvalidInput);
}

TEST_F(Store, FollowsTheKeys) {
  auto store = open();
  take(store, make(1, 1));
  keys(2);
  take(store, make(1, 1));
  EXPECT_EQ(store.order(), (Order{2, 1})) << "new keys begin a new run";
  auto again = open();
  ASSERT_TRUE(again.load().has_value());
  EXPECT_EQ(again.ringRevision(), 2);
}

}  // namespace
}  // namespace dvpe::control
