// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/own_pacing.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/folder.h"

namespace dvpe::node {
namespace {

using std::chrono::seconds;

// A campaign "k" with a line of 100 impressions, and what the node is told.
class ANodeThatPlansForItself : public testing::Test {
 protected:
  ANodeThatPlansForItself() {
    model::Documents documents;
    model::Campaign& campaign = documents.campaigns["k"];
    campaign.id = "k";
    model::Line& line = campaign.lines.emplace_back();
    line.id = "l";
    line.goal = {model::GoalKind::kImpressions, 100};
    line.price = {model::PriceKind::kCpm, 10'000'000};
    line.creatives = {{"c", 1}};
    documents.creatives["c"].id = "c";
    documents_ = std::make_shared<const model::Documents>(std::move(documents));
  }
  OwnPacing::Node node() {
    return {[this] { return counted_; },
            [this](std::shared_ptr<const decisions::Plan> plan) {
              const std::lock_guard lock(mutex_);
              plans_.push_back(std::move(plan));
              more_.notify_all();
            }};
  }
  OwnPacing pacing() { return OwnPacing{documents_, file_, node(), clock_}; }
  bool aPlan() {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, seconds(8), [this] { return !plans_.empty(); });
  }
  std::int64_t ceiling() const { return plans_.back()->ceiling("node", "k/l"); }

  test::Folder folder_;
  const std::filesystem::path file_ = folder_.path() / "pacing.json";
  base::ManualClock clock_{base::WallTime{seconds(1'800'000'000)}};
  std::shared_ptr<const model::Documents> documents_;
  std::optional<decisions::NodeReport> counted_ = decisions::NodeReport{"node", clock_.wall(), 0, 0, {}};
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<std::shared_ptr<const decisions::Plan>> plans_;
};

TEST_F(ANodeThatPlansForItself, MaySellFromItsFirstPlanOn) {
  OwnPacing own = pacing();
  ASSERT_TRUE(own.next());
  EXPECT_GT(plans_.back()->line("k/l")->rate, 0U);
  EXPECT_GT(ceiling(), 0);
  EXPECT_LE(ceiling(), 100);
}

TEST_F(ANodeThatPlansForItself, SellsNoMoreThanItsGoalOverRestarts) {
  auto own = std::make_unique<OwnPacing>(documents_, file_, node(), clock_);
  ASSERT_TRUE(own->next());
  const auto first = plans_.back()->number;
  for (int i = 0; i < 50 && ceiling() < 100; ++i) {
    clock_.advance(decisions::kPlanEvery);
    // All that it may, it sells.
    counted_ = decisions::NodeReport{
        "node", clock_.wall(), plans_.back()->number, 100 * (i + 1), {{"k/l", 100 * (i + 1), ceiling(), ceiling(), 0}}};
    if (i % 5 == 0) own = std::make_unique<OwnPacing>(documents_, file_, node(), clock_);
    ASSERT_TRUE(own->next());
    EXPECT_LE(ceiling(), 100);
  }
  EXPECT_EQ(ceiling(), 100);
  EXPECT_GT(plans_.back()->number, first) << "numbers go on";
}

TEST_F(ANodeThatPlansForItself, BeginsAnewWhenWhatItKeptIsDamaged) {
  std::ofstream(file_) << "{";
  std::filesystem::permissions(file_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  counted_->lines = {{"k/l", 1000, 100, 100, 0}};
  OwnPacing own = pacing();
  ASSERT_TRUE(own.next());
  EXPECT_LE(ceiling(), 100) << "the node's own counts say what was sold";
}

TEST_F(ANodeThatPlansForItself, GoesOnWhereItCannotKeepAnything) {
  std::filesystem::create_directory(file_);
  OwnPacing own = pacing();
  EXPECT_TRUE(own.next());
  EXPECT_TRUE(own.next());
  EXPECT_EQ(plans_.size(), 2U);
}

TEST_F(ANodeThatPlansForItself, PlansNothingWhenNobodyAnswersOrNothingIsSold) {
  counted_.reset();
  EXPECT_FALSE(pacing().next());
  counted_ = decisions::NodeReport{"node", clock_.wall(), 0, 0, {}};
  documents_ = std::make_shared<const model::Documents>();
  EXPECT_FALSE(pacing().next());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(ANodeThatPlansForItself, PlansOnAThreadThatEndsAtOnce) {
  auto own = std::make_unique<OwnPacing>(documents_, file_, node(), clock_);
  own->start();
  ASSERT_TRUE(aPlan());
  const auto begin = std::chrono::steady_clock::now();
  own.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

}  // namespace
}  // namespace dvpe::node
