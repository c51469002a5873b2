// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/hold_store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/support/folder.h"
#include "tests/unit/shared/release/support.h"

namespace dvpe::control {
namespace {

using base::ErrorCode;
using namespace release;
using namespace release::test;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const DocumentName kBanner{"overlay", "banner"}, kTea{"campaign", "tea"};
const std::string kHoldsBanner = R"({"holds":{"kind":"overlay","id":"banner"}})";

// Overlay banner is of demo, campaign tea of shop.
class Holds : public ::testing::Test {
 protected:
  Holds() {
    keys(1, {});
    owners_ = [this](const DocumentName& n) {
      const auto it = owned_.find(n);
      return it == owned_.end() ? std::nullopt : std::optional(it->second);
    };
  }
  void keys(int revision, std::optional<Time> creatorCompromised, bool cleo = true) {
    Key creator = people_.line("cleo", {Role::kCreator});
    creator.compromisedFrom = creatorCompromised;
    auto listed = document(
        revision, {people_.line("ada", {Role::kAdmin}), people_.line("dina", {Role::kCreator}),
                   people_.line("olga", {Role::kAdOperations}), people_.line("adam", {Role::kAdvertiser}, "shop")});
    if (cleo) listed.keys.emplace(creator.id, creator);
    ASSERT_TRUE(ring_.advance(people_.sign(toJson(listed), Domain::kKeys, {"root"}), kNow).has_value());
  }
  HoldStore::Arrival arrival(const std::string& id, int revision, const std::string& body, const std::string& by,
                             Time accepted) {
    const std::string text = R"({"kind":"hold","id":")" + id + R"(","organisation":")" +
                             (by == "adam" ? "shop" : "demo") + R"(","revision":)" + std::to_string(revision) +
                             R"(,"body":)" + body + "}";
    return {people_.sign(text, Domain::kDocument, {by}), accepted};
  }
  base::Result<void> take(HoldStore& store, const std::string& id, int revision, const std::string& body = kHoldsBanner,
                          const std::string& by = "cleo", Time accepted = kNow) {
    return store.take({arrival(id, revision, body, by, accepted)}, ring_, owners_, kNow).front();
  }
  ErrorCode refusal(HoldStore& store, const std::string& id, int revision, const std::string& body,
                    const std::string& by) {
    const auto done = take(store, id, revision, body, by);
    EXPECT_FALSE(done.has_value());
    return done ? ErrorCode::kInternal : done.error().code;
  }
  std::set<DocumentName> held(const HoldStore& store, Time now = kNow) { return store.heldAt(now, ring_, owners_); }
  std::set<DocumentName> heldAfterRestart() {
    HoldStore again(folder_);
    const auto loaded = again.load(ring_);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return held(again);
  }
  std::filesystem::path file() const { return folder_ / "release/holds.json"; }

  dvpe::test::Folder folder_;
  People people_;
  KeyRing ring_{people_.key("root").publicKey()};
  std::map<DocumentName, HoldStore::Owned> owned_{{kBanner, {"demo", {}}}, {kTea, {"shop", {}}}};
  HoldStore::Owners owners_;
};

TEST_F(Holds, HoldUntilTheyAreLiftedAcrossRestarts) {
  HoldStore store(folder_);
  EXPECT_THAT(held(store), IsEmpty());
  ASSERT_TRUE(take(store, "h", 1).has_value());
  EXPECT_THAT(held(store), ElementsAre(kBanner));
  EXPECT_THAT(heldAfterRestart(), ElementsAre(kBanner));
  ASSERT_TRUE(take(store, "h", 2, R"({"holds":{"kind":"overlay","id":"banner"},"lifted":true})").has_value());
  EXPECT_THAT(held(store), IsEmpty());
  EXPECT_THAT(heldAfterRestart(), IsEmpty());
}

TEST_F(Holds, NeverGoBack) {
  {
    HoldStore store(folder_);
    ASSERT_TRUE(take(store, "h", 3).has_value());
    EXPECT_EQ(refusal(store, "h", 2, kHoldsBanner, "cleo"), ErrorCode::kConflict);
    EXPECT_EQ(refusal(store, "h", 3, kHoldsBanner + " ", "cleo"), ErrorCode::kConflict) << "another text";
    EXPECT_TRUE(take(store, "h", 3).has_value()) << "the same again";
    ASSERT_TRUE(take(store, "h", 4, R"({"holds":{"kind":"overlay","id":"banner"},"lifted":true})").has_value());
  }
  HoldStore store(folder_);
  ASSERT_TRUE(store.load(ring_).has_value());
  EXPECT_EQ(refusal(store, "h", 3, kHoldsBanner, "cleo"), ErrorCode::kConflict) << "though it is lifted";
  EXPECT_TRUE(take(store, "h", 5).has_value());
  EXPECT_THAT(held(store), ElementsAre(kBanner));
}

TEST_F(Holds, EndByThemselvesWhenTheySaySo) {
  HoldStore store(folder_);
  ASSERT_TRUE(
      take(store, "h", 1, R"({"holds":{"kind":"overlay","id":"banner"},"until":"2027-01-15T08:00:30Z"})").has_value());
  EXPECT_EQ(store.nextExpiry(kNow), kNow + 30);
  EXPECT_THAT(held(store, kNow + 29), ElementsAre(kBanner));
  EXPECT_THAT(held(store, kNow + 30), IsEmpty());
  EXPECT_EQ(store.nextExpiry(kNow + 30), std::nullopt);
}

TEST_F(Holds, AreTheirOwners) {
  HoldStore store(folder_);
  EXPECT_EQ(refusal(store, "h", 1, kHoldsBanner, "adam"), ErrorCode::kRefused);
  EXPECT_TRUE(take(store, "h", 1, R"({"holds":{"kind":"campaign","id":"tea"}})", "adam").has_value());
  EXPECT_TRUE(take(store, "h", 1, kHoldsBanner, "dina").has_value()) << "two organisations may use one name";
  EXPECT_THAT(held(store), UnorderedElementsAre(kBanner, kTea));
}

TEST_F(Holds, AreNotLiftedByWhoCouldNotHaveHeld) {
  const std::string tea = R"({"holds":{"kind":"campaign","id":"tea"}})";
  const std::string lifted = R"({"holds":{"kind":"campaign","id":"tea"},"lifted":true})";
  HoldStore store(folder_);
  ASSERT_TRUE(take(store, "h", 1, tea, "olga").has_value());
  EXPECT_EQ(refusal(store, "h", 2, lifted, "cleo"), ErrorCode::kRefused);
  EXPECT_EQ(refusal(store, "h", 2, kHoldsBanner, "cleo"), ErrorCode::kRefused) << "by holding something else";
  owned_.erase(kTea);
  EXPECT_EQ(refusal(store, "h", 2, lifted, "cleo"), ErrorCode::kRefused) << "while it is in no release";
  EXPECT_TRUE(take(store, "h", 2, lifted, "ada").has_value());
}

TEST_F(Holds, OfWhatIsNotThereYetAreJudgedWhenItIs) {
  const auto banner = owned_.extract(kBanner);
  HoldStore store(folder_);
  ASSERT_TRUE(take(store, "a", 1, kHoldsBanner, "adam").has_value());
  EXPECT_THAT(held(store), IsEmpty());
  owned_.insert({kBanner, banner.mapped()});
  EXPECT_THAT(held(store), IsEmpty()) << "it is not his";
  ASSERT_TRUE(take(store, "b", 1, kHoldsBanner, "ada").has_value());
  EXPECT_THAT(held(store), ElementsAre(kBanner));
}

TEST_F(Holds, OutliveTheirSignersPlaceAmongTheKeysButNotATheft) {
  HoldStore store(folder_);
  ASSERT_TRUE(take(store, "h", 1).has_value());
  keys(2, {}, false);
  EXPECT_THAT(held(store), ElementsAre(kBanner)) << "she has left";
  EXPECT_THAT(heldAfterRestart(), ElementsAre(kBanner));
  keys(3, kNow - 5);
  EXPECT_THAT(held(store), IsEmpty()) << "her key was stolen before";
}

TEST_F(Holds, AreWholeOrNotTaken) {
  HoldStore store(folder_);
  ASSERT_TRUE(take(store, "h", 1).has_value());
  struct stat about {};
  ASSERT_EQ(::stat(file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  std::ostringstream text;
  text << std::ifstream(file()).rdbuf();
  std::string changed = text.str();
  changed.replace(changed.find("banner"), 6, "barber");
  std::ofstream(file()) << changed;
  EXPECT_EQ(HoldStore(folder_).load(ring_).error().code, ErrorCode::kRefused);
  std::ofstream(file()) << changed.substr(0, changed.size() / 2);
  EXPECT_EQ(HoldStore(folder_).load(ring_).error().code, ErrorCode::kInvalidInput);
}

TEST_F(Holds, OfAnOrganisationAreBounded) {
  HoldStore store(folder_);
  std::vector<HoldStore::Arrival> many;
  for (int i = 0; i < 1001; ++i) many.push_back(arrival("h" + std::to_string(i), 1, kHoldsBanner, "cleo", kNow));
  const auto done = store.take(many, ring_, owners_, kNow);
  EXPECT_TRUE(done[999].has_value());
  ASSERT_FALSE(done[1000].has_value());
  EXPECT_EQ(done[1000].error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(take(store, "h", 1, R"({"holds":{"kind":"campaign","id":"tea"}})", "adam").has_value());
}

}  // namespace
}  // namespace dvpe::control
