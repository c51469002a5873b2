// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The command line: finds the command, reads its options, answers --help, and says what was probably meant.
#pragma once

#include <string>
#include <vector>

#include "node/main/command.h"

namespace dvpe::node {

// arguments: without the program's name. Returns the exit code. Never throws.
int runCli(const std::vector<std::string>& arguments, Console& console);

}  // namespace dvpe::node
