// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/channel.h"

#include <pthread.h>
#include <algorithm>

#include "node/package/segmenter.h"
#include "shared/base/cpu_time.h"
#include "shared/base/log.h"

namespace dvpe::node {

using base::Ticks;

namespace {

// A plain dark picture with a lighter band: what viewers of the programme see while the source is lost.
media::FramePtr slatePicture(const model::Rung& rung) {
  auto frame = std::make_shared<media::Frame>(rung.width, rung.height);
  frame->fill(28, 134, 122);
  const int top = rung.height * 48 / 100, bottom = rung.height * 52 / 100;
  for (int y = top; y < bottom; ++y) {
    std::fill_n(frame->plane(0) + static_cast<std::ptrdiff_t>(y) * frame->stride(0), rung.width, std::uint8_t{52});
  }
  return frame;
}

}  // namespace

// One segment on its way from an encoder to the packager.
class Channel::Sink final : public render::SegmentOutput {
 public:
  Sink(Channel& channel, std::int64_t msn, Ticks start, std::string variant, std::string rung)
      : channel_(channel),
        packager_(*channel.packager_),
        writer_(channel.grid_),
        msn_(msn),
        start_(start),
        variant_(std::move(variant)),
        rung_(std::move(rung)) {
    writer_.begin(start);
  }
  base::Result<void> add(Ticks at, media::EncodedPicture picture) override {
    newest_ = std::chrono::steady_clock::now();
    return writer_.add(at, std::move(picture.data), picture.key);
  }
  void finish(Ticks end) override {
    channel_.encoded(msn_, newest_);
    packager_.video(msn_, variant_, rung_, start_, end, writer_.finish(end));
  }
  void fail(const base::Error& error) override {
    packager_.video(msn_, variant_, rung_, start_, start_, base::fail(error.code, error.message));
  }

 private:
  Channel& channel_;
  package::Packager& packager_;
  package::SegmentWriter writer_;
  const std::int64_t msn_;
  const Ticks start_;
  const std::string variant_, rung_;
  std::chrono::steady_clock::time_point newest_{};  // when the newest picture was encoded
};

class Channel::Output final : public render::RenderListener {
 public:
  explicit Output(Channel& channel) : channel_(channel) {}
  std::unique_ptr<render::SegmentOutput> open(std::int64_t msn, Ticks start, const std::string& variant,
                                              std::size_t rung) override {
    return std::make_unique<Sink>(channel_, msn, start, variant, channel_.options_.profile.rungs[rung].name);
  }
  void frameDone(std::chrono::steady_clock::duration sinceArrival, bool start) override {
    if (channel_.options_.metrics.frame)
      channel_.options_.metrics.frame(std::chrono::duration<double>(sinceArrival).count(), start);
  }

 private:
  Channel& channel_;
};

Channel::Channel(ChannelOptions options, boost::asio::any_io_executor pool, render::Budget& budget)
    : options_(std::move(options)),
      grid_(options_.profile.fps),
      pool_(std::move(pool)),
      budget_(budget),
      queue_(options_.queue),
      cutter_(grid_) {}

Channel::~Channel() {
  stop();
  if (packaging_) packaging_->join();
}

base::Result<std::unique_ptr<Channel>> Channel::create(ChannelOptions options, boost::asio::any_io_executor pool,
                                                       render::Budget& budget) {
  std::unique_ptr<Channel> channel(new Channel(std::move(options), std::move(pool), budget));
  DVPE_CHECK(channel->open());
  return channel;
}

base::Result<void> Channel::open() {
  DVPE_TRY(window_, package::Window::open(options_.state, options_.channel.id, grid_.cell()));
  DVPE_TRY(journal_, timeline::Journal::open((options_.state / options_.channel.id / "journal").string()));
  journalled_ = journal_->content();
  resume_ = journalled_.state;
  // The cell after the last listed one is where counting goes on, even if its own line did not reach the disk.
  if (!journalled_.cells.empty()) {
    const timeline::Cell& last = *journalled_.cells.back();
    if (!resume_ || !resume_->last || resume_->last->msn <= last.msn) {
      timeline::CutState state = resume_.value_or(timeline::CutState{});
      state.last = timeline::Cut{last.msn + 1, last.end, std::nullopt};
      state.newest = std::max(state.newest, last.end);
      state.open.reset();
      resume_ = state;
    }
  }
  return putInits();
}

base::Result<void> Channel::putInits() {
  const std::string profile = package::profileName(options_.profile);
  for (const auto& rung : options_.profile.rungs) {
    DVPE_TRY(auto avcc, media::h264Parameters(rung, options_.profile.fps));
    const package::TrackConfig track{package::TrackKind::kVideo, std::move(avcc), rung.width, rung.height, 0};
    DVPE_CHECK(window_->putInit(profile, rung.name, package::initSegment(track)));
  }
  const package::TrackConfig audio{package::TrackKind::kAudio, media::aacLcStereoConfig(), 0, 0, 0};
  const int tracks = std::max<int>(1, static_cast<int>(options_.channel.languages.size()));
  for (int t = 0; t < tracks; ++t)
    DVPE_CHECK(window_->putInit(profile, package::audioRendition(t), package::initSegment(audio)));
  return base::success();
}

void Channel::start(std::vector<timeline::FeedListener*> listeners) {
  const int tracks = std::max<int>(1, static_cast<int>(options_.channel.languages.size()));
  package::ChannelShape shape{options_.channel.id, options_.profile, tracks, options_.channel.captions,
                              options_.channel.windowSeconds};
  packaging_ = std::make_unique<boost::asio::thread_pool>(1);
  packager_ = std::make_unique<package::Packager>(std::move(shape), *window_, *journal_, packaging_->get_executor(),
                                                  std::move(listeners));
  decoder_ = std::make_unique<decode::Decoder>(grid_, slatePicture(options_.profile.rungs.front()),
                                               options_.profile.audioBitrate, tracks);
  output_ = std::make_unique<Output>(*this);
  renderer_ = std::make_unique<render::Renderer>(options_.profile, options_.channel.epoch, options_.assetsFolder, pool_,
                                                 *output_);
  if (!options_.recordFile.empty()) {
    auto recorder = timeline::Recorder::create(options_.recordFile);
    if (recorder) {
      recorder_ = std::move(recorder).value();
    } else {
      spdlog::error("{}", recorder.error().message);
    }
  }
  if (resume_) cutter_ = timeline::Cutter(grid_, *resume_);
  thread_ = std::thread([this] { run(); });
}

void Channel::stop() {
  queue_.close();
  if (!thread_.joinable()) return;
  thread_.join();
  renderer_->wait();
  packager_->wait();
  budget_.leave(options_.channel.id);
}

void Channel::encoded(std::int64_t msn, std::chrono::steady_clock::time_point when) {
  const std::lock_guard lock(encodedMutex_);
  auto& last = encoded_[msn];
  last = std::max(last, when);
  if (encoded_.size() > 64) encoded_.erase(encoded_.begin());  // cells that were never listed
}

void Channel::listed(std::int64_t msn) {
  const auto now = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last{};
  {
    const std::lock_guard lock(encodedMutex_);
    const auto it = encoded_.find(msn);
    if (it == encoded_.end()) return;  // a hole, or from before this node began
    last = it->second;
    encoded_.erase(encoded_.begin(), std::next(it));
  }
  if (options_.metrics.published) options_.metrics.published(std::chrono::duration<double>(now - last).count());
}

void Channel::run() {
  ::pthread_setname_np(::pthread_self(), ("ch " + options_.channel.id).substr(0, 15).c_str());
  while (auto message = queue_.pop()) {
    if (recorder_) recorder_->write(*message);
    process(*message);
  }
}

std::vector<timeline::Cut> Channel::cutsOf(const timeline::StampedMessage& message) {
  if (const auto* out = std::get_if<timeline::CueOut>(&message)) {
    const auto open = cutter_.state().open;
    if (const auto span = cutter_.announce(*out)) {
      packager_->spanAnnounced(span.value());
      if (open && cutter_.state().open && cutter_.state().open->end != open->end)
        packager_->spanEnds(open->id, cutter_.state().open->end);
    }
    return {};
  }
  if (const auto* in = std::get_if<timeline::CueIn>(&message)) {
    const auto& state = cutter_.state();
    const std::string id = !in->id.empty() ? in->id : state.ahead ? state.ahead->id : state.open ? state.open->id : "";
    if (const auto end = cutter_.retract(*in)) packager_->spanEnds(id, end.value());
    return {};
  }
  return cutter_.advance(message);
}

// The cell that was open when the node went away, and those before it that were cut but not listed any more, are slate,
// under the numbers they were journalled with. Begun when time goes on and not before: until then nobody listens.
void Channel::beginResumed() {
  const timeline::Cut last = *resume_->last;
  if (!journalled_.cells.empty()) {
    const timeline::Cell& listed = *journalled_.cells.back();
    // Of several, only the outer borders are known. Nobody has seen those between.
    const std::int64_t missing = last.msn - listed.msn - 1;
    for (std::int64_t i = 0; i < missing; ++i) {
      beginCell({listed.msn + 1 + i, listed.end + grid_.floorFrame((last.at - listed.end) * i / missing), std::nullopt},
                false);
    }
  }
  beginCell(last, false);
}

void Channel::process(const timeline::StampedMessage& message) {
  if (resume_ && !begun_ && !std::holds_alternative<timeline::CutState>(message) &&
      !std::holds_alternative<timeline::SourceLost>(message)) {
    beginResumed();
  }
  if (const auto* caption = std::get_if<timeline::Caption>(&message)) packager_->caption(*caption);
  const auto made = cutsOf(message);
  pending_.insert(pending_.end(), made.begin(), made.end());
  const double before = base::threadCpuSeconds();
  decoder_->process(message, made, slotted_);
  if (std::holds_alternative<timeline::VideoPacket>(message))
    decodeCost_ = decodeCost_ * 0.98 + (base::threadCpuSeconds() - before) * 0.02;
  // No picture is here before the cut that begins with it: the cutter counts a picture's time 3/4 of a frame ahead, and
  // no slot is further from its picture (SlotWalk).
  for (const auto& item : slotted_) {
    if (const auto* picture = std::get_if<decode::SlottedFrame>(&item)) {
      frame(*picture);
    } else {
      const auto& audio = std::get<decode::SlottedAudio>(item);
      packager_->audio(audio.track, audio.slot, audio.data);
    }
  }
  slotted_.clear();
}

void Channel::frame(const decode::SlottedFrame& slotted) {
  while (!pending_.empty() && pending_.front().at <= slotted.at) {
    const timeline::Cut cut = pending_.front();
    pending_.pop_front();
    // Pictures come without a gap once they come: a cut before this one had none, because the node was away (then the
    // cell is listed and slate fills it) or has only just joined (then nothing is listed).
    const bool rendered = cut.at == slotted.at;
    if (rendered || begun_) beginCell(cut, rendered);
  }
  renderer_->frame(slotted.at, slotted.frame, slotted.arrived);
}

void Channel::beginCell(const timeline::Cut& cut, bool rendered) {
  begun_ = true;
  timeline::CutState state = cutter_.state();
  if (state.last && state.last->msn != cut.msn) {  // the cutter is ahead already: as it stood at this cut
    if (state.open && !(cut.span && cut.span->id == state.open->id)) {
      state.ahead = state.open;
      state.open = cut.span;
    }
  }
  state.last = cut;
  if (!rendered) {
    running_.clear();
    packager_->begin(state, false, {timeline::kBaseVariant}, {}, {});
    return;
  }
  budget_.report(options_.channel.id, renderer_->programmeCost() + decodeCost_ / base::seconds(grid_.frame()),
                 renderer_->variantCost());
  render::CutPlan plan = render::planCut(cut, state, *demand_.at(cut.at));
  const auto admitted = budget_.admit(options_.channel.id, plan.variants, running_);
  std::vector<render::Variant> variants;
  std::vector<std::string> names{timeline::kBaseVariant};
  std::vector<std::uint16_t> renumbered{0};
  for (auto& variant : plan.variants) {
    const bool in = std::binary_search(admitted.begin(), admitted.end(), variant.id);
    renumbered.push_back(in ? static_cast<std::uint16_t>(names.size()) : std::uint16_t{0});
    if (!in) continue;
    names.push_back(variant.id);
    variants.push_back(std::move(variant));
  }
  std::vector<std::uint16_t> fallbacks;
  for (std::size_t c = 0; c < plan.variantOfCohort.size(); ++c) {
    std::uint16_t& variant = plan.variantOfCohort[c];
    if (variant == 0) continue;
    variant = renumbered[variant];
    if (variant == 0) fallbacks.push_back(static_cast<std::uint16_t>(c));
  }
  variants_ = static_cast<int>(variants.size());
  refused_ = static_cast<int>(plan.variants.size() - variants.size());
  running_ = admitted;
  packager_->begin(state, true, std::move(names), std::move(plan.variantOfCohort), std::move(fallbacks));
  renderer_->begin(cut.msn, cut.at, variants);
}

}  // namespace dvpe::node
