// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/pace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <random>

namespace dvpe::decisions {
namespace {

using base::WallTime;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr WallTime at(int year, unsigned month, unsigned day, int hour = 0) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + hours{hour};
}

model::LocalTime local(WallTime time) { return model::LocalTime{std::chrono::floor<seconds>(time).time_since_epoch()}; }

constexpr WallTime kMonday = at(2026, 6, 1);

// A campaign "k" with the lines of the test.
class Sale {
 public:
  Sale() { campaign().id = "k"; }
  model::Campaign& campaign() { return documents_.campaigns["k"]; }
  model::Line& line(const std::string& id, std::int64_t goal, model::Micros cpm = 10'000'000) {
    model::Line& out = campaign().lines.emplace_back();
    out.id = id;
    out.goal = {goal == 0 ? model::GoalKind::kHouse : model::GoalKind::kImpressions, goal};
    out.price = {cpm == 0 ? model::PriceKind::kNone : model::PriceKind::kCpm, cpm};
    out.creatives.push_back({"c", 1});
    documents_.creatives["c"].id = "c";
    return out;
  }
  // On the clock of the campaign.
  Sale& flight(WallTime from, WallTime until) {
    campaign().flight = {local(from), local(until)};
    return *this;
  }
  std::shared_ptr<const model::Documents> documents() const {
    return std::make_shared<const model::Documents>(documents_);
  }
  Pacer pacer() const { return Pacer{documents(), "r1"}; }

 private:
  model::Documents documents_;
};

// Nodes that bind what rates and ceilings allow: a break each ten seconds with so many viewers at each node, of whom a
// share could have each line. What is sent takes ten seconds and may be lost.
class Nodes {
 public:
  struct LineAt {
    std::int64_t eligible = 0, bound = 0, returned = 0, fresh = 0;
    double part = 0;
  };
  struct Node {
    bool alive = true, cutOff = false;
    std::deque<std::pair<WallTime, std::shared_ptr<const Plan>>> coming;
    std::shared_ptr<const Plan> plan;
    std::int64_t breaks = 0;
    std::map<std::string, LineAt> lines;
  };

  Nodes(int count, std::vector<std::string> lines, unsigned seed) : lines_(std::move(lines)), random_(seed) {
    for (int n = 0; n < count; ++n) nodes_["n" + std::to_string(n)];
  }

  std::map<std::string, Node>& nodes() { return nodes_; }
  double viewers = 100;                                                 // at each node
  std::function<double(const std::string&, const std::string&)> share;  // of a node's viewers for a line; null: 0.5
  double lost = 0, returns = 0;

  std::int64_t spent(const std::string& line) const {
    std::int64_t out = 0;
    for (const auto& [name, node] : nodes_) {
      const auto found = node.lines.find(line);
      if (found != node.lines.end()) out += found->second.bound - found->second.returned;
    }
    return out;
  }

  // Ten seconds: what was sent arrives, nodes bind and report, the coordinator plans.
  void step(Pacer& pacer, WallTime now) {
    for (auto& [name, node] : nodes_) {
      while (!node.coming.empty() && node.coming.front().first <= now) {
        node.plan = node.coming.front().second;
        node.coming.pop_front();
      }
      if (node.alive) play(name, node, now);
    }
    while (!reports_.empty() && reports_.front().first <= now) {
      pacer.hear(reports_.front().second);
      reports_.pop_front();
    }
    const auto plan = std::make_shared<const Plan>(pacer.plan(now));
    last = plan;
    for (auto& [name, node] : nodes_) {
      if (node.alive && !node.cutOff && !chance(lost)) node.coming.emplace_back(now + seconds{10}, plan);
      if (!node.alive || node.cutOff || chance(lost)) continue;
      NodeReport report{name, now, node.plan ? node.plan->number : 0, node.breaks, {}};
      for (const auto& [line, of] : node.lines) {
        report.lines.push_back({line, of.eligible, of.bound, of.bound - of.returned, of.returned});
      }
      reports_.emplace_back(now + seconds{10}, std::move(report));
    }
  }

  std::shared_ptr<const Plan> last;

 private:
  bool chance(double of) { return std::uniform_real_distribution{}(random_) < of; }

  void play(const std::string& name, Node& node, WallTime now) {
    node.breaks += static_cast<std::int64_t>(viewers);
    for (const std::string& line : lines_) {
      LineAt& of = node.lines[line];
      // Of what was bound a break ago some was not seen.
      of.returned += std::binomial_distribution<std::int64_t>{of.fresh, returns}(random_);
      of.fresh = 0;
      const LinePlan* plan = node.plan ? node.plan->line(line) : nullptr;
      if (!plan || plan->rate == 0) continue;
      of.part += viewers * (share ? share(name, line) : 0.5);
      const auto eligible = static_cast<std::int64_t>(of.part);
      of.part -= static_cast<double>(eligible);
      of.eligible += eligible;
      if (now - node.plan->made > kPlanLife) continue;
      std::int64_t drawn =
          std::binomial_distribution<std::int64_t>{eligible, static_cast<double>(plan->rate) / kWholeRate}(random_);
      drawn = std::min(drawn, node.plan->ceiling(name, line) - (of.bound - of.returned));
      of.fresh = std::max<std::int64_t>(drawn, 0);
      of.bound += of.fresh;
    }
  }

  std::vector<std::string> lines_;
  std::mt19937 random_;
  std::map<std::string, Node> nodes_;
  std::deque<std::pair<WallTime, NodeReport>> reports_;
};

void run(Nodes& nodes, Pacer& pacer, WallTime from, WallTime until) {
  for (WallTime now = from; now < until; now += kPlanEvery) nodes.step(pacer, now);
}

TEST(PacerTest, PlansHaveNoHouseLines) {
  Sale sale;
  sale.line("sold", 100);
  sale.line("house", 0, 0);
  Pacer pacer = sale.pacer();
  const Plan plan = pacer.plan(kMonday);
  EXPECT_THAT(plan.lines, UnorderedElementsAre(Key("k/sold")));
  EXPECT_EQ(plan.release, "r1");
  EXPECT_EQ(plan.number, 1U);
  EXPECT_EQ(pacer.plan(kMonday + seconds{10}).number, 2U);
  EXPECT_FALSE(pacer.standing("k/house"));
  EXPECT_FALSE(pacer.standing("other"));
}

TEST(PacerTest, ALineIsDeliveredEvenlyAndEndsWithItsGoal) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10}).line("a", 10'000);
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a"}, 1);
  nodes.lost = 0.05;
  nodes.returns = 0.05;
  run(nodes, pacer, kMonday, kMonday + hours{5});
  EXPECT_NEAR(static_cast<double>(nodes.spent("k/a")), 5'000, 600);
  run(nodes, pacer, kMonday + hours{5}, kMonday + hours{10});
  EXPECT_LE(nodes.spent("k/a"), 10'000);
  EXPECT_GE(nodes.spent("k/a"), 9'980);
}

TEST(PacerTest, FastIsAsSoonAsThereAreViewers) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10}).line("a", 10'000).pacing = model::Pacing::kFast;
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a"}, 1);
  run(nodes, pacer, kMonday, kMonday + minutes{30});  // 27,000 could have seen it
  EXPECT_GE(nodes.spent("k/a"), 9'990);
  EXPECT_LE(nodes.spent("k/a"), 10'000);
}

TEST(PacerTest, ASpikeIsUsedInProportion) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10}).line("a", 10'000);
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a"}, 1);
  run(nodes, pacer, kMonday, kMonday + hours{5});
  const auto before = static_cast<double>(nodes.spent("k/a"));
  nodes.viewers = 1'000;
  run(nodes, pacer, kMonday + hours{5}, kMonday + hours{5} + minutes{20});
  const auto spike = static_cast<double>(nodes.spent("k/a")) - before;
  // A third of an hour at ten times as many: about three and a half hours' worth, out of five that are left.
  EXPECT_GT(spike, 0.25 * (10'000 - before));
  EXPECT_LT(spike, 0.75 * (10'000 - before));
}

TEST(PacerTest, ShareOfVoiceIsARateWithoutCeiling) {
  Sale sale;
  model::Line& line = sale.line("a", 0);
  line.goal = {model::GoalKind::kShareOfVoice, 35};
  line.price = {model::PriceKind::kFlat, 5'000'000};
  Pacer pacer = sale.pacer();
  Nodes nodes(2, {"k/a"}, 1);
  run(nodes, pacer, kMonday, kMonday + minutes{10});
  EXPECT_EQ(nodes.last->line("k/a")->rate, 350'000U);
  EXPECT_EQ(nodes.last->ceiling("n0", "k/a"), kMostImpressions);
  EXPECT_NEAR(static_cast<double>(nodes.spent("k/a")), 0.35 * 0.5 * 2 * 100 * 58, 300);
}

TEST(PacerTest, ALineWithAPriceAndNoGoalMayTakeAllThereIs) {
  Sale sale;
  sale.line("a", 0);
  Pacer pacer = sale.pacer();
  Nodes nodes(1, {"k/a"}, 1);
  run(nodes, pacer, kMonday, kMonday + minutes{1});
  EXPECT_EQ(nodes.last->line("k/a")->rate, kWholeRate);
  EXPECT_EQ(nodes.last->ceiling("n0", "k/a"), kMostImpressions);
}

TEST(PacerTest, ABudgetIsImpressionsToTheCent) {
  Sale sale;
  // 7.77 at 2.59 for a thousand: exactly 3,000. At 2.590001 it is 2,999.
  sale.line("exact", 100'000, 2'590'000).budget.total = 7'770'000;
  sale.line("less", 100'000, 2'590'001).budget.total = 7'770'000;
  sale.line("goal", 10, 2'590'000).budget.total = 7'770'000;
  model::Line& views = sale.line("views", 0);
  views.price = {model::PriceKind::kCpcv, 30'000};
  views.budget.total = 100'000;
  Pacer pacer = sale.pacer();
  pacer.plan(kMonday);
  EXPECT_EQ(pacer.standing("k/exact")->most, 3'000);
  EXPECT_EQ(pacer.standing("k/less")->most, 2'999);
  EXPECT_EQ(pacer.standing("k/goal")->most, 10);
  EXPECT_EQ(pacer.standing("k/views")->most, 3);
}

TEST(PacerTest, LinesOfACampaignShareItsBudget) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{4});
  sale.campaign().budget.total = 30'000'000;  // 3,000 of one, or 1,500 of the other
  sale.line("a", 5'000, 10'000'000);
  sale.line("b", 5'000, 20'000'000);
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a", "k/b"}, 7);
  nodes.lost = 0.05;
  run(nodes, pacer, kMonday, kMonday + hours{4});
  const std::int64_t cost = nodes.spent("k/a") * 10'000 + nodes.spent("k/b") * 20'000;
  EXPECT_LE(cost, 30'000'000);
  EXPECT_GE(cost, 29'800'000);
  EXPECT_GT(nodes.spent("k/a"), 500);
  EXPECT_GT(nodes.spent("k/b"), 500);
}

TEST(PacerTest, AFlightIsLocalToTheCampaign) {
  Sale sale;
  sale.campaign().timezone = "America/New_York";  // four hours behind in June
  sale.flight(kMonday + hours{8}, kMonday + hours{10}).line("a", 1'000);
  Pacer pacer = sale.pacer();
  EXPECT_THAT(pacer.plan(kMonday + hours{11}).lines, IsEmpty());
  EXPECT_THAT(pacer.plan(kMonday + hours{12}).lines, Contains(Key("k/a")));
  EXPECT_THAT(pacer.plan(kMonday + hours{13}).lines, Contains(Key("k/a")));
  EXPECT_THAT(pacer.plan(kMonday + hours{14}).lines, IsEmpty());
}

// Of a day's budget never more is spent, on days of 23, 24 and 25 hours; and hardly less.
TEST(PacerTest, DailyBudgetsFollowTheCalendarOfTheZone) {
  struct Case {
    WallTime first, second, third;  // midnights in Berlin
  };
  for (const Case& days : {Case{at(2026, 3, 27, 23), at(2026, 3, 28, 23), at(2026, 3, 29, 22)},
                           Case{at(2026, 10, 23, 22), at(2026, 10, 24, 22), at(2026, 10, 25, 23)}}) {
    Sale sale;
    sale.campaign().timezone = "Europe/Berlin";
    sale.line("a", 0, 10'000'000).budget.day = 20'000'000;
    Pacer pacer = sale.pacer();
    Nodes nodes(2, {"k/a"}, 3);
    nodes.viewers = 40;
    nodes.returns = 0.02;
    nodes.lost = 0.05;
    run(nodes, pacer, days.first, days.second);
    const std::int64_t one = nodes.spent("k/a");
    EXPECT_LE(one, 2'000);
    EXPECT_GE(one, 1'980);
    // Not before midnight, and from midnight on.
    run(nodes, pacer, days.second, days.second + (days.third - days.second) / 2);
    EXPECT_NEAR(static_cast<double>(nodes.spent("k/a") - one), 1'000, 150);
    run(nodes, pacer, days.second + (days.third - days.second) / 2, days.third);
    const std::int64_t two = nodes.spent("k/a") - one;
    EXPECT_LE(two, 2'000);
    EXPECT_GE(two, 1'970);
    run(nodes, pacer, days.third, days.third + hours{1});
    EXPECT_GT(nodes.spent("k/a"), one + two);
  }
}

TEST(PacerTest, ADaysEndIsNotAReasonToStopOtherLines) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{48});
  sale.line("a", 2'000).budget.day = 100'000'000;  // ten thousand a day: no limit
  Pacer pacer = sale.pacer();
  Nodes nodes(2, {"k/a"}, 3);
  run(nodes, pacer, kMonday, kMonday + hours{24});
  EXPECT_NEAR(static_cast<double>(nodes.spent("k/a")), 1'000, 150);
}

TEST(PacerTest, ALineOfDaypartsPacesOverTheirHours) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{24}).line("a", 4'000).dayparts = {{0x7F, 10 * 60, 14 * 60}};
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a"}, 5);
  WallTime now = kMonday;
  nodes.share = [&](const std::string&, const std::string&) {
    return now >= kMonday + hours{10} && now < kMonday + hours{14} ? 0.5 : 0.0;
  };
  for (; now < kMonday + hours{12}; now += kPlanEvery) nodes.step(pacer, now);
  EXPECT_NEAR(static_cast<double>(nodes.spent("k/a")), 2'000, 500);
  for (; now < kMonday + hours{14}; now += kPlanEvery) nodes.step(pacer, now);
  EXPECT_GE(nodes.spent("k/a"), 3'950);
}

TEST(PacerTest, AGoalOfAFewImpressionsIsReached) {
  for (const std::int64_t goal : {1, 2, 7, 31}) {
    Sale sale;
    sale.flight(kMonday, kMonday + hours{6}).line("a", goal);
    Pacer pacer = sale.pacer();
    Nodes nodes(3, {"k/a"}, static_cast<unsigned>(goal));
    nodes.lost = 0.05;
    run(nodes, pacer, kMonday, kMonday + hours{6});
    EXPECT_EQ(nodes.spent("k/a"), goal);
  }
}

TEST(PacerTest, WhatOneNodeCannotUseGoesToAnother) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{3}).line("a", 40);
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a"}, 11);
  bool moved = false;  // all its viewers are at one node, later at another
  nodes.share = [&](const std::string& node, const std::string&) { return node == (moved ? "n2" : "n0") ? 0.2 : 0.0; };
  run(nodes, pacer, kMonday, kMonday + hours{1});
  moved = true;
  run(nodes, pacer, kMonday + hours{1}, kMonday + hours{3});
  EXPECT_EQ(nodes.spent("k/a"), 40);
}

TEST(PacerTest, UrgencyRisesWithWhatIsMissing) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{4});
  sale.line("much", 200'000);
  sale.line("little", 60);
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/much", "k/little"}, 2);
  run(nodes, pacer, kMonday, kMonday + hours{3});
  EXPECT_GT(nodes.last->line("k/much")->worth, 10 * nodes.last->line("k/little")->worth);
  EXPECT_GE(nodes.last->line("k/little")->worth, 10'000);  // never under the price
  EXPECT_GT(pacer.standing("k/much")->needed, 0.8);
  EXPECT_LT(pacer.standing("k/little")->needed, 0.05);
}

TEST(PacerTest, ALineThatIsDoneIsStopped) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{4}).line("a", 500).pacing = model::Pacing::kFast;
  Pacer pacer = sale.pacer();
  Nodes nodes(2, {"k/a"}, 2);
  run(nodes, pacer, kMonday, kMonday + hours{1});
  EXPECT_EQ(nodes.spent("k/a"), 500);
  EXPECT_EQ(nodes.last->line("k/a")->rate, 0U);
  EXPECT_EQ(pacer.standing("k/a")->spent, 500);
}

TEST(PacerTest, OtherDocumentsGoOnWithWhatWasSpent) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{4}).line("a", 1'000).pacing = model::Pacing::kFast;
  Pacer pacer = sale.pacer();
  Nodes nodes(2, {"k/a", "k/b"}, 2);
  run(nodes, pacer, kMonday, kMonday + minutes{30});
  EXPECT_EQ(nodes.spent("k/a"), 1'000);
  // Without the line for a while, then with a higher goal.
  Sale other;
  other.line("b", 100);
  pacer.use(other.documents(), "r2");
  run(nodes, pacer, kMonday + minutes{30}, kMonday + minutes{40});
  EXPECT_EQ(nodes.last->release, "r2");
  EXPECT_THAT(nodes.last->lines, Not(Contains(Key("k/a"))));
  sale.campaign().lines[0].goal.amount = 1'200;
  pacer.use(sale.documents(), "r3");
  run(nodes, pacer, kMonday + minutes{40}, kMonday + hours{2});
  EXPECT_EQ(nodes.spent("k/a"), 1'200);
  // A goal that is lowered under what was spent stops it.
  sale.campaign().lines[0].goal.amount = 600;
  pacer.use(sale.documents(), "r4");
  run(nodes, pacer, kMonday + hours{2}, kMonday + hours{2} + minutes{5});
  EXPECT_EQ(nodes.last->line("k/a")->rate, 0U);
  EXPECT_EQ(nodes.spent("k/a"), 1'200);
}

// Whatever is lost, late or restarted, and whoever dies for a while: what nodes that can be heard may bind never
// exceeds the goal.
TEST(PacerTest, NeverPromisesMoreThanThereIs) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int many) { return std::uniform_int_distribution{0, many - 1}(random); };
    Sale sale;
    sale.flight(kMonday, kMonday + hours{3});
    const std::array<std::int64_t, 4> goals = {5, 200, 3'000, 200'000};
    for (std::size_t i = 0; i < goals.size(); ++i) sale.line("l" + std::to_string(i), goals[i]);
    sale.campaign().lines[2].pacing = model::Pacing::kFast;
    sale.campaign().budget.total = 100'000'000;  // ten thousand in all
    Pacer pacer = sale.pacer();
    Nodes nodes(4, {"k/l0", "k/l1", "k/l2", "k/l3"}, seed);
    nodes.lost = 0.2;
    nodes.returns = 0.1;
    std::map<std::string, WallTime> back;
    for (WallTime now = kMonday; now < kMonday + hours{3}; now += kPlanEvery) {
      for (auto& [name, node] : nodes.nodes()) {
        // A node that is away keeps its plan. What it could tell and did not may be a report old that was lost before.
        if (!node.alive && now >= back[name]) node.alive = true;
        if (node.alive && below(100) == 0) {
          node.alive = false;
          back[name] = now + seconds{below(200)};
        }
      }
      if (below(40) == 0) {  // another coordinator
        Pacer next{sale.documents(), "r1"};
        ASSERT_TRUE(next.restore(pacer.state()));
        pacer = std::move(next);
      }
      if (below(30) == 0) nodes.viewers = 10 + below(400);
      nodes.step(pacer, now);
      std::int64_t all = 0;
      for (std::size_t i = 0; i < goals.size(); ++i) {
        const std::string name = "k/l" + std::to_string(i);
        ASSERT_LE(nodes.spent(name), goals[i]) << "seed " << seed;
        all += nodes.spent(name);
      }
      ASSERT_LE(all, 10'000) << "seed " << seed;
    }
  }
}

// A node that is cut off goes on binding for the life of its plan. Its share is kept for it, then given to others; only
// what it bound and could not tell is too much.
TEST(PacerTest, ASilentNodesShareIsKeptForSomeTime) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{2}).line("a", 600);
  Pacer pacer = sale.pacer();
  Nodes nodes(2, {"k/a"}, 2);
  run(nodes, pacer, kMonday, kMonday + minutes{30});
  nodes.nodes()["n1"].cutOff = true;
  const std::int64_t before = nodes.nodes()["n1"].lines["k/a"].bound;
  const std::int64_t promised = nodes.last->ceiling("n1", "k/a");
  EXPECT_LT(promised - before, 60);  // little is locked
  run(nodes, pacer, kMonday + minutes{30}, kMonday + minutes{34});
  EXPECT_GT(nodes.last->ceiling("n1", "k/a"), 0);
  run(nodes, pacer, kMonday + minutes{34}, kMonday + minutes{40});
  EXPECT_EQ(nodes.last->ceiling("n1", "k/a"), 0);
  run(nodes, pacer, kMonday + minutes{40}, kMonday + hours{2});
  const std::int64_t untold = nodes.nodes()["n1"].lines["k/a"].bound - before;
  EXPECT_LE(nodes.spent("k/a"), 600 + untold);
  EXPECT_GE(nodes.spent("k/a"), 599);
  // It comes back, and what it has bound counts.
  nodes.nodes()["n1"].cutOff = false;
  run(nodes, pacer, kMonday + hours{2}, kMonday + hours{2} + minutes{2});
  EXPECT_EQ(pacer.standing("k/a")->most, 600);
}

TEST(PacerTest, ACeilingThatIsLoweredFreesNothingUntilTheNodeHasIt) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10}).line("a", 100).pacing = model::Pacing::kFast;
  Pacer pacer = sale.pacer();
  const auto report = [&](const char* node, int second, std::uint64_t plan, std::int64_t breaks, std::int64_t eligible,
                          std::int64_t bound) {
    pacer.hear({node, kMonday + seconds{second}, plan, breaks, {{"k/a", eligible, bound, bound, 0}}});
  };
  report("a", 0, 0, 0, 0, 0);
  pacer.plan(kMonday);
  report("a", 10, 1, 1'000, 10, 7);
  std::int64_t highest = 0;
  std::uint64_t number = 0;
  Plan plan;
  for (int i = 1; i <= 6; ++i) {
    plan = pacer.plan(kMonday + seconds{10 * i});
    highest = plan.ceiling("a", "k/a");
    number = plan.number;
    report("a", 10 * i + 5, plan.number, 1'000 + i * 1'000, 10 + i * 10, std::min<std::int64_t>(7 * i, 40));
  }
  ASSERT_GT(highest, 60) << "all viewers are here";
  // Another node has viewers now, many more; the first one is silent about newer plans.
  for (int i = 7; i <= 16; ++i) {
    report("b", 10 * i - 5, plan.number, i * 2'000, i * 2'000, plan.ceiling("b", "k/a"));
    report("a", 10 * i - 4, number, 7'000, 70, 40);
    plan = pacer.plan(kMonday + seconds{10 * i});
    EXPECT_LE(plan.ceiling("b", "k/a"), 100 - highest);
  }
  EXPECT_LT(plan.ceiling("a", "k/a"), highest);
  report("a", 165, plan.number, 7'000, 7'000, 40);
  const std::int64_t lowered = plan.ceiling("a", "k/a");
  plan = pacer.plan(kMonday + seconds{170});
  EXPECT_GT(plan.ceiling("b", "k/a"), 100 - highest);
  EXPECT_LE(plan.ceiling("b", "k/a"), 100 - lowered);
}

// Without its state a coordinator knows what was bound, but not what may be.
TEST(PacerTest, PlansOfAnotherAreReplacedBeforeAnythingIsGiven) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10}).line("a", 100).pacing = model::Pacing::kFast;
  Pacer pacer = sale.pacer();
  pacer.hear({"a", kMonday, 700, 1'000, {{"k/a", 500, 60, 60, 0}}});
  pacer.hear({"b", kMonday, 699, 1'000, {{"k/a", 500, 10, 10, 0}}});
  Plan plan = pacer.plan(kMonday + seconds{5});
  EXPECT_GT(plan.number, 700U);
  EXPECT_LE(plan.ceiling("a", "k/a"), 60);
  EXPECT_LE(plan.ceiling("b", "k/a"), 10);
  pacer.hear({"a", kMonday + seconds{10}, plan.number, 2'000, {{"k/a", 900, 70, 70, 0}}});
  plan = pacer.plan(kMonday + seconds{15});
  EXPECT_LE(plan.ceiling("a", "k/a"), 70);
  pacer.hear({"b", kMonday + seconds{20}, plan.number, 2'000, {{"k/a", 900, 20, 20, 0}}});
  plan = pacer.plan(kMonday + seconds{25});
  EXPECT_GT(plan.ceiling("a", "k/a") + plan.ceiling("b", "k/a"), 90);
  EXPECT_LE(plan.ceiling("a", "k/a") + plan.ceiling("b", "k/a"), 100);
}

TEST(PacerTest, StateIsWholeAndBounded) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10});
  sale.campaign().budget.day = 50'000'000;
  sale.line("a", 10'000);
  sale.line("b", 10'000);
  Pacer pacer = sale.pacer();
  Nodes nodes(3, {"k/a", "k/b"}, 1);
  nodes.lost = 0.1;
  run(nodes, pacer, kMonday, kMonday + hours{1});
  const std::string state = pacer.state();
  Pacer next{sale.documents(), "r1"};
  ASSERT_TRUE(next.restore(state));
  const Plan expected = pacer.plan(kMonday + hours{1}), found = next.plan(kMonday + hours{1});
  EXPECT_EQ(found, expected);

  EXPECT_FALSE(next.restore("{"));
  EXPECT_FALSE(next.restore("{}"));
  EXPECT_FALSE(next.restore(R"({"number": 1, "traffic": [], "nodes": [], "lines": []})"));
  std::string wrong = state;
  wrong.replace(wrong.find("\"n1\""), 4, "12345");
  EXPECT_FALSE(next.restore(wrong));
  EXPECT_EQ(next.plan(kMonday + hours{1} + seconds{10}).number, expected.number + 1);
}

TEST(PacerTest, OldReportsChangeNothing) {
  Sale sale;
  sale.flight(kMonday, kMonday + hours{10}).line("a", 100);
  Pacer pacer = sale.pacer();
  pacer.hear({"a", kMonday + seconds{20}, 0, 200, {{"k/a", 100, 40, 40, 0}}});
  pacer.hear({"a", kMonday + seconds{10}, 0, 100, {{"k/a", 50, 20, 20, 0}}});
  pacer.plan(kMonday + seconds{30});
  EXPECT_EQ(pacer.standing("k/a")->spent, 40);
}

}  // namespace
}  // namespace dvpe::decisions
