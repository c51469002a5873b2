// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The commands of dvpe-node as one table: reading the line, help and completion are all made from it. What a command
// does is a function in a file of its own; standard output carries data, standard error carries talk.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "node/main/config.h"

namespace dvpe::node {

// Exit codes: those of the Linux Standard Base that systemd names, and 130 after an interrupt.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotImplemented = 3;
inline constexpr int kExitNotPermitted = 4;
inline constexpr int kExitMissing = 5;  // something that must be installed is not
inline constexpr int kExitConfig = 6;
inline constexpr int kExitNotRunning = 7;
inline constexpr int kExitInterrupted = 130;

// The exit code for an error on a command's path.
int exitCode(base::ErrorCode code);

// What `condition` was asked for.
struct ConditionRequest {
  std::vector<std::filesystem::path> files;
  bool slate = false;               // make a slate instead of reading files
  std::string id;                   // of the one file or slate; empty: made of the file's name
  std::string profile;              // a profile's id in the documents
  std::filesystem::path documents;  // folder
  std::filesystem::path out;        // folder
  bool json = false;
  bool progress = false;  // with json: how far it is and what went wrong are lines of JSON, too
  bool quiet = false;
};

// What `replay` was asked for.
struct ReplayRequest {
  std::filesystem::path recording;
  std::string channel;  // empty: the documents' only one
  double from = 0;      // seconds after the recording's first packet; the replay joins at the next cut state
};

// What a command may touch of the world. Tests give their own.
struct Console {
  std::ostream& out;  // data
  std::ostream& err;  // talk
  Environment environment;
  bool quiet = false;
  bool colour = false;  // standard error is a terminal that wants colour
  // What is linked in elsewhere: the node itself, and conditioning when it is part of the build.
  std::function<int(const Config&, const std::filesystem::path& file)> run;
  std::function<int(const ConditionRequest&, std::ostream& out, std::ostream& err)> condition;
  std::function<int(const Config&, const ReplayRequest&, std::ostream& out, std::ostream& err)> replay = {};
  // Asks for something hidden, such as a one-time password; nothing: nobody answered. Empty: there is nobody to ask.
  std::function<std::optional<std::string>(std::string_view prompt)> ask = {};
};

// An option of a command: a flag when value is empty.
struct OptionSpec {
  std::string_view name;   // "--config"
  std::string_view value;  // "FILE"
  std::string_view help;
  bool required = false;
};

// What followed a command on the line, by option name. rest: the positional arguments.
struct Arguments {
  std::map<std::string, std::string, std::less<>> values;
  std::set<std::string, std::less<>> flags;
  std::vector<std::string> rest;
  bool flag(std::string_view name) const { return flags.find(name) != flags.end(); }
  std::string value(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

// One command. verb is empty when the noun says it all.
struct CommandSpec {
  std::string_view noun, verb;
  std::string_view summary;
  std::string_view example;  // lines, shown first in help
  std::vector<OptionSpec> options;
  std::string_view rest;  // name of the positional arguments, or empty
  std::size_t restMin = 0, restMax = 0;
  std::vector<std::string_view> choices;  // what a positional argument may be, when that is known
  int (*run)(const Arguments&, Console&);
};

// All commands, in the order in which help lists them.
std::span<const CommandSpec> commandTable();
// Options that every command takes.
std::span<const OptionSpec> commonOptions();

// The manual page dvpe-node(1), in roff's man macros.
std::string manPage();
// A completion script for bash, zsh or fish; empty for another shell.
std::string completionScript(std::string_view shell);

// ---- the commands: each answers with an exit code, having said why on console.err

// What the table names; the verb is in the function's name.
int runCommand(const Arguments& arguments, Console& console);
int configCheckCommand(const Arguments& arguments, Console& console);
int configShowCommand(const Arguments& arguments, Console& console);
int configExampleCommand(const Arguments& arguments, Console& console);
int conditionCommand(const Arguments& arguments, Console& console);
int replayCommand(const Arguments& arguments, Console& console);
int keysStreamCommand(const Arguments& arguments, Console& console);
int keysSessionCommand(const Arguments& arguments, Console& console);
int keysCreateCommand(const Arguments& arguments, Console& console);
int keysRevokeCommand(const Arguments& arguments, Console& console);
int keysSignCommand(const Arguments& arguments, Console& console);
int keysCountersignCommand(const Arguments& arguments, Console& console);
int keysCurveCommand(const Arguments& arguments, Console& console);
int keysVerifyCommand(const Arguments& arguments, Console& console);
int dbMigrateCommand(const Arguments& arguments, Console& console);
int dbCheckCommand(const Arguments& arguments, Console& console);
int peopleBootstrapCommand(const Arguments& arguments, Console& console);
int peopleListCommand(const Arguments& arguments, Console& console);
int peopleAddCommand(const Arguments& arguments, Console& console);
int peopleAddMachineCommand(const Arguments& arguments, Console& console);
int peopleAddOrganisationCommand(const Arguments& arguments, Console& console);
int peopleRolesCommand(const Arguments& arguments, Console& console);
int peopleDisableCommand(const Arguments& arguments, Console& console);
int peopleUnlockCommand(const Arguments& arguments, Console& console);
int peopleNewSecretCommand(const Arguments& arguments, Console& console);
int peopleProposalsCommand(const Arguments& arguments, Console& console);
int peopleApproveCommand(const Arguments& arguments, Console& console);
int peopleRejectCommand(const Arguments& arguments, Console& console);
int peoplePasswordCommand(const Arguments& arguments, Console& console);
int auditSearchCommand(const Arguments& arguments, Console& console);
int auditVerifyCommand(const Arguments& arguments, Console& console);
int privacyListCommand(const Arguments& arguments, Console& console);
int impressionsVerifyCommand(const Arguments& arguments, Console& console);
int blobsPutCommand(const Arguments& arguments, Console& console);
int blobsGetCommand(const Arguments& arguments, Console& console);
int blobsListCommand(const Arguments& arguments, Console& console);
int blobsDropCommand(const Arguments& arguments, Console& console);
int nodeStatusCommand(const Arguments& arguments, Console& console);
int nodeDrainCommand(const Arguments& arguments, Console& console);
int nodeUndrainCommand(const Arguments& arguments, Console& console);
int nodeRestartChannelCommand(const Arguments& arguments, Console& console);
int nodeBreakCommand(const Arguments& arguments, Console& console);
int nodeCleanCommand(const Arguments& arguments, Console& console);
int nodeLogCommand(const Arguments& arguments, Console& console);
int audienceCountCommand(const Arguments& arguments, Console& console);
int nodeWatchCommand(const Arguments& arguments, Console& console);
int releaseListCommand(const Arguments& arguments, Console& console);
int releaseShowCommand(const Arguments& arguments, Console& console);
int releaseDiffCommand(const Arguments& arguments, Console& console);
int releaseLeftOutCommand(const Arguments& arguments, Console& console);
int releaseRollbackCommand(const Arguments& arguments, Console& console);
int releaseStagesCommand(const Arguments& arguments, Console& console);
int releaseResumeCommand(const Arguments& arguments, Console& console);
int releaseScheduleCommand(const Arguments& arguments, Console& console);
int jobsRequestCommand(const Arguments& arguments, Console& console);
int jobsListCommand(const Arguments& arguments, Console& console);
int jobsCancelCommand(const Arguments& arguments, Console& console);
int rulesTestCommand(const Arguments& arguments, Console& console);
int rulesExplainCommand(const Arguments& arguments, Console& console);
int rulesHitsCommand(const Arguments& arguments, Console& console);
int rulesReplayCommand(const Arguments& arguments, Console& console);
int reportCommand(const Arguments& arguments, Console& console);
int versionCommand(const Arguments& arguments, Console& console);
int completionCommand(const Arguments& arguments, Console& console);
int manCommand(const Arguments& arguments, Console& console);

// ---- for commands

// --config, else DVPE_CONFIG, else /etc/dvpe/dvpe.toml when it exists, else empty: defaults and environment.
std::filesystem::path configFile(const Arguments& arguments, const Console& console);
// Loads it, and with files checks what it names; complains and returns false when anything is wrong.
enum class CheckFiles { kNo, kYes };
bool loadForCommand(const Arguments& arguments, Console& console, CheckFiles files, LoadedConfig& loaded);
// Complains of an error and gives the exit code for it.
int failed(Console& console, const base::Error& error);
inline int exitOf(Console& console, const base::Result<void>& done) {
  return done ? kExitOk : failed(console, done.error());
}
// The whole number that follows an option, and may not be below 0; fallback without it. kInvalidInput.
base::Result<std::int64_t> numberOf(const Arguments& arguments, std::string_view option, std::int64_t fallback);
// A whole number from 1, as releases and revisions are named; kInvalidInput with this message.
base::Result<std::int64_t> numberFrom(std::string_view text, std::string_view expected);
// The words between commas; none is empty.
std::vector<std::string> words(const std::string& text);
// For a terminal, which control characters could move about.
std::string printable(std::string_view text);
// "dvpe-node: error: message", in red where that helps.
void complain(Console& console, std::string_view message);

}  // namespace dvpe::node
