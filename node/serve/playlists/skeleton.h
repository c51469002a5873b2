// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The shared skeleton of a channel's playlists, rendered once per cell: everything but the URIs of a viewer's own.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/timeline/feed.h"
#include "shared/base/bytes.h"

namespace dvpe::serve {

using base::Ticks;

// A rendition as playlists name it.
struct Rendition {
  enum class Kind { kVideo, kAudio, kText };
  Kind kind = Kind::kVideo;
  std::string name;      // "v720", "a0", "s0"
  std::string codec;     // RFC 6381; empty for text
  std::string language;  // audio, text
  int width = 0, height = 0;
  std::int64_t maxrate = 0;
};

// What is fixed for a channel.
struct ChannelFacts {
  std::string id, profile;  // as URLs name them
  base::WallTime epoch{};
  timeline::Grid grid{model::FrameRate{}};
  model::FrameRate fps;
  std::vector<Rendition> renditions;  // video highest first, then audio, then text
  std::int64_t audioBitrate = 128000;
  int windowSeconds = 60;
  std::string slate;  // name in URLs
  int slateUnits = 1;
};

// One cell's text. Per rendition and variant a whole entry (EXTINF, date, URI); and the parts for a viewer's own URI.
struct CellText {
  std::shared_ptr<const timeline::Cell> cell;
  std::string head;                               // "#EXTINF:4.00000,\n#EXT-X-PROGRAM-DATE-TIME:...\n"
  std::vector<std::vector<std::string>> entries;  // [rendition][variant]
  std::vector<std::string> conditioned;           // [rendition]: head + "/c/.../<start>/"
};

// The cells' texts behind each other: cell i stands in bytes [at[i], at[i + 1]).
struct JoinedText {
  std::string bytes;
  std::vector<std::uint32_t> at{0};
  void add(std::string_view text) {
    bytes += text;
    at.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
};

// Cells [first, end) of a window that are in one span.
struct SpanRun {
  std::string id;
  std::size_t first = 0, end = 0;
};

// The window of a channel at one moment. Immutable. What a playlist is made of lies together, since a request finds
// little of it in the nearest cache: a run of cells that a viewer shares with others is one copy.
struct Window {
  std::vector<std::shared_ptr<const CellText>> cells;  // oldest first, numbered without a gap
  std::vector<std::string> headers;                    // [rendition]: everything above the first segment
  std::int64_t firstMsn = 0;
  std::vector<std::pair<Ticks, Ticks>> times;  // of the cells: start, end
  std::vector<SpanRun> spans;                  // in order
  std::vector<std::vector<JoinedText>> looks;  // [rendition][look]: the programme; look 0 is the base
  std::vector<JoinedText> conditioned;         // [rendition]: CellText::conditioned
  std::vector<std::uint16_t> lookOfCohort;     // cohorts beyond its end see the base
};

// Builds the text of cells and windows. One thread at a time.
class Skeleton {
 public:
  explicit Skeleton(ChannelFacts facts) : facts_(std::move(facts)) {}

  const ChannelFacts& facts() const { return facts_; }

  // The window with this cell added and what is too old taken off (never under three target durations).
  std::shared_ptr<const Window> add(std::shared_ptr<const timeline::Cell> cell);

  // The multivariant playlist of a session (RFC 8216bis, 4.4.6). audio: the track that is the default.
  std::string multivariant(std::size_t audio) const;

  // BANDWIDTH: 1.5 x (maxrate + audio), kept by base, variants and creatives alike.
  std::int64_t bandwidth(const Rendition& video) const { return (video.maxrate + facts_.audioBitrate) * 3 / 2; }

 private:
  std::shared_ptr<const CellText> text(std::shared_ptr<const timeline::Cell> cell) const;
  void join(Window& window) const;

  const ChannelFacts facts_;
  std::deque<std::shared_ptr<const CellText>> cells_;
};

// The pieces of slate that fill units [0, units) of a cell, as URLs name them, appended to out.
void appendSlate(const ChannelFacts& facts, int units, std::string& out);

}  // namespace dvpe::serve
