// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <boost/json.hpp>

#include "node/main/command.h"
#include "node/main/secrets.h"

namespace dvpe::node {

int keysStreamCommand(const Arguments& arguments, Console& console) {
  LoadedConfig loaded;
  if (!loadForCommand(arguments, console, CheckFiles::kNo, loaded)) return kExitConfig;
  base::SystemRandom random;
  const std::string channel = arguments.value("--channel");
  const auto key = addStreamKey(loaded.config, channel, random);
  if (!key) return failed(console, key.error());
  if (arguments.flag("--json")) {
    console.out << boost::json::object{{"channel", channel}, {"streamKey", key.value()}} << "\n";
  } else {
    console.out << key.value() << "\n";
  }
  if (!console.quiet) {
    console.err << "This key publishes on " << channel << ". It is shown this once; "
                << secretFiles(loaded.config).streamKeys.string()
                << " keeps only its hash. To withdraw it, delete its line there.\n"
                   "A running node learns of it on SIGHUP.\n";
  }
  return kExitOk;
}

int keysSessionCommand(const Arguments& arguments, Console& console) {
  LoadedConfig loaded;
  if (!loadForCommand(arguments, console, CheckFiles::kNo, loaded)) return kExitConfig;
  base::SystemRandom random;
  const auto changed = changeSessionKey(loaded.config, random);
  if (!changed) return failed(console, changed.error());
  if (!console.quiet) {
    console.err << secretFiles(loaded.config).sessionKey.string()
                << " has a new current key. It is used from the next restart; sessions of the key before go on.\n";
  }
  return kExitOk;
}

}  // namespace dvpe::node
