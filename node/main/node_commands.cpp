// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node node: orders to a running node, and questions. Signed here, carried by ZeroMQ (docs/reference/control.md).
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>

#include "node/main/secrets.h"
#include "node/main/sign_in.h"
#include "node/main/signed_files.h"
#include "shared/protocol/messages.h"
#include "shared/protocol/sockets.h"

namespace dvpe::node {

namespace json = boost::json;
using base::ErrorCode;
using base::fail;
using base::Result;
using std::chrono::steady_clock;

namespace {

constexpr std::int64_t kPatience = 5;             // seconds
constexpr release::Time kLife = 60;               // of a command: clocks may differ by as much
constexpr auto kQuiet = std::chrono::seconds(3);  // without telemetry, after which it is asked for again
constexpr auto kLook = std::chrono::milliseconds(200);

// A connection to one node.
struct Line {
  std::unique_ptr<protocol::Context> context;
  std::unique_ptr<protocol::Client> client;  // goes first
  std::chrono::milliseconds patience;
};

// The CURVE key of the node: given, or looked up in signed keys.
Result<std::string> nodeKey(const Arguments& arguments, const base::Clock& clock) {
  if (const std::string given = arguments.value("--server-key"); !given.empty()) return given;
  const auto files = words(arguments.value("--keys"));
  if (files.empty() || arguments.value("--root").empty())
    return fail(ErrorCode::kInvalidInput, "whose node is it? Use --server-key, or --keys with --root");
  DVPE_TRY(const auto ring, readRing(arguments.value("--root"), files, clock.wallSeconds()));
  const std::string node = arguments.value("--node");
  if (auto key = ring.curveOf(node, release::Role::kNode, clock.wallSeconds()); !key.empty()) return key;
  return fail(ErrorCode::kNotFound, "the keys know no node \"" + node + "\" with a CURVE key");
}

Result<Line> connect(const Arguments& arguments) {
  const base::SystemClock clock;
  std::string endpoint = arguments.value("--endpoint");
  if (!endpoint.starts_with("tcp://")) endpoint.insert(0, "tcp://");
  DVPE_TRY(const std::int64_t seconds, numberOf(arguments, "--timeout", kPatience));
  DVPE_TRY(const std::string server, nodeKey(arguments, clock));
  DVPE_TRY(const auto own, readCurveKeys(arguments.value("--curve-key")));
  Line line{nullptr, nullptr, std::chrono::seconds(std::clamp<std::int64_t>(seconds, 1, 3600))};
  DVPE_TRY(line.context, protocol::Context::create());
  DVPE_TRY(line.client, protocol::Client::connect(*line.context, endpoint, server, own));
  DVPE_CHECK(line.client->ready(line.patience));
  return line;
}

// What went wrong with the line: nobody there has an exit code of its own.
int unreachable(Console& console, const base::Error& error) {
  const int code = failed(console, error);
  return error.code == ErrorCode::kUnavailable ? kExitNotRunning : code;
}

Result<protocol::Command> makeCommand(const Arguments& arguments, std::string name, const json::object& args) {
  base::Bytes id(16);
  base::SystemRandom().fill(id);
  protocol::Command out;
  out.id = base::hex(id);
  out.node = arguments.value("--node");
  out.name = std::move(name);
  out.arguments = json::serialize(args);
  out.sequence = base::SystemClock().wall().time_since_epoch().count();
  out.expires = base::SystemClock().wallSeconds() + kLife;
  DVPE_CHECK(protocol::parseCommand(toJson(out)));  // before anybody is asked for anything
  return out;
}

// Signed, with the grant that it needs: asked for when everything else is fixed.
Result<release::Signed> sealed(const Arguments& arguments, Console& console, protocol::Command command) {
  DVPE_TRY(const auto key, openKey(arguments));
  if (protocol::findCommand(command.name)->grant) {
    command.grant = arguments.value("--grant");
    if (command.grant.empty() && arguments.value("--user").empty())
      return fail(ErrorCode::kInvalidInput, "this takes a grant: sign in with --user, or give one with --grant");
    if (command.grant.empty()) {
      DVPE_TRY(command.grant, SignIn::grantFor(arguments, console, {changeOf(command)}));
    }
    command.expires = base::SystemClock().wallSeconds() + kLife;  // somebody may have typed slowly
  }
  return signCommand(command, key);
}

// Sends it and waits for its answer.
Result<protocol::Answer> ask(Line& line, const std::string& id, release::Signed command) {
  DVPE_CHECK(line.client->send(protocol::encode(protocol::CommandMessage{std::move(command)})));
  const auto end = steady_clock::now() + line.patience;
  while (steady_clock::now() < end) {
    const auto frames = line.client->receive(std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()));
    if (!frames) continue;
    auto message = protocol::decode(*frames);
    if (!message) continue;
    if (auto* answer = std::get_if<protocol::Answer>(&message.value()); answer != nullptr && answer->id == id)
      return std::move(*answer);
  }
  return fail(ErrorCode::kUnavailable, "the node does not answer; whether it has obeyed is not known");
}

std::string textOf(const json::value& value) {
  return printable(value.is_string() ? std::string(value.get_string()) : json::serialize(value));
}

std::string lineOf(const json::value& value) {
  if (!value.is_object()) return textOf(value);
  std::string out;
  for (const auto& [key, member] : value.get_object())
    out += (out.empty() ? "" : " ") + printable(key) + "=" + textOf(member);
  return out;
}

// "key<TAB>value"; of a list, each of its members on a line.
void print(const json::object& data, Console& console) {
  for (const auto& [key, value] : data) {
    if (value.is_array()) {
      for (const auto& one : value.get_array()) console.out << printable(key) << "\t" << lineOf(one) << "\n";
    } else {
      console.out << printable(key) << "\t" << lineOf(value) << "\n";
    }
  }
}

int order(const Arguments& arguments, Console& console, std::string name, const json::object& args,
          std::string_view done) {
  auto command = makeCommand(arguments, std::move(name), args);
  if (!command) return failed(console, command.error());
  auto line = connect(arguments);
  if (!line) return unreachable(console, line.error());
  const std::string id = command.value().id;
  auto signedOne = sealed(arguments, console, std::move(command).value());
  if (!signedOne) return failed(console, signedOne.error());
  const auto answer = ask(line.value(), id, std::move(signedOne).value());
  if (!answer) return unreachable(console, answer.error());
  const std::string node = arguments.value("--node");
  if (!answer.value().ok) {
    complain(console, node + ": " + printable(answer.value().error));
    return kExitNotPermitted;
  }
  json::error_code error;
  const auto data = json::parse(answer.value().data, error);
  const json::object out = !error && data.is_object() ? data.get_object() : json::object{};
  if (arguments.flag("--json")) {
    console.out << out << "\n";
  } else {
    print(out, console);
  }
  if (!console.quiet && !done.empty()) console.err << node << " " << done << "\n";
  return kExitOk;
}

// SIGINT and SIGTERM as something that is looked at. While it lives, they end nothing; threads made now inherit that.
class Interrupts {
 public:
  Interrupts() {
    ::sigemptyset(&both_);
    ::sigaddset(&both_, SIGINT);
    ::sigaddset(&both_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &both_, &before_);
  }
  ~Interrupts() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  bool came() const {
    const timespec now{};
    return ::sigtimedwait(&both_, nullptr, &now) > 0;
  }

 private:
  sigset_t both_{}, before_{};
};

// The next word from the node; nothing: none came in a short while.
std::optional<json::object> heard(protocol::Client& client) {
  const auto frames = client.receive(kLook);
  if (!frames) return std::nullopt;
  const auto message = protocol::decode(*frames);
  const auto* told = message ? std::get_if<protocol::Telemetry>(&message.value()) : nullptr;
  json::error_code error;
  auto data = told != nullptr ? json::parse(told->json, error) : json::value();
  return !error && data.is_object() ? std::optional(std::move(data.get_object())) : std::nullopt;
}

// Prints what it hears until it has heard enough, or is interrupted.
int listen(Line& line, std::int64_t count, bool asJson, const Interrupts& interrupts, Console& console) {
  auto last = steady_clock::now(), asked = last - kQuiet;
  std::int64_t seen = 0;
  while (count == 0 || seen < count) {
    if (interrupts.came()) return kExitInterrupted;
    if (steady_clock::now() - std::max(last, asked) >= kQuiet || seen == 0) {
      if (steady_clock::now() - asked >= std::chrono::seconds(1)) {
        asked = steady_clock::now();  // also after a new connection, of which the node knows nothing
        (void)line.client->send(protocol::encode(protocol::Subscribe{true}));
      }
    }
    if (line.client->state() == protocol::Client::State::kRefused)
      return failed(console, {ErrorCode::kRefused, "the node does not let our key in any more"});
    if (const auto data = heard(*line.client)) {
      last = steady_clock::now();
      ++seen;
      console.out << (asJson ? json::serialize(*data) : lineOf(*data)) << std::endl;
      if (!console.out) return kExitFailed;
    } else if (steady_clock::now() - last >= line.patience) {
      return unreachable(console, {ErrorCode::kUnavailable, "the node has fallen silent"});
    }
  }
  return kExitOk;
}

}  // namespace

int nodeStatusCommand(const Arguments& arguments, Console& console) {
  return order(arguments, console, "status", {}, "");
}
int nodeDrainCommand(const Arguments& arguments, Console& console) {
  return order(arguments, console, "drain", {}, "takes no more viewers: /readyz says no.");
}
int nodeUndrainCommand(const Arguments& arguments, Console& console) {
  return order(arguments, console, "undrain", {}, "takes viewers again.");
}
int nodeRestartChannelCommand(const Arguments& arguments, Console& console) {
  return order(arguments, console, "channel.restart", {{"channel", arguments.value("--channel")}},
               "restarts the channel.");
}

int nodeBreakCommand(const Arguments& arguments, Console& console) {
  json::object args{{"channel", arguments.value("--channel")}};
  if (arguments.rest.at(0) == "stop") return order(arguments, console, "break.stop", args, "ends the break.");
  if (arguments.rest.at(0) != "start") {
    complain(console, "a break can start or stop");
    return kExitUsage;
  }
  const auto units = numberOf(arguments, "--units", 0);
  if (!units) return failed(console, units.error());
  if (units.value() == 0) {
    complain(console, "how long is the break? Use --units");
    return kExitUsage;
  }
  args["units"] = units.value();
  if (const std::string id = arguments.value("--id"); !id.empty()) args["id"] = id;
  return order(arguments, console, "break.start", args, "goes into a break.");
}

int nodeCleanCommand(const Arguments& arguments, Console& console) {
  const std::string& what = arguments.rest.at(0);
  if (what != "on" && what != "off") {
    complain(console, "the clean feed is on or off");
    return kExitUsage;
  }
  return order(arguments, console, "feed.clean", {{"channel", arguments.value("--channel")}, {"on", what == "on"}},
               what == "on" ? "shows everybody the programme as it comes." : "personalises again.");
}

int nodeLogCommand(const Arguments& arguments, Console& console) {
  return order(arguments, console, "log.level", {{"level", arguments.rest.at(0)}}, "logs at that level.");
}

// One command, signed once and meant for every node, over a line to each. Each tells of its own viewers alone, and
// nothing of fewer than 20: so a sum leaves out those who do.
int audienceCountCommand(const Arguments& arguments, Console& console) {
  const auto nodes = words(arguments.value("--node")), endpoints = words(arguments.value("--endpoint"));
  if (nodes.empty() || nodes.size() != endpoints.size() || nodes.size() > 64) {
    complain(console, "--node and --endpoint are lists of one length, at most 64");
    return kExitUsage;
  }
  Arguments each = arguments;
  each.values["--node"] = "";
  auto command =
      makeCommand(each, "count", {{"channel", arguments.value("--channel")}, {"when", arguments.value("--when")}});
  if (!command) return failed(console, command.error());
  const std::string id = command.value().id;
  const auto order = sealed(each, console, std::move(command).value());
  if (!order) return failed(console, order.error());
  std::int64_t viewers = 0;
  json::array few;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    each.values["--node"] = nodes[i];
    each.values["--endpoint"] = endpoints[i];
    auto line = connect(each);
    if (!line) return unreachable(console, line.error());
    const auto answer = ask(line.value(), id, order.value());
    if (!answer) return unreachable(console, answer.error());
    if (!answer.value().ok) {
      complain(console, nodes[i] + ": " + printable(answer.value().error));
      return kExitNotPermitted;
    }
    json::error_code error;
    const auto data = json::parse(answer.value().data, error);
    const auto* told = !error && data.is_object() ? data.get_object().if_contains("viewers") : nullptr;
    if (told != nullptr && told->is_int64()) {
      viewers += told->get_int64();
    } else {
      few.emplace_back(nodes[i]);
    }
  }
  const json::object out{{"viewers", viewers}, {"nodes", nodes.size()}, {"few", few}};
  if (arguments.flag("--json")) {
    console.out << out << "\n";
  } else {
    print(out, console);
  }
  if (!console.quiet && !few.empty())
    console.err << "Of nodes with fewer than 20 such viewers nothing is told; they are not in the sum.\n";
  return kExitOk;
}

int nodeWatchCommand(const Arguments& arguments, Console& console) {
  const auto count = numberOf(arguments, "--count", 0);
  if (!count) return failed(console, count.error());
  const Interrupts interrupts;
  auto line = connect(arguments);
  if (!line) return unreachable(console, line.error());
  return listen(line.value(), count.value(), arguments.flag("--json"), interrupts, console);
}

}  // namespace dvpe::node
