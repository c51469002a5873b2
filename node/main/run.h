// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Running a node: the one place where its parts are made, wired by hand in order, and destroyed in reverse.
#pragma once

#include "node/main/config.h"

namespace dvpe::node {

// Runs until SIGINT or SIGTERM. Main thread. Returns an exit code of command.h; says why on standard error.
// file: what config was loaded from, read again on SIGHUP; empty: there is none, only the environment and secrets.
int runNode(const Config& config, const std::filesystem::path& file);

}  // namespace dvpe::node
