// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/ingest/stamper.h"

#include <algorithm>
#include <cmath>

#include "shared/base/log.h"

namespace dvpe::ingest {

using base::ErrorCode;
using base::fail;
using base::Ticks;
using timeline::StampedMessage;

namespace {

constexpr auto kSilence = std::chrono::milliseconds(500);
constexpr Ticks kStep{base::kTicksPerSecond / 10};           // time passes in steps of 100 ms
constexpr Ticks kJump{base::kTicksPerSecond * 10};           // a source's time that is off by more is anchored again
constexpr std::chrono::milliseconds kBack{1000}, kOn{2000};  // jumps of its own time
constexpr Ticks kWindow{base::kTicksPerSecond * 10};
constexpr Ticks kDrift{base::kTicksPerMillisecond * 40}, kSettled{base::kTicksPerMillisecond * 5};
constexpr Ticks kAnnounceAhead{base::kTicksPerSecond * 5};
constexpr Ticks kMostAhead{base::kTicksPerSecond * 2};  // of a source that sends faster than time passes
constexpr Ticks kFurthestCue{base::kTicksPerSecond *
                             3600};  // one cue waits at a time: it may not block the others for days
constexpr std::size_t kIdsKept = 64;

}  // namespace

// A publication as the stamper hands it out. Taken over or orphaned, it swallows what it is given.
class Stamper::Source final : public Publication {
 public:
  explicit Source(Stamper& stamper) : stamper_(&stamper) {}
  ~Source() override {
    if (stamper_ != nullptr) {
      stamper_->current_ = nullptr;
      stamper_->anchored_ = false;
    }
  }
  void revoke() { stamper_ = nullptr; }

  void videoFormat(base::SharedBytes avcc) override {
    if (stamper_ != nullptr) stamper_->push(timeline::VideoFormat{std::move(avcc)});
  }

  void video(std::int64_t dtsMs, std::int32_t compositionMs, bool key, base::SharedBytes data,
             std::chrono::steady_clock::time_point arrived) override {
    if (stamper_ == nullptr) return;
    Stamper& s = *stamper_;
    const std::int64_t ptsMs = dtsMs + compositionMs;
    if (!s.anchored_ && !key) return;  // nothing can be shown before a key frame
    s.heard();
    const bool jumped = s.jumped(dtsMs);
    if (!s.anchored_ || jumped || std::chrono::abs(s.stamp(ptsMs) - s.now()) > kJump) s.anchor(ptsMs);
    s.correct(ptsMs);
    ++s.counters_.packets;
    s.push(timeline::VideoPacket{s.stamp(ptsMs), s.stamp(dtsMs), key, std::move(data), arrived});
  }

  void audioFormat(int track, std::string language, base::SharedBytes asc) override {
    if (stamper_ == nullptr) return;
    const auto& languages = stamper_->channel_.languages;
    if (static_cast<std::size_t>(track) < languages.size()) language = languages[static_cast<std::size_t>(track)];
    if (language.empty()) language = "und";
    stamper_->tracks_[track] = language;
    stamper_->push(timeline::AudioFormat{track, std::move(language), std::move(asc)});
  }

  void audio(int track, std::int64_t ptsMs, base::SharedBytes data) override {
    if (stamper_ == nullptr || !stamper_->anchored_) return;
    Stamper& s = *stamper_;
    const Ticks at = s.stamp(ptsMs);
    if (std::chrono::abs(at - s.now()) > kJump) return;  // the next key frame anchors both again
    s.heard();
    ++s.counters_.packets;
    s.push(timeline::AudioPacket{track, at, std::move(data)});
  }

  void caption(int track, std::string language, std::int64_t startMs, std::int64_t endMs, std::string text) override {
    if (stamper_ == nullptr || !stamper_->anchored_) return;
    stamper_->push(timeline::Caption{track, std::move(language), stamper_->stamp(startMs), stamper_->stamp(endMs),
                                     std::move(text)});
  }

  void cue(SourceCue cue) override {
    if (stamper_ != nullptr) stamper_->sourceCue(cue);
  }

  bool wantsMore() const override {
    return stamper_ == nullptr || (!stamper_->ahead() && (!stamper_->busy_ || !stamper_->busy_()));
  }
  bool revoked() const override { return stamper_ == nullptr; }

 private:
  Stamper* stamper_;
};

Stamper::Stamper(const model::Channel& channel, timeline::Grid grid, const base::Clock& clock,
                 timeline::StampedSink& sink, std::optional<timeline::CutState> resume)
    : channel_(channel),
      grid_(grid),
      clock_(clock),
      startedAt_(base::fromWall(channel.epoch, clock.wall())),
      startedSteady_(clock.steady()),
      sink_(sink),
      cutter_(grid, resume ? *resume : timeline::CutState{}) {
  if (!onAir()) return;
  for (const auto& span : {cutter_.state().open, cutter_.state().ahead}) {
    if (span) usedIds_.push_back(span->id);
  }
  lost_ = true;  // it was on air: viewers are waiting, so time goes on whether or not the publisher is there
  sink_.push(cutter_.state());
  sink_.push(timeline::SourceLost{cutter_.state().newest});
}

Stamper::~Stamper() {
  if (current_ != nullptr) current_->revoke();
}

Ticks Stamper::now() const { return startedAt_ + std::chrono::floor<Ticks>(clock_.steady() - startedSteady_); }

bool Stamper::ahead() const { return anchored_ && onAir() && cutter_.state().newest - now() > kMostAhead; }

bool Stamper::used(const std::string& id) const {
  return std::find(usedIds_.begin(), usedIds_.end(), id) != usedIds_.end();
}

void Stamper::push(StampedMessage message) {
  cutter_.advance(message);
  sink_.push(std::move(message));
  if (!onAir()) return;
  const Ticks unit = cutter_.state().newest / grid_.unit() * grid_.unit();
  if (unit != lastUnit_) {
    lastUnit_ = unit;
    sink_.push(cutter_.state());
  }
}

base::Result<std::unique_ptr<Publication>> Stamper::open() {
  if (current_ != nullptr) {
    if (!channel_.takeover) {
      ++counters_.refused;
      return fail(ErrorCode::kConflict, "somebody publishes on this channel already");
    }
    current_->revoke();
  }
  auto source = std::make_unique<Source>(*this);
  current_ = source.get();
  anchored_ = false;
  ++counters_.publications;
  return std::unique_ptr<Publication>(std::move(source));
}

void Stamper::restart() {
  if (current_ != nullptr) current_->revoke();
  current_ = nullptr;
  anchored_ = false;
  if (!onAir()) return;
  if (!lost_) lose();
  push(timeline::VideoFormat{});  // no format: whatever the decoders hold on to is gone
  for (const auto& [track, language] : tracks_) push(timeline::AudioFormat{track, language, {}});
}

void Stamper::lose() {
  lost_ = true;
  ++counters_.lost;
  push(timeline::SourceLost{cutter_.state().newest});
}

void Stamper::heard() {
  lastHeard_ = clock_.steady();
  if (!lost_) return;
  lost_ = false;
  push(timeline::SourceBack{cutter_.state().newest});
}

// What a stalled network delivers late is no jump: its times follow each other; nor are the frames that an encoder left
// out to catch up, which do not lead beyond now.
bool Stamper::jumped(std::int64_t dtsMs) {
  const auto steady = clock_.steady();
  const std::chrono::milliseconds by(dtsMs - lastDtsMs_);
  const auto passed = std::chrono::ceil<std::chrono::milliseconds>(steady - lastVideo_);
  const bool jump = anchored_ && (by < -kBack || (by > passed + kOn && stamp(dtsMs) - now() > kOn));
  lastDtsMs_ = dtsMs;
  lastVideo_ = steady;
  return jump;
}

void Stamper::anchor(std::int64_t ptsMs) {
  const Ticks earliest = onAir() ? cutter_.state().newest + grid_.frame() : Ticks{0};
  const Ticks at = grid_.nearestFrame(std::max(now(), earliest));
  offset_ = at - Ticks{ptsMs * base::kTicksPerMillisecond};
  anchored_ = true;
  baseKnown_ = false;
  slew_ = Ticks{0};
  windowStart_ = at;
  leastDelay_ = Ticks::max();
  ++counters_.anchors;
}

// Compares the least delay of each window with that of the first; the network only ever adds to it, so that a lasting
// difference is the source's clock.
void Stamper::correct(std::int64_t ptsMs) {
  const Ticks at = stamp(ptsMs);
  leastDelay_ = std::min(leastDelay_, now() - at);
  if (at - windowStart_ < kWindow) return;
  if (!baseKnown_) {
    baseKnown_ = true;
    baseDelay_ = leastDelay_;
  }
  const Ticks drift = leastDelay_ - baseDelay_;
  if (std::chrono::abs(drift) > kDrift || (slew_ != Ticks{0} && std::chrono::abs(drift) > kSettled)) {
    const Ticks most{base::kTicksPerMillisecond * (at - windowStart_).count() / base::kTicksPerSecond};
    slew_ = std::clamp(drift, -most, most);
    offset_ += slew_;
  } else {
    slew_ = Ticks{0};
  }
  windowStart_ = at;
  leastDelay_ = Ticks::max();
}

void Stamper::tick() {
  if (!onAir()) return;
  if (current_ != nullptr && !current_->wantsMore()) lastHeard_ = clock_.steady();  // whom we ask to wait is not lost
  if (!lost_ && clock_.steady() - lastHeard_ >= kSilence) {
    spdlog::warn("source lost channel={}", channel_.id);
    lose();
  }
  if (lost_) {
    if (const Ticks t = now(); t - cutter_.state().newest >= kStep) push(timeline::TimePasses{t});
  }
  scheduleBreaks();
}

void Stamper::scheduleBreaks() {
  for (const auto& plan : channel_.breaks) {
    if (plan.everySeconds <= 0) continue;
    const Ticks every{plan.everySeconds * base::kTicksPerSecond}, offset{plan.offsetSeconds * base::kTicksPerSecond};
    const Ticks start = every * ((now() - offset + every - Ticks{1}) / every) + offset;
    if (start - now() > kAnnounceAhead || scheduled_.contains(start.count())) continue;
    scheduled_[start.count()] = true;
    if (scheduled_.size() > 16) scheduled_.erase(scheduled_.begin());
    timeline::CueOut cue{timeline::SpanKind::kBreak, "s" + std::to_string(start.count() / base::kTicksPerSecond), "",
                         start, plan.lengthUnits};
    if (const auto span = cueOut(std::move(cue)); !span) {
      spdlog::warn("scheduled break refused channel={} reason=\"{}\"", channel_.id, span.error().message);
    }
  }
}

std::string Stamper::freshId(const std::string& prefix) {
  return prefix + std::to_string(now().count() / base::kTicksPerMillisecond) + "-" + std::to_string(++nextId_);
}

base::Result<timeline::Span> Stamper::cueOut(timeline::CueOut cue) {
  if (cue.units == 0) cue.units = channel_.defaultBreakUnits;
  if (cue.units < 1 || cue.units > channel_.maxBreakUnits) {
    ++counters_.cuesRefused;
    return fail(ErrorCode::kInvalidInput,
                "a length of 1 to " + std::to_string(channel_.maxBreakUnits) + " units is expected");
  }
  if (cue.asked > now() + kFurthestCue) {
    ++counters_.cuesRefused;
    return fail(ErrorCode::kInvalidInput, "a break or event can be announced at most an hour ahead");
  }
  if (used(
          cue.id)) {  // viewers' content is bound to ids: a second span of that name would get what the first was given
    ++counters_.cuesRefused;
    return fail(ErrorCode::kConflict, "the id '" + cue.id + "' has been used");
  }
  if (cue.id.empty()) cue.id = freshId(cue.kind == timeline::SpanKind::kBreak ? "b" : "e");
  auto span = cutter_.announce(cue);
  if (!span) {
    ++counters_.cuesRefused;
    return span;
  }
  usedIds_.push_back(cue.id);
  if (usedIds_.size() > kIdsKept) usedIds_.pop_front();
  sink_.push(std::move(cue));
  return span;
}

base::Result<Ticks> Stamper::cueIn(const timeline::CueIn& cue) {
  auto end = cutter_.retract(cue);
  if (end) sink_.push(cue);
  return end;
}

base::Result<void> Stamper::mark(timeline::Mark mark) {
  if (mark.name.empty()) return fail(ErrorCode::kInvalidInput, "an event needs a name");
  if (!onAir()) return fail(ErrorCode::kUnavailable, "the channel is not on air yet");
  if (mark.at > now() + kFurthestCue)
    return fail(ErrorCode::kInvalidInput, "an event can be announced at most an hour ahead");
  if (mark.at == Ticks{0}) mark.at = cutter_.state().newest;
  push(std::move(mark));
  return base::success();
}

void Stamper::sourceCue(const SourceCue& cue) {
  const Ticks at = cue.sourceTimeMs >= 0 && anchored_ ? stamp(cue.sourceTimeMs) : Ticks{0};
  switch (cue.kind) {
    case SourceCue::Kind::kBreakStart: {
      const double units = std::clamp(cue.durationSeconds, 0.0, 86400.0);  // n seconds are n units (law 2)
      const int length = std::min(static_cast<int>(std::lround(units)), channel_.maxBreakUnits);
      // An encoder's script may say the same id each time.
      std::string id = used(cue.id) ? freshId(cue.id + "-") : cue.id;
      timeline::CueOut out{timeline::SpanKind::kBreak, std::move(id), cue.name, at, length};
      if (const auto span = cueOut(std::move(out)); !span) {
        spdlog::info("cue refused channel={} reason=\"{}\"", channel_.id, span.error().message);
      }
      break;
    }
    case SourceCue::Kind::kBreakEnd:
      (void)cueIn({cue.id, at});
      break;
    case SourceCue::Kind::kMark: {
      const auto closes = cue.values.find("open");
      (void)mark({cue.name, closes == cue.values.end() || closes->second != "false", at, cue.values});
      break;
    }
  }
}

}  // namespace dvpe::ingest
