// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The keys of the configuration, declared once. Reading, checking, showing, installer/dvpe.toml and
// docs/reference/configuration.md all come from here (a unit test compares the two files).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node/main/config.h"

namespace dvpe::node {

// What a value may be.
enum class KeyKind { kText, kName, kAddress, kChoice, kInteger, kFlag, kFile, kFolder, kSecretFile, kBudget, kPeers };

// One key: what it is called, where its value goes, what it may be and what it is for.
struct ConfigKey {
  using Target =
      std::variant<std::string& (*)(Config&), std::filesystem::path& (*)(Config&), std::int64_t& (*)(Config&),
                   bool& (*)(Config&), std::vector<personalize::Peer>& (*)(Config&)>;
  std::string_view section, name;
  KeyKind kind;
  Target target;
  std::string_view purpose;  // a sentence or two
  std::int64_t min = 0, max = 0;
  std::vector<std::string_view> choices{};
  std::string_view example{};  // shown, commented out, where the default is empty

  bool secret() const { return kind == KeyKind::kSecretFile; }
  bool live() const;                // SIGHUP applies it to a running node; the others take a restart
  std::string path() const;         // "http.port"
  std::string environment() const;  // "DVPE_HTTP_PORT"; empty for secrets
  std::string expected() const;     // "a whole number from 0 to 65535"
};

// Sections with what they are for, and all keys in the order of their sections.
struct ConfigSection {
  std::string_view name, purpose;
};
std::span<const ConfigSection> configSections();
const std::vector<ConfigKey>& configKeys();

// The keys in which two configurations differ, by their paths.
struct ConfigChanges {
  std::vector<std::string> live, restart;
};
ConfigChanges changes(const Config& inForce, const Config& fresh);
// What is in force after a reload: the live keys of fresh, the others as they were.
Config reloaded(const Config& inForce, const Config& fresh);

// A key's value as TOML writes it.
std::string tomlValue(const ConfigKey& key, const Config& config);
// A basic string of TOML 1.0, escaped.
std::string tomlText(std::string_view text);

// installer/dvpe.toml: every key with its default, its purpose and its environment variable.
std::string exampleConfig();
// docs/reference/configuration.md.
std::string configReference();

}  // namespace dvpe::node
