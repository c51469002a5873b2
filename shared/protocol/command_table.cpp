// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// The table of commands: who may sign each, and how its arguments are read.
#include <array>

#include "shared/protocol/impl/arguments.h"

namespace dvpe::protocol {

using model::Need;
using model::ObjectReader;
using release::Role;

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;
constexpr std::size_t kMaxHold = 64 << 10;
constexpr std::size_t kMaxCondition = 4096;

Arguments none(ObjectReader&) { return NoArguments{}; }

Arguments channel(ObjectReader& in) {
  ChannelArguments out;
  in.name("channel", out.channel, Need::kRequired);
  return out;
}

Arguments breakStart(ObjectReader& in) {
  BreakArguments out;
  in.name("channel", out.channel, Need::kRequired);
  in.integer("units", out.units, 1, 600, Need::kRequired);
  in.name("id", out.id, Need::kOptional);
  return out;
}

Arguments clean(ObjectReader& in) {
  CleanArguments out;
  in.name("channel", out.channel, Need::kRequired);
  if (!in.flag("on", out.on) && !in.has("on")) in.place().mistake("\"on\" is missing");
  return out;
}

Arguments hold(ObjectReader& in) {
  HoldArguments out;
  std::string key, digits;
  if (in.text("document", out.document.bytes, Need::kRequired, kMaxHold)) {
    if (auto header = release::parseHeader(out.document.bytes); !header) {
      in.at("document").mistake(header.error().message);
    } else if (out.header = std::move(header).value(); out.header.name.kind != "hold") {
      in.at("document").mistake("expected a document of the kind \"hold\"");
    }
  }
  in.text("key", key, Need::kRequired, 16);
  if (in.text("signature", digits, Need::kRequired, 128)) {
    if (const auto signature = release::parseSignature(digits)) {
      out.document.by.push_back({std::move(key), signature.value()});
    } else {
      in.at("signature").mistake(signature.error().message);
    }
  }
  return out;
}

Arguments logLevel(ObjectReader& in) {
  LogArguments out;
  in.choice<std::string>(
      "level", out.level,
      {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}},
      Need::kRequired);
  return out;
}

Arguments count(ObjectReader& in) {
  CountArguments out;
  in.name("channel", out.channel, Need::kRequired);
  in.text("when", out.when, Need::kRequired, kMaxCondition);
  return out;
}

Arguments effective(ObjectReader& in) {
  EffectiveArguments out;
  in.integer("keys", out.order.keys, 1, 1'000'000'000, Need::kRequired);
  in.integer("sequence", out.order.sequence, 1, kMost, Need::kRequired);
  in.integer("at", out.at, 1, kMost, Need::kRequired);
  return out;
}

const std::set<Role> kAnybody{Role::kCreator,     Role::kAdvertiser,  Role::kAdOperations,
                              Role::kAnalyst,     Role::kBroadcaster, Role::kAdmin,
                              Role::kCoordinator, Role::kConditioner, Role::kNode};
constexpr bool kGrant = true, kNoGrant = false;

// A line with the reader of its arguments; the readers lie in the same order.
const std::array<CommandRule, 11> kRules{{
    {"status", kAnybody, kNoGrant},
    {"drain", {Role::kAdmin}, kGrant},
    {"undrain", {Role::kAdmin}, kGrant},
    {"channel.restart", {Role::kAdmin}, kGrant},
    {"break.start", {Role::kBroadcaster}, kNoGrant},
    {"break.stop", {Role::kBroadcaster}, kNoGrant},
    {"feed.clean", {Role::kBroadcaster}, kNoGrant},
    {"hold", {Role::kCreator, Role::kAdvertiser, Role::kAdOperations, Role::kBroadcaster, Role::kAdmin}, kNoGrant},
    {"log.level", {Role::kAdmin, Role::kBroadcaster}, kNoGrant},
    {"count",
     {Role::kCreator, Role::kAdvertiser, Role::kAdOperations, Role::kAnalyst, Role::kBroadcaster, Role::kAdmin},
     kNoGrant},
    {"release.effective", {Role::kCoordinator}, kNoGrant},
}};
constexpr std::array<impl::ArgumentsReader, kRules.size()> kReaders{none,  none, none,     channel, breakStart, channel,
                                                                    clean, hold, logLevel, count,   effective};

}  // namespace

std::span<const CommandRule> commands() { return kRules; }

const CommandRule* findCommand(std::string_view name) {
  for (const auto& rule : kRules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

namespace impl {

ArgumentsReader argumentsReader(std::string_view command) {
  const CommandRule* rule = findCommand(command);
  return rule == nullptr ? nullptr : kReaders.at(static_cast<std::size_t>(rule - kRules.data()));
}

std::vector<std::string> channelsOf(const Arguments& arguments) {
  struct Visitor {
    std::vector<std::string> operator()(const ChannelArguments& a) const { return {a.channel}; }
    std::vector<std::string> operator()(const BreakArguments& a) const { return {a.channel}; }
    std::vector<std::string> operator()(const CleanArguments& a) const { return {a.channel}; }
    std::vector<std::string> operator()(const CountArguments& a) const { return {a.channel}; }
    std::vector<std::string> operator()(const HoldArguments& a) const { return a.header.channels; }
    std::vector<std::string> operator()(const NoArguments&) const { return {}; }
    std::vector<std::string> operator()(const LogArguments&) const { return {}; }
    std::vector<std::string> operator()(const EffectiveArguments&) const { return {}; }
  };
  return std::visit(Visitor{}, arguments);
}

}  // namespace impl

}  // namespace dvpe::protocol
