// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Running a node: the one place where its parts are made, wired by hand in order, and destroyed in reverse.
#pragma once

#include "node/main/config.h"

namespace dvpe::node {

// Runs until SIGINT or SIGTERM. Main thread. Returns an exit code of command.h; says why on standard error.
int runNode(const Config& config);

}  // namespace dvpe::node
