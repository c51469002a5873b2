// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/run.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "node/control/erasures.h"
#include "node/main/channel.h"
#include "node/main/command.h"
#include "node/main/conditioning.h"
#include "node/main/config_table.h"
#include "node/main/control_plane.h"
#include "node/main/coordination.h"
#include "node/main/database_options.h"
#include "node/main/event_recorder.h"
#include "node/main/intake.h"
#include "node/main/library.h"
#include "node/main/operations.h"
#include "node/main/own_pacing.h"
#include "node/main/readiness.h"
#include "node/main/resources.h"
#include "node/main/secrets.h"
#include "node/main/watch.h"
#include "node/personalize/peer_prober.h"
#include "node/serve/http/server.h"
#include "node/serve/router.h"
#include "shared/base/log.h"
#include "shared/media/h264.h"
#include "shared/overlay/text_engine.h"

// GCC 12 takes Asio's recycling allocator for coroutine frames for a mismatch (GCC bug 109224).
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace dvpe::node {

namespace {

using base::Result;
using base::Ticks;
using serve::Metrics;

serve::ChannelFacts factsOf(const model::Channel& channel, const model::Profile& profile, const Library& library) {
  serve::ChannelFacts facts;
  facts.id = channel.id;
  facts.profile = package::profileName(profile);
  facts.epoch = channel.epoch;
  facts.grid = timeline::Grid(profile.fps);
  facts.fps = profile.fps;
  facts.audioBitrate = profile.audioBitrate;
  facts.windowSeconds = channel.windowSeconds;
  facts.slate = library.slates.at(channel.id);
  facts.slateUnits = library.creatives.at(facts.slate)->units();
  for (const auto& rung : profile.rungs) {
    serve::Rendition r;
    r.kind = serve::Rendition::Kind::kVideo;
    r.name = rung.name;
    if (const auto avcc = media::h264Parameters(rung, profile.fps)) r.codec = media::codecString(avcc.value());
    r.width = rung.width;
    r.height = rung.height;
    r.maxrate = rung.maxrate;
    facts.renditions.push_back(std::move(r));
  }
  const std::size_t tracks = std::max<std::size_t>(1, channel.languages.size());
  for (std::size_t t = 0; t < tracks; ++t) {
    serve::Rendition r;
    r.kind = serve::Rendition::Kind::kAudio;
    r.name = package::audioRendition(static_cast<int>(t));
    r.codec = "mp4a.40.2";
    r.language = t < channel.languages.size() ? channel.languages[t] : "und";
    facts.renditions.push_back(std::move(r));
  }
  for (std::size_t t = 0; t < channel.captions.size(); ++t) {
    serve::Rendition r;
    r.kind = serve::Rendition::Kind::kText;
    r.name = package::captionRendition(static_cast<int>(t));
    r.language = channel.captions[t];
    facts.renditions.push_back(std::move(r));
  }
  return facts;
}

// The parts of a running node, in the order in which they are made; destroyed in reverse.
class Node {
 public:
  Node(const Config& config, const std::filesystem::path& file) : config_(config), file_(file), inForce_(config) {}

  Result<void> start();
  void wait();
  void stop();

 private:
  Result<void> startChannels();
  Result<void> startDecisions();
  Result<void> startErasures();
  Result<void> startServing();
  Result<void> startIngest();
  void takeCommands();
  Result<control::TookOver> takeOver(const std::string& release, const Library& next, base::WallTime moment);
  bool reload();
  void usePlatforms(std::optional<privacy::PlatformKeys> keys, std::string audience);
  Result<serve::PlatformIdentity> platformIdentity(std::string_view jwt);

  // Whose tokens start sessions; replaced as a whole by a reload.
  struct Platforms {
    std::optional<privacy::PlatformKeys> keys;
    std::string audience;
  };

  const Config& config_;  // of the start
  const std::filesystem::path& file_;
  Config inForce_;  // with what reloads have changed
  base::SystemClock clock_;
  Readiness ready_{clock_};
  std::mutex platformsMutex_;
  std::shared_ptr<const Platforms> platforms_;
  base::SystemRandom random_;
  std::optional<Secrets> secrets_;
  Library library_;
  Metrics metrics_;
  serve::Gauge& reloaded_ =
      metrics_.gauge("dvpe_config_last_reload_success",
                     "1 when the configuration file was taken as it was last read, 0 when what was in force stayed.");
  std::unique_ptr<overlay::TextEngine> text_;
  std::unique_ptr<boost::asio::thread_pool> pool_;
  std::unique_ptr<render::Budget> budget_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<const model::Channel*> documents_;
  std::unique_ptr<Intake> intake_;
  std::shared_ptr<personalize::Homes> homes_;
  std::unique_ptr<personalize::PeerProber> prober_;
  std::unique_ptr<personalize::SessionStore> store_;
  std::unique_ptr<privacy::TokenSealer> tokens_;
  std::unique_ptr<EventRecorder> events_;  // null: nothing is recorded
  std::unique_ptr<personalize::Director> director_;
  std::unique_ptr<control::Erasures> erasures_;
  std::unique_ptr<personalize::Audience> audience_;
  std::unique_ptr<Operations> operations_;
  std::optional<serve::PlayerAssets> player_;
  std::unique_ptr<serve::Router> router_;
  std::unique_ptr<serve::Server> server_;
  std::unique_ptr<ControlPlane> control_;
  std::unique_ptr<OwnPacing> pacing_;  // without a control plane
  std::unique_ptr<Coordination> coordination_;
  std::unique_ptr<Conditioning> conditioning_;
};

// Whether somebody has asked the process to end: the signals are blocked, wait() takes them.
bool endAsked() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

int loopsOf(const Config& config) {
  if (config.http.threads > 0) return static_cast<int>(config.http.threads);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

Result<void> Node::start() {
  if (config_.node.cpu == "baseline") {
    ::setenv("QT_NO_CPU_FEATURE", "sse3 ssse3 sse4.1 sse4.2 avx avx2 avx512f", 1);
    media::useBaselineCpu();
  }
  std::error_code error;
  std::filesystem::create_directories(config_.node.state, error);
  DVPE_TRY(auto secrets, loadSecrets(config_, random_));
  secrets_.emplace(std::move(secrets));
  DVPE_TRY(text_, overlay::TextEngine::create(resourcesFolder() / "fonts"));
  DVPE_TRY(coordination_, Coordination::start(config_, clock_));
  DVPE_TRY(conditioning_, Conditioning::start(config_));
  if (config_.control.root.empty()) {
    DVPE_TRY(library_, loadLibrary(config_));
  } else {
    DVPE_TRY(control_, ControlPlane::start(config_, clock_));
    DVPE_TRY(library_, control_->first(endAsked));
  }
  DVPE_CHECK(startChannels());
  DVPE_CHECK(startDecisions());
  DVPE_CHECK(startServing());
  DVPE_CHECK(startIngest());
  takeCommands();
  return base::success();
}

Result<void> Node::startChannels() {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  pool_ = std::make_unique<boost::asio::thread_pool>(cores);
  const double share = cores * 0.8;
  budget_ =
      std::make_unique<render::Budget>(share, static_cast<int>(config_.limits.encodeBudget));  // kAutoBudget measures
  for (const auto& [id, channel] : library_.documents->channels) {
    ChannelOptions options;
    options.channel = channel;
    options.profile = library_.documents->profiles.at(channel.profile);
    options.assetsFolder = control_ ? (config_.node.state / "blobs").string() : config_.documents.folder.string();
    options.state = config_.node.state;
    options.queue = static_cast<std::size_t>(config_.limits.ingestQueue);
    if (!config_.record.folder.empty()) {
      const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
      options.recordFile = (config_.record.folder / (id + "-" + std::to_string(now) + ".stamped")).string();
    }
    const std::vector<double> bounds{.005, .01, .02, .03, .04, .05, .075, .1, .15, .2, .3, .5, 1};
    const serve::Labels labels{{"channel", id}};
    auto& frames = metrics_.histogram(
        "dvpe_frame_seconds", "From the last byte of the access unit that let a picture out to its encoded packet.",
        bounds, labels);
    auto& starts = metrics_.histogram("dvpe_segment_start_seconds", "The same, for the first picture of each segment.",
                                      bounds, labels);
    auto& published = metrics_.histogram(
        "dvpe_published_seconds",
        "From the encoding of a cell's last picture, all renditions of it, to its place in playlists.", bounds, labels);
    // Debug lines are exact where the histograms' buckets are coarse: one a picture.
    options.metrics.published = [id = id, &published](double seconds) {
      published.observe(seconds);
      spdlog::debug("cell published channel={} us={:.0f}", id, seconds * 1e6);
    };
    options.metrics.frame = [this, id = id, i = channels_.size(), &frames, &starts](double seconds, bool start) {
      (start ? starts : frames).observe(seconds);
      spdlog::debug("picture encoded channel={} us={:.0f} start={}", id, seconds * 1e6, start ? 1 : 0);
      if (start) ready_.pictures(i);
    };
    const base::Ticks cell = timeline::Grid(options.profile.fps).cell();
    DVPE_TRY(auto made, Channel::create(std::move(options), pool_->get_executor(), *budget_));
    ready_.add(channel.epoch, cell, made->resume().has_value());
    channels_.push_back(std::move(made));
    documents_.push_back(&channel);
  }
  return base::success();
}

Result<void> Node::startDecisions() {
  DVPE_TRY(store_, personalize::SessionStore::open(config_.node.state / "viewers", {secrets_->viewer, std::nullopt},
                                                   random_, 1024));
  DVPE_CHECK(startErasures());
  tokens_ = std::make_unique<privacy::TokenSealer>(secrets_->session, random_);
  std::vector<personalize::DirectedChannel> directed;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const model::Channel& channel = *documents_[i];
    const timeline::Grid grid(library_.documents->profiles.at(channel.profile).fps);
    directed.push_back(
        {channel.id, grid, channel.epoch, channel.languages, library_.slates.at(channel.id), &channels_[i]->demand(),
         channels_[i]->journalled().cohorts, channels_[i]->resume(),
         [this, i](std::size_t index, const std::string& id) { channels_[i]->packager().cohort(index, id); },
         [this, i](std::shared_ptr<const timeline::Cell> cell) {
           const base::Ticks end = cell->end;
           const std::int64_t msn = cell->msn;
           router_->listed(i, std::move(cell));
           channels_[i]->listed(msn);
           ready_.listed(i, end);
         },
         library_.media.at(channel.profile), Ticks{channel.windowSeconds * base::kTicksPerSecond}});
  }
  homes_ = std::make_shared<personalize::Homes>(config_.node.name, config_.viewers.peers);
  if (homes_->several()) {
    DVPE_TRY(prober_, personalize::PeerProber::start(*homes_));
  }
  personalize::DirectorOptions options;
  options.homes = homes_;
  options.maxSessions = static_cast<std::size_t>(config_.limits.maxSessions);
  options.readers = loopsOf(config_);
  options.erasure = privacy::erasureKey(secrets_->pseudonym);
  if (control_) options.release = control_->firstName();
  DVPE_TRY(events_, EventRecorder::start(config_, *secrets_, random_, clock_));
  if (events_) {
    options.events = &events_->sink();
    options.naming = &events_->naming();
    options.sample = &events_->sample();
  }
  director_ = std::make_unique<personalize::Director>(options, library_.compiled, std::move(directed), *store_,
                                                      *tokens_, clock_);
  for (std::size_t i = 0; i < channels_.size(); ++i) channels_[i]->start({&director_->feed(i)});
  DVPE_CHECK(director_->start());
  erasures_->start([this](const std::vector<privacy::ViewerDigest>& viewers) -> Result<void> {
    auto done =
        boost::asio::co_spawn(director_->executor(), director_->eraseViewers(viewers), boost::asio::use_future).get();
    if (!done.result) return done.result.as_failure();
    if (events_) events_->turn();
    return base::success();
  });
  return base::success();
}

// Whom others were asked to forget while this node was away is forgotten before sessions are taken back.
Result<void> Node::startErasures() {
  DVPE_TRY(auto kept, control::ErasureStore::open(config_.node.state / "erasures"));
  std::optional<database::ConnectOptions> database;
  if (!config_.database.server.empty()) {
    DVPE_TRY(database, databaseOptions(config_.database));
    database->application = "dvpe erasures";
  }
  erasures_ = std::make_unique<control::Erasures>(std::move(kept), std::move(database), random_);
  DVPE_TRY(const bool all, erasures_->catchUp(
                               [this](const std::vector<privacy::ViewerDigest>& viewers) {
                                 std::set<privacy::Pseudonym> names;
                                 for (const auto& viewer : viewers) names.insert(privacy::storedName(viewer));
                                 return store_->eraseViewers(names);
                               },
                               std::chrono::seconds(10)));
  if (!all) spdlog::warn("it is not known yet whether viewers are to be erased: sessions go on");
  return base::success();
}

Result<void> Node::startServing() {
  std::vector<std::string> origins;  // where the player's requests may be sent on to
  for (const personalize::Peer& peer : config_.viewers.peers) origins.push_back(peer.url);
  DVPE_TRY(auto player, serve::PlayerAssets::load((resourcesFolder() / "player").string(), origins));
  player_.emplace(std::move(player));
  intake_ = std::make_unique<Intake>(secrets_->streamKeys, clock_);
  serve::RouterOptions options;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const model::Channel& channel = *documents_[i];
    const model::Profile& profile = library_.documents->profiles.at(channel.profile);
    const std::string file = channel.file.empty() ? std::string() : (config_.documents.folder / channel.file).string();
    DVPE_CHECK(intake_->add(channel, timeline::Grid(profile.fps), *channels_[i], file));
    options.channels.push_back(
        {factsOf(channel, profile, library_), &channels_[i]->window(), &intake_->inlet(i), channel.title});
  }
  options.creatives = library_.creatives;
  options.personas = library_.personas;
  options.operatorKey = secrets_->operatorKey;
  usePlatforms(secrets_->platformKeys, config_.platforms.audience);
  options.verifier = [this](std::string_view jwt) { return platformIdentity(jwt); };
  options.ready = [this] { return ready_.ready() && !(control_ && control_->behind()); };
  options.sessionKeys = secrets_->session;
  options.pseudonymKey = secrets_->pseudonym;
  options.loops = loopsOf(config_);
  options.homes = homes_;
  options.erasure = privacy::erasureKey(secrets_->pseudonym);
  options.erase = [this, key = *options.erasure](const privacy::Pseudonym& viewer) {
    std::vector<std::uint64_t> visitors;
    if (events_) visitors = events_->naming().visitorsOf(viewer, events::dayOf(clock_.wall()));
    return erasures_->ask(privacy::viewerDigest(key, viewer), std::move(visitors));
  };
  if (events_) {
    options.events = &events_->sink();
    options.naming = &events_->naming();
  }
  router_ = std::make_unique<serve::Router>(std::move(options), *director_, *player_, metrics_, clock_, random_);
  // The window that was listed before a restart is served on (law 7).
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    for (const auto& cell : channels_[i]->journalled().cells) router_->listed(i, cell);
  }
  serve::ServerOptions server;
  server.loops = loopsOf(config_);
  server.limits.connections = static_cast<int>(config_.http.maxConnections);
  server.listeners.push_back({config_.http.address, static_cast<std::uint16_t>(config_.http.port),
                              config_.http.certificate.string(), config_.http.key.string()});
  DVPE_TRY(server_, serve::Server::start(server, *router_, clock_));
  return base::success();
}

Result<void> Node::startIngest() {
  ingest::RtmpOptions options;
  options.address = config_.rtmp.address;
  options.port = static_cast<std::uint16_t>(config_.rtmp.port);
  options.clock = &clock_;
  options.random = &random_;
  if (!config_.rtmp.certificate.empty()) {
    auto tls = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
    boost::system::error_code error;
    tls->use_certificate_chain_file(config_.rtmp.certificate.string(), error);
    if (!error) tls->use_private_key_file(config_.rtmp.key.string(), boost::asio::ssl::context::pem, error);
    if (error) {
      return base::fail(base::ErrorCode::kIo, "rtmp.certificate or rtmp.key cannot be used: " + error.message());
    }
    options.tls = std::move(tls);
    options.tlsPort = static_cast<std::uint16_t>(config_.rtmp.tlsPort);
  }
  DVPE_CHECK(intake_->start(std::move(options)));
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    watchChannel(metrics_, documents_[i]->id, *channels_[i], intake_->stamper(i));
  }
  watchIngest(metrics_, intake_->rtmp());
  watchServing(metrics_, *director_, *server_);
  watchPeers(metrics_, *homes_);
  if (events_) watchEvents(metrics_, *events_);
  watchErasures(metrics_, *erasures_);
  if (control_) watchControl(metrics_, *control_, *director_);
  ready_.start();
  reloaded_.set(1);
  std::printf("{\"ready\":true,\"http\":%u,\"rtmp\":%u,\"rtmps\":%u}\n", server_->port(), intake_->rtmp().port(),
              intake_->rtmp().tlsPort());
  std::fflush(stdout);
  spdlog::info("on air http={} rtmp={} channels={} media={} loops={}", server_->port(), intake_->rtmp().port(),
               channels_.size(), library_.creatives.size(), server_->loops());
  return base::success();
}

void Node::takeCommands() {
  audience_ = std::make_unique<personalize::Audience>(*director_, secrets_->session, secrets_->pseudonym, clock_);
  operations_ =
      std::make_unique<Operations>(Operations{ready_, *intake_, *director_, channels_, documents_, clock_, *audience_});
  if (!control_) {
    const OwnPacing::Node node{
        [this] { return operations_->report(config_.node.name); },
        [this](std::shared_ptr<const decisions::Plan> plan) { director_->setPlan(std::move(plan)); }};
    pacing_ = std::make_unique<OwnPacing>(library_.documents, config_.node.state / "pacing.json", node, clock_);
    pacing_->start();
    return;
  }
  control_->running({[this](const std::string& release, const Library& next, base::WallTime moment) {
                       return takeOver(release, next, moment);
                     },
                     [this](const protocol::Accepted& command) { return operations_->obey(command); },
                     [this] { return operations_->status(); },
                     [this](std::shared_ptr<const decisions::Plan> plan) { director_->setPlan(std::move(plan)); },
                     [this](std::shared_ptr<const learning::Model> model) { director_->setModel(std::move(model)); },
                     [this] { return operations_->counts(); }});
}

// On one of control's threads.
Result<control::TookOver> Node::takeOver(const std::string& release, const Library& next, base::WallTime moment) {
  router_->addCreatives(next.creatives);
  personalize::Takeover takeover{release, next.compiled, {}, moment};
  for (const model::Channel* channel : documents_) {
    const auto media = next.media.find(channel->profile);
    takeover.media.push_back(media == next.media.end() ? personalize::MediaCatalog{} : media->second);
  }
  auto future =
      boost::asio::co_spawn(director_->executor(), director_->takeOver(std::move(takeover)), boost::asio::use_future);
  const personalize::InForce done = future.get();
  control::TookOver out{{}, done.late, done.changed};
  for (std::size_t i = 0; i < documents_.size(); ++i) out.from[documents_[i]->id] = done.from[i];
  return out;
}

// Blocks until SIGINT or SIGTERM, which every thread has blocked before it was started.
void Node::wait() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
  // Between large blocks that come and go with every segment glibc keeps small holes, and over hours they add up: they
  // are given back while nothing else happens on this thread.
  constexpr timespec kTidy{.tv_sec = 20, .tv_nsec = 0};
  for (;;) {
    const int signal = ::sigtimedwait(&set, nullptr, &kTidy);
    if (signal == SIGHUP) {
      reloaded_.set(reload() ? 1 : 0);
    } else if (signal > 0) {
      return;
    } else if (errno == EAGAIN) {
      ::malloc_trim(0);
    }
  }
}

// Takes over what may change while the node runs; all or nothing. Main thread.
bool Node::reload() {
  const LoadedConfig fresh = loadConfig(file_, processEnvironment());
  const auto mistakes = fresh.mistakes.empty() ? checkFiles(fresh) : fresh.mistakes;
  for (const ConfigMistake& mistake : mistakes) spdlog::error("{}", describe(mistake));
  if (!mistakes.empty()) {
    spdlog::error("the configuration is not reloaded: what was in force stays mistakes={}", mistakes.size());
    return false;
  }
  const Config next = reloaded(inForce_, fresh.config);
  auto secrets = reloadSecrets(next);
  if (!secrets) {
    spdlog::error("the configuration is not reloaded: what was in force stays reason=\"{}\"", secrets.error().message);
    return false;
  }
  const ConfigChanges changed = changes(inForce_, fresh.config);
  const std::size_t streamKeys = secrets.value().streamKeys.size();
  intake_->setKeys(std::move(secrets.value().streamKeys));
  router_->setOperatorKey(std::move(secrets.value().operatorKey));
  usePlatforms(std::move(secrets.value().platformKeys), next.platforms.audience);
  inForce_ = next;
  for (const std::string& key : changed.live) spdlog::info("changed key={}", key);
  for (const std::string& key : changed.restart) spdlog::warn("changed in the file, takes a restart key={}", key);
  spdlog::info("the configuration is reloaded changed={} restart={} stream_keys={}", changed.live.size(),
               changed.restart.size(), streamKeys);
  spdlog::set_level(spdlog::level::from_str(next.log.level));
  return true;
}

void Node::usePlatforms(std::optional<privacy::PlatformKeys> keys, std::string audience) {
  if (keys && keys->ignored() > 0)
    spdlog::warn("platform keys of other kinds are passed over count={}", keys->ignored());
  auto fresh = std::make_shared<const Platforms>(Platforms{std::move(keys), std::move(audience)});
  const std::lock_guard lock(platformsMutex_);
  platforms_ = std::move(fresh);
}

// Any thread. Subjects and token ids are the platform's own: two platforms may use the same.
Result<serve::PlatformIdentity> Node::platformIdentity(std::string_view jwt) {
  std::shared_ptr<const Platforms> platforms;
  {
    const std::lock_guard lock(platformsMutex_);
    platforms = platforms_;
  }
  if (!platforms->keys)
    return base::fail(base::ErrorCode::kUnsupported,
                      "this node takes no platform tokens: secrets.platform_keys_file is not set");
  DVPE_TRY(auto claims, platforms->keys->verify(jwt, clock_.wallSeconds(), platforms->audience));
  const auto own = [&claims](const std::string& name) { return claims.issuer + '\n' + name; };
  return serve::PlatformIdentity{own(claims.id), own(claims.subject), std::move(claims.channel),
                                 std::move(claims.attributes), std::move(claims.consent)};
}

void Node::stop() {
  ready_.drain();
  spdlog::info("draining");
  if (control_) control_->stop();
  pacing_.reset();
  coordination_.reset();
  conditioning_.reset();
  if (server_) server_->stop(std::chrono::seconds(5));
  if (intake_) intake_->stop();
  for (auto& channel : channels_) channel->stop();
  if (erasures_) erasures_->stop();
  if (director_) director_->stop();
  prober_.reset();
  if (pool_) pool_->join();
}

}  // namespace

int runNode(const Config& config, const std::filesystem::path& file) {
  // Encoders come and go with each segment, on any thread of the pool: with an arena for each thread, and a threshold
  // that glibc raises by itself, what they leave behind adds up. Large blocks go back to the system at once.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  base::setupLog(config.log.level, config.log.format == "json");
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const rlimit noCore{0, 0};  // keys and viewers' data are in memory
  ::setrlimit(RLIMIT_CORE, &noCore);
  if (config.node.role == "coordinator") return coordinate(config);
  if (config.node.role == "condition") return conditionJobs(config);
  Node node(config, file);
  if (const auto started = node.start(); !started) {
    spdlog::error("the node cannot start reason=\"{}\"", started.error().message);
    node.stop();
    return exitCode(started.error().code);
  }
  node.wait();
  node.stop();
  return kExitOk;
}

}  // namespace dvpe::node
