// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a person or the coordinator may order a running node to do, and how it says that it is.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "node/main/channel.h"
#include "node/main/intake.h"
#include "node/main/readiness.h"
#include "node/personalize/audience.h"
#include "node/personalize/director.h"
#include "shared/decisions/pace.h"
#include "shared/protocol/command.h"

namespace dvpe::node {

// The parts of a node that commands touch; they outlive it. Any thread.
struct Operations {
  Readiness& ready;
  Intake& intake;
  personalize::Director& director;
  const std::vector<std::unique_ptr<Channel>>& channels;
  const std::vector<const model::Channel*>& documents;  // of the channels
  const base::Clock& clock;
  personalize::Audience& audience;

  // What may be obeyed, is: signature, role and grant have been looked at. The answer's data, as JSON. kNotFound: no
  // such channel; kUnsupported: this node cannot do it while it runs.
  base::Result<std::string> obey(const protocol::Accepted& command) const;
  // {"running", "ready", "sessions", "channels": [{"id", "release", "from", "segments", ...}]}
  boost::json::object status() const;
  boost::json::object counts() const;
  // The same for who plans for this node alone. Nothing: the node does not answer in time.
  std::optional<decisions::NodeReport> report(const std::string& node) const;

 private:
  base::Result<std::size_t> channelOf(const std::string& id) const;
  std::int64_t aheadOf(std::size_t channel) const;
};

}  // namespace dvpe::node
