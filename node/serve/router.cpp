// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// The request path: playlists, segments, operations. What may wait is in router_slow.cpp.
#include "node/serve/router.h"

#include <algorithm>
#include <charconv>

#include "node/package/placer.h"
#include "node/package/segmenter.h"
#include "node/serve/answers.h"
#include "node/serve/query.h"

namespace dvpe::serve {

namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::size_t kCutsKept = 256;
constexpr std::uint64_t kTimedOf = 16;  // a measurement costs a clock and a cache line that all loops write
constexpr std::string_view kImmutable = "Cache-Control: public, max-age=31536000, immutable\r\n";

// Takes the part before the next '/' off the front.
std::string_view next(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view part = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return part;
}

bool takeSuffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

bool takePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

Router::Router(RouterOptions options, personalize::Director& director, const PlayerAssets& player, Metrics& metrics,
               const base::Clock& clock, base::Random& random)
    : options_(std::move(options)),
      director_(director),
      player_(player),
      metrics_(metrics),
      clock_(clock),
      random_(random),
      loops_(static_cast<std::size_t>(options_.loops)),
      assembleSeconds_(metrics.histogram("dvpe_playlist_assemble_seconds",
                                         "Opening the session and assembling its media playlist, of one request in 16.",
                                         {1e-6, 2e-6, 4e-6, 8e-6, 16e-6, 64e-6, 256e-6, 1e-3})),
      refusedTokens_(
          metrics.counter("dvpe_tokens_refused_total", "Session tokens that are not ours, altered or expired.")),
      sentHome_(metrics.counter("dvpe_sent_home_total", "Requests that were redirected to the viewer's home.")),
      eventsAccepted_(metrics.counter("dvpe_events_accepted_total", "Events of players that are on disk.")),
      eventsRefused_(metrics.counter("dvpe_events_refused_total",
                                     "Events of players, or whole requests, that were refused with a reason.")),
      feedbackHeard_(metrics.counter("dvpe_feedback_total", "What viewers said of what they see.")),
      feedbackRefused_(metrics.counter("dvpe_feedback_refused_total", "The same that was refused with a reason.")) {
  operatorKey_ = options_.operatorKey;
  if (options_.events != nullptr) {
    std::vector<EventChannel> told;
    for (const auto& c : options_.channels) told.push_back({c.facts.id, c.facts.epoch, c.facts.grid.unit()});
    intake_ = std::make_unique<EventIntake>(std::move(told), *options_.naming, clock_);
  }
  addCreatives(options_.creatives);
  for (const auto& channel : options_.channels) {
    auto state = std::make_unique<ChannelState>(channel.facts);
    const auto tracks = std::count_if(channel.facts.renditions.begin(), channel.facts.renditions.end(),
                                      [](const Rendition& r) { return r.kind == Rendition::Kind::kAudio; });
    for (std::ptrdiff_t t = 0; t < tracks; ++t)
      state->multivariants.push_back(state->skeleton.multivariant(static_cast<std::size_t>(t)));
    channels_.push_back(std::move(state));
  }
  for (Loop& loop : loops_) {
    loop.opener = std::make_unique<privacy::TokenOpener>(*options_.sessionKeys);
    loop.snapshots.resize(channels_.size());
    loop.versions.resize(channels_.size(), 0);
  }
}

Router::~Router() = default;

void Router::listed(std::size_t channel, std::shared_ptr<const timeline::Cell> cell) {
  ChannelState& state = *channels_[channel];
  auto fresh = std::make_shared<Snapshot>();
  fresh->cuts = state.snapshot->cuts;
  fresh->cuts.push_back({cell->start, cell->end});
  if (fresh->cuts.size() > kCutsKept) fresh->cuts.erase(fresh->cuts.begin());
  fresh->window = state.skeleton.add(std::move(cell));
  const std::lock_guard lock(state.mutex);
  state.snapshot = std::move(fresh);
  state.version.fetch_add(1, std::memory_order_release);
}

// The lock is taken once per loop and cut, never by a request that finds its snapshot fresh.
const Router::Snapshot& Router::snapshot(Loop& loop, std::size_t channel) {
  ChannelState& state = *channels_[channel];
  const std::uint64_t version = state.version.load(std::memory_order_acquire);
  if (!loop.snapshots[channel] || loop.versions[channel] != version) {
    const std::lock_guard lock(state.mutex);
    loop.snapshots[channel] = state.snapshot;
    loop.versions[channel] = state.version.load(std::memory_order_relaxed);
  }
  return *loop.snapshots[channel];
}

void Router::addCreatives(const std::map<std::string, std::shared_ptr<const package::Creative>>& creatives) {
  const std::lock_guard lock(creativesMutex_);
  auto all = creatives_ ? std::make_shared<Creatives>(*creatives_) : std::make_shared<Creatives>();
  all->insert(creatives.begin(), creatives.end());
  creatives_ = std::move(all);
  creativesVersion_.fetch_add(1, std::memory_order_release);
}

// As snapshot(): the lock is taken once per loop and change.
const Router::Creatives& Router::creatives(Loop& loop) {
  if (loop.creativesVersion != creativesVersion_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(creativesMutex_);
    loop.creatives = creatives_;
    loop.creativesVersion = creativesVersion_.load(std::memory_order_relaxed);
  }
  return *loop.creatives;
}

std::size_t Router::channelOf(std::string_view id) const {
  for (std::size_t i = 0; i < options_.channels.size(); ++i) {
    if (options_.channels[i].facts.id == id) return i;
  }
  return kNone;
}

bool Router::handle(int loop, const Request& request, Response& response) {
  std::string_view path = request.path;
  const bool reads = request.method == Method::kGet || request.method == Method::kHead;
  if (reads && takePrefix(path, "/s/")) return playlist(loop, request, path, response);
  if (reads && takePrefix(path, "/m/")) return segment(path, response);
  if (reads && takePrefix(path, "/c/")) return conditioned(loop, path, response);
  if (path.starts_with("/v1/") || path.starts_with("/live/")) return false;
  if (!reads) {
    answerError(response, 405, "method_not_allowed", "only GET and HEAD are answered here");
  } else if (!player_.answer(request, response)) {
    operations(request, response);
  }
  return true;
}

// /s/{token}/index.m3u8 and /s/{token}/{rendition}.m3u8
bool Router::playlist(int number, const Request& request, std::string_view path, Response& response) {
  Loop& loop = loops_[static_cast<std::size_t>(number)];
  const bool timed = loop.playlists++ % kTimedOf == 0;
  const auto before = timed ? clock_.steady() : std::chrono::steady_clock::time_point{};
  const std::string_view token = next(path);
  privacy::ClaimsView claims;
  if (const auto opened = loop.opener->openInto(token, clock_.wallSeconds(), claims); !opened) {
    refusedTokens_.add();
    answerError(response, 403, "refused", opened.error().message);
    return true;
  }
  if (!takeSuffix(path, ".m3u8")) {
    answerError(response, 404, "not_found", "a playlist's name ends in .m3u8");
    return true;
  }
  const personalize::SessionTable::ReadScope scope(director_.table(), number);
  personalize::SessionTable::Listed* listed = nullptr;
  const personalize::SessionView* session =
      director_.table().find(claims.sessionId, static_cast<std::uint32_t>(clock_.steadySeconds()), &listed);
  if (session == nullptr) {
    if (sentHome(claims.pseudonym, request, response)) return true;
    answerError(response, 410, "gone", "this session is not known here any more: start a new one");
    return true;
  }
  ChannelState& channel = *channels_[session->channel];
  response.contentType = "application/vnd.apple.mpegurl";
  response.headers += kPrivate;
  if (path == "index") {
    response.body += channel.multivariants[std::min<std::size_t>(session->audio, channel.multivariants.size() - 1)];
    return true;
  }
  const auto& facts = channel.skeleton.facts();
  const auto rendition = std::find_if(facts.renditions.begin(), facts.renditions.end(),
                                      [&](const Rendition& r) { return r.name == path; });
  const Snapshot& view = snapshot(loop, session->channel);
  if (rendition == facts.renditions.end() || !view.window) {
    response.headers.clear();
    if (rendition == facts.renditions.end()) {
      answerError(response, 404, "not_found", "there is no such rendition");
    } else {
      answerError(response, 503, "unavailable", "the channel is not on air yet");
      response.headers += "Retry-After: 2\r\n";
    }
    return true;
  }
  assemble(facts, *view.window, static_cast<std::size_t>(rendition - facts.renditions.begin()), *session,
           response.body);
  if (const std::int64_t end = view.window->times.back().second.count();
      listed->load(std::memory_order_relaxed) != end) {
    listed->store(end, std::memory_order_release);
  }
  if (timed) assembleSeconds_.observe(std::chrono::duration<double>(clock_.steady() - before).count());
  return true;
}

// Redirects to the viewer's home, when that is another node, which is up. False: the request is answered here. Once
// only: what was redirected carries a mark and is answered where it arrives, so that nodes whose lists of peers differ
// do not send a viewer to and fro. Nothing may have been made or used up before.
bool Router::sentHome(const privacy::Pseudonym& viewer, const Request& request, Response& response) {
  const personalize::Peer* home = options_.homes->elsewhere(viewer);
  if (home == nullptr || !queryValue(request.query, kRedirected).empty()) return false;
  response.status = request.method == Method::kPost ? 307 : 302;  // 307: the method stays, and the body
  response.headers += kPrivate;
  response.headers.append("Location: ").append(home->url).append(request.path).append("?");
  if (!request.query.empty()) response.headers.append(request.query).append("&");
  response.headers.append(kRedirected).append("=1\r\n");
  sentHome_.add();
  return true;
}

// /m/{channel}/{profile}/{variant}/{rendition}/{start}.m4s|.vtt, or .../init.mp4
bool Router::segment(std::string_view path, Response& response) {
  const std::size_t channel = channelOf(next(path));
  const std::string_view profile = next(path), variant = next(path), rendition = next(path);
  if (channel == kNone || path.find('/') != std::string_view::npos) {
    answerError(response, 404, "not_found", "there is no such segment");
    return true;
  }
  const package::Window& window = *options_.channels[channel].window;
  base::Result<std::filesystem::path> file = base::fail(base::ErrorCode::kNotFound, "");
  Ticks start{};
  if (path == "init.mp4") {
    file = window.initPath(profile, rendition);
    response.contentType = "video/mp4";
  } else if (takeSuffix(path, ".m4s") && package::parseStart(path, start)) {
    file = window.pathOf(profile, variant, rendition, start);
    response.contentType = rendition.starts_with('a') ? "audio/mp4" : "video/mp4";
  } else if (takeSuffix(path, ".vtt") && package::parseStart(path, start)) {
    file = window.pathOf(profile, variant, rendition, start, package::SegmentType::kText);
    response.contentType = "text/vtt";
  }
  if (!file) {
    answerError(response, 404, "not_found", "there is no such segment");
    return true;
  }
  response.headers += kImmutable;
  response.file = file.value().string();
  return true;
}

// /c/{channel}/{profile}/{rendition}/{cell start}/{pieces}.m4s, or .../none.vtt
bool Router::conditioned(int number, std::string_view path, Response& response) {
  Loop& loop = loops_[static_cast<std::size_t>(number)];
  const std::int64_t now = clock_.steadySeconds();
  const PlacedCache::Placed* placed = loop.placed.find(path, now);
  if (placed == nullptr) {
    auto made = place(loop, path);
    if (!made) {
      answerError(response, 404, "not_found", made.error().message);
      return true;
    }
    placed = &loop.placed.add(std::move(made).value(), now);
  }
  response.contentType = placed->type;
  response.headers += kImmutable;
  response.shared = placed->bytes;
  return true;
}

// What such a path names. The start must be a journalled cut.
base::Result<PlacedCache::Placed> Router::place(Loop& loop, std::string_view path) {
  const auto notFound = [](const char* why) { return base::fail(base::ErrorCode::kNotFound, why); };
  const std::string_view key = path;
  const std::size_t channel = channelOf(next(path));
  if (channel == kNone) return notFound("there is no such channel");
  const auto& facts = channels_[channel]->skeleton.facts();
  const std::string_view profile = next(path), rendition = next(path), startText = next(path);
  const auto known = std::find_if(facts.renditions.begin(), facts.renditions.end(),
                                  [&](const Rendition& r) { return r.name == rendition; });
  Ticks start{};
  if (profile != facts.profile || known == facts.renditions.end() || !package::parseStart(startText, start)) {
    return notFound("there is no such rendition");
  }
  const Snapshot& view = snapshot(loop, channel);
  const auto cut =
      std::lower_bound(view.cuts.begin(), view.cuts.end(), start, [](const Cut& c, Ticks t) { return c.start < t; });
  if (cut == view.cuts.end() || cut->start != start) return notFound("no segment of this channel starts there");
  if (known->kind == Rendition::Kind::kText) {
    if (path != kNoCaptions) return notFound("there are no such captions");
    const std::string none = package::vttSegment(cut->start, cut->end, {});
    return PlacedCache::Placed{std::string(key), base::share(base::Bytes(none.begin(), none.end())), "text/vtt"};
  }
  if (!takeSuffix(path, ".m4s")) return notFound("a segment's name ends in .m4s");
  DVPE_TRY(const auto names, package::parsePieces(path));
  const Creatives& all = creatives(loop);
  std::vector<package::Piece> pieces;
  for (const auto& name : names) {
    const auto creative = all.find(name.creative);
    if (creative == all.end()) return notFound("there is no such creative");
    pieces.push_back({creative->second.get(), name.from, name.to - name.from});
  }
  const bool video = known->kind == Rendition::Kind::kVideo;
  DVPE_TRY(auto bytes, video ? package::placeVideo(facts.grid, rendition, cut->start, cut->end, pieces)
                             : package::placeAudio(facts.grid, cut->start, cut->end, pieces));
  return PlacedCache::Placed{std::string(key), base::share(std::move(bytes)), video ? "video/mp4" : "audio/mp4"};
}

void Router::operations(const Request& request, Response& response) {
  response.contentType = "text/plain; charset=utf-8";
  response.headers += "Cache-Control: no-store\r\n";
  if (request.path == "/healthz") {
    response.body += "ok\n";
  } else if (request.path == "/readyz") {
    const bool ready = !options_.ready || options_.ready();
    response.status = ready ? 200 : 503;
    response.body += ready ? "ready\n" : "not ready\n";
  } else if (request.path == "/metrics") {
    response.contentType = Metrics::kContentType;
    response.body += metrics_.render();
  } else if (request.path == "/" && !options_.channels.empty()) {
    response.status = 302;
    response.headers += "Location: /watch/" + options_.channels.front().facts.id + "\r\n";
  } else {
    response.headers.clear();
    answerError(response, 404, "not_found", "there is nothing here");
  }
}

}  // namespace dvpe::serve
