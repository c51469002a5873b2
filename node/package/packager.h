// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One channel's packager: gathers the parts of each cell (every rung of every variant, every audio track, captions),
// stores them in the window, journals the cut before and the cell when it is whole, and tells the feed.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "node/package/window.h"
#include "node/timeline/feed.h"
#include "node/timeline/journal.h"

namespace dvpe::package {

// What a channel consists of, besides its profile.
struct ChannelShape {
  std::string channel;
  model::Profile profile;
  int audioTracks = 1;
  std::vector<std::string> captionLanguages;
  int windowSeconds = 60;
};

// Renditions of audio and captions in paths and URLs: "a0", "s0", ...
std::string audioRendition(int track);
std::string captionRendition(int track);

// Atomics, read by metrics at any time.
struct PackagerCounters {
  std::atomic<std::uint64_t> cells{0}, holes{0}, variantsLost{0}, writeErrors{0}, bytes{0};
  std::atomic<std::int64_t> lastListedMsn{-1};
  std::atomic<std::int64_t> lastListedEnd{0};  // ticks
};

// Thread-safe: each call is put on a strand of the pool and done in order there; so are the listener's calls. A part
// that cannot be made or stored takes its variant off the cell; without a base part the cell is a hole, which
// conditioned slate fills. What was journalled is listed, whatever happens.
class Packager {
 public:
  // journal, window and listeners must outlive it. Call wait() before destroying it.
  Packager(ChannelShape shape, Window& window, timeline::Journal& journal, boost::asio::any_io_executor pool,
           std::vector<timeline::FeedListener*> listeners);

  // A cut is final: the cell before ends here and this one begins. rendered: false for a cell that nobody renders.
  void begin(const timeline::CutState& state, bool rendered, std::vector<std::string> variants,
             std::vector<std::uint16_t> variantOfCohort, std::vector<std::uint16_t> fallbacks);
  // A rung of a variant of a cell, whole, or why not.
  void video(std::int64_t msn, std::string variant, std::string rung, base::Ticks start, base::Ticks end,
             base::Result<base::Bytes> segment);
  // The next slot of a track; slots come without gaps.
  void audio(int track, std::int64_t slot, base::SharedBytes frame);
  void caption(timeline::Caption caption);
  void spanAnnounced(timeline::Span span);
  void spanEnds(std::string id, base::Ticks at);
  // A cohort got its number. Journalled before any cell that names it.
  void cohort(std::size_t index, std::string id);

  // Blocks until everything that was given before is done.
  void wait();
  const PackagerCounters& counters() const { return counters_; }

 private:
  struct Open {
    timeline::Cell cell;
    bool ended = false;
    std::set<std::pair<std::string, std::string>> missing;  // variant, rung
    std::set<std::string> lost;                             // variants of which a part failed
    int audioDone = 0;
  };
  struct Track {
    std::int64_t next = -1;  // slot of frames.front()
    std::deque<base::SharedBytes> frames;
    std::int64_t msn = -1;  // the cell that it is at; -1: the first open one
  };

  void doBegin(const timeline::CutState& state, bool rendered, std::vector<std::string> variants,
               std::vector<std::uint16_t> variantOfCohort, std::vector<std::uint16_t> fallbacks);
  void doVideo(std::int64_t msn, const std::string& variant, const std::string& rung, base::Ticks start,
               base::Ticks end, base::Result<base::Bytes> segment);
  void finishAudio(int track);
  void storeAudio(int track, Open& open);
  bool storeCaptions(const timeline::Cell& cell);
  bool journalCohorts();
  void settle();
  bool list(Open open);
  Open* find(std::int64_t msn);
  base::Result<void> store(const std::string& variant, const std::string& rendition, base::Ticks start, base::Ticks end,
                           base::ByteView bytes, SegmentType type = SegmentType::kMedia);

  const ChannelShape shape_;
  const std::string profile_;
  Window& window_;
  timeline::Journal& journal_;
  boost::asio::strand<boost::asio::any_io_executor> strand_;
  const std::vector<timeline::FeedListener*> listeners_;
  std::deque<Open> open_;
  std::vector<Track> tracks_;
  std::deque<timeline::Caption> captions_;
  std::deque<std::pair<std::size_t, std::string>> cohorts_;  // not journalled yet
  PackagerCounters counters_;
};

}  // namespace dvpe::package
