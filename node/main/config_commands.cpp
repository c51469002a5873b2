// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include <boost/json.hpp>
#include <charconv>
#include <system_error>

#include "node/main/command.h"
#include "node/main/config_table.h"

namespace dvpe::node {

namespace fs = std::filesystem;

int failed(Console& console, const base::Error& error) {
  complain(console, error.message);
  return exitCode(error.code);
}

void complain(Console& console, std::string_view message) {
  console.err << (console.colour ? "dvpe-node: \033[31merror:\033[0m " : "dvpe-node: error: ") << message << "\n";
}

base::Result<std::int64_t> numberOf(const Arguments& arguments, std::string_view option, std::int64_t fallback) {
  const std::string text = arguments.value(option);
  if (text.empty()) return fallback;
  std::int64_t n = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc{} || after != end || n < 0)
    return base::fail(base::ErrorCode::kInvalidInput, std::string(option) + " is a whole number");
  return n;
}

base::Result<std::int64_t> numberFrom(std::string_view text, std::string_view expected) {
  std::int64_t n = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc{} || after != end || n < 1)
    return base::fail(base::ErrorCode::kInvalidInput, std::string(expected));
  return n;
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) out.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

fs::path configFile(const Arguments& arguments, const Console& console) {
  if (arguments.values.count("--config") != 0) return arguments.value("--config");
  if (const auto named = console.environment("DVPE_CONFIG"); named && !named->empty()) return *named;
  const fs::path usual = "/etc/dvpe/dvpe.toml";
  std::error_code error;
  return fs::exists(usual, error) ? usual : fs::path();
}

bool loadForCommand(const Arguments& arguments, Console& console, CheckFiles files, LoadedConfig& loaded) {
  loaded = loadConfig(configFile(arguments, console), console.environment);
  auto mistakes = loaded.mistakes;
  if (mistakes.empty() && files == CheckFiles::kYes) mistakes = checkFiles(loaded);
  for (const ConfigMistake& m : mistakes) complain(console, describe(m));
  return mistakes.empty();
}

int configCheckCommand(const Arguments& arguments, Console& console) {
  const fs::path file = configFile(arguments, console);
  const auto mistakes = checkConfig(file, console.environment);
  if (arguments.flag("--json")) {
    boost::json::array list;
    for (const ConfigMistake& m : mistakes) {
      list.push_back(
          {{"source", m.source}, {"line", m.line}, {"column", m.column}, {"key", m.key}, {"message", m.message}});
    }
    console.out << boost::json::object{{"ok", mistakes.empty()}, {"file", file.string()}, {"mistakes", std::move(list)}}
                << "\n";
  } else {
    for (const ConfigMistake& m : mistakes) complain(console, describe(m));
    if (mistakes.empty() && !console.quiet) {
      console.err << (file.empty() ? "the defaults and the environment are" : file.string() + " is") << " in order\n";
    } else if (!mistakes.empty() && !console.quiet) {
      console.err << mistakes.size() << (mistakes.size() == 1 ? " mistake\n" : " mistakes\n");
    }
  }
  return mistakes.empty() ? kExitOk : kExitConfig;
}

int configShowCommand(const Arguments& arguments, Console& console) {
  LoadedConfig loaded;
  if (!loadForCommand(arguments, console, CheckFiles::kNo, loaded)) return kExitConfig;
  console.out << showConfig(loaded, arguments.flag("--json") ? ShowFormat::kJson : ShowFormat::kToml,
                            arguments.flag("--origin") ? ShowOrigin::kYes : ShowOrigin::kNo);
  return kExitOk;
}

int configExampleCommand(const Arguments&, Console& console) {
  console.out << exampleConfig();
  return kExitOk;
}

int runCommand(const Arguments& arguments, Console& console) {
  LoadedConfig loaded;
  if (!loadForCommand(arguments, console, CheckFiles::kNo, loaded)) return kExitConfig;
  if (const std::string role = arguments.value("--role"); !role.empty()) {
    if (role != "all" && role != "coordinator" && role != "condition") {
      complain(console, "--role is all, coordinator or condition");
      return kExitUsage;
    }
    loaded.config.node.role = role;
  }
  const auto mistakes = checkFiles(loaded);  // which files are needed depends on the role
  for (const ConfigMistake& m : mistakes) complain(console, describe(m));
  if (!mistakes.empty()) return kExitConfig;
  if (!console.run) {
    complain(console, "this program was built without the node");
    return kExitNotImplemented;
  }
  return console.run(loaded.config, configFile(arguments, console));
}

int replayCommand(const Arguments& arguments, Console& console) {
  if (!console.replay) {
    complain(console, "this program was built without the node");
    return kExitNotImplemented;
  }
  ReplayRequest request;
  request.recording = arguments.rest.front();
  request.channel = arguments.value("--channel");
  if (const std::string text = arguments.value("--from"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.from);
    if (error != std::errc() || end != text.data() + text.size() || !(request.from >= 0 && request.from <= 1e9)) {
      complain(console, "--from: expected seconds, such as 20 or 12.5");
      return kExitUsage;
    }
  }
  LoadedConfig loaded;
  if (!loadForCommand(arguments, console, CheckFiles::kYes, loaded)) return kExitConfig;
  return console.replay(loaded.config, request, console.out, console.err);
}

int versionCommand(const Arguments& arguments, Console& console) {
  if (arguments.flag("--json")) {
    console.out << R"({"name":"dvpe-node","version":")" DVPE_VERSION "\"}\n";
  } else {
    console.out << "dvpe-node " DVPE_VERSION "\n";
  }
  return kExitOk;
}

int conditionCommand(const Arguments& arguments, Console& console) {
  if (!console.condition) {
    complain(console, "this program was built without conditioning");
    return kExitNotImplemented;
  }
  ConditionRequest request;
  request.slate = arguments.flag("--slate");
  request.id = arguments.value("--id");
  if (request.slate != arguments.rest.empty() || (arguments.rest.size() > 1 && !request.id.empty())) {
    complain(console, "expected files, or --slate; and --id with one file only");
    return kExitUsage;
  }
  for (const std::string& file : arguments.rest) request.files.emplace_back(file);
  request.profile = arguments.value("--profile");
  request.documents = arguments.value("--documents");
  request.out = arguments.value("--out");
  request.json = arguments.flag("--json");
  request.progress = request.json && arguments.flag("--progress");
  request.quiet = console.quiet;
  return console.condition(request, console.out, console.err);
}

}  // namespace dvpe::node
