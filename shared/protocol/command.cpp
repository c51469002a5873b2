// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/protocol/command.h"

#include <boost/json/serialize.hpp>

#include "shared/model/reader.h"
#include "shared/protocol/impl/arguments.h"
#include "shared/protocol/impl/text.h"

namespace dvpe::protocol {

using model::Need;
using model::ObjectReader;
using model::Place;

namespace json = boost::json;

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;
constexpr std::int64_t kLastTime = 253'402'300'799;  // the end of the year 9999

// RFC 9562, section 4, in lower case as PostgreSQL writes it.
bool isUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !impl::isHex(text.substr(i, 1), 1)) return false;
  }
  return true;
}

void read(ObjectReader& in, ParsedCommand& out) {
  Command& c = out.command;
  std::string kind;
  if (in.text("kind", kind, Need::kRequired, 32) && kind != "command") in.at("kind").mistake("expected \"command\"");
  if (in.text("id", c.id, Need::kRequired, 32) && !impl::isHex(c.id, 32)) {
    in.at("id").mistake("expected 32 lower-case hexadecimal digits");
  }
  in.name("node", c.node, Need::kOptional);
  in.integer("sequence", c.sequence, 1, kMost, Need::kRequired);
  in.integer("expires", c.expires, 1, kLastTime, Need::kRequired);
  if (in.text("grant", c.grant, Need::kOptional, 36) && !isUuid(c.grant)) {
    in.at("grant").mistake("expected a uuid in lower case");
  }
  const bool named = in.text("name", c.name, Need::kRequired, 64);
  if (!in.text("arguments", c.arguments, Need::kRequired, kMaxCommandBytes)) return;
  const auto parsed = model::parseJson(c.arguments, kMaxCommandBytes);
  if (!parsed) return in.at("arguments").mistake(parsed.error().message);
  if (!named) return;
  const auto reader = impl::argumentsReader(c.name);
  if (reader == nullptr) return in.at("name").mistake("there is no command \"" + c.name + "\"");
  Place place = in.at("arguments");
  place.value = &parsed.value();
  ObjectReader arguments(place);
  if (!arguments.isObject()) return;
  out.arguments = reader(arguments);
  arguments.finish();
}

}  // namespace

base::Result<ParsedCommand> parseCommand(std::string_view text) {
  return model::readObject<ParsedCommand>(text, kMaxCommandBytes, "command", read);
}

std::string toJson(const Command& command) {
  json::object out{{"kind", "command"},
                   {"id", command.id},
                   {"name", command.name},
                   {"arguments", command.arguments},
                   {"sequence", command.sequence},
                   {"expires", command.expires}};
  if (!command.node.empty()) out["node"] = command.node;
  if (!command.grant.empty()) out["grant"] = command.grant;
  return json::serialize(out);
}

base::Result<release::Signed> signCommand(const Command& command, const release::PrivateKey& key) {
  release::Signed out{toJson(command), {}};
  DVPE_CHECK(parseCommand(out.bytes));
  addSignature(out, release::Domain::kCommand, key);
  return out;
}

std::string change(std::initializer_list<std::string_view> parts) {
  base::Bytes all;
  for (const auto part : parts) {
    for (int shift = 24; shift >= 0; shift -= 8) all.push_back(static_cast<std::uint8_t>(part.size() >> shift));
    all.insert(all.end(), part.begin(), part.end());
  }
  return base::sha256(all);
}

std::string changeOf(const Command& command) {
  return change({"node.command", command.name, command.node, command.arguments});
}

}  // namespace dvpe::protocol
