// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/config_table.h"

#include <algorithm>
#include <cstdio>

#include "shared/base/overload.h"

namespace dvpe::node {

namespace {

namespace fs = std::filesystem;

// Breaks text into comment lines of at most 110 characters.
void comment(std::string& out, std::string_view text) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (column == 0 || column + 1 + word.size() > 110) {
      out += column == 0 ? "# " : "\n# ";
      column = 2;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

bool unset(const ConfigKey& key) {
  Config defaults;
  const auto* path = std::get_if<fs::path& (*)(Config&)>(&key.target);
  return path != nullptr && (*path)(defaults).empty();
}

}  // namespace

std::string ConfigKey::path() const { return std::string(section) + "." + std::string(name); }

bool ConfigKey::live() const {
  constexpr std::array<std::string_view, 5> kLive{"log.level", "platforms.audience", "secrets.stream_keys_file",
                                                  "secrets.operator_key_file", "secrets.platform_keys_file"};
  return std::find(kLive.begin(), kLive.end(), path()) != kLive.end();
}

ConfigChanges changes(const Config& inForce, const Config& fresh) {
  ConfigChanges out;
  for (const ConfigKey& key : configKeys()) {
    if (tomlValue(key, inForce) != tomlValue(key, fresh)) (key.live() ? out.live : out.restart).push_back(key.path());
  }
  return out;
}

Config reloaded(const Config& inForce, const Config& fresh) {
  Config out = inForce;
  Config from = fresh;
  for (const ConfigKey& key : configKeys()) {
    if (key.live()) std::visit([&](auto at) { at(out) = at(from); }, key.target);
  }
  return out;
}

std::string ConfigKey::environment() const {
  if (secret()) return {};
  std::string out = "DVPE_" + std::string(section) + "_" + std::string(name);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string ConfigKey::expected() const {
  const std::string range = " from " + std::to_string(min) + " to " + std::to_string(max);
  switch (kind) {
    case KeyKind::kText:
      return "text of at most " + std::to_string(max) + " characters";
    case KeyKind::kName:
      return "1 to 64 letters, digits, '_', '-' or '.'";
    case KeyKind::kAddress:
      return "an IP address";
    case KeyKind::kInteger:
      return "a whole number" + range;
    case KeyKind::kFlag:
      return "true or false";
    case KeyKind::kFile:
      return "the path of a file";
    case KeyKind::kFolder:
      return "the path of a folder";
    case KeyKind::kSecretFile:
      return "the path of a file of mode 0600";
    case KeyKind::kBudget:
      return "\"auto\", or a whole number" + range;
    case KeyKind::kPeers:
      return "a list of { name = \"NAME\", url = \"https://HOST[:PORT]\" } (in a variable NAME=URL,NAME=URL)";
    case KeyKind::kChoice:
      break;
  }
  std::string out = "one of";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    out += (i == 0 ? " \"" : ", \"") + std::string(choices[i]) + "\"";
  }
  return out;
}

std::string tomlText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04X", static_cast<unsigned>(byte));
      out += code.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

namespace {

std::string tomlList(const std::vector<personalize::Peer>& peers) {
  std::string out;
  for (const personalize::Peer& peer : peers) {
    out += (out.empty() ? "" : ", ") + ("{ name = " + tomlText(peer.name)) + ", url = " + tomlText(peer.url) + " }";
  }
  return "[" + out + "]";
}

}  // namespace

std::string tomlValue(const ConfigKey& key, const Config& config) {
  Config copy = config;  // targets hand out references; the table is small and this is start-up
  return std::visit(base::Overload{[&](std::string& (*at)(Config&)) { return tomlText(at(copy)); },
                                   [&](fs::path& (*at)(Config&)) { return tomlText(at(copy).string()); },
                                   [&](std::int64_t& (*at)(Config&)) {
                                     const bool isAuto =
                                         key.kind == KeyKind::kBudget && at(copy) == Config::kAutoBudget;
                                     return isAuto ? std::string("\"auto\"") : std::to_string(at(copy));
                                   },
                                   [&](bool& (*at)(Config&)) { return std::string(at(copy) ? "true" : "false"); },
                                   [&](std::vector<personalize::Peer>& (*at)(Config&)) { return tomlList(at(copy)); }},
                    key.target);
}

std::string exampleConfig() {
  std::string out =
      "# SPDX-License-Identifier: GPL-3.0-or-later\n"
      "# SPDX-FileCopyrightText: The DVPE authors\n"
      "#\n"
      "# The configuration of a DVPE node. Every key stands here with its default; those that have none are commented "
      "out.\n"
      "# Check it with: dvpe-node config check --config FILE\n"
      "# See what is in force, and from where: dvpe-node config show --origin --config FILE\n"
      "# Relative paths are relative to the folder of this file. An environment variable, where one is named, "
      "overrides\n"
      "# the file.\n";
  const Config defaults;
  for (const ConfigSection& section : configSections()) {
    out += "\n";
    comment(out, section.purpose);
    out += "[" + std::string(section.name) + "]\n";
    for (const ConfigKey& key : configKeys()) {
      if (key.section != section.name) continue;
      out += "\n";
      comment(out, key.purpose);
      comment(out, "Expected: " + key.expected() + "." + (key.live() ? " SIGHUP applies it." : "") +
                       (key.secret() ? "" : " Environment: " + key.environment()));
      if (unset(key)) {
        out += "# " + std::string(key.name) + " = " + tomlText(key.example) + "\n";
      } else {
        out += std::string(key.name) + " = " + tomlValue(key, defaults) + "\n";
      }
    }
  }
  return out;
}

std::string configReference() {
  std::string out =
      "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n"
      "<!-- SPDX-FileCopyrightText: The DVPE authors -->\n"
      "<!-- Made from node/main/config_keys.cpp; a unit test compares. DVPE_REGENERATE=1 unit_node_main writes it "
      "anew. -->\n"
      "# Configuration\n\n"
      "One TOML file, given with `--config`, in `DVPE_CONFIG`, or found at `/etc/dvpe/dvpe.toml`. "
      "[installer/dvpe.toml](../../installer/dvpe.toml) is that file with every key at its default. "
      "An environment variable overrides the file; secrets have none. Relative paths are relative to the file's "
      "folder, "
      "in variables to the working directory. Unknown keys are mistakes.\n\n"
      "`dvpe-node config check` names every mistake with line and column (exit code 6); `dvpe-node config show "
      "--origin` "
      "prints what is in force and where it comes from. SIGHUP makes a running node read the file again and apply the "
      "keys that say so; it names the others that have changed, which take a restart. With a mistake in the file, all "
      "stays as it was.\n";
  const Config defaults;
  for (const ConfigSection& section : configSections()) {
    out += "\n## `[" + std::string(section.name) + "]`\n\n" + std::string(section.purpose) + "\n\n";
    out += "| key | default | expected | environment | purpose |\n|---|---|---|---|---|\n";
    for (const ConfigKey& key : configKeys()) {
      if (key.section != section.name) continue;
      out += "| `" + std::string(key.name) + "` | " + (unset(key) ? "unset" : "`" + tomlValue(key, defaults) + "`") +
             " | " + key.expected() + " | " + (key.secret() ? "-" : "`" + key.environment() + "`") + " | " +
             std::string(key.purpose) + (key.live() ? " SIGHUP applies it." : "") + " |\n";
    }
  }
  return out;
}

}  // namespace dvpe::node
