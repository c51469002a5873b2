// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A router with one channel, its director and whoever asks, for tests of what it answers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>

#include "node/serve/router.h"
#include "tests/unit/node/package/support.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::serve::test {

namespace asio = boost::asio;
using package::test::makeCreative;

inline privacy::SecretKey keyOf(std::uint8_t fill) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(fill);
  return privacy::SecretKey(bytes);
}

// Answers as a stamper would: one break at a time.
class FakeInlet final : public timeline::Inlet {
 public:
  void cueOut(timeline::CueOut cue, std::function<void(base::Result<timeline::Span>)> answer) override {
    if (cue.units == 120) return answer(base::fail(base::ErrorCode::kInvalidInput, "too long"));
    if (open) return answer(base::fail(base::ErrorCode::kConflict, "'b' is on air"));
    open = true;
    last = cue;
    answer(timeline::Span{cue.kind, cue.id.empty() ? "made" : cue.id, cue.name, Ticks{240000},
                          Ticks{240000} * (cue.units + 1)});
  }
  void cueIn(timeline::CueIn, std::function<void(base::Result<Ticks>)> answer) override {
    if (!open) return answer(base::fail(base::ErrorCode::kNotFound, "nothing is on air"));
    open = false;
    answer(Ticks{480000});
  }
  void mark(timeline::Mark m, std::function<void(base::Result<void>)> answer) override {
    if (m.name.empty()) return answer(base::fail(base::ErrorCode::kInvalidInput, "an event needs a name"));
    marked = m;
    answer(base::success());
  }
  bool open = false;
  timeline::CueOut last;
  timeline::Mark marked;
};

class RouterTest : public testing::Test {
 protected:
  // homes: where viewers belong. change: what is other than usual.
  explicit RouterTest(std::shared_ptr<personalize::Homes> homes = std::make_shared<personalize::Homes>("node"),
                      const std::function<void(RouterOptions&)>& change = {})
      : homes_(std::move(homes)) {
    profile_ = package::test::profileAt({30, 1});
    window_ = std::move(package::Window::open(folder_.path() / "state", "ch", grid_.cell())).value();
    store_ =
        std::move(personalize::SessionStore::open(folder_.path() / "viewers", {keyOf(1), std::nullopt}, random_, 16))
            .value();
    model::Documents d;
    d.channels["ch"].id = "ch";
    compiled_ = decisions::build(std::make_shared<const model::Documents>(std::move(d))).compiled;
    std::vector<personalize::DirectedChannel> directed;
    directed.push_back({"ch", grid_, {}, {}, std::string(16, 'd'), nullptr, {}, std::nullopt, {}, {}, {}});
    personalize::DirectorOptions directing;
    directing.homes = homes_;
    director_ =
        std::make_unique<personalize::Director>(directing, compiled_, std::move(directed), *store_, tokens_, clock_);
    EXPECT_TRUE(director_->start());
    for (const char* name :
         {"index.html", "player.js", "events.js", "feedback.js", "player.css", "hls.min.js", "hls.LICENSE.txt"}) {
      package::test::writeFile(folder_.path() / name, base::view("x"));
    }
    player_.emplace(std::move(PlayerAssets::load(folder_.path().string())).value());

    ServedChannel served;
    served.facts.id = "ch";
    served.facts.profile = "test-3";
    served.facts.grid = grid_;
    served.facts.fps = {30, 1};
    served.facts.renditions = {{Rendition::Kind::kVideo, "v", "avc1.64001f", "", 640, 360, 900000},
                               {Rendition::Kind::kAudio, "a0", "mp4a.40.2", "und", 0, 0, 0},
                               {Rendition::Kind::kText, "s0", "", "de", 0, 0, 0}};
    served.facts.slate = std::string(16, 'd');
    served.facts.slateUnits = 4;
    served.window = window_.get();
    served.inlet = &inlet_;
    RouterOptions options;
    options.channels.push_back(std::move(served));
    for (const char letter : {'a', 'd'}) {
      auto creative = makeCreative(folder_.path() / std::string(1, letter), profile_, {.letter = letter, .units = 4});
      options.creatives[std::string(creative->name())] = creative;
    }
    options.personas["anna"] = {"Anna", {}, {}};
    options.operatorKey = "open sesame";
    options.sessionKeys = privacy::SessionKeys{{1, keyOf(5)}, std::nullopt};
    options.pseudonymKey = keyOf(6);
    options.ready = [this] { return ready_; };
    options.homes = homes_;
    if (change) change(options);
    router_ = std::make_unique<Router>(std::move(options), *director_, *player_, metrics_, clock_, random_);
  }
  ~RouterTest() override { director_->stop(); }

  void list(std::int64_t msn) {
    auto cell = std::make_shared<timeline::Cell>();
    cell->msn = msn;
    cell->start = grid_.cell() * msn;
    cell->end = grid_.cell() * (msn + 1);
    cell->variants = {"base"};
    router_->listed(0, cell);
  }
  Response ask(Method method, std::string_view path, std::string_view body = {}, std::string_view authorization = {},
               std::string_view query = {}) {
    Request q;
    q.method = method;
    q.path = path;
    q.body = body;
    q.query = query;
    q.authorization = authorization;
    Response r;
    if (!router_->handle(0, q, r)) {
      context_.restart();
      auto done = asio::co_spawn(context_, router_->handleSlow(0, q, r), asio::use_future);
      const auto work = asio::make_work_guard(context_);
      while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
        context_.run_one_for(std::chrono::milliseconds(100));
      done.get();
    }
    return r;
  }
  Response get(std::string_view path, std::string_view query = {}) { return ask(Method::kGet, path, {}, {}, query); }
  Response cue(std::string_view body, std::string_view key = "Bearer open sesame") {
    return ask(Method::kPost, "/v1/channels/ch/cues", body, key);
  }
  std::string session() {
    const auto r = ask(Method::kPost, "/v1/sessions", R"({"channel":"ch","persona":"anna"})");
    EXPECT_EQ(r.status, 201) << r.body;
    return std::string(boost::json::parse(r.body).at("session").as_string());
  }

  // Outlives the director, whose thread lets go of it only after it has answered, as a server's loop does.
  asio::io_context context_;
  std::shared_ptr<personalize::Homes> homes_;
  package::test::TemporaryFolder folder_;
  const timeline::Grid grid_{model::FrameRate{30, 1}};
  base::SystemRandom random_;
  base::ManualClock clock_{base::WallTime{std::chrono::seconds(1800000000)}};
  privacy::TokenSealer tokens_{privacy::SessionKeys{{1, keyOf(5)}, std::nullopt}, random_};
  model::Profile profile_;
  std::unique_ptr<package::Window> window_;
  std::unique_ptr<personalize::SessionStore> store_;
  std::shared_ptr<const decisions::Compiled> compiled_;
  std::unique_ptr<personalize::Director> director_;
  std::optional<PlayerAssets> player_;
  Metrics metrics_;
  FakeInlet inlet_;
  bool ready_ = true;
  std::unique_ptr<Router> router_;
};

}  // namespace dvpe::serve::test
