// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Nodes that were given the same documents, plan and histories decide alike, without a word between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/shared/decisions/crowd.h"

namespace dvpe::decisions {
namespace {

void expectEqual(const Ready& a, const Ready& b) {
  ASSERT_EQ(a.breakNumber, b.breakNumber);
  ASSERT_EQ(a.plan, b.plan);
  ASSERT_EQ(a.historyVersion, b.historyVersion);
  ASSERT_EQ(a.pods.size(), b.pods.size());
  for (std::size_t i = 0; i < a.pods.size(); ++i) {
    const Ready::Pod &x = a.pods[i], &y = b.pods[i];
    ASSERT_EQ(std::tie(x.length, x.first, x.count, x.exact, x.worth),
              std::tie(y.length, y.first, y.count, y.exact, y.worth));
  }
  ASSERT_EQ(a.slots, b.slots);
  ASSERT_EQ(a.spare, b.spare);
  ASSERT_EQ(a.house, b.house);
}

// A node: its own build of the documents, its own terms and memory.
struct Node {
  explicit Node(const Market& market) : terms(Evening{market}.terms), workspace(terms.channel()) {}

  Ready decide(const Viewer& viewer, const Moment& moment) {
    choice = choose(terms.compiled(), "c", viewer, &workspace);
    return decider.decide(terms, choice, viewer, moment);
  }
  Bound bound(const Ready& ready, int units, std::uint64_t refused) const {
    return bind(terms, ready, units, true, [&](std::uint32_t line) { return (refused >> (line % 64) & 1U) == 0; });
  }

  Terms terms;
  Workspace workspace;
  Decider decider;
  Choice choice;
};

TEST(Nodes, AgreeOnTenThousandSessions) {
  Node one{Crowd{5}.market(1)}, two{Crowd{5}.market(2)};
  Crowd people{6};
  std::size_t slots = 0, houses = 0, notExact = 0, pods = 0, contingencies = 0;
  std::size_t lines = 0;
  for (int i = 0; i < 10'000; ++i) {
    const rules::Attributes attributes = people.viewer();
    const History history = people.history(one.terms.compiled());
    const base::WallTime at = kNoon + std::chrono::seconds{people.below(7'200)};
    const Viewer viewer{attributes, at, people.oneIn(10) ? nullptr : &history};
    const std::string session = "session " + std::to_string(i);
    const Moment moment{session, people.number() % 100};
    const Ready a = one.decide(viewer, moment);
    const Ready b = two.decide(viewer, moment);
    ASSERT_EQ(one.choice.lines, two.choice.lines);
    expectEqual(a, b);
    ASSERT_FALSE(HasFatalFailure()) << session;
    const std::uint64_t refused = people.oneIn(2) ? 0 : people.number() & people.number();
    const int units = people.oneIn(2) ? 60 : people.below(140);
    const Bound x = one.bound(a, units, refused), y = two.bound(b, units, refused);
    ASSERT_EQ(x.slots, y.slots);
    ASSERT_EQ(x.slateUnits, y.slateUnits);
    ASSERT_EQ(x.contingency, y.contingency);
    slots += x.slots.size();
    houses += a.house.size();
    lines += one.choice.lines.size();
    contingencies += x.contingency ? 1 : 0;
    for (const Ready::Pod& pod : a.pods) notExact += pod.exact ? 0 : 1;
    pods += a.pods.size();
  }
  std::printf(
      "10,000 sessions: %zu lines let in, %zu slots bound, %zu house ads, %zu contingencies, %zu of %zu pods not "
      "exact\n",
      lines, slots, houses, contingencies, notExact, pods);
  EXPECT_GT(slots, 20'000u) << "the test must have something to compare";
  EXPECT_GT(contingencies, 1'000u);
  EXPECT_LT(notExact * 100, pods) << "of a hundred pods, one at most";
}

TEST(Nodes, DecideAlikeWhateverTheyDecidedBefore) {
  const Market market = Crowd{8}.market(1);
  Node used{market};
  Crowd people{9};
  for (int i = 0; i < 300; ++i) {
    const rules::Attributes attributes = people.viewer();
    const History history = people.history(used.terms.compiled());
    const Viewer viewer{attributes, kNoon, &history};
    const std::string session = "session " + std::to_string(i);
    const Ready mine = used.decide(viewer, {session, 3});
    Decider fresh;
    expectEqual(mine, fresh.decide(used.terms, choose(used.terms.compiled(), "c", viewer), viewer, {session, 3}));
    ASSERT_FALSE(HasFatalFailure()) << session;
  }
}

}  // namespace
}  // namespace dvpe::decisions
