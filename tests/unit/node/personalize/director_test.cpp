// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/personalize/director.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>

#include "tests/unit/node/personalize/support.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::personalize {
namespace {

namespace asio = boost::asio;
using test::idOf;
using testing::ElementsAre;
using timeline::Cell;
using timeline::Cut;
using timeline::Span;
using timeline::SpanKind;

const timeline::Grid kGrid{model::FrameRate{30, 1}};

// Where cut 41 is, as the clock of these tests begins.
constexpr base::WallTime kEpoch{std::chrono::seconds(1800000000 - 41 * 4)};

// Channel "ch": overlay "hat" for adults, clip "c10" for the event "half", campaign "k" of ads a8 (8 units) and b5.
// Each revision of the hat is another cohort.
std::shared_ptr<const decisions::Compiled> documents(int hat = 1) {
  model::Documents d;
  d.channels["ch"].id = "ch";
  d.overlays["hat"].id = "hat";
  d.overlays["hat"].revision = hat;
  d.campaigns["k"] = {"k", 1, "Soap", "true", {"a8", "b5"}};
  model::Ruleset& r = d.rulesets["r"];
  r.id = "r";
  r.channel = "ch";
  r.fields = {{"viewer.age", model::FieldType::kInt, "", ""}};
  r.rules.push_back({"adults",
                     "viewer.age > 17",
                     {model::ShowOverlay{"hat", {}, model::Trigger::kAlways, ""}, model::ReplaceSpan{"half", "c10"},
                      model::ChooseAudio{"en"}, model::FillBreaks{{"k"}}}});
  auto built = decisions::build(std::make_shared<const model::Documents>(std::move(d)));
  EXPECT_TRUE(built.compiled) << model::describe(built.errors);
  return built.compiled;
}

class DirectorTest : public testing::Test {
 protected:
  DirectorTest() { reopen(); }
  ~DirectorTest() override { director_.reset(); }

  void reopen(std::optional<timeline::CutState> state = std::nullopt) {
    director_.reset();
    store_.reset();
    store_ = std::move(SessionStore::open(folder_.path(), {test::keyOf(1), std::nullopt}, random_, 16)).value();
    DirectedChannel channel{
        "ch",
        kGrid,
        kEpoch,
        {"de", "en"},
        "slate",
        &demand_,
        cohorts_,
        std::move(state),
        [this](std::size_t i, const std::string& id) {
          EXPECT_EQ(i, cohorts_.size());
          cohorts_.push_back(id);
        },
        [this](std::shared_ptr<const Cell> cell) { listed_.push_back(cell->msn); },
        {{"a8", {"aaaaaaaaaaaaaaaa", 8}}, {"b5", {"bbbbbbbbbbbbbbbb", 5}}, {"c10", {"cccccccccccccccc", 10}}}};
    std::vector<DirectedChannel> channels;
    channels.push_back(std::move(channel));
    director_ = std::make_unique<Director>(options_, compiled_, std::move(channels), *store_, tokens_, clock_);
    ASSERT_TRUE(director_->start());
  }
  Reply create(std::uint32_t id, std::int64_t age = 30) {
    NewSession s;
    s.channel = "ch";
    s.id = idOf(id);
    s.pseudonym = idOf(id);
    s.attributes["age"] = model::Value{age};
    return asio::co_spawn(director_->executor(), director_->create(std::move(s)), asio::use_future).get();
  }
  boost::json::object explain(std::string token) {
    auto reply = asio::co_spawn(director_->executor(), director_->explain(std::move(token)), asio::use_future).get();
    EXPECT_TRUE(reply.result) << reply.result.error().message;
    return reply.result ? boost::json::parse(reply.result.value()).as_object() : boost::json::object{};
  }
  void settle() {
    asio::post(director_->executor(), asio::use_future([] {})).get();
  }
  void cut(std::int64_t msn, std::optional<Span> span = std::nullopt, Ticks at = Ticks{-1}) {
    director_->feed(0).cutMade({msn, at < Ticks{0} ? kGrid.cell() * msn : at, std::move(span)});
    settle();
  }
  void announce(const Span& span) {
    director_->feed(0).spanAnnounced(span);
    settle();
  }
  SessionView view(std::uint32_t id) {
    const SessionView* found = director_->table().peek(idOf(id));
    EXPECT_NE(found, nullptr);
    return found ? *found : SessionView{};
  }
  // Revision `hat` of the hat and only the ad b5, from the time of a cut on.
  InForce takeOver(int hat, std::int64_t msn) {
    Takeover next;
    next.release = "1." + std::to_string(hat);
    next.compiled = documents(hat);
    next.media = {{{"b5", {"bbbbbbbbbbbbbbbb", 5}}}};
    next.effective = base::toWall(kEpoch, kGrid.cell() * msn);
    return asio::co_spawn(director_->executor(), director_->takeOver(std::move(next)), asio::use_future).get();
  }
  void finish(std::int64_t msn) {
    auto cell = std::make_shared<Cell>();
    cell->msn = msn;
    cell->start = kGrid.cell() * msn;
    cell->end = kGrid.cell() * (msn + 1);
    cell->variants = {"base"};
    director_->feed(0).cellFinished(cell);
    settle();
  }
  std::vector<std::pair<std::int64_t, int>> wanted(std::int64_t msn) {
    std::vector<std::pair<std::int64_t, int>> out;
    for (const auto& cohort : *demand_.at(kGrid.cell() * msn)) {
      if (cohort.viewers > 0) out.emplace_back(cohort.overlays.at(0).overlay->revision, cohort.viewers);
    }
    return out;
  }
  static Span breakAt(std::int64_t msn, int units, const std::string& id = "b") {
    return {SpanKind::kBreak, id, "", kGrid.cell() * msn, kGrid.cell() * msn + kGrid.unit() * units};
  }
  static std::string pieces(const BoundPod* pod) {
    if (pod == nullptr) return "programme";
    std::string text = std::to_string(pod->firstUnit) + ":";
    for (const auto& p : pod->pieces)
      text += " " + p.what->media + "." + std::to_string(p.from) + "+" + std::to_string(p.units);
    return text;
  }

  test::Folder folder_;
  base::SystemRandom random_;
  base::ManualClock clock_{base::WallTime{std::chrono::seconds(1800000000)}};
  privacy::TokenSealer tokens_{privacy::SessionKeys{{1, test::keyOf(5)}, std::nullopt}, random_};
  std::shared_ptr<const decisions::Compiled> compiled_ = documents();
  DirectorOptions options_;
  timeline::Demand demand_;
  std::vector<std::string> cohorts_;
  std::vector<std::int64_t> listed_;
  std::unique_ptr<SessionStore> store_;
  std::unique_ptr<Director> director_;
};

TEST(AttributesOf, KnowAViewerAgainWhoHasAgreedToItAndElseTheSession) {
  privacy::SessionClaims claims;
  claims.sessionId.fill(1);
  claims.pseudonym.fill(2);
  EXPECT_EQ(attributesOf(claims).value().identity(), base::hex(claims.sessionId));
  claims.consent("personalised_content");
  EXPECT_EQ(attributesOf(claims).value().identity(), base::hex(claims.pseudonym));
}

TEST_F(DirectorTest, ShowsANewViewerTheProgrammeAndTheirOwnFromTheNextCut) {
  cut(41);
  ASSERT_TRUE(create(1).result);
  EXPECT_EQ(view(1).fromMsn, 42);
  EXPECT_EQ(view(1).audio, 1) << "English is the second track";
  EXPECT_EQ(director_->counters().created, 1U);
}

TEST_F(DirectorTest, GivesTheSameSessionToARepeatedId) {
  cut(41);
  const auto first = create(1);
  cut(42);
  const auto second = create(1);
  ASSERT_TRUE(first.result && second.result);
  EXPECT_EQ(tokens_.open(first.result.value(), 0).value().sessionId,
            tokens_.open(second.result.value(), 0).value().sessionId);
  EXPECT_EQ(view(1).fromMsn, 42);
  EXPECT_EQ(director_->sessions(), 1U);
  EXPECT_EQ(director_->counters().repeated, 1U);
}

TEST_F(DirectorTest, TellsRenderWhichCohortsAreWatched) {
  cut(41);
  (void)create(1);
  (void)create(2);
  (void)create(3, 10);
  settle();
  const auto list = demand_.at(kGrid.cell() * 41);
  ASSERT_EQ(list->size(), 1U) << "children wear nothing";
  EXPECT_EQ((*list)[0].overlays.at(0).overlay->id, "hat");
  EXPECT_GE((*list)[0].viewers, 1);
  EXPECT_EQ(cohorts_.size(), 2U);
}

TEST_F(DirectorTest, BindsABreakWhenItIsAnnounced) {
  cut(41);
  (void)create(1);
  (void)create(2, 10);
  announce(breakAt(43, 15));
  EXPECT_EQ(pieces(view(1).podOf("b")), "0: a8.0+8 b5.0+5");
  EXPECT_EQ(pieces(view(2).podOf("b")), "programme") << "nothing is booked for children";
  EXPECT_EQ(director_->counters().bound, 1U);
}

TEST_F(DirectorTest, LeavesOutWhatDoesNotFit) {
  cut(41);
  (void)create(1);
  announce(breakAt(43, 7));
  EXPECT_EQ(pieces(view(1).podOf("b")), "0: b5.0+5");
}

TEST_F(DirectorTest, SharesAPodAmongViewersWhoGotTheSame) {
  cut(41);
  (void)create(1);
  (void)create(2);
  announce(breakAt(43, 15));
  EXPECT_EQ(view(1).podOf("b"), view(2).podOf("b"));
}

TEST_F(DirectorTest, BindsTheRestOfABreakForAViewerWhoJoinsInIt) {
  const Span span = breakAt(42, 30);
  announce(span);
  cut(42, span);
  cut(43, span);
  ASSERT_TRUE(create(1).result);
  EXPECT_EQ(view(1).fromMsn, 44);
  EXPECT_EQ(pieces(view(1).podOf("b")), "8: a8.0+8 b5.0+5");
}

TEST_F(DirectorTest, ReplacesAnEventByAClipButNotForWhoJoinsInIt) {
  const Span half{SpanKind::kEvent, "e", "half", kGrid.cell() * 43, kGrid.cell() * 43 + kGrid.unit() * 8};
  cut(41);
  (void)create(1);
  announce(half);
  EXPECT_EQ(pieces(view(1).podOf("e")), "0: c10.0+8") << "what is longer than the event is left out";
  cut(42);
  cut(43, half);
  (void)create(2);
  EXPECT_EQ(pieces(view(2).podOf("e")), "programme");
}

TEST_F(DirectorTest, BindsNothingOfABreakThatWasWithdrawn) {
  cut(41);
  announce(breakAt(43, 15));
  director_->feed(0).spanEnds("b", kGrid.cell() * 43);
  settle();
  (void)create(1);
  EXPECT_EQ(pieces(view(1).podOf("b")), "programme");
}

TEST_F(DirectorTest, BindsOnlyWhatIsLeftOfABreakThatEndsEarly) {
  const Span span = breakAt(42, 30);
  announce(span);
  cut(42, span);
  director_->feed(0).spanEnds("b", span.start + kGrid.unit() * 9);
  settle();
  (void)create(1);
  EXPECT_EQ(pieces(view(1).podOf("b")), "4: b5.0+5");
}

TEST_F(DirectorTest, RestoresAfterARestartWhatWasDecidedAndDecidesItNeverAgain) {
  cut(41);
  ASSERT_TRUE(create(1).result);
  const Span span = breakAt(43, 15);
  announce(span);
  const SessionView before = view(1);
  timeline::CutState state;
  state.last = Cut{43, span.start, span};
  state.open = span;
  state.newest = span.start;
  reopen(state);
  const SessionView after = view(1);
  EXPECT_EQ(after.fromMsn, before.fromMsn);
  EXPECT_EQ(after.cohort, before.cohort);
  EXPECT_EQ(after.audio, before.audio);
  ASSERT_NE(after.podOf("b"), nullptr);
  EXPECT_EQ(*after.podOf("b"), *before.podOf("b"));
  announce(breakAt(43, 30));  // told once more, and longer: nothing changes
  EXPECT_EQ(*view(1).podOf("b"), *before.podOf("b"));
  EXPECT_EQ(view(1).pods.size(), 1U);
}

TEST_F(DirectorTest, TakesOverOtherDocumentsAtTheFirstCutAfterTheirMoment) {
  cut(41);
  (void)create(1);
  const SessionView before = view(1);
  const InForce done = takeOver(2, 43);
  EXPECT_FALSE(done.late);
  EXPECT_THAT(done.from, ElementsAre(kGrid.cell() * 43));
  EXPECT_EQ(done.changed, 1U);
  const SessionView after = view(1);
  EXPECT_EQ(after.cohortAt(kGrid.cell() * 42), before.cohort);
  EXPECT_NE(after.cohortAt(kGrid.cell() * 43), before.cohort);
  EXPECT_THAT(wanted(42), ElementsAre(std::pair(1, 1)));
  EXPECT_THAT(wanted(43), ElementsAre(std::pair(2, 1)));
  (void)create(2);
  EXPECT_EQ(view(2).former, after.former) << "who comes in between is given both";
  EXPECT_EQ(view(2).cohort, after.cohort);
  cut(43);
  (void)create(3);
  EXPECT_TRUE(view(3).former.empty());
  EXPECT_EQ(view(3).cohort, after.cohort);
  EXPECT_EQ(std::string(explain(create(1).result.value()).at("release").at("name").as_string()), "1.2");
}

TEST_F(DirectorTest, BindsBreaksByTheDocumentsThatAreInForceWhenTheyBegin) {
  cut(41);
  (void)create(1);
  announce(breakAt(42, 15, "before"));
  announce(breakAt(47, 15, "after"));
  const auto kept = pieces(view(1).podOf("before"));
  takeOver(2, 46);
  EXPECT_EQ(pieces(view(1).podOf("before")), kept) << "it was promised";
  EXPECT_EQ(pieces(view(1).podOf("after")), "0: b5.0+5") << "it is not on air yet";
  announce(breakAt(45, 15, "late"));
  announce(breakAt(46, 15, "edge"));
  EXPECT_EQ(pieces(view(1).podOf("late")), kept);
  EXPECT_EQ(pieces(view(1).podOf("edge")), "0: b5.0+5");
  (void)create(2);
  EXPECT_EQ(pieces(view(2).podOf("late")), kept);
  EXPECT_EQ(pieces(view(2).podOf("after")), "0: b5.0+5");
}

TEST_F(DirectorTest, BeginsDocumentsThatComeTooLateASecondFromNow) {
  cut(41);
  (void)create(1);
  const InForce done = takeOver(2, 40);
  EXPECT_TRUE(done.late);
  EXPECT_THAT(done.from, ElementsAre(kGrid.cell() * 41 + kGrid.unit()));
  (void)demand_.at(kGrid.cell() * 45);
  EXPECT_GT(takeOver(3, 44).from.at(0), kGrid.cell() * 45) << "a cut that was made is not planned again";
}

TEST_F(DirectorTest, TakesOverOneReleaseAfterTheOther) {
  cut(41);
  (void)create(1);
  for (int hat = 2; hat < 6; ++hat) EXPECT_FALSE(takeOver(hat, 42 + hat).late);
  for (int hat = 2; hat < 6; ++hat) {
    EXPECT_THAT(wanted(42 + hat), ElementsAre(std::pair(hat, 1)));
    cut(42 + hat);
    finish(42 + hat);
  }
  EXPECT_EQ(view(1).former.size(), 4U);
  for (int msn = 48; msn < 80; ++msn) cut(msn), finish(msn);
  takeOver(6, 82);
  EXPECT_EQ(view(1).former.size(), 1U) << "nothing that has left the window is kept";
}

TEST_F(DirectorTest, ShowsAfterARestartWhatItShowedBefore) {
  cut(41);
  (void)create(1);
  (void)takeOver(2, 43);
  const SessionView before = view(1);
  compiled_ = documents(2);
  timeline::CutState state;
  state.last = Cut{44, kGrid.cell() * 44, std::nullopt};
  state.newest = kGrid.cell() * 44;
  reopen(state);
  EXPECT_EQ(view(1).former, before.former);
  EXPECT_EQ(view(1).cohort, before.cohort);
  compiled_ = documents(3);
  reopen(state);
  for (int msn = 41; msn < 45; ++msn) {
    EXPECT_EQ(view(1).cohortAt(kGrid.cell() * msn), before.cohortAt(kGrid.cell() * msn)) << msn;
  }
  EXPECT_NE(view(1).cohortAt(kGrid.cell() * 45), before.cohort) << "other documents, from the next cut on";
}

TEST_F(DirectorTest, ForgetsSessionsThatHaveExpired) {
  ASSERT_TRUE(create(1).result);
  clock_.advance(options_.sessionLife + std::chrono::seconds(10));
  reopen();
  EXPECT_EQ(director_->sessions(), 0U);
  director_->stop();
  int left = 0;
  ASSERT_TRUE(store_->each([&](const auto&, base::ByteView) { return ++left, true; }));
  EXPECT_EQ(left, 0) << "nor does the journal keep them";
}

TEST_F(DirectorTest, RefusesMoreSessionsThanItMayHave) {
  options_.maxSessions = 2;
  reopen();
  EXPECT_TRUE(create(1).result);
  EXPECT_TRUE(create(2).result);
  const auto third = create(3);
  ASSERT_FALSE(third.result);
  EXPECT_EQ(third.result.error().code, base::ErrorCode::kUnavailable);
  EXPECT_TRUE(create(1).result) << "who is there already is still served";
}

TEST_F(DirectorTest, RefusesAChannelThatDoesNotExist) {
  NewSession s;
  s.channel = "other";
  const auto reply = asio::co_spawn(director_->executor(), director_->create(std::move(s)), asio::use_future).get();
  EXPECT_EQ(reply.result.error().code, base::ErrorCode::kNotFound);
}

TEST_F(DirectorTest, ListsACellAfterTheDecisionsThatItNeeds) {
  cut(41);
  (void)create(1);
  director_->feed(0).spanAnnounced(breakAt(42, 8));
  auto cell = std::make_shared<Cell>();
  cell->msn = 42;
  cell->start = kGrid.cell() * 42;
  cell->end = kGrid.cell() * 43;
  cell->variants = {"base"};
  director_->feed(0).cellFinished(cell);
  settle();
  EXPECT_THAT(listed_, ElementsAre(42));
  EXPECT_NE(view(1).podOf("b"), nullptr);
}

TEST_F(DirectorTest, ExplainsWhatAViewerSeesAndWhy) {
  cut(41);
  const auto token = create(1);
  announce(breakAt(43, 15));
  auto cell = std::make_shared<Cell>();
  cell->msn = 42;
  cell->start = kGrid.cell() * 42;
  cell->end = kGrid.cell() * 43;
  cell->variants = {"base"};
  cell->variantOfCohort = {0};
  cell->fallbacks = {0};
  director_->feed(0).cellFinished(cell);
  settle();
  const auto out = explain(token.result.value());
  EXPECT_EQ(out.at("channel").as_string(), "ch");
  EXPECT_EQ(out.at("from").at("cut").as_int64(), 42);
  EXPECT_TRUE(out.at("now").at("fallback").as_bool());
  EXPECT_TRUE(out.at("now").at("own").as_bool());
  EXPECT_EQ(out.at("audio").at("language").as_string(), "en");
  const auto& overlay = out.at("overlays").at(0);
  EXPECT_EQ(overlay.at("rule").as_string(), "adults");
  EXPECT_EQ(overlay.at("state").as_string(), "fallback");
  const auto& slots = out.at("breaks").at(0).at("slots").as_array();
  ASSERT_EQ(slots.size(), 2U);
  EXPECT_EQ(slots[0].at("title").as_string(), "Soap");
  EXPECT_EQ(slots[1].at("creative").as_string(), "b5");
}

TEST_F(DirectorTest, ExplainsABreakAsItEndedAndNotOneThatWasWithdrawn) {
  cut(41);
  const auto token = create(1);
  const Span span = breakAt(43, 15);
  announce(span);
  director_->feed(0).spanEnds("b", span.start + kGrid.unit() * 9);
  settle();
  EXPECT_EQ(explain(token.result.value()).at("breaks").at(0).at("seconds").as_double(), 9.0);
  director_->feed(0).spanEnds("b", span.start);
  settle();
  EXPECT_TRUE(explain(token.result.value()).at("breaks").as_array().empty());
}

TEST_F(DirectorTest, ExplainsNothingToWhoHasNoToken) {
  const auto reply = asio::co_spawn(director_->executor(), director_->explain("AAAA"), asio::use_future).get();
  EXPECT_FALSE(reply.result);
}

}  // namespace
}  // namespace dvpe::personalize
