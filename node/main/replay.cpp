// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/replay.h"

#include <algorithm>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>

#include "node/main/channel.h"
#include "node/main/library.h"
#include "node/main/resources.h"
#include "shared/base/log.h"
#include "shared/overlay/text_engine.h"

namespace dvpe::node {

namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Ticks;

// One cohort for each different set of overlays among the personas: what the director would ask for if all watched.
Result<timeline::DemandList> demandOf(const Library& library, const std::string& channel) {
  timeline::DemandList list;
  for (const auto& [name, persona] : library.personas) {
    rules::Attributes attributes;
    DVPE_CHECK(attributes.set("viewer", model::Value{std::make_shared<const model::Map>(persona.attributes)}));
    for (const auto& purpose : persona.purposes) DVPE_CHECK(attributes.consent(purpose));
    const decisions::Choice choice = decisions::choose(*library.compiled, channel, attributes);
    const bool known = std::any_of(list.begin(), list.end(), [&](const auto& c) { return c.id == choice.cohort; });
    if (known || choice.overlays.empty()) continue;
    timeline::CohortDemand cohort{static_cast<std::uint16_t>(list.size()), choice.cohort, {}, 1};
    for (const auto& o : choice.overlays) {
      cohort.overlays.push_back(
          {std::shared_ptr<const model::Overlay>(library.compiled, o.overlay), o.values, o.trigger, o.event});
    }
    list.push_back(std::move(cohort));
  }
  return list;
}

// Reads each segment of a finished cell back from the window and prints its digest, before anything prunes it.
class Printer final : public timeline::FeedListener {
 public:
  Printer(const model::Channel& channel, const model::Profile& profile, const package::Window& window,
          std::ostream& out, std::ostream& err)
      : profile_(profile),
        tracks_(std::max<int>(1, static_cast<int>(channel.languages.size()))),
        window_(window),
        out_(out),
        err_(err) {}
  void spanAnnounced(const timeline::Span&) override {}
  void spanEnds(const std::string&, Ticks) override {}
  void cutMade(const timeline::Cut&) override {}
  void cellFinished(std::shared_ptr<const timeline::Cell> cell) override {
    ++cells_;
    if (cell->hole || !cell->fallbacks.empty()) {
      ++lost_;
      err_ << "dvpe-node: error: segments of cell " << cell->msn << " are lost\n";
      if (cell->hole) return;
    }
    for (const auto& variant : cell->variants) {
      for (const auto& rung : profile_.rungs) print(variant, rung.name, cell->start);
    }
    for (int t = 0; t < tracks_; ++t) print(timeline::kBaseVariant, package::audioRendition(t), cell->start);
    out_.flush();
  }
  int cells() const { return cells_; }
  int lost() const { return lost_; }

 private:
  void print(const std::string& variant, const std::string& rendition, Ticks start) {
    const auto path = window_.pathOf(package::profileName(profile_), variant, rendition, start);
    std::ifstream in(path ? path.value() : std::filesystem::path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in || bytes.empty()) {
      ++lost_;
      err_ << "dvpe-node: error: " << variant << " " << rendition << " " << start.count() << " is not there\n";
      return;
    }
    out_ << variant << ' ' << rendition << ' ' << start.count() << ' ' << base::sha256(base::view(bytes)) << '\n';
  }

  const model::Profile& profile_;
  const int tracks_;
  const package::Window& window_;
  std::ostream& out_;
  std::ostream& err_;
  int cells_ = 0, lost_ = 0;  // written on the packager's strand, read after it has come to rest
};

std::optional<Ticks> timeOf(const timeline::StampedMessage& message) {
  if (const auto* video = std::get_if<timeline::VideoPacket>(&message)) return video->pts;
  if (const auto* passes = std::get_if<timeline::TimePasses>(&message)) return passes->at;
  return std::nullopt;
}

// What a node that joins in the middle is given: everything from the first cut state at or after `from`, after the
// formats and whether the source was lost, which a publisher's connection and the state of the stream tell in real
// life.
class Joiner {
 public:
  Joiner(timeline::StampedSink& sink, double from)
      : sink_(sink), from_(static_cast<std::int64_t>(from * base::kTicksPerSecond)) {}

  void take(timeline::StampedMessage message) {
    if (const auto at = timeOf(message); at && !first_) first_ = at;
    if (const auto at = timeOf(message)) newest_ = std::max(newest_, *at);
    if (!joined_ && due(message)) join();
    if (joined_) return sink_.push(std::move(message));
    if (std::holds_alternative<timeline::VideoFormat>(message)) {
      video_ = std::move(message);
    } else if (const auto* format = std::get_if<timeline::AudioFormat>(&message)) {
      audio_[format->track] = std::move(message);
    } else if (std::holds_alternative<timeline::SourceLost>(message)) {
      lost_ = std::move(message);
    } else if (std::holds_alternative<timeline::SourceBack>(message)) {
      lost_.reset();
    }
  }
  bool joined() const { return joined_; }

 private:
  bool due(const timeline::StampedMessage& message) const {
    if (from_ <= Ticks{0}) return true;
    return first_ && newest_ - *first_ >= from_ && std::holds_alternative<timeline::CutState>(message);
  }
  void join() {
    joined_ = true;
    if (video_) sink_.push(std::move(*video_));
    for (auto& [track, format] : audio_) sink_.push(std::move(format));
    if (lost_) sink_.push(std::move(*lost_));
  }

  timeline::StampedSink& sink_;
  const Ticks from_;
  bool joined_ = false;
  std::optional<Ticks> first_;
  Ticks newest_{};
  std::optional<timeline::StampedMessage> video_, lost_;
  std::map<int, timeline::StampedMessage> audio_;
};

Result<const model::Channel*> channelOf(const model::Documents& documents, const std::string& id) {
  if (id.empty() && documents.channels.size() == 1) return &documents.channels.begin()->second;
  const auto found = documents.channels.find(id);
  if (found != documents.channels.end()) return &found->second;
  return fail(ErrorCode::kNotFound, id.empty() ? "there are several channels: name one with --channel"
                                               : "there is no channel '" + id + "' among the documents");
}

Result<void> play(const ReplayRequest& request, Channel& channel) {
  DVPE_TRY(auto replay, timeline::Replay::open(request.recording.string()));
  Joiner joiner(channel, request.from);
  for (;;) {
    DVPE_TRY(auto message, replay->next());
    if (!message) break;
    joiner.take(std::move(*message));
  }
  if (!joiner.joined()) return fail(ErrorCode::kInvalidInput, "the recording has no cut state after --from");
  return base::success();
}

Result<void> run(const Config& config, const ReplayRequest& request, std::ostream& out, std::ostream& err) {
  if (config.node.cpu == "baseline") media::useBaselineCpu();
  std::error_code error;
  std::filesystem::create_directories(config.node.state, error);
  DVPE_TRY(auto text, overlay::TextEngine::create(resourcesFolder() / "fonts"));
  DVPE_TRY(auto library, loadLibrary(config));
  DVPE_TRY(const model::Channel* document, channelOf(*library.documents, request.channel));
  DVPE_TRY(auto demand, demandOf(library, document->id));

  ChannelOptions options;
  options.channel = *document;
  options.profile = library.documents->profiles.at(document->profile);
  options.assetsFolder = config.documents.folder.string();
  options.state = config.node.state;
  options.queue = static_cast<std::size_t>(config.limits.ingestQueue);
  const model::Profile profile = options.profile;
  boost::asio::thread_pool pool(std::max(1U, std::thread::hardware_concurrency()));
  render::Budget budget(1, std::numeric_limits<int>::max() / 2);  // nothing falls back
  DVPE_TRY(auto channel, Channel::create(std::move(options), pool.get_executor(), budget));
  if (channel->resume()) {
    return fail(ErrorCode::kConflict, "the state folder was on air before: give an empty one");
  }
  channel->demand().set(std::make_shared<const timeline::DemandList>(std::move(demand)));
  Printer printer(*document, profile, channel->window(), out, err);
  channel->start({&printer});
  auto played = play(request, *channel);
  channel->stop();
  channel.reset();
  pool.join();
  if (!played) return played;
  spdlog::info("replayed cells={} lost={}", printer.cells(), printer.lost());
  if (printer.lost() > 0) return fail(ErrorCode::kInternal, "segments were lost");
  return base::success();
}

}  // namespace

int replayRecording(const Config& config, const ReplayRequest& request, std::ostream& out, std::ostream& err) {
  base::setupLog(config.log.level, config.log.format == "json");
  if (config.node.cpu == "baseline") {  // before Qt looks
    ::setenv("QT_NO_CPU_FEATURE", "sse3 ssse3 sse4.1 sse4.2 avx avx2 avx512f", 1);
  }
  const auto done = run(config, request, out, err);
  if (done) return kExitOk;
  err << "dvpe-node: error: " << done.error().message << "\n";
  return exitCode(done.error().code);
}

}  // namespace dvpe::node
