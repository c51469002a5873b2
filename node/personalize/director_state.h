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

struct Director::ChannelState {
  ChannelState(std::size_t n, DirectedChannel c) : number(n), config(std::move(c)) {}

  // Of a conditioned file; 0: not there.
  int unitsOf(std::string_view media) const {
    const auto it = config.media.find(media);
    return it == config.media.end() ? 0 : it->second.units;
  }

  const std::size_t number;
  const DirectedChannel config;
  std::map<std::string, std::uint16_t> cohortIndex;
  std::vector<std::vector<timeline::OverlayUse>> overlays;  // by cohort index; empty until a session of it is there
  std::optional<timeline::Cut> cut;                         // the newest cut that is final
  std::map<std::string, timeline::Span> spans;              // announced, not yet out of the window
  std::map<std::string, std::vector<std::shared_ptr<const BoundPod>>> pods;  // by span: each different one once
  std::vector<int> viewers;                                                  // by cohort index, as last published
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
