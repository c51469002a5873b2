// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What control does with a node. Implemented in node/main, so that nothing here knows of channels and viewers.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "shared/base/clock.h"
#include "shared/base/ticks.h"
#include "shared/protocol/command.h"
#include "shared/protocol/messages.h"
#include "shared/release/bundle.h"

namespace dvpe::control {

// From when on a release is in force here.
struct TookOver {
  std::map<std::string, base::Ticks> from;  // by channel: no segment that starts earlier is of it
  bool late = false;                        // its moment had passed when this node was ready for it
  std::size_t sessions = 0;                 // whom it gives something else
};

// A release that a node could take over at once.
class Preparation {
 public:
  virtual ~Preparation() = default;
};

// What people have held of the documents in force.
using HeldNames = std::set<release::DocumentName>;

// prepare(), takeOver() and hold() are called on one thread at a time and may take seconds; the rest on the agent's
// thread, and returns soon.
class Target {
 public:
  virtual ~Target() = default;

  // Reads and compiles the documents, and gets the media that they need. The node goes on with what it has. All
  // mistakes at once, one a line. kInvalidInput: the documents; kUnavailable: media that are not here.
  virtual base::Result<std::shared_ptr<Preparation>> prepare(const release::Verified& release) = 0;
  // In force on each channel from its first cut at or after the moment on, as if what is held were not there.
  virtual base::Result<TookOver> takeOver(const release::Order& order, std::shared_ptr<Preparation> prepared,
                                          base::WallTime effective, const HeldNames& held) = 0;
  // From the next cut on this is held of what is in force, and nothing else.
  virtual base::Result<TookOver> hold(const HeldNames& held) = 0;

  // Obeys a command that may be obeyed. The answer's data, as JSON.
  virtual base::Result<std::string> obey(const protocol::Accepted& command) = 0;
  // How the node is: a JSON object (docs/reference/control.md).
  virtual std::string telemetry() = 0;

  // What a coordinator has made for all nodes and signed. kInvalidInput; kUnavailable: the node does not run yet.
  virtual base::Result<void> take(protocol::Made what, const std::string& text) = 0;
  // What was counted for each line, for coordinators alone: a JSON object. Empty: nothing yet.
  virtual std::string counts() = 0;
};

}  // namespace dvpe::control
