// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <algorithm>

#include "shared/protocol/command.h"
#include "shared/protocol/impl/arguments.h"

namespace dvpe::protocol {

using base::ErrorCode;
using base::fail;
using release::Domain;
using release::Role;

namespace {

constexpr std::int64_t kMicros = 1'000'000;

std::string list(const std::set<Role>& roles) {
  std::string out;
  for (const Role r : roles) out += (out.empty() ? "" : ", ") + std::string(release::name(r));
  return out;
}

// The signer, with a role for this command and the channels that it names.
base::Result<void> checkSigner(const release::Key& key, const CommandRule& rule, const Arguments& arguments) {
  if (std::none_of(rule.roles.begin(), rule.roles.end(), [&key](Role r) { return key.has(r); })) {
    return fail(ErrorCode::kRefused,
                key.person + " may not order \"" + std::string(rule.name) + "\": that takes " + list(rule.roles));
  }
  if (key.channels.empty()) return base::success();
  for (const auto& channel : impl::channelsOf(arguments)) {
    if (!key.channels.contains(channel)) {
      return fail(ErrorCode::kRefused, key.person + " may not give orders for the channel \"" + channel + "\"");
    }
  }
  return base::success();
}

// A hold is a document: signed by its owner's organisation, by itself. Who sends it on may be somebody else of it.
base::Result<void> checkHold(const HoldArguments& hold, const release::Key& sender, const release::KeyRing& ring,
                             release::Time now) {
  DVPE_TRY(const release::Key* author, ring.signer(hold.document, Domain::kDocument, release::rolesFor("hold"), now));
  if (author->organisation != hold.header.organisation || sender.organisation != hold.header.organisation) {
    return fail(ErrorCode::kRefused, "the hold is of another organisation than its signer");
  }
  for (const auto& channel : hold.header.channels) {
    if (!author->channels.empty() && !author->channels.contains(channel)) {
      return fail(ErrorCode::kRefused, author->person + " may not hold anything on the channel \"" + channel + "\"");
    }
  }
  return base::success();
}

}  // namespace

CommandGate::CommandGate(std::string node, base::WallTime start)
    : node_(std::move(node)), start_(start.time_since_epoch().count()) {}

base::Result<Accepted> CommandGate::check(const release::Signed& command, const release::KeyRing& ring,
                                          base::WallTime now) {
  if (command.bytes.size() > kMaxCommandBytes) {
    return fail(ErrorCode::kLimitExceeded, "a command has at most " + std::to_string(kMaxCommandBytes) + " bytes");
  }
  if (command.by.size() != 1) return fail(ErrorCode::kRefused, "a command has exactly one signature");
  const release::Time seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  DVPE_TRY(const release::Key* key,
           ring.signer(command, Domain::kCommand, findCommand("status")->roles, seconds));  // any role
  DVPE_TRY(auto parsed, parseCommand(command.bytes));
  const Command& c = parsed.command;
  const CommandRule& rule = *findCommand(c.name);  // parseCommand knows it
  DVPE_CHECK(checkSigner(*key, rule, parsed.arguments));
  if (!c.node.empty() && c.node != node_) {
    return fail(ErrorCode::kRefused, "the command is for the node \"" + c.node + "\"");
  }
  if (c.expires <= seconds) return fail(ErrorCode::kConflict, "the command has expired");
  if (c.expires > seconds + kCommandLife) {
    return fail(ErrorCode::kConflict, "the command expires in more than " + std::to_string(kCommandLife) +
                                          " s: too late, or a clock is wrong");
  }
  // Signed before it expires, else one command from a clock gone wrong would shut its key out for as long.
  if (c.sequence >= c.expires * kMicros) return fail(ErrorCode::kConflict, "the command was signed after its expiry");
  if (c.sequence < start_) {
    return fail(ErrorCode::kConflict, "the command was signed before this node started; sign it again");
  }
  if (const auto last = last_.find(key->id); last != last_.end() && c.sequence <= last->second) {
    return fail(ErrorCode::kConflict, "the command is not newer than the last one of " + key->person);
  }
  if (rule.grant && c.grant.empty()) {
    return fail(ErrorCode::kRefused, "\"" + c.name + "\" needs a grant for the change " + changeOf(c));
  }
  if (const auto* hold = std::get_if<HoldArguments>(&parsed.arguments)) {
    DVPE_CHECK(checkHold(*hold, *key, ring, seconds));
  }
  forget(ring, now);
  last_[key->id] = c.sequence;
  std::string named = changeOf(c);
  return Accepted{
      std::move(parsed.command), std::move(parsed.arguments), key->id, key->person, key->organisation, rule.grant,
      std::move(named)};
}

// Keys that are no longer in the ring, once everything that they signed has expired: they might come back.
void CommandGate::forget(const release::KeyRing& ring, base::WallTime now) {
  const std::int64_t expired = now.time_since_epoch().count() - kCommandLife * kMicros;
  std::erase_if(last_, [&](const auto& entry) {
    return ring.find(entry.first) == nullptr && entry.second + kCommandLife * kMicros < expired;
  });
}

}  // namespace dvpe::protocol
