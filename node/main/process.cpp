// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/process.h"

#include <csignal>
#include <cstdio>
#include <initializer_list>

namespace dvpe::node {

void untilTold() {
  std::printf("{\"ready\":true}\n");
  std::fflush(stdout);
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM}) sigaddset(&set, s);
  int signal = 0;
  ::sigwait(&set, &signal);
}

}  // namespace dvpe::node
