// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A director with lines that are paid for, its feed, its plans and its viewers, for tests of breaks.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "node/personalize/director.h"
#include "tests/unit/node/personalize/support.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize::test {

namespace asio = boost::asio;
using timeline::Span;
using timeline::SpanKind;

inline const timeline::Grid kGrid{model::FrameRate{25, 1}};
inline constexpr base::WallTime kEpoch{std::chrono::seconds(1800000000 - 41 * 4)};

inline model::Line line(const std::string& id, std::vector<model::Cap> caps = {}) {
  model::Line out;
  out.id = id;
  out.goal = {model::GoalKind::kImpressions, 1'000};
  out.price = {model::PriceKind::kCpm, 10'000'000};
  out.caps = std::move(caps);
  out.creatives = {{id + "-creative", 1}};
  return out;
}

// Campaign "k" with the lines "capped" (once a day) and "free", each 10 units; "house" with h of 5 units. The channels
// "ch" and "two" are alike. change: what is other than that.
inline std::shared_ptr<const decisions::Compiled> documents(const std::function<void(model::Documents&)>& change = {}) {
  model::Documents d;
  for (const char* id : {"ch", "two"}) {
    d.channels[id].id = id;
    d.channels[id].breakLengths = {10, 20};
  }
  model::Campaign& k = d.campaigns["k"];
  k.id = "k";
  k.lines = {line("capped", {{1, model::CapPeriod::kDay}}), line("free")};
  for (const char* id : {"capped", "free"}) {
    model::Creative& creative = d.creatives[std::string(id) + "-creative"];
    creative.id = std::string(id) + "-creative";
    creative.media = id;
  }
  d.campaigns["house"] = {"house", 1, "", "true", {"h"}};
  for (const char* channel : {"ch", "two"}) {
    model::Ruleset& r = d.rulesets[channel];
    r.id = r.channel = channel;
    r.rules.push_back({"all", "true", {model::FillBreaks{{"k", "house"}}}});
  }
  if (change) change(d);
  auto built = decisions::build(std::make_shared<const model::Documents>(std::move(d)));
  EXPECT_TRUE(built.compiled) << model::describe(built.errors);
  return built.compiled;
}

class Breaks : public testing::Test {
 protected:
  explicit Breaks(std::function<void(model::Documents&)> change = {}) : compiled_(documents(change)) { reopen(); }
  ~Breaks() override { director_.reset(); }

  // As after a crash: nothing is said to it.
  void reopen() {
    director_.reset();
    store_.reset();
    store_ = std::move(SessionStore::open(folder_.path(), {keyOf(1), std::nullopt}, random_, 16)).value();
    std::vector<DirectedChannel> channels;
    for (const char* id : {"ch", "two"}) {
      DirectedChannel& channel =
          channels.emplace_back(DirectedChannel{id, kGrid, kEpoch, {"de"}, "slate", nullptr, {}, {}, {}, {}, media()});
      timeline::CutState state;
      state.last = timeline::Cut{41, kGrid.cell() * 41, std::nullopt};
      state.breaks = breaks_;
      state.open = open_;
      state.ahead = ahead_;
      channel.state = state;
    }
    director_ = std::make_unique<Director>(options_, compiled_, std::move(channels), *store_, tokens_, clock_);
    ASSERT_TRUE(director_->start());
  }
  static MediaCatalog media() {
    MediaCatalog out{{"h", {std::string(16, 'h'), 5}}};
    for (const char* id : {"capped", "free"}) out[id] = {std::string(16, id[0]), 10};
    return out;
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
  void create(std::uint32_t id, std::uint32_t viewer, bool agreed = true, const std::string& channel = "ch") {
    EXPECT_TRUE(asked(id, viewer, agreed, channel).result);
  }
  Reply asked(std::uint32_t id, std::uint32_t viewer, bool agreed = true, const std::string& channel = "ch") {
    NewSession s;
    s.channel = channel;
    s.id = idOf(id);
    s.pseudonym = idOf(1000 + viewer);
    if (agreed) s.purposes = {"limited_ads"};
    return asio::co_spawn(director_->executor(), director_->create(std::move(s)), asio::use_future).get();
  }
  Span announce(int units = 20) {
    ++breaks_;
    const Ticks start = kGrid.cell() * (43 + 20 * breaks_);
    Span span{SpanKind::kBreak, "b" + std::to_string(breaks_), "", start, start + kGrid.unit() * units};
    span.number = breaks_;
    told(span);
    return span;
  }
  void told(const Span& span, std::size_t channel = 0) {
    director_->feed(channel).spanAnnounced(span);
    settle();
  }
  void ends(const Span& span, Ticks at) {
    director_->feed(0).spanEnds(span.id, at);
    settle();
  }
  void cut(std::int64_t msn, Ticks at, std::optional<Span> span = std::nullopt) {
    director_->feed(0).cutMade({msn, at, std::move(span)});
    settle();
  }
  // The documents take over at this tick.
  void takeOver(std::shared_ptr<const decisions::Compiled> compiled, Ticks at) {
    Takeover next{
        "2." + std::to_string(++releases_), std::move(compiled), {media(), media()}, base::toWall(kEpoch, at)};
    (void)asio::co_spawn(director_->executor(), director_->takeOver(std::move(next)), asio::use_future).get();
  }
  // On the director's thread.
  void there(const std::function<void()>& what) {
    asio::post(director_->executor(), asio::use_future([&] { what(); })).get();
  }
  // Takes all the room that the log has.
  void fillLog() {
    there([&] {
      for (std::size_t size = 1 << 20; size > 64; size /= 2) {
        const base::Bytes entry(size);
        while (store_->append(entry) && store_->commit()) {
        }
        store_->abort();
      }
    });
  }
  // Of what is in the log by then, all but the newest is forgotten.
  void makeRoom() {
    there([&] {
      ASSERT_TRUE(store_->dropEntries(store_->newestEntry()));
      ASSERT_TRUE(store_->commit());
    });
  }
  // Until what is due by now is settled and committed.
  void aSecond() {
    const auto before = director_->counters().seconds.load();
    EXPECT_TRUE(soon([&] { return director_->counters().seconds > before; }));
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
    aSecond();
    advance(again);
    asio::post(director_->executor(), asio::use_future([&] {
                 (void)director_->table().find(idOf(id), static_cast<std::uint32_t>(clock_.steadySeconds()));
               }))
        .get();
  }

  Folder folder_;
  base::SystemRandom random_;
  base::ManualClock clock_{base::WallTime{std::chrono::seconds(1800000000)}};
  DirectorOptions options_;
  privacy::TokenSealer tokens_{privacy::SessionKeys{{1, keyOf(5)}, std::nullopt}, random_};
  std::shared_ptr<const decisions::Compiled> compiled_;
  std::optional<Span> open_, ahead_;  // of the journal's state of the channel
  std::unique_ptr<SessionStore> store_;
  std::unique_ptr<Director> director_;
  std::int64_t breaks_ = 0;
  std::uint64_t plans_ = 0;
  int releases_ = 0;
};

}  // namespace dvpe::personalize::test
