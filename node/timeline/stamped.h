// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The stamped stream: what ingest writes and everything after it reads (design, law 1). Packets, cues and the passing
// of time travel in one order; the rest of the node is a pure function of it, so a recording of it can be replayed.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "node/timeline/grid.h"
#include "shared/base/bytes.h"

namespace dvpe::timeline {

// H.264 parameters as an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). Comes before the first packet and
// whenever they change.
struct VideoFormat {
  base::SharedBytes avcc;
};

// One access unit in length-prefixed form (ISO/IEC 14496-15), stamped in channel time, not yet on the grid.
struct VideoPacket {
  Ticks pts{};
  Ticks dts{};
  bool key = false;
  base::SharedBytes data;
  std::chrono::steady_clock::time_point arrived{};  // last byte; for latency figures only, not recorded
};

// AAC parameters as an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), for one track.
struct AudioFormat {
  int track = 0;
  std::string language;  // BCP 47, or "und"
  base::SharedBytes asc;
};

struct AudioPacket {
  int track = 0;
  Ticks pts{};
  base::SharedBytes data;  // one raw AAC frame
};

// One caption cue of a WebVTT track.
struct Caption {
  int track = 0;
  std::string language;
  Ticks start{}, end{};
  std::string text;
};

enum class SpanKind { kProgramme, kBreak, kEvent };

// A break or a programme event that rules may replace begins at `asked` or as soon after as law 2 lets it.
struct CueOut {
  SpanKind kind = SpanKind::kBreak;
  std::string id;    // unique on the channel
  std::string name;  // kEvent: what rules call it
  Ticks asked{};     // 0: as soon as possible
  int units = 0;     // planned length; at least 1
};

// Ends the open span early.
struct CueIn {
  std::string id;  // empty: whatever is open
  Ticks asked{};   // 0: as soon as possible
};

// A programme event without a span of its own (a goal, a score): overlays react to it; nothing is cut.
struct Mark {
  std::string name;
  bool open = true;  // false: the event ends
  Ticks at{};
  std::map<std::string, std::string> values;
};

struct SourceLost {
  Ticks at{};
};  // 500 ms of silence
struct TimePasses {
  Ticks at{};
};  // each 100 ms while lost
struct SourceBack {
  Ticks at{};
};

struct Span {
  SpanKind kind = SpanKind::kProgramme;
  std::string id, name;
  Ticks start{}, end{};     // planned end; an early return moves it
  std::int64_t number = 0;  // of a break: counted from 1 on its channel; the same on every node
  bool operator==(const Span&) const = default;
};

// A cut that has been made: the segment with this media sequence number starts here.
struct Cut {
  std::int64_t msn = 0;
  Ticks at{};
  std::optional<Span> span;  // the break or event that the segment is in
  bool operator==(const Cut&) const = default;
};

// A programme event as overlays see it: it takes effect and ends at cuts, so that nobody's joining moves it.
struct OpenEvent {
  Mark mark;                    // as it was opened
  std::optional<Ticks> from;    // the first cut at or after mark.at; nothing: not made yet
  std::optional<Ticks> closed;  // the closing mark's time
  std::optional<Ticks> until;   // the first cut at or after closed; gone at the cut after that
};

// Where the cut list stands; written at each unit so that a node can start anywhere in the stream.
struct CutState {
  Ticks newest{};             // newest stamped time
  std::optional<Cut> last;    // last cut made
  std::optional<Span> open;   // the span that the last cut is in; its end may have moved since
  std::optional<Span> ahead;  // announced, its start still to be reached
  std::map<std::string, OpenEvent> events;
  std::int64_t breaks = 0;  // announced so far
};

using StampedMessage = std::variant<VideoFormat, VideoPacket, AudioFormat, AudioPacket, Caption, CueOut, CueIn, Mark,
                                    SourceLost, TimePasses, SourceBack, CutState>;

// Receives the stamped stream of one channel, in order, on one thread at a time. May block: that is the back-pressure.
class StampedSink {
 public:
  virtual ~StampedSink() = default;
  virtual void push(StampedMessage message) = 0;
};

}  // namespace dvpe::timeline
