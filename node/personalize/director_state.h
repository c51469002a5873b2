// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The director's private parts, shared by its source files.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <set>

#include "node/personalize/director.h"

namespace dvpe::personalize {

// A cohort that has no number: it sees the programme.
inline constexpr std::uint16_t kNoCohort = 0xFFFF;

// What a channel is decided by from a tick on.
struct Director::Era {
  Ticks from{};
  std::string release;
  std::shared_ptr<const decisions::Compiled> compiled;
  MediaCatalog media;
  std::shared_ptr<const decisions::Terms> terms{};
  std::shared_ptr<decisions::Workspace> workspace{};

  // Of a conditioned file; 0: not there.
  int unitsOf(std::string_view id) const {
    const auto it = media.find(id);
    return it == media.end() ? 0 : it->second.units;
  }
};

struct Director::ChannelState {
  ChannelState(std::size_t n, DirectedChannel c) : number(n), config(std::move(c)) {}

  // What is in force at a tick.
  const Era& eraAt(Ticks at) const {
    auto era = eras.begin();
    while (std::next(era) != eras.end() && std::next(era)->from <= at) ++era;
    return *era;
  }

  const std::size_t number;
  const DirectedChannel config;
  std::deque<Era> eras;  // by their ticks: what was in force at the newest cut, and what is to come
  std::map<std::string, std::uint16_t> cohortIndex;
  std::vector<std::string> cohortIds;                       // the other way round
  std::vector<std::vector<timeline::OverlayUse>> overlays;  // by cohort index; empty until a session of it is there
  std::optional<timeline::Cut> cut;                         // the newest cut that is final
  std::map<std::string, timeline::Span> spans;              // announced, not yet out of the window
  std::map<std::string, std::vector<std::shared_ptr<const BoundPod>>> pods;  // by span: each different one once
  std::vector<int> viewers;                                    // by cohort index, as last published, over all eras
  std::deque<std::shared_ptr<const timeline::Cell>> withheld;  // whole, but some session is yet to be decided for them
  std::shared_ptr<const timeline::Cell> newest;
  std::deque<std::shared_ptr<const timeline::Cell>> recent;
};

// What is kept of a session besides its view.
struct Director::Record {
  std::size_t channel = 0;
  std::string token;
  privacy::Pseudonym viewer{};
  std::int64_t expiry = 0;
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

}  // namespace dvpe::personalize
