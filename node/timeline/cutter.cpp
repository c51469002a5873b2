// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/timeline/cutter.h"

#include <algorithm>

namespace dvpe::timeline {

namespace {

using base::ErrorCode;
using base::fail;

// The time that a message brings, if it brings one.
std::optional<Ticks> timeOf(const StampedMessage& message) {
  if (const auto* video = std::get_if<VideoPacket>(&message)) return video->pts;
  if (const auto* audio = std::get_if<AudioPacket>(&message)) return audio->pts;
  if (const auto* lost = std::get_if<SourceLost>(&message)) return lost->at;
  if (const auto* passes = std::get_if<TimePasses>(&message)) return passes->at;
  if (const auto* back = std::get_if<SourceBack>(&message)) return back->at;
  return std::nullopt;
}

}  // namespace

std::vector<Cut> Cutter::advance(const StampedMessage& message) {
  if (const auto* state = std::get_if<CutState>(&message)) {
    if (!state_.last) state_ = *state;
  } else if (const auto* out = std::get_if<CueOut>(&message)) {
    (void)announce(*out);
  } else if (const auto* in = std::get_if<CueIn>(&message)) {
    (void)retract(*in);
  } else if (const auto* mark = std::get_if<Mark>(&message)) {
    note(*mark);
  } else if (const auto time = timeOf(message)) {
    const auto* video = std::get_if<VideoPacket>(&message);
    const bool first = (video != nullptr && video->key) || std::holds_alternative<TimePasses>(message);
    // A picture takes its slot up to 3/4 slot early (law 1: a source's times are rounded and jitter): the cut at that
    // slot must be made by then.
    const bool slotted = video != nullptr && state_.last;
    return advanceTo(slotted ? std::max(*time, grid_.floorFrame(*time + grid_.frame() * 3 / 4)) : *time, first);
  }
  return {};
}

std::vector<Cut> Cutter::advanceTo(Ticks t, bool first) {
  std::vector<Cut> made;
  if (!state_.last) {
    if (!first) return made;
    const Ticks at = grid_.nearestFrame(t);
    state_.newest = std::max(t, at);
    state_.last = Cut{.msn = at / grid_.cell(), .at = at, .span = std::nullopt};
    made.push_back(*state_.last);
    return made;
  }
  state_.newest = std::max(state_.newest, t);
  for (Ticks at = nextCut(); at <= state_.newest; at = nextCut()) made.push_back(makeCut(at));
  return made;
}

Cut Cutter::makeCut(Ticks at) {
  if (state_.open && at >= state_.open->end) state_.open.reset();
  if (state_.ahead && at >= state_.ahead->start) {
    state_.open = std::move(state_.ahead);
    state_.ahead.reset();
  }
  for (auto it = state_.events.begin(); it != state_.events.end();) {
    OpenEvent& event = it->second;
    if (event.until) {
      it = state_.events.erase(it);
      continue;
    }
    if (!event.from && event.mark.at <= at) event.from = at;
    if (event.closed && *event.closed <= at) event.until = at;
    ++it;
  }
  state_.last = Cut{.msn = state_.last->msn + 1, .at = at, .span = state_.open};
  return *state_.last;
}

Ticks Cutter::nextCut() const {
  const Ticks last = state_.last->at;
  Ticks cut{};
  if (state_.open) {
    const Span& span = *state_.open;
    cut = std::min(span.start + grid_.cell() * ((last - span.start) / grid_.cell() + 1), span.end);
  } else {
    cut = grid_.nextGridCut(last);
    if (cut - last < grid_.unit() * 2) cut = last + grid_.floorFrame((cut + grid_.cell() - last) / 2);
  }
  if (state_.ahead) {
    const Ticks start = state_.ahead->start;
    if (cut >= start) return start;
    if (cut > start - grid_.unit()) return start - grid_.unit() > last ? start - grid_.unit() : start;
  }
  return cut;
}

base::Result<Span> Cutter::announce(const CueOut& cue) {
  if (!state_.last) return fail(ErrorCode::kUnavailable, "the channel is not on air yet");
  if (cue.units < 1) return fail(ErrorCode::kInvalidInput, "a break or event must be at least one unit long");
  if (state_.ahead) return fail(ErrorCode::kConflict, "'" + state_.ahead->id + "' is announced and has not begun");
  const bool endsEvent = state_.open && state_.open->kind == SpanKind::kEvent && cue.kind == SpanKind::kBreak;
  if (state_.open && !endsEvent) return fail(ErrorCode::kConflict, "'" + state_.open->id + "' is on air");
  const Ticks earliest = std::max(state_.newest + grid_.unit() + grid_.frame(), state_.last->at + grid_.unit());
  const Ticks start = grid_.ceilFrame(std::max(cue.asked, earliest));
  state_.ahead =
      Span{.kind = cue.kind, .id = cue.id, .name = cue.name, .start = start, .end = start + grid_.unit() * cue.units};
  if (cue.kind == SpanKind::kBreak) state_.ahead->number = ++state_.breaks;
  if (endsEvent) state_.open->end = std::min(state_.open->end, start);
  return *state_.ahead;
}

base::Result<Ticks> Cutter::retract(const CueIn& cue) {
  if (state_.ahead && (cue.id.empty() || cue.id == state_.ahead->id)) {
    const Ticks start = state_.ahead->start;
    state_.ahead.reset();
    return start;
  }
  if (!state_.open || (!cue.id.empty() && cue.id != state_.open->id)) {
    return fail(ErrorCode::kNotFound, "no break or event of that name is on air");
  }
  Span& span = *state_.open;
  const Ticks after = std::max({cue.asked, state_.newest + Ticks{1}, state_.last->at + Ticks{1}});
  const Ticks unit = grid_.unit();
  const Ticks end = span.start + unit * ((after - span.start + unit - Ticks{1}) / unit);
  span.end = std::min(span.end, end);
  return span.end;
}

void Cutter::note(const Mark& mark) {
  constexpr std::size_t kMaxEvents = 64;  // a source that opens events without end is ignored from here on
  const auto it = state_.events.find(mark.name);
  if (mark.open) {
    if (it == state_.events.end() && state_.events.size() >= kMaxEvents) return;
    if (it == state_.events.end() || it->second.closed) {
      state_.events[mark.name] = OpenEvent{.mark = mark, .from = {}, .closed = {}, .until = {}};
    } else {
      it->second.mark.values = mark.values;  // a new score, say: the animation does not begin again
    }
  } else if (it != state_.events.end() && !it->second.closed) {
    it->second.closed = mark.at;
  }
}

}  // namespace dvpe::timeline
