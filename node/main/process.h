// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A process that does one thing of a node's alone (node.role).
#pragma once

namespace dvpe::node {

// Says {"ready":true} on standard output, and waits for SIGINT or SIGTERM, which every thread has blocked.
void untilTold();

}  // namespace dvpe::node
