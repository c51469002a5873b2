// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The one place that reads the clock: it turns what a publisher sends into the stamped stream of a channel (law 1).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/ingest/publication.h"
#include "node/timeline/cutter.h"
#include "node/timeline/stamped.h"
#include "shared/base/clock.h"
#include "shared/model/documents.h"

namespace dvpe::ingest {

// Written on the stamper's thread, read on any.
struct StamperCounters {
  std::atomic<std::uint64_t> publications{0}, refused{0}, lost{0}, anchors{0}, cuesRefused{0}, packets{0};
};

// One channel's clock and inlet. It gives every packet its channel time (anchor + source time + correction), writes
// cues in the same order, says when the source is lost (500 ms of silence), lets time pass meanwhile (each 100 ms) and
// says when it is back, and writes the state of the cut list at each unit.
//
// Anchor: the first key frame of a publication is put on the frame of now, so that video sits on the grid and keeps to
// it. Anchored again: when the source's own time jumps (back by over 1 s, or on by 2 s more than passed and beyond
// now), and when its stamps are over 10 s from now. Correction: when the source's clock has drifted by over 40 ms
// (least delay in 10 s windows), its time is slewed by at most 1 ms a second until it is within 5 ms.
//
// The wall clock is read once, at the start; from then on channel time goes with the steady clock, so that a wall clock
// that is set does not move what is on air. A source that sends faster than time passes is asked to wait when it is
// over 2 s ahead.
//
// All calls on one thread (ingest's); the sink may block it. Publications must not outlive the stamper.
class Stamper {
 public:
  // resume: the state of the journal, if the channel was on air before; time then passes from the first tick() on.
  Stamper(const model::Channel& channel, timeline::Grid grid, const base::Clock& clock, timeline::StampedSink& sink,
          std::optional<timeline::CutState> resume);
  ~Stamper();
  Stamper(const Stamper&) = delete;
  Stamper& operator=(const Stamper&) = delete;

  // busy: the queue behind the sink is filling; publishers are asked to wait.
  void setBackPressure(std::function<bool()> busy) { busy_ = std::move(busy); }

  // kConflict: somebody publishes and the channel does not let a second take over.
  base::Result<std::unique_ptr<Publication>> open();

  // Ends the publication, and has what decodes it made anew: slate from the next cut until somebody publishes. The
  // channel's time, its numbers and its spans go on.
  void restart();

  // Call each 50 to 100 ms: silence, the passing of time, scheduled breaks.
  void tick();

  // The inlet for cues from HTTP, control and schedules. units 0: the channel's default. asked 0: now. kInvalidInput:
  // no such length, or over an hour ahead; kConflict: an id that has been used, or a span is open or ahead.
  base::Result<timeline::Span> cueOut(timeline::CueOut cue);
  base::Result<base::Ticks> cueIn(const timeline::CueIn& cue);
  base::Result<void> mark(timeline::Mark mark);

  base::Ticks now() const;
  bool onAir() const { return cutter_.state().last.has_value(); }
  bool publishing() const { return current_ != nullptr; }
  bool lost() const { return lost_; }
  const StamperCounters& counters() const { return counters_; }
  const timeline::CutState& state() const { return cutter_.state(); }

 private:
  class Source;
  friend class Source;

  void push(timeline::StampedMessage message);
  void heard();
  void lose();
  void anchor(std::int64_t ptsMs);
  bool jumped(std::int64_t dtsMs);
  void correct(std::int64_t ptsMs);
  base::Ticks stamp(std::int64_t ms) const { return offset_ + base::Ticks{ms * base::kTicksPerMillisecond}; }
  void scheduleBreaks();
  void sourceCue(const SourceCue& cue);
  std::string freshId(const std::string& prefix);
  bool used(const std::string& id) const;
  bool ahead() const;

  const model::Channel channel_;
  const timeline::Grid grid_;
  const base::Clock& clock_;
  const base::Ticks startedAt_;  // channel time at startedSteady_
  const std::chrono::steady_clock::time_point startedSteady_;
  timeline::StampedSink& sink_;
  std::function<bool()> busy_;
  timeline::Cutter cutter_;
  StamperCounters counters_;

  Source* current_ = nullptr;
  bool anchored_ = false;
  base::Ticks offset_{};        // channel time of the source's 0
  std::int64_t lastDtsMs_ = 0;  // of the video, and when it came
  std::chrono::steady_clock::time_point lastVideo_{}, lastHeard_{};
  bool lost_ = false;
  base::Ticks lastUnit_{-1};
  base::Ticks leastDelay_{}, baseDelay_{};
  bool baseKnown_ = false;
  base::Ticks windowStart_{}, slew_{};
  std::map<std::int64_t, bool> scheduled_;  // starts of scheduled breaks that have been announced
  std::deque<std::string> usedIds_;         // of spans, the newest last
  std::uint64_t nextId_ = 0;
  std::map<int, std::string> tracks_;  // language of each audio track whose format was told
};

}  // namespace dvpe::ingest
