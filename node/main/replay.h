// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The command `replay`: a channel run from a recording of its stamped stream (law 1), as fast as it can be encoded.
#pragma once

#include <ostream>

#include "node/main/command.h"

namespace dvpe::node {

// Main thread. Renders the base and the variant of every cohort among the configuration's personas, whatever that
// costs, and writes a line for each stored segment to out, in the order of cells: "VARIANT RENDITION START SHA256",
// START in ticks. A folder <state>/<channel> that was on air before is refused: its journal would be gone on from.
// Returns an exit code; kExitFailed also when a segment was lost.
int replayRecording(const Config& config, const ReplayRequest& request, std::ostream& out, std::ostream& err);

}  // namespace dvpe::node
