// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Cuts, spans and states as JSON, for the journal and for recordings. Not a public interface: no version promise.
#pragma once

#include <boost/json/value.hpp>

#include "node/timeline/feed.h"
#include "node/timeline/stamped.h"
#include "shared/base/result.h"

namespace dvpe::timeline {

// A state and a cell as one JSON object each.
boost::json::value toJson(const CutState& state);
boost::json::value toJson(const Cell& cell);

// What toJson wrote, or kInvalidInput.
base::Result<CutState> stateFromJson(const boost::json::value& json);
base::Result<Cell> cellFromJson(const boost::json::value& json);

// The messages that are not packets: cues, marks, the source's coming and going, states, captions.
boost::json::value toJson(const StampedMessage& message);
base::Result<StampedMessage> messageFromJson(const boost::json::value& json);

}  // namespace dvpe::timeline
