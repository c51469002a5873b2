// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Pods that are ready before the break, bound at it, settled after it, and found again after a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "node/personalize/director.h"
#include "tests/unit/node/personalize/support.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {
namespace {

namespace asio = boost::asio;
using test::idOf;
using timeline::Span;
using timeline::SpanKind;

const timeline::Grid kGrid{model::FrameRate{25, 1}};
constexpr base::WallTime kEpoch{std::chrono::seconds(1800000000 - 41 * 4)};

model::Line line(const std::string& id, std::vector<model::Cap> caps = {}) {
  model::Line out;
  out.id = id;
  out.goal = {model::GoalKind::kImpressions, 1'000};
  out.price = {model::PriceKind::kCpm, 10'000'000};
  out.caps = std::move(caps);
  out.creatives = {{id + "-creative", 1}};
  return out;
}

// Campaign "k" with the lines "capped" (once a day) and "free", each 10 units; "house" with h of 5 units.
std::shared_ptr<const decisions::Compiled> documents() {
  model::Documents d;
  d.channels["ch"].id = "ch";
  d.channels["ch"].breakLengths = {10, 20};
  model::Campaign& k = d.campaigns["k"];
  k.id = "k";
  k.lines = {line("capped", {{1, model::CapPeriod::kDay}}), line("free")};
  for (const char* id : {"capped", "free"}) {
    model::Creative& creative = d.creatives[std::string(id) + "-creative"];
    creative.id = std::string(id) + "-creative";
    creative.media = id;
  }
  d.campaigns["house"] = {"house", 1, "", "true", {"h"}};
  model::Ruleset& r = d.rulesets["r"];
  r.id = "r";
  r.channel = "ch";
  r.rules.push_back({"all", "true", {model::FillBreaks{{"k", "house"}}}});
  auto built = decisions::build(std::make_shared<const model::Documents>(std::move(d)));
  EXPECT_TRUE(built.compiled) << model::describe(built.errors);
  return built.compiled;
}

class Breaks : public testing::Test {
 protected:
  Breaks() { reopen(); }
  ~Breaks() override { director_.reset(); }

  // As after a crash: nothing is said to it.
  void reopen() {
    director_.reset();
    store_.reset();
    store_ = std::move(SessionStore::open(folder_.path(), {test::keyOf(1), std::nullopt}, random_, 16)).value();
    DirectedChannel channel{"ch", kGrid, kEpoch, {"de"}, "slate", nullptr, {}, std::nullopt, nullptr, nullptr, {}};
    for (const char* media : {"capped", "free"}) channel.media[media] = {std::string(16, media[0]), 10};
    channel.media["h"] = {std::string(16, 'h'), 5};
    timeline::CutState state;
    state.last = timeline::Cut{41, kGrid.cell() * 41, std::nullopt};
    state.breaks = breaks_;
    channel.state = state;
    std::vector<DirectedChannel> channels;
    channels.push_back(std::move(channel));
    director_ = std::make_unique<Director>(DirectorOptions{}, compiled_, std::move(channels), *store_, tokens_, clock_);
    ASSERT_TRUE(director_->start());
  }
  void settle() {
    asio::post(director_->executor(), asio::use_future([] {})).get();
  }
  void advance(std::chrono::seconds by) {
    asio::post(director_->executor(), asio::use_future([this, by] { clock_.advance(by); })).get();
  }
  void plan(std::int64_t capped, std::int64_t free) {
    auto made = std::make_shared<decisions::Plan>();
    made->number = ++plans_;
    made->made = clock_.wall();
    made->lines = {{"k/capped", {decisions::kWholeRate, 20'000}}, {"k/free", {decisions::kWholeRate, 10'000}}};
    made->ceilings["node"] = {{"k/capped", capped}, {"k/free", free}};
    director_->setPlan(std::move(made));
    settle();
  }
  // viewer: whose session it is; agreed: to be remembered for advertising.
  void create(std::uint32_t id, std::uint32_t viewer, bool agreed = true) {
    NewSession s;
    s.channel = "ch";
    s.id = idOf(id);
    s.pseudonym = idOf(1000 + viewer);
    if (agreed) s.purposes = {"limited_ads"};
    ASSERT_TRUE(asio::co_spawn(director_->executor(), director_->create(std::move(s)), asio::use_future).get().result);
  }
  Span announce(int units = 20) {
    ++breaks_;
    const Ticks start = kGrid.cell() * (43 + 20 * breaks_);
    Span span{SpanKind::kBreak, "b" + std::to_string(breaks_), "", start, start + kGrid.unit() * units};
    span.number = breaks_;
    director_->feed(0).spanAnnounced(span);
    settle();
    return span;
  }
  std::string plays(std::uint32_t id, const Span& span) {
    const SessionView* view = director_->table().peek(idOf(id));
    const BoundPod* pod = view != nullptr ? view->podOf(span.id) : nullptr;
    if (pod == nullptr) return "nothing";
    std::string out;
    for (const auto& piece : pod->pieces) out += (out.empty() ? "" : " ") + piece.what->media;
    return out;
  }
  LineCounts counted(const std::string& name) {
    return asio::co_spawn(director_->executor(), director_->counts(), asio::use_future).get().lines[name];
  }
  // Whether something becomes true within a few seconds: rounds have their own pace.
  static bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 100; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  // Until every session has been decided anew since now.
  void refresh() {
    const auto before = director_->counters().refreshed.load();
    EXPECT_TRUE(soon([&] { return director_->counters().refreshed >= before + 2 * director_->sessions(); }));
  }
  // The viewer's player has a playlist with all of the span, and asks again.
  void watches(std::uint32_t id, const Span& span, std::chrono::seconds again) {
    asio::post(director_->executor(), asio::use_future([&] {
                 SessionTable::Listed* listed = nullptr;
                 const auto now = static_cast<std::uint32_t>(clock_.steadySeconds());
                 ASSERT_NE(director_->table().find(idOf(id), now, &listed), nullptr);
                 *listed = span.end.count();
               }))
        .get();
    std::this_thread::sleep_for(std::chrono::milliseconds(1'200));  // it is looked at each second
    advance(again);
    asio::post(director_->executor(), asio::use_future([&] {
                 (void)director_->table().find(idOf(id), static_cast<std::uint32_t>(clock_.steadySeconds()));
               }))
        .get();
  }

  test::Folder folder_;
  base::SystemRandom random_;
  base::ManualClock clock_{base::WallTime{std::chrono::seconds(1800000000)}};
  privacy::TokenSealer tokens_{privacy::SessionKeys{{1, test::keyOf(5)}, std::nullopt}, random_};
  std::shared_ptr<const decisions::Compiled> compiled_ = documents();
  std::unique_ptr<SessionStore> store_;
  std::unique_ptr<Director> director_;
  std::int64_t breaks_ = 0;
  std::uint64_t plans_ = 0;
};

TEST_F(Breaks, ShowHouseAdsUntilThereIsAPlan) {
  create(1, 1);
  EXPECT_EQ(plays(1, announce()), "h");
  plan(10, 10);
  refresh();
  EXPECT_EQ(plays(1, announce()), "capped free");
  EXPECT_EQ(counted("k/capped").bound, 1);
  EXPECT_EQ(counted("house").bound, 1);
}

TEST_F(Breaks, NeverGoOverACeiling) {
  plan(2, 3);
  for (std::uint32_t i = 1; i <= 4; ++i) create(i, i);
  const Span span = announce();
  std::multiset<std::string> all;
  for (std::uint32_t i = 1; i <= 4; ++i) all.insert(plays(i, span));
  EXPECT_EQ(counted("k/capped").bound, 2);
  EXPECT_EQ(counted("k/free").bound, 3);
  EXPECT_EQ(all.count("capped free"), 2U);
  EXPECT_EQ(all.count("free h"), 1U);
  EXPECT_EQ(all.count("h"), 1U);
  EXPECT_EQ(director_->counters().contingencies, 2U);
}

TEST_F(Breaks, ByAnOldPlanAreHouseAds) {
  plan(10, 10);
  create(1, 1);
  advance(std::chrono::minutes(5));
  refresh();
  EXPECT_EQ(plays(1, announce()), "h");
}

TEST_F(Breaks, CountOneViewerOnTwoDevicesOnce) {
  plan(10, 10);
  create(1, 7);
  create(2, 7);
  const Span span = announce();
  const std::set<std::string> both{plays(1, span), plays(2, span)};
  EXPECT_EQ(both, (std::set<std::string>{"capped free", "free h"})) << "once a day, whichever device";
}

TEST_F(Breaks, KnowTwoSessionsOfWhoHasNotAgreedForTwoViewers) {
  plan(10, 10);
  create(1, 7, false);
  create(2, 7, false);
  const Span span = announce();
  EXPECT_EQ(plays(1, span), "capped free");
  EXPECT_EQ(plays(2, span), "capped free");
}

TEST_F(Breaks, ThatComeEarlyBindWhatNeedsNoDecision) {
  plan(10, 10);
  create(1, 1);
  EXPECT_EQ(plays(1, announce()), "capped free");
  EXPECT_EQ(plays(1, announce()), "h") << "its pod was for the break before";
  EXPECT_EQ(director_->counters().contingencies, 1U);
  refresh();
  EXPECT_EQ(plays(1, announce()), "free h") << "the cap is reached";
}

TEST_F(Breaks, OfAnotherLengthTakeTheLongestPodThatFits) {
  plan(10, 10);
  create(1, 1);
  EXPECT_EQ(plays(1, announce(17)), "capped h");
}

TEST_F(Breaks, ThatEndEarlyGiveBackWhatWasNotWhole) {
  plan(1, 1);
  create(1, 1);
  const Span span = announce();
  EXPECT_EQ(plays(1, span), "capped free");
  director_->feed(0).spanEnds(span.id, span.start + kGrid.unit() * 12);
  settle();
  EXPECT_EQ(counted("k/capped").returned, 0);
  EXPECT_EQ(counted("k/free").returned, 1);
  refresh();
  EXPECT_EQ(plays(1, announce()), "free h") << "what came back may be bound again, also under the ceiling";
}

TEST_F(Breaks, ThatAreWithdrawnGiveEverythingBack) {
  plan(1, 1);
  create(1, 1);
  const Span span = announce();
  director_->feed(0).spanEnds(span.id, span.start);
  settle();
  EXPECT_EQ(counted("k/capped").returned, 1);
  refresh();
  EXPECT_EQ(plays(1, announce()), "capped free") << "the cap is free again";
}

TEST_F(Breaks, AreDeliveredWhenTheyWereListedWholeAndAskedAfter) {
  plan(10, 10);
  create(1, 1);
  create(2, 2);
  const Span span = announce();
  watches(1, span, std::chrono::seconds(5));
  EXPECT_TRUE(soon([&] { return counted("k/free").delivered == 1; }));
  EXPECT_EQ(counted("k/capped").delivered, 1);
  EXPECT_EQ(counted("k/free").returned, 0);
  // The other viewer never came back: what was promised is given back when it can be listed no more.
  advance(std::chrono::minutes(10));
  EXPECT_TRUE(soon([&] { return counted("k/free").returned == 1; }));
  EXPECT_EQ(counted("k/free").delivered, 1);
}

TEST_F(Breaks, AreFoundAgainAfterACrash) {
  plan(10, 10);
  create(1, 1);
  create(2, 2);
  const Span span = announce();
  const LineCounts before = counted("k/capped");
  reopen();
  EXPECT_EQ(plays(1, span), "capped free");
  EXPECT_EQ(plays(2, span), "capped free");
  EXPECT_EQ(counted("k/capped").bound, before.bound);
  plans_ = 0;
  plan(10, 10);
  refresh();
  EXPECT_EQ(plays(1, announce()), "free h") << "the cap holds";
  reopen();
  reopen();
  EXPECT_EQ(counted("k/capped").bound, before.bound) << "nothing is counted twice";
}

TEST_F(Breaks, GiveBackOnceWhatACrashCutShort) {
  plan(10, 10);
  create(1, 1);
  const Span span = announce();
  director_->feed(0).spanEnds(span.id, span.start);
  settle();
  std::this_thread::sleep_for(std::chrono::milliseconds(1'200));  // what was given back is written each second
  reopen();
  EXPECT_EQ(counted("k/capped").returned, 1);
  plan(10, 10);
  refresh();
  EXPECT_EQ(plays(1, announce()), "capped free");
}

TEST_F(Breaks, RememberAViewerWhoComesAnotherDay) {
  plan(10, 10);
  create(1, 1);
  create(2, 2, false);
  const Span first = announce();
  watches(1, first, std::chrono::seconds(5));
  EXPECT_TRUE(soon([&] { return counted("k/capped").delivered == 1; }));
  advance(std::chrono::hours(7));  // sessions are over, the day is not
  EXPECT_TRUE(soon([&] { return director_->sessions() == 0; }));
  director_->feed(0).cutMade({60, first.end + kGrid.cell(), std::nullopt});
  plan(10, 10);
  create(3, 1);
  create(4, 2, false);
  const Span span = announce();
  EXPECT_EQ(plays(3, span), "free h");
  EXPECT_EQ(plays(4, span), "capped free") << "who has not agreed is nobody known";
}

}  // namespace
}  // namespace dvpe::personalize
