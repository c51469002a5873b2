// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Commands: what a person or the coordinator orders a node to do, signed for one moment (design, section 7). The
// connection it comes over proves nothing: CommandGate looks at the signature, the signer's role, whom it is for, and
// that it is new.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/release/keys.h"
#include "shared/release/release.h"

namespace dvpe::protocol {

inline constexpr std::size_t kMaxCommandBytes = 64 << 10;
inline constexpr release::Time kCommandLife = 120;  // seconds from signing to expiry, at most

// One order. Its JSON, as it was signed, is what counts.
struct Command {
  std::string id;                // 32 lower-case hexadecimal digits; the answer has it too
  std::string node;              // a node's name; empty: every node
  std::string name;              // of the table, commands()
  std::string arguments = "{}";  // a JSON object as text; travels as text, so that changeOf() is the same everywhere
  std::int64_t sequence = 0;     // microseconds since 1970, UTC, at signing; grows with each command of a key
  release::Time expires = 0;     // after the signing, by at most kCommandLife
  std::string grant;             // uuid of the database's grant; empty: none
  bool operator==(const Command&) const = default;
};

// What arguments say, by command: status, drain, undrain; channel.restart, break.stop; break.start; feed.clean; hold;
// log.level; count; release.effective.
struct NoArguments {};
struct ChannelArguments {
  std::string channel;
};
struct BreakArguments {
  std::string channel;
  int units = 0;   // 1 to 600
  std::string id;  // empty: the node makes one
};
struct CleanArguments {
  std::string channel;
  bool on = false;
};
struct HoldArguments {
  release::Signed document;  // the exact bytes of a `hold`
  release::Header header;    // what it calls itself
};
struct LogArguments {
  std::string level;  // trace, debug, info, warn, error
};
struct CountArguments {
  std::string channel;
  std::string when;  // a condition of the rule language
};
struct EffectiveArguments {
  release::Order order;
  std::int64_t at = 0;  // microseconds since 1970, UTC
};
using Arguments = std::variant<NoArguments, ChannelArguments, BreakArguments, CleanArguments, HoldArguments,
                               LogArguments, CountArguments, EffectiveArguments>;

// One line of the table.
struct CommandRule {
  std::string_view name;
  std::set<release::Role> roles;  // of which the signer has one
  bool grant = false;             // whether it takes a grant of the database
};

// All commands, in the order of the reference.
std::span<const CommandRule> commands();
// nullptr: there is no such command.
const CommandRule* findCommand(std::string_view name);

// A command with its arguments read.
struct ParsedCommand {
  Command command;
  Arguments arguments;
};

// Strict, at most kMaxCommandBytes and 32 levels; all mistakes are named, those of arguments by their
// place. kInvalidInput, kLimitExceeded.
base::Result<ParsedCommand> parseCommand(std::string_view json);
std::string toJson(const Command& command);

// Checks a command as parseCommand does, and signs it.
base::Result<release::Signed> signCommand(const Command& command, const release::PrivateKey& key);

// The name of a change as the database computes it (session.change): SHA-256 over each part's length (4 bytes, big
// endian) and bytes, 64 hexadecimal digits.
std::string change(std::initializer_list<std::string_view> parts);
// What a command's grant must have been given for: change of "node.command", name, node, arguments.
std::string changeOf(const Command& command);

// A command that may be obeyed, once its grant is consumed.
struct Accepted {
  Command command;
  Arguments arguments;
  std::string key, person, organisation;  // the signer's
  bool grantNeeded = false;               // then consume command.grant for `change` in the database before obeying
  std::string change;                     // changeOf(command)
};

// Decides about the commands of one node. It remembers, for each key, the last command that it accepted, in memory:
// what was signed before it started is refused, so a command cannot come twice across a restart. One thread.
class CommandGate {
 public:
  // node: our name. start: now; commands that were signed earlier are refused.
  CommandGate(std::string node, base::WallTime start);

  // Length, then signature, then text, then role, channels, node, expiry and sequence; for a hold, its own signature as
  // well. The first that is wrong is the error: kLimitExceeded, kInvalidInput; kRefused: signature, role, channel,
  // other node, or no grant; kConflict: expired, signed ahead of time, or not newer than the last one.
  base::Result<Accepted> check(const release::Signed& command, const release::KeyRing& ring, base::WallTime now);

 private:
  void forget(const release::KeyRing& ring, base::WallTime now);

  std::string node_;
  std::int64_t start_;                        // microseconds
  std::map<std::string, std::int64_t> last_;  // sequence by key; of keys in the ring, and what expired a moment ago
};

}  // namespace dvpe::protocol
