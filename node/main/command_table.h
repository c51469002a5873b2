// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the parts of the table of commands share.
#pragma once

#include <vector>

#include "node/main/command.h"

namespace dvpe::node {

inline constexpr OptionSpec kJson{"--json", "", "one line of JSON on standard output"};
inline constexpr OptionSpec kPassphrase{"--passphrase-file", "FILE",
                                        "a file that only its owner may read; its first line counts", true};

// With the options by which commands reach the database, --json among them.
std::vector<OptionSpec> withDatabase(std::vector<OptionSpec> options);
// The same for commands of people, who have one-time passwords.
std::vector<OptionSpec> signedIn(std::vector<OptionSpec> options);

// Orders to nodes, and releases.
const std::vector<CommandSpec>& controlCommands();
// Documents tried on recorded sessions.
const std::vector<CommandSpec>& rulesCommands();
// Figures of what happened.
const std::vector<CommandSpec>& reportCommands();

}  // namespace dvpe::node
