// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "node/main/cli.h"
#include "node/main/replay.h"
#include "node/main/run.h"
#include "node/main/sign_in.h"

#ifdef DVPE_WITH_CONDITION
#include "node/main/condition.h"
#endif

namespace {

// https://no-color.org, and terminals that say they cannot.
bool wantsColour() {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (no == nullptr || *no == '\0') &&
         (term == nullptr || std::string_view(term) != "dumb");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace dvpe::node;
  Console console{std::cout, std::cerr, processEnvironment(), false, wantsColour(), runNode, {}, replayRecording};
  console.ask = askHidden;
#ifdef DVPE_WITH_CONDITION
  console.condition = conditionFiles;
#endif
  const int code = runCli({argv + 1, argv + (argc > 0 ? argc : 1)}, console);
  std::cout.flush();
  return code == kExitOk && !std::cout ? kExitFailed : code;  // a full disk behind a redirection is a failure
}
