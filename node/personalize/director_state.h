// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The director's private parts, shared by its source files.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <set>
#include <unordered_map>

#include "node/personalize/director.h"

namespace dvpe::personalize {

// A cohort that has no number: it sees the programme.
inline constexpr std::uint16_t kNoCohort = 0xFFFF;
// The most sessions between two looks at what else there is to do.
inline constexpr std::size_t kDecidedAtOnce = 512;

// No segment stays listed for longer.
inline constexpr Ticks kLongestWindow{600 * base::kTicksPerSecond};

// What a channel is decided by from a tick on.
struct Director::Era {
  std::uint32_t number = 0;  // unique in this process
  Ticks from{};
  std::string release;
  std::shared_ptr<const decisions::Compiled> compiled;
  MediaCatalog media;
  std::shared_ptr<const decisions::Terms> terms;
  std::shared_ptr<decisions::Workspace> workspace;  // null: the documents have no such channel
  // By line and creative, as playlists and journals name them; null: not conditioned.
  std::vector<std::vector<std::shared_ptr<const PlacedCreative>>> creatives;
  std::vector<std::uint32_t> counterOf;  // by line: its place in counters_
  std::vector<std::uint32_t> eligible;   // by line: added to while deciding, emptied into counters_

  // Of a conditioned file; 0: not there.
  int unitsOf(std::string_view id) const {
    const auto it = media.find(id);
    return it == media.end() ? 0 : it->second.units;
  }
};

struct Director::ChannelState {
  ChannelState(std::size_t n, DirectedChannel c) : number(n), config(std::move(c)) {}

  // What is in force at a tick.
  Era& eraAt(Ticks at) {
    auto era = eras.begin();
    while (std::next(era) != eras.end() && std::next(era)->from <= at) ++era;
    return *era;
  }
  // The newest cut; before the first: 0.
  Ticks now() const { return cut ? cut->at : Ticks{0}; }

  const std::size_t number;
  const DirectedChannel config;
  std::deque<Era> eras;  // by their ticks: what was in force at the newest cut, and what is to come
  std::map<std::string, std::uint16_t> cohortIndex;
  std::vector<std::string> cohortIds;                       // the other way round
  std::vector<std::vector<timeline::OverlayUse>> overlays;  // by cohort index; empty until a session of it is there
  std::optional<timeline::Cut> cut;                         // the newest cut that is final
  std::map<std::string, timeline::Span> spans;              // announced, not yet out of the window
  std::int64_t nextBreak = 1;                               // the number of the break to come
  // By span and hash of the pieces: each different one once.
  std::map<std::string, std::unordered_multimap<std::size_t, std::shared_ptr<const BoundPod>>> pods;
  std::vector<int> viewers;                                    // by cohort index, as last published, over all eras
  std::deque<std::shared_ptr<const timeline::Cell>> withheld;  // whole, but some session is yet to be decided for them
  std::shared_ptr<const timeline::Cell> newest;
  std::deque<std::shared_ptr<const timeline::Cell>> recent;
};

// What is known of a viewer on this node, shared by the viewer's sessions here.
struct Director::ViewerState {
  // False: the viewer's home is another node. What was shown is known there, so nothing is remembered here, and the
  // history stays empty.
  bool known = true;
  decisions::History history;
  std::uint64_t stored = 0;  // the entry of the log up to which the stored record tells
  bool kept = false;         // on disk, too: the viewer agreed to be remembered for advertising
  bool dirty = false;
  int sessions = 0;
};

// An impression that was bound and has not been settled: delivered, or returned.
struct Director::Promise {
  std::uint32_t at = 0;  // seconds since 1970 at which it begins
  std::uint32_t counter = 0;
  decisions::ImpressionKeys keys;
  bool remembered = true;      // in the viewer's history, for caps
  std::uint32_t listedAt = 0;  // steady seconds: a playlist with all of it had been fetched by then; 0: not yet
  Ticks end{};                 // of its last unit
  std::shared_ptr<const PlacedCreative> what;
  std::uint32_t breakNumber = 0;
  std::int32_t day = 0;  // of the break: UTC days since 1970
  std::uint16_t slot = 0, units = 0;
  std::shared_ptr<const decisions::Rankings> rankings;  // null: no model chose it
  std::uint32_t line = 0;                               // of the rankings' channel
  std::uint16_t creative = 0;                           // of the line's
};

// What is kept of a session besides its view.
struct Director::Record {
  std::size_t channel = 0;
  std::string token;
  privacy::Pseudonym viewer{};
  privacy::Pseudonym name{};  // of the viewer in files
  std::int64_t expiry = 0;
  privacy::Pseudonym known{};  // the key of its viewer's state: their name, or the session's own id
  ViewerState* state = nullptr;
  decisions::Ready ready;  // decided by the era of this number
  std::uint32_t era = 0;
  std::unique_ptr<std::pair<std::uint32_t, decisions::Ready>> next;  // the same by the era to come
  std::uint32_t decided = 0;                                         // steady seconds
  std::vector<Promise> promises;                                     // between breaks: none
  std::unique_ptr<Profile> profile;                                  // null: the viewer has said nothing
  privacy::PurposeSet purposes = 0;
  std::uint16_t country = 0;                 // a place in words_
  std::uint16_t device = 0;                  // the same
  std::uint16_t told = kNoCohort;            // the cohort that was last told of
  std::unique_ptr<events::Sampled> sampled;  // null: it is not in the decision sample of this day
  std::int32_t sampledOn = 0;                // the day for which that was asked; 0: not yet
  std::uint32_t heard = 0;  // steady seconds up to which it was told that the viewer is there; 0: not yet
};

// One line's impressions on this node since it began, and what it may still bind. The first of all is nobody's: its
// `eligible` counts the breaks of sessions that were decided.
struct Director::LineCounter {
  std::string name;
  LineCounts counts;
  std::int64_t ceiling = 0;
  bool metered = true;  // without a ceiling nothing is bound
  bool dirty = false;
};

// Waiters for one commit of the session journal.
struct Director::Batch {
  explicit Batch(boost::asio::io_context& context) : done(context, std::chrono::steady_clock::time_point::max()) {}
  boost::asio::steady_timer done;
  base::Result<void> result = base::success();
};

class Director::Feed final : public timeline::FeedListener {
 public:
  Feed(Director& director, std::size_t channel) : director_(director), channel_(channel) {}
  void spanAnnounced(const timeline::Span& span) override;
  void spanEnds(const std::string& id, Ticks at) override;
  void cutMade(const timeline::Cut& cut) override;
  void cellFinished(std::shared_ptr<const timeline::Cell> cell) override;

 private:
  Director& director_;
  const std::size_t channel_;
};

// Entries of the log of breaks, as bytes: log_entry.cpp.
struct LoggedCreative {
  std::shared_ptr<const PlacedCreative> what;
  decisions::ImpressionKeys keys;
  bool promised = false;  // it counts: a line that is paid for or capped
};
struct LoggedSlot {
  std::uint16_t creative = 0;  // of the entry's creatives
  std::uint16_t units = 0;
};
// What sessions were bound to in one span: facts of the channel in clear, each session's slots sealed for its viewer.
struct BindEntry {
  timeline::Span span;
  std::string channel;
  std::vector<LoggedCreative> creatives;
  struct Session {
    privacy::SessionId id{};
    std::uint16_t firstUnit = 0;
    base::Bytes sealed;  // sealSlots()
  };
  std::vector<Session> sessions;
};
// What became of promises.
struct Outcome {
  privacy::SessionId id{};
  std::uint32_t at = 0;
  decisions::Key creative = 0;
  bool delivered = false;
};
struct SettleEntry {
  std::vector<Outcome> outcomes;
};
using LogEntry = std::variant<BindEntry, SettleEntry>;
base::Bytes toBytes(const LogEntry& entry);
base::Result<LogEntry> parseEntry(base::ByteView bytes);
base::Bytes toBytes(const std::vector<LoggedSlot>& slots);
base::Result<std::vector<LoggedSlot>> parseSlots(base::ByteView bytes);

}  // namespace dvpe::personalize
