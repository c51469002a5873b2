// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/command.h"

#include <array>

namespace dvpe::node {

namespace {

constexpr OptionSpec kConfig{"--config", "FILE", "the configuration; default: $DVPE_CONFIG, or /etc/dvpe/dvpe.toml"};
constexpr OptionSpec kJson{"--json", "", "one line of JSON on standard output"};

constexpr std::array kCommon{
    OptionSpec{"--quiet", "", "say nothing on standard error but errors"},
    OptionSpec{"--no-color", "", "no colour (also: NO_COLOR set, TERM=dumb, or no terminal)"},
};

const std::vector<CommandSpec>& table() {
  static const std::vector<CommandSpec> commands{
      {"run",
       "",
       "run the node until it is told to stop",
       "dvpe-node run --config /etc/dvpe/dvpe.toml\n"
       "DVPE_HTTP_PORT=9000 dvpe-node run --config dvpe.toml",
       {kConfig},
       "",
       0,
       0,
       {},
       runCommand},
      {"config",
       "check",
       "name every mistake in the configuration",
       "dvpe-node config check --config dvpe.toml\n"
       "dvpe-node config check --json",
       {kConfig, kJson},
       "",
       0,
       0,
       {},
       configCheckCommand},
      {"config",
       "show",
       "print the configuration in force",
       "dvpe-node config show --origin\n"
       "dvpe-node config show --json",
       {kConfig, kJson, {"--origin", "", "say where each value comes from: file and line, variable, or default"}},
       "",
       0,
       0,
       {},
       configShowCommand},
      {"config",
       "example",
       "print a configuration file with every key, explained",
       "dvpe-node config example > dvpe.toml",
       {},
       "",
       0,
       0,
       {},
       configExampleCommand},
      {"condition",
       "",
       "make conditioned media of files, for breaks and replacements",
       "dvpe-node condition spot.mp4 --profile hd --documents documents --out media\n"
       "dvpe-node condition --slate --id slate --profile hd --documents documents --out media",
       {{"--profile", "ID", "the profile to condition for", true},
        {"--documents", "DIR", "the folder with the profile's document", true},
        {"--out", "DIR", "the media folder to write to", true},
        {"--id", "ID", "the id of what is made; default: the file's name without its ending"},
        {"--slate", "", "make a plain slate instead of reading files"},
        kJson},
       "FILE",
       0,
       1000,
       {},
       conditionCommand},
      {"replay",
       "",
       "run a channel from a recording of its stamped stream and print the digest of each segment",
       "dvpe-node replay news-1700000000.stamped --config dvpe.toml\n"
       "DVPE_NODE_STATE=/tmp/second dvpe-node replay news-1700000000.stamped --from 20 --config dvpe.toml",
       {kConfig,
        {"--channel", "ID", "the channel whose documents apply; default: the only one"},
        {"--from", "SECONDS", "join so long after the recording's beginning; default: 0"}},
       "RECORDING",
       1,
       1,
       {},
       replayCommand},
      {"keys",
       "stream",
       "make a stream key for a channel and print it, once",
       "dvpe-node keys stream --channel news\n"
       "dvpe-node keys stream --channel news --json",
       {kConfig, kJson, {"--channel", "ID", "the channel that it may publish on", true}},
       "",
       0,
       0,
       {},
       keysStreamCommand},
      {"keys",
       "session",
       "make a new session key; the former one goes on opening sessions",
       "dvpe-node keys session",
       {kConfig},
       "",
       0,
       0,
       {},
       keysSessionCommand},
      {"version", "", "print the version", "dvpe-node version --json", {kJson}, "", 0, 0, {}, versionCommand},
      {"completion",
       "",
       "print a completion script for a shell",
       "dvpe-node completion bash > /etc/bash_completion.d/dvpe-node",
       {},
       "SHELL",
       1,
       1,
       {"bash", "zsh", "fish"},
       completionCommand},
  };
  return commands;
}

}  // namespace

std::span<const CommandSpec> commandTable() { return table(); }
std::span<const OptionSpec> commonOptions() { return kCommon; }

int exitCode(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::kRefused:
      return kExitNotPermitted;
    case base::ErrorCode::kUnsupported:
      return kExitNotImplemented;
    default:
      return kExitFailed;
  }
}

}  // namespace dvpe::node
