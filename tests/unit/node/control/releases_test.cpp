// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/control/releases.h"

#include <gmock/gmock.h>

#include "tests/support/folder.h"
#include "tests/unit/shared/release/support.h"

namespace dvpe::control {
namespace {

using base::ErrorCode;
using namespace release;
using namespace release::test;
using testing::ElementsAre;
using testing::HasSubstr;

const DocumentName kMain{"ruleset", "main"};

// What a node would do, noted.
class Node final : public Target {
 public:
  struct Ready final : Preparation {};
  base::Result<std::shared_ptr<Preparation>> prepare(const Verified& release) override {
    if (!wrong.empty()) return base::fail(ErrorCode::kInvalidInput, wrong);
    prepared.push_back(release.release.order.sequence);
    return std::make_shared<Ready>();
  }
  base::Result<TookOver> takeOver(const Order& order, std::shared_ptr<Preparation>, base::WallTime effective,
                                  const HeldNames& now) override {
    takenOver.push_back(order.sequence);
    moment = effective;
    held = now;
    return TookOver{{{"one", base::Ticks{240000}}}, false, 3};
  }
  base::Result<TookOver> hold(const HeldNames& now) override {
    if (busy) return base::fail(ErrorCode::kUnavailable, "busy");
    ++holds;
    held = now;
    return TookOver{};
  }
  base::Result<std::string> obey(const protocol::Accepted&) override { return std::string("{}"); }
  base::Result<void> take(protocol::Made what, const std::string& text) override {
    if (what == protocol::Made::kModel) {
      models.push_back(text);
      return base::success();
    }
    plans.push_back(text);
    return base::success();
  }
  std::string counts() override { return R"({"lines":{}})"; }
  std::vector<std::string> plans, models;
  std::string telemetry() override { return "{}"; }

  std::string wrong;
  std::vector<std::int64_t> prepared, takenOver;
  base::WallTime moment{};
  HeldNames held;
  int holds = 0;
  bool busy = false;
};

class ReleasesOfANode : public ::testing::Test {
 protected:
  ReleasesOfANode() {
    const auto listed =
        document(1, {people_.line("ada", {Role::kAdmin}), people_.line("cleo", {Role::kCreator}),
                     people_.line("adam", {Role::kAdvertiser}, "shop"), people_.line("carl", {Role::kCoordinator})});
    keys_ = people_.sign(toJson(listed), Domain::kKeys, {"root"});
    store_.emplace(folder_, "n1", people_.key("root").publicKey());
    holds_.emplace(folder_);
    releases_.emplace(*store_, *holds_, node_, "n1", clock_);
  }
  // A release with one ruleset at a revision; by: who signs it.
  Bundle make(std::int64_t sequence, int revision, const std::string& by = "carl") {
    const std::string text = R"({"kind":"ruleset","id":"main","organisation":"demo","revision":)" +
                             std::to_string(revision) + R"(,"body":{"rules":[]}})";
    const std::string digest = base::sha256(base::view(text));
    Release r;
    r.order = {1, sequence};
    r.base = sequence - 1;
    r.created = kNow;
    r.expires = kNow + kDay;
    r.documents[{"ruleset", "main"}] = {"demo", revision, digest, text.size(), kNow - 10};
    Bundle out;
    out.keys = {keys_};
    out.documents = {{digest, {people_.sign(text, Domain::kDocument, {"cleo"}), {}}}};
    out.release = people_.sign(toJson(r), Domain::kRelease, {by});
    return out;
  }
  Signed moment(std::int64_t sequence, const std::string& by = "carl", std::int64_t at = (kNow + 5) * 1'000'000) {
    protocol::Command c;
    c.id = std::string(32, 'a');
    c.name = "release.effective";
    c.arguments = R"({"keys":1,"sequence":)" + std::to_string(sequence) + R"(,"at":)" + std::to_string(at) + "}";
    c.sequence = kNow * 1'000'000;
    c.expires = kNow + 60;
    return protocol::signCommand(c, people_.key(by)).value();
  }
  void take(std::int64_t sequence, int revision) {
    ASSERT_TRUE(releases_->prepare(make(sequence, revision)).has_value());
    ASSERT_TRUE(releases_->effective(moment(sequence)).has_value());
  }

  // A hold of the ruleset; more: of its body.
  base::Result<void> hold(int revision, const std::string& more = "", const std::string& by = "cleo",
                          const std::string& organisation = "demo") {
    const std::string text = R"({"kind":"hold","id":"stop","organisation":")" + organisation + R"(","revision":)" +
                             std::to_string(revision) + R"(,"body":{"holds":{"kind":"ruleset","id":"main"})" + more +
                             "}}";
    return releases_->hold({{people_.sign(text, Domain::kDocument, {by}), kNow}}).front();
  }

  dvpe::test::Folder folder_;
  People people_;
  Signed keys_;
  base::ManualClock clock_{base::WallTime{std::chrono::seconds(kNow)}};
  Node node_;
  std::optional<ReleaseStore> store_;
  std::optional<HoldStore> holds_;
  std::optional<Releases> releases_;
};

TEST_F(ReleasesOfANode, SaysWhatIsLackingUntilNothingIs) {
  const Bundle bundle = make(1, 1);
  const auto lacking = releases_->offer(bundle.release);
  ASSERT_TRUE(lacking.has_value());
  EXPECT_EQ(lacking.value().need.keysAfter, 0);
  EXPECT_THAT(lacking.value().need.documents, ElementsAre(bundle.documents.begin()->first));
  EXPECT_FALSE(lacking.value().prepared);
  take(1, 1);
  EXPECT_EQ(releases_->offer(bundle.release).error().code, ErrorCode::kConflict) << "in force";
  const auto next = releases_->offer(make(2, 1).release);
  EXPECT_TRUE(next.value().need.documents.empty()) << "it is here";
  EXPECT_EQ(next.value().need.keysAfter, 1);
}

TEST_F(ReleasesOfANode, IsPreparedFirstAndInForceFromItsMomentOn) {
  ASSERT_TRUE(releases_->prepare(make(1, 1)).has_value());
  EXPECT_EQ(releases_->snapshot().inForce.sequence, 0);
  EXPECT_EQ(releases_->snapshot().prepared->sequence, 1);
  EXPECT_TRUE(releases_->offer(make(1, 1).release).value().prepared);
  const auto done = releases_->effective(moment(1));
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done.value().sessions, 3U);
  EXPECT_EQ(node_.moment, (base::WallTime{std::chrono::seconds(kNow + 5)}));
  EXPECT_EQ(releases_->snapshot().inForce.sequence, 1);
  EXPECT_FALSE(releases_->snapshot().prepared);
  EXPECT_TRUE(releases_->effective(moment(1)).has_value()) << "said twice, done once";
  EXPECT_THAT(node_.takenOver, ElementsAre(1));
}

TEST_F(ReleasesOfANode, IsPreparedOnceThoughItComesByTwoWays) {
  const Bundle bundle = make(1, 1);
  ASSERT_TRUE(releases_->prepare(bundle).has_value());
  ASSERT_TRUE(releases_->prepare(bundle).has_value());
  ASSERT_TRUE(releases_->effective(moment(1)).has_value());
  EXPECT_EQ(releases_->prepare(bundle).value().sequence, 1) << "in force";
  EXPECT_THAT(node_.prepared, ElementsAre(1));
}

TEST_F(ReleasesOfANode, IsNotForViewersWhileAnotherReleaseIsInForceElsewhere) {
  take(1, 1);
  EXPECT_EQ(releases_->effective(moment(2)).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(releases_->snapshot().behind);
  ASSERT_TRUE(releases_->prepare(make(2, 2)).has_value());
  EXPECT_FALSE(releases_->snapshot().behind) << "it has taken over at once";
  EXPECT_EQ(releases_->snapshot().inForce.sequence, 2);
}

TEST_F(ReleasesOfANode, KeepsTheLastGoodOneWhenARefusedOneComes) {
  take(1, 1);
  EXPECT_FALSE(releases_->prepare(make(2, 2, "cleo")).has_value());
  EXPECT_THAT(releases_->snapshot().refused, HasSubstr("cleo"));
  node_.wrong = "ruleset/main: nonsense";
  EXPECT_FALSE(releases_->prepare(make(2, 2)).has_value());
  EXPECT_EQ(releases_->snapshot().inForce.sequence, 1);
  node_.wrong.clear();
  take(2, 2);
  EXPECT_EQ(releases_->snapshot().refused, "");
}

TEST_F(ReleasesOfANode, BelievesAMomentFromACoordinatorAlone) {
  ASSERT_TRUE(releases_->prepare(make(1, 1)).has_value());
  EXPECT_EQ(releases_->effective(moment(1, "ada")).error().code, ErrorCode::kRefused);
  Signed bent = moment(1);
  bent.bytes[bent.bytes.size() / 2] ^= 1;
  EXPECT_FALSE(releases_->effective(bent).has_value());
  Signed other = moment(1);
  other.bytes = std::string(protocol::kMaxCommandBytes + 1, ' ');
  EXPECT_EQ(releases_->effective(other).error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(node_.takenOver.empty());
}

TEST_F(ReleasesOfANode, HoldsAtOnceAndThroughTheNextReleases) {
  take(1, 1);
  ASSERT_TRUE(hold(1).has_value());
  EXPECT_THAT(node_.held, ElementsAre(kMain));
  EXPECT_THAT(releases_->snapshot().held, ElementsAre(kMain));
  ASSERT_TRUE(hold(1).has_value()) << "it has come by two ways";
  EXPECT_EQ(node_.holds, 1);
  node_.held.clear();
  take(2, 2);
  EXPECT_THAT(node_.held, ElementsAre(kMain));
  ASSERT_TRUE(hold(2, R"(,"lifted":true)").has_value());
  EXPECT_TRUE(node_.held.empty());
  EXPECT_EQ(hold(1).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(node_.held.empty());
}

TEST_F(ReleasesOfANode, HoldsUntilTheHoldExpires) {
  take(1, 1);
  ASSERT_TRUE(hold(1, R"(,"until":"2027-01-15T08:00:02Z")").has_value());
  releases_->tick();
  EXPECT_EQ(node_.held.size(), 1U);
  clock_.advance(std::chrono::seconds(2));
  releases_->tick();
  EXPECT_TRUE(node_.held.empty());
  releases_->tick();
  EXPECT_EQ(node_.holds, 2);
}

TEST_F(ReleasesOfANode, HoldsWhatComesOnlyLater) {
  EXPECT_FALSE(hold(1).has_value()) << "there are no keys yet";
  take(1, 1);
  ASSERT_TRUE(hold(1).has_value());
  releases_.emplace(*store_, *holds_, node_, "n1", clock_);
  releases_->reload();
  EXPECT_THAT(releases_->snapshot().held, ElementsAre(kMain)) << "from the start on";
}

TEST_F(ReleasesOfANode, TriesAHoldAgainThatTheNodeCouldNotDo) {
  take(1, 1);
  node_.busy = true;
  EXPECT_TRUE(hold(1).has_value()) << "it is on disk";
  EXPECT_TRUE(releases_->snapshot().held.empty());
  node_.busy = false;
  releases_->tick();
  EXPECT_THAT(node_.held, ElementsAre(kMain));
}

TEST_F(ReleasesOfANode, DoesNotLetOthersHoldAnything) {
  take(1, 1);
  EXPECT_EQ(hold(1, "", "adam", "shop").error().code, ErrorCode::kRefused);
  EXPECT_EQ(node_.holds, 0);
}

TEST_F(ReleasesOfANode, TakesOneAfterTheOtherThoughAllWerePreparedBefore) {
  take(1, 1);
  for (int s = 2; s < 5; ++s) ASSERT_TRUE(releases_->prepare(make(s, s)).has_value());
  ASSERT_TRUE(releases_->effective(moment(3)).has_value());
  ASSERT_TRUE(releases_->effective(moment(4)).has_value());
  ASSERT_TRUE(releases_->effective(moment(2)).has_value()) << "too late to matter";
  EXPECT_THAT(node_.takenOver, ElementsAre(1, 3, 4));
  ReleaseStore again(folder_, "n1", people_.key("root").publicKey());
  const auto loaded = again.load();
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded.value()->release.order.sequence, 4);
}

}  // namespace
}  // namespace dvpe::control
