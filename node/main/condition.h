// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The command `condition`: finds the profile, conditions each file in the sandbox, reports.
#pragma once

#include <ostream>

#include "node/main/command.h"

namespace dvpe::node {

// Main thread, before any other is started (the sandbox forks). out: a line for each file, "ID DIGEST UNITS FOLDER" or
// JSON; err: talk. Goes on after a file that fails; returns the exit code of the first failure.
int conditionFiles(const ConditionRequest& request, std::ostream& out, std::ostream& err);

}  // namespace dvpe::node
