// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "tests/bench/serve_node.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "shared/model/json.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::bench {

namespace asio = boost::asio;
using base::Result;
using base::Ticks;

namespace {

constexpr int kBreakUnits = 30;      // as the demo's channel has them
constexpr int kBreakEvery = 60;      // units from one break's start to the next: one or two are in every window
constexpr int kAhead = 8;            // units from the announcement to the start
constexpr std::size_t kBatch = 256;  // sessions asked for at a time

std::uint64_t nanoseconds() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// Media that nobody fetches: playlists need only names and lengths.
personalize::MediaCatalog catalogOf(const model::Documents& documents) {
  personalize::MediaCatalog media;
  const auto add = [&](const std::string& id, int units) {
    char name[17];
    std::snprintf(name, sizeof name, "%016zx", std::hash<std::string>{}(id));
    media[id] = {name, units};
  };
  for (const auto& [id, conditioned] : documents.media) add(id, conditioned.units);
  for (const auto& [id, campaign] : documents.campaigns) {
    int units = 10;
    for (const auto& creative : campaign.creatives) add(creative, units = units == 10 ? 7 : 10);
  }
  return media;
}

serve::ChannelFacts factsOf(const model::Channel& channel, const model::Profile& profile) {
  serve::ChannelFacts facts;
  facts.id = channel.id;
  facts.profile = package::profileName(profile);
  facts.epoch = channel.epoch;
  facts.grid = timeline::Grid(profile.fps);
  facts.fps = profile.fps;
  facts.audioBitrate = profile.audioBitrate;
  facts.windowSeconds = 60;
  facts.slate = "51a7e51a7e51a7e5";
  facts.slateUnits = 4;
  for (const auto& rung : profile.rungs) {
    facts.renditions.push_back(
        {serve::Rendition::Kind::kVideo, rung.name, "avc1.64001f", "", rung.width, rung.height, rung.maxrate});
  }
  facts.renditions.push_back({serve::Rendition::Kind::kAudio, "a0", "mp4a.40.2", "und", 0, 0, 0});
  return facts;
}

}  // namespace

// Viewers of all the countries, languages and interests that the rules speak of, each with a few attributes more.
personalize::NewSession demoViewer(const std::string& channel, int n, base::Random& random) {
  static constexpr const char* kCountries[] = {"DE", "FR", "AE", "MA", "AT"};
  static constexpr const char* kLanguages[] = {"de", "fr", "ar", "en"};
  personalize::NewSession s;
  s.channel = channel;
  random.fill(s.id);
  random.fill(s.pseudonym);
  const auto text = [](const char* t) { return model::Value{std::string(t)}; };
  auto interests = std::make_shared<model::Map>();
  (*interests)["sports"] = model::Value{n % 3 == 0 ? 0.75 : 0.25};
  (*interests)["cooking"] = model::Value{n % 2 == 0 ? 0.5 : 0.125};
  (*interests)["news"] = model::Value{0.25};
  s.attributes["country"] = text(kCountries[n % 5]);
  s.attributes["language"] = text(kLanguages[n / 5 % 4]);
  s.attributes["interests"] = model::Value{std::shared_ptr<const model::Map>(interests)};
  s.purposes = {"personalised_content", "personalised_ads"};
  return s;
}

std::uint64_t NanoHistogram::count() const {
  std::uint64_t n = 0;
  for (const auto c : counts_) n += c;
  return n;
}

std::uint64_t NanoHistogram::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count()));
  std::uint64_t n = 0;
  for (std::size_t ns = 0; ns < counts_.size(); ++ns) {
    n += counts_[ns];
    if (n > 0 && n >= wanted) return ns;
  }
  return kLimit;
}

bool TimedHandler::handle(int loop, const serve::Request& request, serve::Response& response) {
  const std::uint64_t before = nanoseconds();
  const bool done = handler_.handle(loop, request, response);
  times.add(nanoseconds() - before);
  return done;
}

Result<std::unique_ptr<ServeNode>> ServeNode::create(ServeNodeOptions options) {
  std::unique_ptr<ServeNode> node(new ServeNode(std::move(options)));
  DVPE_CHECK(node->open());
  return node;
}

Result<void> ServeNode::open() {
  auto built = decisions::build(documents_);
  if (!built.compiled) return base::fail(base::ErrorCode::kInvalidInput, model::describe(built.errors));
  compiled_ = std::move(built.compiled);
  const model::Channel& channel = documents_->channels.begin()->second;
  const model::Profile& profile = documents_->profiles.at(channel.profile);
  const serve::ChannelFacts facts = factsOf(channel, profile);
  grid_ = facts.grid;
  cutter_ = std::make_unique<timeline::Cutter>(grid_);

  const privacy::SessionKeys sessionKeys{{1, privacy::SecretKey::generate(random_)}, std::nullopt};
  DVPE_TRY(store_,
           personalize::SessionStore::open(options_.folder / "viewers",
                                           {privacy::SecretKey::generate(random_), std::nullopt}, random_, 1024));
  tokens_ = std::make_unique<privacy::TokenSealer>(sessionKeys, random_);
  std::vector<personalize::DirectedChannel> directed;
  directed.push_back({channel.id,
                      grid_,
                      channel.epoch,
                      channel.languages,
                      facts.slate,
                      &demand_,
                      {},
                      std::nullopt,
                      [this](std::size_t index, const std::string&) { cohorts_ = index + 1; },
                      [this](std::shared_ptr<const timeline::Cell> cell) {
                        router_->listed(0, std::move(cell));
                        ++cells_;
                      },
                      catalogOf(*documents_)});
  personalize::DirectorOptions options;
  options.readers = 2;  // the server's loop, and who measures
  options.events = options_.events;
  options.naming = options_.naming;
  director_ =
      std::make_unique<personalize::Director>(options, compiled_, std::move(directed), *store_, *tokens_, clock_);

  DVPE_TRY(auto assets, serve::PlayerAssets::load(options_.player.string()));
  player_.emplace(std::move(assets));
  DVPE_TRY(window_, package::Window::open(options_.folder, channel.id, grid_.cell()));
  serve::RouterOptions routing;
  routing.channels.push_back({facts, window_.get(), nullptr, channel.title});
  routing.sessionKeys = sessionKeys;
  routing.events = options_.events;
  routing.naming = options_.naming;
  routing.pseudonymKey = privacy::SecretKey::generate(random_);
  router_ = std::make_unique<serve::Router>(std::move(routing), *director_, *player_, metrics_, clock_, random_);
  timed_ = std::make_unique<TimedHandler>(*router_);
  serve::ServerOptions server;
  server.listeners.push_back({});
  DVPE_TRY(server_, serve::Server::start(server, *timed_, clock_));
  DVPE_CHECK(director_->start());
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall() - channel.epoch).count();
  made_ = cutter_->advanceTo(grid_.cell() * (std::int64_t{now} * base::kTicksPerSecond / grid_.cell().count()), true);
  return base::success();
}

ServeNode::~ServeNode() {
  stopPlaying();
  if (server_) server_->stop(std::chrono::seconds(1));
  if (director_) director_->stop();
}

// Waits until the decision thread has done everything that it was told so far.
void ServeNode::settle() {
  std::promise<void> done;
  asio::post(director_->executor(), [&done] { done.set_value(); });
  done.get_future().wait();
}

Result<std::vector<std::string>> ServeNode::createSessions(int count) {
  const model::Channel& channel = documents_->channels.begin()->second;
  const std::string suffix = "/" + documents_->profiles.at(channel.profile).rungs.front().name + ".m3u8";
  std::vector<std::string> playlists;
  playlists.reserve(static_cast<std::size_t>(count));
  std::vector<std::future<personalize::Reply>> asked;
  const auto take = [&]() -> Result<void> {
    for (auto& one : asked) {
      DVPE_TRY(auto token, one.get().result);
      playlists.push_back("/s/" + token + suffix);
    }
    asked.clear();
    return base::success();
  };
  for (int n = 0; n < count; ++n) {
    asked.push_back(asio::co_spawn(director_->executor(), director_->create(options_.viewer(channel.id, n, random_)),
                                   asio::use_future));
    if (asked.size() == kBatch) DVPE_CHECK(take());
  }
  DVPE_CHECK(take());
  settle();
  return playlists;
}

// A cell with a variant for every cohort that is watched.
void ServeNode::finish(const timeline::Cut& cut, Ticks end) {
  auto cell = std::make_shared<timeline::Cell>();
  cell->msn = cut.msn;
  cell->start = cut.at;
  cell->end = end;
  cell->span = cut.span;
  cell->variants.emplace_back(timeline::kBaseVariant);
  for (const auto& cohort : *demand_.at(base::Ticks{0})) {
    if (cell->variantOfCohort.size() <= cohort.index) cell->variantOfCohort.resize(std::size_t{cohort.index} + 1);
    cell->variantOfCohort[cohort.index] = static_cast<std::uint16_t>(cell->variants.size());
    char name[17];
    std::snprintf(name, sizeof name, "%016zx", std::hash<std::size_t>{}(cohort.index) * 0x9e3779b97f4a7c15U);
    cell->variants.emplace_back(name);
  }
  director_->feed(0).cellFinished(std::move(cell));
}

std::pair<timeline::Span, std::chrono::microseconds> ServeNode::breakNow(int units) {
  const std::unique_lock lock(cutting_);
  const auto before = std::chrono::steady_clock::now();
  timeline::CueOut cue{timeline::SpanKind::kBreak, "break-" + std::to_string(++breaks_), {}, Ticks{0}, units};
  const auto span = cutter_->announce(cue);
  if (!span) return {};
  director_->feed(0).spanAnnounced(span.value());
  settle();
  return {span.value(),
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - before)};
}

void ServeNode::step() {
  const std::unique_lock lock(cutting_);
  const Ticks now = cutter_->state().newest;
  if (options_.breaks && !cutter_->state().open && !cutter_->state().ahead &&
      now >= grid_.unit() * kBreakEvery * breaks_) {
    breaks_ = static_cast<int>(now / (grid_.unit() * kBreakEvery)) + 1;
    timeline::CueOut cue{
        timeline::SpanKind::kBreak, "break-" + std::to_string(breaks_), {}, now + grid_.unit() * kAhead, kBreakUnits};
    if (const auto span = cutter_->announce(cue)) director_->feed(0).spanAnnounced(span.value());
  }
  for (const auto& cut : cutter_->advanceTo(cutter_->nextCut())) {
    director_->feed(0).cutMade(cut);
    made_.push_back(cut);
  }
  while (made_.size() > 1) {
    finish(made_[0], made_[1].at);
    made_.erase(made_.begin());
  }
  if (!player_thread_.joinable()) settle();
}

void ServeNode::play() {
  player_thread_ = std::thread([this] {
    auto next = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      const Ticks before = cutter_->state().newest;
      step();
      next += std::chrono::microseconds((cutter_->state().newest - before).count() * 1'000'000 / base::kTicksPerSecond);
      lock.lock();
      wake_.wait_until(lock, next, [this] { return stopping_; });
    }
  });
}

void ServeNode::stopPlaying() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (player_thread_.joinable()) player_thread_.join();
}

}  // namespace dvpe::bench
